"""What do linear models and random projections make of a mixture? Exact draws of the Gram matrices, nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.simulation.backend import Backend, Matrix, Randomness
from modelcollapse.simulation.design import Design
from modelcollapse.simulation.looks import Look, look_at, moments_of
from modelcollapse.simulation.moments import Moments, stack
from modelcollapse.simulation.resolvent import Fit, respond
from modelcollapse.simulation.ridges import ENOUGH, look_at_ridges
from modelcollapse.simulation.wishart import bartlett_factor


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
    width = fits[0].width
    looks: list[list[list[Look]]] = [[[], []] for _ in fits]
    for group in range(2):
        features = None if width is None else draw_features(backend, randomness, width, design.n_features)
        for _ in range(n_replicates(width) // 2):
            factors = [
                draw_factor(backend, randomness, root, n_samples=n, n_total=design.n_total)
                for root, n in zip(design.roots, design.n_samples, strict=True)
            ]
            for f, seen in enumerate(_look(backend, design, fits, factors, features)):
                looks[f][group].append(seen)
            del factors  # before the next are drawn
    each = [moments_of(backend, design, fit, seen) for fit, seen in zip(fits, looks, strict=True)]
    return stack(each, axis=len(backend.batch))


def _look(
    backend: Backend, design: Design, fits: Sequence[Fit], factors: Sequence[Matrix], features: Matrix | None
) -> list[Look]:
    """Return what a set of inputs shows of each fit; linear fits with many ridges share a decomposition."""
    grams = [_gram(backend, factor) for factor in factors]
    looks: dict[int, Look] = {}
    for weight in dict.fromkeys(fit.weight for fit in fits):
        family = [f for f, fit in enumerate(fits) if fit.weight == weight]
        if features is None and design.symmetric and len(family) >= ENOUGH:
            shared = look_at_ridges(backend, design, [fits[f] for f in family], grams=grams)
            looks.update(zip(family, shared, strict=True))
            continue
        for f in family:
            response = respond(backend, fits[f], factors=factors, grams=grams, features=features)
            looks[f] = look_at(backend, design, fits[f], factors=factors, response=response)
    return [looks[f] for f in range(len(fits))]


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


def _gram(backend: Backend, factor: Matrix) -> Matrix:
    """Return Z Zᵀ; a square factor is triangular."""
    return backend.gram_of_triangular(factor) if factor.shape[-2] == factor.shape[-1] else backend.gram(factor)
