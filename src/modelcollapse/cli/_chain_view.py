"""What does the answer to a chain look like in a terminal? A row for each generation, then limits and bounds."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from modelcollapse.cli._output import cell
from modelcollapse.digits import rough_text
from modelcollapse.result import Bounds, ChainResult

_ROWS = 24
"""Generations up to which a table shows them all."""
_COLUMN = 13
"""Width that a quantity takes at most."""


def print_chain(result: ChainResult, console: Console) -> None:
    """Print the quantities of the generations in as many tables as the width needs, then what belongs to none."""
    names = list(result.generations)
    at_once = max(1, (console.width - len("generation")) // _COLUMN)
    for start in range(0, len(names), at_once):
        console.print(_table(result, names[start : start + at_once]))
    for line in _lines(result):
        console.print(line, soft_wrap=True)


def _table(result: ChainResult, names: list[str]) -> Table:
    """Return one row for each generation that is shown, one column for each quantity."""
    headings = [name.replace("_", "\n") for name in names]
    table = Table("generation", *headings, box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    stderr = result.stderr["generations"]
    for t in shown_generations(len(result.generations[names[0]]) - 1):
        table.add_row(str(t), *(cell(result.generations[name][t], stderr[name][t]) for name in names))
    return table


def shown_generations(last: int) -> list[int]:
    """Return which generations a table shows: all of few; of many, the first, round numbers, and the last.

    Examples
    --------
    >>> shown_generations(150)
    [0, 1, 2, 5, 10, 20, 50, 100, 150]
    """
    if last < _ROWS:
        return list(range(last + 1))
    round_numbers = [step * 10**power for power in range(4) for step in (1, 2, 5)]
    return sorted({0, last, *(t for t in round_numbers if t < last)})


def _lines(result: ChainResult) -> Iterator[str]:
    """Yield what belongs to no generation: numbers, limits, and published bounds at the last generation."""
    for name, value in result.numbers.items():
        yield f"{name}: {cell(value, result.stderr['numbers'][name])}"
    for name, value in result.limits.items():
        yield f"{name} after many generations: {rough_text(value, 4)}"
    for name, bounds in result.bounds.items():
        yield f"{name}{_place(bounds)}: {_range(bounds)} ({bounds.source})"


def _place(bounds: Bounds) -> str:
    """Say which generation is shown, where there is one bound for each."""
    found = next((side for side in (bounds.lower, bounds.upper) if isinstance(side, tuple)), None)
    return "" if found is None else f" of generation {len(found) - 1}"


def _range(bounds: Bounds) -> str:
    """Say between which numbers a quantity is, in the last generation where there is one for each."""
    low, high = (side[-1] if isinstance(side, tuple) else side for side in (bounds.lower, bounds.upper))
    if low is None or high is None:
        return f"at most {rough_text(high, 4)}" if high is not None else f"at least {rough_text(low or 0.0, 4)}"
    return f"between {rough_text(low, 4)} and {rough_text(high, 4)}" if low < high else rough_text(low, 4)
