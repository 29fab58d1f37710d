"""Do rows copy real rows, or lie where no real row is? Distances to the nearest real row, beside those among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array
from modelcollapse.estimation.measure import Measure
from modelcollapse.estimation.repeats import Hashes
from modelcollapse.estimation.table_columns import Columns
from modelcollapse.estimation.table_repeats import row_hashes
from modelcollapse.estimation.table_space import Space
from modelcollapse.estimation.table_topics import RowFeatures, SumTopic, rare_share, root_grain, single
from modelcollapse.parallel import side_by_side
from modelcollapse.streams import stream

NEAR, FAR = 0.02, 0.01
"""Shares of the real rows whose nearest other real row counts as near, and as far; more in small tables."""
MOST_ROWS = 10_000
"""Rows of a table whose nearest real row is looked for."""
_CHUNK = 200  # queries at a time, which bounds the memory of their distances to all points


@dataclass(frozen=True, eq=False, kw_only=True)
class Neighbours(SumTopic):
    """Shares of rows that equal a real row, that are close to one, and that are far from all.

    Attributes
    ----------
    space : Space
    points : array, (n, dimensions)
        Real rows.
    hashes : array of uint64, (n,)
        Of the real rows, ascending.
    near, far : float
        Distances that count as such.
    seed : int
    real : RowFeatures
        Whether the row equals another real one, was looked at, is close, is far, (n, 4).
    """

    space: Space
    points: Array
    hashes: Hashes
    near: float
    far: float
    seed: int
    real: RowFeatures

    def measures(self, size: int) -> tuple[Measure, ...]:
        """Return the shares of equal, close and far rows."""
        looked = max(1, int(size * self.real.values[:, 1].mean()))
        return tuple(
            Measure(noun=noun, topic=topic, less=sentence, more=sentence, scale="root", grain=root_grain(rows))
            for noun, topic, sentence, rows in (
                ("rows equal to a real row", "copies", _EQUAL, size),
                ("rows close to a real row", "copies", _CLOSE, looked),
                ("rows far from all real rows", "regions", _FAR, looked),
            )
        )

    def encode(self, table: Columns) -> RowFeatures:
        """Return the features of the rows of another table."""
        chosen = _chosen(len(table), self.seed)
        equal = np.isin(row_hashes(table), self.hashes)
        nearest = distances(self.space.points(table)[chosen], self.points, own=None)
        return _features(equal, chosen, nearest < self.near, nearest > self.far)

    def summary(self, statistic: Array, rows: RowFeatures, size: int) -> Array:
        """Return the roots of the three shares, (P, 3)."""
        looked = np.maximum(statistic[:, 1:2], 1.0)
        return np.asarray(np.sqrt(np.concatenate([statistic[:, :1] / size, statistic[:, 2:] / looked], axis=1)))


def fit_neighbours(real: Columns, space: Space, *, seed: int) -> Neighbours:
    """Return the measures of nearness to real rows, with distances that are usual among real rows."""
    points, hashes = space.points(real), row_hashes(real)
    _, inverse, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    chosen = _chosen(len(real), seed)
    nearest = distances(points[chosen], points, own=chosen)
    shares = [rare_share(share, len(nearest)) for share in (NEAR, FAR)]
    near, far = np.quantile(nearest, shares[0], method="lower"), np.quantile(nearest, 1 - shares[1], method="higher")
    close, distant = (nearest < near) | single(nearest, near), (nearest > far) | single(nearest, far)
    return Neighbours(
        space=space,
        points=points,
        hashes=np.sort(hashes),
        near=float(near),
        far=float(far),
        seed=seed,
        real=_features(counts[inverse] > 1, chosen, close, distant),
    )


def distances(queries: Array, points: Array, *, own: NDArray[np.intp] | None) -> Array:
    """Return the distance of each query to the nearest point, (m,), with `own` (m,) to the nearest other than that one.

    In single precision, which halves time and memory, and is exact enough to tell which distances are usual.
    """
    single, asked = points.astype(np.float32), queries.astype(np.float32)
    lengths = (single**2).sum(axis=1)

    def nearest(start: int) -> Array:
        part = asked[start : start + _CHUNK]
        squares = lengths - 2 * part @ single.T
        if own is not None:
            squares[np.arange(len(part)), own[start : start + _CHUNK]] = np.inf
        return np.asarray(squares.min(axis=1) + (part**2).sum(axis=1), dtype=np.float64)

    squares = np.concatenate(side_by_side(nearest, range(0, len(asked), _CHUNK)))
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)))


def _chosen(n_rows: int, seed: int) -> NDArray[np.intp]:
    """Return the rows whose nearest real row is looked for."""
    return stream(seed, "looked at").permutation(n_rows)[:MOST_ROWS]


def _features(
    equal: NDArray[np.bool_], chosen: NDArray[np.intp], close: NDArray[np.bool_], far: NDArray[np.bool_]
) -> RowFeatures:
    """Return the features of the rows (n, 4), of which some were looked at."""
    features = np.zeros((len(equal), 4))
    features[:, 0] = equal
    features[chosen, 1:] = np.column_stack([np.ones(len(chosen)), close, far])
    return RowFeatures(features)


_EQUAL = "{synthetic_share} of the rows equal a real row; of the real rows {real_share} equal another one"
_CLOSE = (
    "{synthetic_share} of the rows are as close to a real row as only {real_share} of the real rows are to another one"
)
_FAR = (
    "{synthetic_share} of the rows are as far from all real rows as only {real_share} of the real rows are from others"
)
