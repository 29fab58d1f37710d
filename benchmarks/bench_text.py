"""How fast are words counted and texts audited? On 100 MB texts, beside a plain loop, with the memory it takes."""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.zipf_text import write_zipf_text
from modelcollapse.estimation.token_ids import Vocabulary, read_tokens

N_BYTES = 100_000_000
TWICE, LONGEST, LARGEST = 2.0, 180.0, 2.0
_AUDIT = """
import resource, sys, time
from modelcollapse.decisions.text_audit import audit_text
start = time.perf_counter()
audit_text(sys.argv[1], sys.argv[2])
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def run() -> str:
    """Time the counting of words against a loop over `str.split`, and a whole audit in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        real, synthetic = Path(folder, "real.txt"), Path(folder, "synthetic.txt")
        write_zipf_text(real, n_bytes=N_BYTES, seed=0)
        write_zipf_text(synthetic, n_bytes=N_BYTES, seed=1)
        megabytes = real.stat().st_size / 1e6
        loop, counted = _timed(_count_in_a_loop, real)
        ours, same = _timed(_count, real)
        assert counted == same, "the two count differently"
        seconds, memory = _audit(real, synthetic)
    return "\n".join(
        [
            "## Text",
            "",
            f"Words drawn by Zipf's law, two texts of {megabytes:.0f} MB each (`benchmarks/zipf_text.py`). The loop is "
            "`collections.Counter` over `str.split`, line by line, in one thread; both count the same; the better of "
            "two runs. Memory is the largest resident size of a process that only audits.",
            "",
            "| | | wanted |",
            "|---|---|---|",
            f"| words counted, loop of `Counter` | {megabytes / loop:.0f} MB/s | |",
            f"| words counted, this package | {megabytes / ours:.0f} MB/s, {loop / ours:.1f} times the loop | "
            f"{_said(loop / ours >= TWICE)} (2 times) |",
            f"| whole audit of the pair | {seconds:.0f} s | {_said(seconds < LONGEST)} (3 minutes) |",
            f"| its memory | {memory:.2f} GiB | {_said(memory < LARGEST)} (2 GiB) |",
        ]
    )


def _said(reached: bool) -> str:
    return "yes" if reached else "no"


def _timed(work: Callable[[Path], dict[str, int]], path: Path) -> tuple[float, dict[str, int]]:
    """Return the seconds of the better of two runs, and what came out."""
    best, outcome = math.inf, {}
    for _ in range(2):
        start = time.perf_counter()
        outcome = work(path)
        best = min(best, time.perf_counter() - start)
    return best, outcome


def _count_in_a_loop(path: Path) -> dict[str, int]:
    counts: Counter[str] = Counter()
    with path.open(encoding="utf-8") as file:
        for line in file:
            counts.update(line.split())
    return counts


def _count(path: Path) -> dict[str, int]:
    vocabulary = Vocabulary()
    text = read_tokens(path, vocabulary=vocabulary, most=N_BYTES)
    counts = np.bincount(text.ids)
    return dict(zip(vocabulary.names(np.arange(len(counts))), counts.tolist(), strict=True))


def _audit(real: Path, synthetic: Path) -> tuple[float, float]:
    """Return the seconds and the GiB that an audit takes in a process of its own."""
    command = [sys.executable, "-c", _AUDIT, str(real), str(synthetic)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(said[0]), float(said[1]) / 2**20
