"""How is a comparison of theory with simulation told? Whether they agree, and what would have been seen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from modelcollapse.decisions.agreement import AGREEMENT, ROUNDING
from modelcollapse.digits import rough_text, share_text

if TYPE_CHECKING:
    from modelcollapse.decisions.agreement import Quantity

LISTED = 6
"""Most quantities that are named as wrong."""


def verdict(
    quantities: Mapping[str, Quantity], *, headline: str, interrupted: bool, threshold: bool, exact: bool = False
) -> tuple[bool | None, str]:
    """Return whether theory and simulation agree, None where it cannot be judged, and say so.

    Parameters
    ----------
    quantities : mapping of str to Quantity
    headline : str
        Name of the quantity that sizes and visible errors are told of.
    interrupted : bool
        Whether a simulation was stopped before the end.
    threshold : bool
        Whether no size is away from the interpolation threshold.
    exact : bool
        Whether theory holds at every size, so that nothing was extrapolated.
    """
    how = "" if exact else "extrapolated to large sizes, "
    told, words = quantities[headline], headline.replace("_", " ")
    if interrupted:
        return None, f"Cannot be judged: the simulation was interrupted.{_own_size(told, words)}"
    if threshold:
        return None, (
            "Cannot be judged: without ridge and with about as many samples as parameters, the interpolation "
            "threshold, there is no finite mean. Add a ridge or samples."
        )
    judged = {name: abs(q.deviation_in_stderr) for name, q in quantities.items() if q.agree is not None}
    if headline not in judged:
        if exact:
            return None, f"Cannot be judged: the {words} rests on events that no replicate has seen. Take more of them."
        return None, f"Cannot be judged: the simulation gives no finite {words}."
    furthest = sorted(judged, key=lambda name: -judged[name])
    if judged[furthest[0]] > AGREEMENT:
        wrong = [f"{name} ({_stderr_text(judged[name])})" for name in furthest if judged[name] > AGREEMENT]
        return False, f"Theory and simulation disagree: {how}{_listed(wrong)}."
    return True, (
        f"Theory and simulation agree: {how}all {len(judged)} quantities are within "
        f"{AGREEMENT:g} standard errors of theory (the furthest, {furthest[0]}: {judged[furthest[0]]:.1f})."
        f"{_own_size(told, words)}{_sensitivity(told, words)}"
    )


def _listed(wrong: list[str]) -> str:
    """Return the first of what is wrong, and how many more there are."""
    more = [f"and {len(wrong) - LISTED} more"] if len(wrong) > LISTED else []
    return ", ".join(wrong[:LISTED] + more)


def _own_size(told: Quantity, words: str) -> str:
    """Say how far theory is from the simulation at the problem's own size, where that is known."""
    if math.isinf(told.simulation):
        return (
            f" At the problem's own size, within one of as many samples as parameters, the {words} has no finite mean."
        )
    if math.isnan(told.finite_size_gap):
        return ""
    if abs(told.finite_size_gap) < ROUNDING:
        return f" At the problem's own size the simulated {words} is that of theory, to rounding."
    side = "below" if told.difference < 0 else "above"
    return f" At the problem's own size the simulated {words} is {share_text(told.finite_size_gap)} {side} theory."


def _sensitivity(told: Quantity, words: str) -> str:
    """Say which error of theory would have been seen."""
    if not told.theory:
        return f" The {words} is 0 on both sides."
    share = told.visible_error / told.theory
    if share < 2 * ROUNDING:
        return " Any error of theory above rounding would have been seen."
    return f" An error of theory of {share_text(share)} would have been seen."


def _stderr_text(deviation: float) -> str:
    return f"by {rough_text(deviation, 2)} standard errors" if math.isfinite(deviation) else "an exact number"
