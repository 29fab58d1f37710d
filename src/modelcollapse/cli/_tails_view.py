"""What does the answer to a Zipf task look like in a terminal? Errors by size and generation, floors, and phenomena."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from modelcollapse.cli._chain_view import shown_generations
from modelcollapse.cli._output import cell
from modelcollapse.decisions.phenomena import phenomena
from modelcollapse.digits import amount_text, rough_text
from modelcollapse.result import TailsResult

_COLUMN = {True: 14, False: 22}
"""Width that a generation takes at most, exact and with standard errors."""

_AMOUNTS = ("cut_rank", "plateau_start", "grokking_time", "recovery_time", "real_ancestors")
"""Numbers that are ranks, or samples."""


def print_tails(result: TailsResult, console: Console) -> None:
    """Print the test error of every generation along the sizes, with floors, in as many tables as the width needs.

    Then what belongs to no size, and what has become of the scaling law.
    """
    generations = shown_generations(len(result.test_error) - 1)
    at_once = max(1, (console.width - len("T = 1.23 ×10¹⁵")) // _COLUMN[result.n_replicates is None])
    for start in range(0, len(generations), at_once):
        console.print(_table(result, generations[start : start + at_once]))
    for line in _lines(result):
        console.print(line, soft_wrap=True)
    for each in phenomena(result):
        console.print(each.sentence)


def _table(result: TailsResult, generations: list[int]) -> Table:
    """Return one row for each size, one column for each generation."""
    headings = [f"generation {g}" for g in generations]
    table = Table("test error", *headings, box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    stderr = result.stderr["test_error"]
    for j, size in enumerate(result.n_samples):
        table.add_row(f"T = {amount_text(size)}", *(cell(result.test_error[g][j], stderr[g][j]) for g in generations))
    if not all(math.isnan(floor) for floor in result.floor):
        table.add_row("floor", *(cell(result.floor[g], result.stderr["floor"][g]) for g in generations))
    return table


def _lines(result: TailsResult) -> Iterator[str]:
    """Yield numbers that belong to no generation, and reported bounds on the last one."""
    for name, value in result.numbers.items():
        yield f"{name}: {amount_text(value) if name in _AMOUNTS else cell(value)}"
    for name, bounds in result.bounds.items():
        last = len(result.floor) - 1
        if isinstance(bounds.upper, tuple) and last > 1:  # that of generation 1 is its floor
            yield f"{name} of generation {last}: at most {rough_text(bounds.upper[last], 4)} ({bounds.source})"
