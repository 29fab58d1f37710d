"""What is the answer to a problem file? One engine solves it, and a table or JSON shows the result."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelcollapse.cli._output import cell, print_json
from modelcollapse.cli._simulation import INTERRUPTED, NReplicates, OnDevice, RelativeStderr, Seed, settings
from modelcollapse.errors import InputError

if TYPE_CHECKING:
    from modelcollapse.problems.mixture import Mixture
    from modelcollapse.result import Result


class Engine(StrEnum):
    """Which engine answers."""

    theory = "theory"
    simulation = "simulation"


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Problem file, TOML or JSON.", show_default=False)],
    *,
    engine: Annotated[Engine, typer.Option(help="Which engine answers.")] = Engine.theory,
    seed: Seed = None,
    n_replicates: NReplicates = None,
    relative_stderr: RelativeStderr = None,
    device: OnDevice = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Solve a problem file: excess risk, its parts, test and training errors.

    The simulation gives standard errors too; Ctrl-C ends it with what there is, and exit code 130.
    """
    from modelcollapse.problems.files import load_problem
    from modelcollapse.problems.mixture import Mixture

    given = settings(seed=seed, n_replicates=n_replicates, relative_stderr=relative_stderr, device=device)
    if given and engine is not Engine.simulation:
        raise InputError(
            "--seed, --n-replicates, --relative-stderr and --device belong to the simulation; theory draws nothing. "
            "Add --engine simulation, or leave them out."
        )
    problem = load_problem(file)
    if not isinstance(problem, Mixture):
        raise InputError(f"{file}: no engine answers problems of this kind yet.")
    result = _answer(problem, engine, given)
    if json:
        print_json(result.to_dict())
    else:
        _print_table(result)
    if result.status == "interrupted":
        raise typer.Exit(INTERRUPTED)


def _answer(problem: Mixture, engine: Engine, given: dict[str, Any]) -> Result:
    """Return what the engine answers; the simulation shows how far it is."""
    if engine is Engine.simulation:
        from modelcollapse.cli._progress import SimulationLine
        from modelcollapse.simulation.engine import solve as simulate

        with SimulationLine() as line:
            return simulate(problem, report=line, **given)
    from modelcollapse.theory.engine import solve

    return solve(problem)


def _print_table(result: Result) -> None:
    """Print the parts, what they add up to, and the training errors."""
    from rich.console import Console
    from rich.table import Table

    from modelcollapse.result import PARTS

    def add(name: str) -> None:
        table.add_row(name, cell(getattr(result, name), result.stderr.get(name, 0.0)))

    table = Table("quantity", "value")
    for name in PARTS:
        add(name)
    table.add_section()
    for name in ("excess_risk", "test_error", "effective_ridge"):
        add(name)
    table.add_section()
    errors = result.stderr.get("training_error", {})
    for source, value in result.training_error.items():
        table.add_row(f"training_error of {source}", cell(value, errors.get(source, 0.0)))
    console = Console(highlight=False, markup=False)
    console.print(table)
    drawn = "" if result.seed is None else f"seed: {result.seed}, replicates: {result.n_replicates}, "
    end = f"status: {result.status}, engine: {result.engine}, {drawn}version: {result.version}"
    console.print(end, soft_wrap=True)
    for assumption in result.assumptions:
        console.print(f"assumes: {assumption}", soft_wrap=True)
