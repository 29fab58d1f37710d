"""How wide is the middle of the numeric columns, and where is it? Quantiles of many parts, read off fine bins."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array
from modelcollapse.estimation.measure import Measure
from modelcollapse.estimation.table_columns import Columns
from modelcollapse.estimation.table_topics import INNER, RowFeatures, SumTopic, one_hot

N_BINS = 128
"""Bins of equal real shares, between whose edges quantiles are interpolated."""
_TINY = 1e-9
_NEAR = 5.0  # standard deviations of the share below a value: a quantile so near to the edge of a common value may jump


@dataclass(frozen=True, eq=False, kw_only=True)
class Quantiles(SumTopic):
    """Width of the middle 90 %, and median, of every numeric column.

    Attributes
    ----------
    names : tuple of str
        p columns.
    edges : array, (p, 129)
        Of the bins; several are equal where a value is common.
    steps : tuple of arrays, (., 2)
        By column, shares of the real values below, and up to and with, each value that fills more than a bin.
    known : array, (p,)
        Share of the real values that are known.
    real : RowFeatures
        Indicators of the bins, (128 p, n).
    """

    names: tuple[str, ...]
    edges: Array
    steps: tuple[Array, ...]
    known: Array
    real: RowFeatures

    def measures(self, size: int) -> tuple[Measure, ...]:
        """Return the width of the middle of all columns, then their medians, where they cannot jump."""
        width = self.edges[:, -1] - self.edges[:, 0]
        middle = tuple(
            Measure(
                noun="middle 90 %",
                subject=f"`{name}`",
                topic="spread",
                less="the middle 90 % of {subject} is {change} narrower than in real data",
                more="the middle 90 % of {subject} is {change} wider than in real data",
                scale="log",
                grain=1 / size,
            )
            for name in compress(self.names, self._steady(size, *INNER))
        )
        sentence = "half of {subject} is below {synthetic}, half below {real} in real data"
        return middle + tuple(
            Measure(
                noun="median", subject=f"`{name}`", topic="location", less=sentence, more=sentence, grain=grain / size
            )
            for name, grain in compress(zip(self.names, width, strict=True), self._steady(size, 0.5))
        )

    def encode(self, table: Columns) -> RowFeatures:
        """Return the features of the rows of another table."""
        return RowFeatures(one_hot(_bins(table.numbers, self.edges), [N_BINS] * len(self.names)))

    def summary(self, statistic: Array, rows: RowFeatures, size: int) -> Array:
        """Return the log width of the middle and the median, each (P, columns)."""
        counts = statistic.reshape(len(statistic), -1, N_BINS)
        low, median, high = (_quantile(counts, self.edges, level) for level in (INNER[0], 0.5, INNER[1]))
        least = _TINY * np.maximum(self.edges[:, -1] - self.edges[:, 0], _TINY)
        width = np.log(np.maximum(high - low, least))
        return np.concatenate([width[:, self._steady(size, *INNER)], median[:, self._steady(size, 0.5)]], axis=1)

    def _steady(self, size: int, *levels: float) -> NDArray[np.bool_]:
        """Tell in which columns no quantile is near the edge of a common value, from which it would jump, (p,)."""
        level = np.array(levels)
        reach = _NEAR * np.sqrt(level * (1 - level) / size)
        return np.array(
            [
                _far_from_steps(step, level, reach / share**0.5)
                for step, share in zip(self.steps, self.known, strict=True)
            ],
            dtype=bool,
        )


def fit_quantiles(real: Columns) -> Quantiles:
    """Return the measures of quantiles, with bins of equal shares of real data."""
    levels = np.linspace(0, 1, N_BINS + 1)
    edges = np.nanquantile(real.numbers, levels, axis=0).reshape(len(levels), real.numbers.shape[1]).T
    codes = one_hot(_bins(real.numbers, edges), [N_BINS] * len(edges))
    return Quantiles(
        names=real.schema.numeric,
        edges=edges,
        steps=tuple(_steps(column[~np.isnan(column)]) for column in real.numbers.T),
        known=1 - np.isnan(real.numbers).mean(axis=0),
        real=RowFeatures(codes),
    )


def _steps(values: Array) -> Array:
    """Return the shares of the values below, and up to and with, each of them that fills more than a bin, (., 2)."""
    count = np.unique(values, return_counts=True)[1]
    upto = count.cumsum() / len(values)
    share = count / len(values)
    return np.column_stack([upto - share, upto])[share > 1 / N_BINS]


def _far_from_steps(steps: Array, level: Array, reach: Array) -> bool:
    """Tell whether no level is so near to an edge of a step that is wider than the reach."""
    wide = (steps[:, 1] - steps[:, 0])[:, None] > reach
    near = (np.abs(steps[:, :, None] - level) < reach).any(axis=1)
    return not (wide & near).any()


def _bins(numbers: Array, edges: Array) -> NDArray[np.intp]:
    """Return the bin of each value, −1 where it is missing, (n, p)."""
    bins = np.empty(numbers.shape, dtype=np.intp)
    for k, column in enumerate(numbers.T):
        bins[:, k] = np.where(np.isnan(column), -1, np.searchsorted(edges[k, 1:-1], column, side="right"))
    return bins


def _quantile(counts: Array, edges: Array, level: float) -> Array:
    """Return a quantile of each column of each part, (P, p), by interpolation within its bin."""
    reached = counts.cumsum(axis=-1)
    wanted = level * reached[..., -1:]
    found = np.minimum((reached < wanted).sum(axis=-1, keepdims=True), N_BINS - 1)
    inside = np.take_along_axis(counts, found, axis=-1)
    before = np.take_along_axis(reached, found, axis=-1) - inside
    share = ((wanted - before) / np.maximum(inside, 1.0))[..., 0]
    column, bin_of = np.arange(len(edges)), found[..., 0]
    left, right = edges[column, bin_of], edges[column, bin_of + 1]
    return np.asarray(left + share * (right - left))
