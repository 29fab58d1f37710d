"""Does a table of runs look as if something was meant differently? Units that do not match, accuracies as losses."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from modelcollapse.checks import Array
from modelcollapse.digits import amount_text

UNIT_FACTOR = 1e5
"""Amounts further apart than this can hardly matter to the same model: they are counted in different units."""
FEWEST = 4
"""Runs of different amounts from which a trend is read off."""
TREND = 0.5
"""Rank correlation of loss and data above which what is called a loss grows with data."""


def other_units(real: Array, synthetic: Array, *, unit: str) -> tuple[str, ...]:
    """Return a warning when the usual amounts of both kinds of data, (n,) each, are more than `UNIT_FACTOR` apart."""
    if not ((real > 0).any() and (synthetic > 0).any()):
        return ()
    usual = float(np.median(real[real > 0])), float(np.median(synthetic[synthetic > 0]))
    if abs(math.log(usual[0] / usual[1])) < math.log(UNIT_FACTOR):
        return ()
    return (
        f"`real` is usually {amount_text(usual[0])} and `synthetic` {amount_text(usual[1])} {unit}: check that both "
        "are counted in the same unit.",
    )


def growing_score(real: Array, synthetic: Array, loss: Array) -> str:
    """Say that what is called a loss, (n,), is most likely an accuracy: shares that grow with data; empty otherwise.

    Runs on real data alone are looked at, where these are enough.
    """
    clean = synthetic == 0
    seen = clean if len(np.unique(real[clean])) >= FEWEST else np.ones(len(loss), dtype=bool)
    total = (real + synthetic)[seen]
    if loss.max() > 1 or len(np.unique(total)) < FEWEST or np.ptp(loss[seen]) == 0:
        return ""
    if stats.spearmanr(total, loss[seen]).statistic < TREND:
        return ""
    return "`loss` lies between 0 and 1 and grows with data: if it is an accuracy, give 1 minus it."
