"""Which parameters of a scaling law fit runs best, and how sure are they? Robust fits, many at once, and a bootstrap.

Residuals are of log losses. Their Huber loss, in units of a robust scale, is minimised from several starts by damped
Gauss-Newton steps with re-weighted residuals; all starts, and all replicates of the bootstrap, take their steps
together. Weak priors keep parameters finite that the runs do not determine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.estimation.scaling_laws import Points, ScalingLaw, Units

HUBER = 1.5
"""Residuals beyond so many scales count in proportion to their size, no longer to its square."""

STEPS = 200
"""Most steps of a fit."""

PRECISION = 1e-9
"""A fit ends when a step lowers its objective by less, relatively."""

SMALLEST_SCALE = 1e-6
"""Smallest scale of log residuals: losses are not written down more precisely."""

N_STARTS = 48
"""Starting points of a fit."""

WIDTHS = {
    "amplitude": 4.0,
    "exponent": 1.0,
    "irreducible": 4.0,
    "worth": 2.0,
    "floor": 4.0,
    "floor_power": 1.0,
    "floor_exponent": 1.0,
    "interaction": 1.0,
    "generation_power": 1.0,
    "size_amplitude": 4.0,
    "size_exponent": 1.0,
}
"""Standard deviations of the priors, of logarithms but for the interaction and the power of the generations."""


@dataclass(frozen=True, eq=False, kw_only=True)
class LawFit:
    """A law fitted to runs.

    Attributes
    ----------
    law : ScalingLaw
    points : Points
        The runs' settings.
    units : Units
    vector : array of shape (P,)
        Best parameters.
    residuals : array of shape (n,)
        log loss − log fitted loss.
    scale : float
        Robust standard deviation of the residuals.
    objective : float
        Huber loss plus prior at the best parameters, in units of the scale.
    leverages : array of shape (n,)
        How far each run pulls the fit to itself, in [0, 1].
    """

    law: ScalingLaw
    points: Points
    units: Units
    vector: Array
    residuals: Array
    scale: float
    objective: float
    leverages: Array

    @property
    def parameters(self) -> dict[str, float]:
        """Best parameters by name, on their own scale."""
        return {name: float(value) for name, value in self.law.values(self.vector).items()}

    def losses(self, points: Points) -> Array:
        """Return the fitted losses, (n,), of settings."""
        return np.exp(self.law.log_losses(self.vector, points, self.units))


@dataclass(frozen=True, eq=False, kw_only=True)
class Prior:
    """Independent normal laws of the parameters' vector.

    Attributes
    ----------
    centre, width : arrays of shape (P,)
    """

    centre: Array
    width: Array

    @classmethod
    def of(cls, law: ScalingLaw, log_loss: Array) -> Prior:
        """Return weak priors: exponents about 0.3, powers about 1, amplitudes about the losses."""
        middle, low = float(np.median(log_loss)), float(np.min(log_loss))
        centres = {
            "amplitude": middle - 1.0,
            "exponent": np.log(0.3),
            "irreducible": low - 0.5,
            "worth": 0.0,
            "floor": middle - 3.0,
            "floor_power": 0.0,
            "floor_exponent": np.log(0.3),
            "interaction": 0.0,
            "generation_power": 0.0,
            "size_amplitude": middle - 2.0,
            "size_exponent": np.log(0.3),
        }
        names = law.parameters
        return cls(centre=np.array([centres[name] for name in names]), width=np.array([WIDTHS[name] for name in names]))

    def starts(self, n_starts: int) -> Array:
        """Return starting points, (n_starts, P): the centre, then spread evenly over the prior."""
        from scipy.stats import norm, qmc

        spread = qmc.Halton(len(self.centre), scramble=False).random(n_starts)[1:]
        return np.vstack([self.centre, self.centre + 0.8 * self.width * norm.ppf(spread)])


def fit_law(law: ScalingLaw, points: Points, loss: Array, *, n_starts: int = N_STARTS) -> LawFit:
    """Fit a law to the losses of runs.

    Parameters
    ----------
    law : ScalingLaw
    points : Points
        Settings of n runs.
    loss : array of shape (n,)
        Positive.
    n_starts : int
        Starting points.

    Returns
    -------
    LawFit

    Notes
    -----
    The scale is found first, from fits that take the mean absolute residual for it.
    """
    units, log_loss = Units.of(points), np.log(loss)
    prior = Prior.of(law, log_loss)
    vectors, scale = prior.starts(n_starts), float(np.std(log_loss)) + SMALLEST_SCALE
    for _ in range(4):
        target = np.broadcast_to(log_loss, (len(vectors), len(log_loss)))
        vectors, objectives = minimise(law, points, units, target, start=vectors, prior=prior, scale=scale)
        order = np.argsort(objectives)
        vectors, objectives = vectors[order[:8]], objectives[order[:8]]
        residuals = log_loss - law.log_losses(vectors[0], points, units)
        found = robust_scale(residuals, n_parameters=len(prior.centre))
        if abs(np.log(found / scale)) < 1e-3:
            break
        scale = found
    return LawFit(
        law=law,
        points=points,
        units=units,
        vector=vectors[0],
        residuals=residuals,
        scale=scale,
        objective=float(objectives[0]),
        leverages=_leverages(law, points, units, vectors[0], prior=prior, scale=scale),
    )


def bootstrap(fit: LawFit, n_replicates: int, generator: np.random.Generator) -> Array:
    """Return parameter vectors, (n_replicates, P), refitted to losses whose residuals are drawn anew.

    Notes
    -----
    A wild bootstrap: each run keeps its setting, and its residual, corrected for its leverage, is multiplied by a
    normal number, so that runs of different precision stay so (Wu 1986).
    """
    fitted = fit.law.log_losses(fit.vector, fit.points, fit.units)
    corrected = fit.residuals / np.sqrt(np.maximum(1 - fit.leverages, 0.1))
    multipliers = generator.standard_normal((n_replicates, len(fitted)))
    target = fitted + corrected * multipliers
    prior = Prior.of(fit.law, fitted + fit.residuals)
    start = np.tile(fit.vector, (n_replicates, 1))
    vectors, _ = minimise(fit.law, fit.points, fit.units, target, start=start, prior=prior, scale=fit.scale)
    return vectors


def robust_scale(residuals: Array, *, n_parameters: int) -> float:
    """Return the scale of normal residuals, from their median size; of few runs, from their mean square."""
    n = len(residuals)
    spare = max(n - n_parameters, 1)
    if n < 2 * n_parameters + 4:
        found = float(np.sqrt((residuals**2).sum() / spare))
    else:
        found = 1.4826 * float(np.median(np.abs(residuals))) * np.sqrt(n / spare)
    return max(found, SMALLEST_SCALE)


def minimise(
    law: ScalingLaw,
    points: Points,
    units: Units,
    target: Array,
    *,
    start: Array,
    prior: Prior,
    scale: float,
) -> tuple[Array, Array]:
    """Fit parameter vectors to log losses, all at once.

    Parameters
    ----------
    law : ScalingLaw
    points : Points
        Settings of n runs.
    units : Units
    target : array of shape (B, n)
        Log losses.
    start : array of shape (B, P)
    prior : Prior
    scale : float
        Of the residuals.

    Returns
    -------
    vectors : array of shape (B, P)
    objectives : array of shape (B,)
        Huber loss of the residuals in units of the scale, plus half the squared distance from the prior's centre.
    """
    vectors = start.copy()
    damping = np.full(len(vectors), 1e-2)
    objectives = _objective(law, points, units, target, vectors, prior=prior, scale=scale)
    active = np.arange(len(vectors))
    for _ in range(STEPS):
        step = _step(law, points, units, target[active], vectors[active], damping[active], prior=prior, scale=scale)
        moved = vectors[active] + step
        found = _objective(law, points, units, target[active], moved, prior=prior, scale=scale)
        better = found < objectives[active]
        gain = np.where(better, objectives[active] - found, np.inf)
        vectors[active[better]], reached = moved[better], objectives[active]
        objectives[active[better]] = found[better]
        damping[active] = np.clip(damping[active] * np.where(better, 0.2, 5.0), 1e-12, 1e12)
        done = (gain <= PRECISION * (1 + reached)) | (damping[active] >= 1e10)
        active = active[~done]
        if not len(active):
            break
    return vectors, objectives


def _objective(
    law: ScalingLaw, points: Points, units: Units, target: Array, vectors: Array, *, prior: Prior, scale: float
) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        size = np.abs(target - law.log_losses(vectors, points, units)) / scale
        huber = np.where(size <= HUBER, size**2 / 2, HUBER * (size - HUBER / 2))
        total = huber.sum(axis=-1) + (((vectors - prior.centre) / prior.width) ** 2).sum(axis=-1) / 2
    return np.where(np.isfinite(total), total, np.inf)


def _step(
    law: ScalingLaw,
    points: Points,
    units: Units,
    target: Array,
    vectors: Array,
    damping: Array,
    *,
    prior: Prior,
    scale: float,
) -> Array:
    """Return damped Gauss-Newton steps, (B, P), none longer than 2 in any parameter."""
    with np.errstate(over="ignore", invalid="ignore"):
        fitted, slopes = law.with_slopes(vectors, points, units)
        residuals = (target - fitted) / scale
        weights = np.minimum(1.0, HUBER / np.maximum(np.abs(residuals), 1e-300))
    slopes = np.nan_to_num(slopes / scale, posinf=0.0, neginf=0.0)
    residuals = np.nan_to_num(residuals, posinf=0.0, neginf=0.0)
    weighted = slopes * weights[..., None]
    curvature = np.swapaxes(slopes, -1, -2) @ weighted
    diagonal = np.arange(len(prior.centre))
    curvature[:, diagonal, diagonal] += prior.width**-2.0
    gradient = (weighted * residuals[..., None]).sum(axis=-2) - (vectors - prior.centre) / prior.width**2
    curvature[:, diagonal, diagonal] *= 1 + damping[:, None]
    step = np.linalg.solve(curvature, gradient[..., None])[..., 0]
    return np.asarray(np.clip(step, -2.0, 2.0))


def _leverages(law: ScalingLaw, points: Points, units: Units, vector: Array, *, prior: Prior, scale: float) -> Array:
    """Return the diagonal of the hat matrix, (n,)."""
    _, slopes = law.with_slopes(vector, points, units)
    slopes = slopes / scale
    curvature = slopes.T @ slopes + np.diag(prior.width**-2.0)
    return np.asarray(np.clip(np.einsum("np,pn->n", slopes, np.linalg.solve(curvature, slopes.T)), 0.0, 1.0))
