"""Do the files share rows? Rows that share inputs are not independent: each shared input is left to one file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from modelcollapse.errors import InputError
from modelcollapse.estimation.wording import counted
from modelcollapse.streams import stream

Hashes = NDArray[np.uint64]
Rows = NDArray[np.int64]

_MIX = np.uint64(0x9E3779B97F4A7C15)  # odd, so that multiplying by it loses nothing (Knuth's golden-ratio constant)


@dataclass(frozen=True, eq=False, kw_only=True)
class Fingerprints:
    """64-bit hashes of the rows of one file.

    Attributes
    ----------
    inputs : array of uint64, (n,)
        Of the inputs alone.
    rows : array of uint64, (n,)
        Of the inputs together with the target.
    name : str
        What messages call the file.
    """

    inputs: Hashes
    rows: Hashes
    name: str


def fingerprints(
    frame: pd.DataFrame, values: NDArray[Any], *, numeric: Sequence[str], categorical: Sequence[str], name: str
) -> Fingerprints:
    """Hash the rows of one file.

    Numbers are compared at single precision, so that a value that went through text or a smaller type stays itself.

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
        inputs = inputs * _MIX + _hash_numbers(frame[column].to_numpy())
    for column in categorical:
        text = frame[column].astype(object).where(frame[column].notna(), "").astype(str).to_numpy(dtype=object)
        inputs = inputs * _MIX + pd.util.hash_array(text)
    rows = inputs.copy()
    for output in values.reshape(len(values), -1).T:
        rows = rows * _MIX + _hash_numbers(output)
    return Fingerprints(inputs=inputs, rows=rows, name=name)


def separate(
    sources: Sequence[Fingerprints], *, holdout: Fingerprints | None, seed: int
) -> tuple[tuple[Rows, ...], tuple[str, ...]]:
    """Choose the rows of each file so that no input occurs in two of them.

    Rows that agree in inputs and target are kept in the first file only; of the other shared inputs each is kept in
    one of its files, drawn by a seeded coin; no source keeps an input of the held-out file. Where inputs repeat within
    the real file about as often as across files, sharing is chance (few distinct inputs), and nothing is taken away.

    Parameters
    ----------
    sources : sequence of Fingerprints
        The real file first.
    holdout : Fingerprints or None
        The user's own held-out file.
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
    """
    everything = [*sources, holdout] if holdout else list(sources)
    for other in everything[1:]:
        _require_different(sources[0], other)
    kept = [np.ones(len(source.inputs), dtype=bool) for source in sources]
    warnings = [message for source in everything if (message := _repeats_warning(source))]
    chance = [other for other in everything[1:] if _shared_by_chance(sources[0], other)]
    if chance:
        names = " and ".join(other.name for other in chance)
        warnings.append(
            f"{names}: shares inputs with {sources[0].name}, but inputs repeat as often within it; kept as chance."
        )
        return tuple(np.flatnonzero(mask) for mask in kept), tuple(warnings)
    if holdout:
        for source, mask in zip(sources, kept, strict=True):
            _drop(source, mask, np.isin(source.inputs, holdout.inputs), f"their inputs are in {holdout.name}", warnings)
    _drop_copies(sources, kept, warnings)
    _split_shared_inputs(sources, kept, warnings, seed=seed)
    for source, mask in zip(sources, kept, strict=True):
        if mask.sum() < 2:
            raise InputError(f"{source.name}: fewer than 2 rows are left; the others are in another file too.")
    return tuple(np.flatnonzero(mask) for mask in kept), tuple(warnings)


def _hash_numbers(values: NDArray[Any]) -> Hashes:
    with np.errstate(over="ignore"):  # beyond single precision: infinite, and equal to each other
        single = values.astype(np.float32) + np.float32(0)  # −0 becomes 0
    single[np.isnan(single)] = np.nan  # one bit pattern for all
    hashes: Hashes = pd.util.hash_array(single.view(np.uint32))
    return hashes


def _require_different(real: Fingerprints, other: Fingerprints) -> None:
    if len(real.rows) == len(other.rows) and np.array_equal(np.sort(real.rows), np.sort(other.rows)):
        raise InputError(f"{other.name}: holds the same rows as {real.name}. Name two different files.")


def _repeats_warning(source: Fingerprints) -> str:
    repeats = len(source.rows) - np.unique(source.rows).size
    return f"{source.name}: rows that repeat another row of the file: {repeats:,}." if repeats else ""


def _shared_by_chance(real: Fingerprints, other: Fingerprints) -> bool:
    """Tell whether inputs repeat within the real file at least half as often as they are shared with the other."""
    shared = float(np.isin(other.inputs, real.inputs).mean())
    _, counts = np.unique(real.inputs, return_counts=True)
    return shared > 0 and float(counts[counts > 1].sum()) / len(real.inputs) > shared / 2


def _drop(
    source: Fingerprints, mask: NDArray[np.bool_], unwanted: NDArray[np.bool_], reason: str, warnings: list[str]
) -> None:
    """Take unwanted rows out of a file's mask, and say how many."""
    count = int((mask & unwanted).sum())
    mask &= ~unwanted
    if count:
        warnings.append(f"{source.name}: {counted(count, 'row')} of {mask.size:,} dropped, {reason}.")


def _drop_copies(sources: Sequence[Fingerprints], kept: list[NDArray[np.bool_]], warnings: list[str]) -> None:
    """Keep rows that agree in inputs and target in the first of their files."""
    for k in range(1, len(sources)):
        earlier = np.concatenate([sources[j].rows[kept[j]] for j in range(k)])
        _drop(sources[k], kept[k], np.isin(sources[k].rows, earlier), "exact copies of rows in another file", warnings)


def _split_shared_inputs(
    sources: Sequence[Fingerprints], kept: list[NDArray[np.bool_]], warnings: list[str], *, seed: int
) -> None:
    """Leave each shared input to one of its files, drawn with equal chances."""
    distinct = [np.unique(source.inputs[mask]) for source, mask in zip(sources, kept, strict=True)]
    inputs = np.concatenate(distinct)
    owner = np.repeat(np.arange(len(sources)), [part.size for part in distinct])
    order = np.lexsort((stream(seed, "overlap").random(inputs.size), inputs))
    inputs, owner = inputs[order], owner[order]
    loses = np.concatenate(([False], inputs[1:] == inputs[:-1]))  # all but the first of each run of equal inputs
    for k, source in enumerate(sources):
        lost = np.isin(source.inputs, inputs[loses & (owner == k)])
        _drop(source, kept[k], lost, "their inputs are in another file too (a seeded coin chose the file)", warnings)
