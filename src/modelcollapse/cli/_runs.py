"""Which runs does the user mean? One table, a directory of event files, or the two files of a mixture regression."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelcollapse.errors import InputError

if TYPE_CHECKING:
    from modelcollapse.estimation.runs import Runs

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="RUNS",
        help="Table of runs, directory of TensorBoard files, or weights.csv losses.csv.",
        show_default=False,
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="NAME=COLUMN", help="Which column holds what: loss=val_ce; repeat for several."),
]
Domains = Annotated[
    list[str] | None,
    typer.Option("--synthetic-domain", help="With weights.csv: a domain that is synthetic; repeat for several."),
]
Total = Annotated[float | None, typer.Option("--total", help="With weights.csv: tokens that every run was trained on.")]


def load_runs(
    files: Sequence[Path], *, columns: Sequence[str] | None, domains: Sequence[str] | None, total: float | None
) -> Runs:
    """Read the runs that the arguments of a command name.

    Raises
    ------
    InputError
        When there are more files than two, an option is missing or too many, or the runs cannot be read.
    """
    from modelcollapse.checks import fail
    from modelcollapse.estimation.run_pairs import read_run_pair
    from modelcollapse.estimation.runs import read_runs

    named = _named_columns(columns or [])
    if len(files) == 1:
        if domains or total is not None:
            option = "--synthetic-domain" if domains else "--total"
            raise InputError(f"{option} is for two files, weights.csv and losses.csv. Leave it out.")
        return read_runs(files[0], columns=named)
    if len(files) > 2:
        raise fail("RUNS", [str(file) for file in files], "one table of runs, or weights.csv and losses.csv")
    if not domains or total is None:
        missing = "--total TOKENS" if domains else "--synthetic-domain NAME"
        raise InputError(f"{files[0]} and {files[1]} need {missing}. Add it, or name one table of runs.")
    if set(named) - {"loss"}:
        raise InputError("with two files, --column takes loss=COLUMN only. Leave out the others.")
    frame = read_run_pair(files[0], files[1], synthetic_domains=domains, total=total, loss=named.get("loss"))
    return read_runs(frame, name=f"{files[0]} and {files[1]}")


def _named_columns(texts: Sequence[str]) -> dict[str, str]:
    """Return the columns by what they hold, as ``NAME=COLUMN`` says."""
    from modelcollapse.checks import fail

    named: dict[str, str] = {}
    for text in texts:
        name, separator, column = (part.strip() for part in text.partition("="))
        if not separator or not name or not column or name in named:
            raise fail("--column", text, "NAME=COLUMN, each name once", "Write it like loss=val_ce.")
        named[name] = column
    return named
