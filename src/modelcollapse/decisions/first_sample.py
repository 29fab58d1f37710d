"""What is the first sample of a source worth? In samples of the other one, at the weight that is best for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.optimize import brentq

from modelcollapse.checks import Array
from modelcollapse.decisions.market import Market
from modelcollapse.theory.mixture import mixture_risk

STEP = 1e-5
"""Samples that are added, relative to those there are."""
LOG_WEIGHT = np.linspace(-12.0, 12.0, 97)
LOG_RANGE = float(np.log(1e6))
"""Thresholds are sought within a factor of a million of where things are."""
PRICES = 17
"""Prices that are tried on the way."""


def first_sample_worth(goods: Market, *, n_samples: float, source: int, ridge: float | None = None) -> float:
    """Return how many samples of the other source the first sample of a source is worth.

    Parameters
    ----------
    goods : Market
    n_samples : float
        Samples of the other source, which the model is fitted on alone, at its best ridge.
    source : int
        The one whose first sample is valued.
    ridge : float, optional
        The best one of a model fitted on the other source alone; looked for when left out.

    Returns
    -------
    float
        At least 0: a sample can be weighed down. Infinite where further samples of the other source do not help.

    Notes
    -----
    Ratio of derivatives of the risk in the two counts, by differences of 1e-5 of the samples at hand, with the penalty
    on all samples as it is: at the best ridge its own change has no effect of first order.
    """
    alone = np.where(np.arange(2) == source, 0.0, n_samples)
    if ridge is None:
        ridge = float(goods.fits_alone(np.array([n_samples]), source=1 - source).ridge[0])
    total = n_samples * (1 + STEP)

    def risk(added: Array, weights: Array) -> Array:
        counts = alone + added
        n_total = counts.sum()
        sampling = goods.sampling(counts / n_total, np.array(n_total))
        fit = replace(sampling, weight=weights, ridge=np.array(ridge * n_samples / n_total))
        found = mixture_risk(fit, covariances=goods.arrays.covariances, teachers=goods.arrays.teachers,
                             target=goods.real)  # fmt: skip
        return found.excess_risk[..., goods.real]

    own = np.arange(2) == source
    start = risk(np.zeros(2), np.ones(2))
    other = float(start - risk(np.where(own, 0.0, total - n_samples), np.ones(2)))
    best, log_weight = 0.0, LOG_WEIGHT
    for _ in range(2):
        gains = start - risk(np.where(own, total - n_samples, 0.0), np.where(own, np.exp(log_weight)[:, None], 1.0))
        peak = int(np.argmax(gains))
        best = max(best, float(gains[peak]))
        log_weight = np.linspace(log_weight[max(peak - 1, 0)], log_weight[min(peak + 1, len(log_weight) - 1)], 41)
    return best / other if other > 0 else float("inf")


def price_without(goods: Market, budget: float) -> float | None:
    """Return the price from which on not even the first synthetic sample pays beside real ones for all the money.

    None when there are no real samples for all the money.
    """
    n_real = budget / goods.prices[goods.real]
    if n_real > goods.limits[goods.real]:
        return None
    return float(goods.prices[goods.real]) * first_sample_worth(goods, n_samples=n_real, source=1 - goods.real)


def prices_alone(goods: Market, budget: float) -> tuple[float, float] | None:
    """Return the prices of synthetic samples between which not even the first real sample pays.

    None when it always does, or when there are not as many synthetic samples as money buys. The lower one is 0 when
    cheaper ones are bought alone too. Where it is not, synthetic samples are then so many that their quality is what
    limits them.
    """
    price = float(goods.prices[goods.real])
    if np.isfinite(goods.limits[1 - goods.real]):
        return None

    def surplus(log_price: float, ridge: float | None = None) -> float:
        n_synthetic = float(budget / np.exp(log_price))
        worth = first_sample_worth(goods, n_samples=n_synthetic, source=goods.real, ridge=ridge)
        return float(np.log(np.clip(worth, 1e-300, 1e300)) + log_price - np.log(price))

    points = np.linspace(np.log(budget), np.log(price) - LOG_RANGE, PRICES)  # from a single sample on
    ridges = goods.fits_alone(budget / np.exp(points), source=1 - goods.real).ridge
    signs = np.array([surplus(*pair) for pair in zip(points.tolist(), ridges.tolist(), strict=True)]) > 0
    if signs.all():
        return None
    first = int(np.argmin(signs))
    high = points[0] if first == 0 else brentq(surplus, points[first], points[first - 1], xtol=1e-4)
    after = first + int(np.argmax(signs[first:]))
    low = brentq(surplus, points[after], points[after - 1], xtol=1e-4) if after > first else -np.inf
    return float(np.exp(low)), float(np.exp(high))


def crossing(function: Callable[[float], float], low: float, high: float) -> float | None:
    """Return where a function changes its sign; None when both ends have the same."""
    ends = function(low), function(high)
    if not np.isfinite(ends).all() or ends[0] * ends[1] > 0:
        return None
    return float(brentq(function, low, high, xtol=1e-4))
