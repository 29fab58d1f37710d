"""What does the data at hand hold? Second moments of each source, and the rows that measure errors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from modelcollapse.checks import Array, number
from modelcollapse.errors import InputError
from modelcollapse.estimation.rows import LabelledRows
from modelcollapse.estimation.wording import source_names

IntArray = NDArray[np.intp]

LEAST_MOMENT = 1e-60
"""Features with a smaller mean square are indistinguishable from zero where their products enter."""
MAX_ERROR_ROWS = 20_000
"""Rows of a sub-source that measure its leave-one-out error; its moments use every row."""


def evenly(n_rows: int, most: int) -> slice:
    """Return an even selection of at most `most` of `n_rows` rows.

    Examples
    --------
    >>> list(range(10))[evenly(10, 4)], evenly(4, 4)
    ([0, 3, 6, 9], slice(None, None, 1))
    """
    return slice(None, None, max(1, -(-n_rows // most)))


@dataclass(frozen=True)
class Pool:
    """The data at hand: sub-sources with their moments, and held-out rows of the target distribution.

    A sub-source is a whole source, or the rows of one source within a range of leverage: rows that pull the fit
    differently obey the same formulas as sources of their own (see `stratify`).

    Attributes
    ----------
    names : tuple of str
        The K sources, real data first.
    parents : ndarray of int (S,)
        Source to which each sub-source belongs.
    rows : tuple of LabelledRows
        The S sub-sources.
    holdout : LabelledRows
        Rows on which errors are forecast; never part of a source.
    """

    names: tuple[str, ...]
    parents: IntArray
    rows: tuple[LabelledRows, ...]
    holdout: LabelledRows

    @property
    def n_sources(self) -> int:
        """Number of sources, K."""
        return len(self.names)

    @property
    def n_features(self) -> int:
        """Number of columns of the design, the constant column included."""
        return int(self.holdout.features.shape[1])

    @cached_property
    def counts(self) -> Array:
        """Rows of each sub-source, shape (S,)."""
        return np.array([len(rows) for rows in self.rows], dtype=np.float64)

    @cached_property
    def total(self) -> float:
        """Rows of the whole pool."""
        return float(self.counts.sum())

    @cached_property
    def source_counts(self) -> Array:
        """Rows of each source, shape (K,)."""
        return np.array([self.counts[self.parents == k].sum() for k in range(self.n_sources)])

    @cached_property
    def second_moments(self) -> Array:
        """Mean of x xᵀ in each sub-source, shape (S, n_features, n_features)."""
        return np.stack([rows.features.T @ rows.features / len(rows) for rows in self.rows])

    @cached_property
    def cross_moments(self) -> Array:
        """Mean of x yᵀ in each sub-source, shape (S, n_features, n_outputs)."""
        return np.stack([rows.features.T @ rows.targets / len(rows) for rows in self.rows])

    @cached_property
    def holdout_moment(self) -> Array:
        """Mean of x xᵀ over the held-out rows, shape (n_features, n_features)."""
        return self.holdout.features.T @ self.holdout.features / len(self.holdout)

    @cached_property
    def error_rows(self) -> tuple[LabelledRows, ...]:
        """Rows that measure leave-one-out errors: all, or an even selection of `MAX_ERROR_ROWS` per sub-source."""
        chosen = []
        for rows in self.rows:
            few = evenly(len(rows), MAX_ERROR_ROWS)
            chosen.append(LabelledRows(rows.features[few], rows.targets[few]))
        return tuple(chosen)

    def prepare(self) -> None:
        """Compute every moment now, once, before several threads ask for them."""
        for moments in (self.second_moments, self.cross_moments, self.holdout_moment, self.error_rows):
            assert len(moments) > 0

    def spread(self, per_source: Array) -> Array:
        """Repeat one value per source for each of its sub-sources: (K,) to (S,)."""
        return np.asarray(per_source, dtype=np.float64)[self.parents]

    def split_counts(self, n_samples: Array) -> Array:
        """Share out sample counts per source among its sub-sources in the pool's proportions: (K,) to (S,)."""
        return self.spread(np.asarray(n_samples) / self.source_counts) * self.counts

    def select(self, sources: Sequence[int]) -> Pool:
        """Return the pool of some sources only, with the same held-out rows."""
        keep = [s for s, parent in enumerate(self.parents) if parent in sources]
        parents = np.array([list(sources).index(int(self.parents[s])) for s in keep], dtype=np.intp)
        names = tuple(self.names[k] for k in sources)
        return Pool(names, parents, tuple(self.rows[s] for s in keep), self.holdout)


def pool_of(sources: Iterable[LabelledRows], *, holdout: LabelledRows, names: Sequence[str] | None = None) -> Pool:
    """Build a pool with one sub-source per source.

    Parameters
    ----------
    sources : iterable of LabelledRows
        Real data first, then each synthetic source.
    holdout : LabelledRows
        Rows of the real distribution that no source holds.
    names : sequence of str, optional
        Default: ``real, synthetic, synthetic2, ...``.

    Raises
    ------
    InputError
        When sources and held-out rows disagree in their columns or a source has fewer than two rows.
    """
    rows = tuple(sources)
    shape = (holdout.features.shape[1], holdout.targets.shape[1])
    for source in rows:
        if (source.features.shape[1], source.targets.shape[1]) != shape:
            raise InputError(
                f"every source needs the held-out rows' {shape[0]} features and {shape[1]} outputs; "
                f"got {source.features.shape[1]} and {source.targets.shape[1]}."
            )
        if len(source) < 2:
            raise InputError(f"every source needs at least 2 rows; got {len(source)}.")
    labels = tuple(names) if names is not None else source_names(len(rows))
    return Pool(labels, np.arange(len(rows), dtype=np.intp), rows, holdout)


def stratify(pool: Pool, *, n_strata: int, ridge: float) -> Pool:
    """Split each source into sub-sources of equal size by leverage xᵀ(B + λ)⁻¹x, B the mean second moment.

    Rows of large leverage shrink their own residual more than others of their source; as sub-sources they get a
    factor of their own.

    Parameters
    ----------
    pool : Pool
        With one sub-source per source.
    n_strata : int
        Ranges of leverage per source; a source keeps at least two rows per sub-source.
    ridge : float
        λ > 0 of the leverage.
    """
    if n_strata == 1:
        return pool
    matrix = np.tensordot(pool.counts / pool.total, pool.second_moments, axes=1)
    matrix[np.diag_indices_from(matrix)] += ridge
    values, vectors = eigh(matrix, driver="evd", overwrite_a=True)
    whitening = vectors / np.sqrt(np.maximum(values, ridge))
    parts: list[LabelledRows] = []
    parents: list[int] = []
    for parent, rows in zip(pool.parents, pool.rows, strict=True):
        leverage = np.sum((rows.features @ whitening) ** 2, axis=1)
        n_parts = max(1, min(n_strata, len(rows) // 2))
        for members in np.array_split(np.argsort(leverage, kind="stable"), n_parts):
            parts.append(rows.take(np.sort(members)))
            parents.append(int(parent))
    return Pool(pool.names, np.array(parents, dtype=np.intp), tuple(parts), pool.holdout)


def ridge_scale(pool: Pool) -> float:
    """Return the mean second moment of a feature in the real data, the natural unit of the ridge."""
    members = pool.parents == 0
    shares = pool.counts[members] / pool.counts[members].sum()
    traces = np.einsum("sii->s", pool.second_moments[members])
    mean = float(shares @ traces) / pool.n_features
    return number("mean square of the real features", mean, low=LEAST_MOMENT, hint="Standardise the features.")


def least_ridge(pool: Pool) -> float:
    """Return the ridge that rounding of the largest second moment amounts to; a smaller one cannot be told from 0."""
    return float(np.finfo(np.float64).eps * np.einsum("sii->s", pool.second_moments).max())
