"""How does an audit of a distribution become one page? What was found, what is lost, and how that is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelcollapse.decisions.distribution_result import DistributionAudit
from modelcollapse.figures.findings import draw_findings, findings_data
from modelcollapse.report.distribution_summary import fact_rows, finding_rows, left_out, loss_rows, what_was_compared
from modelcollapse.report.paths import check_report_path
from modelcollapse.report.rendering import Panel, panel, render, write_page
from modelcollapse.report.summary import Rows

MorePanels = Callable[[DistributionAudit], Sequence[Panel]]


@dataclass(frozen=True)
class Section:
    """What the page shows of one synthetic source."""

    result: DistributionAudit
    panels: tuple[Panel, ...]
    findings: Rows
    compared: str
    left_out: int
    losses: Rows
    facts: Rows


def write_distribution_report(
    results: Sequence[DistributionAudit], path: str | Path, *, panels: MorePanels | None = None
) -> None:
    """Write audits of distributions, one for each synthetic source, as one HTML file that opens offline.

    Parameters
    ----------
    results : sequence of DistributionAudit
        Against the same real data.
    path : str or Path
        An existing file is replaced once the new one is complete.
    panels : callable, optional
        Returns further figures of one audit, whose names start with its source.

    Raises
    ------
    InputError
        When the folder is missing, or the file cannot be written.
    """
    check_report_path(path)
    write_page(render_distribution_report(results, panels=panels), path)


def render_distribution_report(results: Sequence[DistributionAudit], *, panels: MorePanels | None = None) -> str:
    """Return the page as HTML text; the same results give the same bytes."""
    sections = [_section(result, panels) for result in results]
    return render("distribution.html", sections=sections, first=results[0])


def _section(result: DistributionAudit, panels: MorePanels | None) -> Section:
    found = len(result.found)
    sentence = f"{found} of {len(result.findings)} measures tell the synthetic data from a second real sample."
    overview = panel(
        f"{result.source}-findings",
        "What tells it from real data?",
        sentence,
        "Every measure, by what it is about: how far it is from what a second real sample of the same size gives.",
        draw_findings(findings_data(result)),
    )
    return Section(
        result=result,
        panels=(overview, *(panels(result) if panels else ())),
        findings=finding_rows(result),
        compared=what_was_compared(result),
        left_out=left_out(result),
        losses=loss_rows(result),
        facts=fact_rows(result),
    )
