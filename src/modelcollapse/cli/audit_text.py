"""Is this synthetic text narrower than real text? Audits files of text without any label, and shows the answer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelcollapse.cli._output import print_json

_SYNTHETIC_HELP = "Files or directories of synthetic text, each held against the real text."
_TOKENS_HELP = "words, characters, or the tokenizer.json of the tokenizers library."


def command(
    real: Annotated[Path, typer.Argument(metavar="REAL", help="File or directory of real text.", show_default=False)],
    synthetic: Annotated[list[Path], typer.Argument(metavar="SYNTHETIC", help=_SYNTHETIC_HELP)],
    *,
    tokens: Annotated[str, typer.Option(help=_TOKENS_HELP)] = "words",
    column: Annotated[str, typer.Option(help="Column of JSON lines and Parquet files that holds the text.")] = "text",
    report: Annotated[Path | None, typer.Option(help="Write a page with figures here, e.g. report.html.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every random choice.")] = 0,
) -> None:
    """Say whether synthetic text has lost what a second sample of real text would have, and what that means.

    Plain text, JSON lines, Parquet (.txt and .jsonl also as .gz), a directory of such files or one saved by the
    datasets library.
    """
    from modelcollapse.cli._progress import ProgressLine
    from modelcollapse.decisions.text_audit import compare_with, reference
    from modelcollapse.estimation.wording import source_names
    from modelcollapse.report.paths import check_report_path

    if report is not None:
        check_report_path(report, inputs=[real, *synthetic])
    names = source_names(1 + len(synthetic))[1:]
    with ProgressLine() as progress:
        held = reference(real, tokens=tokens, column=column, seed=seed, progress=progress)
        audits = [
            compare_with(held, path, source=name, progress=progress)
            for path, name in zip(synthetic, names, strict=True)
        ]
        if report is not None:
            from modelcollapse.report.distribution_page import write_distribution_report
            from modelcollapse.report.text_panels import text_panels

            progress("writing the report", 0, 1)
            write_distribution_report(audits, report, panels=text_panels)
    from modelcollapse.cli._distribution_view import distribution_json, print_distribution_audits

    if json:
        print_json(distribution_json(audits))
    else:
        print_distribution_audits(audits)
