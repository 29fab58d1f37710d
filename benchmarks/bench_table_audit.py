"""How long does an audit of two tables without a target take, and how much memory? Beside SDMetrics' two reports."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

SIZES = (10_000, 100_000)
N_NUMBERS, N_CATEGORIES, N_LEVELS = 12, 8, 200
LONGEST = 60.0

CHILD = """
import json, resource, sys, time
import pandas as pd
{setup}
real, synthetic = (pd.read_parquet(path) for path in sys.argv[1:])
start = time.perf_counter()
{call}
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({{"seconds": seconds, "peak": peak / 2**20, "says": says}}))
"""

OURS = CHILD.format(
    setup="from modelcollapse.decisions.table_audit import audit_tables",
    call="""
(result,) = audit_tables(real, synthetic)
says = f"{len(result.found)} of {len(result.findings)} measures tell them apart"
""",
)
REPORTS = CHILD.format(
    setup="from sdmetrics.reports.single_table import DiagnosticReport, QualityReport",
    call="""
kinds = {c: {"sdtype": "numerical" if real[c].dtype == float else "categorical"} for c in real}
scores = []
for kind in (QualityReport, DiagnosticReport):
    report = kind()
    report.generate(real, synthetic, {"columns": kinds}, verbose=False)
    scores.append(f"{kind.__name__} {report.get_score():.4f}")
says = ", ".join(scores)
""",
)


def run() -> str:
    """Time audits of tables in memory, nulls included, in processes of their own."""
    programs = {"`audit_tables`": OURS}
    if importlib.util.find_spec("sdmetrics"):
        programs["SDMetrics, quality and diagnostic report"] = REPORTS
    lines = [
        "## Audit of tables without a target",
        "",
        f"{N_NUMBERS} correlated numeric columns and {N_CATEGORIES} categorical ones of {N_LEVELS} categories, as many",
        "real as synthetic rows. The synthetic rows are a second real sample; or collapsed: their numbers vary 10 %",
        "less and half of the categories are gone. From tables in memory to the answer, with 199 splits;",
        "each in a process of its own, imports in its peak memory."
        + ("" if len(programs) > 1 else " SDMetrics is not installed here; `pip install sdmetrics` adds it."),
        "",
        "| rows | synthetic rows | by | seconds | peak, GiB | says |",
        "|---|---|---|---|---|---|",
    ]
    for n_rows in SIZES:
        for planted in (False, True):
            kind = "collapsed" if planted else "a second real sample"
            with tempfile.TemporaryDirectory() as folder:
                paths = [Path(folder) / f"{name}.parquet" for name in ("real", "synthetic")]
                _table(0, n_rows, planted=False).to_parquet(paths[0])
                _table(1, n_rows, planted=planted).to_parquet(paths[1])
                for name, program in programs.items():
                    facts = _measure(program, paths)
                    seconds = f"{facts['seconds']:.1f}" + (" (over a minute)" if facts["seconds"] > LONGEST else "")
                    lines.append(
                        f"| {n_rows:,} | {kind} | {name} | {seconds} | {facts['peak']:.2f} | {facts['says']} |"
                    )
    return "\n".join(lines)


def _measure(program: str, paths: list[Path]) -> dict[str, Any]:
    """Run a program on two files; it prints its seconds, its peak memory in GiB and its answer."""
    command = [sys.executable, "-c", program, *map(str, paths)]
    facts: dict[str, Any] = json.loads(
        subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
    )
    return facts


def _table(seed: int, n_rows: int, *, planted: bool) -> pd.DataFrame:
    """Draw rows with Zipf categories; planted: narrower numbers, and every other category gone."""
    generator = np.random.default_rng(seed)
    common = generator.standard_normal((n_rows, 1))
    numbers = np.sqrt(0.5) * (common + generator.standard_normal((n_rows, N_NUMBERS)))
    table = pd.DataFrame((0.9 if planted else 1.0) * numbers, columns=[f"x{k}" for k in range(N_NUMBERS)])
    chance = np.arange(1.0, N_LEVELS + 1) ** -1.1
    if planted:
        chance[1::2] = 0.0
    for k in range(N_CATEGORIES):
        table[f"c{k}"] = [f"v{code}" for code in generator.choice(N_LEVELS, n_rows, p=chance / chance.sum())]
    return table
