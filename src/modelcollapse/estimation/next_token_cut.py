"""Was the next token drawn from few candidates only? The number of followers at which common tokens stop growing."""

from __future__ import annotations

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.estimation.token_bags import Ids

CONTEXTS = 40
"""Commonest tokens that are looked at."""
PILED = 8
"""Contexts that must stop at the same number of followers."""
_SHARP = 1.35  # largest ratio of the second to the last of them; the first may be overestimated
_APART = 2.0  # smallest ratio of the followers in real text, and of all types, to those at which they stop


def possible_followers(ids: Ids) -> Array:
    """Return how many tokens can follow each of the commonest ones, seen or not, descending.

    Notes
    -----
    Chao's estimate F + f₁ (f₁ − 1)/(2 (f₂ + 1)) of the number of types from F seen ones, of which f₁ occur once and f₂
    twice.

    References
    ----------
    A. Chao, Nonparametric estimation of the number of classes in a population, Scandinavian Journal of Statistics 11,
    1984; bias-corrected in A. Chao, Estimating the population size for capture-recapture data, Biometrics 43, 1987.
    """
    counts = np.bincount(ids)
    common = np.argsort(-counts, kind="stable")[:CONTEXTS]
    place = np.full(len(counts), -1, dtype=np.int64)
    place[common] = np.arange(len(common))
    context = place[ids[:-1]]
    known = context >= 0
    pairs, times = np.unique(context[known] * len(counts) + ids[1:][known], return_counts=True)
    context = pairs // len(counts)
    seen = np.bincount(context, minlength=len(common)).astype(np.float64)
    once, twice = (np.bincount(context[times == n], minlength=len(common)) for n in (1, 2))
    return np.asarray(np.sort(seen + once * (once - 1) / (2.0 * (twice + 1)))[::-1])


def next_token_cut(real: Ids, synthetic: Ids) -> float | None:
    """Return the number of candidates from which every next token was drawn, or None where there is no sign of it.

    Parameters
    ----------
    real, synthetic : int32 arrays
        Tokens; best equally many.

    Returns
    -------
    float or None
        The median of `possible_followers` over the eight contexts with most of them, when these are nearly equal, at
        most half of those in the real text, and at most half of all types.

    Notes
    -----
    Made for generators that choose the next token by the one before. A cut whose candidates depend on more than the
    last token leaves no such trace.
    """
    piled, free = possible_followers(synthetic)[:PILED], possible_followers(real)[:PILED]
    if len(piled) < PILED or len(free) < PILED or piled[-1] < 1:
        return None
    k = float(np.median(piled))
    few = _APART * k <= min(free[-1], len(np.unique(synthetic)))  # not all types: then the vocabulary was cut
    return k if few and piled[1] <= _SHARP * piled[-1] else None
