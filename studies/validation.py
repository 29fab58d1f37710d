"""Which studies run? All, or those named; their numbers go to docs/validation.json, and the page is made from it."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from benchmarks.machine import describe_machine

from studies.comparison import compare
from studies.documents import DOCS, write_validation_page
from studies.figure import draw
from studies.sets import STUDIES
from studies.store import Record, read, write

N_WORKERS = 2


def main(words: list[str], *, docs: Path = DOCS) -> int:
    """Run the studies, and write each one's numbers, figure and section as soon as they are there."""
    parser = argparse.ArgumentParser(prog="python -m studies.validation", description=__doc__)
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="holds mnist and california_housing")
    parser.add_argument(
        "--only",
        nargs="*",
        choices=list(STUDIES),
        default=list(STUDIES),
        metavar="NAME",
        help=f"{', '.join(STUDIES)}; without a name no study runs, and the page is made from the numbers there are",
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(words)
    (docs / "images").mkdir(parents=True, exist_ok=True)
    for name in options.only:
        study = STUDIES[name]
        if options.data is None and not study.bundled:
            print(f"{name}: skipped, needs --data FOLDER", flush=True)
            continue
        print(f"{name} ...", flush=True)
        start = time.perf_counter()
        findings = compare(study, folder=options.data, seed=options.seed, n_workers=N_WORKERS)
        record = Record(findings, options.seed, describe_machine(), time.perf_counter() - start)
        draw(findings.rows, docs / "images" / f"validation-{name}.png")
        records = {**read(docs / "validation.json"), name: record}
        write(docs / "validation.json", records)
        write_validation_page(docs)
    write_validation_page(docs)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
