"""How does a fit respond to its labels? The resolvent of its Gram matrix, by the cheapest exact way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise

import numpy as np

from modelcollapse.simulation.backend import Backend, Matrix


class Way(Enum):
    """How the resolvent is computed."""

    PRIMAL = auto()  # Cholesky in the space of features
    DUAL = auto()  # Cholesky in the space of (compressed) samples, when they are fewer
    SPECTRAL = auto()  # eigenvalues, those beyond the known rank left out: minimum norm, or a ridge near rounding


@dataclass(frozen=True, kw_only=True)
class Fit:
    """One way to fit the sources.

    Attributes
    ----------
    weight : tuple of K floats
    ridge : float
    width : int or None
        Number of random features; None for the linear model.
    rank : int
        Rank that the weighted features' second moment almost surely has.
    way : Way
    """

    weight: tuple[float, ...]
    ridge: float
    width: int | None
    rank: int
    way: Way


@dataclass(frozen=True, kw_only=True)
class Response:
    """How the fitted vector ŵ = Σ_k (B_k w_k + noise) responds, given inputs and features.

    Attributes
    ----------
    products : tuple of arrays of shape (..., d, d), or None where the weight is 0
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

    products: tuple[Matrix | None, ...]
    noise_diagonal: tuple[Matrix, ...]
    complement: Matrix
    hat_squares: Matrix
    hat_traces: Matrix
    trace: Matrix


def respond(
    backend: Backend, fit: Fit, *, factors: Sequence[Matrix], grams: Sequence[Matrix], features: Matrix | None
) -> Response:
    """Return the response of a fit.

    Parameters
    ----------
    backend : Backend
    fit : Fit
    factors : sequence of K arrays of shape (..., d, r_k)
        Z_k with M_k = Z_k Z_kᵀ.
    grams : sequence of K arrays of shape (..., d, d)
        M_k = X_kᵀ X_k / N.
    features : array of shape (..., d, f) or None
        F with Sᵀ S = F Fᵀ; None for the linear model, F = I.
    """
    way = _dual if fit.way is Way.DUAL else _primal
    return way(backend, fit, factors, grams, features)


def _primal(
    backend: Backend, fit: Fit, factors: Sequence[Matrix], grams: Sequence[Matrix], features: Matrix | None
) -> Response:
    """Invert in the space of features."""
    xp = backend.xp
    indices = range(len(grams))
    active = [k for k in indices if fit.weight[k] > 0]
    total = _sum(grams, fit.weight)
    if features is not None:
        total = features.mT @ total @ features
    inner, trace = invert(backend, total, ridge=fit.ridge, rank=fit.rank, way=fit.way)
    whole = inner if features is None else features @ inner @ features.mT
    if features is None and fit.way is Way.PRIMAL:  # Σ_k ω_k G M_k = I − ridge G saves a product
        complement, last = -fit.ridge * whole, active[-1]
        products: list[Matrix] = [None if k == last else whole @ gram for k, gram in enumerate(grams)]
        rest = complement + eye(backend, complement)
        for k in active[:-1]:
            rest -= fit.weight[k] * products[k]
        products[last] = rest / fit.weight[last]
    else:
        products = [whole @ gram for gram in grams]
        complement = _sum(products, fit.weight)
        complement -= eye(backend, complement)
    overlaps = {
        (k, j): xp.sum(xp.vecdot(products[k], products[j].mT), axis=-1) for j in indices for k in indices[: j + 1]
    }
    squares = [[fit.weight[j] ** 2 * overlaps[min(k, j), max(k, j)] for j in indices] for k in indices]
    seen = fit.rank if fit.way is Way.SPECTRAL else inner.shape[-1]
    return Response(
        products=tuple(products[k] if fit.weight[k] > 0 else None for k in indices),
        noise_diagonal=tuple(fit.weight[k] ** 2 * xp.vecdot(products[k], whole) for k in indices),
        complement=complement,
        hat_squares=xp.stack([xp.stack(row, axis=-1) for row in squares], axis=-2),
        hat_traces=xp.stack([fit.weight[k] * xp.linalg.trace(products[k]) for k in indices], axis=-1),
        trace=xp.zeros_like(trace) if features is None else trace + _unseen(fit, seen),
    )


def _dual(
    backend: Backend, fit: Fit, factors: Sequence[Matrix], grams: Sequence[Matrix], features: Matrix | None
) -> Response:
    """Invert in the space of the compressed samples: accurate however small the ridge is."""
    xp = backend.xp
    scaled = [float(np.sqrt(weight)) * factor for weight, factor in zip(fit.weight, factors, strict=True) if weight > 0]
    joined = xp.concat(scaled, axis=-1)  # (..., d, r)
    seen = joined if features is None else features.mT @ joined
    inner, trace = invert(backend, backend.gram(seen.mT), ridge=fit.ridge, rank=fit.rank, way=Way.PRIMAL)
    reach = (seen if features is None else features @ seen) @ inner  # G times the samples
    ends = np.cumsum([0, *(factor.shape[-1] for factor in scaled)])
    pieces = iter([reach[..., int(start) : int(end)] for start, end in pairwise(ends)])
    blocks = [next(pieces) if weight > 0 else None for weight in fit.weight]
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
        products=tuple(products),
        noise_diagonal=tuple(noise),
        complement=complement,
        hat_squares=xp.stack([xp.stack(row, axis=-1) for row in squares], axis=-2),
        hat_traces=xp.stack(traces, axis=-1),
        trace=zeros if features is None else trace + _unseen(fit, joined.shape[-1]),
    )


def invert(backend: Backend, matrix: Matrix, *, ridge: float, rank: int, way: Way) -> tuple[Matrix, Matrix]:
    """Return (matrix + ridge)⁻¹ on the range of the matrix, and its trace there."""
    xp = backend.xp
    if way is Way.PRIMAL:
        inverse = backend.inverse(matrix + ridge * eye(backend, matrix))
        return inverse, xp.linalg.trace(inverse)
    values, vectors = xp.linalg.eigh(matrix)
    kept = slice(matrix.shape[-1] - rank, matrix.shape[-1])
    reciprocal = 1 / (values[..., kept] + ridge)
    vectors = vectors[..., kept]
    return (vectors * reciprocal[..., None, :]) @ vectors.mT, xp.sum(reciprocal, axis=-1)


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
