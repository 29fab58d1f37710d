"""Where do rows lie relative to real rows? Whitened numbers and scaled categories, so that distances mean something."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.estimation.table_columns import Columns
from modelcollapse.streams import stream

MOST_DIMENSIONS = 60
"""Directions of the numbers, those along which they vary most, and as many indicators of categories, at most."""
ROWS_PER_COLUMN = 20
"""Real rows for each column, at least, to whiten: with fewer, what whitens one sample does not whiten another."""
LEVELS = 10
"""Commonest categories of a column that have an indicator."""
_LARGEST = 6.0  # standardised numbers beyond are drawn in, lest a few outliers make all distances
_LEAST_SHARE = 0.02  # of the mean variance: directions that vary less are not blown up to the size of the others


@dataclass(frozen=True, eq=False, kw_only=True)
class Space:
    """A map from the rows of a table to points.

    Attributes
    ----------
    center, scale : arrays, (p,)
        Of the real numbers.
    directions : array, (p, a)
        Whitens standardised numbers, where there are enough rows.
    levels : tuple of (int, int, float)
        Categorical column, category and scale of each indicator: those of a column have variance 1 together.
    """

    center: Array
    scale: Array
    directions: Array
    levels: tuple[tuple[int, int, float], ...]

    def points(self, table: Columns) -> Array:
        """Return the points of a table's rows, (n, a + indicators); missing numbers lie at the real mean."""
        z = np.nan_to_num(np.clip((table.numbers - self.center) / self.scale, -_LARGEST, _LARGEST), nan=0.0)
        indicators = [scale * (table.codes[:, column] == level) for column, level, scale in self.levels]
        return np.column_stack([z @ self.directions, *indicators])


def fit_space(real: Columns) -> Space:
    """Return the space in which real numbers have variance 1 in every direction, as far as they vary at all.

    With few rows for so many columns, directions are not taken from the data.
    """
    p = real.numbers.shape[1]
    known = ~np.isnan(real.numbers)
    count = np.maximum(known.sum(axis=0), 1)
    center = np.where(known, real.numbers, 0.0).sum(axis=0) / count
    scale = np.sqrt((np.where(known, real.numbers - center, 0.0) ** 2).sum(axis=0) / count)
    scale = np.where(scale > 0, scale, 1.0)
    plain = Space(center=center, scale=scale, directions=np.eye(p), levels=())
    enough = len(real) >= ROWS_PER_COLUMN * p > 0
    directions = _whitening(plain.points(real)) if enough else _scattered(p)
    return Space(center=center, scale=scale, directions=directions, levels=_levels(real))


def _whitening(z: Array) -> Array:
    """Return what whitens standardised numbers (n, p) along the directions in which they vary most."""
    variances, vectors = np.linalg.eigh(z.T @ z / len(z))
    order = np.argsort(-variances)[:MOST_DIMENSIONS]
    floor = _LEAST_SHARE * max(variances.mean(), np.finfo(float).tiny)
    return np.asarray(vectors[:, order] / np.sqrt(np.maximum(variances[order], floor)))


def _scattered(p: int) -> Array:
    """Return directions that owe nothing to the data: the columns, or random ones where there are many."""
    if p <= MOST_DIMENSIONS:
        return np.eye(p)
    return np.asarray(stream(0, "directions", p).standard_normal((p, MOST_DIMENSIONS)) / np.sqrt(p))


def _levels(real: Columns) -> tuple[tuple[int, int, float], ...]:
    """Return the commonest categories of each column."""
    found = []
    for column, name in enumerate(real.schema.categorical):
        share = np.bincount(real.codes[:, column], minlength=len(real.schema.levels[name])) / len(real)
        variance = (share * (1 - share)).sum()
        if variance > 0:
            found += [(column, level, float(variance**-0.5)) for level in range(min(len(share), LEVELS))]
    return tuple(found[:MOST_DIMENSIONS])
