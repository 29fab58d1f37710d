"""How does a fit respond to its labels? The resolvent of its Gram matrix, by the cheapest exact way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from modelcollapse.simulation.backend import Backend, Matrix
from modelcollapse.simulation.fits import Fit, Way


@dataclass(frozen=True, kw_only=True)
class Response:
    """How the fitted vector ŵ = Σ_k (B_k w_k + noise) responds, given inputs and features.

    Attributes
    ----------
    products : list of arrays of shape (..., d, d), or None where the weight is 0
        B_k / ω_k = G M_k, G = F (Fᵀ H F + λ)⁻¹ Fᵀ, H = Σ ω_k M_k.
    noise_diagonal : tuple of arrays of shape (..., d)
        Diagonal of ω_k² G M_k G: N times the variance of ŵ that a unit of source k's noise causes.
    complement : array of shape (..., d, d)
        Σ_k B_k − I.
    hat_squares : array of shape (..., K, K)
        ω_j² tr G M_k G M_j.
    hat_traces : array of shape (..., K)
        tr B_k.
    trace : array of shape (...)
        tr of the inverse second moment of the features; 0 for the linear model.
    """

    products: list[Matrix]
    noise_diagonal: tuple[Matrix, ...]
    complement: Matrix
    hat_squares: Matrix
    hat_traces: Matrix
    trace: Matrix


def respond(
    backend: Backend,
    fit: Fit,
    *,
    factors: Sequence[Matrix],
    grams: list[Matrix],
    features: Matrix | None,
    largest: int,
) -> Response:
    """Return the response of a fit.

    Parameters
    ----------
    backend : Backend
    fit : Fit
    factors : sequence of K arrays of shape (..., d, r_k)
        Z_k with M_k = Z_k Z_kᵀ.
    grams : list of K arrays of shape (..., d, d)
        M_k = X_kᵀ X_k / N. Emptied, so that none is kept longer than it is needed.
    features : array of shape (..., d, f) or None
        F with Sᵀ S = F Fᵀ; None for the linear model, F = I.
    largest : int
        Source that weighs most in the fit.

    Raises
    ------
    numpy.linalg.LinAlgError
        When a matrix is singular to rounding.
    """
    if fit.way in (Way.DUAL, Way.ORTHOGONAL):
        return _by_samples(backend, fit, factors, features)
    try:
        return _by_features(backend, fit, grams, features, largest)
    except np.linalg.LinAlgError:  # its square is singular to rounding, the matrix of samples may not be
        return _by_samples(backend, replace(fit, way=Way.ORTHOGONAL), factors, features)


def _by_features(backend: Backend, fit: Fit, grams: list[Matrix], features: Matrix | None, largest: int) -> Response:
    """Invert in the space of features."""
    xp = backend.xp
    indices = range(len(grams))
    total = _sum(grams, fit.weight)
    if features is not None:
        total = features.mT @ total @ features
    inner, trace = invert(backend, total, ridge=fit.ridge, rank=fit.rank, way=fit.way)
    whole = inner if features is None else features @ inner @ features.mT
    products: list[Matrix] = [None for _ in grams]
    known = largest if spares_products(fit) else None
    while grams:
        gram = grams.pop()
        products[len(grams)] = None if len(grams) == known else whole @ gram
        del gram
    if known is None:
        complement = _sum(products, fit.weight)
        complement -= eye(backend, complement)
    else:
        complement = -fit.ridge * whole
        rest = complement + eye(backend, complement)
        for k in indices:
            if k != known and fit.weight[k] > 0:
                rest -= fit.weight[k] * products[k]
        rest /= fit.weight[known]
        products[known] = rest
    overlaps = {
        (k, j): xp.sum(xp.vecdot(products[k], products[j].mT), axis=-1) for j in indices for k in indices[: j + 1]
    }
    squares = [[fit.weight[j] ** 2 * overlaps[min(k, j), max(k, j)] for j in indices] for k in indices]
    return Response(
        products=[products[k] if fit.weight[k] > 0 else None for k in indices],
        noise_diagonal=tuple(fit.weight[k] ** 2 * xp.vecdot(products[k], whole) for k in indices),
        complement=complement,
        hat_squares=xp.stack([xp.stack(row, axis=-1) for row in squares], axis=-2),
        hat_traces=xp.stack([fit.weight[k] * xp.linalg.trace(products[k]) for k in indices], axis=-1),
        trace=xp.zeros_like(trace) if features is None else trace + _unseen(fit, inner.shape[-1]),
    )


def spares_products(fit: Fit) -> bool:
    """Whether Σ_k ω_k G M_k = I − ridge G gives one product from the others: unless rounding would decide it."""
    return fit.width is None and fit.way is Way.PRIMAL and fit.relative_ridge <= 1


def _by_samples(backend: Backend, fit: Fit, factors: Sequence[Matrix], features: Matrix | None) -> Response:
    """Invert in the space of the compressed samples."""
    xp = backend.xp
    heavy_first = sorted((k for k, weight in enumerate(fit.weight) if weight > 0), key=lambda k: -fit.weight[k])
    scaled = [float(np.sqrt(fit.weight[k])) * factors[k] for k in heavy_first]  # so that QR loses no light sample
    joined = xp.concat(scaled, axis=-1)  # (..., d, r)
    seen = joined if features is None else features.mT @ joined
    pulled, trace = _pulled(backend, fit, seen)
    reach = pulled if features is None else features @ pulled  # G times the samples
    ends = np.cumsum([0, *(factor.shape[-1] for factor in scaled)])
    blocks: list[Matrix] = [None for _ in factors]
    for k, (start, end) in zip(heavy_first, pairwise(ends), strict=True):
        blocks[k] = reach[..., int(start) : int(end)]
    zeros = xp.zeros_like(trace)
    products: list[Matrix] = []
    noise, squares, traces = [], [], []
    for weight, factor, block in zip(fit.weight, factors, blocks, strict=True):
        overlaps = [None if other is None else factor.mT @ other for other in blocks]
        squares.append(
            [
                zeros if overlap is None else fit.weight[j] * xp.sum(overlap * overlap, axis=(-2, -1))
                for j, overlap in enumerate(overlaps)
            ]
        )
        root = float(np.sqrt(weight))
        products.append(None if block is None else (block / root) @ factor.mT)
        noise.append(xp.zeros_like(joined[..., 0]) if block is None else weight * xp.vecdot(block, block))
        traces.append(zeros if block is None else root * xp.sum(factor * block, axis=(-2, -1)))
    complement = _sum(products, fit.weight)
    complement -= eye(backend, complement)
    return Response(
        products=products,
        noise_diagonal=tuple(noise),
        complement=complement,
        hat_squares=xp.stack([xp.stack(row, axis=-1) for row in squares], axis=-2),
        hat_traces=xp.stack(traces, axis=-1),
        trace=zeros if features is None else trace + _unseen(fit, min(seen.shape[-2:])),
    )


def _pulled(backend: Backend, fit: Fit, seen: Matrix) -> tuple[Matrix, Matrix]:
    """Return Y (YᵀY + ridge)⁻¹ = (Y Yᵀ + ridge)⁻¹ Y and the trace of the smaller inverse, for Y (..., f, r)."""
    xp = backend.xp
    if fit.way is Way.DUAL:
        inner, trace = invert(backend, backend.gram(seen.mT), ridge=fit.ridge, rank=fit.rank, way=Way.PRIMAL)
        return seen @ inner, trace
    wide = seen.shape[-2] >= seen.shape[-1]
    rows = seen if wide else seen.mT
    n_rows = rows.shape[-2]
    if fit.ridge > 0:  # as further rows: [Y; √ridge I] = Q R has RᵀR = YᵀY + ridge
        below = xp.zeros_like(rows[..., :1, :]).mT + float(np.sqrt(fit.ridge)) * eye(backend, rows)
        rows = xp.concat([rows, below], axis=-2)
    orthogonal, triangle = xp.linalg.qr(rows)
    inverse = backend.inverse_of_triangle(triangle)
    pulled = orthogonal[..., :n_rows, :] @ inverse.mT
    return pulled if wide else pulled.mT, xp.sum(inverse * inverse, axis=(-2, -1))


def invert(backend: Backend, matrix: Matrix, *, ridge: float, rank: int | None, way: Way) -> tuple[Matrix, Matrix]:
    """Return (matrix + ridge)⁻¹ on the range of the matrix, and its trace everywhere.

    Parameters
    ----------
    backend : Backend
    matrix : array of shape (..., f, f)
        Symmetric, positive semidefinite.
    ridge : float
    rank : int or None
        Where it is not known, eigenvalues above f times the rounding of the largest count.
    way : Way
        PRIMAL, or SPECTRAL.

    Raises
    ------
    numpy.linalg.LinAlgError
        When the matrix is singular to rounding and the way is PRIMAL.
    """
    xp, size = backend.xp, matrix.shape[-1]
    if way is Way.PRIMAL:
        inverse = backend.inverse(matrix + ridge * eye(backend, matrix))
        return inverse, xp.linalg.trace(inverse)
    values, vectors = xp.linalg.eigh(matrix)
    if rank is None:
        tiny = size * np.finfo(np.float64).eps
        kept = xp.where(values > tiny * values[..., -1:], xp.ones_like(values), xp.zeros_like(values))
    else:
        kept = backend.asarray((np.arange(size) >= size - rank).astype(np.float64)) + xp.zeros_like(values)
    reciprocal = kept / (kept * values + ridge * kept + (1 - kept))
    hidden = size - xp.sum(kept, axis=-1)
    unseen = hidden / ridge if ridge > 0 else xp.where(hidden > 0, xp.ones_like(hidden) * np.inf, hidden)
    return (vectors * reciprocal[..., None, :]) @ vectors.mT, xp.sum(reciprocal, axis=-1) + unseen


def _unseen(fit: Fit, seen: int) -> float:
    """Return the part of the trace from features that no sample moves."""
    assert fit.width is not None
    hidden = fit.width - seen
    if hidden == 0:
        return 0.0
    return hidden / fit.ridge if fit.ridge > 0 else np.inf


def eye(backend: Backend, like: Matrix) -> Matrix:
    """Return the identity of the size of the last axis."""
    return backend.eye(like.shape[-1])


def _sum(matrices: Sequence[Matrix], weights: Sequence[float]) -> Matrix:
    """Return Σ_k weight_k matrix_k over the positive weights."""
    terms = [(weight, matrix) for weight, matrix in zip(weights, matrices, strict=True) if weight > 0]
    total = terms[0][0] * terms[0][1]
    for weight, matrix in terms[1:]:
        total += weight * matrix
    return total
