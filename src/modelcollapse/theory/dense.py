"""How are traces and forms computed when the covariances do not share their eigenvectors? With matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.theory.equilibrium import Rows
from modelcollapse.theory.teachers import Components


@dataclass(frozen=True)
class DenseCovariances:
    """Covariances with different eigenvectors: O(G d³) for each row, rows one by one.

    Attributes
    ----------
    matrices : array of shape (G, d, d)
        Symmetric positive semidefinite.
    """

    matrices: Array

    @property
    def n_groups(self) -> int:
        """Number of distinct covariances G."""
        return len(self.matrices)

    @property
    def n_features(self) -> int:
        """Input dimension d."""
        return int(self.matrices.shape[-1])

    @property
    def rows_at_once(self) -> int:
        """One: matrices fill the cache already."""
        return 1

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Empty: all points share the covariances."""
        return ()

    def rows(self, rows: Rows, shape: tuple[int, ...]) -> DenseCovariances:
        """Return the same covariances."""
        return self

    @property
    def identity(self) -> Array:
        """The identity matrix (d, d)."""
        return np.eye(self.n_features)

    def scaled(self, factors: Array) -> DenseCovariances:
        """Return the covariances times one factor for each group (G,)."""
        return DenseCovariances(self.matrices * factors[:, None, None])

    def combined(self, gains: Array) -> DenseCovariances:
        """Return the single covariance Σ_g gain_g Σ_g, for gains of shape (1, G)."""
        return DenseCovariances(np.tensordot(gains, self.matrices, axes=1))

    def traces(self) -> Array:
        """Return tr Σ_g, shape (..., G)."""
        return np.asarray(np.trace(self.matrices, axis1=1, axis2=2))

    def rank(self, groups: Sequence[int]) -> Array:
        """Return the numerical rank of the sum."""
        values, _ = self._spectrum(groups)
        return np.asarray(float((values > 0).sum()))

    def null(self, groups: Sequence[int]) -> Array:
        """Return the projector on the null space of the sum, (d, d)."""
        values, vectors = self._spectrum(groups)
        unreached = vectors[:, values == 0]
        return unreached @ unreached.T

    def _spectrum(self, groups: Sequence[int]) -> tuple[Array, Array]:
        """Return eigenvalues and eigenvectors of the sum, eigenvalues below d·eps of the largest set to zero."""
        values, vectors = np.linalg.eigh(self.matrices[list(groups)].sum(axis=0))
        tiny = len(values) * np.finfo(np.float64).eps * values[-1]
        return np.where(values > tiny, values, 0.0), vectors

    def resolvent(self, gains: Array, shift: Array | float) -> DenseResolvent:
        """Return R as a matrix, for gains of shape (1, G)."""
        matrix = np.tensordot(gains[0], self.matrices, axes=1)
        identity = np.eye(self.n_features) if isinstance(shift, float) else shift[0]
        inverse = np.linalg.inv(matrix + identity)
        return DenseResolvent(covariances=self, inverse=(inverse + inverse.T) / 2, shift=identity)


@dataclass(frozen=True, kw_only=True)
class DenseResolvent:
    """R as a matrix, for a batch of one row."""

    covariances: DenseCovariances
    inverse: Array
    shift: Array

    @cached_property
    def filters(self) -> Array:
        """R Σ_g with the shift as group 0, shape (G + 1, d, d)."""
        return np.stack([self.inverse @ matrix for matrix in (self.shift, *self.covariances.matrices)])

    def first_traces(self) -> Array:
        """Return tr(Σ_g R), shape (B, G)."""
        return np.asarray(np.trace(self.filters[1:], axis1=1, axis2=2))[None]

    def second_traces(self) -> Array:
        """Return tr(Σ_g R Σ_h R), shape (B, G + 1, G + 1)."""
        size = len(self.filters)
        flat = self.filters.reshape(size, -1)
        return (flat @ self.filters.transpose(0, 2, 1).reshape(size, -1).T)[None]

    def square_traces(self) -> Array:
        """Return tr(Σ_g R²), shape (B, G)."""
        return np.asarray(np.einsum("gij,ij->g", self.filters[1:], self.inverse))[None]

    def moments(self, components: Components) -> Array:
        """Return the moments of the filtered components, shape (B, G + 1, G + 1, J, G + 1, J)."""
        size, n_known, n_all = len(self.filters), len(components.known), components.size
        out = np.zeros((size, size, n_all, size, n_all))
        images = np.stack([factor @ components.known.T for factor in self.filters])  # (G + 1, d, F)
        spread = [[factor @ moment for moment in components.random] for factor in self.filters]
        for w, weight in enumerate((np.eye(self.covariances.n_features), *self.covariances.matrices)):
            out[w, :, :n_known, :, :n_known] = np.einsum("gia,ij,hjb->gahb", images, weight, images, optimize=True)
            for g in range(size):
                for j in range(len(components.random)):
                    weighted = weight @ spread[g][j]
                    values = np.einsum("hij,ij->h", self.filters, weighted)
                    out[w, g, n_known + j, :, n_known + j] = values
        return out[None]
