"""What does a recommendation consist of? What to do, why, how sure that is, and what would change it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.digits import rough_text, share_text

FACTOR = 1.1
"""Excess risk relative to that of real data only that is put up with, when nothing else is said."""
EQUAL = 1.01
"""Risks within this factor of the smallest count as about as good."""
WASTED = 1.001
"""Money that lowers the smallest risk by less than this factor is not spent."""
SAVED = 0.9
"""Share of the money that is left after saving a tenth."""


@dataclass(frozen=True, kw_only=True)
class Advice:
    """A recommendation in sentences.

    Attributes
    ----------
    recommendation : str
        What to do, in one sentence.
    reasons, uncertainty, changes : tuples of str
        Why; how sure it is; what would change it.
    """

    recommendation: str
    reasons: tuple[str, ...]
    uncertainty: tuple[str, ...]
    changes: tuple[str, ...]


def about_as_good(share: Array, risk: Array) -> tuple[float, float]:
    """Return the shares (S,), in ascending order, about the best whose risk (S,) is within `EQUAL` of the smallest.

    Examples
    --------
    >>> about_as_good(np.array([0.0, 0.2, 0.4, 0.6]), np.array([1.005, 1.2, 1.002, 1.0]))
    (0.4, 0.6)
    """
    best = int(np.nanargmin(risk))
    good = risk <= EQUAL * risk[best]
    first = best - int(np.argmin(np.append(good[: best + 1][::-1], False))) + 1
    last = best + int(np.argmin(np.append(good[best:], False))) - 1
    return float(share[first]), float(share[last])


def shares_text(low: float, high: float) -> str:
    """Return the subject of a sentence on shares that are about as good.

    Examples
    --------
    >>> shares_text(0.1, 0.25), shares_text(1.0, 1.0)
    ('Any share from 10 % to 25 %', 'Only a share of 100 %')
    """
    ends = share_text(low), share_text(high)
    return f"Only a share of {ends[0]}" if ends[0] == ends[1] else f"Any share from {ends[0]} to {ends[1]}"


def compared(value: float, unit: float) -> str:
    """Return how a risk compares with another one.

    Examples
    --------
    >>> compared(0.9, 1.0), compared(1.2, 1.0), compared(1.0, 1.0)
    ('10 % below', '20 % above', 'as large as')
    """
    change = value / unit - 1
    if abs(change) < 5e-4:
        return "as large as"
    return f"{share_text(change)} {'below' if change < 0 else 'above'}"


def theory_error(n_samples: float) -> str:
    """Return the sentence on what theory leaves out.

    Examples
    --------
    >>> theory_error(400)
    'Theory is right up to errors of the order of 1/n_samples, here 0.25 %; inputs are taken to be Gaussian.'
    """
    return (
        f"Theory is right up to errors of the order of 1/n_samples, here {rough_text(100 / n_samples, 2)} %; "
        "inputs are taken to be Gaussian."
    )
