"""How wide are the numeric columns, where do they lie, and how heavy are their tails? Read off sums over rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array
from modelcollapse.estimation.measure import Measure
from modelcollapse.estimation.table_columns import Columns
from modelcollapse.estimation.table_topics import RowFeatures, SumTopic

TAIL = 0.01
"""Share of the real rows on each side that is called a tail."""
_FEATURES = 8
_TINY = 1e-9
_RARE_ROWS = 3.0  # records follow no normal law: so many rows beyond the range of as many others mean nothing


@dataclass(frozen=True, eq=False, kw_only=True)
class Spread(SumTopic):
    """Standard deviation, mean, tails, range and missing values of every numeric column.

    Attributes
    ----------
    names : tuple of str
        p columns.
    center, scale : arrays, (p,)
        Mean and standard deviation of the real values.
    low, high : arrays, (p,)
        1st and 99th percentile of the real values, standardised.
    least, most : arrays, (p,)
        Their range, standardised.
    real : RowFeatures
        Of every column: whether known, value, square, whether in the lower and in the upper tail, how far beyond each,
        whether outside of the range of all other real rows; (n, 8 p).
    """

    names: tuple[str, ...]
    center: Array
    scale: Array
    low: Array
    high: Array
    least: Array
    most: Array
    real: RowFeatures

    def measures(self, size: int) -> tuple[Measure, ...]:
        """Return eight measures of each column, the first one of all columns first."""
        return tuple(
            Measure(noun=noun, subject=f"`{name}`", topic=topic, less=less, more=more, logarithmic=log, grain=grain)
            for noun, topic, less, more, log, rows, has_unit in _KINDS
            for name, grain in zip(self.names, rows / size * (self.scale if has_unit else self.scale**0), strict=True)
        )

    def encode(self, table: Columns) -> RowFeatures:
        """Return the features of the rows of another table."""
        z = (table.numbers - self.center) / self.scale
        return RowFeatures(_features(z, self.low, self.high, (z < self.least) | (z > self.most)))

    def summary(self, statistic: Array, rows: RowFeatures, size: int) -> Array:
        """Return log sd, mean, tail shares, mean excesses, and shares outside and missing, each (P, p)."""
        sum_of = statistic.reshape(len(statistic), _FEATURES, -1)
        known = np.maximum(sum_of[:, 0], 1.0)
        mean = sum_of[:, 1] / known
        deviation = np.sqrt(np.maximum(sum_of[:, 2] / known - mean**2, _TINY**2))
        below, above, short, over, outside = (sum_of[:, k] / known for k in range(3, _FEATURES))
        unknown = 1 - sum_of[:, 0] / size
        spread = np.log(deviation * self.scale)
        parts = [
            spread,
            self.center + mean * self.scale,
            below,
            above,
            short * self.scale,
            over * self.scale,
            outside,
            unknown,
        ]
        return np.concatenate(parts, axis=1)


def fit_spread(real: Columns) -> Spread:
    """Return the measures of spread and tails, relative to real data."""
    values, present = real.numbers, ~np.isnan(real.numbers)
    count = np.maximum(present.sum(axis=0), 1)
    filled = np.where(present, values, 0.0)
    center = filled.sum(axis=0) / count
    scale = np.sqrt((np.where(present, values - center, 0.0) ** 2).sum(axis=0) / count)
    scale = np.where(scale > 0, scale, 1.0)
    z = (values - center) / scale
    known = np.where(present.any(axis=0), z, 0.0)
    low, high = np.nanquantile(known, [TAIL, 1 - TAIL], axis=0)
    least, most = np.nanmin(known, axis=0), np.nanmax(known, axis=0)
    records = np.zeros(z.shape, dtype=bool)
    for end in (least, most):
        at_end = z == end
        records |= at_end & (at_end.sum(axis=0) == 1)
    return Spread(
        names=real.schema.numeric,
        center=center,
        scale=scale,
        low=low,
        high=high,
        least=least,
        most=most,
        real=RowFeatures(_features(z, low, high, records)),
    )


def _features(z: Array, low: Array, high: Array, outside: NDArray[np.bool_]) -> Array:
    """Return the features of standardised values, (n, 8 p)."""
    known = ~np.isnan(z)
    z = np.where(known, z, 0.0)
    short, over = np.where(known, np.maximum(low - z, 0), 0.0), np.where(known, np.maximum(z - high, 0), 0.0)
    return np.concatenate([known, z, z**2, short > 0, over > 0, short, over, outside], axis=1, dtype=np.float64)


_SPREAD = ("{subject} varies {change} less than in real data", "{subject} varies {change} more than in real data")
_MEAN = ("{subject} is {synthetic} on average, {real} in real data",) * 2
_LOWER = ("{synthetic_share} of {subject} lie below the real 1st percentile, {real_share} of real values",) * 2
_UPPER = ("{synthetic_share} of {subject} lie above the real 99th percentile, {real_share} of real values",) * 2
_SHORT = (
    "{subject} reaches less far below its real 1st percentile, by {change}",
    "{subject} reaches farther below its real 1st percentile, by {change}",
)
_OVER = (
    "{subject} reaches less far above its real 99th percentile, by {change}",
    "{subject} reaches farther above its real 99th percentile, by {change}",
)
_OUTSIDE = ("{synthetic_share} of {subject} lie outside of the range of real data, {real_share} of real values",) * 2
_MISSING = ("{synthetic_share} of {subject} are missing, {real_share} in real data",) * 2
_KINDS = (  # noun, topic, sentences, whether a logarithm, rows that a grain is worth, whether in the column's unit
    ("spread", "spread", *_SPREAD, True, 1.0, False),
    ("mean", "location", *_MEAN, False, 1.0, True),
    ("lower tail", "tails", *_LOWER, False, 1.0, False),
    ("upper tail", "tails", *_UPPER, False, 1.0, False),
    ("depth of the lower tail", "tails", *_SHORT, False, 1.0, True),
    ("depth of the upper tail", "tails", *_OVER, False, 1.0, True),
    ("share outside of the range", "range", *_OUTSIDE, False, _RARE_ROWS, False),
    ("missing share", "missing values", *_MISSING, False, 1.0, False),
)
