"""Do rows repeat, within a file or across files? Each is left to one place, unless chance explains the repeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from modelcollapse.errors import InputError
from modelcollapse.estimation.repeats import COMMON, Hashes, Rows, common_inputs, hash_numbers, mix
from modelcollapse.estimation.wording import counted
from modelcollapse.streams import stream

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False, kw_only=True)
class Fingerprints:
    """64-bit hashes of the rows of one file.

    Attributes
    ----------
    inputs : array of uint64, (n,)
        Of the inputs alone.
    targets : array of uint64, (n,)
        Of the target alone.
    name : str
        What messages call the file.
    """

    inputs: Hashes
    targets: Hashes
    name: str

    @property
    def rows(self) -> Hashes:
        """Hashes of inputs and target together, (n,)."""
        return mix(self.inputs, self.targets)


def fingerprints(
    frame: pd.DataFrame, values: NDArray[Any], *, numeric: Sequence[str], categorical: Sequence[str], name: str
) -> Fingerprints:
    """Hash the rows of one file.

    Parameters
    ----------
    frame : DataFrame, (n, columns)
    values : array, (n,) or (n, C)
        Target in its common form: class codes or floats.
    numeric, categorical : sequence of str
        Columns that count as inputs.
    name : str
    """
    inputs = np.zeros(len(frame), dtype=np.uint64)
    for column in numeric:
        inputs = mix(inputs, hash_numbers(frame[column].to_numpy()))
    for column in categorical:
        text = frame[column].astype(object).where(frame[column].notna(), "").astype(str).to_numpy(dtype=object)
        inputs = mix(inputs, pd.util.hash_array(text))
    targets = np.zeros(len(frame), dtype=np.uint64)
    for output in values.reshape(len(values), -1).T:
        targets = mix(targets, hash_numbers(output))
    return Fingerprints(inputs=inputs, targets=targets, name=name)


def separate(
    sources: Sequence[Fingerprints], *, holdout: Fingerprints | None, seed: int
) -> tuple[tuple[Rows, ...], tuple[str, ...]]:
    """Choose the rows of each file so that no individual occurs twice.

    An exact copy agrees in inputs and target. Of copies within a file the first is kept, of copies across files that
    in the first file. An input that other files share with another target is left to one of them, drawn by a seeded
    coin. No source keeps a copy of a held-out row, nor its input.

    Parameters
    ----------
    sources : sequence of Fingerprints
        The real file first.
    holdout : Fingerprints or None
        The user's own held-out file; it stays whole.
    seed : int

    Returns
    -------
    rows : tuple of arrays of int64
        Ascending row numbers to keep, one array per source.
    warnings : tuple of str

    Raises
    ------
    InputError
        When two files hold the same rows, or a file keeps fewer than two rows.

    Notes
    -----
    Independent rows repeat too, where few different ones are possible. Two rules tell chance from copying, file by
    file. Copies within a file are chance when its targets are few (each occurs `COMMON` times on average) and so are
    its inputs (n rows hold at most √n different ones), or at least half of the rows with a repeated input stand beside
    another target. And an input that still occurs `COMMON` times in one file may occur in another; as an exact copy
    only where copies within the first file are chance. Rows copied √n times each, or inputs labelled `COMMON` times
    anew, pass for chance.
    """
    for other in [*sources[1:], holdout] if holdout else sources[1:]:
        _require_different(sources[0], other)
    warnings: list[str] = []
    files = [_without_repeats(source, warnings) for source in sources]
    if holdout:
        _drop_held_out(files, holdout, warnings)
    _drop_copies(files, warnings)
    _split_shared_inputs(files, warnings, seed=seed)
    for file in files:
        if file.kept.sum() < 2:
            raise InputError(
                f"{file.prints.name}: fewer than 2 rows are left; the others repeat these or rows of another file."
            )
    return tuple(np.flatnonzero(file.kept) for file in files), tuple(warnings)


@dataclass(frozen=True, eq=False)
class _File:
    """Rows of a file that are kept so far, whether chance explains copies within it, and its common inputs."""

    prints: Fingerprints
    kept: Mask
    chance: bool
    common: Hashes

    def excuses(self, inputs: Hashes) -> Mask:
        """Tell for each input of another file whether chance explains that it is shared."""
        return np.isin(inputs, self.common)

    def drop(self, unwanted: Mask, reason: str, warnings: list[str]) -> None:
        """Take rows out, and say how many."""
        count = int((self.kept & unwanted).sum())
        self.kept[unwanted] = False
        if count:
            warnings.append(f"{self.prints.name}: {counted(count, 'row')} of {self.kept.size:,} dropped, {reason}.")


def _require_different(real: Fingerprints, other: Fingerprints) -> None:
    if len(real.rows) == len(other.rows) and np.array_equal(np.sort(real.rows), np.sort(other.rows)):
        raise InputError(f"{other.name}: holds the same rows as {real.name}. Name two different files.")


def _without_repeats(source: Fingerprints, warnings: list[str]) -> _File:
    """Drop copies of rows within a file, unless chance explains them."""
    _, first = np.unique(source.rows, return_index=True)
    repeats = np.ones(len(source.rows), dtype=bool)
    repeats[first] = False
    chance = _repeats_by_chance(source)
    if chance and repeats.any():
        warnings.append(
            f"{source.name}: {counted(int(repeats.sum()), 'row')} of {repeats.size:,} equal to another row of the file "
            "kept: few different rows are possible, so that chance repeats them. Were they copies, errors would come "
            "out too small."
        )
    kept = np.ones_like(repeats)
    file = _File(source, kept, chance, common_inputs(source.inputs if chance else source.inputs[~repeats]))
    if not chance:
        file.drop(repeats, "exact copies of another row of the file: no second observation", warnings)
    return file


def _repeats_by_chance(source: Fingerprints) -> bool:
    """Tell whether independent rows would repeat as these do: few targets, and few inputs or inputs at odds."""
    n = len(source.targets)
    if COMMON * np.unique(source.targets).size > n:
        return False
    _, inverse, counts = np.unique(source.inputs, return_inverse=True, return_counts=True)
    if counts.size**2 <= n:
        return True
    _, first = np.unique(source.rows, return_index=True)
    n_targets = np.bincount(inverse[first], minlength=counts.size)
    return bool(counts[n_targets > 1].sum() >= counts[counts > 1].sum() / 2 > 0)


def _drop_held_out(files: Sequence[_File], holdout: Fingerprints, warnings: list[str]) -> None:
    """Drop rows of the sources whose inputs are held out, unless chance explains them."""
    for file in files:
        inputs = file.prints.inputs
        excused = files[0].excuses(inputs)
        copies = np.isin(file.prints.rows, holdout.rows) & ~(excused & files[0].chance)
        file.drop(
            copies | (np.isin(inputs, holdout.inputs) & ~excused), f"their inputs are in {holdout.name}", warnings
        )


def _drop_copies(files: Sequence[_File], warnings: list[str]) -> None:
    """Keep rows that agree in inputs and target in the first of their files, unless chance explains them."""
    for k, file in enumerate(files):
        copies = np.zeros_like(file.kept)
        for earlier in files[:k]:
            excused = earlier.chance & earlier.excuses(file.prints.inputs)
            copies |= np.isin(file.prints.rows, earlier.prints.rows[earlier.kept]) & ~excused
        file.drop(copies, "exact copies of rows in another file", warnings)


def _split_shared_inputs(files: Sequence[_File], warnings: list[str], *, seed: int) -> None:
    """Leave each shared input to one of its files, drawn with equal chances; common inputs stay in both."""
    keys = stream(seed, "overlap").integers(0, 2**63, size=len(files)).astype(np.uint64)
    inputs = [file.prints.inputs[file.kept] for file in files]
    lost = [np.zeros_like(file.kept) for file in files]
    for k, file in enumerate(files):
        for j, earlier in enumerate(files[:k]):
            shared = np.intersect1d(inputs[j], inputs[k])
            excused = earlier.excuses(shared)
            if excused.any():
                warnings.append(
                    f"{file.prints.name}: {counted(int(excused.sum()), 'input')} shared with {earlier.prints.name} "
                    f"kept in both: there at least {COMMON} times, which chance explains."
                )
            shared = shared[~excused]
            draws = [pd.util.hash_array(shared ^ keys[source]) for source in (j, k)]  # the least of all files keeps it
            lost[j] |= np.isin(earlier.prints.inputs, shared[draws[0] > draws[1]])
            lost[k] |= np.isin(file.prints.inputs, shared[draws[0] < draws[1]])
    for file, unwanted in zip(files, lost, strict=True):
        file.drop(unwanted, "their inputs are in another file too (a seeded coin chose the file)", warnings)
