"""Which vectors label the sources, and how do two of them differ? Known vectors plus random components."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array


@dataclass(frozen=True, kw_only=True)
class Teachers:
    """Joint law of the teachers: w_k = scale_k (fixed_k + Σ_c loadings_kc z_c), components z_c independent and centred.

    Attributes
    ----------
    fixed : array of shape (K, d)
        Known part of each source's teacher.
    loadings : array of shape (..., K, J)
        How much of component c the teacher of source k holds; leading axes broadcast.
    second_moments : array of shape (J, d) or (J, d, d)
        E z_c z_cᵀ: its diagonal in the common eigenbasis (commuting covariances), or the matrix (dense ones).
    scale : array of shape (K,)
        1 for linear features. A random-feature network passes labels through its slope: then 1/μ_1 on source k.
    """

    fixed: Array
    loadings: Array
    second_moments: Array
    scale: Array

    def relative_to(self, target: int) -> Components:
        """Write every teacher as the target's known vector, plus a known difference, plus the random components.

        Differences are formed on the vectors, before any squares, so that close teachers keep their digits.
        """
        known: list[Array] = []
        columns: list[Array] = []
        if self.fixed[target].any():
            known.append(self.fixed[target])
            columns.append(np.ones(len(self.fixed)))
        differences = self.fixed - self.fixed[target]
        for k, difference in enumerate(differences):
            same = (differences == difference).all(axis=1)
            if difference.any() and not same[:k].any():
                known.append(difference)
                columns.append(same.astype(np.float64))
        n_sources, n_features = self.fixed.shape
        batch = self.loadings.shape[:-2]
        known_loadings = np.array(columns, dtype=np.float64).reshape(-1, n_sources).T
        known_loadings = np.broadcast_to(known_loadings, (*batch, *known_loadings.shape))
        return Components(
            loadings=np.concatenate([known_loadings, self.loadings], axis=-1),
            known=np.array(known, dtype=np.float64).reshape(-1, n_features),
            random=self.second_moments,
            scale=self.scale,
        )


@dataclass(frozen=True, kw_only=True)
class Components:
    """Building blocks z_a of all teachers, w_k = scale_k Σ_a loadings_ka z_a: first known vectors, then random ones.

    Attributes
    ----------
    loadings : array of shape (..., K, F + J)
    known : array of shape (F, d)
    random : array of shape (J, d) or (J, d, d)
        Second moments of the J independent random components.
    scale : array of shape (K,)
    """

    loadings: Array
    known: Array
    random: Array
    scale: Array

    @property
    def size(self) -> int:
        """Number of components."""
        return len(self.known) + len(self.random)

    @property
    def n_features(self) -> int:
        """Input dimension d."""
        return int(self.random.shape[-1])
