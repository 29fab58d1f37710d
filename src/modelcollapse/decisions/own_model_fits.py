"""How are models trained on mixtures of the rows at hand? Side by side, within a budget, and never twice."""

from __future__ import annotations

import hashlib
import json
import math
import os
import threading
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array, integer, number
from modelcollapse.decisions.on_the_spot import Progress
from modelcollapse.decisions.own_model_design import Cell
from modelcollapse.decisions.own_model_result import TrainedModel
from modelcollapse.errors import InputError
from modelcollapse.estimation.estimators import Trainer
from modelcollapse.estimation.rows import LabelledRows
from modelcollapse.parallel import side_by_side
from modelcollapse.result import plain
from modelcollapse.streams import stream

Key = tuple[tuple[tuple[str, int], ...], int]
"""Counts by source, and the repeat."""


class FitFile:
    """A file of trained models, one JSON object a line; those of other data or of another estimator are left alone."""

    def __init__(self, path: str | Path | None, *, fingerprint: str) -> None:
        self._path = None if path is None else Path(path)
        self._fingerprint = fingerprint
        self._lock = threading.Lock()
        self.known: dict[Key, TrainedModel] = {}
        if self._path is not None:
            check_fit_file(self._path)
            self.known = {_key(fit): fit for mark, fit in _read(self._path) if mark == fingerprint}

    @property
    def kept(self) -> bool:
        """Whether there is a file at all."""
        return self._path is not None

    def add(self, fit: TrainedModel) -> None:
        """Append a model: one write, so that whatever stops the work leaves whole lines."""
        if self._path is None:
            return
        line = json.dumps(plain({"fingerprint": self._fingerprint, **asdict(fit)}), allow_nan=False) + "\n"
        with self._lock, self._path.open("ab", buffering=0) as file:
            file.write(line.encode())
            os.fsync(file.fileno())


def check_fit_file(path: str | Path) -> None:
    """Refuse a file that cannot hold trained models, before the long work.

    Raises
    ------
    InputError
        When the folder is missing, the file cannot be written, or it holds something else.
    """
    file = Path(path)
    if file.is_dir():
        raise InputError(f"{path}: the file of fits must be a file; this is a folder. Give a name, such as fits.jsonl.")
    if not file.parent.is_dir():
        raise InputError(f"{path}: the folder of the file of fits does not exist. Create it first.")
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise InputError(f"{path}: the file of fits cannot be written. Choose another.")
    for _ in _read(file):
        pass


def _read(path: Path) -> list[tuple[str, TrainedModel]]:
    """Return the models of a file with their fingerprints; a last line that was cut off is taken away."""
    content = path.read_bytes() if path.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]
    if content[len(whole) :] and not content.startswith(b'{"fingerprint"'):
        raise InputError(f"{path}: line 1 is no trained model; is this a file of fits? Give another.")
    found = [_trained_model(line, path=path, row=row) for row, line in enumerate(whole.splitlines(), start=1)]
    if len(whole) < len(content):
        os.truncate(path, len(whole))
    return found


def _trained_model(line: bytes, *, path: Path, row: int) -> tuple[str, TrainedModel]:
    """Return the fingerprint and the model of a line."""
    try:
        fields: dict[str, Any] = json.loads(line)
        return fields["fingerprint"], TrainedModel(
            counts={str(name): integer(name, count, low=0) for name, count in fields["counts"].items()},
            repeat=integer("repeat", fields["repeat"], low=0),
            test_error=number("test_error", fields["test_error"], low=0),
            accuracy=math.nan if fields["accuracy"] is None else number("accuracy", fields["accuracy"], low=0, high=1),
            seconds=number("seconds", fields["seconds"], low=0),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InputError(f"{path}: line {row} is no trained model; is this a file of fits? Give another.") from None


def _key(fit: TrainedModel) -> Key:
    return tuple(sorted(fit.counts.items())), fit.repeat


@dataclass(frozen=True, eq=False, kw_only=True)
class Workbench:
    """Rows at hand and a trainer.

    Attributes
    ----------
    names : tuple of str
        Sources, the real one first.
    sources : tuple of LabelledRows
    holdout : LabelledRows
    trainer : Trainer
    seed : int
    """

    names: tuple[str, ...]
    sources: tuple[LabelledRows, ...]
    holdout: LabelledRows
    trainer: Trainer
    seed: int

    @property
    def available(self) -> Cell:
        """Real and synthetic rows at hand."""
        return len(self.sources[0]), sum(len(rows) for rows in self.sources[1:])

    def counts(self, cell: Cell) -> list[int]:
        """Return the rows of each source of a mixture: synthetic sources in the proportions at hand."""
        total = self.available[1]
        ends = np.cumsum([0, *(len(rows) for rows in self.sources[1:])])
        shared = np.diff(np.round(ends * (cell[1] / total)).astype(int))
        return [cell[0], *shared.tolist()]

    def fingerprint(self) -> str:
        """Return what changes with the data, the estimator and the seed."""
        marks = hashlib.sha256(f"{self.trainer.fingerprint} {self.seed} {self.names}".encode())
        for rows in (*self.sources, self.holdout):
            for table in (rows.features, rows.targets):
                marks.update(f"{table.shape}".encode())
                marks.update(np.ascontiguousarray(table).tobytes())
        return marks.hexdigest()[:16]

    def train(self, cell: Cell, repeat: int) -> TrainedModel:
        """Train one model.

        Raises
        ------
        InputError
            When the estimator fails; the message says on which mixture.
        """
        counts = self.counts(cell)
        chosen = [
            rows.take(self.rows(k, n, repeat))
            for k, (rows, n) in enumerate(zip(self.sources, counts, strict=True))
            if n
        ]
        started = time.perf_counter()
        said = {name: n for name, n in zip(self.names, counts, strict=True) if n}
        try:
            error, accuracy = self.trainer.train_and_measure(
                np.concatenate([rows.features for rows in chosen]),
                np.concatenate([rows.targets for rows in chosen]),
                holdout=(self.holdout.features, self.holdout.targets),
                seed=repeat,
            )
        except InputError as problem:
            mixture = " + ".join(f"{n:,} {name}" for name, n in said.items())
            raise InputError(f"the fit on {mixture} rows: {problem}") from problem
        return TrainedModel(
            counts=dict(zip(self.names, counts, strict=True)),
            repeat=repeat,
            test_error=error,
            accuracy=accuracy,
            seconds=time.perf_counter() - started,
        )

    def rows(self, source: int, n_rows: int, repeat: int) -> NDArray[np.intp]:
        """Return which rows of a source a model gets, (n_rows,).

        Small mixtures are nested in large ones, and repeats have other rows as long as there are some.
        """
        available = len(self.sources[source])
        n_blocks = max(1, available // n_rows)
        order = stream(self.seed, "own model", source, repeat // n_blocks).permutation(available)
        start = (repeat % n_blocks) * n_rows
        return np.asarray(order[start : start + n_rows])


@dataclass(kw_only=True)
class Budget:
    """What may be spent, and what has been.

    Attributes
    ----------
    max_fits : int
    max_seconds : float
        From the start on; infinite without a limit.
    """

    max_fits: int
    max_seconds: float = math.inf
    started: float = field(default_factory=time.monotonic)

    def left(self, n_trained: int) -> int:
        """Return how many models may still be trained."""
        return 0 if time.monotonic() - self.started > self.max_seconds else max(0, self.max_fits - n_trained)


def train_all(
    bench: Workbench,
    planned: Sequence[tuple[Cell, int]],
    *,
    file: FitFile,
    budget: Budget,
    n_before: int,
    progress: Progress,
) -> list[TrainedModel]:
    """Train models side by side, those that are in the file excepted; fewer when the time runs out."""
    total = budget.max_fits

    def trained(place: int) -> TrainedModel | None:
        cell, repeat = planned[place]
        names = tuple(sorted(zip(bench.names, bench.counts(cell), strict=True)))
        if (names, repeat) in file.known:
            return file.known[names, repeat]
        if not budget.left(n_before):
            return None
        fit = bench.train(cell, repeat)
        file.add(fit)
        return fit

    with warnings.catch_warnings():  # here and not in the threads, which share the filters
        warnings.simplefilter("ignore")  # what is unfinished after the usual steps is part of how people train
        found = side_by_side(
            trained,
            range(len(planned)),
            report=lambda done, _: progress(f"training {bench.trainer.name}", n_before + done, total),
        )
    return [fit for fit in found if fit is not None]


def as_arrays(fits: Sequence[TrainedModel]) -> tuple[Array, Array, Array]:
    """Return real rows, synthetic rows and test errors of models, (n,) each."""
    real = np.array([fit.counts["real"] for fit in fits], dtype=np.float64)
    total = np.array([sum(fit.counts.values()) for fit in fits], dtype=np.float64)
    return real, total - real, np.array([fit.test_error for fit in fits])
