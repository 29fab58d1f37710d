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
LOWEST, HIGHEST = (np.array([LOG_WEIGHT[end], LOG_RIDGE[end]]) for end in (0, -1))
SCAN_SPACING = np.array([LOG_WEIGHT[1] - LOG_WEIGHT[0], LOG_RIDGE[1] - LOG_RIDGE[0]])
SCAN_ROUNDS = 3
"""How often the best ridge for each weight of the scan is looked for again, each time more closely."""
TINY = 1e-200
"""Share that stands for none, where weights play no part."""
START_SPACING = 1.0
"""First half width of the grids when there is a start instead of a scan."""
OFFSETS = np.linspace(-1.0, 1.0, 5)
ROUNDS = 6
"""Grids of 5 points a side, half as wide as the one before unless its best point was at an end: the risk is then right
to about 1e-5 of itself."""


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
    search = _Search(sampling, covariances, teachers, target, free_weight)
    spacing = np.full((search.n_mixtures, 2), START_SPACING)
    if start is None:
        point, spacing[:] = search.scan(), SCAN_SPACING
    else:
        point = np.broadcast_to(start, (search.n_mixtures, 2))
    stencil = _pairs(OFFSETS if free_weight else np.zeros(1), OFFSETS)
    for _ in range(rounds):
        points = np.clip(point[:, None] + spacing[:, None] * stencil, LOWEST, HIGHEST)
        best = np.argmin(search.risk(points), axis=1)
        point = points[np.arange(search.n_mixtures), best]
        spacing = np.where(np.abs(stencil[best]) == 1, spacing, spacing / 2)
    weight, ridge = search.fits(point[:, None])
    return TunedFits(
        weight=weight[:, 0], ridge=ridge[:, 0], excess_risk=search.risk(point[:, None])[:, 0], point=np.asarray(point)
    )


@dataclass(frozen=True)
class _Search:
    """Risks of P mixtures as functions of log weight and log ridge."""

    sampling: Sampling
    covariances: Covariances
    teachers: Teachers
    target: int
    free_weight: bool

    @property
    def n_mixtures(self) -> int:
        return len(self.sampling.n_total)

    @property
    def share(self) -> Array:
        """Shares of the sources (P, 2)."""
        return np.broadcast_to(self.sampling.share, (self.n_mixtures, 2))

    def fits(self, points: Array) -> tuple[Array, Array]:
        """Return weights (P, Q, 2) and ridges (P, Q) at points (P, Q, 2)."""
        share, group = self.share[:, None], list(self.sampling.group)
        weight = np.broadcast_to(self.sampling.weight, (self.n_mixtures, 2))[:, None]
        if self.free_weight:
            weight = np.ones((*points.shape[:-1], 2))
            weight[..., 1 - self.target] = np.exp(points[..., 0]) * np.maximum(share[..., self.target], TINY)
        variance = self.covariances.traces() / self.covariances.n_features + self.sampling.feature_noise
        return weight / (weight * share).sum(axis=-1, keepdims=True), np.exp(points[..., 1]) * (share @ variance[group])

    def risk(self, points: Array) -> Array:
        """Return the excess risks on the target (P, Q) at points (P, Q, 2)."""
        weight, ridge = self.fits(points)
        candidates = replace(_with_axis(self.sampling, self.n_mixtures), weight=weight, ridge=ridge)
        found = mixture_risk(candidates, covariances=self.covariances, teachers=self.teachers, target=self.target)
        return np.broadcast_to(found.excess_risk[..., self.target], ridge.shape)

    def scan(self) -> Array:
        """Return the best points (P, 2) of a scan over weights, each with its best ridge.

        Heavy samples shift the best ridge: at the coarse steps of the scan alone they would win by chance.
        """
        log_weights = LOG_WEIGHT if self.free_weight else np.zeros(1)
        shape = (self.n_mixtures, len(log_weights), -1)
        log_ridge = np.zeros((*shape[:2], 1))
        for offsets in (LOG_RIDGE, *(OFFSETS * SCAN_SPACING[1] / 2**k for k in range(SCAN_ROUNDS))):
            log_ridges = np.clip(log_ridge + offsets, LOWEST[1], HIGHEST[1])
            weights = np.broadcast_to(log_weights[:, None], log_ridges.shape)
            points = np.stack([weights, log_ridges], axis=-1)
            risk = self.risk(points.reshape(self.n_mixtures, -1, 2)).reshape(shape)
            log_ridge = np.take_along_axis(log_ridges, np.argmin(risk, axis=-1)[..., None], axis=-1)
        best = np.argmin(risk.min(axis=-1), axis=-1)
        return np.stack([log_weights[best], log_ridge[np.arange(self.n_mixtures), best, 0]], axis=-1)


def _pairs(first: Array, second: Array) -> Array:
    """Return all pairs, shape (Q, 2)."""
    return np.stack(np.meshgrid(first, second, indexing="ij"), axis=-1).reshape(-1, 2)


def _with_axis(sampling: Sampling, n_mixtures: int) -> Sampling:
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
