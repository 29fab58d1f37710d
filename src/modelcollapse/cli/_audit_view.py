"""What does an audit look like in a terminal? Verdict, key numbers, checks, what was done, warnings."""

from __future__ import annotations

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from modelcollapse.decisions.audit_result import AuditResult
from modelcollapse.decisions.own_model_result import OwnModel
from modelcollapse.report.own_model_summary import law_rows, own_forecast_rows, own_key_numbers, say_own_model
from modelcollapse.report.summary import (
    WHAT_BANDS_ARE,
    KeyNumber,
    Rows,
    forecast_rows,
    key_numbers,
    repair_rows,
    validation_rows,
)

_WIDE = 100
"""Columns from which the meaning of a number stands beside it instead of below."""
_WIDEST = 130
"""Columns from which there is room for all columns of a table."""
_NARROW = 70
"""Columns below which even numbers may be broken over lines."""
_NARROW_HEADINGS = (
    "mended",
    "gain (90 % interval)",
    "mixture",
    "forecast",
    "measured",
    "ratio",
    "test error (90 % band)",
    "ridge",
    "law",
    "weight",
    "off, one model left out",
    "accuracy",
)


def print_audit(result: AuditResult) -> None:
    """Print an audit on stdout, as wide as the terminal."""
    console = Console(highlight=False, markup=False)
    wide = console.width >= _WIDE
    console.print(result.verdict, style="bold")
    if result.details:
        console.print(result.details)
    console.print(f"Confidence {result.confidence}: {result.confidence_reason}.")
    if result.own_model is not None:
        _print_own_model(console, result.own_model, wide=wide)
    console.print(_key_table(key_numbers(result), wide=wide))
    for title, content in (
        ("Checks: models trained on rows that the forecast had not seen, with 90 % intervals", validation_rows(result)),
        ("Test error before and after a defect of the synthetic inputs is taken away", repair_rows(result)),
        ("Forecasts that were asked for", forecast_rows(result)),
    ):
        if content.rows:
            console.print(title, style="bold")
            console.print(_table(content, width=console.width))
    for note in _notes(result):
        console.print(f"note: {note}")
    for warning in result.warnings:
        console.print(f"warning: {warning}", style="yellow")


def _print_own_model(console: Console, own: OwnModel, *, wide: bool) -> None:
    """Print the answers for the model that is really trained; those for ridge regression follow."""
    console.print(say_own_model(own))
    console.print(_key_table(own_key_numbers(own), wide=wide))
    for title, content in (
        ("How far laws are off models that they were not fitted to", law_rows(own)),
        (f"Forecasts that were asked for, {own.estimator}", own_forecast_rows(own)),
    ):
        if content.rows:
            console.print(title, style="bold")
            console.print(_table(content, width=console.width))
    console.print("Ridge regression, the proxy", style="bold")


def _notes(result: AuditResult) -> tuple[str, ...]:
    """Return what was done, and what the intervals stand for."""
    return (f"task: {result.task}.", *result.steps, WHAT_BANDS_ARE)


def _key_table(numbers: Iterable[KeyNumber], *, wide: bool) -> Table:
    """Return the key numbers, with what each one is beside or below it."""
    table = Table("number", "value (90 % interval)", *(["what it is"] if wide else []), box=SIMPLE_HEAD)
    for row in numbers:
        if wide:
            table.add_row(row.name, row.value, row.meaning)
        else:
            table.add_row(row.name, Text.assemble(row.value, "\n", (row.meaning, "dim")))
    return table


def _table(content: Rows, *, width: int) -> Table:
    """Return a table whose first column may wrap and whose numbers may not; in a narrow terminal the main columns."""
    shown = [k for k, heading in enumerate(content.headings) if width >= _WIDEST or heading in _NARROW_HEADINGS]
    table = Table(box=SIMPLE_HEAD)
    for k in shown:
        table.add_column(content.headings[k], no_wrap=k > 0 and width >= _NARROW)
    for row in content.rows:
        table.add_row(*(row[k] for k in shown))
    return table
