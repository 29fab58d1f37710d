"""Which weights, ridge or width make the risk on the target smallest? Scan first: risks have several valleys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize
from scipy.stats import qmc

from modelcollapse.checks import Array, integer
from modelcollapse.theory.covariances import Covariances
from modelcollapse.theory.mixture import mixture_risk
from modelcollapse.theory.reductions import Sampling
from modelcollapse.theory.teachers import Teachers

LOG_WEIGHT = (-12.0, 12.0)  # log weight relative to the target's
LOG_RIDGE = (-30.0, 10.0)  # log ridge relative to the mean variance of the weighted features
FAINT = 1e-4  # of the largest weight
POINTS_PER_UNKNOWN = 64
WIDTHS_PER_SCAN = 64


@dataclass(frozen=True, kw_only=True)
class BestFit:
    """Weights and ridge with the smallest excess risk on the target.

    Attributes
    ----------
    weight : array of shape (K,)
        With Σ_k p_k ω_k = 1, so that the ridge compares with an unweighted fit.
    ridge : float
    excess_risk : float
    """

    weight: Array
    ridge: float
    excess_risk: float


@dataclass(frozen=True, kw_only=True)
class BestWidth:
    """Width with the smallest excess risk on the target.

    Attributes
    ----------
    width : int
    excess_risk : float
    at_limit : bool
        Whether the best is the largest width allowed, so that a larger one may be better still.
    """

    width: int
    excess_risk: float
    at_limit: bool


def optimal_ridge(sampling: Sampling, *, covariances: Covariances, teachers: Teachers, target: int = 0) -> BestFit:
    """Return the ridge with the smallest risk at the given weights.

    Parameters
    ----------
    sampling : Sampling
        At one point: without leading axes. Its ridge plays no part.
    covariances : Covariances
    teachers : Teachers
    target : int

    Returns
    -------
    BestFit
        A ridge at the lower end of the range, exp(-30) of the mean feature variance, means that none is best.
    """
    objective = _Objective(sampling, covariances, teachers, target)
    weight = sampling.weight / (sampling.share @ sampling.weight)
    best = _minimise(lambda points: objective.risk(weight, objective.ridge(points[:, 0])), [LOG_RIDGE])
    return objective.fit(weight, objective.ridge(best))


def optimal_weights(sampling: Sampling, *, covariances: Covariances, teachers: Teachers, target: int = 0) -> BestFit:
    """Return the weights with the smallest risk at the given ridge, normalised to Σ_k p_k ω_k = 1.

    Parameters
    ----------
    sampling : Sampling
        At one point: without leading axes. Its weights play no part.
    covariances : Covariances
    teachers : Teachers
    target : int

    Returns
    -------
    BestFit
        Weights within a factor of exp(12) of the target's, or zero where a tiny weight is no better than none.
    """
    objective = _Objective(sampling, covariances, teachers, target)
    ridge = np.atleast_1d(sampling.ridge)
    best = _minimise(lambda points: objective.risk(objective.weight(points), ridge), [LOG_WEIGHT] * objective.n_free)
    return objective.fit(objective.weight(best[None])[0], ridge)


def optimal_fit(sampling: Sampling, *, covariances: Covariances, teachers: Teachers, target: int = 0) -> BestFit:
    """Return the weights and the ridge that together have the smallest risk; see `optimal_weights`, `optimal_ridge`."""
    objective = _Objective(sampling, covariances, teachers, target)

    def risk(points: Array) -> Array:
        return objective.risk(objective.weight(points[:, 1:]), objective.ridge(points[:, 0]))

    best = _minimise(risk, [LOG_RIDGE] + [LOG_WEIGHT] * objective.n_free)
    return objective.fit(objective.weight(best[None, 1:])[0], objective.ridge(best[:1]))


def best_width(
    sampling: Sampling, *, covariances: Covariances, teachers: Teachers, target: int = 0, max_width: int
) -> BestWidth:
    """Return the width with the smallest risk, from 1 to `max_width`.

    Double descent gives the risk two valleys around the interpolation threshold: widths are scanned on a logarithmic
    grid, and then again between the neighbours of the best one until these are consecutive.

    Parameters
    ----------
    sampling : Sampling
        At one point: without leading axes. Its width plays no part, unless it is None: the linear model has none.
    covariances : Covariances
    teachers : Teachers
    target : int
    max_width : int
        At least 1.

    Returns
    -------
    BestWidth
    """
    low, high = 1, integer("max_width", max_width, low=1)
    while True:
        widths = np.unique(np.round(np.geomspace(low, high, WIDTHS_PER_SCAN)))
        risk = mixture_risk(
            replace(sampling, width=widths), covariances=covariances, teachers=teachers, target=target
        ).excess_risk[:, target]
        best = int(np.argmin(risk))
        low, high = int(widths[max(best - 1, 0)]), int(widths[min(best + 1, len(widths) - 1)])
        if high - low <= 2:
            width = int(widths[best])
            return BestWidth(width=width, excess_risk=float(risk[best]), at_limit=width == max_width)


@dataclass(frozen=True)
class _Objective:
    """Risk on the target as a function of log weights and log ridge."""

    sampling: Sampling
    covariances: Covariances
    teachers: Teachers
    target: int

    @property
    def _present(self) -> list[int]:
        """Sources with samples, the one that sets the scale of the weights first: the target where it has some."""
        present = [k for k, share in enumerate(self.sampling.share) if share > 0]
        return sorted(present, key=lambda k: k != self.target)

    @property
    def n_free(self) -> int:
        """Number of free weights."""
        return len(self._present) - 1

    def weight(self, log_weight: Array) -> Array:
        """Return normalised weights (P, K) from free log weights (P, n_free); zero for sources without samples."""
        weight = np.zeros((len(log_weight), len(self.sampling.group)))
        weight[:, self._present[0]] = 1.0
        weight[:, self._present[1:]] = np.exp(log_weight)
        return np.asarray(weight / (weight @ self.sampling.share)[:, None])

    def ridge(self, log_ridge: Array) -> Array:
        """Return the ridge for its logarithm relative to the mean variance of the features of all samples."""
        group = list(self.sampling.group)
        reach = self.covariances.traces()[group] / self.covariances.n_features + self.sampling.feature_noise[group]
        return np.asarray(np.exp(log_ridge) * (self.sampling.share @ reach))

    def risk(self, weight: Array, ridge: Array) -> Array:
        """Return the excess risk on the target for weights (..., K) and ridges (...)."""
        sampling = replace(self.sampling, weight=weight, ridge=ridge)
        risk = mixture_risk(sampling, covariances=self.covariances, teachers=self.teachers, target=self.target)
        return risk.excess_risk[..., self.target]

    def fit(self, weight: Array, ridge: Array) -> BestFit:
        """Return the best fit, faint weights set to zero where that does not hurt."""
        risk = float(self.risk(weight, ridge)[0])
        trimmed = np.where(weight < FAINT * weight.max(), 0.0, weight)
        trimmed /= self.sampling.share @ trimmed
        trimmed_risk = float(self.risk(trimmed, ridge)[0])
        if trimmed_risk <= risk:
            weight, risk = trimmed, trimmed_risk
        return BestFit(weight=weight, ridge=float(ridge[0]), excess_risk=risk)


def _minimise(function: Callable[[Array], Array], bounds: list[tuple[float, float]]) -> Array:
    """Return the minimiser in a box, (D,): the best of an even scan, then polished by a simplex."""
    if not bounds:
        return np.zeros(0)
    low, high = np.array(bounds).T
    count = POINTS_PER_UNKNOWN * len(bounds)
    if len(bounds) == 1:
        scan = np.linspace(0.0, 1.0, count)[:, None]
    else:
        scan = qmc.Sobol(len(bounds), scramble=False).random_base2(int(np.ceil(np.log2(count))))
    points = low + (high - low) * scan
    start = points[int(np.argmin(function(points)))]
    spacing = (high - low) / count ** (1 / len(bounds))
    simplex = np.clip(
        np.vstack([start, start + np.diag(np.where(start + spacing > high, -spacing, spacing))]), low, high
    )
    polished = minimize(  # type: ignore[call-overload]
        lambda point: float(function(point[None])[0]),
        start,
        method="Nelder-Mead",
        bounds=bounds,
        options={"initial_simplex": simplex, "xatol": 1e-5, "fatol": 0.0, "maxfev": 200 * len(bounds)},
    )
    return np.asarray(polished.x)
