"""Which findings, losses and facts of a distribution audit are shown? The rows of the page and of the terminal."""

from __future__ import annotations

from modelcollapse.decisions.distribution_result import DistributionAudit, Fact, Finding
from modelcollapse.digits import interval_text, rough_text, share_text
from modelcollapse.report.summary import Rows

MOST_ROWS = 40
"""Findings that are shown, at most."""
FEWEST_ROWS = 5
"""Measures that are shown when none is found."""


def finding_rows(result: DistributionAudit, *, most: int = MOST_ROWS) -> Rows:
    """Return the measures that tell the data apart, or else those that come closest to it."""
    shown = result.found[:most] or result.findings[:FEWEST_ROWS]
    headings = ("measure", "synthetic", "a second real sample", "distance", "p")
    return Rows(headings, tuple(_finding_row(finding) for finding in shown))


def _finding_row(finding: Finding) -> tuple[str, ...]:
    real = interval_text(finding.real, finding.band)
    distance = f"{finding.distance:+.1f}".replace("-", "−").replace("inf", "∞")
    return finding.name, rough_text(finding.synthetic), real, distance, f"{finding.p_value:.3f}"


def left_out(result: DistributionAudit, *, most: int = MOST_ROWS) -> int:
    """Return how many measures that tell the data apart are not shown."""
    return max(0, len(result.found) - most)


def loss_rows(result: DistributionAudit) -> Rows:
    """Return what is lost, with the commonest examples."""
    rows = tuple(
        (loss.name, f"{loss.count:,}", share_text(loss.share), ", ".join(loss.examples)) for loss in result.losses
    )
    return Rows(("lost", "number", f"share of real {result.unit}s", "the commonest"), rows)


def fact_rows(result: DistributionAudit) -> Rows:
    """Return numbers that are no test."""
    return Rows(("number", "value", "what it is"), tuple((f.name, _value(f), f.meaning) for f in result.facts))


def _value(fact: Fact) -> str:
    return rough_text(fact.value) if fact.interval is None else interval_text(fact.value, fact.interval)


def what_was_compared(result: DistributionAudit) -> str:
    """Return what columns of the table of findings are, in a sentence."""
    n_measures = len(result.findings)
    return (
        f"{len(result.found)} of {n_measures} measures tell the synthetic {result.unit}s apart. In brackets: where a "
        "second real sample lies in 90 of 100 cases; distance: from what it gives on average, in its standard "
        f"deviations; p: corrected for all {n_measures} measures, {100 * result.level:g} % or less is found."
    )
