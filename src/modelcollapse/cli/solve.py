"""What is the answer to a problem file? One engine solves it, and a table or JSON shows the result."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelcollapse.cli._output import cell, print_json
from modelcollapse.cli._picture import check_picture_path, write_picture
from modelcollapse.cli._simulation import INTERRUPTED, NReplicates, OnDevice, RelativeStderr, Seed, settings, watched
from modelcollapse.digits import rough_text
from modelcollapse.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from modelcollapse.problems.schema import Problem
    from modelcollapse.result import AnyResult, ClassesResult, GenerationsResult, Result


_WIDE = 100
"""Width from which there is room for test errors beside the excess risks of all generations."""


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
    out: Annotated[
        Path | None, typer.Option(help="Picture of the generations to write, .svg or .png.", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Solve a problem file: excess risk and its parts, of every generation with a workflow; of two classes, accuracy.

    Of chains (tokens, Gaussians, rates, n-grams): how far each generation is from the real law, and what it has lost.
    Of tails: scaling curves, and what has become of them. The simulation gives standard errors too; Ctrl-C ends it with
    what there is, and exit code 130.
    """
    from modelcollapse.problems.files import load_problem

    given = settings(seed=seed, n_replicates=n_replicates, relative_stderr=relative_stderr, device=device)
    if given and engine is not Engine.simulation:
        raise InputError(
            "--seed, --n-replicates, --relative-stderr and --device belong to the simulation; theory draws nothing. "
            "Add --engine simulation, or leave them out."
        )
    problem = load_problem(file)
    if out is not None:
        check_picture_path(out)
        _check_can_be_drawn(problem)
    result = _answer(problem, engine, given)
    if json:
        print_json(_content(result))
    else:
        _print_table(result)
    if out is not None:
        _draw(result, out)
    if result.status == "interrupted":
        raise typer.Exit(INTERRUPTED)


def _answer(problem: Problem, engine: Engine, given: dict[str, Any]) -> AnyResult:
    """Return what the engine answers; the simulation shows how far it is."""
    from modelcollapse.engines import answer
    from modelcollapse.problems.mixture import Mixture

    if engine is Engine.theory:
        return answer(problem)
    if not isinstance(problem, Mixture) and given.pop("device", "numpy") != "numpy":
        raise InputError("this kind of problem is simulated with NumPy only. Leave out --device.")
    from modelcollapse.cli._progress import SimulationLine

    with SimulationLine(watched(problem)) as line:
        return answer(problem, engine="simulation", report=line, **given)


def _content(result: AnyResult) -> dict[str, Any]:
    """Return what `--json` prints: the result, and of tails what has become of the scaling law."""
    from modelcollapse.decisions.phenomena import phenomena
    from modelcollapse.result import TailsResult

    content = result.to_dict()
    if isinstance(result, TailsResult):
        content["phenomena"] = {each.name: each.to_dict() for each in phenomena(result)}
    return content


def _check_can_be_drawn(problem: Problem) -> None:
    from modelcollapse.problems.recursion import Recursion
    from modelcollapse.problems.schema import Chain
    from modelcollapse.problems.tails import ZipfTask

    if not isinstance(problem, Recursion | Chain | ZipfTask):
        raise InputError("--out draws generations: the problem has no `workflow` table. Leave out --out.")


def _draw(result: AnyResult, out: Path) -> None:
    """Write the picture of the generations, unless there is nothing to draw: an older picture is worth more."""
    from matplotlib.figure import Figure

    from modelcollapse.figures.chains import chain_data, draw_chain
    from modelcollapse.figures.generations import draw_generations, generations_data
    from modelcollapse.figures.tails import draw_tails, tails_data
    from modelcollapse.result import ChainResult, GenerationsResult, TailsResult

    if isinstance(result, ChainResult):
        drawn = draw_chain(chain_data(result))
        write_picture(drawn, out, name="chain", description="Quantities of every generation, with published bounds.")
        return
    if isinstance(result, TailsResult):
        if not (result.status == "interrupted" and math.isnan(result.test_error[0][0])):
            curves = draw_tails(tails_data(result))
            write_picture(curves, out, name="tails", description="Test error by training-set size and generation.")
        return
    assert isinstance(result, GenerationsResult)
    if result.status == "interrupted" and math.isnan(result.excess_risk[0]):
        return
    figure = draw_generations(generations_data(result)).figure
    assert isinstance(figure, Figure)
    write_picture(figure, out, name="generations", description="Excess risk of every generation, and its parts.")


def _print_table(result: AnyResult) -> None:
    """Print the numbers, and how it went."""
    from rich.console import Console

    from modelcollapse.cli._chain_view import print_chain
    from modelcollapse.cli._tails_view import print_tails
    from modelcollapse.result import ChainResult, GenerationsResult, TailsResult

    console = Console(highlight=False, markup=False)
    if isinstance(result, ChainResult):
        print_chain(result, console)
    elif isinstance(result, TailsResult):
        print_tails(result, console)
    elif isinstance(result, GenerationsResult):
        console.print(_by_generation(result, wide=console.width >= _WIDE))
    else:
        console.print(_by_quantity(result))
    drawn = "" if result.seed is None else f"seed: {result.seed}, replicates: {result.n_replicates}, "
    end = f"status: {result.status}, engine: {result.engine}, {drawn}version: {result.version}"
    console.print(end, soft_wrap=True)
    for assumption in result.assumptions:
        console.print(f"assumes: {assumption}", soft_wrap=True)


def _by_quantity(result: Result | ClassesResult) -> Table:
    """Return the numbers in their sections, one row for each source where there is one for each."""
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
    return table


def _by_generation(result: GenerationsResult, *, wide: bool) -> Table:
    """Return one row for each generation; what curation keeps only where it throws away."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    curated = any(share < 1 for share in result.kept_share)
    names = ["excess_risk", "bias", "variance", *["test_error"] * wide, *["kept_share"] * curated]
    table = Table("generation", names[0], "× first", *names[1:], box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for t, times in enumerate(result.relative_risk):
        cells = [cell(getattr(result, name)[t], result.stderr[name][t]) for name in names]
        table.add_row(str(t), cells[0], "–" if math.isnan(times) else rough_text(times, 3), *cells[1:])
    return table


def _sections(result: Result | ClassesResult) -> tuple[tuple[str, ...], ...]:
    """Return the numbers that a table shows, those that belong together in one section."""
    from modelcollapse.result import PARTS, Result

    if isinstance(result, Result):
        return PARTS, ("excess_risk", "test_error", "effective_ridge"), ("training_error",)
    return ("accuracy",), ("margin_mean", "margin_variance"), ("kept_samples", "kept_label_error")
