"""How wide are the numeric columns, where do they lie, and how heavy are their tails? Read off sums over rows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array
from modelcollapse.estimation.measure import Measure
from modelcollapse.estimation.table_columns import Columns
from modelcollapse.estimation.table_topics import INNER, RowFeatures, SumTopic, rare_share, root_grain, single

TAIL = 0.01
"""Share of the real rows at each end that is called a tail; more in small tables."""
_FEATURES = 9
_FEWEST_ROWS = 50
"""Rows of a part off the commonest value of a column, below which (or half of them) only their share is measured."""
REACH = 1.0
"""Widths of that middle on either side of it, beyond which values are drawn in."""
_TINY = 1e-9
_RARE_ROWS = 2.0  # records are no independent events: rows beyond the range of all others come together


@dataclass(frozen=True, eq=False, kw_only=True)
class Landmarks:
    """Where the real values of p columns lie, each (p,).

    Attributes
    ----------
    low, high : arrays
        Where the tails begin.
    floor, ceiling : arrays
        Values beyond are drawn in to here before they are averaged: the middle 90 % and its width on either side.
    least, most : arrays
        Range.
    center, scale : arrays
        Mean and standard deviation of the values drawn in.
    usual : array
        Commonest value.
    """

    low: Array
    high: Array
    floor: Array
    ceiling: Array
    least: Array
    most: Array
    center: Array
    scale: Array
    usual: Array


@dataclass(frozen=True, eq=False, kw_only=True)
class Spread(SumTopic):
    """Standard deviation, mean, tails, range and missing values of every numeric column.

    Attributes
    ----------
    names : tuple of str
        p columns.
    at : Landmarks
    real : RowFeatures
        Of every column: whether known, value, square, whether in the lower and in the upper tail, how far beyond each,
        whether outside of the range of all other real rows, whether off the commonest value; (n, 9 p).

    Notes
    -----
    Without drawing values in, the mean and the standard deviation of columns with heavy tails would hang on single
    rows, and halves of one sample would not show how much they vary between samples. Normal values are all within.
    For the same reason nothing but a share is measured of the few rows off the value that nearly all rows have.
    """

    names: tuple[str, ...]
    at: Landmarks
    real: RowFeatures

    def measures(self, size: int) -> tuple[Measure, ...]:
        """Return the measures of each column, the first one of all columns first, then two over all columns."""
        every = (
            Measure(noun=noun, subject=f"`{name}`", topic=topic, less=less, more=more, scale=scale, grain=grain)
            for noun, topic, less, more, scale, unit, rows in _KINDS
            for name, grain in zip(self.names, _grain(scale, self.at.scale**unit, rows, size), strict=True)
        )
        single = tuple(compress(every, self._measured(size)))
        return single if len(self.names) < 2 else single + _OVERALL

    def encode(self, table: Columns) -> RowFeatures:
        """Return the features of the rows of another table."""
        numbers, at = table.numbers, self.at
        strange = (numbers < at.low, numbers > at.high, (numbers < at.least) | (numbers > at.most))
        return RowFeatures(_features(numbers, at, strange))

    def summary(self, statistic: Array, rows: RowFeatures, size: int) -> Array:
        """Return log sd, mean, and roots of tail shares, mean excesses, shares outside, missing and off, each (P, p).

        Columns that are nearly always the same have the last three only, others all but the last one. With several
        columns, also the means of log sd in units of the real one, and of the shares in both tails.
        """
        sum_of = statistic.reshape(len(statistic), _FEATURES, -1)
        known = np.maximum(sum_of[:, 0], 1.0)
        mean = sum_of[:, 1] / known
        deviation = np.sqrt(np.maximum(sum_of[:, 2] / known - mean**2, _TINY**2))
        below, above, short, over, outside, off = (sum_of[:, k] / known for k in range(3, _FEATURES))
        unknown = 1 - sum_of[:, 0] / size
        roots = [below, above, short * self.at.scale, over * self.at.scale, outside, unknown, off]
        plain = [np.log(deviation * self.at.scale), self.at.center + mean * self.at.scale]
        every = np.concatenate([*plain, *(np.sqrt(np.maximum(root, 0.0)) for root in roots)], axis=1)
        single = every[:, self._measured(size)]
        if len(self.names) < 2:
            return single
        steady = ~self._sparse(size)
        share = np.maximum(steady.sum(), 1)
        overall = [np.log(deviation[:, steady]).sum(axis=1) / share, np.sqrt((below + above).mean(axis=1))]
        return np.column_stack([single, *overall])

    def _sparse(self, size: int) -> NDArray[np.bool_]:
        """Tell in which columns few rows of a part are off the commonest value, (p,)."""
        off = self.real.values[:, (_FEATURES - 1) * len(self.names) :]
        return np.asarray(off.mean(axis=0) < min(_FEWEST_ROWS / size, 0.5))

    def _measured(self, size: int) -> NDArray[np.bool_]:
        """Tell what is measured of which column, (measures · p,)."""
        sparse = self._sparse(size)
        return np.concatenate([sparse if noun == _OFF else ~sparse | (noun in _SHARES) for noun, *_ in _KINDS])


def fit_spread(real: Columns) -> Spread:
    """Return the measures of spread and tails, relative to real data."""
    numbers, at = real.numbers, _landmarks(real.numbers)
    strange = (
        (numbers < at.low) | single(numbers, at.low),
        (numbers > at.high) | single(numbers, at.high),
        single(numbers, at.least) | single(numbers, at.most),
    )
    return Spread(names=real.schema.numeric, at=at, real=RowFeatures(_features(numbers, at, strange)))


def _landmarks(numbers: Array) -> Landmarks:
    """Return where the values of the columns of an array lie, (n, p)."""
    filled = np.where(np.isnan(numbers).all(axis=0), 0.0, numbers)
    left, right, least, most = (np.nanquantile(filled, level, axis=0) for level in (*INNER, 0.0, 1.0))
    tail = rare_share(TAIL, len(filled))
    low = np.nanquantile(filled, tail, axis=0, method="lower")
    high = np.nanquantile(filled, 1 - tail, axis=0, method="higher")
    widths = (right - left, high - low, most - least)
    width = np.select([width > 0 for width in widths], widths, default=1.0)
    floor, ceiling = left - REACH * width, right + REACH * width
    drawn_in = np.clip(filled, floor, ceiling)
    scale = np.nanstd(drawn_in, axis=0)
    return Landmarks(
        low=low,
        high=high,
        floor=floor,
        ceiling=ceiling,
        least=least,
        most=most,
        center=np.nanmean(drawn_in, axis=0),
        scale=np.where(scale > 0, scale, 1.0),
        usual=_commonest(filled),
    )


def _commonest(numbers: Array) -> Array:
    """Return the commonest known value of each column, (p,)."""
    found = np.zeros(numbers.shape[1])
    for k, column in enumerate(numbers.T):
        values, count = np.unique(column[~np.isnan(column)], return_counts=True)
        found[k] = values[count.argmax()]
    return found


def _features(numbers: Array, at: Landmarks, strange: tuple[NDArray[np.bool_], ...]) -> Array:
    """Return the features of the rows, (n, 9 p), of which some are in a tail or outside of the range, (n, p) each."""
    known = ~np.isnan(numbers)
    values = np.clip(np.where(known, numbers, at.center), at.floor, at.ceiling)
    z = (values - at.center) / at.scale
    short, over = np.maximum(at.low - values, 0.0) / at.scale, np.maximum(values - at.high, 0.0) / at.scale
    below, above, outside = strange
    off = known & (numbers != at.usual)
    return np.concatenate([known, z, z**2, below, above, short, over, outside, off], axis=1, dtype=np.float64)


_SPREAD = ("{subject} varies {change} less than in real data", "{subject} varies {change} more than in real data")
_MEAN = ("{subject} is {synthetic} on average, {real} in real data",) * 2
_LOWER = ("{synthetic_share} of {subject} lie in the lower tail, where {real_share} of real values are",) * 2
_UPPER = ("{synthetic_share} of {subject} lie in the upper tail, where {real_share} of real values are",) * 2
_SHORT = (
    "{subject} reaches less far into the lower tail, by {change}",
    "{subject} reaches farther into the lower tail, by {change}",
)
_OVER = (
    "{subject} reaches less far into the upper tail, by {change}",
    "{subject} reaches farther into the upper tail, by {change}",
)
_OUTSIDE = ("{synthetic_share} of {subject} lie outside of the range of real data",) * 2
_MISSING = ("{synthetic_share} of {subject} are missing, {real_share} in real data",) * 2
_DIFFERENT = ("{synthetic_share} of {subject} differ from its commonest value, {real_share} in real data",) * 2
_OFF = "share off the commonest value"
_SHARES = ("share outside of the range", "missing share")
_KINDS: tuple[tuple[str, str, str, str, Literal["plain", "log", "root"], int, float], ...] = (
    # noun, topic, sentences, scale, whether in the unit of the column, rows below which nothing is told
    ("spread", "spread", *_SPREAD, "log", 0, 1.0),
    ("mean", "location", *_MEAN, "plain", 1, 1.0),
    ("lower tail", "tails", *_LOWER, "root", 0, 1.0),
    ("upper tail", "tails", *_UPPER, "root", 0, 1.0),
    ("depth of the lower tail", "tails", *_SHORT, "root", 1, 1.0),
    ("depth of the upper tail", "tails", *_OVER, "root", 1, 1.0),
    ("share outside of the range", "range", *_OUTSIDE, "root", 0, _RARE_ROWS),
    ("missing share", "missing values", *_MISSING, "root", 0, 1.0),
    (_OFF, "spread", *_DIFFERENT, "root", 0, 1.0),
)

_OVERALL = (
    Measure(
        noun="spread of all numeric columns",
        topic="spread",
        less="numeric columns vary {change} less than in real data, on average",
        more="numeric columns vary {change} more than in real data, on average",
        scale="log",
    ),
    Measure(
        noun="tails of all numeric columns",
        topic="tails",
        less="{synthetic_share} of the numbers lie in the tails, {real_share} of real ones, on average over columns",
        more="{synthetic_share} of the numbers lie in the tails, {real_share} of real ones, on average over columns",
        scale="root",
    ),
)


def _grain(scale: str, unit: Array, rows: float, size: int) -> Array:
    """Return the grain of a value that so many rows of a part can change by a unit each."""
    return root_grain(size, unit=unit, rows=rows) if scale == "root" else unit * rows / size
