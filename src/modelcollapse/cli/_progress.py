"""How far is the work? One line on stderr, in a terminal only, and only when it takes longer than a moment."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.status import Status

PATIENCE = 2.0
"""Seconds before anything is shown."""


class ProgressLine:
    """Shows what is being done; call it with (stage, done, total), and use it as a context that clears the line."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False, markup=False)
        self._started = time.monotonic()
        self._line: Status | None = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show a stage, once `PATIENCE` has run out."""
        if not self._console.is_terminal or time.monotonic() - self._started < PATIENCE:
            return
        text = f"{stage} ({done} of {total})" if total > 1 else stage
        if self._line is None:
            self._line = self._console.status(text)
            self._line.start()
        self._line.update(text)

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._line is not None:
            self._line.stop()
