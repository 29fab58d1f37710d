"""What do past runs foretell? Fits scaling laws to a table of runs, and answers with bands."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelcollapse.cli._output import print_json
from modelcollapse.cli._picture import Out, check_picture_path, write_picture
from modelcollapse.cli._runs import Columns, Domains, Files, Total, load_runs

if TYPE_CHECKING:
    from modelcollapse.decisions.run_fit_result import RunFit


class Question(StrEnum):
    """What the next run should tell."""

    loss = "loss"
    share = "share"
    price = "price"


NOT_ENOUGH_RUNS = 4
"""Exit code when nothing can be answered, as that of `diagnose`."""
_AT_HELP = "A run to forecast: real=1e9,synthetic=2e9[,size=1e8][,generation=2]; repeat for several."
_SETTING = ("real", "synthetic", "size", "generation", "generator")
_EXAMPLE = "Write it like real=1e9,synthetic=2e9."


def command(
    runs: Files,
    *,
    column: Columns = None,
    synthetic_domain: Domains = None,
    total: Total = None,
    at: Annotated[list[str] | None, typer.Option(help=_AT_HELP)] = None,
    tolerance: Annotated[
        float, typer.Option(help="Rise of the loss, as a share of it, that is called harmless.")
    ] = 0.02,
    ask: Annotated[Question, typer.Option(help="What the next run to do should tell more of.")] = Question.loss,
    report: Annotated[Path | None, typer.Option(help="Write a page with figures here, e.g. report.html.")] = None,
    out: Out = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every random choice.")] = 0,
) -> None:
    """Forecast losses from past runs, with how much synthetic data is harmless, and what it is worth; 4: too few runs.

    The table has a row for each run, with columns real, synthetic (or total, fraction) and loss, and where they are
    known size, generation, repetition and generator.
    """
    from modelcollapse.cli._progress import ProgressLine
    from modelcollapse.decisions.run_fit import fit_runs
    from modelcollapse.report.paths import check_report_path

    if out is not None:
        check_picture_path(out)
    if report is not None:
        check_report_path(report, inputs=runs)
    settings = [_read_setting(text) for text in at or []]
    table = load_runs(runs, columns=column, domains=synthetic_domain, total=total)
    with ProgressLine() as progress:
        fit = fit_runs(
            table,
            at=settings,
            tolerance=tolerance,
            ask=ask.value,
            seed=seed,
            progress=lambda done, of: progress("fitting laws", done, of),
        )
        if report is not None:
            from modelcollapse.report.run_report import write_fit_report

            progress("writing the report", 0, 1)
            write_fit_report(fit, report)
    if json:
        print_json(fit.to_dict())
    else:
        from modelcollapse.cli._runs_view import print_fit

        print_fit(fit)
    if out is not None:
        _draw(fit, out)
    if fit.status != "ok":
        raise typer.Exit(NOT_ENOUGH_RUNS)


def _read_setting(text: str) -> dict[str, float]:
    """Return the run that one `--at` option describes."""
    from modelcollapse.checks import known_keys
    from modelcollapse.cli._mixtures import read_numbers

    values = read_numbers("--at", text, example=_EXAMPLE)
    known_keys(f"`--at {text}`", values, _SETTING)
    return values


def _draw(fit: RunFit, out: Path) -> None:
    """Write the picture of the fitted curves."""
    from matplotlib.figure import Figure

    from modelcollapse.figures.run_curves import draw_run_curves, run_curves_data

    figure = draw_run_curves(run_curves_data(fit), unit=fit.unit).figure
    assert isinstance(figure, Figure)
    write_picture(figure, out, name="run-curves", description="Loss of past runs against data, with the fitted law.")
