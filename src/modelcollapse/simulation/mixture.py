"""What do linear models and random projections make of a mixture? Exact draws of the Gram matrices, nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.simulation.backend import Backend, Matrix, Randomness
from modelcollapse.simulation.design import Design
from modelcollapse.simulation.fits import Fit, Way
from modelcollapse.simulation.looks import Look, largest, look_at, moments_of
from modelcollapse.simulation.moments import Moments, stack
from modelcollapse.simulation.resolvent import respond
from modelcollapse.simulation.ridges import ENOUGH, look_at_ridges
from modelcollapse.simulation.wishart import bartlett_factor

WELL_CONDITIONED = 1e-4
"""Smallest over largest eigenvalue, ridge included, from which on eigenvectors give a fit to all digits that matter."""


def draw_unit(backend: Backend, randomness: Randomness, design: Design, fits: Sequence[Fit]) -> Moments:
    """Return the moments of each fit on a few sets of inputs, the fewest that give every part without bias.

    Linear models: two independent sets. Random projections: two draws of the features with two sets each. Most numbers
    are averages over the sets; squares of means come from products between them.

    Parameters
    ----------
    backend : Backend
    randomness : Randomness
    design : Design
    fits : sequence of Fit
        All of the same width: they share inputs and features.

    Returns
    -------
    Moments
        Leading axes: the backend's batch, then fits.
    """
    families = _families(design, fits)
    drawn: Iterable[InputSet] = _draw_sets(backend, randomness, design, fits[0].width)
    if len(families) > 1:
        drawn = list(drawn)
    moments: dict[int, Moments] = {}
    for family in families:
        looks: list[list[list[Look]]] = [[[], []] for _ in family]
        for inputs in drawn:
            for found, seen in zip(looks, _look(backend, design, [fits[f] for f in family], inputs), strict=True):
                found[inputs.group].append(seen)
            del inputs  # before the next are drawn
        moments |= {f: moments_of(backend, design, fits[f], found) for f, found in zip(family, looks, strict=True)}
    return stack([moments[f] for f in range(len(fits))], axis=len(backend.batch))


@dataclass(frozen=True, kw_only=True)
class InputSet:
    """One set of inputs, as far as fits can see them.

    Attributes
    ----------
    group : int
        Sets of one group share their random features and nothing else.
    features : array of shape (..., d, f) or None
    factors : list of K arrays of shape (..., d, r_k)
        Z_k with Z_k Z_kᵀ = X_kᵀ X_k / N.
    """

    group: int
    features: Matrix | None
    factors: list[Matrix]


def _draw_sets(backend: Backend, randomness: Randomness, design: Design, width: int | None) -> Iterator[InputSet]:
    """Draw the sets of a unit, one at a time."""
    for group in range(2):
        features = None if width is None else draw_features(backend, randomness, width, design.n_features)
        for _ in range(n_replicates(width) // 2):
            yield InputSet(
                group=group,
                features=features,
                factors=[
                    draw_factor(backend, randomness, root, n_samples=n, n_total=design.n_total)
                    for root, n in zip(design.roots, design.n_samples, strict=True)
                ],
            )


def _families(design: Design, fits: Sequence[Fit]) -> list[list[int]]:
    """Return the fits that share a decomposition: well-conditioned linear ones of the same weights."""
    families: dict[object, list[int]] = {}
    for f, fit in enumerate(fits):
        shares = design.symmetric and fit.width is None and _conditioning(design, fit) >= WELL_CONDITIONED
        families.setdefault(fit.weight if shares else f, []).append(f)
    return [
        part for family in families.values() for part in ([family] if len(family) >= ENOUGH else [[f] for f in family])
    ]


def _conditioning(design: Design, fit: Fit) -> float:
    """Return about how small the smallest eigenvalue of a linear fit's Gram matrix plus ridge is, over the largest."""
    d, counts = design.n_features, np.array(design.n_samples, dtype=np.float64)
    shares = np.array(fit.weight) * counts / design.n_total
    variances = np.array(design.covariances)
    spare = max(0.0, 1 - np.sqrt(d / counts[shares > 0].sum())) ** 2
    smallest = spare * float((shares @ variances).min())
    spread = (1 + np.sqrt(d / np.maximum(counts, 1))) ** 2
    largest_of_all = float((shares * spread) @ variances.max(axis=1))
    return float((smallest + fit.ridge) / (largest_of_all + fit.ridge))


def _look(backend: Backend, design: Design, fits: Sequence[Fit], inputs: InputSet) -> list[Look]:
    """Return what a set of inputs shows of the fits of a family."""
    by_samples = fits[0].way in (Way.DUAL, Way.ORTHOGONAL) and len(fits) == 1
    grams = [] if by_samples else [gram_of(backend, factor) for factor in inputs.factors]
    if len(fits) > 1:
        return look_at_ridges(backend, design, fits, grams=grams)
    response = respond(
        backend,
        fits[0],
        factors=inputs.factors,
        grams=grams,
        features=inputs.features,
        largest=largest(design, fits[0]),
    )
    return [look_at(backend, design, fits[0], factors=inputs.factors, response=response)]


def n_replicates(width: int | None) -> int:
    """Return how many sets of inputs a unit holds."""
    return 2 if width is None else 4


def draw_features(backend: Backend, randomness: Randomness, width: int, n_features: int) -> Matrix:
    """Return F with F Fᵀ = Sᵀ S in law, S (width, d) of iid N(0, 1/d): as with samples, the width costs nothing."""
    return bartlett_factor(backend, randomness, n_samples=width, n_features=n_features) / float(np.sqrt(n_features))


def draw_factor(backend: Backend, randomness: Randomness, root: Array, *, n_samples: int, n_total: int) -> Matrix:
    """Return Z (..., d, r) with Z Zᵀ = XᵀX / n_total in law, for n_samples rows of covariance root rootᵀ."""
    factor = bartlett_factor(backend, randomness, n_samples=n_samples, n_features=root.shape[-1])
    scaled = backend.asarray(root / np.sqrt(n_total))
    return scaled[:, None] * factor if root.ndim == 1 else scaled @ factor


def gram_of(backend: Backend, factor: Matrix) -> Matrix:
    """Return Z Zᵀ; a square factor is triangular."""
    return backend.gram_of_triangular(factor) if factor.shape[-2] == factor.shape[-1] else backend.gram(factor)
