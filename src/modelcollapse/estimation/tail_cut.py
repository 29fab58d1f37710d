"""Where was the tail of a vocabulary cut? The rank whose cut leaves as many types as a text has."""

from __future__ import annotations

import numpy as np

from modelcollapse.checks import Array

_LARGEST_SHARE = 1 - 1e-12


def expected_types(probabilities: Array, n_tokens: int, rank: int) -> float:
    """Return the mean number of types among tokens drawn from the commonest `rank` types only.

    Parameters
    ----------
    probabilities : array, (V,)
        Descending.
    n_tokens, rank : int
        At least 1.

    Notes
    -----
    Σ_{r ≤ k} 1 − (1 − p_r/m_k)^N with the kept mass m_k = Σ_{r ≤ k} p_r.

    Examples
    --------
    >>> round(expected_types(np.array([0.5, 0.25, 0.25]), 2, 2), 3)  # 2/3 and 1/3: 1 type with probability 5/9
    1.444
    """
    kept = probabilities[:rank]
    shares = np.minimum(kept / kept.sum(), _LARGEST_SHARE)
    return float(-np.expm1(n_tokens * np.log1p(-shares)).sum())


def cut_rank(probabilities: Array, *, n_tokens: int, n_types: float) -> int:
    """Return the smallest rank k at which a cut leaves as many types among N tokens as a text has.

    Parameters
    ----------
    probabilities : array, (V,)
        Of the real text, descending and positive.
    n_tokens : int
        Tokens of the other text.
    n_types : float
        Different ones among them.

    Returns
    -------
    int
        In [1, V]; V when even the whole law gives fewer types.

    Notes
    -----
    It is where the text was cut when only types beyond a rank are missing; of a text that lost rare types gradually, it
    is the cut that costs as much. The law of the real text is that of its sample: beyond a third of its types, where
    most occur once or twice, the rank is rough.

    References
    ----------
    E. Dohmatob et al., A Tale of Tails, 2024, arXiv 2402.07043, theorem 2.1, for what a cut at rank k does to a model.
    """
    low, high = 0, len(probabilities)
    while high - low > 1:
        rank = (low + high) // 2
        if expected_types(probabilities, n_tokens, rank) < n_types:
            low = rank
        else:
            high = rank
    return high
