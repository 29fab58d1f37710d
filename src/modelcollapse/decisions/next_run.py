"""Which run teaches most about a question? The design point that shrinks the interval of the answer most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array


@dataclass(frozen=True, eq=False, kw_only=True)
class Design:
    """What one more measurement at each of C places is expected to leave of the uncertainty of an answer.

    Attributes
    ----------
    best : int
        The place that leaves least; the first of equals.
    variance : float
        Of the answer now.
    expected : array of shape (C,)
        Of the answer after a measurement at each place.
    """

    best: int
    variance: float
    expected: Array


def most_informative(
    asked: Array, candidates: Array, *, noise: float | Array, clip: tuple[float, float] = (0.01, 0.99)
) -> Design:
    """Return the place whose measurement shrinks the variance of an answer most.

        Var(answer | measurement at x) = Var(answer) − Cov(answer, f(x))² / (Var f(x) + noise²)

    Parameters
    ----------
    asked : array of shape (B,)
        Draws of the answer.
    candidates : array of shape (B, C)
        The same draws of what would be measured at each place, without noise: log losses.
    noise : float or array of shape (C,)
        Standard deviation of a measurement.
    clip : (float, float)
        Quantiles of the answer's draws at which its tails are cut off.

    Returns
    -------
    Design

    Notes
    -----
    Exact when answer and measurements are jointly normal; otherwise the best linear update.

    References
    ----------
    MacKay (1992), Neural Computation 4, 590 (active data selection, eq. 9 of the mean marginal information gain).

    Examples
    --------
    >>> slope = np.random.default_rng(0).standard_normal(1000)
    >>> most_informative(slope, slope[:, None] * [0.1, 1.0, 3.0], noise=1.0).best
    2
    """
    known = np.isfinite(asked)
    low, high = np.quantile(asked[known], clip) if known.any() else (0.0, 0.0)
    answer = np.clip(np.nan_to_num(asked, nan=low, posinf=high, neginf=low), low, high)
    away = answer - answer.mean()
    seen = candidates - candidates.mean(axis=0)
    covariances = away @ seen / len(answer)
    variance = float(away @ away / len(answer))
    expected = variance - covariances**2 / np.maximum((seen**2).mean(axis=0) + np.square(noise), 1e-300)
    return Design(best=int(np.argmin(expected)), variance=variance, expected=np.maximum(expected, 0.0))
