"""In which coordinates is a mixture simplest to draw? Where its covariances are diagonal, or at least the target's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.streams import stream

DIAGONAL = 1e-10
"""A matrix counts as diagonal when entries off its diagonal are below this times its largest entry."""


@dataclass(frozen=True, kw_only=True)
class Coordinates:
    """A basis, and the covariances in it.

    Attributes
    ----------
    basis : array of shape (d, d) or None
        Columns; None for the given coordinates.
    covariances : tuple of arrays of shape (d,) or (d, d)
        As a diagonal where it is diagonal; the target's always is.
    symmetric : bool
        Whether all are diagonal: then signs of coordinates do not change the law of the inputs.
    """

    basis: Array | None
    covariances: tuple[Array, ...]
    symmetric: bool


def coordinates_for(covariances: Sequence[Array], *, target: int) -> Coordinates:
    """Return coordinates in which all covariances are diagonal, or else the target's.

    Parameters
    ----------
    covariances : sequence of arrays of shape (d,) or (d, d)
        Diagonals, or symmetric matrices.
    target : int
    """
    if all(covariance.ndim == 1 for covariance in covariances):
        return Coordinates(basis=None, covariances=tuple(covariances), symmetric=True)
    matrices = [np.diag(c) if c.ndim == 1 else c for c in covariances]
    unlike = [1 / (3.0 + k * 2**0.5) / max(np.abs(m).max(), 1e-300) for k, m in enumerate(matrices)]
    common = np.linalg.eigh(sum(u * m for u, m in zip(unlike, matrices, strict=True)))[1]
    rotated = tuple(_diagonal_if_it_is(common.T @ matrix @ common) for matrix in matrices)
    if all(matrix.ndim == 1 for matrix in rotated):
        return Coordinates(basis=common, covariances=rotated, symmetric=True)
    basis = np.linalg.eigh(matrices[target])[1]
    rotated = tuple(_diagonal_if_it_is(basis.T @ matrix @ basis) for matrix in matrices)
    return Coordinates(basis=basis, covariances=rotated, symmetric=False)


def _diagonal_if_it_is(matrix: Array) -> Array:
    """Return the diagonal of a diagonal matrix without what is negative by rounding; any other matrix as it is."""
    diagonal = np.diag(matrix)
    if np.abs(matrix - np.diag(diagonal)).max() > DIAGONAL * np.abs(matrix).max():
        return (matrix + matrix.T) / 2
    return np.where(diagonal > _rounding(diagonal), diagonal, 0.0)


def square_root(covariance: Array) -> Array:
    """Return a root with root rootᵀ = covariance.

    Parameters
    ----------
    covariance : array of shape (d,) or (d, d)

    Returns
    -------
    array
        The roots of a positive diagonal, shape (d,); an upper triangular matrix (d, d); or for a covariance of rank
        q < d, q columns (d, q).
    """
    if covariance.ndim == 1:
        seen = covariance > 0
        return np.sqrt(covariance) if seen.all() else (np.eye(len(seen)) * np.sqrt(covariance))[:, seen]
    values, vectors = np.linalg.eigh(covariance)
    seen = values > _rounding(values)
    if not seen.all():
        return np.asarray(vectors[:, seen] * np.sqrt(values[seen]))
    return np.ascontiguousarray(np.linalg.cholesky(covariance[::-1, ::-1])[::-1, ::-1])


def rank_of_sum(roots: Sequence[Array], n_samples: Sequence[int]) -> int:
    """Return the rank that Σ_k X_kᵀ X_k has almost surely, X_k of n_samples_k rows with covariance root_k root_kᵀ."""
    d = len(roots[0])
    if all(root.ndim == 1 or root.shape[1] == d for root in roots):
        return min(sum(n_samples), d)
    rng = stream(0, "rank")  # any samples do, and orthonormal ranges keep small variances apart from rounding
    columns = [_range(root) for root in roots]
    samples = [
        c @ rng.standard_normal((c.shape[1], min(n, c.shape[1]))) for c, n in zip(columns, n_samples, strict=True)
    ]
    return int(np.linalg.matrix_rank(np.concatenate(samples, axis=1)))


def _range(root: Array) -> Array:
    """Return orthonormal columns that span the range of a root."""
    return np.eye(len(root)) if root.ndim == 1 or root.shape[1] == len(root) else np.linalg.qr(root)[0]


def _rounding(values: Array) -> float:
    """Return what counts as zero among the eigenvalues of a matrix: d·eps of the largest."""
    return float(len(values) * np.finfo(np.float64).eps * np.abs(values).max())
