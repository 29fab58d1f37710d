"""What is measured of a distribution? A name, what it is about, the scale it is judged on, and the words for it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from modelcollapse.digits import rough_text, share_text

ROUNDING = 1e-9
"""Share of what was added below which the rest is rounding."""

_SHOWN: dict[str, Callable[[float], float]] = {
    "plain": lambda value: value,
    "log": math.exp,
    "root": lambda value: max(value, 0.0) ** 2,
    "fisher": math.tanh,
}


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One number about a sample, or about two samples of equal size.

    Attributes
    ----------
    noun : str
        What is measured, e.g. ``"spread"``.
    subject : str
        Of what, e.g. "`age`"; empty when there is only one.
    topic : str
        Family of measures it belongs to, e.g. ``"spread"``.
    less, more : str
        Sentences for a synthetic value below and above the real one, with the fields ``{subject}``, ``{real}``,
        ``{synthetic}``, the same as percentages ``{real_share}``, ``{synthetic_share}``, and ``{change}``: how far the
        synthetic value is from the real one, as a percentage of it.
    comparison : bool
        Whether two samples are compared (the mass of the one that is absent from the other); else one sample is
        summarised, and the summaries of two samples are subtracted.
    scale : {"plain", "log", "root", "fisher"}
        What is judged: the value, its logarithm, its square root (on which chance is alike for all shares), or its area
        hyperbolic tangent (on which it is alike for all correlations).
    grain : float
        What one unit of the sample can change, on the scale it is judged on: less is never told from none; at least 0.
        Of a summary that changes alike in both directions, its standard deviation, as halves of one sample hide it.
    added : float
        What was added to the value before its logarithm was taken, and is not part of it; at least 0.
    """

    noun: str
    subject: str = ""
    topic: str
    less: str
    more: str
    comparison: bool = False
    scale: Literal["plain", "log", "root", "fisher"] = "plain"
    grain: float = 0.0
    added: float = 0.0

    @property
    def name(self) -> str:
        """Noun and subject, e.g. "spread of `age`"."""
        return f"{self.noun} of {self.subject}" if self.subject else self.noun

    def shown(self, value: float) -> float:
        """Return what is judged as the value that people are shown."""
        shown = _SHOWN[self.scale](float(value)) - self.added
        return 0.0 if self.added > 0 and shown < ROUNDING * self.added else shown

    def sentence(self, real: float, synthetic: float) -> str:
        """Return what the shown values say, in plain words.

        Examples
        --------
        >>> spread = Measure(
        ...     noun="spread",
        ...     subject="`age`",
        ...     topic="spread",
        ...     less="{subject} varies {change} less than in real data",
        ...     more="{subject} varies {change} more than in real data",
        ... )
        >>> spread.name, spread.sentence(2.0, 1.8)
        ('spread of `age`', '`age` varies 10 % less than in real data')
        """
        change = abs(synthetic / real - 1) if real else np.inf
        return (self.less if synthetic < real else self.more).format(
            subject=self.subject,
            real=rough_text(real),
            synthetic=rough_text(synthetic),
            real_share=share_text(real),
            synthetic_share=share_text(synthetic),
            change=share_text(change) if np.isfinite(change) else "beyond measure",
        )
