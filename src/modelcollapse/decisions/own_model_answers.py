"""What do trained models say about mixtures? Draws of errors become the best mixture, floors and exchange rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.decisions.answers import CURVE_FACTORS, SYNTHETIC_FACTORS
from modelcollapse.decisions.evidence import Evidence
from modelcollapse.decisions.landscape import INDIFFERENT, MOST_AT_HAND
from modelcollapse.decisions.own_model_fits import as_arrays
from modelcollapse.decisions.own_model_result import Estimate, OwnCurve, OwnForecast, TrainedModel
from modelcollapse.decisions.run_quantities import best_amounts, interval, median, zero_crossings
from modelcollapse.decisions.verdict import CHOSEN
from modelcollapse.digits import HALF_WIDTH_90
from modelcollapse.estimation.mixture_belief import Belief, believe
from modelcollapse.estimation.mixture_laws import COUNT_LAWS, RIDGE_LAWS, Mixtures
from modelcollapse.result import Status
from modelcollapse.streams import stream

FAR = 100.0
"""Multiple of the rows at hand that stands for endless rows, and up to which real rows are counted."""
STEP = 0.05
"""Relative step of the differences that give marginal values."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Forecaster:
    """Says what the model is forecast to reach on any mixture.

    Attributes
    ----------
    evidence : Evidence
        Of the audit: it forecasts ridge regression.
    leaning : Belief or None
        With the laws that lean on ridge; None where ridge is not known of every mixture that was trained.
    counting : Belief
        With laws in counts alone.
    noise : ndarray (B,)
        Standard normal draws, for the error of a single model.
    """

    evidence: Evidence
    leaning: Belief | None
    counting: Belief
    noise: Array

    @property
    def at_hand(self) -> tuple[float, float]:
        """Real and synthetic rows."""
        return self.evidence.together.counts

    @property
    def main(self) -> Belief:
        """The belief in all laws that can be fitted."""
        return self.leaning or self.counting

    def belief(self, mixtures: Mixtures) -> Belief:
        """Return the laws that can speak of all of these mixtures."""
        return self.leaning if self.leaning and mixtures.told.all() else self.counting

    def log_errors(self, real: Array | float, synthetic: Array | float) -> Array:
        """Return draws of the log of the mean error over models, (B, n), of n mixtures."""
        mixtures = mixtures_of(self.evidence, real, synthetic)
        return self.belief(mixtures).log_errors(mixtures)

    def forecast(self, real: float, synthetic: float) -> OwnForecast:
        """Forecast one mixture of weight 1, synthetic sources in the proportions at hand."""
        mixtures = mixtures_of(self.evidence, real, synthetic)
        belief = self.belief(mixtures)
        logs = belief.log_errors(mixtures)[:, 0]
        rows = self.evidence.mixed(self.evidence.together, real=real, synthetic=synthetic)
        low, high = interval(np.exp(logs + belief.scale * self.noise))
        return OwnForecast(
            counts={name: round(n) for name, n in zip(self.evidence.whole.names, rows.tolist(), strict=True)},
            test_error=median(np.exp(logs)),
            band=(low, high),
            ridge_forecast=float(
                self.evidence.together.best_errors(real=mixtures.real, synthetic=mixtures.synthetic)[0]
            ),
            extrapolation=max(real / self.at_hand[0], synthetic / self.at_hand[1]),
            leans_on_ridge=belief is self.leaning,
            status=Status.OK,
        )


def mixtures_of(evidence: Evidence, real: Array | float, synthetic: Array | float) -> Mixtures:
    """Return mixtures with what ridge regression is forecast to reach on them; counts broadcast to (n,)."""
    first, second = (np.array(part) for part in np.broadcast_arrays(np.atleast_1d(real), np.atleast_1d(synthetic)))
    first, second = first.astype(np.float64), second.astype(np.float64)
    where = evidence.together
    errors = where.best_errors(real=first, synthetic=second)
    alone = where.best_errors(real=first + second, synthetic=np.zeros(len(first)))
    at_hand = where.best_errors(real=np.array(where.counts[:1]), synthetic=np.array(where.counts[1:]))[0]
    return Mixtures(
        real=first,
        synthetic=second,
        ridge_error=errors / at_hand,
        ridge_damage=np.maximum(errors - alone, 0.0),
    )


def forecaster(evidence: Evidence, fits: Sequence[TrainedModel], *, seed: int) -> Forecaster:
    """Fit the laws to trained models."""
    real, synthetic, error = as_arrays(fits)
    mixtures = mixtures_of(evidence, real, synthetic)
    random = stream(seed, "own model", "draws")
    counting = believe(mixtures, error, laws=COUNT_LAWS, random=random)
    leaning = believe(mixtures, error, laws=COUNT_LAWS + RIDGE_LAWS, random=random) if mixtures.told.all() else None
    return Forecaster(
        evidence=evidence,
        leaning=leaning,
        counting=counting,
        noise=random.standard_normal(len(counting.pool_shift)),
    )


def estimate(draws: Array) -> Estimate:
    """Return the median of draws, (B,), and their 90 % interval."""
    return Estimate(value=median(draws), interval=interval(draws))


def best_synthetic(about: Forecaster) -> float:
    """Return the synthetic rows beside the real ones at hand that are best: the fewest of equally good numbers.

    Among the numbers that are clearly better than none, where there are some: those beyond the rows at hand are less
    sure.
    """
    real, synthetic = about.at_hand
    amounts = np.round(synthetic * SYNTHETIC_FACTORS)
    logs = about.log_errors(real, amounts)
    clear = np.array([in_standard_errors(logs[:, 0] - column) >= CHOSEN for column in logs.T])
    errors = np.where(clear | ~clear.any(), np.exp(np.median(logs, axis=0)), np.inf)
    return float(amounts[np.flatnonzero(errors <= errors.min() * INDIFFERENT)[0]])


def in_standard_errors(draws: Array) -> float:
    """Return the median of draws in standard errors, read off their 90 % interval; 0 when they do not vary."""
    low, high = interval(draws)
    return 2 * HALF_WIDTH_90 * median(draws) / (high - low) if high > low else 0.0


def savings(about: Forecaster, synthetic: float) -> Array:
    """Return draws of log(error of the real rows at hand alone) − log(error with synthetic rows beside them), (B,)."""
    logs = about.log_errors(about.at_hand[0], np.array([0.0, synthetic]))
    return np.asarray(logs[:, 0] - logs[:, 1])


def crossover(about: Forecaster) -> tuple[Estimate, Estimate, float]:
    """Return from which synthetic rows on more do not help, from which on they harm, and up to where was looked."""
    real, synthetic = about.at_hand
    amounts = synthetic * SYNTHETIC_FACTORS
    best, harmful = best_amounts(about.log_errors(real, amounts), amounts)
    return estimate(best), estimate(harmful), MOST_AT_HAND * synthetic


def floors(about: Forecaster) -> dict[str, Estimate]:
    """Return the errors with `FAR` times the rows of a kind."""
    real, synthetic = about.at_hand
    total = FAR * (real + synthetic)
    kinds = {
        "real_only": (total, 0.0),
        "mixture": (FAR * real, FAR * synthetic),
        "synthetic_only": (0.0, total),
    }
    return {name: estimate(np.exp(about.log_errors(*rows)[:, 0])) for name, rows in kinds.items()}


def marginal(about: Forecaster) -> Estimate:
    """Return the real rows that one more synthetic row is worth at the rows at hand; endless where real ones harm."""
    real, synthetic = about.at_hand
    grid_real = real * np.array([1 + STEP, 1 - STEP, 1.0, 1.0])
    grid_synthetic = synthetic * np.array([1.0, 1.0, 1 + STEP, 1 - STEP])
    errors = np.exp(about.log_errors(grid_real, grid_synthetic))
    by_real = (errors[:, 0] - errors[:, 1]) / real
    by_synthetic = (errors[:, 2] - errors[:, 3]) / synthetic
    helps = by_real < 0
    worth = by_synthetic / np.where(helps, by_real, 1.0)
    return estimate(np.where(helps, worth, np.where(by_synthetic < 0, np.inf, -np.inf)))


def equivalent_real(about: Forecaster) -> Estimate:
    """Return the real rows, added to those at hand, that would do what all synthetic rows at hand do."""
    real, synthetic = about.at_hand
    extra = real * np.concatenate([[0.0], np.geomspace(0.01, FAR - 1.0, 80)])
    logs = about.log_errors(np.append(real + extra, real), np.append(np.zeros(len(extra)), synthetic))
    return estimate(zero_crossings(logs[:, :-1] - logs[:, -1:], extra))


def curves(about: Forecaster) -> tuple[OwnCurve, ...]:
    """Forecast learning curves: real rows, all rows in proportion, more and more synthetic rows."""
    real, synthetic = about.at_hand
    factors = CURVE_FACTORS[CURVE_FACTORS <= MOST_AT_HAND * 1.001]
    plans = {
        "real_only": ("real rows only", [(factor * real, 0.0) for factor in factors]),
        "mixture": (
            "all rows, in the proportions at hand",
            [(factor * real, factor * synthetic) for factor in factors],
        ),
        "more_synthetic": (
            "the real rows at hand and more synthetic rows",
            [(real, factor * synthetic) for factor in factors],
        ),
    }
    return tuple(
        OwnCurve(name=name, label=label, points=tuple(about.forecast(*rows) for rows in mixtures))
        for name, (label, mixtures) in plans.items()
    )
