"""Does a table of a million rows and 50 columns fit in 4 GiB on the way from the file to the arrays of a forecast?"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

N_ROWS, N_COLUMNS = 1_000_000, 50
LIMIT_GIB = 4.0

CHILD = """
import json, resource, sys, time
from modelcollapse.estimation.preparation import prepare
start = time.perf_counter()
prepared = prepare(sys.argv[1], [sys.argv[2]], target="y")
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
arrays = sum(rows.features.nbytes + rows.targets.nbytes for rows in (*prepared.pools, prepared.holdout))
print(json.dumps({"seconds": seconds, "peak": peak / 2**20, "arrays": arrays / 2**30}))
"""


def run() -> str:
    """Write tables of random floats, prepare them in a process of its own, and report its peak memory."""
    lines = [
        "## Memory: from the file to arrays",
        "",
        f"A real and a synthetic table of {N_ROWS:,} rows each, {N_COLUMNS} float columns (a fifth of them",
        "heavy-tailed) and a target: read, aligned, checked for shared rows, split, tamed and scaled (`prepare`) in a",
        f"process of its own. Limit: {LIMIT_GIB:g} GiB of peak resident memory, imports included. The arrays that are",
        "returned are the least that any preparation could take.",
        "",
        "| format | files, GiB | arrays returned, GiB | peak, GiB | seconds |",
        "|---|---|---|---|---|",
    ]
    for ending in (".parquet", ".csv"):
        with tempfile.TemporaryDirectory() as folder:
            paths = [_write(Path(folder) / f"{name}{ending}", seed) for seed, name in enumerate(("real", "synthetic"))]
            size = sum(path.stat().st_size for path in paths) / 2**30
            command = [sys.executable, "-c", CHILD, *map(str, paths)]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        facts = json.loads(output)
        peak = f"**{facts['peak']:.2f}**" + ("" if facts["peak"] <= LIMIT_GIB else " (over the limit)")
        lines.append(f"| {ending} | {size:.2f} | {facts['arrays']:.2f} | {peak} | {facts['seconds']:.0f} |")
    return "\n".join(lines)


def _write(path: Path, seed: int) -> Path:
    """Write a table of random floats column by column."""
    generator = np.random.default_rng(seed)
    columns = {f"x{k}": generator.normal(size=N_ROWS) for k in range(N_COLUMNS)}
    for k in range(0, N_COLUMNS, 5):
        np.exp(1.5 * columns[f"x{k}"], out=columns[f"x{k}"])
    columns["y"] = columns["x1"] + columns["x2"] + generator.normal(size=N_ROWS)
    table = pa.table(columns)
    if path.suffix == ".csv":
        csv.write_csv(table, path)
    else:
        parquet.write_table(table, path)
    return path
