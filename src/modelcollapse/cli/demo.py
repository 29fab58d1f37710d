"""What does an audit look like? One on real data that comes with the package, with files to look at and try on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SEED = 0
N_LABELLED = 30


def command(
    *, out: Annotated[Path, typer.Option(help="Folder for real.csv, synthetic.csv and report.html.")] = Path("demo")
) -> None:
    """Audit handwritten digits: real labels, and synthetic ones by a weak model trained on 30 images."""
    from modelcollapse.cli._audit_view import print_audit
    from modelcollapse.cli._progress import ProgressLine
    from modelcollapse.decisions.audit import audit
    from modelcollapse.estimation.bundled import TARGET, digits_with_weak_labels
    from modelcollapse.report.page import write_report
    from modelcollapse.report.paths import check_report_path

    files = {name: _folder(out) / f"{name}.csv" for name in ("real", "synthetic")}
    report = check_report_path(out / "report.html")
    for path, table in zip(files.values(), digits_with_weak_labels(seed=SEED, n_label_train=N_LABELLED), strict=True):
        table.to_csv(path, index=False)
    with ProgressLine() as progress:
        result = audit(files["real"], files["synthetic"], target=TARGET, seed=SEED, progress=progress)
        progress("writing the report", 0, 1)
        write_report(result, report)
    print_audit(result)
    typer.echo(f"Report: {out / 'report.html'}")
    typer.echo(f"The same by hand: modelcollapse audit {files['real']} {files['synthetic']} --target {TARGET}")


def _folder(path: Path) -> Path:
    """Create the folder when it is missing.

    Raises
    ------
    InputError
        When it cannot be created.
    """
    from modelcollapse.errors import InputError

    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: the folder cannot be created ({error.strerror}). Choose another `--out`.") from None
    return path
