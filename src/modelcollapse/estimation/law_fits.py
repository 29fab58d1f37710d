"""Which parameters of a scaling law fit runs best, and how sure are they? Robust fits, many at once, and a bootstrap.

Residuals are of log losses. Their Huber loss, in units of a robust scale, is minimised from several starts by damped
Gauss-Newton steps with re-weighted residuals; all starts, and all replicates of the bootstrap, take their steps
together. Weak priors keep parameters finite that the runs do not determine.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array
from modelcollapse.estimation.scaling_laws import Points, ScalingLaw, Units

HUBER = 2.0
"""Residuals beyond so many scales count in proportion to their size, no longer to its square."""

STEPS = 200
"""Most steps of a fit."""

PRECISION = 1e-7
"""A fit ends when a step lowers its objective by less, relatively."""

RESAMPLED_PRECISION = 1e-5
"""That of a replicate of the bootstrap: two per cent of its own spread."""

SMALLEST_SCALE = 1e-6
"""Smallest scale of log residuals: losses are not written down more precisely."""

LARGEST_BLOCK = 4e6
"""Most slopes that are held at once: replicates × runs × parameters."""

PASSES = 12
"""Most fits after the first, each with the scale of the residuals of the one before."""

SETTLED = 1e-3
"""Relative change of the scale that ends them."""

N_STARTS = 24
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
    centre : array of shape (P,) or (B, P)
        B: one for each fit.
    width : array of shape (P,)
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

    def drawn(self, n_draws: int, generator: np.random.Generator) -> Prior:
        """Return priors whose centres, (n_draws, P), are drawn from this one."""
        return replace(self, centre=self.centre + self.width * generator.standard_normal((n_draws, len(self.width))))

    def select(self, fits: NDArray[np.intp]) -> Prior:
        """Return the priors of some of the fits."""
        return self if self.centre.ndim == 1 else replace(self, centre=self.centre[fits])

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
    The scale is that of the residuals of the fit before; the first fit takes the standard deviation of the log losses.
    At that scale most residuals count in proportion to their size, and minima may merge that are apart at the second:
    all starts are tried there again. Of the starts, one is kept for each minimum that they have found.
    """
    units, log_loss = Units.of(points), np.log(loss)
    prior = Prior.of(law, log_loss)
    starts = prior.starts(n_starts)
    scale = float(np.std(log_loss)) + SMALLEST_SCALE
    vectors, _ = _minima(law, points, units, log_loss, start=starts, prior=prior, scale=scale)
    tried = np.vstack([vectors, starts])
    for _ in range(PASSES):
        residuals = log_loss - law.log_losses(vectors[0], points, units)
        before, scale = scale, robust_scale(residuals, n_parameters=len(prior.centre))
        vectors, objectives = _minima(law, points, units, log_loss, start=tried, prior=prior, scale=scale)
        if abs(np.log(scale / before)) < SETTLED:
            break
        tried = vectors
    residuals = log_loss - law.log_losses(vectors[0], points, units)
    return LawFit(
        law=law,
        points=points,
        units=units,
        vector=vectors[0],
        residuals=residuals,
        scale=scale,
        objective=float(objectives[0]),
        leverages=leverages(law, points, units, vectors[0], prior=prior, scale=scale),
    )


def _minima(
    law: ScalingLaw, points: Points, units: Units, log_loss: Array, *, start: Array, prior: Prior, scale: float
) -> tuple[Array, Array]:
    """Return the minima that fits from several starts find, the best first, and their objectives."""
    target = np.broadcast_to(log_loss, (len(start), len(log_loss)))
    vectors, objectives = minimise(law, points, units, target, start=start, prior=prior, scale=scale)
    objectives, first = np.unique(objectives.round(6), return_index=True)
    return vectors[first], objectives


def bootstrap(fit: LawFit, n_replicates: int, generator: np.random.Generator) -> Array:
    """Return parameter vectors, (n_replicates, P), refitted to losses whose residuals are drawn anew.

    Parameters
    ----------
    fit : LawFit
    n_replicates : int
    generator : numpy.random.Generator

    Notes
    -----
    A wild bootstrap: each run keeps its setting, and its residual, divided by one minus its leverage, gets a random
    sign, so that runs of different precision stay so (HC3). The residuals of a replicate share a factor √(ν/χ²_ν) with
    ν = n − P, the uncertainty of their scale. The centres of the priors are drawn anew as well: what the runs do not
    determine varies as much as the prior lets it, and a linear law gets the draws of its posterior.

    References
    ----------
    Wu (1986), Ann. Statist. 14, 1261; Davidson and Flachaire (2008), J. Econometrics 146, 162 (random signs, HC3); Chen
    and Oliver (2012), Math. Geosci. 44, 1 (random prior centres).
    """
    fitted = fit.law.log_losses(fit.vector, fit.points, fit.units)
    corrected = fit.residuals / np.maximum(1 - fit.leverages, 0.1)
    freedom = max(len(fitted) - len(fit.vector), 1)
    prior = Prior.of(fit.law, fitted + fit.residuals)
    block = max(1, int(LARGEST_BLOCK / (len(fitted) * len(fit.vector))))
    vectors = np.empty((n_replicates, len(fit.vector)))
    for begin in range(0, n_replicates, block):
        n_draws = min(block, n_replicates - begin)
        signs = generator.choice([-1.0, 1.0], size=(n_draws, len(fitted)))
        target = fitted + corrected * signs * np.sqrt(freedom / generator.chisquare(freedom, size=(n_draws, 1)))
        vectors[begin : begin + n_draws], _ = minimise(
            fit.law,
            fit.points,
            fit.units,
            target,
            start=np.tile(fit.vector, (n_draws, 1)),
            prior=prior.drawn(n_draws, generator),
            scale=fit.scale,
            precision=RESAMPLED_PRECISION,
        )
    return vectors


def huber_loss(residuals: Array) -> Array:
    """Return half the square of residuals, (...), that grows linearly beyond `HUBER`."""
    size = np.abs(residuals)
    return np.where(size <= HUBER, size**2 / 2, HUBER * (size - HUBER / 2))


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
    scale: float | Array,
    precision: float = PRECISION,
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
    scale : float or array of shape (n,)
        Of the residuals.
    precision : float
        A fit ends when a step lowers its objective by less, relatively.

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
        held = prior.select(active)
        step = _step(law, points, units, target[active], vectors[active], damping[active], prior=held, scale=scale)
        moved = vectors[active] + step
        found = _objective(law, points, units, target[active], moved, prior=held, scale=scale)
        better = found < objectives[active]
        gain = np.where(better, objectives[active] - found, np.inf)
        vectors[active[better]], reached = moved[better], objectives[active]
        objectives[active[better]] = found[better]
        damping[active] = np.clip(damping[active] * np.where(better, 0.2, 5.0), 1e-12, 1e12)
        done = (gain <= precision * (1 + reached)) | (damping[active] >= 1e10)
        active = active[~done]
        if not len(active):
            break
    return vectors, objectives


def _objective(
    law: ScalingLaw, points: Points, units: Units, target: Array, vectors: Array, *, prior: Prior, scale: float | Array
) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        huber = huber_loss((target - law.log_losses(vectors, points, units)) / scale)
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
    scale: float | Array,
) -> Array:
    """Return damped Gauss-Newton steps, (B, P), none longer than 2 in any parameter."""
    with np.errstate(over="ignore", invalid="ignore"):
        fitted, slopes = law.with_slopes(vectors, points, units)
        residuals = (target - fitted) / scale
        weights = np.minimum(1.0, HUBER / np.maximum(np.abs(residuals), 1e-300))
    slopes = np.nan_to_num(slopes / np.asarray(scale)[..., None], posinf=0.0, neginf=0.0)
    residuals = np.nan_to_num(residuals, posinf=0.0, neginf=0.0)
    weighted = slopes * weights[..., None]
    curvature = np.swapaxes(slopes, -1, -2) @ weighted
    diagonal = np.arange(len(prior.width))
    curvature[:, diagonal, diagonal] += prior.width**-2.0
    gradient = (weighted * residuals[..., None]).sum(axis=-2) - (vectors - prior.centre) / prior.width**2
    curvature[:, diagonal, diagonal] *= 1 + damping[:, None]
    step = np.linalg.solve(curvature, gradient[..., None])[..., 0]
    return np.asarray(np.clip(step, -2.0, 2.0))


def leverages(law: ScalingLaw, points: Points, units: Units, vector: Array, *, prior: Prior, scale: float) -> Array:
    """Return the diagonal of the hat matrix, (n,)."""
    _, slopes = law.with_slopes(vector, points, units)
    slopes = slopes / scale
    curvature = slopes.T @ slopes + np.diag(prior.width**-2.0)
    return np.asarray(np.clip(np.einsum("np,pn->n", slopes, np.linalg.solve(curvature, slopes.T)), 0.0, 1.0))
