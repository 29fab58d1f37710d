"""Is theory right about a problem file? Simulation stands beside it, and the differences in standard errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelcollapse.cli._output import cell, print_json
from modelcollapse.cli._simulation import INTERRUPTED, NReplicates, OnDevice, RelativeStderr, Seed, settings, watched
from modelcollapse.digits import signed_share_text

if TYPE_CHECKING:
    from modelcollapse.decisions.agreement import Quantity
    from modelcollapse.decisions.comparison import Comparison

_WIDE = 100
"""Width from which there is room for all columns."""
_ALL = 24
"""Quantities of generations up to which a table shows them all."""
_FURTHEST = 3
"""How many quantities are shown beside the excess risks of so many generations."""


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Problem file, TOML or JSON.", show_default=False)],
    *,
    seed: Seed = None,
    n_replicates: NReplicates = None,
    relative_stderr: RelativeStderr = None,
    device: OnDevice = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Lay theory and simulation side by side, and judge the difference in standard errors.

    Of one fit, of every generation with a workflow, or of two classes. Theory holds for large sizes: what decides is
    the simulation extrapolated to them. Ctrl-C ends it with what there is, and exit code 130.
    """
    from modelcollapse.cli._progress import SimulationLine
    from modelcollapse.decisions.comparison import compare
    from modelcollapse.problems.files import load_problem

    problem = load_problem(file)
    given = settings(seed=seed, n_replicates=n_replicates, relative_stderr=relative_stderr, device=device)
    with SimulationLine(watched(problem)) as line:
        comparison = compare(problem, report=lambda size, reading: line(reading, size=size), **given)
    if json:
        print_json(comparison.to_dict())
    else:
        _print_comparison(comparison)
    if comparison.interrupted:
        raise typer.Exit(INTERRUPTED)


def _print_comparison(comparison: Comparison) -> None:
    """Print the verdict, theory and simulation by quantity, and what was drawn."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False)
    console.print(comparison.verdict, style="bold")
    wide = console.width >= _WIDE
    columns = [(heading, show) for heading, show, wide_only in _columns(comparison) if wide or not wide_only]
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("quantity", min_width=len("projection_variance"))
    for heading, _ in columns:
        table.add_column(heading, no_wrap=wide)
    shown = _shown(comparison)
    for name, quantity in shown.items():
        table.add_row(name, *(show(quantity) for _, show in columns))
    console.print(table)
    for line in _notes(comparison, n_left_out=len(comparison.quantities) - len(shown)):
        console.print(line)


def _shown(comparison: Comparison) -> Mapping[str, Quantity]:
    """Return what a table has room for: of many generations, the main quantity and what is furthest."""
    from modelcollapse.cli._chain_view import shown_generations
    from modelcollapse.result import ChainResult, GenerationsResult, TailsResult

    every, theory = comparison.quantities, comparison.theory
    if len(every) <= _ALL or not isinstance(theory, GenerationsResult | ChainResult | TailsResult):
        return every
    shown = shown_generations(max(int(name.split()[-1]) for name in every if " of generation " in name))
    names = ["squared_error", "mean_error"]
    if isinstance(theory, TailsResult):
        names = [f"test_error at T = {theory.n_samples[-1]:.15g}"]
    main = {f"{name} of generation {t}" for name in names for t in shown}
    risks = {name for name in every if name.startswith("excess_risk") or name in main}
    others = [name for name in every if name not in risks and every[name].agree is not None]
    furthest = sorted(others, key=lambda name: -abs(every[name].deviation_in_stderr))[:_FURTHEST]
    return {name: quantity for name, quantity in every.items() if name in risks or name in furthest}


def _value(value: float, stderr: float, quantity: Quantity) -> str:
    """Return a simulated number; 0 where theory says so and only rounding is left of it."""
    exact = quantity.theory == 0 and quantity.difference_in_stderr == 0 and not math.isnan(value)
    return "0" if exact else cell(value, stderr)


def _in_stderr(deviation: float) -> str:
    return "–" if math.isnan(deviation) else f"{round(deviation, 1) + 0.0:.1f}".replace("-", "−")  # no −0.0


def _gap(quantity: Quantity) -> str:
    if not math.isfinite(quantity.finite_size_gap):
        return "–"
    return "0 %" if quantity.difference_in_stderr == 0 else signed_share_text(quantity.finite_size_gap)


Column = tuple[str, Callable[["Quantity"], str], bool]
_COLUMNS: list[Column] = [
    ("theory", lambda q: cell(q.theory), False),
    ("simulation", lambda q: _value(q.simulation, q.stderr, q), False),
    ("gap", _gap, True),
    ("s.e.", lambda q: _in_stderr(q.difference_in_stderr), True),
    ("large sizes", lambda q: _value(q.extrapolated, q.extrapolated_stderr, q), False),
    ("s.e.", lambda q: _in_stderr(q.deviation_in_stderr), False),
]
"""Heading, content, and whether it is shown in wide terminals only."""
_AT_ITS_SIZE: list[Column] = [(heading, show, False) for heading, show, _ in _COLUMNS[:4]]


def _columns(comparison: Comparison) -> list[Column]:
    """Return the columns of a table; where nothing is extrapolated, those of the problem's own size."""
    return _AT_ITS_SIZE if _is_exact(comparison) else _COLUMNS


def _is_exact(comparison: Comparison) -> bool:
    """Whether theory holds at every size."""
    from modelcollapse.result import ChainResult, TailsResult

    return isinstance(comparison.theory, ChainResult | TailsResult)


def _notes(comparison: Comparison, *, n_left_out: int) -> list[str]:
    """Say what was drawn, what the columns are, and what is left out."""
    own, *larger = comparison.simulations.items()
    drawn = [
        f"{own[1].n_replicates} at the problem's size",
        *(f"{r.n_replicates} at {size} times" for size, r in larger),
    ]
    extrapolated = [
        "large sizes: the simulation extrapolated from the two largest sizes",
        "s.e.: how many standard errors the number before it is from theory; it is judged by the last column",
    ]
    exact = ["s.e.: how many standard errors the simulation is from theory, which holds at every size"]
    return [
        f"simulation: seed {own[1].seed}; replicates: {', '.join(drawn)}",
        *(exact if _is_exact(comparison) else extrapolated),
        *[f"{n_left_out} parts that are closer to theory are left out; --json has them"] * (n_left_out > 0),
    ]
