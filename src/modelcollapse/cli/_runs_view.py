"""What do answers about past runs look like in a terminal? Sentences first, then tables, notes and warnings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from modelcollapse.decisions.diagnosis import NOT_ENOUGH_RUNS, Diagnosis
from modelcollapse.decisions.run_fit_result import RunFit
from modelcollapse.report.run_summary import (
    TitledRows,
    fit_notes,
    fit_tables,
    fit_warnings,
    laws_left_out,
    signature_rows,
)

_PRINTED = ("Where will it stop?", "Which law?")
"""Tables of a fit that are printed; the page and the JSON object have all."""
_WIDEST = 130
"""Columns from which there is room for what each effect means."""


def print_fit(fit: RunFit) -> None:
    """Print what past runs foretell on stdout, as wide as the terminal: sentences, then what they leave out."""
    console = Console(highlight=False, markup=False)
    _print_sentences(fit.sentences, console)
    _print_tables([table for table in fit_tables(fit, every_law=False) if table.title in _PRINTED], console)
    _print_notes((*fit_notes(fit), *filter(None, [laws_left_out(fit)])), fit_warnings(fit), console)


def print_diagnosis(diagnosis: Diagnosis) -> None:
    """Print a diagnosis on stdout, as wide as the terminal."""
    console = Console(highlight=False, markup=False)
    _print_sentences((diagnosis.verdict,), console)
    rows = signature_rows(diagnosis, meanings=console.width >= _WIDEST)
    _print_tables([TitledRows("What was looked for", "", rows)], console)
    for signature in diagnosis.signatures:
        if signature.status != NOT_ENOUGH_RUNS:  # what was not examined is among the notes
            console.print(f"{signature.title}: {signature.sentence}")
    _print_notes(diagnosis.not_examined, diagnosis.warnings, console)


def _print_sentences(sentences: Sequence[str], console: Console) -> None:
    """Print the headline and what follows from it."""
    for k, sentence in enumerate(sentences):
        console.print(sentence, style="" if k else "bold")


def _print_tables(tables: Iterable[TitledRows], console: Console) -> None:
    """Print each table under its question, and what its columns are."""
    for titled in tables:
        console.print(titled.title, style="bold")
        if titled.caption:
            console.print(titled.caption, style="dim")
        table = Table(*titled.content.headings, box=SIMPLE_HEAD)
        for row in titled.content.rows:
            table.add_row(*row)
        console.print(table)


def _print_notes(notes: Sequence[str], warnings: Sequence[str], console: Console) -> None:
    """Print what was done, and what to look at."""
    for note in notes:
        console.print(f"note: {note}")
    for warning in warnings:
        console.print(f"warning: {warning}", style="yellow")
