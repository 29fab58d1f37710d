"""Do audits of distributions find planted collapse? Trials of every plant; outcomes go to docs/distributions.json."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from benchmarks.machine import describe_machine

from studies import detection
from studies.documents import DOCS, write_validation_page
from studies.judges import AUDIT, JUDGES, Judge
from studies.outcomes import read, write
from studies.plants import World
from studies.worlds import WORLDS

N_TRIALS = 100
N_WORKERS = 2
SEED = 0


def main(
    words: list[str],
    *,
    docs: Path = DOCS,
    worlds: Iterable[World] = WORLDS,
    judges: Iterable[Judge] = JUDGES,
    n_workers: int = N_WORKERS,
) -> int:
    """Run the trials that have no outcome yet, store each as it comes, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m studies.distributions", description=__doc__)
    parser.add_argument("--trials", type=int, default=N_TRIALS, metavar="N", help="trials of each plant (100)")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="holds wikitext2 and human_vs_lm_text")
    options = parser.parse_args(words)
    path = docs / "distributions.json"
    found = read(path)
    at_hand = {judge.name: judge.version for judge in judges if judge.version}
    for name in sorted({judge.name for judge in judges} - set(at_hand)):
        print(f"{name}: skipped, is not installed", flush=True)
    for world in worlds:
        if missing := world.missing(options.data):
            print(f"{world.name}: skipped, needs --data FOLDER with {', '.join(missing)}", flush=True)
    todo = detection.tasks(
        [world for world in worlds if not world.missing(options.data)],
        [judge for judge in judges if judge.name in at_hand],
        n_trials=options.trials,
        rows=found.rows,
    )
    begin = time.perf_counter()
    for done, rows in enumerate(detection.run(todo, folder=options.data, seed=SEED, n_workers=n_workers), start=1):
        judge = rows[0]["judge"]
        found = replace(found.with_rows(rows), judges={**found.judges, judge: at_hand[judge]})
        if judge == AUDIT:
            found = replace(found, machine=describe_machine())
        write(path, found)
        print(f"\r{done} of {len(todo)}, {time.perf_counter() - begin:.0f} s", end="", file=sys.stderr, flush=True)
    if todo:
        print(file=sys.stderr)
    write_validation_page(docs)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
