"""What does an audit of a distribution look like in a terminal? Verdict, findings, what is lost, what was done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from modelcollapse.decisions.distribution_result import DistributionAudit
from modelcollapse.report.distribution_summary import fact_rows, finding_rows, left_out, loss_rows, what_was_compared
from modelcollapse.report.summary import Rows

_MOST = 20
"""Findings that are shown in a terminal."""
_NARROW = 90
"""Columns of the terminal below which a table of findings leaves out the p-values."""


def distribution_json(results: Sequence[DistributionAudit]) -> dict[str, Any]:
    """Return the audit of the first synthetic source, with those of the others in a list."""
    first, *others = (result.to_dict() for result in results)
    return {**first, "others": others}


def print_distribution_audits(results: Sequence[DistributionAudit]) -> None:
    """Print audits on stdout, as wide as the terminal."""
    console = Console(highlight=False, markup=False)
    for result in results:
        if len(results) > 1:
            console.rule(result.source)
        _print(result, console)


def _print(result: DistributionAudit, console: Console) -> None:
    console.print(result.verdict, style="bold")
    if result.details:
        console.print(result.details)
    console.print(_table(finding_rows(result, most=_MOST), narrow=console.width < _NARROW))
    hidden = left_out(result, most=_MOST)
    if hidden:
        console.print(f"{hidden} more findings: --report FILE.html shows them, --json prints all measures.")
    for content in (loss_rows(result), fact_rows(result)):
        if content.rows:
            console.print(_table(content, narrow=False))
    for note in (what_was_compared(result), *result.steps):
        console.print(f"note: {note}")
    for warning in result.warnings:
        console.print(f"warning: {warning}", style="yellow")


def _table(content: Rows, *, narrow: bool) -> Table:
    """Return a table; in a narrow terminal without its last column."""
    last = len(content.headings) - (1 if narrow else 0)
    table = Table(*content.headings[:last], box=SIMPLE_HEAD)
    for row in content.rows:
        table.add_row(*row[:last])
    return table
