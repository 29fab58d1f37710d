"""What is the answer in one sentence, and how sure is it? Words for the numbers of an audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelcollapse.decisions.audit_result import Crossover, MixtureForecast, ValidationPoint
from modelcollapse.digits import rows_text, share_text
from modelcollapse.estimation.wording import counted

CERTAIN, LIKELY = 3.0, 1.645
"""Differences in standard errors that count as certain and as likely."""
CHOSEN = 2.5
"""The same for the gain of the best mixture: it was chosen among many, of which the luckiest look good."""
MOST_DEVIANT = 2.0
"""Root mean square deviation from trained models, in joint standard errors, beyond which the two disagree.
The points share their rows, so that their deviations may be almost one and the same: chance exceeds this once in
twenty at most."""
UNREMARKABLE = 1.645
"""Root mean square deviation that chance often reaches: standard errors grow by what goes beyond it."""
NEGLIGIBLE = 0.01
"""Share of the test error below which a gain does not matter, however sure it is."""
NOT_ENOUGH = "There is not enough data to tell"
"""How a verdict begins that recommends nothing."""
CLOSE, ENOUGH_CHECKS = 0.05, 4
"""High confidence needs forecasts this close (median) to models trained on at least this many mixtures."""


@dataclass(frozen=True)
class Agreement:
    """How the forecast fared against models trained on the spot.

    Attributes
    ----------
    holds : bool
        False when forecasts lie too many joint standard errors from trained models.
    median_deviation : float
        Median |forecast/measured − 1|; NaN without points.
    inflation : float
        Factor ≥ 1 by which stated standard errors must grow to match what was seen.
    points : int
        Mixtures compared.
    """

    holds: bool
    median_deviation: float
    inflation: float
    points: int


def agreement(points: Sequence[ValidationPoint]) -> Agreement:
    """Judge forecasts against models trained on the spot, in their joint standard errors."""
    if not points:
        return Agreement(holds=False, median_deviation=np.nan, inflation=1.0, points=0)
    deviations = np.array([point.deviation for point in points])
    typical = float(np.sqrt(np.mean(deviations**2)))
    return Agreement(
        holds=typical <= MOST_DEVIANT,
        median_deviation=float(np.median([abs(point.ratio - 1.0) for point in points])),
        inflation=max(1.0, typical / UNREMARKABLE),
        points=len(points),
    )


@dataclass(frozen=True)
class Verdict:
    """One sentence for a manager, what else to know, and the confidence with its reason.

    `mix_in` says whether the best mixture is to be recommended over the real rows alone.
    """

    sentence: str
    details: str
    confidence: str
    reason: str
    mix_in: bool


def judge(
    *,
    real_only: MixtureForecast,
    at_hand: MixtureForecast,
    best: MixtureForecast,
    gain_stderr: float,
    harm_stderr: float,
    crossover: Crossover,
    checked: Agreement,
) -> Verdict:
    """Put the answer into one sentence.

    Parameters
    ----------
    real_only, at_hand, best : MixtureForecast
        As in `AuditResult`.
    gain_stderr, harm_stderr : float
        Standard errors of `real_only` − `best` and of `at_hand` − `real_only`.
    crossover : Crossover
        Where synthetic rows stop helping.
    checked : Agreement
        With models trained on the spot.
    """
    gain = real_only.test_error - best.test_error
    harm = at_hand.test_error - real_only.test_error
    advice = _advice(real_only, best, at_hand, gain=gain, gain_stderr=gain_stderr, harm=harm, harm_stderr=harm_stderr)
    warning = _warning(checked)
    rest = (
        advice if warning else "",
        _as_they_are(real_only, at_hand, harm=harm, harm_stderr=harm_stderr),
        _limit(crossover, at_hand, harmful=_ratio(harm, harm_stderr) > LIKELY) if np.isfinite(gain) else "",
    )
    mix_in = gains_clearly(gain, gain_stderr)
    decisive = _ratio(gain, gain_stderr) if mix_in else _ratio(max(harm, 0.0), harm_stderr)
    decisive = decisive if np.isfinite(gain) else np.nan
    confidence, reason = _confidence(checked, decisive)
    details = " ".join(part for part in rest if part)
    return Verdict(
        sentence=warning or advice,
        details=details,
        confidence=confidence,
        reason=reason,
        mix_in=mix_in,
    )


def gains_clearly(gain: float, gain_stderr: float) -> bool:
    """Say whether the best mixture's gain is more than the luck of having been chosen."""
    return _ratio(gain, gain_stderr) >= CHOSEN


def _ratio(difference: float, stderr: float) -> float:
    """Return a difference in standard errors; 0 when unknown."""
    return difference / stderr if stderr > 0 and np.isfinite(difference) else 0.0


def synthetic_rows(mixture: MixtureForecast) -> float:
    """Return the synthetic samples of a mixture."""
    return sum(count for name, count in mixture.counts.items() if name != "real")


def _warning(checked: Agreement) -> str:
    """Say first that the forecast failed its check, if it did."""
    if checked.points == 0:
        return "The forecast could not be checked against trained models: there is too little data."
    if checked.holds:
        return ""
    return (
        "The forecast disagrees with models trained on the spot "
        f"(typically by {share_text(checked.median_deviation)}): "
        "do not rely on its numbers."
    )


def _advice(
    real_only: MixtureForecast,
    best: MixtureForecast,
    at_hand: MixtureForecast,
    *,
    gain: float,
    gain_stderr: float,
    harm: float,
    harm_stderr: float,
) -> str:
    """Say what to do with the synthetic rows."""
    if not np.isfinite(gain):
        return f"{NOT_ENOUGH} what the synthetic rows do."
    synthetic = synthetic_rows(best)
    if not gains_clearly(gain, gain_stderr):
        if _ratio(harm, harm_stderr) > LIKELY:
            reason = ": no mixture is clearly better than the real rows alone" if synthetic else ""
            return f"Leave the synthetic rows out{reason}."
        if synthetic == 0 or gain + LIKELY * gain_stderr < NEGLIGIBLE * real_only.test_error:
            return "The synthetic rows make no difference that shows."
        return f"{NOT_ENOUGH} whether the synthetic rows help."
    weight = "" if best.weight == 1.0 else f" at weight {best.weight:g}"
    used = [name for name, count in best.counts.items() if name != "real" and count > 0]
    which = "synthetic rows" if len(best.counts) == 2 else f"rows of {' and '.join(used)}"
    held = sum(at_hand.counts[name] for name in used)
    more = f" ({rows_text(held)} are at hand)" if synthetic > held else ""
    mixture, share = f"{rows_text(synthetic)} {which}{more}{weight}", gain / real_only.test_error
    remarks = _in_brackets(_accuracy(real_only, best))
    if share < NEGLIGIBLE:
        return f"The synthetic rows hardly matter: {mixture} lower the test error by {share_text(share)} only{remarks}."
    return f"Mix in {mixture}: the test error falls by {share_text(share)} against the real rows alone{remarks}."


def _accuracy(before: MixtureForecast, after: MixtureForecast) -> str:
    """Say what becomes of the accuracy, in classification."""
    if "accuracy" not in before.measures or not np.isfinite(before.measures["accuracy"] + after.measures["accuracy"]):
        return ""
    was, becomes = (f"{100 * found.measures['accuracy']:.1f} %" for found in (before, after))
    return f"accuracy {was} to {becomes}"


def _in_brackets(*remarks: str) -> str:
    """Return the remarks that say something, in brackets after a space."""
    said = "; ".join(remark for remark in remarks if remark)
    return f" ({said})" if said else ""


def _as_they_are(real_only: MixtureForecast, at_hand: MixtureForecast, *, harm: float, harm_stderr: float) -> str:
    """Say what simply adding every synthetic row does."""
    if not np.isfinite(harm):
        return ""
    change = share_text(harm / real_only.test_error)
    adding = f"Adding all {'of them' if len(at_hand.counts) == 2 else 'synthetic rows'} as they are"
    if abs(_ratio(harm, harm_stderr)) < LIKELY:
        estimate = f"estimate: {change} {'higher' if harm > 0 else 'lower'}"
        remarks = _in_brackets(estimate, _accuracy(real_only, at_hand))
        return f"{adding} changes the error by less than this data can tell{remarks}."
    remarks = _in_brackets(_accuracy(real_only, at_hand))
    return f"{adding} {'raises' if harm > 0 else 'lowers'} the error by {change}{remarks}."


def _limit(crossover: Crossover, at_hand: MixtureForecast, *, harmful: bool) -> str:
    """Say beyond how many synthetic rows of weight 1 they do harm, where that can be told."""
    if crossover.harmful_count is None or crossover.best_count == 0:
        return ""
    if crossover.harmful_count <= synthetic_rows(at_hand) and not harmful:
        return ""
    return f"Beyond about {rows_text(crossover.harmful_count)} rows at full weight they do harm."


def _confidence(checked: Agreement, decisive: float) -> tuple[str, str]:
    """Return the confidence and its reason."""
    if checked.points == 0:
        return "low", "no trained model could be compared"
    against = f"models trained on {counted(checked.points, 'mixture')}"
    if not checked.holds:
        return "low", f"the forecast lies outside its stated error for too many of the {against}"
    typical = f"the forecast is within {share_text(checked.median_deviation)} (median) of {against}"
    if np.isnan(decisive):
        return "low", f"{typical}, but this data cannot tell what the real rows alone or the best mixture reach"
    if decisive > CERTAIN and checked.median_deviation < CLOSE and checked.points >= ENOUGH_CHECKS:
        return "high", f"{typical} and the difference is {decisive:.0f} standard errors"
    if decisive > LIKELY:
        return "medium", f"{typical}; the difference is {decisive:.1f} standard errors"
    return "low", f"{typical}, but the difference is only {decisive:.1f} standard errors"
