"""What does one see in each figure? Plain sentences, written from the numbers that the figure draws."""

from __future__ import annotations

import math

import numpy as np

from modelcollapse.decisions.audit_result import AuditResult, MixtureForecast, SurfaceTable
from modelcollapse.digits import (
    HALF_WIDTH_90,
    count_text,
    interval_text,
    percent_text,
    rough_text,
    stderr_interval_text,
)
from modelcollapse.figures.surface import surface_data
from modelcollapse.report.summary import MANY, rough_count

_TOO_LITTLE = "There is not enough data to tell."


def say_curves(result: AuditResult) -> str:
    """Say what more data does."""
    now, doubled, floor = result.real_only, result.doubled_real, result.floor
    if not math.isfinite(now.test_error):
        return _TOO_LITTLE
    parts = [f"Doubling the real rows {_change(now, doubled)}."]
    if math.isfinite(floor.real_only):
        parts.append(f"Endless real rows would bring the test error to {rough_text(floor.real_only)}")
        if math.isfinite(floor.mixture):
            parts[-1] += f", endless rows of all sources in the proportions at hand to {rough_text(floor.mixture)}"
        parts[-1] += "."
    return " ".join(parts)


def _change(before: MixtureForecast, after: MixtureForecast) -> str:
    """Return what happens to the test error between two mixtures, as the end of a sentence."""
    if not math.isfinite(after.test_error):
        return "leads beyond what the data can tell"
    difference = after.test_error - before.test_error
    if abs(difference) < min(before.stderr, after.stderr):
        return "changes the test error by less than can be told"
    if after.test_error > (1 + MANY) * before.test_error:
        return f"makes the test error about {rough_text(after.test_error / before.test_error, 2)} times as large"
    share = percent_text(abs(difference) / before.test_error, min(before.stderr, after.stderr) / before.test_error)
    return f"{'lowers' if difference < 0 else 'raises'} the test error by about {share}"


def say_surface(result: AuditResult, table: SurfaceTable) -> str:
    """Say where the smallest error lies."""
    known = np.isfinite(table.test_error)
    marked = surface_data(result, table)
    best = marked.best
    if not known.any() or best is None:
        return _TOO_LITTLE
    if best[1] == 0:
        parts = ["With the real rows at hand, the smallest error is reached without synthetic rows."]
    else:
        parts = [
            f"With the {count_text(best[0])} real rows at hand, the smallest error is reached with about "
            f"{count_text(best[1])} synthetic rows at weight {marked.best_weight:.2g}."
        ]
    parts.append(
        f"Over the whole map the error runs from {rough_text(float(np.nanmin(table.test_error)))} to "
        f"{rough_text(float(np.nanmax(table.test_error)))}; {table.n_mixtures:,} mixtures were forecast for it, each "
        "pair of counts shown at its best weight and ridge."
    )
    if not known.all():
        parts.append("The hatched part lies beyond what the data can tell.")
    return " ".join(parts)


def say_exchange_rate(result: AuditResult) -> str:
    """Say what a synthetic row is worth, and where that ends."""
    rate = result.exchange_rate
    known = np.isfinite(rate.curve)
    if not known.any():
        return _TOO_LITTLE
    parts = []
    if math.isfinite(rate.marginal):
        worth = "is worth" if rate.marginal >= 0 else "hurts: it is worth"
        parts.append(
            f"At the mixture at hand, one more synthetic row {worth} "
            f"{interval_text(rate.marginal, rate.interval)} real rows."
        )
    counts, curve = rate.counts[known], rate.curve[known]
    if (curve > 0).all():
        parts.append(f"Synthetic rows of weight 1 help all the way up to {rough_count(float(counts[-1]))} of them.")
    elif (curve < 0).all():
        parts.append("At weight 1, synthetic rows hurt from the first one on.")
    else:
        parts.append(
            f"At weight 1, the line crosses zero at about {_listing(zero_crossings(counts, curve))} synthetic rows."
        )
    return " ".join(parts)


def zero_crossings(counts: np.ndarray, curve: np.ndarray) -> list[float]:
    """Return the counts at which a curve changes its sign, by straight lines between its points.

    Examples
    --------
    >>> zero_crossings(np.array([10.0, 20.0, 40.0]), np.array([1.0, 0.5, -0.5]))
    [30.0]
    """
    before = np.flatnonzero(curve[:-1] * curve[1:] < 0)
    share = curve[before] / (curve[before] - curve[before + 1])
    return [float(count) for count in counts[before] + share * (counts[before + 1] - counts[before])]


def _listing(counts: list[float]) -> str:
    return " and ".join(rough_count(count) for count in counts)


def say_damage(result: AuditResult) -> str:
    """Say what labels and inputs of each synthetic source cost."""
    parts = []
    for name, damage in result.damage.items():
        quality = result.quality[name]
        if not math.isfinite(damage.total):
            parts.append(f"What {name} costs: {_TOO_LITTLE[0].lower()}{_TOO_LITTLE[1:]}")
            continue
        labels = _cost(damage.labels, damage.stderr["labels"])
        inputs = _cost(damage.inputs, damage.stderr["inputs"])
        parts.append(
            f"Against as many real rows, {name}: its labels {labels} and its inputs {inputs}; "
            f"c² = {interval_text(quality.value, quality.interval)}."
        )
    return " ".join(parts) or _TOO_LITTLE


def _cost(part: float, stderr: float) -> str:
    """Return what a part of the damage does, as the end of a sentence."""
    if abs(part) < HALF_WIDTH_90 * stderr:
        return "make no difference that shows"
    return f"{'cost' if part >= 0 else 'win back'} {stderr_interval_text(abs(part), stderr)} of test error"


def say_validation(result: AuditResult) -> str:
    """Say how well the forecast did against trained models."""
    if not result.validation:
        return "No model could be trained as a check on this little data."
    median = float(np.median([abs(point.ratio - 1) for point in result.validation]))
    off = f"{100 * median:.1f} %" if median < MANY else f"{rough_text(median, 2)} times what was measured"
    inside = sum(abs(point.deviation) <= HALF_WIDTH_90 for point in result.validation)
    mixtures, models = len(result.validation), sum(point.repeats for point in result.validation)
    return (
        f"{models} models were trained on {mixtures} mixtures of rows that the forecast had not seen. The forecast was "
        f"off by {off} in the median, and {inside} of {mixtures} lie within their 90 % interval."
    )


def say_spectrum(result: AuditResult) -> str:
    """Say along how many directions the inputs vary."""
    parts = []
    for name, values in result.spectrum.items():
        total = float(np.sum(values))
        if total > 0:
            directions = int(np.searchsorted(np.cumsum(values), 0.9 * total)) + 1
            parts.append(f"{directions} of {len(values)} directions for {name}")
    return f"90 % of the second moment lies along {' and '.join(parts)}." if parts else _TOO_LITTLE
