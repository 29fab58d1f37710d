"""What is the answer to a problem file? One engine solves it, and a table or JSON shows the result."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelcollapse.cli._output import print_json
from modelcollapse.digits import number_text

if TYPE_CHECKING:
    from modelcollapse.result import Result


class Engine(StrEnum):
    """Which engine answers."""

    theory = "theory"


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Problem file, TOML or JSON.", show_default=False)],
    *,
    engine: Annotated[Engine, typer.Option(help="Which engine answers.")] = Engine.theory,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Solve a problem file: excess risk, its parts, test and training errors."""
    from modelcollapse.problems.files import load_problem
    from modelcollapse.theory.engine import solve  # the only engine so far

    result = solve(load_problem(file))
    if json:
        print_json(result.to_dict())
    else:
        _print_table(result)


def _print_table(result: Result) -> None:
    """Print the parts, what they add up to, and the training errors."""
    from rich.console import Console
    from rich.table import Table

    from modelcollapse.result import PARTS

    def cell(name: str) -> str:
        return number_text(getattr(result, name), result.stderr.get(name, 0.0))

    table = Table("quantity", "value")
    for name in PARTS:
        table.add_row(name, cell(name))
    table.add_section()
    for name in ("excess_risk", "test_error", "effective_ridge"):
        table.add_row(name, cell(name))
    table.add_section()
    errors = result.stderr.get("training_error", {})
    for source, value in result.training_error.items():
        table.add_row(f"training_error of {source}", number_text(value, errors.get(source, 0.0)))
    console = Console(highlight=False, markup=False)
    console.print(table)
    console.print(f"status: {result.status}, engine: {result.engine}, version: {result.version}", soft_wrap=True)
    for assumption in result.assumptions:
        console.print(f"assumes: {assumption}", soft_wrap=True)
