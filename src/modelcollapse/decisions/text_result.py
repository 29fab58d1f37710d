"""What does the audit of a text answer, besides that of any distribution? How often the tokens of each rank occur."""

from __future__ import annotations

from dataclasses import dataclass

from modelcollapse.checks import Array
from modelcollapse.decisions.distribution_result import DistributionAudit


@dataclass(frozen=True, kw_only=True)
class RankFrequencies:
    """Occurrences of tokens by rank, in parts of equal size.

    Attributes
    ----------
    ranks : array, (R,)
        Evenly spaced in their logarithm, from 1 on.
    real, low, high : arrays, (R,)
        Mean over halves of the real text, and between which values those lie.
    synthetic : array, (R,)
        Mean over parts of the synthetic text; 0 beyond its last type.
    """

    ranks: Array
    real: Array
    low: Array
    high: Array
    synthetic: Array


@dataclass(frozen=True, kw_only=True)
class TextAudit(DistributionAudit):
    """Whether a synthetic text is told apart from a second real sample, and by what.

    Attributes
    ----------
    noun : str
        What the tokens are called: ``"words"``, ``"characters"`` or ``"tokens"``.
    rank_frequencies : RankFrequencies
    """

    noun: str
    rank_frequencies: RankFrequencies
