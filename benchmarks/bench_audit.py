"""How long does a whole audit take? On the demo's digits, and at the size of images of digits."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from benchmarks.digit_like import DigitLike
from modelcollapse.decisions.audit import audit
from modelcollapse.estimation.bundled import TARGET, digits_with_weak_labels
from modelcollapse.estimation.rows import LabelledRows
from modelcollapse.streams import stream

LONGEST = 60.0
N_REAL, N_SYNTHETIC = 4000, 3000


def run() -> str:
    """Time audits from tables in memory to the result, the check by training included."""
    generator = stream(0, "bench-audit")
    world = DigitLike.make(generator)
    real = _arrays(world.draw(N_REAL, generator))
    weak = [_arrays(world.draw(N_SYNTHETIC, generator, weak=True)) for _ in range(2)]
    digits, labelled = digits_with_weak_labels(seed=0)
    cases: dict[str, Callable[[], object]] = {
        f"digits, 64 columns, {len(digits)} real and {len(labelled)} synthetic rows": lambda: audit(
            digits, labelled, target=TARGET
        ),
        f"784 columns, ten classes, {N_REAL:,} real and {N_SYNTHETIC:,} synthetic rows": lambda: audit(
            real, weak[0], scale="none"
        ),
        f"784 columns, ten classes, {N_REAL:,} real and twice {N_SYNTHETIC:,} synthetic rows": lambda: audit(
            real, weak, scale="none"
        ),
    }
    lines = [
        "## Audit",
        "",
        "From tables in memory to every answer of the audit, the models that it trains to check itself included.",
        "",
        "| | seconds | under a minute |",
        "|---|---|---|",
    ]
    for name, ask in cases.items():
        start = time.perf_counter()
        ask()
        seconds = time.perf_counter() - start
        lines.append(f"| {name} | {seconds:.1f} | {'yes' if seconds < LONGEST else 'no'} |")
    return "\n".join(lines)


def _arrays(rows: LabelledRows) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs without the constant column, and class numbers."""
    return rows.features[:, :-1], rows.targets.argmax(axis=1)
