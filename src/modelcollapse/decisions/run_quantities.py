"""What follows from a law's losses? The harmless share, the best amount, and the price of synthetic data, as arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.estimation.scaling_laws import Points

STEP = 1e-4
"""Step of the differences that give marginal losses, as a share of all data."""

LEVELS = (0.05, 0.95)
"""Quantiles between which a 90 % interval lies."""

MOST_PRICE = 1e6
"""Price beyond which it is not known."""

EQUAL = 1e-9
"""Relative difference of losses below which they are equal."""


def harmless_shares(log_losses: Array, shares: Array, *, tolerance: float) -> Array:
    """Return the largest shares up to which the loss exceeds that without synthetic data by no more than a tolerance.

    Parameters
    ----------
    log_losses : array of shape (B, S)
        At one total, along `shares`.
    shares : array of shape (S,)
        Increasing from 0.
    tolerance : float
        Relative.

    Returns
    -------
    array of shape (B,)
        In [0, `shares[-1]`], interpolated.
    """
    excess = log_losses - log_losses[:, :1] - np.log1p(tolerance)
    return _first_crossing(excess, shares, beyond=float(shares[-1]))


def best_amounts(log_losses: Array, amounts: Array) -> tuple[Array, Array]:
    """Return the best amounts of synthetic data, and the largest that are not worse than none, the real data fixed.

    Parameters
    ----------
    log_losses : array of shape (B, S)
        Along `amounts`.
    amounts : array of shape (S,)
        Increasing from 0.

    Returns
    -------
    best, most : arrays of shape (B,)
        Infinite beyond the last amount.
    """
    lowest = log_losses.argmin(axis=1)
    best = np.where(lowest == len(amounts) - 1, np.inf, amounts[lowest])
    excess = log_losses - log_losses[:, :1] - EQUAL
    after = np.arange(len(amounts)) >= lowest[:, None]
    most = _first_crossing(np.where(after, excess, -np.inf), amounts, beyond=np.inf)
    return best, np.where(lowest == 0, 0.0, most)


def harmless_amounts(log_losses: Array, amounts: Array) -> tuple[Array, Array]:
    """Return the best amounts of synthetic data before they harm, and from where on they are worse than none.

    Parameters
    ----------
    log_losses : array of shape (B, S)
        Along `amounts`, the real data fixed.
    amounts : array of shape (S,)
        Increasing from 0.

    Returns
    -------
    best, most : arrays of shape (B,)
        Infinite beyond the last amount; 0 where the first amount harms. Gains beyond the first harm do not count.
    """
    excess = log_losses - log_losses[:, :1] - EQUAL
    most = np.where(excess[:, 1] > 0, 0.0, _first_crossing(excess, amounts, beyond=np.inf))
    lowest = np.where(amounts <= most[:, None], log_losses, np.inf).argmin(axis=1)
    return np.where(lowest == len(amounts) - 1, np.inf, amounts[lowest]), most


def prices(log_losses: Callable[[Points], Array], points: Points) -> Array:
    """Return how many real units one more synthetic unit is worth, (B, n): the ratio of the two marginal losses.

    Parameters
    ----------
    log_losses : callable
        Of n settings, (B, n).
    points : Points
        n settings.

    Notes
    -----
    Negative where one more synthetic unit raises the loss; ±`MOST_PRICE` where one more real unit lowers nothing.
    Differences of `STEP` of the data, forwards.
    """
    step = STEP * points.total
    here = log_losses(points)
    by_synthetic = np.expm1(log_losses(replace(points, synthetic=points.synthetic + step)) - here)
    by_real = np.expm1(log_losses(replace(points, real=points.real + step)) - here)
    found = by_synthetic / np.where(by_real < 0, by_real, -1e-300)
    return np.clip(found, -MOST_PRICE, MOST_PRICE)


def zero_crossings(values: Array, amounts: Array) -> Array:
    """Return where curves (B, S) along amounts (S,) first fall to 0, (B,); infinite where they do not."""
    return _first_crossing(-values, amounts, beyond=np.inf)


def interval(draws: Array) -> tuple[float, float]:
    """Return the 90 % interval of draws, (B,); ends may be infinite."""
    low, high = np.quantile(draws, LEVELS, method="inverted_cdf")
    return float(low), float(high)


def median(draws: Array) -> float:
    """Return the median of draws, (B,), which may be infinite."""
    return float(np.quantile(draws, 0.5, method="inverted_cdf"))


def _first_crossing(excess: Array, grid: Array, *, beyond: float) -> Array:
    """Return where curves (B, S) along a grid (S,) first exceed 0, interpolated; `beyond` where they never do."""
    above = excess > 0
    after = above.argmax(axis=1)
    before = np.maximum(after - 1, 0)
    rows = np.arange(len(excess))
    low, high = excess[rows, before], excess[rows, after]
    rise = np.where(after > 0, high - np.maximum(low, -1e300), 1.0)
    part = np.clip(np.where(after > 0, -low / np.where(rise > 0, rise, 1.0), 0.0), 0.0, 1.0)
    return np.where(above.any(axis=1), grid[before] + part * (grid[after] - grid[before]), beyond)
