"""Are all clusters of real rows there, in their shares? Counts by the nearest of k-means centres and their unions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import linkage

from modelcollapse.checks import Array
from modelcollapse.estimation.measure import Measure
from modelcollapse.estimation.table_columns import Columns
from modelcollapse.estimation.table_space import Space
from modelcollapse.estimation.table_topics import RowFeatures, SumTopic, one_hot, root_grain

MOST_CLUSTERS = 50
"""Clusters, unless there are too few rows for them."""
ROWS_PER_CLUSTER = 100
"""Real rows for each cluster, at least."""
FIT_ROWS = 20_000
"""Real rows from which the centres are found, at most."""
_CHUNK = 10_000


@dataclass(frozen=True, eq=False, kw_only=True)
class Clusters(SumTopic):
    """Share of the rows in each cluster of real rows, small and large.

    Attributes
    ----------
    space : Space
    centers : array, (centers, dimensions)
        Of k-means; rows belong to the nearest.
    members : array of 0 and 1, (clusters, centers)
        Clusters: the rows of a centre, or of several that are close to each other, which an average-linkage tree tells.
    real : RowFeatures
        Indicators of the nearest centre, (centers, n).
    """

    space: Space
    centers: Array
    members: Array
    real: RowFeatures

    def rows(self, cluster: int) -> NDArray[np.intp]:
        """Return the numbers of the real rows in a cluster."""
        return np.sort(self.real.values[np.flatnonzero(self.members[cluster])].indices)

    def measures(self, size: int) -> tuple[Measure, ...]:
        """Return the share of each cluster."""
        return tuple(
            Measure(
                noun="share",
                subject=f"cluster {k + 1}",
                topic="clusters",
                less=_SENTENCE,
                more=_SENTENCE,
                scale="root",
                grain=root_grain(size),
            )
            for k in range(len(self.members))
        )

    def encode(self, table: Columns) -> RowFeatures:
        """Return the features of the rows of another table."""
        return _indicators(self.space.points(table), self.centers)

    def summary(self, statistic: Array, rows: RowFeatures, size: int) -> Array:
        """Return the roots of the shares, (P, clusters)."""
        return np.asarray(np.sqrt(statistic @ self.members.T / size))


def fit_clusters(real: Columns, space: Space, *, seed: int) -> Clusters:
    """Return clusters of real rows, the largest first."""
    from sklearn.cluster import KMeans

    points = space.points(real)
    n_clusters = int(np.clip(len(points) // ROWS_PER_CLUSTER, 1, MOST_CLUSTERS))
    chosen = points[:: -(-len(points) // FIT_ROWS)]
    n_clusters = min(n_clusters, len(np.unique(chosen, axis=0)))
    centers = KMeans(n_clusters, n_init=1, random_state=seed).fit(chosen).cluster_centers_
    real_rows = _indicators(points, centers)
    members = _unions(centers)
    order = np.argsort(-members @ real_rows.values.sum(axis=1), kind="stable")
    return Clusters(space=space, centers=centers, members=members[order], real=real_rows)


def _unions(centers: Array) -> Array:
    """Return each centre by itself, and every union of an average-linkage tree but that of all, (clusters, centers)."""
    single = np.eye(len(centers))
    if len(centers) < 3:
        return single
    found = list(single)
    for first, second, *_ in linkage(centers, "average")[:-1]:
        found.append(found[int(first)] + found[int(second)])
    return np.stack(found)


def _indicators(points: Array, centers: Array) -> RowFeatures:
    nearest = np.concatenate([_nearest(points[k : k + _CHUNK], centers) for k in range(0, len(points), _CHUNK)])
    return RowFeatures(one_hot(nearest[:, None], [len(centers)]))


def _nearest(points: Array, centers: Array) -> Array:
    return np.asarray(((centers**2).sum(axis=1) - 2 * points @ centers.T).argmin(axis=1))


_SENTENCE = "{synthetic_share} of the rows are in {subject}, {real_share} of the real rows"
