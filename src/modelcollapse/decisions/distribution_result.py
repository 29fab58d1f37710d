"""What does an audit of a distribution answer? What is found, how sure that is, and what is lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from modelcollapse import __version__
from modelcollapse.result import Writable

Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Finding(Writable):
    """One measure of synthetic data, held against that of a second real sample of the same size.

    Attributes
    ----------
    name : str
        E.g. "spread of `age`".
    topic : str
        Family of measures it belongs to.
    real, synthetic : float
        Values. Of a comparison: of a real sample with a second real one, and with a synthetic one.
    band : (float, float)
        Between which values a second real sample lies in 90 of 100 cases, this measure alone.
    distance : float
        From what is expected of a second real sample, in standard deviations; the sign is the direction.
    p_value : float
        Corrected for all measures of the audit.
    found : bool
        Whether the corrected p-value is at most 0.05.
    sentence : str
        What the values say, in plain words, whether found or not.
    """

    name: str
    topic: str
    real: float
    synthetic: float
    band: Interval
    distance: float
    p_value: float
    found: bool
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Loss(Writable):
    """What real data has and synthetic data lacks.

    Attributes
    ----------
    name : str
        What is lost, e.g. "categories of `city`".
    count : int
        How many.
    share : float
        Of the real units.
    examples : tuple of str
        The commonest first.
    """

    name: str
    count: int
    share: float
    examples: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Fact(Writable):
    """A number that is no test.

    Attributes
    ----------
    name : str
    value : float
    interval : (float, float) or None
        90 %; None where there is none.
    meaning : str
        What it stands for, in one sentence.
    """

    name: str
    value: float
    interval: Interval | None
    meaning: str


@dataclass(frozen=True, kw_only=True)
class DistributionAudit(Writable):
    """Whether one synthetic sample is told apart from a second real one, and by what.

    Attributes
    ----------
    source : str
        What the synthetic data is called.
    verdict, details : str
        In plain sentences.
    findings : tuple of Finding
        All measures; those found first.
    losses : tuple of Loss
    facts : tuple of Fact
    unit : str
        What is counted: ``"row"`` or ``"token"``.
    counts : dict of str to int
        Units at hand: ``real``, ``synthetic``; and ``compared``, those on each side of a comparison.
    level : float
        Chance of any finding when the synthetic data is a second real sample.
    n_splits : int
        Splits of the real data that make the null.
    steps, warnings : tuple of str
        What was done, and what to look at.
    seconds : float
    seed : int
    version : str
    """

    source: str
    verdict: str
    details: str
    findings: tuple[Finding, ...]
    losses: tuple[Loss, ...]
    facts: tuple[Fact, ...]
    unit: str
    counts: dict[str, int]
    level: float
    n_splits: int
    steps: tuple[str, ...]
    warnings: tuple[str, ...]
    seconds: float
    seed: int
    version: str = __version__

    @property
    def found(self) -> tuple[Finding, ...]:
        """The findings with a corrected p-value of at most `level`."""
        return tuple(finding for finding in self.findings if finding.found)

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, strings and lists for JSON, with how many measures and findings there are."""
        return {**super().to_dict(), "n_measures": len(self.findings), "n_found": len(self.found)}
