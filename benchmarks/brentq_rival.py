"""How would one compute a phase diagram point by point? Root finding from SciPy, vectorised over eigenvalues only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, root


@dataclass(frozen=True, kw_only=True)
class Point:
    """Two sources, random projections of a width; teacher w_1 ~ N(0, prior), w_2 = w_1 + N(0, delta), diagonal."""

    first: np.ndarray
    second: np.ndarray
    prior: np.ndarray
    delta: np.ndarray
    n: float
    synthetic_fraction: float
    noise: tuple[float, float]
    ridge: float
    width: float


def equal_spectra(point: Point) -> np.ndarray:
    """Bias, variance, projection variance and collapse by Theorem 2 of arXiv 2410.04840 (corrected), brentq for θ."""
    s, n, m, p2 = point.first, point.n, point.width, point.synthetic_fraction
    d, p1 = len(s), 1 - p2

    def balance(log_theta: float) -> float:
        """Degrees of freedom needed less those that θ gives: γ θ (1 − df/n)(1 − df/m) = λ solved for df."""
        theta = np.exp(log_theta)
        pressed = point.ridge * d / (m * theta)
        needed = 2 * (1 - pressed) / ((1 / n + 1 / m) + np.sqrt((1 / n - 1 / m) ** 2 + 4 * pressed / (n * m)))
        return needed - (s / (s + theta)).sum()

    low, high = np.log(point.ridge * d / m), np.log(s.sum() * (1 / n + 1 / m) + 2 * point.ridge * d / m) + 2
    theta = np.exp(brentq(balance, low, high, xtol=1e-13, rtol=1e-14))
    filtered = 1 / (s + theta) ** 2
    gamma, phi = m / d, d / n
    i12, i22 = (s * filtered).mean(), (s**2 * filtered).mean()
    z = i22 * (gamma - i22) + theta**2 * i12**2
    spare = gamma - phi * z - i22
    u, w = phi * z / spare, theta**2 * i12 / spare
    bias = theta**2 * (point.prior * s * filtered).sum()
    noise = p1 * point.noise[0] + p2 * point.noise[1]
    collapse = (
        p2**2 * (1 + p1 * u) * (point.delta * s**3 * filtered).sum()
        + p2**2 * w * (point.delta * s**2 * filtered).sum()
        + p2 * u * (point.delta * s * (p1 * s + theta) ** 2 * filtered).sum()
    )
    return np.array([bias, u * (bias + noise), w * (point.prior * s**2 * filtered).sum(), collapse])


def two_spectra(point: Point) -> np.ndarray:
    """The same parts for two commuting spectra, three unknowns by scipy.optimize.root."""
    s = np.array([point.first, point.second])
    p = np.array([1 - point.synthetic_fraction, point.synthetic_fraction])
    n, m, d = point.n, point.width, s.shape[1]

    def equations(logs: np.ndarray) -> np.ndarray:
        e, kappa = np.exp(logs[:2]), np.exp(logs[2])
        a = (p * e) @ s
        r = 1 / (a + kappa)
        return np.append(np.log(e * (1 + s @ r / n)), np.log((point.ridge * d / m + kappa * (a @ r) / m) / kappa))

    start = np.log([0.5, 0.5, 0.1 * s.mean()])
    found = root(equations, start, method="hybr", tol=1e-13)
    e, kappa = np.exp(found.x[:2]), np.exp(found.x[2])
    g = p * e
    a = g @ s
    r = 1 / (a + kappa)
    response = kappa**2 * (s @ r**2) / (m - ((a * r) ** 2).sum())
    tau = ((s[:, None] * (s[None, :] + response[None, :, None])) @ r**2) / n  # [k, M]
    q = np.linalg.solve(np.eye(2) - tau * (p * e**2), tau[:, 0])
    c = p * e**2 * q
    clean = kappa**2 * (s * r**2) @ point.prior
    shared = ((a * r) ** 2 * point.prior).sum()
    moved = g[1] * s[1] * r
    extra = np.array([(s[0] * moved**2 * point.delta).sum(), (s[1] * (1 - moved) ** 2 * point.delta).sum()])
    extra = extra + response * (moved**2 * point.delta).sum()
    return np.array(
        [
            clean[0],
            c @ (clean + np.array(point.noise)),
            (response[0] + c @ response) * shared,
            extra[0] + c @ extra,
        ]
    )
