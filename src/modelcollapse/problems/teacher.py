"""Which regression vector labels a source? Given, random, or a shift of the first source's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from modelcollapse.checks import Array, choice, fail, number
from modelcollapse.errors import InputError
from modelcollapse.problems.spectrum import Spectrum
from modelcollapse.problems.values import ByValue, frozen_array, frozen_non_negative

SHAPES = ("inverse_covariance", "isotropic", "covariance")
"""Shapes of a random shift that follow the covariance of the first source."""


@dataclass(frozen=True, eq=False)
class FixedTeacher(ByValue):
    """A known regression vector of shape (n_features,), in the coordinates of the inputs."""

    vector: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "vector", frozen_array("vector", self.vector, ndim=1))


@dataclass(frozen=True, eq=False)
class RandomTeacher(ByValue):
    """A random regression vector w ~ N(0, diag(power) / n_features), answered in expectation.

    Parameters
    ----------
    power : float or array of shape (n_features,)
        Non-negative. One number serves all directions. Directions are the coordinates; for a source with a full
        covariance they are its eigenvectors, by descending eigenvalue.
    """

    power: float | Array = 1.0

    def __post_init__(self) -> None:
        scalar = np.ndim(self.power) == 0
        power = number("power", self.power, low=0) if scalar else frozen_non_negative("power", self.power)
        object.__setattr__(self, "power", power)

    def variances(self, n_features: int) -> Array:
        """Return the variance of the teacher along each direction, shape (n_features,)."""
        return np.broadcast_to(np.asarray(self.power, dtype=np.float64) / n_features, (n_features,))

    def directions(self, spectrum: Spectrum) -> Array | None:
        """Return the directions of `variances` as columns; None for the coordinates, or where all are alike."""
        return spectrum.directions[1] if isinstance(self.power, np.ndarray) else None


Teacher = FixedTeacher | RandomTeacher


@dataclass(frozen=True, eq=False, kw_only=True)
class Shift(ByValue):
    """How a source's teacher differs from the first source's: w_k = w_first + δ.

    Parameters
    ----------
    quality : float, optional
        c² = tr Σ_first Δ of a random δ ~ N(0, Δ), answered in expectation; at least 0, and 0 is perfect.
    shape : str or array of shape (n_features,), optional
        Goes with `quality`: Δ up to scale, ``"inverse_covariance"`` (Σ_first⁻¹ on its range), ``"isotropic"``,
        ``"covariance"``, or non-negative variances along the directions of the first source (the coordinates; for a
        full covariance its eigenvectors by descending eigenvalue). There is no default: the shape decides the answer.
    vector : array of shape (n_features,), optional
        δ itself, in place of `quality` and `shape`.

    Raises
    ------
    InputError
        When neither or both of `quality` and `vector` are given, or a value is out of range.
    """

    quality: float | None = None
    shape: str | Array | None = None
    vector: Array | None = None

    def __post_init__(self) -> None:
        if self.vector is not None:
            if self.quality is not None or self.shape is not None:
                raise InputError("`shift` must have either `vector` or `quality` with `shape`; got both.")
            object.__setattr__(self, "vector", frozen_array("vector", self.vector, ndim=1))
            return
        if self.quality is None:
            raise InputError("`shift` must have either `vector` or `quality` with `shape`; got neither.")
        object.__setattr__(self, "quality", number("quality", self.quality, low=0))
        object.__setattr__(self, "shape", _shape(self.shape))

    def variances(self, spectrum: Spectrum) -> Array:
        """Return the variance of a random δ along each direction of the first source's spectrum, shape (n_features,).

        Raises
        ------
        InputError
            When δ would have no variance where the inputs have some, so that no scale gives the quality.
        """
        assert self.quality is not None, "an explicit shift has no variance"
        eigenvalues, _ = spectrum.directions
        with np.errstate(over="ignore", invalid="ignore"):  # not finite is refused below
            profile = _profile(self.shape, eigenvalues)
            reach = float(eigenvalues @ profile)  # tr ΣΔ before scaling
        if self.quality > 0 and not 0 < reach < np.inf:
            raise InputError(
                f"`quality` = {self.quality:g} cannot be reached: `shape` gives tr ΣΔ = {reach:g} with the first "
                "source's covariance. Put variance where the inputs vary."
            )
        return profile * (self.quality / reach) if self.quality > 0 else np.zeros_like(profile)


@dataclass(frozen=True, eq=False, kw_only=True)
class TeacherLaw(ByValue):
    """The joint law of all teachers: w_k = fixed_k + Σ_c loadings_kc z_c with independent, centred Gaussian z_c.

    Attributes
    ----------
    fixed : array of shape (n_sources, n_features)
        Known parts, in the coordinates of the inputs.
    loadings : array of shape (n_sources, n_components)
        Zeros and ones; sources that share a random teacher share its component.
    variances : array of shape (n_components, n_features)
        Variance of component c along each of its directions.
    directions : tuple of n_components arrays of shape (n_features, n_features) or None
        Directions of component c as columns; None for the coordinates.
    """

    fixed: Array
    loadings: Array
    variances: Array
    directions: tuple[Array | None, ...]


def _shape(value: Any) -> str | Array:
    if value is None:
        raise fail("shape", value, f"one of {', '.join(SHAPES)}, or an array")
    return choice("shape", value, SHAPES) if isinstance(value, str) else frozen_non_negative("shape", value)


def _profile(shape: str | Array | None, eigenvalues: Array) -> Array:
    """Return Δ up to scale along the directions whose input variances are `eigenvalues`, shape (n_features,)."""
    if isinstance(shape, np.ndarray):
        return shape
    if shape == "isotropic":
        return np.ones_like(eigenvalues)
    largest = float(eigenvalues.max())
    relative = eigenvalues / largest if largest > 0 else eigenvalues
    if shape == "covariance":
        return relative
    return np.divide(1.0, relative, out=np.zeros_like(relative), where=relative > 0)  # labels feel δ there only
