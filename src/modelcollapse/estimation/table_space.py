"""Where do rows lie relative to real rows? Whitened numbers and scaled categories, so that distances mean something."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.estimation.table_columns import Columns

MOST_DIMENSIONS = 60
"""Directions of the numbers, those along which they vary most, and as many indicators of categories, at most."""
ROWS_PER_DIMENSION = 20
"""Real rows for each direction, at least: with fewer, what whitens one sample does not whiten another."""
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
        Whitens standardised numbers.
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
    """Return the space in which real numbers have variance 1 in every direction, as far as they vary at all."""
    p = real.numbers.shape[1]
    known = ~np.isnan(real.numbers)
    count = np.maximum(known.sum(axis=0), 1)
    center = np.where(known, real.numbers, 0.0).sum(axis=0) / count
    scale = np.sqrt((np.where(known, real.numbers - center, 0.0) ** 2).sum(axis=0) / count)
    scale = np.where(scale > 0, scale, 1.0)
    plain = Space(center=center, scale=scale, directions=np.eye(p), levels=())
    z = plain.points(real)
    variances, vectors = np.linalg.eigh(z.T @ z / len(z)) if p else (np.empty(0), np.empty((0, 0)))
    n_directions = min(MOST_DIMENSIONS, max(1, len(z) // ROWS_PER_DIMENSION))
    order = np.argsort(-variances)[:n_directions]
    floor = _LEAST_SHARE * max(variances.mean() if p else 1.0, np.finfo(float).tiny)
    directions = vectors[:, order] / np.sqrt(np.maximum(variances[order], floor))
    return Space(center=center, scale=scale, directions=directions, levels=_levels(real))


def _levels(real: Columns) -> tuple[tuple[int, int, float], ...]:
    """Return the commonest categories of each column."""
    found = []
    for column, name in enumerate(real.schema.categorical):
        share = np.bincount(real.codes[:, column], minlength=len(real.schema.levels[name])) / len(real)
        variance = (share * (1 - share)).sum()
        if variance > 0:
            found += [(column, level, float(variance**-0.5)) for level in range(min(len(share), LEVELS))]
    return tuple(found[:MOST_DIMENSIONS])
