"""How many synthetic samples may be mixed with re-used real ones? The exact largest number, and a paper's rule."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, xlog1py, xlogy

from modelcollapse.checks import Array, choice, integer, number, real_array
from modelcollapse.errors import InputError
from modelcollapse.theory.token_errors import Refit, affordable, binomial_laws, iterate_errors

NORMS = ("l2", "l1")
"""Of p_t − p_0: the root of E‖·‖² in Euclidean norm, or E‖·‖₁, twice the total variation."""

MOST = 10**12
"""Largest number of samples that anything is asked about."""

SETTLED = 1e-7
"""What is left of the way to the limit of many generations when iterations end."""


@dataclass(frozen=True, kw_only=True)
class SyntheticAmount:
    """Most synthetic samples per generation, and how it is known.

    Attributes
    ----------
    n_samples : float
        A whole number; infinite when any number keeps the tolerance.
    exact : bool
        Whether one more would break the tolerance; if not, this is on the safe side.
    """

    n_samples: float
    exact: bool


def largest_synthetic_amount(
    probabilities: ArrayLike, *, n_real: int, tolerance: float, norm: str = "l2"
) -> SyntheticAmount:
    """Return how many synthetic samples keep models near that of generation 0, however many generations follow.

    Every generation is fitted on the same N real samples and n of the model before. With α = n/(N + n) the limit of
    many generations is

        E‖p_t − p_0‖² = (1 − Σp²) (N − 1) α / (N (N + (N + 1) α)),

    which grows with n, to (1 − Σp²)(N − 1)/(N (2N + 1)) at most.

    Parameters
    ----------
    probabilities : array of shape (n_tokens,)
        The real law, adding up to 1.
    n_real : int
        N, from 1 to 1e12.
    tolerance : float
        Above 0; in the units of `norm`.
    norm : str
        One of `NORMS`.

    Returns
    -------
    SyntheticAmount
        Exact in ``"l2"``, and in ``"l1"`` up to about a thousand samples; beyond, E‖·‖₁ is bounded by
        Σ √(p(1 − p)) times the root of the above over 1 − Σp², a quarter too large for tokens that are often seen.

    Raises
    ------
    InputError
        When an argument is out of range.

    References
    ----------
    M. E. A. Seddik, S.-W. Chen, S. Hayou, P. Youssef, M. Debbah, How Bad is Training on Synthetic Data?, 2024, arXiv
    2404.05090, proves bounds (Theorems 3 and 4, eq. (11)) where this is exact: see `conservative_synthetic_amount`.

    Examples
    --------
    >>> largest_synthetic_amount(np.full(65, 1 / 65), n_real=10_000, tolerance=0.005)
    SyntheticAmount(n_samples=5160.0, exact=True)
    >>> largest_synthetic_amount(np.full(65, 1 / 65), n_real=10_000, tolerance=0.01).n_samples
    inf
    """
    law = _checked_law(probabilities)
    n_real = integer("n_real", n_real, low=1, high=MOST)
    tolerance = number("tolerance", tolerance, low=0, open_low=True)
    if choice("norm", norm, NORMS) == "l2":
        return SyntheticAmount(n_samples=_amount(float(law @ (1 - law)), n_real, tolerance), exact=True)
    bounded = _amount(float(np.sqrt(law * (1 - law)).sum()) ** 2, n_real, tolerance)
    if math.isinf(bounded):
        return SyntheticAmount(n_samples=bounded, exact=True)
    return _searched(law, n_real, tolerance, int(bounded))


def conservative_synthetic_amount(n_tokens: int, *, n_real: int, tolerance: float) -> float:
    """Return the number of synthetic samples that a paper's rule allows: 0 when it allows none.

    2π e⁻² min(s − 2, ln(√2 π N ε/(6 e s))), which makes E‖p_t − p_0‖₁ < ε in every generation.

    Parameters
    ----------
    n_tokens : int
        s, at least 2.
    n_real : int
        N, re-used by every generation, from 1 to 1e12.
    tolerance : float
        ε, above 0.

    Returns
    -------
    float
        Its first term is the condition under which it is proved.

    Raises
    ------
    InputError
        When an argument is out of range.

    References
    ----------
    Seddik et al. (2024), arXiv 2404.05090, eq. (11).

    Examples
    --------
    >>> [round(conservative_synthetic_amount(65, n_real=n, tolerance=0.1), 2) for n in (10**4, 10**6)]
    [1.22, 5.13]
    """
    s = integer("n_tokens", n_tokens, low=2)
    n_real = integer("n_real", n_real, low=1, high=MOST)
    tolerance = number("tolerance", tolerance, low=0, open_low=True)
    logarithm = math.log(math.sqrt(2) * math.pi * n_real * tolerance / (6 * math.e * s))
    return max(2 * math.pi * math.exp(-2) * min(s - 2, logarithm), 0.0)


def limiting_drift_variance(n_samples: float, *, n_real: int) -> float:
    """Return the limit of E‖p_t − p_0‖² in units of 1 − Σp², for n synthetic samples beside N re-used real ones.

    Examples
    --------
    >>> law = 1 / np.arange(1, 21) / np.sum(1 / np.arange(1, 21))
    >>> f"{(1 - law @ law) * limiting_drift_variance(10, n_real=100):.2e}"
    '7.23e-04'
    """
    share = 1.0 if math.isinf(n_samples) else n_samples / (n_real + n_samples)
    return (n_real - 1) * share / (n_real * (n_real + (n_real + 1) * share))


def _checked_law(probabilities: ArrayLike) -> Array:
    law = real_array("probabilities", probabilities, ndim=1)
    if (law < 0).any() or abs(law.sum() - 1) > 1e-6:
        raise InputError("`probabilities` must not be negative, and add up to 1. Divide by their sum.")
    return np.asarray(law / law.sum())


def _amount(scale: float, n_real: int, tolerance: float) -> float:
    """Return the largest whole n for which scale · limiting_drift_variance is at most tolerance²."""
    square = tolerance * tolerance  # infinite, where a power would be an error
    room = scale * (1 - 1 / n_real) - (2 * n_real + 1) * square
    return math.inf if room <= 0 else float(math.floor(n_real**2 * square / room))


def _searched(law: Array, n_real: int, tolerance: float, safe: int) -> SyntheticAmount:
    """Return the largest number by exact errors, from a safe one on; the last one known where they cost too much."""
    values, counts = np.unique(law, return_counts=True)
    tokens = counts.astype(np.float64)

    def known(n: int) -> bool:
        generations = 10 * round(math.log(1 / SETTLED) * (n_real + n) / n_real)  # of ten searches
        refit = Refit(kind="mix-reused", n_first=n_real, n_samples=n)
        return affordable(values, refit=refit, generations=generations)

    def kept(n: int) -> bool:
        return known(n) and _limiting_drift(values, tokens, n_real=n_real, n_samples=n) <= tolerance

    if not known(max(safe, 1)):
        return SyntheticAmount(n_samples=float(safe), exact=False)
    if _drift_of_infinitely_many(values, tokens, n_real) <= tolerance:
        return SyntheticAmount(n_samples=math.inf, exact=True)
    beyond = max(2 * safe, 1)
    while kept(beyond):
        safe, beyond = beyond, 2 * beyond
    while beyond - safe > 1:
        middle = (safe + beyond) // 2
        safe, beyond = (middle, beyond) if kept(middle) else (safe, middle)
    return SyntheticAmount(n_samples=float(safe), exact=known(beyond))


def _limiting_drift(law: Array, counts: Array, *, n_real: int, n_samples: int) -> float:
    """Return E‖p_t − p_0‖₁ after so many generations that it stays."""
    share = n_samples / (n_real + n_samples)
    before = 0.0
    refit = Refit(kind="mix-reused", n_first=n_real, n_samples=n_samples)
    for _, drift in iterate_errors(law, counts=counts, refit=refit):
        if drift - before <= SETTLED * (1 - share) * drift:
            break
        before = drift
    return drift


def _drift_of_infinitely_many(law: Array, counts: Array, n_real: int) -> float:
    """Return the limit of E‖p_t − p_0‖₁ with n, after many generations.

    A token seen r times among N real samples then has a share of law Beta(2r, 2(N − r)), the stationary law of the
    Wright–Fisher diffusion that is pulled to r/N; its mean absolute deviation is 2 a^a b^b/(B(a, b) (a + b)^{a+b+1}).
    """
    weights = counts @ binomial_laws(n_real, law)
    a = 2.0 * np.arange(1, n_real)
    b = 2.0 * n_real - a
    logarithm = xlogy(a, a / (a + b)) + xlog1py(b, -a / (a + b)) - betaln(a, b) - np.log(a + b)
    return float(2 * weights[1:-1] @ np.exp(logarithm))
