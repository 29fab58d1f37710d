"""Will this synthetic data help or hurt? Audits files of real and synthetic rows, and shows the answer."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from modelcollapse.cli._output import print_json


class Task(StrEnum):
    """What is predicted."""

    regression = "regression"
    classification = "classification"


class Scale(StrEnum):
    """What is done to the scale of the features."""

    standard = "standard"
    none = "none"


_RIDGE_HELP = "A ridge that may be chosen, per sample; repeat for several. Default: a grid."
_AT_HELP = "A mixture to forecast: real=9000,synthetic=1000[,ridge=1e-3][,weight=0.5]; repeat for several."


def command(
    real: Annotated[Path, typer.Argument(metavar="REAL", help="File of real rows.", show_default=False)],
    synthetic: Annotated[
        list[Path], typer.Argument(metavar="SYNTHETIC", help="Files of synthetic rows, one per source.")
    ],
    *,
    target: Annotated[str | None, typer.Option(help="Column to predict; an NPZ file holds X and y instead.")] = None,
    holdout: Annotated[Path | None, typer.Option(help="File of real rows to measure on.")] = None,
    task: Annotated[Task | None, typer.Option(help="What is predicted; default: decided from the target.")] = None,
    features: Annotated[str, typer.Option(help="raw, relu:WIDTH or columns:PREFIX.")] = "raw",
    scale: Annotated[
        Scale, typer.Option(help="Standardise the features, or leave their scale alone.")
    ] = Scale.standard,
    ridge: Annotated[list[float] | None, typer.Option(help=_RIDGE_HELP)] = None,
    at: Annotated[list[str] | None, typer.Option(help=_AT_HELP)] = None,
    report: Annotated[Path | None, typer.Option(help="Write a page with figures here, e.g. report.html.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every random choice.")] = 0,
) -> None:
    """Say how much synthetic data to mix with real data, checked against models trained on the spot."""
    from modelcollapse.cli._mixtures import read_mixture
    from modelcollapse.cli._progress import ProgressLine
    from modelcollapse.decisions.audit import audit
    from modelcollapse.estimation.wording import source_names
    from modelcollapse.report.paths import check_report_path

    sources = source_names(1 + len(synthetic))
    requests = [read_mixture(text, sources=sources) for text in at or []]
    if report is not None:
        check_report_path(report, inputs=[real, *synthetic, *([holdout] if holdout else [])])
    with ProgressLine() as progress:
        result = audit(
            real,
            synthetic,
            target=target,
            holdout=holdout,
            task=task and task.value,
            features=features,
            scale=scale.value,
            ridge=ridge or None,
            at=requests,
            seed=seed,
            progress=progress,
        )
        if report is not None:
            from modelcollapse.report.page import write_report

            progress("writing the report", 0, 1)
            write_report(result, report)
    if json:
        print_json(result.to_dict())
    else:
        from modelcollapse.cli._audit_view import print_audit

        print_audit(result)
