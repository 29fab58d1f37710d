"""How likely is a number of successes? Binomial laws of up to 1e15 trials, which need not be whole."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincc, betaln, xlog1py, xlogy

from modelcollapse.checks import Array


def chance(number: ArrayLike, trials: ArrayLike, probability: ArrayLike) -> Array:
    """Return P(X = n), 0 for more successes than trials.

    Parameters
    ----------
    number, trials, probability : arrays that broadcast
        n ≥ 0, N ≥ 0 and p in [0, 1].
    """
    n, trials, p = _floats(number, trials, probability)
    failures = trials - n
    possible = failures >= 0
    inside = np.where(possible, failures, 0.0)
    ways = -np.log(trials + 1) - betaln(inside + 1, n + 1)
    return np.asarray(np.where(possible, np.exp(ways + xlogy(n, p) + xlog1py(inside, -p)), 0.0))


def at_most(number: ArrayLike, trials: ArrayLike, probability: ArrayLike) -> Array:
    """Return P(X ≤ n), 0 for negative n and 1 for as many as trials.

    Parameters
    ----------
    number, trials, probability : arrays that broadcast
        n, N ≥ 0 and p in [0, 1].
    """
    n, trials, p = _floats(number, trials, probability)
    inside, failures = np.maximum(n, 0.0), trials - n
    below = betaincc(inside + 1, np.where(failures > 0, failures, 1.0), p)
    return np.asarray(np.where(n < 0, 0.0, np.where(failures > 0, below, 1.0)))


def _floats(*values: ArrayLike) -> list[Array]:
    return [np.asarray(value, dtype=np.float64) for value in values]
