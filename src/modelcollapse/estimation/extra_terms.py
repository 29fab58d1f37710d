"""Which one term may a scaling law lack? A factor on some runs, or a floor of synthetic data."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array
from modelcollapse.estimation.law_fits import Prior
from modelcollapse.estimation.scaling_laws import Points, ScalingLaw, Units

FACTOR_WIDTH = 3.0
"""Standard deviation of the prior of a factor's logarithm."""
FIRST_FLOOR = -4.0
"""Logarithm of the floor's share of the usual loss from which a fit of it starts."""


@dataclass(frozen=True, eq=False, kw_only=True)
class FactorLaw(ScalingLaw):
    """A scaling law times exp(columns · coefficients): settings may lie above it or below it by factors.

    Attributes
    ----------
    columns : array of shape (n, K)
        Of the n settings at which the law is evaluated.
    """

    columns: Array

    @property
    def plain(self) -> ScalingLaw:
        """The law without the factors."""
        return ScalingLaw(**_terms(self))

    @property
    def n_factors(self) -> int:
        """How many columns there are: K."""
        return int(self.columns.shape[1])

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters, in the order of their vector; the factors last."""
        return (*self.plain.parameters, *(f"factor {k + 1}" for k in range(self.n_factors)))

    def log_losses(self, vectors: Array, points: Points, units: Units) -> Array:
        """Return log losses, (..., n), of parameter vectors, (..., P)."""
        rest, coefficients = vectors[..., : -self.n_factors], vectors[..., -self.n_factors :]
        return self.plain.log_losses(rest, points, units) + coefficients @ self.columns.T

    def with_slopes(self, vectors: Array, points: Points, units: Units) -> tuple[Array, Array]:
        """Return log losses, (..., n), and their derivatives by the parameters, (..., n, P)."""
        rest, coefficients = vectors[..., : -self.n_factors], vectors[..., -self.n_factors :]
        fitted, slopes = self.plain.with_slopes(rest, points, units)
        columns = np.broadcast_to(self.columns, (*fitted.shape, self.n_factors))
        return fitted + coefficients @ self.columns.T, np.concatenate([slopes, columns], axis=-1)


def _terms(law: ScalingLaw) -> dict[str, Any]:
    return {field.name: getattr(law, field.name) for field in fields(ScalingLaw)}


def with_factor(law: ScalingLaw, column: Array) -> FactorLaw:
    """Return a law times exp(coefficient · column), with a column of shape (n,)."""
    columns = np.column_stack([law.columns, column]) if isinstance(law, FactorLaw) else column[:, None]
    return FactorLaw(**_terms(law), columns=columns)


def weak_prior(law: ScalingLaw, log_loss: Array) -> Prior:
    """Return the weak prior of a law, with factors about 1."""
    if not isinstance(law, FactorLaw):
        return Prior.of(law, log_loss)
    rest = Prior.of(law.plain, log_loss)
    return Prior(
        centre=np.concatenate([rest.centre, np.zeros(law.n_factors)]),
        width=np.concatenate([rest.width, np.full(law.n_factors, FACTOR_WIDTH)]),
    )


class Alternative(Protocol):
    """A law with one term more than a null law, at the same settings."""

    @property
    def law(self) -> ScalingLaw:
        """The law with the term."""

    @property
    def points(self) -> Points:
        """Settings at which it is evaluated."""

    @property
    def n_parameters(self) -> int:
        """How many numbers the runs determine."""

    @property
    def touched(self) -> NDArray[np.bool_]:
        """Settings (n,) that have the term."""

    def start(self, vectors: Array) -> Array:
        """Return where fits begin, (B, P + 1), of vectors (B, P) of the null law."""

    def signs(self, vectors: Array) -> Array:
        """Return 1 where the term makes the loss larger, −1 where it makes it smaller, (B,)."""

    def expected(self, vectors: Array, units: Units) -> Array:
        """Return log losses (B, n) without the term."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Factor:
    """A loss exp(coefficient · column) times as large.

    Attributes
    ----------
    null : ScalingLaw
    points : Points
    column : array of shape (n,)
    """

    null: ScalingLaw
    points: Points
    column: Array

    @property
    def law(self) -> FactorLaw:
        """The law with the factor, which is its last parameter."""
        return with_factor(self.null, self.column)

    @property
    def n_parameters(self) -> int:
        """How many numbers the runs determine."""
        return len(self.law.parameters)

    @property
    def touched(self) -> NDArray[np.bool_]:
        """Settings (n,) whose entry of the column is not 0."""
        return np.asarray(self.column != 0)

    def start(self, vectors: Array) -> Array:
        """Return the null law, with a factor of 1."""
        return np.column_stack([vectors, np.zeros(len(vectors))])

    def signs(self, vectors: Array) -> Array:
        """Return the sign of the coefficient."""
        return np.sign(vectors[:, -1])

    def expected(self, vectors: Array, units: Units) -> Array:
        """Return log losses (B, n) at a coefficient of 0."""
        return self.null.log_losses(vectors[:, :-1], self.points, units)


@dataclass(frozen=True, eq=False, kw_only=True)
class Floor:
    """A loss that synthetic data leave however much of both there is: the floor in the fraction.

    Attributes
    ----------
    null : ScalingLaw
    points : Points
    """

    null: ScalingLaw
    points: Points

    @property
    def law(self) -> ScalingLaw:
        """The null law and the floor."""
        return replace(self.null, floor="fraction")

    @property
    def n_parameters(self) -> int:
        """How many numbers the runs determine."""
        return len(self.law.parameters)

    @property
    def touched(self) -> NDArray[np.bool_]:
        """Settings (n,) with synthetic data."""
        return self.points.fraction > 0

    @property
    def _place(self) -> int:
        return self.law.parameters.index("floor")

    def start(self, vectors: Array) -> Array:
        """Return the null law, with a small floor in proportion to the fraction."""
        usual = vectors[:, 0] + FIRST_FLOOR
        return np.insert(vectors, [self._place, self._place], np.column_stack([usual, np.zeros(len(vectors))]), axis=1)

    def signs(self, vectors: Array) -> Array:
        """Return 1: floors are positive."""
        return np.ones(len(vectors))

    def expected(self, vectors: Array, units: Units) -> Array:
        """Return log losses (B, n) without the floor."""
        rest = np.delete(vectors, [self._place, self._place + 1], axis=1)
        return self.null.log_losses(rest, self.points, units)
