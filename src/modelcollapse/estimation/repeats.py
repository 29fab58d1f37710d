"""Which rows stand for one individual? Rows are hashed; rare inputs that repeat belong together, common ones do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Rows = NDArray[np.int64]

COMMON = 5
"""An input that occurs at least so often is common: independent draws repeat it. A rarer one is an individual."""

_MIX = np.uint64(0x9E3779B97F4A7C15)  # odd, so that multiplying by it loses nothing (Knuth's golden-ratio constant)
_CHUNK_ROWS = 2**14  # copies of chosen rows stay small


def mix(hashes: Hashes, more: Hashes) -> Hashes:
    """Combine the hashes of some columns with those of one more; the order of columns counts."""
    return hashes * _MIX + more


def hash_numbers(values: NDArray[Any]) -> Hashes:
    """Hash numbers at single precision, so that a value that went through text or a smaller type stays itself.

    Parameters
    ----------
    values : array, (n,)
        Missing values equal each other, and −0 equals 0.
    """
    with np.errstate(over="ignore"):  # beyond single precision: infinite, and equal to each other
        single = values.astype(np.float32) + np.float32(0)  # −0 becomes 0
    single[np.isnan(single)] = np.nan  # one bit pattern for all
    hashes: Hashes = pd.util.hash_array(single.view(np.uint32))
    return hashes


def hash_rows(features: NDArray[np.float64], *, rows: Rows) -> Hashes:
    """Hash chosen rows of a design matrix.

    Parameters
    ----------
    features : array, (n, d)
    rows : array of int, (m,)
        Row numbers.

    Returns
    -------
    array of uint64, (m,)
    """
    hashes = np.zeros(len(rows), dtype=np.uint64)
    for start in range(0, len(rows), _CHUNK_ROWS):
        part = slice(start, start + _CHUNK_ROWS)
        for column in features[rows[part]].T:
            hashes[part] = mix(hashes[part], hash_numbers(column))
    return hashes


def first_of_each(inputs: Hashes) -> Rows:
    """Return for each row the position of the first row of the same individual.

    Parameters
    ----------
    inputs : array of uint64, (n,)
        Hashes of the rows' inputs.

    Returns
    -------
    array of int64, (n,)
        Equal for rows that must not be parted; the row's own position where its input is common.

    Examples
    --------
    >>> first_of_each(np.array([7, 3, 7, 9, 9, 9, 9, 9], dtype=np.uint64)).tolist()
    [0, 1, 0, 3, 4, 5, 6, 7]
    """
    _, first, inverse, counts = np.unique(inputs, return_index=True, return_inverse=True, return_counts=True)
    rare = counts[inverse] < COMMON
    return np.where(rare, first[inverse], np.arange(len(inputs)))


def common_inputs(inputs: Hashes) -> Hashes:
    """Return the inputs that occur at least `COMMON` times, each once."""
    values, counts = np.unique(inputs, return_counts=True)
    return values[counts >= COMMON]
