"""What does the answer to a Zipf task look like in a terminal? A row for each size, a column for each generation."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from modelcollapse.cli._output import cell
from modelcollapse.digits import rough_text
from modelcollapse.result import TailsResult


def print_tails(result: TailsResult, console: Console) -> None:
    """Print the test error of every generation along the sizes, then the floors."""
    generations = range(len(result.test_error))
    headings = ["test_error"] + [f"generation {g}" for g in generations]
    table = Table(*headings, box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    stderr = result.stderr["test_error"]
    for j, size in enumerate(result.n_samples):
        table.add_row(f"T = {size:g}", *(cell(result.test_error[g][j], stderr[g][j]) for g in generations))
    table.add_row("floor", *(rough_text(floor, 4) for floor in result.floor))
    console.print(table)
