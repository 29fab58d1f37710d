"""How are families of measures computed for many parts of a table at once? Sums of row features, then arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelcollapse.checks import Array
from modelcollapse.estimation.measure import Measure
from modelcollapse.estimation.table_columns import Columns

Parts = NDArray[np.intp]
"""Row numbers of P parts of k rows each, (P, k)."""
INNER = (0.05, 0.95)
"""Quantiles between which the middle of a column lies."""
_RARE_ROWS = 5


@dataclass(frozen=True, eq=False)
class RowFeatures:
    """What a family of measures needs to know of each row of one table.

    Attributes
    ----------
    values : array (n, f), or sparse array (f, n)
        Dense with one line per row; sparse with one line per feature, which makes sums over parts fast.
    groups : int array, (f,)
        What each feature belongs to, where tables differ in that; else empty.
    """

    values: Any
    groups: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, dtype=np.intp))


class Topic(Protocol):
    """A family of measures, fitted on real data: J summaries of one part, then C comparisons of two parts."""

    @property
    def real(self) -> RowFeatures:
        """Features of the real rows."""

    def measures(self, size: int) -> tuple[Measure, ...]:
        """Return the J + C measures for parts of `size` rows."""

    def encode(self, table: Columns) -> RowFeatures:
        """Return the features of the rows of another table."""

    def statistic(self, rows: RowFeatures, parts: Parts) -> Array:
        """Return what the measures need to know of each part, (P, ...)."""

    def summary(self, statistic: Array, rows: RowFeatures, size: int) -> Array:
        """Return the summaries of each part, (P, J)."""

    def comparison(self, first: Array, second: Array, rows: RowFeatures, size: int) -> Array:
        """Return the comparisons of real parts with as many parts of the table with these rows, (P, C)."""


class SumTopic:
    """A topic whose statistic is the sum of the rows' features, and which compares nothing."""

    def statistic(self, rows: RowFeatures, parts: Parts) -> Array:
        """Return the sum of the features over each part, (P, f)."""
        return sums(rows, parts)

    def comparison(self, first: Array, second: Array, rows: RowFeatures, size: int) -> Array:
        """Return nothing, (P, 0)."""
        return np.empty((len(first), 0))


def sums(rows: RowFeatures, parts: Parts) -> Array:
    """Return the sum of the features over each part, (P, f), as one product of matrices."""
    by_feature = sparse.issparse(rows.values)
    n_rows = rows.values.shape[1] if by_feature else len(rows.values)
    member = np.zeros((len(parts), n_rows))
    member[np.arange(len(parts))[:, None], parts] = 1.0
    if by_feature:
        return np.asarray((rows.values @ np.ascontiguousarray(member.T)).T)
    return np.asarray(member @ rows.values)


def one_hot(codes: NDArray[Any], widths: list[int]) -> sparse.csr_array:
    """Return indicators of the codes of some columns, (sum of widths, n); a negative code has none.

    Parameters
    ----------
    codes : int array, (n, columns)
        Column j in [0, widths[j]), or negative.
    widths : list of int
    """
    start = np.concatenate([[0], np.cumsum(widths)[:-1]]).astype(np.int64) if widths else np.empty(0, dtype=np.int64)
    row, column = np.nonzero(codes >= 0)
    lines = codes[row, column] + start[column]
    return sparse.csr_array((np.ones(len(row)), (lines, row)), shape=(sum(widths), len(codes)))


def root_grain(size: int, *, unit: Array | float = 1.0, rows: float = 1.0) -> Any:
    """Return the standard deviation of the difference of two roots of shares of `size` rows: √(rows · unit/(2 size)).

    The number of rows with a rare property is a Poisson number x, and √x has standard deviation 1/2, whatever its mean
    (but for the smallest); `rows` is how many rows come together.

    References
    ----------
    F. J. Anscombe, The transformation of Poisson, binomial and negative-binomial data, Biometrika 35, 1948, section 2.
    """
    return np.sqrt(rows * unit / (2 * size))


def rare_share(share: float, n_rows: int) -> float:
    """Return a share that counts as rare; so much more in small tables that some rows have what is rare.

    Examples
    --------
    >>> rare_share(0.01, 10_000), rare_share(0.01, 100)
    (0.01, 0.05)
    """
    return max(share, _RARE_ROWS / n_rows)


def single(values: Array, threshold: Array | float) -> NDArray[np.bool_]:
    """Tell which values (n, ...) equal a threshold that was taken from them, where they are alone in that.

    The r-th largest of n values has r − 1 above it, but a new value is above it with probability r/(n + 1). Counting
    the value itself, unless others equal it, makes real rows and new ones alike.
    """
    equal = values == threshold
    return np.asarray(equal & (equal.sum(axis=0) == 1))
