"""What does a recommendation consist of? What to do, why, how sure that is, and what would change it."""

from __future__ import annotations

from dataclasses import dataclass

from modelcollapse.digits import rough_text, share_text

FACTOR = 1.1
"""Excess risk relative to that of real data only that is put up with, when nothing else is said."""


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
