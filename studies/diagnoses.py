"""Do diagnoses of past runs find what is planted, and nothing else? Writes docs/diagnosis-evidence.md."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse.decisions.diagnose import diagnose
from modelcollapse.streams import stream
from studies.diagnosis_page import write_page
from studies.planted_runs import CLEAN, PLANTS

DOCS = Path(__file__).parent.parent / "docs"
SEED = 20
"""Other seeds than those that the constants of the diagnosis were chosen with."""
N_CLEAN, N_PLANTED = 35, 6
"""Tables of each clean kind, and of each plant, strength and number of runs."""
N_WORKERS = 2
DIGITS = 4

Row = dict[str, Any]
Task = tuple[str, float, int, int]
"""What is drawn, its strength and number of runs (0, 0: clean), and the trial."""


def tasks(*, n_clean: int, n_planted: int) -> list[Task]:
    """Return all tables that are drawn, the first trials of all first."""
    clean = [(kind.name, 0.0, 0, trial) for kind, trial in product(CLEAN, range(n_clean))]
    planted = [
        (plant.name, strength, size, trial)
        for plant in PLANTS
        for strength, size, trial in product(plant.strengths, plant.sizes, range(n_planted))
    ]
    return sorted(clean + planted, key=lambda task: task[3])


def outcome(task: Task) -> Row:
    """Draw a table and diagnose it."""
    name, strength, size, trial = task
    generator = stream(SEED, name, round(1e4 * strength), size, trial)
    if size:
        (plant,) = [plant for plant in PLANTS if plant.name == name]
        runs = plant.draw(strength, size, generator)
    else:
        (kind,) = [kind for kind in CLEAN if kind.name == name]
        runs = kind.draw(generator)
    found = diagnose(runs, seed=trial)
    return {
        "table": name,
        "strength": strength,
        "runs": size,
        "trial": trial,
        "status": found.status,
        "p_value": {s.name: _rounded(s.p_value) for s in found.signatures if s.p_value is not None},
        "effect": {s.name: [_rounded(v) for v in (s.effect, *s.interval)] for s in found.signatures if s.interval},
    }


def _rounded(value: float | None) -> float:
    return float(f"{np.nan if value is None else value:.{DIGITS}g}")


def outcomes(todo: list[Task], *, n_workers: int) -> Iterator[Row]:
    """Hand over one outcome after another."""
    if n_workers == 1:
        yield from map(outcome, todo)
        return
    with ProcessPoolExecutor(n_workers) as workers:
        yield from workers.map(outcome, todo, chunksize=4)


def main(*, docs: Path = DOCS, n_clean: int = N_CLEAN, n_planted: int = N_PLANTED, n_workers: int = N_WORKERS) -> int:
    """Diagnose all tables, store what comes of it, and write the page."""
    path = docs / "diagnoses.json"
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
    done = {(row["table"], row["strength"], row["runs"], row["trial"]) for row in rows}
    todo = [task for task in tasks(n_clean=n_clean, n_planted=n_planted) if task not in done]
    for count, row in enumerate(outcomes(todo, n_workers=n_workers), start=1):
        rows.append(row)
        _write(path, rows)
        print(f"\r{count} of {len(todo)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    write_page(rows, docs)
    return 0


def _write(path: Path, rows: list[Row]) -> None:
    """Write one row per line, all or nothing: a study may be interrupted at any time, and goes on from there."""
    unfinished = path.with_suffix(".unfinished")
    lines = ",\n".join(json.dumps(row) for row in rows)
    unfinished.write_text(f'{{"seed": {SEED}, "rows": [\n{lines}\n]}}\n', encoding="utf-8")
    unfinished.replace(path)


if __name__ == "__main__":
    sys.exit(main())
