"""Do past runs show that synthetic data harms them? Looks for signatures of collapse in a table of runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelcollapse.cli._output import print_json
from modelcollapse.cli._runs import Columns, Domains, Files, Total, load_runs

EXIT_CODES = {"clean": 0, "signature": 3, "not_enough_runs": 4}
"""How the command ends, by what was found."""


def command(
    runs: Files,
    *,
    column: Columns = None,
    synthetic_domain: Domains = None,
    total: Total = None,
    report: Annotated[Path | None, typer.Option(help="Write a page with figures here, e.g. report.html.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every random choice.")] = 0,
) -> None:
    """Look for signatures of collapse in past runs: exit code 0 for none, 3 for one, 4 for not enough runs to tell.

    The table has a row for each run, with columns real, synthetic (or total, fraction) and loss, and where they are
    known size, generation, repetition, and loss_NAME for bands of tokens, the most frequent band first.
    """
    from modelcollapse.cli._progress import ProgressLine
    from modelcollapse.decisions.diagnose import diagnose
    from modelcollapse.report.paths import check_report_path

    if report is not None:
        check_report_path(report, inputs=runs)
    table = load_runs(runs, columns=column, domains=synthetic_domain, total=total)
    with ProgressLine() as progress:
        diagnosis = diagnose(table, seed=seed, progress=progress)
        if report is not None:
            from modelcollapse.report.run_report import write_diagnosis_report

            progress("writing the report", 0, 1)
            write_diagnosis_report(diagnosis, report)
    if json:
        print_json(diagnosis.to_dict())
    else:
        from modelcollapse.cli._runs_view import print_diagnosis

        print_diagnosis(diagnosis)
    raise typer.Exit(EXIT_CODES[diagnosis.status])
