"""Which numbers of an audit matter most, and in which words? The rows that the page and the terminal both show."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from modelcollapse.decisions.audit_result import AuditResult, InputShift, MixtureForecast, Quality
from modelcollapse.digits import (
    HALF_WIDTH_90,
    UNKNOWN,
    count_text,
    half_width_text,
    interval_text,
    percent_text,
    rough_text,
    stderr_interval_text,
)
from modelcollapse.figures.words import mixture_text
from modelcollapse.result import Status

MANY = 2.0
"""Ratio from which it is said in times rather than in percent."""
WHAT_BANDS_ARE = (
    "brackets are 90 % intervals; a test error's is for one model trained on such a mixture and measured on these "
    "held-out rows."
)


@dataclass(frozen=True)
class KeyNumber:
    """A number with its name, its digits and uncertainty as text, and what it means."""

    name: str
    value: str
    meaning: str


@dataclass(frozen=True)
class Rows:
    """A table of texts: one heading per column."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def key_numbers(result: AuditResult) -> tuple[KeyNumber, ...]:
    """Return the key numbers of an audit, the most important first."""
    return (*_errors(result), *_floors(result), *_worth(result), *_differences(result))


def _errors(result: AuditResult) -> Iterator[KeyNumber]:
    """Yield the test errors of the mixtures that matter."""
    yield _error(result, "Test error, all rows at hand", result.at_hand)
    yield _error(result, "Test error, real rows only", result.real_only)
    where = f"{mixture_text(result.best.counts, weight=result.best.weight)}, ridge {ridge_text(result.best.ridge)}"
    yield _error(result, "Test error, best mixture", result.best, where=where)
    yield _error(result, "Test error, real rows doubled", result.doubled_real)
    yield KeyNumber(
        "Held-out rows",
        half_width_text(HALF_WIDTH_90 * result.real_only.holdout_stderr, about=result.real_only.test_error),
        "what another sample of held-out rows adds to every test error above, common to all",
    )


def _error(result: AuditResult, name: str, found: MixtureForecast, *, where: str = "") -> KeyNumber:
    """Return a test error with its band; the accuracy beside it in classification."""
    meaning = where or mixture_text(found.counts, weight=found.weight)
    accuracy = accuracy_text(found.measures, result.holdout_rows)
    if accuracy:
        meaning += f"; accuracy {accuracy}"
    elif found in (result.real_only, result.best) and math.isfinite(found.test_error):
        meaning += f"; root {rough_text(math.sqrt(found.test_error))}, in the target's unit"
    return KeyNumber(name, interval_text(found.test_error, found.band), meaning)


def _floors(result: AuditResult) -> Iterator[KeyNumber]:
    """Yield the errors that more data will not pass."""
    kinds = {
        "real_only": ("Floor, real rows", "endless real rows"),
        "mixture": ("Floor, mixture", "endless rows of all sources, in the proportions at hand"),
        "synthetic_only": ("Floor, synthetic rows", "endless synthetic rows alone"),
    }
    for kind, (name, meaning) in kinds.items():
        yield KeyNumber(name, stderr_interval_text(getattr(result.floor, kind), result.floor.stderr[kind]), meaning)


def _worth(result: AuditResult) -> Iterator[KeyNumber]:
    """Yield what synthetic rows are worth, and where they stop helping."""
    rate, crossover = result.exchange_rate, result.crossover
    sign = "; below zero: it hurts" if rate.marginal < 0 else ""
    yield KeyNumber(
        "Exchange rate",
        interval_text(rate.marginal, rate.interval),
        f"real rows that one more synthetic row is worth now{sign}",
    )
    yield KeyNumber(
        "Synthetic rows in real ones",
        _equivalent(rate.equivalent_real, rate.equivalent_interval),
        "extra real rows that would do what all synthetic rows at hand do at their best weight",
    )
    if not math.isfinite(crossover.best_count) or not math.isfinite(crossover.largest_count):
        yield KeyNumber("Crossover", UNKNOWN, "where synthetic rows stop helping")
        return
    if crossover.best_count == 0 and crossover.harmful_count is not None and crossover.harmful_count < 1:
        yield KeyNumber("Crossover", "0 synthetic rows", "at weight 1 they hurt from the first one on")
        return
    worse = (
        f"never worse than the real rows alone up to {rough_count(crossover.largest_count)}"
        if crossover.harmful_count is None
        else f"beyond {rough_count(crossover.harmful_count)} worse than the real rows alone"
    )
    yield KeyNumber(
        "Crossover",
        f"{rough_count(crossover.best_count)} synthetic rows",
        f"at weight 1 {'none help' if crossover.best_count == 0 else 'more do not help'}; {worse}",
    )


def _equivalent(count: float, interval: tuple[float, float]) -> str:
    """Return how many real rows would do the same; either end of the interval may be more than was ever seen."""
    if math.isinf(count):
        return "more than any number seen"
    if math.isinf(interval[1]):
        return f"{rough_count(count)} ({rough_count(interval[0])} to more than any number seen)"
    return interval_text(count, interval) if math.isfinite(interval[1] - interval[0]) else rough_count(count)


def _differences(result: AuditResult) -> Iterator[KeyNumber]:
    """Yield how each synthetic source differs from the real one."""
    several = len(result.quality) > 1
    for name, quality in result.quality.items():
        yield KeyNumber(
            "Label quality c²" + (f", {name}" if several else ""),
            interval_text(quality.value, quality.interval),
            f"{_share_of_variance(quality)}; 0 is perfect",
        )
    for name, shift in result.input_shift.items():
        meaning = f"how well real and synthetic inputs can be told apart; 0.5: not at all, 1: always{_spread(shift)}"
        yield KeyNumber(
            "Input shift" + (f", {name}" if several else ""), interval_text(shift.auc, shift.auc_interval), meaning
        )


def _share_of_variance(quality: Quality) -> str:
    """Return c²'s interval as a share of the real labels' variance: an estimate of zero alone would look perfect."""
    low, high = quality.relative_interval
    if not math.isfinite(low + high):
        return UNKNOWN
    scale, unit = (1, "times") if high >= MANY else (100, "% of")
    shown = [f"{float(f'{scale * end:.2g}'):,g}" for end in (low, high)]
    return f"{' to '.join(shown)} {unit} the real labels' variance"


def _spread(shift: InputShift) -> str:
    """Return how spread out the synthetic inputs are, when it is known."""
    return f"; spread {rough_text(shift.spread, 2)} times the real one" if math.isfinite(shift.spread) else ""


def validation_rows(result: AuditResult) -> Rows:
    """Return forecast against measured for every mixture that was trained as a check."""
    classification = any(point.measures for point in result.validation)
    headings = ("mixture", "ridge", "forecast", "measured", "ratio", "stderr apart")
    rows = []
    for point in result.validation:
        row = [
            mixture_text(point.counts, weight=point.weight),
            ridge_text(point.ridge),
            stderr_interval_text(point.forecast, point.forecast_stderr),
            stderr_interval_text(point.measured, point.stderr),
            f"{point.ratio:.3f}",
            f"{point.deviation:+.1f}".replace("-", "−"),
        ]
        if classification:
            shares = [accuracy_text(m, result.holdout_rows) for m in (point.measures, point.measured_measures)]
            row.append(" / ".join(shares))
        rows.append(tuple(row))
    return Rows(headings + ("accuracy, forecast / measured",) * classification, tuple(rows))


def forecast_rows(result: AuditResult) -> Rows:
    """Return the forecasts that were asked for, in order."""
    classification = any(point.measures for point in result.forecasts)
    rows = []
    for point in result.forecasts:
        row = [
            mixture_text(point.counts, weight=point.weight),
            ridge_text(point.ridge),
            interval_text(point.test_error, point.band) if point.status is Status.OK else UNKNOWN,
        ]
        if classification:
            row.append(accuracy_text(point.measures, result.holdout_rows))
        rows.append(tuple(row))
    headings = ("mixture", "ridge", "test error (90 % band)")
    return Rows(headings + ("accuracy",) * classification, tuple(rows))


def repair_rows(result: AuditResult) -> Rows:
    """Return what mending the synthetic inputs would gain."""
    rows = tuple(
        (
            f"{repair.mended}, {repair.source}" if len(result.quality) > 1 else repair.mended,
            rough_text(repair.before),
            rough_text(repair.after),
            interval_text(repair.gain, repair.interval),
        )
        for repair in result.repairs
    )
    return Rows(("mended", "before", "after", "gain (90 % interval)"), rows)


def accuracy_text(measures: dict[str, float], holdout_rows: int) -> str:
    """Return the accuracy with the digits that so many held-out rows allow; empty in regression."""
    if "accuracy" not in measures:
        return ""
    share = measures["accuracy"]
    return percent_text(share, math.sqrt(max(share * (1 - share), 1e-4) / max(holdout_rows, 1)))


def ridge_text(ridge: float) -> str:
    """Return a ridge with two digits."""
    return f"{ridge:.2g}"


def rough_count(count: float) -> str:
    """Return a number of rows that is read off a grid: two significant digits.

    Examples
    --------
    >>> rough_count(1234.0), rough_count(0.0)
    ('1,200', '0')
    """
    if not math.isfinite(count):
        return rough_text(count)
    return count_text(float(f"{count:.2g}") if count >= 10 else count)
