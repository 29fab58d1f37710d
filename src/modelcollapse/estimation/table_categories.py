"""Are all categories there, the rare ones too, in their shares, and none invented? Read off counts by category."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelcollapse.checks import Array
from modelcollapse.estimation.measure import Measure
from modelcollapse.estimation.table_columns import Columns
from modelcollapse.estimation.table_topics import RowFeatures, SumTopic, one_hot, root_grain

BANDS = ((2, 3), (4, 7), (8, 15), (16, 50))
"""Occurrences in a part between which categories are rare; of each band the share that is kept is measured."""
_FEWEST_IN_BAND = 5
"""Categories of a column from which on a band is measured."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Categories(SumTopic):
    """What each categorical column holds, and what of it is lost, invented or shifted between two parts.

    Attributes
    ----------
    names : tuple of str
        q columns.
    counts : tuple of int arrays
        Real rows of each category, by column.
    n_real : int
    real : RowFeatures
        Indicators of missing values by column, then of the categories of each column, those that the real data has not
        last; `groups` tells the column of each but the first q.
    """

    names: tuple[str, ...]
    counts: tuple[NDArray[np.intp], ...]
    n_real: int
    real: RowFeatures

    def measures(self, size: int) -> tuple[Measure, ...]:
        """Return three summaries of each column, and with several columns one over all; then comparisons likewise."""
        kinds = tuple(
            Measure(
                noun=noun,
                subject=f"`{name}`",
                topic=topic,
                less=less,
                more=more,
                comparison=compared,
                scale=scale,
                grain=grain,
            )
            for noun, topic, less, more, compared, scale, grain in _kinds(size, max(map(len, self.counts), default=1))
            for name in self.names
        )
        summaries = [measure for measure in kinds if not measure.comparison] + [_OVERALL] * (len(self.names) > 1)
        comparisons = [measure for measure in kinds if measure.comparison]
        bands = [self._band_measure(column, *band) for column, band in self._bands(size)]
        return (*summaries, *comparisons, *bands)

    def encode(self, table: Columns) -> RowFeatures:
        """Return the features of the rows of another table."""
        return _features(table, [len(count) for count in self.counts])

    def summary(self, statistic: Array, rows: RowFeatures, size: int) -> Array:
        """Return the number of categories, entropy in nats and root of the missing share, each (P, q); mean number."""
        q = len(self.names)
        counts = statistic[:, q:]
        share = counts / size
        surprise = -share * np.log(np.where(share > 0, share, 1.0))
        found = self._by_column((counts > 0).astype(float), rows)
        missing = np.sqrt(statistic[:, :q] / size)
        overall = [found.mean(axis=1, keepdims=True)] if q > 1 else []
        return np.concatenate([found, self._by_column(surprise, rows), missing, *overall], axis=1)

    def comparison(self, first: Array, second: Array, rows: RowFeatures, size: int) -> Array:
        """Return the shares lost, invented and shifted, each (P, q), then the kept share of each band."""
        q = len(self.names)
        first, second = first[:, q:], second[:, q:]
        known = np.zeros_like(second)
        known[:, : first.shape[1]] = first
        lost = self._by_column(np.where(second > 0, 0.0, known), rows) / size
        invented = self._by_column(np.where(known > 0, 0.0, second), rows) / size
        shifted = self._by_column(np.abs(known - second), rows) / (2 * size)
        kept = [_kept(first[:, part], second[:, part], *band) for part, band in self._band_parts(size)]
        return np.concatenate([lost, invented, shifted, *(share[:, None] for share in kept)], axis=1)

    def _by_column(self, values: Array, rows: RowFeatures) -> Array:
        """Add up values of categories by column, (P, q)."""
        shape = (values.shape[1], len(self.names))
        column = sparse.csr_array((np.ones(shape[0]), (np.arange(shape[0]), rows.groups)), shape=shape)
        return np.asarray(values @ column)

    def _bands(self, size: int) -> list[tuple[int, tuple[int, int]]]:
        """Return columns and bands with enough categories in parts of a size."""
        scale = size / self.n_real
        return [
            (column, band)
            for column, count in enumerate(self.counts)
            for band in BANDS
            if ((count * scale >= band[0] - 0.5) & (count * scale < band[1] + 0.5)).sum() >= _FEWEST_IN_BAND
        ]

    def _band_parts(self, size: int) -> list[tuple[slice, tuple[int, int]]]:
        """Return where the categories of the columns of `_bands` are among all."""
        ends = np.cumsum([len(count) for count in self.counts])
        return [(slice(ends[k] - len(self.counts[k]), ends[k]), band) for k, band in self._bands(size)]

    def _band_measure(self, column: int, low: int, high: int) -> Measure:
        sentence = (
            f"of the categories of {{subject}} with {low} to {high} real rows {{synthetic_share}} are there; "
            "a second real sample has {real_share}"
        )
        return Measure(
            noun=f"kept rare categories ({low} to {high} rows)",
            subject=f"`{self.names[column]}`",
            topic="categories",
            less=sentence,
            more=sentence,
            comparison=True,
            grain=1 / _FEWEST_IN_BAND,
        )


def fit_categories(real: Columns) -> Categories:
    """Return the measures of categorical columns."""
    widths = [len(real.schema.levels[name]) for name in real.schema.categorical]
    counts = tuple(np.bincount(codes, minlength=w) for codes, w in zip(real.codes.T, widths, strict=True))
    return Categories(names=real.schema.categorical, counts=counts, n_real=len(real), real=_features(real, widths))


def _features(table: Columns, widths: list[int]) -> RowFeatures:
    """Return indicators of missing values, of known categories, and of new ones."""
    limit = np.array(widths, dtype=np.int64)
    known = np.where(table.codes < limit, table.codes, -1)
    new = np.where(table.codes >= limit, table.codes - limit, -1)
    new_widths = [int(column.max(initial=-1)) + 1 for column in new.T]
    values = sparse.vstack(
        [
            sparse.csr_array(table.missing.T.astype(np.float64)),
            one_hot(known, widths),
            one_hot(new, new_widths),
        ],
        format="csr",
    )
    columns = np.arange(len(widths))
    return RowFeatures(values, groups=np.concatenate([np.repeat(columns, widths), np.repeat(columns, new_widths)]))


_OVERALL = Measure(
    noun="number of categories of all columns",
    topic="categories",
    less="columns have {synthetic} categories on average, {real} in as many real rows",
    more="columns have {synthetic} categories on average, {real} in as many real rows",
    grain=1.0,
)


def _kept(first: Array, second: Array, low: int, high: int) -> Array:
    """Return the share of the categories with `low` to `high` rows in the first parts that the second have, (P,)."""
    rare = (first >= low) & (first <= high)
    count = rare.sum(axis=1)
    return np.where(count > 0, (rare & (second > 0)).sum(axis=1) / np.maximum(count, 1), 1.0)


def _kinds(size: int, n_levels: int) -> tuple[tuple[str, str, str, str, bool, Literal["plain", "root"], float], ...]:
    """Return noun, topic, sentences, whether two parts are compared, and grain: what one row can change.

    The entropy of even shares falls wherever they move, alike in two halves of one sample: its grain is that noise.
    """
    grain = max(float(np.log(size)), n_levels**0.5) / size
    second = "in a second real sample {real_share}"
    number = "{subject} has {synthetic} categories in as many rows as {real} in real data"
    entropy = "over its categories: entropy {synthetic} nats, {real} in real data"
    less, more = (f"{{subject}} is {word} evenly spread {entropy}" for word in ("less", "more"))
    missing = "{synthetic_share} of {subject} are missing, {real_share} in real data"
    lost = f"{{synthetic_share}} of the real rows have a category of {{subject}} that is gone; {second}"
    new = f"{{synthetic_share}} of the rows have a category of {{subject}} that real rows lack; {second}"
    moved = f"{{synthetic_share}} of the rows would have to change {{subject}} to match; {second}"
    return (
        ("number of categories", "categories", number, number, False, "plain", 1.0),
        ("entropy", "categories", less, more, False, "plain", grain),
        ("missing share", "missing values", missing, missing, False, "root", root_grain(size)),
        ("lost categories", "categories", lost, lost, True, "plain", 1 / size),
        ("invented categories", "categories", new, new, True, "plain", 1 / size),
        ("total variation", "categories", moved, moved, True, "plain", 1 / size),
    )
