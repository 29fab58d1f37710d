"""Do two tables of a million rows and 50 columns fit in 4 GiB, on the way to arrays and through a whole audit?"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

N_ROWS, N_COLUMNS, N_CLASSES = 1_000_000, 50, 5
LIMIT_GIB = 4.0

CASES = (("regression", ".parquet"), ("regression", ".csv"), ("classification", ".parquet"))

CHILD = """
import json, resource, sys, time
{setup}
start = time.perf_counter()
{call}
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({{"seconds": seconds, "peak": peak / 2**20}}))
"""

STAGES = {
    "prepare": CHILD.format(
        setup="from modelcollapse.estimation.preparation import prepare",
        call="prepare(sys.argv[1], [sys.argv[2]], target='y')",
    ),
    "whole audit": CHILD.format(
        setup="from modelcollapse import audit",
        call="audit(sys.argv[1], sys.argv[2], target='y')",
    ),
}


def run() -> str:
    """Write tables of random floats, prepare and audit them in processes of their own, and report peak memory."""
    lines = [
        "## Memory: from the file to the answers",
        "",
        f"A real and a synthetic table of {N_ROWS:,} rows each, {N_COLUMNS} float columns (a fifth of them",
        f"heavy-tailed) and a target ({N_CLASSES} classes in classification): read, aligned, checked for repeated",
        "rows, split, tamed and scaled (`prepare`), and audited from file to verdict (`audit`), each in a process of",
        f"its own. Limit: {LIMIT_GIB:g} GiB of peak resident memory, imports included.",
        "",
        "| task | format | files, GiB | stage | peak, GiB | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for task, ending in CASES:
        with tempfile.TemporaryDirectory() as folder:
            paths = [
                _write(Path(folder) / f"{name}{ending}", seed, task=task)
                for seed, name in enumerate(("real", "synthetic"))
            ]
            size = sum(path.stat().st_size for path in paths) / 2**30
            for stage, program in STAGES.items():
                facts = _measure(program, paths)
                peak = f"**{facts['peak']:.2f}**" + ("" if facts["peak"] <= LIMIT_GIB else " (over the limit)")
                lines.append(f"| {task} | {ending} | {size:.2f} | {stage} | {peak} | {facts['seconds']:.0f} |")
    return "\n".join(lines)


def _measure(program: str, paths: list[Path]) -> dict[str, float]:
    """Run a program on two files; it prints its seconds and its peak memory in GiB."""
    command = [sys.executable, "-c", program, *map(str, paths)]
    facts: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return facts


def _write(path: Path, seed: int, *, task: str) -> Path:
    """Write a table of random floats column by column."""
    generator = np.random.default_rng(seed)
    columns = {f"x{k}": generator.normal(size=N_ROWS) for k in range(N_COLUMNS)}
    for k in range(0, N_COLUMNS, 5):
        np.exp(1.5 * columns[f"x{k}"], out=columns[f"x{k}"])
    score = columns["x1"] + columns["x2"] + generator.normal(size=N_ROWS)
    if task == "classification":
        columns["y"] = np.digitize(score, np.linspace(-2.0, 2.0, N_CLASSES - 1))
    else:
        columns["y"] = score
    table = pa.table(columns)
    if path.suffix == ".csv":
        csv.write_csv(table, path)
    else:
        parquet.write_table(table, path)
    return path
