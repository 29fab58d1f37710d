"""What is measured on one set of inputs? Squares, with label noise and teachers already integrated out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from modelcollapse.checks import Array


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Expected squares given the inputs, per unit of each source's noise and of each teacher component.

    Leading axes (units, fits, ...) may stand in front. With E_k = Σ_j B_j diag(ℓ_j) − diag(ℓ_k) the error that a
    component with loadings ℓ leaves on source k, B_j = ∂ŵ/∂w_j.

    Attributes
    ----------
    noise : array of shape (..., K)
        ∂ excess risk / ∂σ_k².
    teacher, clean : arrays of shape (..., A)
        Excess risk that each component causes; clean: with every source labelled by the target's teacher.
    bias : array of shape (..., A)
        Squared error of the mean predictor under clean labels, from independent replicates.
    spread : array of shape (..., 1 + K, A)
        Under clean labels, variance over random features of the fit's mean over data; under the target's inputs, then
        under those of each source.
    training_noise : array of shape (..., K, K)
        ∂ training error of source k / ∂σ_j².
    training_teacher : array of shape (..., K, A)
    trace : array of shape (...)
        tr Q, Q = (Z Zᵀ + ridge)⁻¹ the inverse second moment of the features; 0 for the linear model.
    """

    noise: Array
    teacher: Array
    clean: Array
    bias: Array
    spread: Array
    training_noise: Array
    training_teacher: Array
    trace: Array


def stack(items: Sequence[Moments], *, axis: int = 0) -> Moments:
    """Join moments along a new axis, counted from the front."""
    return Moments(**{f.name: np.stack([getattr(item, f.name) for item in items], axis=axis) for f in fields(Moments)})


def concatenate(items: Sequence[Moments]) -> Moments:
    """Join moments along their first axis."""
    return Moments(**{f.name: np.concatenate([getattr(item, f.name) for item in items]) for f in fields(Moments)})


def select(moments: Moments, index: int) -> Moments:
    """Return the moments of one fit: one entry along the second axis, after the units."""
    return Moments(**{f.name: getattr(moments, f.name)[:, index] for f in fields(Moments)})


def first(moments: Moments, n_units: int) -> Moments:
    """Return the first units."""
    return Moments(**{f.name: getattr(moments, f.name)[:n_units] for f in fields(Moments)})
