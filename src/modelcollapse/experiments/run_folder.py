"""Where does an experiment keep what it has done? A folder that a killed run goes on from, task by task."""

from __future__ import annotations

import hashlib
import io
import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from modelcollapse import __version__
from modelcollapse.errors import InputError
from modelcollapse.result import TrainingResult, plain
from modelcollapse.training.checkpoints import CheckpointError, Checkpoints, write_whole
from modelcollapse.training.place import Place

DESCRIPTION, TASKS, CHECKPOINTS = "experiment.json", "tasks", "checkpoints"
RESULT = "result.json"
CHECKPOINT_SECONDS = 30.0
"""Least time between two checkpoints of a model."""


class RunFolder:
    """A folder with the description of an experiment, a file for each task that is done, and checkpoints of the rest.

    Only the first of several processes writes; all read. A task is a name such as ``"replace/0/generation-3"``; its
    outcome is a file of that name ending in .json, beside it whatever arrays and weights later tasks need.

    Parameters
    ----------
    path : path
        Made if it is not there.
    experiment : dataclass
        What is run; a folder is continued with an equal one only.
    place : Place
    resume : bool
        Whether the folder may hold what an earlier run has done.

    Raises
    ------
    InputError
        When the folder holds another experiment, or a run and `resume` is false, or cannot be made.
    """

    def __init__(self, path: str | Path, experiment: Any, *, place: Place, resume: bool) -> None:
        self.path, self._place = Path(path), place
        described = plain(_described(experiment))
        known = self._known()
        place.wait()  # all have looked before anybody writes
        if known is not None:
            self._check(known, described, resume=resume)
        elif place.is_main:
            text = json.dumps({**described, "version": __version__}, indent=2, sort_keys=True)
            try:
                write_whole(self.path / DESCRIPTION, lambda file: file.write(text.encode()))
            except CheckpointError as error:
                raise InputError(f"{path} cannot be used: {error} Or name another folder by --out.") from None
        place.wait()

    def _check(self, known: dict[str, Any], described: dict[str, Any], *, resume: bool) -> None:
        """Refuse a folder that is not asked for, or of another experiment; warn of another version."""
        if not resume:
            raise InputError(
                f"{self.path} holds a run already. Go on with it by --resume, or name another folder by --out."
            )
        version = known.pop("version", None)
        if known != described:
            raise InputError(f"{self.path} holds a run of another description. Name another folder by --out.")
        if version != __version__ and self._place.is_main:
            warnings.warn(
                f"{self.path} was begun by version {version or 'unknown'} and goes on with {__version__}: its numbers "
                "are of both",
                stacklevel=2,
            )

    def _known(self) -> dict[str, Any] | None:
        """Return the description of the run that the folder holds; None where nothing is done yet."""
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"{self.path} is a file. Name another folder by --out.")
        file = self.path / DESCRIPTION
        if file.exists():
            if not any((self.path / name).exists() for name in (TASKS, CHECKPOINTS)):
                return None
            try:
                known: dict[str, Any] = json.loads(file.read_bytes())
            except ValueError:
                raise InputError(f"{file} is damaged. Name another folder by --out.") from None
            return known
        if self.path.is_dir() and any(other.suffix != ".part" for other in self.path.iterdir()):
            raise InputError(f"{self.path} holds other files. Name a folder of its own by --out.")
        return None

    def outcome(self, task: str) -> dict[str, Any] | None:
        """Return what came of a task; None when it is not done.

        Raises
        ------
        InputError
            When its file is damaged.
        """
        file = self._file(task, ".json")
        found = self._place.agreed(file.read_bytes() if self._place.is_main and file.exists() else None)
        if found is None:
            return None
        if self._place.is_main:
            self.checkpoints(task).remove()  # a run that was killed between its last two files has left them
        try:
            content: dict[str, Any] = json.loads(found)
        except ValueError:
            raise InputError(f"{file} is damaged. Delete it to do this task anew.") from None
        return content

    def finish(
        self, task: str, outcome: Mapping[str, Any], *, arrays: Mapping[str, Any] | None = None, weights: Any = None
    ) -> dict[str, Any]:
        """Keep what came of a task, then drop its checkpoints; all processes wait for it.

        Parameters
        ----------
        task : str
        outcome : mapping
            Numbers, strings and lists.
        arrays : mapping of str to array, optional
        weights : state dict, optional

        Returns
        -------
        dict
            The outcome as it is read back, so that a resumed run goes on with the same numbers.
        """
        text = json.dumps(plain(outcome))
        if self._place.is_main:
            if arrays is not None:
                buffer = io.BytesIO()
                np.savez_compressed(buffer, **arrays)
                write_whole(self._file(task, ".npz"), lambda file: file.write(buffer.getvalue()))
            if weights is not None:
                write_whole(self._file(task, ".pt"), lambda file: torch.save(weights, file))
            write_whole(self._file(task, ".json"), lambda file: file.write(text.encode()))  # last: it says "done"
            self.checkpoints(task).remove()
        self._place.wait()
        content: dict[str, Any] = json.loads(text)
        return content

    def arrays(self, task: str) -> dict[str, Any]:
        """Return the arrays that a finished task left.

        Raises
        ------
        InputError
            When their file is missing or damaged.
        """
        file = self._file(task, ".npz")
        try:
            with np.load(file) as content:
                return {name: content[name] for name in content.files}
        except Exception:  # NumPy raises errors of many unrelated classes for damaged files
            raise InputError(f"{file} is missing or damaged. Delete {file.with_suffix('.json')} too.") from None

    def weights_file(self, task: str) -> Path:
        """Return where the weights of a finished task are."""
        return self._file(task, ".pt")

    def checkpoints(self, task: str) -> Checkpoints:
        """Return the checkpoints of a task that is being done."""
        return Checkpoints(self.path / CHECKPOINTS / task, seconds=CHECKPOINT_SECONDS)

    def write_text(self, task: str, text: str) -> None:
        """Keep a text for people to read."""
        if self._place.is_main:
            write_whole(self._file(task, ".txt"), lambda opened: opened.write(text.encode()))

    def write_result(self, result: TrainingResult) -> None:
        """Write the result beside what it comes from."""
        if self._place.is_main:
            text = json.dumps(result.to_dict(), indent=2)
            write_whole(self.path / RESULT, lambda file: file.write(text.encode()))

    def _file(self, task: str, ending: str) -> Path:
        return self.path / TASKS / f"{task}{ending}"


def _described(experiment: Any) -> dict[str, Any]:
    """Return the settings of an experiment; data files by their content, so that a moved folder goes on."""
    content = asdict(experiment)
    marks = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in experiment.files().items()}
    return {"settings": _without_paths(content), "files": marks}


def _without_paths(content: Any) -> Any:
    """Return nested settings with paths reduced to their last part."""
    if isinstance(content, dict):
        return {key: _without_paths(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_without_paths(value) for value in content]
    return content.name if isinstance(content, Path) else content
