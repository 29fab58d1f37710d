"""What does a paper prove about token chains that re-use their real samples? Bounds, to stand beside exact answers."""

from __future__ import annotations

import math

import numpy as np

from modelcollapse.checks import Array

C_0 = math.exp(3) / (2 * math.pi)
C_1 = 6 * math.e / math.pi**1.5


def reused_concentration(concentration: float, *, n_real: int, n_samples: int, fits: int) -> Array:
    """Return E‖p‖² after each fit on N re-used real samples and n of the model before, (fits,).

    S_{m+1} = ((1 + 2α − (1 − 1/N) α β^m)/N + (1 − 1/N) S_0 (1 + α + (α/N) β^m)) / (1 + (1 + 1/N) α)

    with α = n/(N + n) and β = α((1 + 1/N) α − 1/N).

    Parameters
    ----------
    concentration : float
        S_0 = Σ p² of the real law.
    n_real, n_samples : int
        N and n.
    fits : int
        The first of them is on the real samples alone: m = 0.

    Notes
    -----
    The last sign is plus, not minus as in print: with minus S_1 is not 1/N + (1 − 1/N) S_0.

    References
    ----------
    M. E. A. Seddik, S.-W. Chen, S. Hayou, P. Youssef, M. Debbah, How Bad is Training on Synthetic Data?, 2024, arXiv
    2404.05090, Theorem 2.
    """
    share = n_samples / (n_real + n_samples)
    decay = np.power(share * ((1 + 1 / n_real) * share - 1 / n_real), np.arange(float(fits)))
    own = (1 + 2 * share - (1 - 1 / n_real) * share * decay) / n_real
    kept = (1 - 1 / n_real) * concentration * (1 + share + share / n_real * decay)
    return np.asarray((own + kept) / (1 + (1 + 1 / n_real) * share))


def deviation_bound(n_tokens: int, *, n_real: int, n_samples: int, balance: float = 0.25) -> float:
    """Return the bound √(n π/φ(ζ)) G_n(s)/N on E‖p_t − p_0‖₁ in every generation.

    φ(x) = ln((1 − x)/x)/(1 − 2x) and ζ = ½ − (½ − 2 · balance)(N/(N + n))²; with a balance of ¼, φ = 2 (Theorem 3).

    Parameters
    ----------
    n_tokens : int
        s, tokens of positive probability in the real law, at least 2.
    n_real, n_samples : int
        N and n.
    balance : float
        E max_A p_0(A)(1 − p_0(A)) over all sets A of tokens, in (0, ¼]; ¼ holds always.

    Returns
    -------
    float
        Infinite where it is beyond float64.

    References
    ----------
    Seddik et al. (2024), arXiv 2404.05090, Theorems 3 and 4.

    Examples
    --------
    >>> f"{deviation_bound(20, n_real=100, n_samples=1000):.0e}"
    '4e+05'
    """
    zeta = 0.5 - (0.5 - 2 * balance) * (n_real / (n_real + n_samples)) ** 2
    phi = 2.0 if zeta == 0.5 else math.log((1 - zeta) / zeta) / (1 - 2 * zeta)
    logarithm = 0.5 * math.log(n_samples * math.pi / phi) - math.log(n_real) + _log_growth(n_tokens, n_samples)
    return math.exp(logarithm) if logarithm < 700 else math.inf


def _log_growth(s: int, n: int) -> float:
    """Return ln G_n(s), from a bound on the empirical entropy."""
    if C_0 * n / math.e + 2 <= s:
        return math.log(C_1 * s) + C_0 * n / (2 * math.e)
    if C_0 * n / 4 + 2 <= s:
        return math.log(C_1 * s) + s / 2 * math.log(C_0 * n / s)
    return s * math.log(2) + math.log1p(-(2.0 ** (1 - s)))
