"""What does an audit's evidence say? The best mixture, floors, the exchange rate, learning curves, and the damage."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from modelcollapse.checks import Array
from modelcollapse.decisions.audit_result import (
    Curve,
    Damage,
    ExchangeRate,
    Floor,
    InputShift,
    MixtureForecast,
    Quality,
)
from modelcollapse.decisions.differences import ENDLESS, damage, input_shift, label_quality
from modelcollapse.decisions.evidence import Evidence
from modelcollapse.decisions.forecast import BAND_LEVEL, Forecast
from modelcollapse.decisions.landscape import INDIFFERENT, MOST_AT_HAND
from modelcollapse.decisions.on_the_spot import Progress
from modelcollapse.decisions.uncertainty import variance_of_sum
from modelcollapse.parallel import side_by_side
from modelcollapse.result import Status

SYNTHETIC_FACTORS = np.concatenate([[0.0], np.geomspace(0.05, MOST_AT_HAND, 25)])
"""Multiples of the synthetic rows at hand among which the best mixture is sought."""
MAX_REFUSED = 8
"""Choices of the surface that the exact forecast may refuse before the real rows alone are taken."""
CURVE_FACTORS = np.geomspace(1 / 8, 8, 7)
"""Multiples of the rows at hand along a learning curve."""
STEP = 0.05
"""Relative step of the differences that give marginal values."""


def best_mixture(evidence: Evidence) -> Forecast:
    """Forecast the best mixture with the real rows at hand and up to `MOST_AT_HAND` times the synthetic ones.

    Among synthetic sources, alone or together; the fewest synthetic rows are preferred among equally good mixtures.
    """
    real = float(evidence.counts[0])
    found = [
        (choice, where)
        for where in evidence.landscapes
        for choice in where.choices(real=real, synthetic=where.counts[1] * SYNTHETIC_FACTORS)
    ]
    found.sort(key=lambda pair: pair[0].test_error)
    for smallest, _ in found[:MAX_REFUSED]:
        good = [
            pair for pair in found if smallest.test_error <= pair[0].test_error <= smallest.test_error * INDIFFERENT
        ]
        choice, where = min(good, key=lambda pair: pair[0].synthetic)
        counts = np.round(evidence.mixed(where, real=real, synthetic=choice.synthetic))
        told = evidence.forecast(counts, weight=choice.weight if counts[1:].any() else 1.0, ridge=choice.ridge)
        if told.status is Status.OK:
            return told
    return evidence.forecast(evidence.only_real)


def floors(evidence: Evidence) -> Floor:
    """Forecast what endless data of a kind reaches, weight 1, best ridge."""
    shares = evidence.counts / evidence.counts.sum()
    kinds = {
        "real_only": evidence.only_real / evidence.counts[0],
        "mixture": shares,
        "synthetic_only": (evidence.counts - evidence.only_real) / evidence.counts[1:].sum(),
    }
    found = side_by_side(lambda kind: evidence.answer(evidence.forecast(ENDLESS * kind)), kinds.values())
    errors = {name: answer.test_error for name, answer in zip(kinds, found, strict=True)}
    return Floor(**errors, stderr={name: answer.stderr for name, answer in zip(kinds, found, strict=True)})


def exchange_rate(evidence: Evidence, *, at_hand: Forecast, real_only: Forecast) -> ExchangeRate:
    """Say how many real rows one synthetic row is worth, at the rows at hand and along growing synthetic data."""
    where = evidence.together
    marginal, interval = marginal_rate(evidence, at_hand=at_hand)
    grid = where.counts[1] * np.geomspace(0.02, 10, 25)
    equivalent, equivalent_interval = equivalent_real(evidence, real_only=real_only)
    return ExchangeRate(
        marginal=marginal,
        interval=interval,
        equivalent_real=equivalent,
        equivalent_interval=equivalent_interval,
        counts=grid,
        curve=where.marginal_rates(grid, ridge=at_hand.ridge),
    )


def equivalent_real(evidence: Evidence, *, real_only: Forecast) -> tuple[float, tuple[float, float]]:
    """Return the extra real rows that would do what all synthetic rows do at their best weight, with a 90 % interval.

    Read off the learning curve of real rows; the interval by moving the gain by its standard error.
    """
    where = evidence.together
    real, synthetic = where.counts
    choice = where.best(real=real, synthetic=np.array([synthetic]))
    if choice is None:
        return np.nan, (np.nan, np.nan)
    told = evidence.forecast(evidence.counts, weight=choice.weight, ridge=choice.ridge)
    half = norm.ppf((1 + BAND_LEVEL) / 2) * evidence.difference_stderr(real_only, told)
    alone = where.best(real=real, synthetic=np.zeros(1))
    start = alone.test_error if alone is not None else np.nan
    gains = [real_only.test_error - told.test_error + shift for shift in (0.0, -half, half)]
    extra = [max(0.0, where.equivalent_real(start - gain) - real) if np.isfinite(gain) else np.nan for gain in gains]
    return extra[0], (extra[1], extra[2])


def marginal_rate(evidence: Evidence, *, at_hand: Forecast) -> tuple[float, tuple[float, float]]:
    """Return ∂error/∂n of synthetic over that of real rows at the rows at hand, with its 90 % interval.

    By central differences of the forecast; the interval by the delta method on each row's influence on the ratio.
    NaN where the data cannot tell, or where further real rows would not help either.
    """
    counts, is_real = evidence.counts, np.arange(len(evidence.counts)) == 0

    steps = [(group, sign) for group in (is_real, ~is_real) for sign in (1, -1)]
    found = side_by_side(
        lambda step: evidence.forecast(counts * np.where(step[0], 1 + step[1] * STEP, 1.0), ridge=at_hand.ridge), steps
    )

    def slope(up: Forecast, down: Forecast, rows: float) -> tuple[float, tuple[Array, ...]] | None:
        if Status.NOT_ENOUGH_DATA in (up.status, down.status):
            return None
        width = 2 * STEP * rows
        influence = tuple((a - b) / width for a, b in zip(up.influence, down.influence, strict=True))
        return (up.test_error - down.test_error) / width, influence

    by_real = slope(found[0], found[1], float(counts[is_real].sum()))
    by_synthetic = slope(found[2], found[3], float(counts[~is_real].sum()))
    if by_real is None or by_synthetic is None or by_real[0] >= 0:
        return np.nan, (np.nan, np.nan)
    rate = by_synthetic[0] / by_real[0]
    moved = tuple((s - rate * r) / by_real[0] for s, r in zip(by_synthetic[1], by_real[1], strict=True))
    stderr = np.sqrt(variance_of_sum(moved, evidence.pool.counts)) * evidence.checked.inflation
    half = float(norm.ppf((1 + BAND_LEVEL) / 2) * stderr)
    return rate, (rate - half, rate + half)


def curves(evidence: Evidence, *, real_only: Forecast, progress: Progress | None = None) -> tuple[Curve, ...]:
    """Forecast learning curves at the best ridges: real rows, all rows in proportion, more and more synthetic rows."""
    only_real, counts = evidence.only_real, evidence.counts
    synthetic = counts - only_real
    plans = {
        "real_only": ("real rows only", [only_real * factor for factor in CURVE_FACTORS]),
        "mixture": ("all rows, in the proportions at hand", [counts * factor for factor in CURVE_FACTORS]),
        "more_synthetic": (
            "the real rows at hand and more synthetic rows",
            [only_real + synthetic * factor for factor in CURVE_FACTORS],
        ),
    }

    def told(mixture: Array) -> tuple[MixtureForecast, float]:
        found = evidence.forecast(mixture)
        return evidence.answer(found), evidence.difference_stderr(found, real_only)

    found = side_by_side(
        told,
        [mixture for _, mixtures in plans.values() for mixture in mixtures],
        report=(lambda done, total: progress("forecasting curves", done, total)) if progress else None,
    )
    size = len(CURVE_FACTORS)
    parts = [tuple(zip(*found[k * size : (k + 1) * size], strict=True)) for k in range(len(plans))]
    return tuple(
        Curve(name=name, label=label, points=points, difference_stderr=stderrs)
        for (name, (label, _)), (points, stderrs) in zip(plans.items(), parts, strict=True)
    )


def qualities(evidence: Evidence, *, rule_ridge: float) -> dict[str, Quality]:
    """Estimate the label quality c² of each synthetic source that holds enough rows."""
    found = {
        name: label_quality(evidence.whole, source=k, ridge=rule_ridge, seed=evidence.seed)
        for k, name in enumerate(evidence.whole.names)
        if k > 0
    }
    return {name: quality for name, quality in found.items() if quality is not None}


def input_shifts(evidence: Evidence, *, ridge: float) -> dict[str, InputShift]:
    """Compare the inputs of each synthetic source with the real ones."""
    return {
        name: input_shift(evidence.whole, source=k, ridge=ridge, seed=evidence.seed)
        for k, name in enumerate(evidence.whole.names)
        if k > 0
    }


def damages(evidence: Evidence, *, rule_ridge: float) -> dict[str, Damage]:
    """Split what each synthetic source, mixed with the real rows at weight 1, costs into labels and inputs."""
    found = {}
    sources = np.arange(len(evidence.counts))
    for k, name in list(enumerate(evidence.whole.names))[1:]:
        counts = np.where(np.isin(sources, [0, k]), evidence.counts, 0.0)
        split = damage(
            evidence.whole.select([0, k]),
            counts=counts[[0, k]],
            ridge=evidence.best_ridge(counts),
            real_ridge=evidence.best_ridge(np.where(sources == 0, counts.sum(), 0.0)),
            rule_ridge=rule_ridge,
        )
        if split is not None:
            found[name] = split
    return found


def spectra(evidence: Evidence) -> dict[str, Array]:
    """Return the eigenvalues of each source's second moment, descending."""
    moments = zip(evidence.whole.names, evidence.whole.second_moments, strict=True)
    return {name: np.maximum(np.linalg.eigvalsh(moment)[::-1], 0.0) for name, moment in moments}
