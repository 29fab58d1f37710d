"""What is the answer to a problem file? One engine solves it, and a table or JSON shows the result."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelcollapse.cli._output import cell, print_json
from modelcollapse.cli._simulation import INTERRUPTED, NReplicates, OnDevice, RelativeStderr, Seed, settings
from modelcollapse.errors import InputError

if TYPE_CHECKING:
    from modelcollapse.problems.classes import Classes
    from modelcollapse.problems.mixture import Mixture
    from modelcollapse.problems.schema import Problem
    from modelcollapse.result import ClassesResult, Result


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
    """Solve a problem file: excess risk, its parts, test and training errors; of two classes, accuracy and margin.

    The simulation gives standard errors too; Ctrl-C ends it with what there is, and exit code 130.
    """
    from modelcollapse.problems.files import load_problem

    given = settings(seed=seed, n_replicates=n_replicates, relative_stderr=relative_stderr, device=device)
    if given and engine is not Engine.simulation:
        raise InputError(
            "--seed, --n-replicates, --relative-stderr and --device belong to the simulation; theory draws nothing. "
            "Add --engine simulation, or leave them out."
        )
    result = _answer(load_problem(file), engine, given)
    if json:
        print_json(result.to_dict())
    else:
        _print_table(result)
    if result.status == "interrupted":
        raise typer.Exit(INTERRUPTED)


def _answer(problem: Problem, engine: Engine, given: dict[str, Any]) -> Result | ClassesResult:
    """Return what the engine answers to a problem of its kind."""
    from modelcollapse.problems.classes import Classes
    from modelcollapse.problems.mixture import Mixture

    if isinstance(problem, Mixture):
        return _answer_mixture(problem, engine, given)
    if isinstance(problem, Classes):
        return _answer_classes(problem, engine, given)
    raise InputError("a `workflow` table is not supported yet. Remove it to ask about a single fit.")


def _answer_mixture(problem: Mixture, engine: Engine, given: dict[str, Any]) -> Result:
    """Return what the engine answers; the simulation shows how far it is."""
    if engine is Engine.simulation:
        from modelcollapse.cli._progress import SimulationLine
        from modelcollapse.simulation.engine import solve as simulate

        with SimulationLine() as line:
            return simulate(problem, report=line, **given)
    from modelcollapse.theory.engine import solve

    return solve(problem)


def _answer_classes(problem: Classes, engine: Engine, given: dict[str, Any]) -> ClassesResult:
    """Return what the engine answers; the simulation shows how far it is."""
    if engine is Engine.simulation:
        from modelcollapse.cli._progress import SimulationLine
        from modelcollapse.simulation.classes_engine import solve_classes as simulate

        if given.pop("device", "numpy") != "numpy":
            raise InputError("problems of kind `classes` are simulated with NumPy only. Leave out --device.")
        with SimulationLine("accuracy") as line:
            return simulate(problem, report=line, **given)
    from modelcollapse.theory.classes_engine import solve_classes

    return solve_classes(problem)


def _print_table(result: Result | ClassesResult) -> None:
    """Print the numbers in their sections, one row for each source where there is one for each, and how it went."""
    from rich.console import Console
    from rich.table import Table

    table = Table("quantity", "value")
    for section in _sections(result):
        for name in section:
            value, stderr = getattr(result, name), result.stderr.get(name, 0.0)
            if isinstance(value, Mapping):
                for source, of_source in value.items():
                    table.add_row(f"{name} of {source}", cell(of_source, stderr[source]))
            else:
                table.add_row(name, cell(value, stderr))
        table.add_section()
    console = Console(highlight=False, markup=False)
    console.print(table)
    drawn = "" if result.seed is None else f"seed: {result.seed}, replicates: {result.n_replicates}, "
    end = f"status: {result.status}, engine: {result.engine}, {drawn}version: {result.version}"
    console.print(end, soft_wrap=True)
    for assumption in result.assumptions:
        console.print(f"assumes: {assumption}", soft_wrap=True)


def _sections(result: Result | ClassesResult) -> tuple[tuple[str, ...], ...]:
    """Return the numbers that a table shows, those that belong together in one section."""
    from modelcollapse.result import PARTS, Result

    if isinstance(result, Result):
        return PARTS, ("excess_risk", "test_error", "effective_ridge"), ("training_error",)
    return ("accuracy",), ("margin_mean", "margin_variance"), ("kept_samples", "kept_label_error")
