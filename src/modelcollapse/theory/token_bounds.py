"""What do papers prove about token chains that replace their samples? Bounds, to stand beside exact answers."""

from __future__ import annotations

import numpy as np
from scipy.special import xlog1py

from modelcollapse.checks import Array


def survival_rates(fits: int) -> Array:
    """Return g_1, ..., g_k: a token seen n p times survives k resamplings with probability about 1 − e^{−n p g_k}.

    g_1 = 1 and g_{k+1} = 1 − e^{−g_k}; all are in [1/k, 3/k], and k g_k tends to 2.

    Parameters
    ----------
    fits : int
        k, which is 1 for generation 0.

    Returns
    -------
    array of shape (fits,)

    References
    ----------
    A. T. Suresh, A. Thangaraj, A. N. K. Khandavally, Rate of Model Collapse in Recursive Training, 2024, arXiv
    2412.17646.

    Examples
    --------
    >>> (survival_rates(5) * [1, 2, 3, 4, 5]).round(3).tolist()
    [1.0, 1.264, 1.406, 1.496, 1.56]
    """
    rates = np.ones(fits)
    for k in range(1, fits):
        rates[k] = -np.expm1(-rates[k - 1])
    return rates


def rare_loss(count: float, *, fits: int) -> float:
    """Return the probability, about e^{−2c/k}, that a word seen c times in a large text is gone after k more fits.

    Half of such words are gone after k = 2c/ln 2 ≈ 2.89 c fits.

    Parameters
    ----------
    count : float
        c, how often the word is seen in the first text.
    fits : int
        k ≥ 1 texts of the same length, each written by a model of the one before.

    Returns
    -------
    float
        Exactly e^{−c g_k} in a text of infinite length.

    Examples
    --------
    >>> round(rare_loss(10, fits=29), 2)
    0.52
    """
    return float(np.exp(-count * survival_rates(fits)[-1]))


def vocabulary_bounds(probabilities: Array, *, counts: Array, n_samples: int, fits: int) -> tuple[Array, Array]:
    """Return bounds on the expected number of tokens of positive probability after k = 1, 2, ... fits, (fits,) each.

    Sums over tokens of 1 − e^{−n p g_k} from below, and of 1 − e^{−n p g_k} max(1 − 3 n p² − 3 k p, 0) from above. Of a
    single token these are bounds on its chance to survive.

    Parameters
    ----------
    probabilities, counts : arrays of shape (n_tokens,)
        Of tokens in the real law, and how many tokens each entry stands for.
    n_samples : int
        n, of every generation.
    fits : int

    References
    ----------
    Suresh, Thangaraj and Khandavally (2024), arXiv 2412.17646, Theorem 1 and Corollary 1.
    """
    rates = survival_rates(fits)
    lower, upper = np.empty(fits), np.empty(fits)
    kept = 1 - 3 * n_samples * probabilities**2
    for k in range(fits):  # in turn, so that large vocabularies fit into memory
        lost = np.exp(-n_samples * probabilities * rates[k])
        lower[k] = counts @ (1 - lost)
        upper[k] = counts @ (1 - lost * np.maximum(kept - 3 * (k + 1) * probabilities, 0.0))
    return lower, upper


def collapse_probability_bounds(
    concentration: float, *, support: int, n_samples: int, fits: int
) -> tuple[Array, Array]:
    """Return bounds on the probability that the model is one token after each fit.

    1 − n (1 − S)(1 − 1/n)^m from below and 1 − (1 − S)/(1 − 1/s) (1 − 1/n)^m from above.

    Parameters
    ----------
    concentration : float
        S = Σ p² of the real law, below 1.
    support : int
        s, tokens of positive probability in the real law, at least 2.
    n_samples : int
        n, of every generation.
    fits : int

    Returns
    -------
    lower, upper : arrays of shape (fits,)

    References
    ----------
    M. E. A. Seddik, S.-W. Chen, S. Hayou, P. Youssef, M. Debbah, How Bad is Training on Synthetic Data?, 2024, arXiv
    2404.05090, eq. (7).
    """
    apart = np.power(1 - 1 / n_samples, np.arange(1.0, fits + 1))
    lower = np.maximum(1 - n_samples * (1 - concentration) * apart, 0.0)
    return lower, 1 - (1 - concentration) / (1 - 1 / support) * apart


def collapse_time_bounds(concentration: float, *, support: int, n_samples: int) -> tuple[float, float]:
    """Return bounds on the expected number of fits until the model is one token.

    1 + (1 − S)/(1 − 1/s) (n − 1) from below and 1 + (1 − S) n(n − 1) from above.

    Parameters
    ----------
    concentration, support, n_samples
        As for `collapse_probability_bounds`.

    References
    ----------
    Seddik et al. (2024), arXiv 2404.05090, eq. (8).

    Examples
    --------
    >>> lower, upper = collapse_time_bounds(0.1, support=10, n_samples=100)
    >>> round(lower), round(upper)
    (100, 8911)
    """
    apart = (1 - concentration) * (n_samples - 1)
    return 1 + apart / (1 - 1 / support), 1 + apart * n_samples


def diffusion_collapse_time(probabilities: Array, *, counts: Array, n_samples: int) -> float:
    """Return −2n Σ (1 − p) ln(1 − p), the time to one token when n is large, by the Wright–Fisher diffusion.

    Parameters
    ----------
    probabilities, counts : arrays of shape (n_tokens,)
        Of tokens in the real law, and how many tokens each entry stands for.
    n_samples : int
        n, of every generation.

    References
    ----------
    M. Kimura, T. Ohta, The average number of generations until fixation of a mutant gene in a finite population,
    Genetics 61, 1969.

    Examples
    --------
    >>> round(diffusion_collapse_time(np.array([0.1]), counts=np.array([10.0]), n_samples=100), 1)
    189.6
    """
    return float(-2 * n_samples * counts @ xlog1py(1 - probabilities, -probabilities))
