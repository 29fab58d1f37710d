"""Which traces and quadratic forms does the theory need from the covariances? The interface of its two back-ends.

Both answer the same questions about R = (Σ_g gain_g Σ_g + Σ_0)⁻¹. The *shift* Σ_0 takes index 0 wherever groups are
listed: the identity, or, in ridgeless limits, the projector on directions that no training sample reaches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self

from modelcollapse.checks import Array
from modelcollapse.theory.equilibrium import Rows
from modelcollapse.theory.teachers import Components


class Resolvent(Protocol):
    """R for each row of a batch of B rows, G groups of covariances."""

    def first_traces(self) -> Array:
        """Return tr(Σ_g R), shape (B, G)."""

    def second_traces(self) -> Array:
        """Return tr(Σ_g R Σ_h R) with the shift as group 0, shape (B, G + 1, G + 1)."""

    def square_traces(self) -> Array:
        """Return tr(Σ_g R²), shape (B, G)."""

    def moments(self, components: Components) -> Array:
        """Return E z_aᵀ Σ_g R M R Σ_h z_b for M = I, Σ_1, ..., Σ_G; shape (B, G + 1, G + 1, J, G + 1, J)."""


class Covariances(Protocol):
    """The distinct input covariances of the sources."""

    @property
    def n_groups(self) -> int:
        """Number of distinct covariances G."""

    @property
    def n_features(self) -> int:
        """Input dimension d."""

    @property
    def rows_at_once(self) -> int:
        """How many rows of a batch to work on together."""

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch over which the covariances differ; () when all points share them."""

    def rows(self, rows: Rows, shape: tuple[int, ...]) -> Covariances:
        """Return the covariances of some rows of a batch of this shape, flattened."""

    @property
    def identity(self) -> Array:
        """The identity as this back-end holds it."""

    def scaled(self, factors: Array) -> Self:
        """Return the covariances times one factor for each group (G,)."""

    def combined(self, gains: Array) -> Covariances:
        """Return the single covariance Σ_g gain_g Σ_g, one for each row of the gains (B, G)."""

    def traces(self) -> Array:
        """Return tr Σ_g, shape (G,) or (B, G)."""

    def rank(self, groups: Sequence[int]) -> Array:
        """Return the rank of the sum of the covariances of some groups: a number, or one per row."""

    def null(self, groups: Sequence[int]) -> Array:
        """Return the projector on the directions that none of the groups reaches."""

    def resolvent(self, gains: Array, shift: Array | float) -> Resolvent:
        """Return R for gains of shape (B, G); the shift is 1.0 for the identity, or projectors stacked by row."""
