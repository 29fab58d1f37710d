"""How many real samples stand behind a generation that is fitted on samples of the one before? The law of their number.

A sample of generation t is a copy of one of the samples of generation t − 1, drawn at random, and so on back to a real
sample of generation 0: its ancestor. Going back one generation, a lines of descent fall like balls into as many boxes
as that generation has samples, and go on as one where they share a box. The number A of ancestors so found depends on
no probability, and says everything about what is lost: no sample is token i when no ancestor is, which has probability
(1 − p_i)^A, and all of them are when all ancestors are, p_i^A.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array

EXACT = 2000
"""Most samples per generation for which the law of A is followed number by number from the start."""

FEW = 1000
"""Mean number of ancestors from which on the law of A is followed number by number in any case."""

WIDTH = 9.0
"""Standard deviations of A that are followed on either side of its mean."""

APART = 10_000
"""Boxes for each ball from which on no two balls are taken to share one, to 1e-8 of collapse times of many samples."""

NEGLIGIBLE = 1e-18
"""Probabilities that are dropped at the upper end of a law of A."""


VANISHED = 1e-40
"""Sums of powers that are taken as 0."""


@dataclass(frozen=True, kw_only=True)
class Ancestors:
    """Law of the number A of real samples behind a generation.

    Attributes
    ----------
    mean, variance : float
    probabilities : array of shape (n,) or None
        Of A = 0, 1, ..., n − 1. None where A is so large that mean and variance tell enough.
    """

    mean: float
    variance: float
    probabilities: Array | None = None


@dataclass(frozen=True, kw_only=True)
class EmptyBoxes:
    """Which of n boxes stay empty when a normal number a of balls falls into them.

    With u = (1 − 1/n)^a and w = (1 − 2/n)^a, of which both are averages over a, a box is empty with probability u, and
    two are with probability w.

    Attributes
    ----------
    share : float
        E u.
    missing : float
        1 − E u, without cancellation.
    pair : float
        E w − (E u)², the covariance between two boxes.
    lone : float
        E u − E w.
    slope : float
        d E u/d E a: what a covariance with a is multiplied by.
    """

    share: float
    missing: float
    pair: float
    lone: float
    slope: float

    @classmethod
    def after(cls, mean: float, variance: float, boxes: float) -> EmptyBoxes:
        """Return the boxes after so many balls on average; at least 3 of them."""
        one, two = np.log1p(-1 / boxes), np.log1p(-2 / boxes)
        log_u = one * mean + one**2 * variance / 2
        log_w = two * mean + two**2 * variance / 2
        curvature = np.log1p(-1 / (boxes - 1.0) ** 2) * mean + (two**2 / 2 - one**2) * variance
        share = float(np.exp(log_u))
        return cls(
            share=share,
            missing=float(-np.expm1(log_u)),
            pair=float(share**2 * np.expm1(curvature)),
            lone=float(-share * np.expm1(log_w - log_u)),
            slope=float(one * share),
        )

    def occupied(self, number: float) -> float:
        """Return how many of so many of the boxes are occupied on average."""
        return number * self.missing

    def covariance(self, number: float, other: float | None = None) -> float:
        """Return the variance of how many of so many boxes are occupied, or the covariance with that of other boxes."""
        if other is not None:
            return number * other * self.pair
        return max(number**2 * self.pair + number * self.lone, 0.0)


def ancestors(n_samples: int, *, n_first: int, generations: int) -> tuple[Ancestors, ...]:
    """Return the law of the number of ancestors of each generation, when each replaces the one before.

    Parameters
    ----------
    n_samples : int
        Samples of each generation t > 0.
    n_first : int
        Real samples of generation 0.
    generations : int
        Last generation T.

    Returns
    -------
    tuple of Ancestors
        Of generations 0, ..., T.

    Notes
    -----
    Exact to rounding up to `EXACT` samples. With more, mean and variance are followed as long as the mean is above
    `FEW`, by the exact conditional mean and variance of the number of occupied boxes and with A normal; then the law
    is followed number by number from a normal one on, which changes probabilities by less than 1e-8. A falls as 2 n/t,
    and its variance is then a third of its mean.

    Examples
    --------
    >>> laws = ancestors(10**12, n_first=10**12, generations=100)
    >>> f"{laws[1].mean:.4e} {laws[100].mean:.3e}"
    '6.3212e+11 1.935e+10'
    """
    known = Ancestors(mean=n_first, variance=0.0, probabilities=_certain(n_first) if n_first <= EXACT else None)
    lines = _lines(n_samples, generations)
    last: dict[int, Array] = {}
    return (known, *(_fallen(law, n_first, last) for law in lines))


def power_sums(logarithms: Array, laws: Sequence[Ancestors], *, counts: Array) -> Array:
    """Return Σ_i counts_i E x_i^A for each law of A.

    Parameters
    ----------
    logarithms : array of shape (n_tokens,)
        ln x_i, at most 0; −∞ for x_i = 0.
    laws : sequence of Ancestors
        T of them.
    counts : array of shape (n_tokens,)
        How many tokens each entry stands for.

    Returns
    -------
    array of shape (T,)
    """
    size = max((len(law.probabilities) for law in laws if law.probabilities is not None), default=0)
    table = _power_table(logarithms, counts, size)
    sums = np.empty(len(laws))
    for t, law in enumerate(laws):
        if law.probabilities is not None:
            sums[t] = law.probabilities @ table[: len(law.probabilities)]
        else:
            finite = logarithms > -np.inf
            rate = logarithms[finite]
            powers = np.exp(law.mean * rate) * (1 + law.variance * rate**2 / 2)
            sums[t] = counts[finite] @ powers
    return sums


def surviving_tokens(probabilities: Array, laws: Sequence[Ancestors], *, counts: Array) -> Array:
    """Return E #{tokens of positive probability} = Σ_i 1 − E(1 − p_i)^A in each generation, (T,).

    Parameters
    ----------
    probabilities, counts : arrays of shape (n_tokens,)
        Of tokens in the real law, and how many tokens each entry stands for.
    laws : sequence of Ancestors
        T of them.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(counts.sum() - power_sums(np.log1p(-probabilities), laws, counts=counts))


def collapse_probabilities(probabilities: Array, laws: Sequence[Ancestors], *, counts: Array) -> Array:
    """Return the probability Σ_i E p_i^A that all samples are one token, in each generation, (T,).

    Parameters are those of `surviving_tokens`.
    """
    with np.errstate(divide="ignore"):
        return power_sums(np.log(probabilities), laws, counts=counts)


def collapse_time(
    probabilities: Array,
    *,
    counts: Array,
    n_samples: int,
    n_first: int,
    visits: dict[tuple[int, int | None], Array] | None = None,
) -> float:
    """Return the expected number of fits until the first whose samples are all one token, E T.

    Parameters
    ----------
    probabilities, counts : arrays of shape (n_tokens,)
        Of tokens in the real law, and how many tokens each entry stands for.
    n_samples : int
        Samples of each generation t > 0.
    n_first : int
        Real samples of generation 0.
    visits : dict, optional
        Keeps for the next call what does not depend on the probabilities.

    Returns
    -------
    float
        1 + Σ_t (1 − P(generation t is one token)); 1 when generation 0 is one token for sure.

    Notes
    -----
    The sum over generations is that of visits to a = 2, 3, ... lines of descent, by back-substitution: exact to
    rounding up to `EXACT` samples. When n is large there are 2n/(a(a − 1)) visits to a, as in Kingman's coalescent,
    which add up to the diffusion's time −2n Σ_i (1 − p_i) ln(1 − p_i), and next to it stands −ln(n)/3, found by
    numbers. Both carry the time on to more samples, with a relative error of 1e-6.
    """
    known = {} if visits is None else visits
    with np.errstate(divide="ignore"):
        one_token = _power_table(np.log(probabilities), counts, min(n_samples, EXACT) + 1)
    first = 1 - float(np.sum(counts * probabilities**n_first))

    def exact(n: int) -> float:
        boxes = n_first if n_samples <= EXACT or n_first < APART * n else None
        if (n, boxes) not in known:
            known[n, boxes] = _generations_with(n, boxes)
        return 1 + first + float(known[n, boxes] @ (1 - one_token[: n + 1]))

    if n_samples <= EXACT:
        return exact(n_samples)
    half, whole = exact(EXACT // 2), exact(EXACT)
    slope = (whole - half + np.log(2) / 3) / (EXACT - EXACT // 2)
    return float(whole + slope * (n_samples - EXACT) - np.log(n_samples / EXACT) / 3)


def occupancy(n_balls: int, *, boxes: int) -> Array:
    """Return the probability that a balls fall into b of so many boxes, for all a and b up to `n_balls`.

    P_a(b) = P_{a−1}(b) b/n + P_{a−1}(b − 1) (n − b + 1)/n with n boxes.

    Returns
    -------
    array of shape (n_balls + 1, n_balls + 1)
        Row a, column b; lower triangular.
    """
    rows = np.zeros((n_balls + 1, n_balls + 1))
    rows[0, 0] = 1.0
    again = np.arange(n_balls + 1) / boxes
    new = np.maximum(1 - again, 0.0)
    for a in range(1, n_balls + 1):
        before = rows[a - 1, :a]
        rows[a, :a] = before * again[:a]
        rows[a, 1 : a + 1] += before * new[:a]
    return rows


def _generations_with(n_samples: int, n_first: int | None) -> Array:
    """Return the expected number of generations t > 0 with b ancestors and several lines of descent, b = 0, 1, ..., n.

    `n_first` is None where it is so large that lines do not meet in generation 0.
    """
    rows = occupancy(n_samples, boxes=n_samples)
    # a lines stay apart with probability Π_{j<a} (1 − j/n); what is missing to 1, without cancellation
    meet = -np.expm1(np.cumsum(np.log1p(-np.arange(n_samples) / n_samples)))
    arrivals, visits = np.zeros(n_samples + 1), np.zeros(n_samples + 1)
    arrivals[n_samples] = 1.0
    for a in range(n_samples, 1, -1):
        visits[a] = arrivals[a] / meet[a - 1]
        arrivals[:a] += visits[a] * rows[a, :a]
    return visits if n_first is None else np.asarray(visits @ occupancy(n_samples, boxes=n_first))


def _lines(n_samples: int, generations: int) -> Iterator[Ancestors]:
    """Yield the law of the number of lines of descent in generation 1, generations 1 to T."""
    law = Ancestors(mean=n_samples, variance=0.0, probabilities=_certain(n_samples) if n_samples <= EXACT else None)
    rows: dict[int, Array] = {}
    for _ in range(generations):
        if law.probabilities is None and law.mean <= FEW:
            law = _discrete(_normal(law))
        yield law
        law = _fallen(law, n_samples, rows)


def _fallen(law: Ancestors, boxes: int, rows: dict[int, Array]) -> Ancestors:
    """Return the law of occupied boxes; `rows` keeps the occupancy of these boxes for the next call."""
    if law.probabilities is None:
        mean, variance = _occupied(law.mean, law.variance, boxes)
        return Ancestors(mean=mean, variance=variance)
    size = len(law.probabilities)
    if boxes not in rows:
        rows[boxes] = occupancy(size - 1, boxes=boxes)
    return _discrete(law.probabilities @ rows[boxes][:size, :size])


def _occupied(mean: float, variance: float, boxes: int) -> tuple[float, float]:
    """Return mean and variance of the number of occupied boxes when the number of balls is normal and large."""
    if boxes * np.exp(-(mean - WIDTH * np.sqrt(variance)) / boxes) < NEGLIGIBLE:
        return float(boxes), 0.0
    empty = EmptyBoxes.after(mean, variance, boxes)
    return empty.occupied(boxes), empty.covariance(boxes)


def _normal(law: Ancestors) -> Array:
    """Return the probabilities of whole numbers that are as those of a normal law."""
    deviation = np.sqrt(law.variance)
    low, high = int(law.mean - WIDTH * deviation), int(law.mean + WIDTH * deviation) + 2
    numbers = np.arange(max(low, 1), high)
    weights = np.exp(-((numbers - law.mean) ** 2) / (2 * law.variance))
    return np.concatenate([np.zeros(numbers[0]), weights / weights.sum()])


def _discrete(probabilities: Array) -> Ancestors:
    """Return a law from its probabilities, the negligible ones at its upper end dropped."""
    kept = probabilities[: int(np.flatnonzero(probabilities > NEGLIGIBLE)[-1]) + 1]
    numbers = np.arange(len(kept))
    mean = float(kept @ numbers)
    return Ancestors(mean=mean, variance=float(kept @ (numbers - mean) ** 2), probabilities=kept)


def _certain(number: int) -> Array:
    """Return the law of a number that is known."""
    law = np.zeros(number + 1)
    law[number] = 1.0
    return law


def _power_table(logarithms: Array, counts: Array, size: int) -> Array:
    """Return Σ_i counts_i x_i^a for a = 0, ..., size − 1."""
    bases, powers = np.exp(logarithms), counts.astype(np.float64)
    table = np.empty(size)
    for a in range(size):
        table[a] = powers.sum()
        if table[a] < VANISHED:
            table[a:] = 0.0
            break
        powers = powers * bases
    return table
