"""Does a law with one term more fit runs better than chance would make it? Nested laws against a wild bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.estimation.extra_terms import Alternative, FactorLaw, weak_prior
from modelcollapse.estimation.law_fits import fit_law, leverages, minimise, robust_scale
from modelcollapse.estimation.scaling_laws import Points, ScalingLaw, Units

N_BOOTSTRAP = 999
"""Most tables that are drawn under the null law."""
EXCEEDANCES = 12
"""Drawn tables with a statistic as large as that of the runs after which no more are drawn."""
BATCH = 60
"""Tables that are fitted together."""
PRECISION = 1e-6
"""Of the fits of drawn tables: their statistics are compared, not printed."""
N_STARTS = 24
"""Starting points of the fit of the null law."""
N_EFFECTS = 200
"""Tables drawn under the alternative, for the interval of its effect."""
LEVEL = 0.90
"""Of the interval."""
LARGEST_LEVERAGE = 0.95


@dataclass(frozen=True, eq=False, kw_only=True)
class LawTest:
    """How much better the best alternative fits than the null law.

    Attributes
    ----------
    p_value : float
        One-sided, in (0, 1].
    statistic : float
        Signed root of the fall of the objective, in units of the alternative's residuals.
    best : int
        Position of the alternative that fits best.
    expected : array of shape (n,)
        Log losses of the best alternative without its additional term.
    effect : float
        Of the term at the setting where it is largest, as a share of the loss without it.
    interval : (float, float)
        90 %.
    """

    p_value: float
    statistic: float
    best: int
    expected: Array
    effect: float
    interval: tuple[float, float]


@dataclass(frozen=True, eq=False, kw_only=True)
class _Fits:
    """A null law and its alternatives on the same settings, ready to be fitted to many tables at once."""

    null: ScalingLaw
    points: Points
    alternatives: Sequence[Alternative]
    log_loss: Array
    scale: float
    start: Array

    @property
    def units(self) -> Units:
        return Units.of(self.points)

    def null_fit(self, target: Array) -> tuple[Array, Array]:
        """Return vectors (B, P) and objectives (B,) of the null law."""
        return minimise(
            self.null,
            self.points,
            self.units,
            target,
            start=np.repeat(self.start[None], len(target), axis=0),
            prior=weak_prior(self.null, self.log_loss),
            scale=self.scale,
            precision=PRECISION,
        )

    def alternative_fit(self, which: Alternative, target: Array, start: Array) -> tuple[Array, Array]:
        """Return vectors (B, P') and objectives (B,) of an alternative, from vectors of its own."""
        prior = weak_prior(which.law, self.log_loss)
        return minimise(
            which.law,
            which.points,
            self.units,
            target,
            start=start,
            prior=prior,
            scale=self.scale,
            precision=PRECISION,
        )

    def statistics(self, target: Array) -> tuple[Array, list[Array]]:
        """Return the statistics (A, B) of the alternatives, and their vectors, (B, P') each."""
        vectors, objectives = self.null_fit(target)
        found, fitted = [], []
        for which in self.alternatives:
            best, reached = self.alternative_fit(which, target, which.start(vectors))
            spare = max(target.shape[1] - which.n_parameters, 1)
            fall = np.maximum(objectives - reached, 0.0) / np.maximum(reached / spare, 1e-12)
            found.append(which.signs(best) * np.sqrt(fall))
            fitted.append(best)
        return np.array(found), fitted


def compare_laws(
    null: ScalingLaw,
    points: Points,
    log_loss: Array,
    alternatives: Sequence[Alternative],
    *,
    generator: np.random.Generator,
) -> LawTest:
    """Test a law against others that have one term more.

    The statistic is the largest signed root of 2(O₀ − O₁)/(2 O₁/(n − P₁)) over the alternatives, O₀ and O₁ being the
    robust objectives of the null law and of an alternative with P₁ parameters. Its null distribution is that of tables
    that the null law and its own residuals with random signs make.

    Parameters
    ----------
    null : ScalingLaw
    points : Points
        n settings.
    log_loss : array of shape (n,)
    alternatives : sequence of Alternative
        At least one; of the same settings.
    generator : numpy.random.Generator

    Returns
    -------
    LawTest

    Notes
    -----
    Residuals keep their settings, so that small runs may be noisier than large ones, and outliers stay outliers. Tables
    are drawn until `EXCEEDANCES` have a statistic as large, or `N_BOOTSTRAP` are drawn: the p-value is as valid as that
    of all of them. It is no less than that of a t-test with n − P₁ degrees of freedom: few residuals have few patterns
    of signs. Every fit of a table starts where the fit of the runs starts.

    References
    ----------
    Davidson and Flachaire (2008), J. Econometrics 146, 162 (wild bootstrap of the null, random signs); Besag and
    Clifford (1991), Biometrika 78, 301 (stopping early).
    """
    fits = _settled(null, points, log_loss, alternatives)
    statistics, vectors = fits.statistics(log_loss[None])
    best = int(np.argmax(statistics[:, 0]))
    statistic, which, vector = float(statistics[best, 0]), alternatives[best], vectors[best][0]
    expected = which.expected(vector[None], fits.units)[0]
    effect, interval = _effect(fits, which, vector, generator)
    return LawTest(
        p_value=_p_value(fits, which, statistic, generator) if statistic > 0 else 1.0,
        statistic=statistic,
        best=best,
        expected=expected,
        effect=effect,
        interval=interval,
    )


def _settled(null: ScalingLaw, points: Points, log_loss: Array, alternatives: Sequence[Alternative]) -> _Fits:
    """Fit the null law from many starts, then find the scale of the residuals beside the best alternative."""
    plain = null.plain if isinstance(null, FactorLaw) else null
    first = fit_law(plain, points, np.exp(log_loss), n_starts=N_STARTS)
    start = np.zeros(len(null.parameters))
    start[: len(first.vector)] = first.vector
    scale = first.scale
    for _ in range(2):
        fits = _Fits(null=null, points=points, alternatives=alternatives, log_loss=log_loss, scale=scale, start=start)
        statistics, vectors = fits.statistics(log_loss[None])
        best = int(np.argmax(statistics[:, 0]))
        which = alternatives[best]
        residuals = log_loss - which.law.log_losses(vectors[best][0], which.points, fits.units)
        scale = robust_scale(residuals, n_parameters=which.n_parameters)
        start = fits.null_fit(log_loss[None])[0][0]
    return _Fits(null=null, points=points, alternatives=alternatives, log_loss=log_loss, scale=scale, start=start)


def _p_value(fits: _Fits, which: Alternative, statistic: float, generator: np.random.Generator) -> float:
    """Return how often tables of the null law have a statistic as large; no less than Student's law says."""
    from scipy.special import stdtr

    freedom = max(len(fits.log_loss) - which.n_parameters, 1)
    return max(_drawn_p_value(fits, statistic, generator), float(stdtr(freedom, -statistic)))


def _drawn_p_value(fits: _Fits, statistic: float, generator: np.random.Generator) -> float:
    """Return the share of tables drawn under the null law that have a statistic as large."""
    vector = fits.null_fit(fits.log_loss[None])[0][0]
    mean = fits.null.log_losses(vector, fits.points, fits.units)
    prior = weak_prior(fits.null, fits.log_loss)
    pull = leverages(fits.null, fits.points, fits.units, vector, prior=prior, scale=fits.scale)
    residuals = (fits.log_loss - mean) / np.sqrt(1 - np.minimum(pull, LARGEST_LEVERAGE))
    exceeding = drawn = 0
    while drawn < N_BOOTSTRAP:
        signs = generator.choice([-1.0, 1.0], size=(min(BATCH, N_BOOTSTRAP - drawn), len(mean)))
        found, _ = fits.statistics(mean + residuals * signs)
        as_large = np.cumsum(found.max(axis=0) >= statistic)
        if exceeding + as_large[-1] >= EXCEEDANCES:
            return EXCEEDANCES / (drawn + 1 + int(np.argmax(exceeding + as_large >= EXCEEDANCES)))
        exceeding, drawn = exceeding + int(as_large[-1]), drawn + len(signs)
    return (exceeding + 1) / (drawn + 1)


def _effect(
    fits: _Fits, which: Alternative, vector: Array, generator: np.random.Generator
) -> tuple[float, tuple[float, float]]:
    """Return the largest relative excess that the term makes, and its interval by a wild bootstrap."""
    units = fits.units
    fitted = which.law.log_losses(vector, which.points, units)
    where = int(np.argmax(np.abs(fitted - which.expected(vector[None], units)[0])))
    prior = weak_prior(which.law, fits.log_loss)
    pull = leverages(which.law, which.points, units, vector, prior=prior, scale=fits.scale)
    residuals = (fits.log_loss - fitted) / (1 - np.minimum(pull, LARGEST_LEVERAGE))
    freedom = max(len(fitted) - which.n_parameters, 1)
    signs = generator.choice([-1.0, 1.0], size=(N_EFFECTS, len(fitted)))
    spread = np.sqrt(freedom / generator.chisquare(freedom, size=(N_EFFECTS, 1)))
    start = np.repeat(vector[None], N_EFFECTS, axis=0)
    drawn, _ = fits.alternative_fit(which, fitted + residuals * signs * spread, start)
    every = np.vstack([vector, drawn])
    excess = np.expm1((which.law.log_losses(every, which.points, units) - which.expected(every, units))[:, where])
    low, high = np.quantile(excess[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(excess[0]), (float(low), float(high))
