"""How much of a real text is in words that another text does not have at all? A plain count, with its interval."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import stats

from modelcollapse.estimation.token_bags import Ids

N_STRETCHES = 16
"""Stretches of the real text, taken to be independent, from whose spread the interval comes."""
_TAIL = 0.05


class AbsentMass(NamedTuple):
    """Share of real tokens, in [0, 1], and its 90 % interval."""

    share: float
    low: float
    high: float


def absent_mass(real: Ids, other: Ids) -> AbsentMass:
    """Return the share of the tokens of a real text whose type does not occur in another text.

    Parameters
    ----------
    real : int32 array, (N,)
        At least `N_STRETCHES` tokens.
    other : int32 array, (M,)
        Numbers of the same vocabulary, at least one.

    Notes
    -----
    It is an unbiased estimate of the mass that the law of real text has on the types that `other` is without, hence of
    the test error that a memorising learner trained on `other` cannot avoid, as long as `other` does not descend from
    `real`. A text that does knows types because `real` has them, and the estimate is too small. The interval is that of
    Student for the mean of the stretches: documents must be shorter than these, or a little longer.

    References
    ----------
    E. Dohmatob et al., A Tale of Tails, 2024, arXiv 2402.07043, equation 9, for the memorising learner.

    Examples
    --------
    >>> absent_mass(np.tile([0, 1, 2, 3], 8), np.array([0, 1, 3])).share
    0.25
    """
    known = np.zeros(1 + max(int(real.max()), int(other.max())), dtype=bool)
    known[other] = True
    absent = ~known[real]
    share = float(absent.mean())
    stretches = np.array([part.mean() for part in np.array_split(absent, N_STRETCHES)])
    half_width = float(stats.t.isf(_TAIL, N_STRETCHES - 1) * stretches.std(ddof=1) / np.sqrt(N_STRETCHES))
    return AbsentMass(share, max(0.0, share - half_width), min(1.0, share + half_width))
