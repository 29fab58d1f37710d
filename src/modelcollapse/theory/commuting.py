"""How are traces and forms computed when all covariances share their eigenvectors? Everything is diagonal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array
from modelcollapse.theory.equilibrium import Rows
from modelcollapse.theory.teachers import Components

CACHE_DOUBLES = 2**19
"""Rows of a batch are worked on together while one array of theirs has at most this many entries (four megabytes)."""


@dataclass(frozen=True)
class CommutingCovariances:
    """Covariances with common eigenvectors: everything is diagonal, O(G d) for each row.

    Attributes
    ----------
    eigenvalues : array of shape (..., G, d)
        Along the common eigenvectors, non-negative. Leading axes: they differ between the points of a batch.
    """

    eigenvalues: Array

    @property
    def n_groups(self) -> int:
        """Number of distinct covariances G."""
        return int(self.eigenvalues.shape[-2])

    @property
    def n_features(self) -> int:
        """Input dimension d."""
        return int(self.eigenvalues.shape[-1])

    @property
    def rows_at_once(self) -> int:
        """As many rows as keep one array of theirs in the cache."""
        return max(1, CACHE_DOUBLES // self.n_features)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Leading axes of the eigenvalues."""
        return self.eigenvalues.shape[:-2]

    def rows(self, rows: Rows, shape: tuple[int, ...]) -> CommutingCovariances:
        """Return the covariances of some points of a flattened batch."""
        if not self.batch_shape:
            return self
        everywhere = np.broadcast_to(self.eigenvalues, (*shape, *self.eigenvalues.shape[-2:]))
        return CommutingCovariances(everywhere[np.unravel_index(rows, shape)])

    @property
    def identity(self) -> Array:
        """Ones (d,)."""
        return np.ones(self.n_features)

    def scaled(self, factors: Array) -> CommutingCovariances:
        """Return the covariances times one factor for each group (G,)."""
        return CommutingCovariances(self.eigenvalues * factors[:, None])

    def combined(self, gains: Array) -> CommutingCovariances:
        """Return the single covariance Σ_g gain_g Σ_g of each row."""
        return CommutingCovariances(self._weighted(gains)[:, None, :])

    def _weighted(self, gains: Array) -> Array:
        """Return Σ_g gain_g Σ_g (B, d)."""
        pattern = "bg,bgd->bd" if self.batch_shape else "bg,gd->bd"
        return np.asarray(np.einsum(pattern, gains, self.eigenvalues))

    def traces(self) -> Array:
        """Return tr Σ_g, shape (..., G)."""
        return np.asarray(self.eigenvalues.sum(axis=-1))

    def rank(self, groups: Sequence[int]) -> Array:
        """Return how many directions have a positive eigenvalue in some group."""
        return np.asarray(self._reached(groups).sum(axis=-1))

    def null(self, groups: Sequence[int]) -> Array:
        """Return ones on the directions where all groups are zero, (..., d)."""
        return np.asarray(1.0 - self._reached(groups))

    def _reached(self, groups: Sequence[int]) -> Array:
        positive = self.eigenvalues[..., list(groups), :] > 0
        return np.asarray(positive.any(axis=-2), dtype=np.float64)

    def resolvent(self, gains: Array, shift: Array | float) -> CommutingResolvent:
        """Return R as rows of d numbers."""
        inverse = self._weighted(gains)
        inverse += shift
        np.reciprocal(inverse, out=inverse)
        return CommutingResolvent(covariances=self, inverse=inverse, shift=shift)

    @cached_property
    def with_identity(self) -> Array:
        """The identity and the covariances, shape (..., G + 1, d)."""
        return np.concatenate([np.ones_like(self.eigenvalues[..., :1, :]), self.eigenvalues], axis=-2)

    @cached_property
    def pairs(self) -> tuple[NDArray[np.intp], Array]:
        """Positions (2, P) with g ≤ h, and products Σ_g Σ_h with Σ_0 = I, shape (..., P, d)."""
        index = np.array(np.triu_indices(self.n_groups + 1))
        return index, self.with_identity[..., index[0], :] * self.with_identity[..., index[1], :]


@dataclass(frozen=True, kw_only=True)
class CommutingResolvent:
    """Diagonal of R, one row of d entries for each point of the batch."""

    covariances: CommutingCovariances
    inverse: Array
    shift: Array | float

    @cached_property
    def square(self) -> Array:
        """R² (B, d)."""
        return self.inverse * self.inverse

    def first_traces(self) -> Array:
        """Return tr(Σ_g R), shape (B, G)."""
        return _sums(self.inverse, self.covariances.eigenvalues)

    def second_traces(self) -> Array:
        """Return tr(Σ_g R Σ_h R), shape (B, G + 1, G + 1)."""
        index, products = self.covariances.pairs
        sums = _sums(self.square, products)
        if not isinstance(self.shift, float):  # pairs with the shift come first in the list
            size = self.covariances.n_groups + 1
            sums[:, :size] = _sums(self.square * self.shift, products[..., :size, :])
        return _symmetric(sums, index)

    def square_traces(self) -> Array:
        """Return tr(Σ_g R²), shape (B, G)."""
        return _sums(self.square, self.covariances.eigenvalues)

    def moments(self, components: Components) -> Array:
        """Return the moments of the filtered components, shape (B, G + 1, G + 1, J, G + 1, J)."""
        size, n_known, n_all = self.covariances.n_groups + 1, len(components.known), components.size
        weights = self.covariances.with_identity
        index, products = self.covariances.pairs
        first, second = np.triu_indices(n_known)
        densities = np.concatenate([components.known[first] * components.known[second], components.random])
        first = np.concatenate([first, np.arange(n_known, n_all)])
        second = np.concatenate([second, np.arange(n_known, n_all)])
        shifted = self.square if isinstance(self.shift, float) else self.square * self.shift
        out = np.zeros((len(self.inverse), size, size, n_all, size, n_all))
        for w in range(size):
            for p, (g, h) in enumerate(index.T):
                kernel = weights[..., w, :] * products[..., p, :]
                sums = _sums(shifted if g == 0 else self.square, kernel[..., None, :] * densities)
                for a, b in ((first, second), (second, first)):
                    out[:, w, g, a, h, b] = sums
                    out[:, w, h, a, g, b] = sums
        return out


def _sums(rows: Array, columns: Array) -> Array:
    """Return Σ_i rows_i columns_i, (B, P), for columns (P, d) shared by all rows or (B, P, d) of their own."""
    return np.asarray(np.vecdot(rows[:, None, :], columns))  # thin matrix products are slow where BLAS starts threads


def _symmetric(sums: Array, index: NDArray[np.intp]) -> Array:
    size = int(index.max()) + 1
    out = np.empty((len(sums), size, size))
    out[:, index[0], index[1]] = sums
    out[:, index[1], index[0]] = sums
    return out
