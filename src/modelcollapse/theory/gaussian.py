"""How does the spread of Gaussians shrink that are refitted on their own samples? The walk of their log-variance.

In one dimension a fit on n samples multiplies the variance by χ²_{n−1}/n, or by χ²_{n−1}/(n − 1) without bias, whatever
the variance was. So ln σ_t² is a sum of independent terms, one for each fit, whose moments and characteristic functions
are gamma functions; in several dimensions so is the log-determinant of the covariance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import loggamma, polygamma, psi

from modelcollapse.checks import Array

STIRLING = 20.0
"""Argument from which on ratios of gamma functions are taken from Stirling's series, exact to rounding there."""

REACH = 40.0
"""Standard deviations beyond which the log-variance never is: probabilities below 1e-15."""

HIGHEST_FREQUENCY = 60.0
"""Frequency, per standard deviation, beyond which characteristic functions are below 1e-16."""

BISECTIONS = 60
"""Of an exponent: to the last digit."""

Complex = NDArray[np.complex128]


@dataclass(frozen=True, kw_only=True)
class Fits:
    """The fits of a chain in which each model replaces the one before, that of generation 0 first.

    Attributes
    ----------
    n_samples : array of shape (T,)
        At least 2.
    unbiased : bool
        Whether sums of squares are divided by n − 1 instead of n.
    """

    n_samples: Array
    unbiased: bool

    @property
    def halves(self) -> Array:
        """Half the degrees of freedom, (n − 1)/2, (T,)."""
        return (self.n_samples - 1) / 2

    @property
    def log_scale(self) -> Array:
        """Logarithm of the mean factor of the variance: of (n − 1)/n, or 0 without bias; (T,)."""
        return np.zeros_like(self.n_samples) if self.unbiased else np.log1p(-1 / self.n_samples)


def mean_deviations(fits: Fits) -> Array:
    """Return E σ_t in units of the real law's standard deviation, for each generation, (T,).

    The product over fits of Γ(n/2)/Γ((n − 1)/2) times √(2/n), or √(2/(n − 1)) without bias.

    Examples
    --------
    >>> fits = Fits(n_samples=np.full(50, 10.0), unbiased=True)
    >>> mean_deviations(fits)[[0, 49]].round(4).tolist()
    [0.9727, 0.2501]
    """
    return np.asarray(np.exp(np.cumsum(_log_moment(fits, np.asarray(0.5)).real)))


def typical_deviations(fits: Fits) -> Array:
    """Return exp(E ln σ_t) in units of the real law's standard deviation, (T,): near the median of σ_t.

    While the mean of σ_t² stays where it is without bias, this falls by about 1/(2n − 2) in every generation.
    """
    return np.asarray(np.exp(np.cumsum(_log_mean(fits)) / 2))


def survival_probabilities(threshold: float, fits: Fits) -> Array:
    """Return P(σ_t > threshold) for each generation, (T,), by inversion of the characteristic function.

    With L the log-variance and φ its characteristic function, P(L > ℓ) = ½ + (1/π) ∫_0^∞ Im(e^{−iuℓ} φ(u))/u du.

    Parameters
    ----------
    threshold : float
        In units of the real law's standard deviation, above 0.
    fits : Fits

    Notes
    -----
    By the midpoint rule, whose error is the chance that L is 40 standard deviations from its mean; to about 1e-11.

    References
    ----------
    J. Gil-Pelaez, Note on the inversion theorem, Biometrika 38, 1951. R. B. Davies, Numerical inversion of a
    characteristic function, Biometrika 60, 1973.
    """
    mean = np.cumsum(_log_mean(fits))
    deviation = np.sqrt(np.cumsum(polygamma(1, fits.halves)))
    level = (2 * np.log(threshold) - mean) / deviation
    within = np.abs(level) < REACH
    step = 2 * np.pi / (2 * REACH)
    frequencies = step * (np.arange(int(HIGHEST_FREQUENCY / step)) + 0.5)
    alive = np.where(level > 0, 0.0, 1.0)
    for t in np.flatnonzero(within):
        u = frequencies / deviation[t]
        kinds, repeats = _grouped(fits, int(t))
        phase = (_log_moment(kinds, 1j * u[:, None]) @ repeats) - 2j * u * np.log(threshold)
        alive[t] = 0.5 + np.sum(np.exp(phase).imag / (np.arange(len(u)) + 0.5)) / np.pi
    return np.clip(alive, 0.0, 1.0)


def chernoff_bounds(threshold: float, fits: Fits) -> Array:
    """Return the least of the bounds min_r E(σ_t/threshold)^r on P(σ_t > threshold), over all r ≥ 0; (T,).

    Parameters
    ----------
    threshold : float
        In units of the real law's standard deviation, above 0.
    fits : Fits
    """
    bounds = np.ones(len(fits.n_samples))
    for t in range(len(bounds)):
        kinds, repeats = _grouped(fits, t)
        half = _best_exponent(threshold, kinds, repeats)
        logarithm = _log_moment(kinds, np.asarray(half)).real @ repeats - 2 * half * np.log(threshold)
        bounds[t] = min(np.exp(logarithm), 1.0)
    return bounds


def exponential_bounds(threshold: float, *, n_samples: int, fits: int) -> Array:
    """Return the bound e^{−k/(4n − 1)}/threshold on P(σ > threshold) after each of k = 1, 2, ... fits, (fits,).

    Parameters
    ----------
    threshold : float
        In units of the real law's standard deviation, above 0.
    n_samples : int
        n, of every generation.
    fits : int

    References
    ----------
    A. T. Suresh, A. Thangaraj, A. N. K. Khandavally, Rate of Model Collapse in Recursive Training, 2024, arXiv
    2412.17646, Theorem 3 (without bias; with it the variance is smaller).
    """
    return np.minimum(np.exp(-np.arange(1, fits + 1) / (4.0 * n_samples - 1)) / threshold, 1.0)


def log_determinants(n_features: int, fits: Fits) -> Array:
    """Return E ln det Σ_t, less that of the real law, for each generation, (T,); −∞ once Σ_t is singular.

    Each fit adds Σ_{j<d} ψ((n − 1 − j)/2) + d ln(2/n), or d ln(2/(n − 1)) without bias: independent χ² variables, of
    which det Σ_t is a product (Bartlett).
    """
    smallest = fits.halves - (n_features - 1) / 2
    steps = np.full(len(smallest), -np.inf)
    regular = smallest > 0
    freedom = fits.halves[regular, None] - np.arange(n_features) / 2
    steps[regular] = (psi(freedom) - np.log(fits.halves[regular, None])).sum(axis=1)
    return np.cumsum(steps + n_features * fits.log_scale)


def _grouped(fits: Fits, t: int) -> tuple[Fits, Array]:
    """Return the different sizes among the first t + 1 fits, and how many have each."""
    sizes, repeats = np.unique(fits.n_samples[: t + 1], return_counts=True)
    return Fits(n_samples=sizes, unbiased=fits.unbiased), repeats.astype(np.float64)


def _best_exponent(threshold: float, kinds: Fits, repeats: Array) -> float:
    """Return half the r ≥ 0 at which E(σ/threshold)^r is least; 0 where it grows from there on."""

    def slope(half: float) -> float:
        logarithms = kinds.log_scale + psi(kinds.halves + half) - np.log(kinds.halves)
        return float(logarithms @ repeats - 2 * np.log(threshold))

    if slope(0.0) >= 0:
        return 0.0
    low, high = 0.0, 1.0
    while slope(high) < 0:
        low, high = high, 2 * high
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return low


def _log_mean(fits: Fits) -> Array:
    """Return the mean of what each fit adds to the log-variance, (T,)."""
    return np.asarray(fits.log_scale + psi(fits.halves) - np.log(fits.halves))


def _log_moment(fits: Fits, z: Array | Complex) -> Complex:
    """Return ln E(σ'²/σ²)^z of each fit, (..., T), for z of shape (..., 1) or (): z ln(scale/x) + ln Γ(x + z)/Γ(x)."""
    x = fits.halves
    return np.asarray(z * fits.log_scale + _log_gamma_ratio(x, np.asarray(z, dtype=np.complex128)))


def _log_gamma_ratio(x: Array, z: Complex) -> Complex:
    """Return ln Γ(x + z)/Γ(x) − z ln x, for Re z ≥ 0, without the cancellation that large x would bring."""
    large = np.maximum(x, STIRLING).astype(np.complex128)
    tilt = z / large
    log1p = 0.5 * np.log1p(tilt.real * (2 + tilt.real) + tilt.imag**2) + 1j * np.arctan2(tilt.imag, 1 + tilt.real)
    series = (large + z - 0.5) * log1p - z + _stirling_rest(large + z) - _stirling_rest(large)
    small = np.minimum(x, STIRLING)
    direct = loggamma(small + z) - loggamma(small) - z * np.log(small)
    return np.asarray(np.where(x >= STIRLING, series, direct))


def _stirling_rest(w: Complex) -> Complex:
    """Return ln Γ(w) less the leading terms of Stirling's series."""
    return np.asarray(1 / (12 * w) - 1 / (360 * w**3) + 1 / (1260 * w**5) - 1 / (1680 * w**7))
