"""How are the inputs of a source spread over directions? The input covariance, by recipe or by numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from modelcollapse.checks import Array, describe, fail, integer, number
from modelcollapse.errors import InputError
from modelcollapse.problems.values import ByValue, frozen_array, frozen_non_negative

MAX_FEATURES = 10**7
"""Largest input dimension that a recipe may ask for: 80 MB per vector."""

TOLERANCE = 1e-8
"""How far, relative to its largest entry, a covariance may be from symmetric and from positive semidefinite."""


@dataclass(frozen=True, eq=False, repr=False)
class Spectrum(ByValue):
    """The input covariance of a source; build one with the constructors `isotropic`, `power_law`, and so on.

    Attributes
    ----------
    kind : str
        Name of the constructor.
    eigenvalues : array of shape (n_features,) or None
        Variance along each coordinate, in the order of the coordinates; None for a full covariance.
    covariance : array of shape (n_features, n_features) or None
        Only for a full covariance.
    parameters : tuple of (str, value) pairs
        What the constructor was given, enough to build the spectrum again.

    Raises
    ------
    InputError
        When an eigenvalue is negative or not finite, or the covariance is not symmetric positive semidefinite.

    Examples
    --------
    >>> Spectrum.power_law(n_features=4, exponent=1.0).eigenvalues.round(2).tolist()
    [1.0, 0.5, 0.33, 0.25]
    >>> Spectrum.isotropic(3) == Spectrum.isotropic(3, scale=1)
    True
    """

    kind: str
    eigenvalues: Array | None
    covariance: Array | None
    parameters: tuple[tuple[str, Any], ...] = field(compare=False)

    def __post_init__(self) -> None:
        if (self.eigenvalues is None) == (self.covariance is None):
            raise InputError("a spectrum must have either `eigenvalues` or a `covariance`; build one by a constructor.")
        if self.eigenvalues is not None:
            object.__setattr__(self, "eigenvalues", frozen_non_negative("eigenvalues", self.eigenvalues))
        if self.covariance is not None:
            object.__setattr__(self, "covariance", _semidefinite(self.covariance))

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={describe(value)}" for name, value in self.parameters)
        return f"Spectrum.{self.kind}({given})"

    @classmethod
    def isotropic(cls, n_features: int, *, scale: float = 1.0) -> Spectrum:
        """Return the covariance `scale` times the identity (`scale` > 0)."""
        size = _n_features(n_features)
        scale = number("scale", scale, low=0, open_low=True)
        return cls("isotropic", np.full(size, scale), None, (("n_features", size), ("scale", scale)))

    @classmethod
    def power_law(cls, n_features: int, *, exponent: float, scale: float = 1.0) -> Spectrum:
        """Return eigenvalues ``scale * i**-exponent`` for i = 1 to n_features (`scale` > 0)."""
        size = _n_features(n_features)
        exponent, scale = number("exponent", exponent), number("scale", scale, low=0, open_low=True)
        with np.errstate(over="ignore"):  # too large is refused with the other checks
            eigenvalues = scale * np.arange(1.0, size + 1.0) ** -exponent
        return cls("power_law", eigenvalues, None, (("n_features", size), ("exponent", exponent), ("scale", scale)))

    @classmethod
    def spiked(cls, n_features: int, *, spikes: Sequence[float] | Array, bulk: float = 1.0) -> Spectrum:
        """Return the eigenvalues `spikes` for the first coordinates and `bulk` (>= 0) for the others."""
        size, bulk = _n_features(n_features), number("bulk", bulk, low=0)
        heads = frozen_non_negative("spikes", spikes)
        if len(heads) > size:
            raise InputError(f"`spikes` must have at most n_features = {size} entries; got {len(heads)}.")
        eigenvalues = np.concatenate([heads, np.full(size - len(heads), bulk)])
        return cls("spiked", eigenvalues, None, (("n_features", size), ("spikes", heads), ("bulk", bulk)))

    @classmethod
    def explicit(cls, eigenvalues: ArrayLike) -> Spectrum:
        """Return the given variances along the coordinates, kept in their order; zeros are allowed."""
        values = frozen_non_negative("eigenvalues", eigenvalues)
        return cls("explicit", values, None, (("eigenvalues", values),))

    @classmethod
    def full(cls, covariance: ArrayLike) -> Spectrum:
        """Return a full covariance, which need not share its eigenvectors with other sources.

        It is made exactly symmetric; asymmetries and negative eigenvalues up to 1e-8 of its largest entry pass.
        """
        matrix = _semidefinite(covariance)
        return cls("full", None, matrix, (("covariance", matrix),))

    @property
    def n_features(self) -> int:
        """Input dimension d."""
        values = self.eigenvalues if self.eigenvalues is not None else self.covariance
        assert values is not None
        return len(values)

    @cached_property
    def directions(self) -> tuple[Array, Array | None]:
        """Variances (d,) and orthonormal directions: None for the coordinates, else eigenvectors as columns (d, d).

        A full covariance is listed by descending eigenvalue; those below the rounding error of the largest,
        n_features times the machine precision of it, are zero.
        """
        if self.eigenvalues is not None:
            return self.eigenvalues, None
        ascending, vectors = np.linalg.eigh(self.covariance)  # type: ignore[arg-type]
        eigenvalues = ascending[::-1]
        rounding = self.n_features * np.finfo(np.float64).eps * float(eigenvalues[0])
        return np.where(eigenvalues > rounding, eigenvalues, 0.0), vectors[:, ::-1]


def _n_features(value: int) -> int:
    return integer("n_features", value, low=1, high=MAX_FEATURES)


def _semidefinite(value: ArrayLike) -> Array:
    """Return the symmetric positive semidefinite matrix, read-only, or refuse it."""
    matrix = frozen_array("covariance", value, ndim=2)
    if matrix.shape[0] != matrix.shape[1]:
        raise fail("covariance", matrix, "a square matrix")
    scale = float(np.abs(matrix).max())
    asymmetry = float(np.abs(matrix - matrix.T).max())
    if asymmetry > TOLERANCE * scale:
        raise InputError(f"`covariance` must be symmetric; got entries that differ from their mirror by {asymmetry:g}.")
    if scale > 0:
        try:
            np.linalg.cholesky(matrix / scale + TOLERANCE * np.eye(len(matrix)))
        except np.linalg.LinAlgError:
            lowest = float(np.linalg.eigvalsh(matrix)[0])
            raise InputError(f"`covariance` must be positive semidefinite; got an eigenvalue of {lowest:g}.") from None
    return frozen_array("covariance", (matrix + matrix.T) / 2, ndim=2)
