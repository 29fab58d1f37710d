"""Which sources share an unknown of the fixed point, and what does its solution hold? Two records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array

Bools = NDArray[np.bool_]
Rows = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class Classes:
    """Sources with the same covariance and weight share one unknown: C classes in G groups of covariances, B rows.

    Attributes
    ----------
    group : tuple of C ints
        Which covariance a class has.
    n_samples, weight : arrays of shape (B, C)
    n_total : array of shape (B,)
        Divisor N of the loss; includes samples of weight zero.
    ridge : array of shape (B,)
        λ.
    width : array of shape (B,) or None
        m, or None for the linear model.
    feature_noise : array of shape (G,)
        Variance b that a non-linearity adds to each feature; zeros for linear features.
    """

    group: tuple[int, ...]
    n_samples: Array
    weight: Array
    n_total: Array
    ridge: Array
    width: Array | None
    feature_noise: Array

    @property
    def membership(self) -> Array:
        """Which class lies in which group: zeros and ones, shape (C, G)."""
        return np.eye(len(self.feature_noise))[list(self.group)]

    @property
    def active(self) -> Bools:
        """Which classes take part in the fit, shape (B, C)."""
        return np.asarray((self.n_samples > 0) & (self.weight > 0))

    @property
    def active_samples(self) -> Array:
        """Samples that take part in the fit, shape (B, C)."""
        return np.where(self.active, self.n_samples, 0.0)

    @property
    def force(self) -> Array:
        """Return p ω, shape (B, C)."""
        return np.asarray(self.n_samples * self.weight / self.n_total[:, None])

    @property
    def limit(self) -> Array:
        """Width, or infinity for the linear model, shape (B,)."""
        return np.full(len(self.ridge), np.inf) if self.width is None else self.width

    def rows(self, rows: Rows) -> Classes:
        """Return some rows of the batch."""
        return replace(
            self,
            n_samples=self.n_samples[rows],
            weight=self.weight[rows],
            n_total=self.n_total[rows],
            ridge=self.ridge[rows],
            width=None if self.width is None else self.width[rows],
        )


@dataclass(frozen=True, kw_only=True)
class Equilibrium:
    """Solution of the fixed point, in gains that stay finite in every limit: e = scale · gain.

    Attributes
    ----------
    gain : array of shape (B, C)
        e/κ; or e itself where `shift` is a projector, a ridgeless fit with more samples than directions.
    scale : array of shape (B,)
        Effective ridge κ, zero for an interpolating fit; or 1 where the gains are e itself.
    effective_ridge : array of shape (B,)
        κ.
    spare_width : array of shape (B,)
        d λ/κ = m − tr(A R) − d Σ p ω a b: features that the fit leaves unused. Zeros for the linear model.
    threshold, mixed, converged : bool arrays of shape (B,)
        A row on the interpolation threshold has no solution, its numbers mean nothing. In a mixed row, without ridge,
        some sources interpolate and others do not: it is solved at a small ridge.
    iterations : int
        Newton iterations of the slowest row.
    shift : 1.0 or array
        What is added to A in R: the identity, or the projectors on directions that no sample reaches.
    """

    gain: Array
    scale: Array
    effective_ridge: Array
    spare_width: Array
    threshold: Bools
    mixed: Bools
    converged: Bools
    iterations: int
    shift: Array | float

    @classmethod
    def join(cls, pieces: Sequence[Equilibrium], shape: tuple[int, ...]) -> Equilibrium:
        """Join consecutive rows into a batch of this shape; the shift is kept where there is one piece only."""

        def whole(name: str) -> Any:
            rows = np.concatenate([getattr(piece, name) for piece in pieces])
            return rows.reshape((*shape, *rows.shape[1:]))

        arrays = ("gain", "scale", "effective_ridge", "spare_width", "threshold", "mixed", "converged")
        return cls(
            **{name: whole(name) for name in arrays},
            iterations=max(piece.iterations for piece in pieces),
            shift=pieces[0].shift if len(pieces) == 1 else 1.0,
        )
