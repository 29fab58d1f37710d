"""What is drawn? Sample counts, covariances and teachers as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array


@dataclass(frozen=True, kw_only=True)
class Component:
    """One independent part of the teachers, w_k = loadings_k ∘ z with E z zᵀ = root rootᵀ.

    Attributes
    ----------
    loadings : array of shape (K, d)
    root : array of shape (d, p) or None
        None: the identity. A known vector f_k is ``loadings = f, root = ones``; when the law of the inputs does not
        change with the sign of any coordinate, it has the same risks as signs drawn for it, ``root = None``.
    """

    loadings: Array
    root: Array | None

    @property
    def shared(self) -> bool:
        """Whether it is the same for every source."""
        return bool((self.loadings == self.loadings[0]).all())


@dataclass(frozen=True, kw_only=True)
class Design:
    """A mixture as arrays, in coordinates in which the target's covariance is diagonal.

    Attributes
    ----------
    n_samples : tuple of K ints
    roots : tuple of K arrays of shape (d,) or (d, q)
        Σ_k = root rootᵀ; an upper triangular square root, or q columns where Σ_k has rank q.
    covariances : tuple of K arrays of shape (d,) or (d, d)
        Σ_k, as its diagonal where it is diagonal.
    target : int
    components : tuple of A Components
        Of the teachers.
    symmetric : bool
        Whether all covariances are diagonal here, so that signs of coordinates do not change the inputs' law.
    """

    n_samples: tuple[int, ...]
    roots: tuple[Array, ...]
    covariances: tuple[Array, ...]
    target: int
    components: tuple[Component, ...]
    symmetric: bool

    @property
    def n_features(self) -> int:
        """Input dimension d."""
        return int(self.covariances[0].shape[0])

    @property
    def n_total(self) -> int:
        """N."""
        return sum(self.n_samples)

    @property
    def total_per_source(self) -> Array:
        """N/n_k, shape (K,); NaN for a source without samples, which has no training error."""
        counts = np.array(self.n_samples, dtype=np.float64)
        return self.n_total / np.where(counts > 0, counts, np.nan)
