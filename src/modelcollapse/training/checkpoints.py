"""How does a training run survive being killed? Whole files only, and the one before until the next is whole."""

from __future__ import annotations

import os
import time
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from modelcollapse.errors import InputError, ModelCollapseError

KEPT = 2
"""Checkpoints that stay: should the last be damaged, there is one before it."""


PATIENCE = 20
"""Least time between two checkpoints, in times that it takes to write one: they cost a twentieth at most."""


class CheckpointError(ModelCollapseError):
    """A checkpoint cannot be written or read; what was there before is still there."""


def write_whole(path: Path, write: Any) -> None:
    """Write a file so that under its name there is always a whole one, the old or the new.

    Parameters
    ----------
    path : Path
        Its folder is made where it is missing.
    write : callable
        Gets an open binary file.

    Raises
    ------
    CheckpointError
        When the disk is full or the folder cannot be written; the old file stays.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except (OSError, RuntimeError) as error:  # PyTorch's writer raises RuntimeError when the disk is full
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if any(isinstance(cause, KeyboardInterrupt) for cause in _chain(error)):
            raise KeyboardInterrupt from None
        said = [cause.strerror for cause in _chain(error) if isinstance(cause, OSError) and cause.strerror]
        reason = said[0] if said else str(error).splitlines()[0]
        raise CheckpointError(
            f"{path} cannot be written: {reason}. What was written before is whole: mend the cause, then use --resume."
        ) from None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Return an error and what it came upon: PyTorch's writer hides the system's errors, and Ctrl-C, behind its own."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__context__


class Checkpoints:
    """The checkpoints of one training run, in a folder of their own.

    Parameters
    ----------
    folder : Path
        Made when the first one is written.
    seconds : float
        Least time between two; more where writing one is slow.
    """

    def __init__(self, folder: Path, *, seconds: float = 30.0) -> None:
        self.folder, self.seconds = folder, seconds
        self._last, self._pause = time.monotonic(), seconds

    @property
    def due(self) -> bool:
        """Whether it is time for the next."""
        return time.monotonic() - self._last >= self._pause

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Write the state after a step, then drop all but the newest.

        Raises
        ------
        CheckpointError
            When it cannot be written; earlier ones stay.
        """
        started = time.monotonic()
        write_whole(self.folder / f"step-{step:09d}.pt", lambda file: torch.save(state, file))
        for old in self._files()[:-KEPT]:
            old.unlink(missing_ok=True)
        self._last = time.monotonic()
        self._pause = max(self.seconds, PATIENCE * (self._last - started))

    def latest(self) -> tuple[int, dict[str, Any]] | None:
        """Return the newest whole checkpoint, its step and state; None when there is none at all.

        Raises
        ------
        CheckpointError
            When there are some and none is whole.
        """
        files = self._files()
        for path in reversed(files):
            state = _read(path)
            if state is not None:
                return int(path.stem.removeprefix("step-")), state
            warnings.warn(f"{path} is damaged; going on from the checkpoint before it, if there is one", stacklevel=2)
        if files:
            raise CheckpointError(
                f"{files[-1]} is damaged, and so is every other checkpoint of its folder. Delete the folder to begin "
                "this model anew; what was finished before it stays."
            )
        return None

    def remove(self) -> None:
        """Drop them all: the run is over."""
        for path in self._files():
            path.unlink(missing_ok=True)
        for part in self.folder.glob("*.part"):
            part.unlink(missing_ok=True)
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("step-*.pt"))


def read_weights(path: Path) -> dict[str, Any]:
    """Return what a file of PyTorch holds: tensors, numbers and plain containers only.

    Raises
    ------
    InputError
        When it is missing or damaged.
    """
    state = _read(path) if path.exists() else None
    if state is None:
        raise InputError(f"{path} is {'damaged' if path.exists() else 'missing'}. Delete its folder to train it anew.")
    return state


def _read(path: Path) -> dict[str, Any] | None:
    """Return the content of a file, None when it is damaged: its format has a check sum for every part."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:
                return None
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # damage makes readers raise errors of many unrelated classes
        return None
    return content
