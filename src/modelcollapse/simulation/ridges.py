"""What do many ridges make of the same inputs? One eigendecomposition serves all of them.

With H = Σ ω_k M_k = V h Vᵀ, a ridge changes only ρ = 1/(h + λ) and η = λ/(h + λ). The error that a component with
loadings ℓ leaves on source q is E_q = V (ρ Vᵀ N_q − η Vᵀ diag(ℓ_q)), N_q = Σ_k ω_k M_k diag(ℓ_k − ℓ_q), so that every
number is a bilinear form in ρ and η, whose matrix all ridges share: O(d²) for each further ridge.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelcollapse.simulation.backend import Backend, Matrix
from modelcollapse.simulation.design import Component, Design
from modelcollapse.simulation.fits import Fit
from modelcollapse.simulation.looks import Look, training_noise

ENOUGH = 4
"""Ridges from which on one eigendecomposition is cheaper than a Cholesky factor for each."""


def look_at_ridges(backend: Backend, design: Design, fits: Sequence[Fit], *, grams: Sequence[Matrix]) -> list[Look]:
    """Return what one set of inputs shows of linear fits that differ in their ridge only.

    Parameters
    ----------
    backend : Backend
    design : Design
        With covariances that are diagonal in its coordinates (`symmetric`).
    fits : sequence of L Fits
        Of the same weights, without width, with ridges above the rounding of the eigenvalues.
    grams : sequence of K arrays of shape (..., d, d)
        M_k.
    """
    xp = backend.xp
    weight = fits[0].weight
    total = sum(w * gram for w, gram in zip(weight, grams, strict=True) if w > 0)
    values, vectors = xp.linalg.eigh(total)
    ridges = backend.asarray(np.array([fit.ridge for fit in fits]))[:, None]
    shifted = values[..., None, :] + ridges
    spectral = _Spectral(
        backend=backend,
        vectors=vectors,
        grams=[vectors.mT @ gram @ vectors for gram in grams],
        pull=1 / shifted,
        slack=ridges / shifted,
    )
    target_norm = spectral.rotated(backend.asarray(design.covariances[design.target]))
    noise = [w**2 * spectral.pulled(target_norm, gram) for w, gram in zip(weight, spectral.grams, strict=True)]
    squares = [
        [w**2 * spectral.pulled(one, two) for w, two in zip(weight, spectral.grams, strict=True)]
        for one in spectral.grams
    ]
    traces = [
        w * xp.sum(spectral.pull * xp.linalg.diagonal(gram)[..., None, :], axis=-1)
        for w, gram in zip(weight, spectral.grams, strict=True)
    ]
    errors = [_component_errors(spectral, design, weight, grams, target_norm, c) for c in design.components]
    joined = {
        "noise": xp.stack(noise, axis=-1) / design.n_total,
        "teacher": xp.stack([teacher for teacher, _, _ in errors], axis=-1),
        "clean": xp.stack([clean for _, clean, _ in errors], axis=-1),
        "training_noise": training_noise(
            backend,
            design,
            hat_squares=xp.stack([xp.stack(row, axis=-1) for row in squares], axis=-2),
            hat_traces=xp.stack(traces, axis=-1),
        ),
        "training_teacher": xp.stack([training for _, _, training in errors], axis=-1),
        "complement": -(spectral.slack @ (vectors * vectors).mT),
    }
    axis = len(backend.batch)
    return [
        Look(**{name: _at(array, axis, i) for name, array in joined.items()}, trace=xp.zeros_like(values[..., 0]))
        for i in range(len(fits))
    ]


class _Spectral:
    """The eigenvectors of H, what they make of other matrices, and how each of L ridges weighs them."""

    def __init__(self, *, backend: Backend, vectors: Matrix, grams: list[Matrix], pull: Matrix, slack: Matrix) -> None:
        self.backend, self.xp = backend, backend.xp
        self.vectors, self.grams = vectors, grams
        self.pull, self.slack = pull, slack  # ρ and η, (..., L, d)

    def rotated(self, diagonal: Matrix) -> Matrix:
        """Return Vᵀ diag(.) V."""
        return (self.vectors.mT * diagonal) @ self.vectors

    def pulled(self, one: Matrix, two: Matrix) -> Matrix:
        """Return Σ_ij ρ_i ρ_j (one ∘ two)_ij for each ridge, (..., L)."""
        return self.form(self.pull, one * two, self.pull)

    def form(self, left: Matrix, matrix: Matrix, right: Matrix) -> Matrix:
        """Return leftᵀ matrix right for each ridge, (..., L)."""
        return self.xp.sum((left @ matrix) * right, axis=-1)


def _component_errors(
    spectral: _Spectral,
    design: Design,
    weight: Sequence[float],
    grams: Sequence[Matrix],
    target_norm: Matrix,
    component: Component,
) -> tuple[Matrix, Matrix, Matrix]:
    """Return the excess risk (..., L), clean (..., L), and training errors (..., L, K) of a component."""
    xp, backend = spectral.xp, spectral.backend
    norms = [target_norm, *spectral.grams]
    against = [design.target, *range(len(grams))]
    risks: list[Any] = []
    for norm, q in zip(norms, against, strict=True):
        own = backend.asarray(component.loadings[q])
        missing = spectral.rotated(own * own)
        risk = spectral.form(spectral.slack, norm * missing, spectral.slack)
        if q == design.target and not risks:
            clean = risk
        others = component.loadings - component.loadings[q]
        learned = [
            w * g * backend.asarray(o) for w, g, o in zip(weight, grams, others, strict=True) if w > 0 and o.any()
        ]
        if learned:
            drawn = spectral.vectors.mT @ sum(learned[1:], start=learned[0])
            risk = risk + spectral.pulled(norm, drawn @ drawn.mT)
            cross = norm * (drawn @ (own[:, None] * spectral.vectors))
            risk = risk - 2 * spectral.form(spectral.pull, cross, spectral.slack)
        risks.append(risk)
    shares = backend.asarray(design.total_per_source)
    return risks[0], clean, xp.stack(risks[1:], axis=-1) * shares


def _at(array: Matrix, axis: int, index: int) -> Matrix:
    """Return one entry along an axis."""
    return array[(slice(None),) * axis + (index,)]
