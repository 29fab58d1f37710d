"""How is a problem fitted? By the cheapest way of those that keep all digits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.simulation.coordinates import rank_of_sum

ROUNDING = 1e-8
"""Ridges below this times the inputs' variance are near rounding in a singular matrix, which then is not formed."""

UNLIKE = 1e-6
"""Smallest weight over the largest from which on Gram matrices hold the light samples to enough digits."""


class Way(Enum):
    """How the resolvent is computed."""

    PRIMAL = auto()  # Cholesky in the space of features
    DUAL = auto()  # Cholesky in the space of (compressed) samples, when they are fewer
    ORTHOGONAL = auto()  # QR of the samples, without squares of them: where squares would be lost to rounding
    SPECTRAL = auto()  # eigenvalues, those beyond the rank left out: no ridge where neither fills its space


@dataclass(frozen=True, kw_only=True)
class Fit:
    """One way to fit the sources.

    Attributes
    ----------
    weight : tuple of K floats
    ridge : float
    relative_ridge : float
        Ridge over the largest weighted variance of the inputs: near rounding, or outweighing them.
    width : int or None
        Number of random features; None for the linear model.
    rank : int or None
        Rank that the second moment of the features almost surely has; None where only the numbers tell (networks).
    way : Way
    """

    weight: tuple[float, ...]
    ridge: float
    relative_ridge: float
    width: int | None
    rank: int | None
    way: Way


def cheapest_fit(
    *,
    weight: tuple[float, ...],
    ridge: float,
    width: int | None,
    n_samples: Sequence[int],
    roots: Sequence[Array],
    linear: bool,
) -> Fit:
    """Return how sources are fitted.

    Parameters
    ----------
    weight : tuple of K floats
        The largest is 1.
    ridge : float
    width : int or None
    n_samples : sequence of K ints
    roots : sequence of K arrays of shape (d,) or (d, q)
        Σ_k = root rootᵀ.
    linear : bool
        Whether the features are linear in the inputs.
    """
    active = [k for k, n in enumerate(n_samples) if weight[k] > 0 and n > 0]
    counts = [n_samples[k] for k in active]
    variance = max(weight[k] * _largest_variance(roots[k]) for k in active)
    relative_ridge = ridge / variance if variance > 0 else np.inf
    near_rounding = relative_ridge < ROUNDING
    rank: int | None = None
    if not linear:
        way = Way.SPECTRAL if near_rounding else Way.PRIMAL
    else:
        n_inner = len(roots[0]) if width is None else min(width, len(roots[0]))
        rank = min(n_inner, rank_of_sum([roots[k] for k in active], counts))
        if rank == sum(min(n, roots[k].shape[-1]) for n, k in zip(counts, active, strict=True)) < n_inner:
            way = Way.ORTHOGONAL if near_rounding else Way.DUAL
        elif near_rounding and rank < n_inner:
            way = Way.SPECTRAL
        elif weights_unlike(weight) or (near_rounding and width is not None and _is_steep(roots)):
            way = Way.ORTHOGONAL
        else:
            way = Way.PRIMAL
    return Fit(weight=weight, ridge=ridge, relative_ridge=relative_ridge, width=width, rank=rank, way=way)


def weights_unlike(weight: Sequence[float]) -> bool:
    """Whether light samples are near rounding in a Gram matrix beside the heavy ones, whose weight is 1."""
    return min(w for w in weight if w > 0) < UNLIKE


def _is_steep(roots: Sequence[Array]) -> bool:
    """Whether some variances are near rounding beside others."""
    scales = [root if root.ndim == 1 else np.diag(root) for root in roots]
    largest = max(float(np.abs(scale).max(initial=0.0)) for scale in scales)
    return min(float(np.abs(scale).min(initial=np.inf)) for scale in scales) ** 2 < ROUNDING * largest**2


def _largest_variance(root: Array) -> float:
    """Return the largest variance of a coordinate of inputs with covariance root rootᵀ."""
    variances = root**2 if root.ndim == 1 else (root**2).sum(axis=1)
    return float(variances.max())
