"""How far is the work? One line on stderr, in a terminal only, and only when it takes longer than a moment."""

from __future__ import annotations

import math
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from modelcollapse.simulation.sampler import Reading

PATIENCE = 2.0
"""Seconds before anything is shown."""


class Line:
    """A line that shows some words, and a bar when a share of the work is known; a context that clears it."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False, markup=False)
        self._started = time.monotonic()
        self._shown: Progress | None = None

    def show(self, words: str, *, share: float | None = None) -> None:
        """Show words and share, once `PATIENCE` has run out."""
        if not self._console.is_terminal or time.monotonic() - self._started < PATIENCE:
            return
        if self._shown is None:
            self._shown = _progress(self._console, bar=share is not None)
            self._shown.add_task(words, total=1.0)
            self._shown.start()
        self._shown.update(self._shown.task_ids[0], description=words, completed=share)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown is not None:
            self._shown.stop()


class ProgressLine(Line):
    """Shows what is being done; call it with (stage, done, total)."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show a stage."""
        self.show(f"{stage} ({done} of {total})" if total > 1 else stage)


class SimulationLine(Line):
    """Shows what a simulation says so far; call it with a reading, and with the size where several are simulated."""

    def __init__(self, quantity: str = "excess_risk") -> None:
        super().__init__()
        self._quantity = quantity

    def __call__(self, reading: Reading, *, size: int = 1) -> None:
        """Show the estimate so far, once it has a standard error: a threshold, where no mean exists, has none."""
        from modelcollapse.digits import number_text

        drawn = f"{reading.n_replicates} replicates" if reading.n_replicates else "first replicates"
        place = f" at {size} times the size" if size > 1 else ""
        known = 0 < reading.stderr < math.inf
        estimate = f"{self._quantity} {number_text(reading.estimate, reading.stderr)}, " if known else ""
        self.show(f"{estimate}{drawn}{place}", share=reading.share)


def _progress(console: Console, *, bar: bool) -> Progress:
    """Return a bar, or a spinner where no share is known, before the words."""
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn

    words = TextColumn("{task.description}", markup=False)
    columns = (BarColumn(bar_width=20), TaskProgressColumn(), words) if bar else (SpinnerColumn(), words)
    return Progress(*columns, console=console, transient=True)
