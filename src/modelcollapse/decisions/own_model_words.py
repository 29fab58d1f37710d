"""What is the answer for the model that is really trained? One sentence, what else to know, and how sure it is."""

from __future__ import annotations

import math

from modelcollapse.decisions.own_model_result import Estimate, OwnForecast
from modelcollapse.decisions.verdict import CERTAIN, CHOSEN, CLOSE, LIKELY, NEGLIGIBLE, NOT_ENOUGH, Verdict
from modelcollapse.digits import rows_text, share_text
from modelcollapse.estimation.wording import counted

MIDDLING = 0.1
"""With laws this close (median) to models left out, confidence is medium at most."""


def judge_own_model(
    name: str,
    *,
    best_synthetic: float,
    at_hand: OwnForecast,
    gain: Estimate,
    gain_ratio: float,
    harm: Estimate,
    harm_ratio: float,
    harmful_count: Estimate,
    deviation: float,
    n_fits: int,
    ridge_verdict: str,
) -> Verdict:
    """Put the answer into one sentence.

    Parameters
    ----------
    name : str
        Of the estimator.
    best_synthetic : float
        Synthetic rows of the best mixture.
    at_hand : OwnForecast
    gain, harm : Estimate
        As in `OwnModel`.
    gain_ratio, harm_ratio : float
        The same in standard errors.
    harmful_count : Estimate
    deviation : float
        Median |forecast/measured − 1| over models left out.
    n_fits : int
    ridge_verdict : str
        What the audit says of ridge regression.
    """
    mix_in = best_synthetic > 0 and gain_ratio >= CHOSEN
    synthetic = sum(count for source, count in at_hand.counts.items() if source != "real")
    if mix_in and gain.value >= NEGLIGIBLE:
        more = f" ({rows_text(synthetic)} are at hand)" if best_synthetic > synthetic else ""
        sentence = (
            f"For {name}, mix in {rows_text(best_synthetic)} synthetic rows{more}: its test error falls by "
            f"{_share(gain)} against the real rows alone."
        )
    elif mix_in:
        sentence = f"For {name} the synthetic rows hardly matter: they lower its test error by {_share(gain)} only."
    elif harm_ratio > LIKELY:
        sentence = f"For {name}, leave the synthetic rows out: no mixture is clearly better than the real rows alone."
    elif best_synthetic == 0 and harm.value >= NEGLIGIBLE:
        sentence = f"{NOT_ENOUGH} whether the synthetic rows harm {name}."
    elif best_synthetic == 0 or gain.interval[1] < NEGLIGIBLE:
        sentence = f"For {name} the synthetic rows make no difference that shows."
    else:
        sentence = f"{NOT_ENOUGH} whether the synthetic rows help {name}."
    confidence, reason = _confidence(
        deviation, gain_ratio if mix_in else max(gain_ratio, harm_ratio, 0.0), n_fits=n_fits
    )
    parts = (_as_they_are(harm, harm_ratio), _limit(harmful_count, synthetic, mix_in=mix_in), _proxy(ridge_verdict))
    return Verdict(
        sentence=sentence,
        details=" ".join(part for part in parts if part),
        confidence=confidence,
        reason=reason,
        mix_in=mix_in,
    )


def _share(change: Estimate) -> str:
    """Return a relative change with its interval."""
    low, high = change.interval
    ends = [f"{'−' if end < 0 else ''}{share_text(end).removesuffix(' %')}" for end in (low, high)]
    return f"{share_text(change.value)} ({' to '.join(ends)} %)"


def _as_they_are(harm: Estimate, harm_ratio: float) -> str:
    """Say what simply adding every synthetic row does."""
    if abs(harm_ratio) < LIKELY:
        return "Adding all synthetic rows as they are changes its error by less than these models can tell."
    if harm.value > 0:
        return f"Adding all synthetic rows as they are raises its error by {_share(harm)}."
    low, high = harm.interval
    fall = Estimate(value=-harm.value, interval=(-high, -low))
    return f"Adding all synthetic rows as they are lowers its error by {_share(fall)}."


def _limit(harmful_count: Estimate, synthetic: float, *, mix_in: bool) -> str:
    """Say beyond how many synthetic rows they do harm, where that can be told."""
    if not mix_in or not math.isfinite(harmful_count.value) or harmful_count.value <= synthetic:
        return ""
    return f"Beyond about {rows_text(harmful_count.value)} they do harm."


def _proxy(ridge_verdict: str) -> str:
    """Say what the audit says of ridge regression."""
    return f"For ridge regression, the audit's proxy: {ridge_verdict[:1].lower()}{ridge_verdict[1:]}"


def _confidence(deviation: float, ratio: float, *, n_fits: int) -> tuple[str, str]:
    """Return the confidence and its reason."""
    against = (
        f"the laws are within {share_text(deviation)} (median) of {counted(n_fits, 'trained model')} left out in turn"
    )
    if ratio > CERTAIN and deviation < CLOSE:
        return "high", f"{against}, and the difference is {ratio:.0f} standard errors"
    if ratio > LIKELY and deviation < MIDDLING:
        return "medium", f"{against}; the difference is {ratio:.1f} standard errors"
    return "low", f"{against}, and the difference is {ratio:.1f} standard errors"
