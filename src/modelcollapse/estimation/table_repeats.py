"""Do numeric values and whole rows repeat as often as in real data? Counted within parts of equal size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from modelcollapse.checks import Array
from modelcollapse.estimation.measure import Measure
from modelcollapse.estimation.repeats import Hashes, hash_numbers, mix
from modelcollapse.estimation.table_columns import Columns
from modelcollapse.estimation.table_topics import RowFeatures, SumTopic, root_grain


@dataclass(frozen=True, eq=False, kw_only=True)
class Repeats(SumTopic):
    """Share of values that repeat another one, by numeric column and for whole rows.

    Attributes
    ----------
    names : tuple of str
        p numeric columns.
    real : RowFeatures
        Indicators of the values that occur more than once in the table; `groups` tells the column of each, p for rows.
    """

    names: tuple[str, ...]
    real: RowFeatures

    def measures(self, size: int) -> tuple[Measure, ...]:
        """Return the share of repeated values of every column, and that of repeated rows."""
        sentence = "{synthetic_share} of the values of {subject} repeat another one, {real_share} in real data"
        columns = tuple(
            Measure(
                noun="repeated values",
                subject=f"`{name}`",
                topic="repeats",
                less=sentence,
                more=sentence,
                scale="root",
                grain=root_grain(size),
            )
            for name in self.names
        )
        sentence = "{synthetic_share} of the rows repeat another one, {real_share} in real data"
        rows = Measure(
            noun="repeated rows", topic="repeats", less=sentence, more=sentence, scale="root", grain=root_grain(size)
        )
        return (*columns, rows)

    def encode(self, table: Columns) -> RowFeatures:
        """Return the features of the rows of another table."""
        return _features(table)

    def summary(self, statistic: Array, rows: RowFeatures, size: int) -> Array:
        """Return roots of the share of rows in a part whose value has occurred before in it, (P, p + 1)."""
        again = np.maximum(statistic - 1.0, 0.0)
        n_groups = len(self.names) + 1
        starts = np.searchsorted(rows.groups, np.arange(n_groups + 1))
        total = np.concatenate([np.zeros((len(again), 1)), again.cumsum(axis=1)], axis=1)
        return np.asarray(np.sqrt(np.maximum(total[:, starts[1:]] - total[:, starts[:-1]], 0.0) / size))


def fit_repeats(real: Columns) -> Repeats:
    """Return the measures of repeated values and rows."""
    return Repeats(names=real.schema.numeric, real=_features(real))


def _features(table: Columns) -> RowFeatures:
    """Return indicators of the values that occur at least twice in the table, column by column, then of such rows."""
    lines: list[NDArray[np.intp]] = []
    members: list[NDArray[np.intp]] = []
    groups: list[NDArray[np.intp]] = []
    start = 0
    for group, values in enumerate([*table.numbers.T, row_hashes(table)]):
        known = np.flatnonzero(~np.isnan(values)) if values.dtype.kind == "f" else np.arange(len(values))
        codes, distinct = pd.factorize(values[known])
        count = np.bincount(codes, minlength=len(distinct))
        number = np.cumsum(count > 1) - 1
        again = count[codes] > 1
        n_new = int((count > 1).sum())
        lines.append(start + number[codes[again]])
        members.append(known[again])
        groups.append(np.full(n_new, group))
        start += n_new
    line, member = np.concatenate(lines), np.concatenate(members)
    values = sparse.csr_array((np.ones(len(line)), (line, member)), shape=(start, len(table)))
    return RowFeatures(values, groups=np.concatenate(groups))


def row_hashes(table: Columns) -> Hashes:
    """Return a 64-bit hash of each row: equal for rows with equal numbers, at single precision, and categories.

    Categories that the real data has not are equal in no real row.
    """
    hashes = np.zeros(len(table), dtype=np.uint64)
    for numbers in table.numbers.T:
        hashes = mix(hashes, hash_numbers(numbers))
    for codes in table.codes.T:
        hashes = mix(hashes, hash_numbers(codes))
    return hashes
