"""What does one set of inputs show of a fit? Everything, with label noise and teachers integrated out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.simulation.backend import Backend, Matrix
from modelcollapse.simulation.design import Component, Design
from modelcollapse.simulation.fits import Fit
from modelcollapse.simulation.moments import Moments
from modelcollapse.simulation.resolvent import Response, eye, spares_products


@dataclass(frozen=True, kw_only=True)
class Squares:
    """What a set of inputs shows of a fit and is averaged as it is; arrays of the backend, its batch axes in front.

    Attributes
    ----------
    noise, teacher, clean, training_noise, training_teacher, trace : arrays
        As in `Moments`.
    """

    noise: Matrix
    teacher: Matrix
    clean: Matrix
    training_noise: Matrix
    training_teacher: Matrix
    trace: Matrix


@dataclass(frozen=True, kw_only=True)
class Look(Squares):
    """What one set of inputs shows of one fit.

    Attributes
    ----------
    complement : (..., d, d), or its diagonal (..., d)
        Σ_k B_k − I, for products with other sets of inputs.
    """

    complement: Matrix


def averages(backend: Backend, looks: Sequence[Squares]) -> dict[str, Array]:
    """Return the mean of each square over looks, by its name in `Moments`."""
    names = [field.name for field in fields(Squares)]
    return {name: backend.to_numpy(sum(getattr(look, name) for look in looks) / len(looks)) for name in names}


def look_at(backend: Backend, design: Design, fit: Fit, *, factors: Sequence[Matrix], response: Response) -> Look:
    """Return what one set of inputs shows of one fit.

    Parameters
    ----------
    backend : Backend
    design : Design
    fit : Fit
    factors : sequence of K arrays of shape (..., d, r_k)
        Z_k with Z_k Z_kᵀ = X_kᵀ X_k / N.
    response : Response
        Of the fit to these inputs; its products are emptied as soon as they are not needed.
    """
    xp = backend.xp
    target_var = backend.asarray(design.covariances[design.target])
    noise = [_dot(xp, diagonal, target_var) / design.n_total for diagonal in response.noise_diagonal]
    apart = [component for component in design.components if not component.shared]
    errors = []
    for component in design.components:
        last = bool(apart) and component is apart[-1]
        errors.append(_component_errors(backend, design, fit, factors, response, component, last=last))
    bare = fit.width is None and design.symmetric
    return Look(
        noise=xp.stack(noise, axis=-1),
        teacher=xp.stack([teacher for teacher, _, _ in errors], axis=-1),
        clean=xp.stack([clean for _, clean, _ in errors], axis=-1),
        training_noise=training_noise(
            backend, design, hat_squares=response.hat_squares, hat_traces=response.hat_traces
        ),
        training_teacher=xp.stack([training for _, _, training in errors], axis=-1)
        * backend.asarray(design.total_per_source)[:, None],
        trace=response.trace,
        complement=xp.linalg.diagonal(response.complement) if bare else response.complement,
    )


def largest(design: Design, fit: Fit) -> int:
    """Return the source that weighs most in a fit."""
    return int(np.argmax(np.array(fit.weight) * np.array(design.n_samples)))


def training_noise(backend: Backend, design: Design, *, hat_squares: Matrix, hat_traces: Matrix) -> Matrix:
    """Return ∂ training error of source k / ∂σ_j², (ω_j² tr G M_k G M_j + δ_kj (n_k − 2 tr B_k)) / n_k: (..., K, K)."""
    counts = np.array(design.n_samples, dtype=np.float64)
    counts[counts == 0] = np.nan
    own = backend.asarray(np.diag(counts)) - 2 * hat_traces[..., None] * backend.eye(len(counts))
    return (hat_squares + own) / backend.asarray(counts)[:, None]


def _component_errors(
    backend: Backend,
    design: Design,
    fit: Fit,
    factors: Sequence[Matrix],
    response: Response,
    component: Component,
    *,
    last: bool,
) -> tuple[Matrix, Matrix, Matrix]:
    """Return the excess risk (...), clean (...), and n_k/N times the training errors (..., K) of a component.

    `last`: no other component needs the products of the response.
    """
    xp, target_var = backend.xp, backend.asarray(design.covariances[design.target])
    loadings, root = backend.asarray(component.loadings), component.root
    at_target = loadings[design.target]

    def risk(matrix: Matrix) -> Matrix:
        return _dot(xp, xp.vecdot(matrix, matrix), target_var)

    clean_error = _rooted(backend, component, response.complement * at_target)
    clean = risk(clean_error)
    if component.shared:  # the error of a linear model is −ridge G, and the noise knows the diagonal of G M_k G
        known = root is None and fit.width is None and fit.relative_ridge <= 1
        square = fit.ridge**2 * at_target**2 if known else at_target
        shown = [
            _dot(xp, d, square / w**2) if known and w > 0 else _square(xp, backend.transposed_times(z, clean_error))
            for d, w, z in zip(response.noise_diagonal, fit.weight, factors, strict=True)
        ]
        return clean, clean, xp.stack(shown, axis=-1)
    del clean_error
    main = largest(design, fit)
    differences = backend.asarray(component.loadings[main] - component.loadings)
    error = response.complement * loadings[main]
    for k, (product, weight) in enumerate(zip(response.products, fit.weight, strict=True)):
        if product is not None and k != main:
            error -= product * (weight * differences[k])
    if last:
        product = None
        response.products.clear()
    error = _rooted(backend, component, error)
    training = _training_errors(backend, fit, factors, component, error=error, main=main)
    if design.target != main:
        error += _rooted(backend, component, eye(backend, response.complement) * differences[design.target])
    return risk(error), clean, training


def _training_errors(
    backend: Backend, fit: Fit, factors: Sequence[Matrix], component: Component, *, error: Matrix, main: int
) -> Matrix:
    """Return tr E_kᵀ M_k E_k, (..., K), E_k = F − D_k, from the error on the main source, which weighs most in the fit.

    The normal equations Σ_k ω_k M_k E_k + λ F = 0 of a linear model give that source's own without a product. Rounding
    would decide it where samples are interpolated, or where the ridge outweighs the inputs.
    """
    xp, balanced = backend.xp, spares_products(fit)
    differences = backend.asarray(component.loadings[main] - component.loadings)
    by_source: list[Matrix] = [None] * len(factors)
    forces: Matrix = 0.0
    for k, z in enumerate(factors):
        if k == main and balanced:
            continue
        own = backend.transposed_times(z, error)
        missed = _rooted(backend, component, z.mT * differences[k])
        forces = forces + fit.weight[k] * (_square(xp, own) + xp.sum(xp.vecdot(own, missed), axis=-1))
        own += missed
        by_source[k] = _square(xp, own)
    if balanced:
        known = backend.eye(error.shape[-2]) * backend.asarray(component.loadings[main])
        forces = forces + fit.ridge * xp.sum(xp.vecdot(error, error + _rooted(backend, component, known)), axis=-1)
        by_source[main] = -forces / fit.weight[main]
    return xp.stack(by_source, axis=-1)


def _rooted(backend: Backend, component: Component, matrix: Matrix) -> Matrix:
    """Return a matrix times the root of a component."""
    return matrix if component.root is None else matrix @ backend.asarray(component.root)


def moments_of(backend: Backend, design: Design, fit: Fit, looks: Sequence[Sequence[Look]]) -> Moments:
    """Return the moments of a unit: averages over its looks, and products between them.

    Parameters
    ----------
    backend : Backend
    design : Design
    fit : Fit
    looks : two sequences of Looks
        The looks of each share their random features and nothing else.
    """
    norms = [design.covariances[design.target], *design.covariances]
    across = [(one, two) for one in looks[0] for two in looks[1]]
    bias = _mean_products(backend, design, across, norms, diagonal=design.symmetric)
    spread = np.zeros_like(bias)
    if fit.width is not None:
        spread = _mean_products(backend, design, [(one, two) for one, two in looks], norms, diagonal=False) - bias
    return Moments(
        **averages(backend, [look for group in looks for look in group]),
        bias=bias[..., 0, :],
        spread=spread,
    )


def _mean_products(
    backend: Backend, design: Design, pairs: Sequence[tuple[Look, Look]], norms: Sequence[Array], *, diagonal: bool
) -> Array:
    """Return the mean over pairs of e₁ᵀ Σ e₂, e the clean errors, by norm Σ and component: (..., norms, A).

    `diagonal`: signs of coordinates do not matter and the two sets share nothing, so that the mean errors are diagonal.
    """
    by_component = []
    for component in design.components:
        sums: list[Matrix] = [0.0 for _ in norms]
        for one, two in pairs:
            left, right = (_clean_error(backend, design, side, component, diagonal=diagonal) for side in (one, two))
            for q, norm in enumerate(norms):
                sums[q] = sums[q] + _product(backend, left, backend.asarray(norm), right, diagonal=diagonal)
        by_component.append(backend.xp.stack([total / len(pairs) for total in sums], axis=-1))
    return backend.to_numpy(backend.xp.stack(by_component, axis=-1))


def _clean_error(backend: Backend, design: Design, side: Look, component: Component, *, diagonal: bool) -> Matrix:
    """Return the error matrix that a component leaves under clean labels, or its diagonal."""
    complement = side.complement
    if diagonal and complement.ndim - len(backend.batch) == 2:
        complement = backend.xp.linalg.diagonal(complement)
    error = complement * backend.asarray(component.loadings[design.target])
    return error if component.root is None else error @ backend.asarray(component.root)


def _product(backend: Backend, left: Matrix, norm: Matrix, right: Matrix, *, diagonal: bool) -> Matrix:
    """Return the trace of leftᵀ norm right; `norm` is a diagonal where it has one axis."""
    xp = backend.xp
    if diagonal:
        return _dot(xp, left * right, norm)
    if norm.ndim == 1:
        return _dot(xp, xp.vecdot(left, right), norm)
    return xp.sum(left * (norm @ right), axis=(-2, -1))


def _dot(xp: object, vector: Matrix, weights: Matrix) -> Matrix:
    """Return Σ_i weights_i vector_i over the last axis."""
    return xp.sum(vector * weights, axis=-1)  # type: ignore[attr-defined]


def _square(xp: object, matrix: Matrix) -> Matrix:
    """Return the squared Frobenius norm over the last two axes."""
    return xp.sum(xp.vecdot(matrix, matrix), axis=-1)  # type: ignore[attr-defined]
