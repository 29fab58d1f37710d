"""What are examples of arithmetic? Pairs with a greatest common divisor of a given law, in digits of any base."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array

Whole = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Notation:
    """How examples are written: ``a , b = g``, the digit d as token d, then the comma and the equals sign.

    Attributes
    ----------
    base : int
    n_digits : int
        Of every number, most significant first, padded by zeros.

    Examples
    --------
    >>> notation = Notation(base=10, n_digits=2)
    >>> notation.write(np.array([12]), np.array([8]), np.array([4])).tolist()
    [[1, 2, 10, 0, 8, 11, 0, 4]]
    """

    base: int
    n_digits: int

    @property
    def n_tokens(self) -> int:
        """Digits and two signs."""
        return self.base + 2

    @property
    def n_given(self) -> int:
        """Tokens of an example before its outcome."""
        return 2 * self.n_digits + 2

    @property
    def length(self) -> int:
        """Tokens of an example."""
        return 3 * self.n_digits + 2

    def write(self, first: Whole, second: Whole, outcomes: Whole) -> Whole:
        """Return examples as tokens, (n, length), of three arrays of numbers, (n,)."""
        comma, equals = np.full((2, len(first), 1), [[[self.base]], [[self.base + 1]]])
        return np.hstack([self._digits(first), comma, self._digits(second), equals, self._digits(outcomes)])

    def read(self, examples: Whole) -> Whole:
        """Return the outcomes that examples end with, (n,); −1 where signs stand among the digits."""
        digits = examples[:, self.n_given :]
        return np.where((digits < self.base).all(axis=1), digits @ self._powers, -1)

    @property
    def _powers(self) -> Whole:
        return self.base ** np.arange(self.n_digits - 1, -1, -1, dtype=np.int64)

    def _digits(self, numbers: Whole) -> Whole:
        return np.asarray(numbers[:, None] // self._powers % self.base, dtype=np.int64)


def coprime_pairs(n: int) -> Whole:
    """Return how many ordered pairs of numbers from 1 to m are coprime, for m = 0, 1, ..., n.

    Examples
    --------
    >>> coprime_pairs(4).tolist()
    [0, 1, 3, 7, 11]
    """
    totient = np.arange(n + 1, dtype=np.int64)
    for prime in range(2, n + 1):
        if totient[prime] == prime:
            totient[prime::prime] -= totient[prime::prime] // prime
    counts = 2 * totient.cumsum() - 1
    counts[0] = 0
    return counts


def outcome_law(kind: str, *, maximum: int, largest: int) -> Array:
    """Return the probabilities of the outcomes 1 to `largest`.

    Parameters
    ----------
    kind : str
        ``"natural"``, ``"log-uniform"`` or ``"uniform"``; see `modelcollapse.problems.arithmetic_training.OUTCOMES`.
    maximum : int
        Largest operand.
    largest : int
        At most `maximum`.

    Returns
    -------
    float array, (largest,)
        Sums to one.

    Notes
    -----
    Of two numbers drawn evenly from 1 to M, a share C(⌊M/g⌋)/M² has the greatest common divisor g, where C(m) counts
    coprime pairs up to m: exactly, and nearly 6/(π g)². The natural law is this one, given that g is at most `largest`.
    """
    outcomes = np.arange(1, largest + 1)
    if kind == "natural":
        weights = coprime_pairs(maximum)[maximum // outcomes].astype(np.float64)
    else:
        weights = 1.0 / outcomes if kind == "log-uniform" else np.ones(largest)
    return np.asarray(weights / weights.sum())


def draw_outcomes(cumulated: Array, n: int, *, random: np.random.Generator) -> Whole:
    """Draw n outcomes, entry g − 1 of the cumulated law being the probability of at most g, or a multiple of it."""
    places = np.searchsorted(cumulated, random.random(n) * cumulated[-1], side="right")
    return np.asarray(np.minimum(places, len(cumulated) - 1) + 1, dtype=np.int64)


def draw_operands(outcomes: Whole, *, maximum: int, random: np.random.Generator) -> tuple[Whole, Whole]:
    """Draw two numbers up to a maximum for each greatest common divisor: all pairs that have it are as likely.

    Parameters
    ----------
    outcomes : int array, (n,)
        From 1 to `maximum`.
    maximum : int
    random : numpy Generator

    Returns
    -------
    first, second : int array, (n,)

    Notes
    -----
    Such a pair is g times a coprime pair up to ⌊maximum/g⌋; pairs are drawn anew, evenly, until they are coprime, which
    61 % of large ones are at once.
    """
    top = maximum // outcomes
    first, second = np.empty_like(outcomes), np.empty_like(outcomes)
    left = np.arange(len(outcomes))
    while len(left):
        first[left] = random.integers(1, top[left] + 1)
        second[left] = random.integers(1, top[left] + 1)
        left = left[np.gcd(first[left], second[left]) > 1]
    return first * outcomes, second * outcomes


def draw_examples(notation: Notation, cumulated: Array, n: int, *, maximum: int, random: np.random.Generator) -> Whole:
    """Draw examples whose outcomes have a cumulated law, (n, length)."""
    outcomes = draw_outcomes(cumulated, n, random=random)
    return notation.write(*draw_operands(outcomes, maximum=maximum, random=random), outcomes)
