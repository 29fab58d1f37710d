"""What mean and covariance do random features have, given their weights? Exact over Gaussian inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import erf

from modelcollapse.checks import Array
from modelcollapse.simulation.backend import Backend, Matrix

Activation = str | Callable[[Array], Array]
"""``"relu"``, ``"tanh"``, ``"erf"``, ``"identity"``, or a function of a NumPy array, entry by entry."""

CLOSED_FORMS = ("relu", "erf", "identity")
"""Activations whose covariances are known functions of the preactivations'."""

REACH = 12.0
"""Standard deviations; the Gaussian density times any Hermite function is below 1e-15 beyond."""

PANELS, NODES = 48, 16
"""Panels between −REACH and REACH, one edge at 0, and nodes of each."""

MAX_ORDER = 256
"""Largest order of a Hermite series."""

NEGLIGIBLE = 1e-10
"""Largest part of a feature's variance that a Hermite series may leave out before its last order."""


@dataclass(frozen=True, kw_only=True)
class Neurons:
    """Features z = f(W x) − E f(W x) under the inputs x ~ N(0, Σ) of one source, given W.

    Attributes
    ----------
    first_layer : array of shape (..., m, d)
        W.
    image : array of shape (..., m, d)
        W Σ.
    spread : array of shape (..., m)
        s, standard deviations of the preactivations W x.
    centre : array of shape (..., m)
        E f(W x) = E f(s g), g ~ N(0, 1).
    slope : array of shape (..., m)
        E f(s g) g / s, so that E z xᵀ = diag(slope) W Σ (Stein).
    variance : array of shape (..., m)
        Var f(s g).
    coefficients : array of shape (..., m, H + 1)
        c_h = E f(s g) He_h(g) / √h! from h = 0; up to order 1 where the covariances have a closed form.
    """

    first_layer: Matrix
    image: Matrix
    spread: Matrix
    centre: Matrix
    slope: Matrix
    variance: Matrix
    coefficients: Matrix


def neurons(backend: Backend, activation: Activation, *, first_layer: Matrix, covariance: Array) -> Neurons:
    """Return the features of a first layer under inputs of a covariance (d,) or (d, d).

    Examples
    --------
    >>> from modelcollapse.simulation.backend import NumpyBackend
    >>> relu = neurons(NumpyBackend(), "relu", first_layer=np.array([[3.0, 4.0]]), covariance=np.ones(2))
    >>> relu.spread.tolist(), relu.centre.round(6).tolist(), relu.slope.round(6).tolist()  # s, s/√(2π), 1/2
    ([5.0], [1.994711], [0.5])
    """
    xp, sigma = backend.xp, backend.asarray(covariance)
    image = first_layer * sigma if covariance.ndim == 1 else first_layer @ sigma
    spread = xp.sqrt(xp.clip(xp.vecdot(image, first_layer), min=0.0))
    coefficients, variance = _hermite_coefficients(
        backend, activation, spread, max_order=1 if activation in CLOSED_FORMS else MAX_ORDER
    )
    return Neurons(
        first_layer=first_layer,
        image=image,
        spread=spread,
        centre=coefficients[..., 0],
        slope=coefficients[..., 1] / _positive(xp, spread),
        variance=variance,
        coefficients=coefficients,
    )


def activate(backend: Backend, activation: Activation, preactivations: Matrix) -> Matrix:
    """Return f of an array of the backend; functions that are not known by name see NumPy arrays."""
    xp = backend.xp
    if activation == "relu":
        return xp.clip(preactivations, min=0.0)
    if activation == "tanh":
        return xp.tanh(preactivations)
    if activation == "identity":
        return preactivations
    if activation == "erf" and hasattr(xp, "erf"):  # PyTorch has one, NumPy has not
        return xp.erf(preactivations)
    function = erf if isinstance(activation, str) else activation
    return backend.asarray(np.asarray(function(backend.to_numpy(preactivations)), dtype=np.float64))


def feature_covariance(backend: Backend, activation: Activation, one: Neurons, other: Neurons) -> Matrix:
    """Return E z z′ᵀ, (..., m, m), of the features of two first layers, or of one with itself, under the same inputs.

    In closed form for relu and erf (arc-cosine and arc-sine kernels) and the identity; else as the Hermite series

        E z_i z′_j = Σ_{h≥1} c_h(s_i) c_h(s′_j) ρ_ij^h,   c_h(s) = E f(s g) He_h(g) / √h!,

    where ρ is the correlation of the preactivations.

    Notes
    -----
    What the series leaves out of entry ij after order H is at most √(tail_i tail_j) |ρ_ij|^(H+1) with
    tail_i = Var z_i − Σ_{h≤H} c_h(s_i)². H is the smallest order at which this is below 1e-10 of the variances, and at
    most 256. Smooth activations meet that for any ρ. With a kink, after 256 terms, at most a few 1e-5 of the variance
    are left out, with a jump 3 %, where |ρ| > 0.9 only (2e-6 and 2e-3 at 0.99). The quadrature has an edge at 0; with a
    kink elsewhere, centre and slope are known to about 1e-5 of the spread, with a jump elsewhere to 1e-3.

    References
    ----------
    Y. Cho, L. K. Saul, Kernel methods for deep learning, 2009 (relu); C. K. I. Williams, Computing with infinite
    networks, 1997 (erf); R. O'Donnell, Analysis of Boolean functions, 2014, Proposition 11.31 (the series).
    """
    xp = backend.xp
    product = one.image @ other.first_layer.mT
    if activation == "identity":
        return product
    if activation == "erf":
        left, right = (xp.sqrt(1 + 2 * neuron.spread**2) for neuron in (one, other))
        return 2 / np.pi * xp.asin(xp.clip(2 * product / _outer(left, right), min=-1.0, max=1.0))
    scale = _outer(one.spread, other.spread)
    correlation = xp.clip(product / _positive(xp, scale), min=-1.0, max=1.0)
    if activation == "relu":
        angle = xp.acos(correlation)
        return scale / (2 * np.pi) * (xp.sin(angle) + correlation * (np.pi - angle) - 1)
    return _hermite_series(backend, one, other, correlation)


def _hermite_series(backend: Backend, one: Neurons, other: Neurons, correlation: Matrix) -> Matrix:
    """Return Σ_{h≥1} c_h c′_h ρ^h by Horner's rule; on the diagonal of a layer with itself, the variance."""
    xp = backend.xp
    diagonal = xp.zeros_like(correlation)
    if one is other:
        same = backend.eye(correlation.shape[-1])
        diagonal, correlation = one.variance[..., None] * same, correlation * (1 - same)
    tail = np.sqrt(_largest_tails(backend, one) * _largest_tails(backend, other))
    missed = tail * float(xp.max(xp.abs(correlation))) ** np.arange(2, MAX_ORDER + 2)
    enough = np.flatnonzero(missed <= NEGLIGIBLE)
    series = xp.zeros_like(correlation)
    for h in range(int(enough[0]) + 1 if enough.size else MAX_ORDER, 0, -1):
        series += _outer(one.coefficients[..., h], other.coefficients[..., h])
        series *= correlation
    return series + diagonal


def _largest_tails(backend: Backend, neuron: Neurons) -> Array:
    """Return the share of the variance beyond each order from 1, of the neuron that has most of it: (MAX_ORDER,)."""
    squares = backend.to_numpy(neuron.coefficients[..., 1:]) ** 2
    variance = backend.to_numpy(neuron.variance)[..., None]
    tails = np.maximum(variance - np.cumsum(squares, axis=-1), 0.0) / np.where(variance > 0, variance, 1.0)
    return np.asarray(tails.reshape(-1, tails.shape[-1]).max(axis=0))


def _hermite_coefficients(
    backend: Backend, activation: Activation, spread: Matrix, *, max_order: int
) -> tuple[Matrix, Matrix]:
    """Return c_h(s) = E f(s g) He_h(g)/√h!, (..., m, max_order + 1), and Var f(s g), (..., m)."""
    points, weights, hermite = _quadrature(max_order)
    values = activate(backend, activation, spread[..., None] * backend.asarray(points))
    coefficients = values @ backend.asarray(hermite * weights[:, None])
    deviation = values - coefficients[..., :1]
    return coefficients, (deviation * deviation) @ backend.asarray(weights)


@cache
def _quadrature(max_order: int) -> tuple[Array, Array, Array]:
    """Return nodes and weights of E F(g), g ~ N(0, 1), (q,) each, and He_h/√h! at the nodes, (q, max_order + 1).

    Composite Gauss–Legendre with an edge at 0; √h P_h = x P_{h−1} − √(h−1) P_{h−2} for P_h = He_h/√h!.
    """
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    edges = np.linspace(-REACH, REACH, PANELS + 1)
    half = REACH / PANELS
    points = ((edges[:-1] + half)[:, None] + half * nodes).ravel()
    density = np.exp(-(points**2) / 2) / np.sqrt(2 * np.pi)
    orders = [np.ones_like(points), points]
    for h in range(2, max_order + 1):
        orders.append((points * orders[-1] - np.sqrt(h - 1.0) * orders[-2]) / np.sqrt(h))
    return points, np.tile(half * weights, PANELS) * density, np.stack(orders, axis=-1)


def _outer(left: Matrix, right: Matrix) -> Matrix:
    return left[..., :, None] * right[..., None, :]


def _positive(xp: object, spread: Matrix) -> Matrix:
    """Replace zeros by ones: features of inputs without variance are constant, so that any divisor does."""
    return xp.where(spread > 0, spread, xp.ones_like(spread))  # type: ignore[attr-defined]
