"""What are the best weight and ridge of many mixtures at once? A scan, then ever finer grids around its best point."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.theory.covariances import Covariances
from modelcollapse.theory.mixture import mixture_risk
from modelcollapse.theory.reductions import Sampling
from modelcollapse.theory.teachers import Teachers

LOG_WEIGHT = np.linspace(-10.0, 8.0, 13)
LOG_RIDGE = np.linspace(-30.0, 5.0, 22)
"""Scan: log weight of the other source over the target's share; log ridge relative to the features' mean variance."""
TINY = 1e-200
"""Share that stands for none, where weights play no part."""
START_SPACING = 1.0
"""First half width of the grids when there is a start instead of a scan."""
OFFSETS = np.linspace(-1.0, 1.0, 5)
ROUNDS = 5
"""Grids of 5 points a side, each half as wide as the one before: the risk is then right to about 1e-4 of itself."""


@dataclass(frozen=True, kw_only=True)
class TunedFits:
    """The best fits of P mixtures of two sources.

    Attributes
    ----------
    weight : array of shape (P, 2)
        With Σ_k p_k ω_k = 1.
    ridge, excess_risk : arrays of shape (P,)
    point : array of shape (P, 2)
        Log weight of the other source, relative to the target's and over the target's share of the samples, so that
        few samples count by their weight and many by what they weigh together; log ridge relative to the mean variance
        of the features. A start for similar mixtures.
    """

    weight: Array
    ridge: Array
    excess_risk: Array
    point: Array


def tuned_fits(
    sampling: Sampling,
    *,
    covariances: Covariances,
    teachers: Teachers,
    target: int = 0,
    free_weight: bool = True,
    start: Array | None = None,
    rounds: int = ROUNDS,
) -> TunedFits:
    """Return, for each of many mixtures, the ridge and the weight with the smallest excess risk on the target.

    Parameters
    ----------
    sampling : Sampling
        Two sources; `n_total` of shape (P,), the others with it or without leading axes. Its ridge plays no part.
    covariances : Covariances
        The same for all mixtures.
    teachers : Teachers
        The same for all mixtures.
    target : int
    free_weight : bool
        False: the weights of `sampling` stay.
    start : array of shape (P, 2) or (2,), optional
        Points from which to look, in place of a scan: those of similar mixtures.
    rounds : int
        Grids after the scan, at least 1.

    Returns
    -------
    TunedFits

    Notes
    -----
    Best weights and ridges of one mixture to more digits: `modelcollapse.theory.optima.optimal_fit`.
    """
    n_mixtures = len(sampling.n_total)
    share = np.broadcast_to(sampling.share, (n_mixtures, 2))
    reach = share @ (covariances.traces() / covariances.n_features + sampling.feature_noise)[list(sampling.group)]

    def fits(points: Array) -> tuple[Array, Array, Array]:
        """Return weights (P, Q, 2), ridges and risks (P, Q) at points (P, Q, 2)."""
        weight = np.broadcast_to(sampling.weight, (n_mixtures, 2))[:, None]
        if free_weight:
            weight = np.ones((*points.shape[:-1], 2))
            weight[..., 1 - target] = np.exp(points[..., 0]) * np.maximum(share[:, None, target], TINY)
        weight = weight / (weight * share[:, None]).sum(axis=-1, keepdims=True)
        ridge = np.exp(points[..., 1]) * reach[:, None]
        candidates = replace(_spread(sampling, n_mixtures), weight=weight, ridge=ridge)
        risk = mixture_risk(candidates, covariances=covariances, teachers=teachers, target=target)
        return weight, ridge, np.broadcast_to(risk.excess_risk[..., target], ridge.shape)

    def best(points: Array) -> Array:
        return np.asarray(points[np.arange(n_mixtures), np.argmin(fits(points)[2], axis=1)])

    weights, offsets = (LOG_WEIGHT, OFFSETS) if free_weight else (np.zeros(1), np.zeros(1))
    stencil = _grid(offsets, OFFSETS)
    if start is None:
        point = best(np.broadcast_to(_grid(weights, LOG_RIDGE), (n_mixtures, weights.size * LOG_RIDGE.size, 2)))
        width = max(LOG_WEIGHT[1] - LOG_WEIGHT[0], LOG_RIDGE[1] - LOG_RIDGE[0])
    else:
        point, width = np.broadcast_to(start, (n_mixtures, 2)), START_SPACING
    low, high = np.array([LOG_WEIGHT[0], LOG_RIDGE[0]]), np.array([LOG_WEIGHT[-1], LOG_RIDGE[-1]])
    for _ in range(rounds):
        point = best(np.clip(point[:, None] + width * stencil, low, high))
        width /= 2
    weight, ridge, risk = (values[:, 0] for values in fits(point[:, None]))
    return TunedFits(weight=weight, ridge=ridge, excess_risk=risk, point=point)


def _grid(first: Array, second: Array) -> Array:
    """Return all pairs, shape (Q, 2)."""
    return np.stack(np.meshgrid(first, second, indexing="ij"), axis=-1).reshape(-1, 2)


def _spread(sampling: Sampling, n_mixtures: int) -> Sampling:
    """Return the sampling with an axis for the candidates of each mixture."""

    def spread(array: Array, *tail: int) -> Array:
        return np.broadcast_to(array, (n_mixtures, *tail))[:, None]

    return replace(
        sampling,
        share=spread(sampling.share, 2),
        n_total=spread(sampling.n_total),
        noise_var=spread(sampling.noise_var, 2),
        width=None if sampling.width is None else spread(sampling.width),
    )
