"""Will this synthetic data help or hurt, and has it lost what real data has? Audits files, and shows the answer."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelcollapse.cli._output import print_json

if TYPE_CHECKING:
    from modelcollapse.decisions.own_model import OwnModelRequest


class Task(StrEnum):
    """What is predicted."""

    regression = "regression"
    classification = "classification"


class Scale(StrEnum):
    """What is done to the scale of the features."""

    standard = "standard"
    none = "none"


_TARGET_HELP = "Column to predict; an NPZ file holds X and y instead. Without, the tables' distributions are compared."
_METADATA_HELP = "Without --target: JSON file with the kinds of the columns, as SDMetrics writes it."
_RIDGE_HELP = "A ridge that may be chosen, per sample; repeat for several. Default: a grid."
_ESTIMATOR_HELP = (
    "The model that you train: hist_gradient_boosting, random_forest, mlp, linear, ridge, nearest_neighbours, or "
    "module:factory. It is trained on a few mixtures, and the verdict is on it."
)
_FITS_HELP = "With --estimator: append every trained model to this file, and train none twice that is in it."
_AT_HELP = "A mixture to forecast: real=9000,synthetic=1000[,ridge=1e-3][,weight=0.5]; repeat for several."


def command(
    real: Annotated[Path, typer.Argument(metavar="REAL", help="File of real rows.", show_default=False)],
    synthetic: Annotated[
        list[Path], typer.Argument(metavar="SYNTHETIC", help="Files of synthetic rows, one per source.")
    ],
    *,
    target: Annotated[str | None, typer.Option(help=_TARGET_HELP)] = None,
    holdout: Annotated[Path | None, typer.Option(help="File of real rows to measure on.")] = None,
    task: Annotated[Task | None, typer.Option(help="What is predicted; default: decided from the target.")] = None,
    features: Annotated[str, typer.Option(help="raw, relu:WIDTH or columns:PREFIX.")] = "raw",
    scale: Annotated[
        Scale, typer.Option(help="Standardise the features, or leave their scale alone.")
    ] = Scale.standard,
    ridge: Annotated[list[float] | None, typer.Option(help=_RIDGE_HELP)] = None,
    at: Annotated[list[str] | None, typer.Option(help=_AT_HELP)] = None,
    estimator: Annotated[str | None, typer.Option(help=_ESTIMATOR_HELP, metavar="NAME|MODULE:FACTORY")] = None,
    max_fits: Annotated[int | None, typer.Option(help="With --estimator: most models to train. Default: 24.")] = None,
    max_seconds: Annotated[float | None, typer.Option(help="With --estimator: begin none after so long.")] = None,
    fits: Annotated[Path | None, typer.Option(help=_FITS_HELP)] = None,
    metadata: Annotated[Path | None, typer.Option(help=_METADATA_HELP)] = None,
    report: Annotated[Path | None, typer.Option(help="Write a page with figures here, e.g. report.html.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every random choice.")] = 0,
) -> None:
    """Say how much synthetic data to mix with real data, checked against models trained on the spot.

    Without --target, say whether the synthetic rows are told apart from a second real sample, and by what.
    """
    from modelcollapse.cli._mixtures import read_mixture
    from modelcollapse.cli._progress import ProgressLine
    from modelcollapse.decisions.audit import audit
    from modelcollapse.errors import InputError
    from modelcollapse.estimation.wording import source_names
    from modelcollapse.report.paths import check_report_path

    if target is None and not real.name.lower().endswith(".npz"):
        given = {
            "--holdout": holdout,
            "--task": task,
            "--features": features != "raw",
            "--scale": scale is not Scale.standard,
            "--ridge": ridge,
            "--at": at,
            "--estimator": estimator,
            "--max-fits": max_fits,
            "--max-seconds": max_seconds,
            "--fits": fits,
        }
        _require_none([option for option, value in given.items() if value])
        _compare(real, synthetic, metadata=metadata, report=report, json=json, seed=seed)
        return
    if metadata is not None:
        raise InputError("--metadata is for audits without --target; leave one of them out.")
    own_model = _own_model(estimator, max_fits=max_fits, max_seconds=max_seconds, fits=fits)
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
            own_model=own_model,
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


def _own_model(
    estimator: str | None, *, max_fits: int | None, max_seconds: float | None, fits: Path | None
) -> OwnModelRequest | None:
    """Return which model to train; None without one."""
    from modelcollapse.decisions.own_model import MAX_FITS, OwnModelRequest
    from modelcollapse.errors import InputError

    if estimator is None:
        given = {"--max-fits": max_fits, "--max-seconds": max_seconds, "--fits": fits}
        options = [option for option, value in given.items() if value is not None]
        if options:
            raise InputError(f"{', '.join(options)}: only with --estimator. Add it, or leave them out.")
        return None
    return OwnModelRequest(
        estimator=estimator, max_fits=MAX_FITS if max_fits is None else max_fits, max_seconds=max_seconds, fits=fits
    )


def _require_none(options: list[str]) -> None:
    """Refuse options that only mean something with a target."""
    from modelcollapse.errors import InputError

    if options:
        needs = "needs" if len(options) == 1 else "need"
        raise InputError(
            f"{', '.join(options)} {needs} --target COLUMN, the column to predict. Add it, or leave them out."
        )


def _compare(
    real: Path, synthetic: list[Path], *, metadata: Path | None, report: Path | None, json: bool, seed: int
) -> None:
    """Compare the distributions of tables, and show what was found."""
    from modelcollapse.cli._distribution_view import distribution_json, print_distribution_audits
    from modelcollapse.cli._progress import ProgressLine
    from modelcollapse.decisions.table_audit import audit_tables
    from modelcollapse.report.paths import check_report_path

    if report is not None:
        check_report_path(report, inputs=[real, *synthetic, *([metadata] if metadata else [])])
    with ProgressLine() as progress:
        results = audit_tables(real, synthetic, metadata=metadata, seed=seed, progress=progress)
        if report is not None:
            from modelcollapse.report.distribution_page import write_distribution_report

            progress("writing the report", 0, 1)
            write_distribution_report(results, report)
    if json:
        print_json(distribution_json(results))
    else:
        print_distribution_audits(results)
