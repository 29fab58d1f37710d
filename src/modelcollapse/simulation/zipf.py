"""How are samples of a Zipf law drawn? Frequent items are counted at once, rare ones drawn one by one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.special import gamma, zeta

from modelcollapse.checks import Array
from modelcollapse.simulation.multinomials import Counts, multinomials

HEAD = 32
"""Fewest items that are counted at once; beyond them, a Pareto law is close to a Zipf law."""

HUGE = 1e300
"""Ranks beyond are not told apart by size: each is an item of its own, with no probability to speak of."""


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Samples, counted by item.

    Attributes
    ----------
    ranks : array of shape (n_items,)
        Growing; whole numbers, as floats: they may be beyond every integer type.
    counts : array of int, (n_items,)
        From 1.
    """

    ranks: Array
    counts: Counts


NOTHING = Counted(ranks=np.empty(0), counts=np.empty(0, dtype=np.int64))
"""No samples."""


class Law(Protocol):
    """What samples can be drawn from."""

    def draw(self, generator: np.random.Generator, n_samples: int) -> Counted:
        """Return samples, counted."""


@dataclass(frozen=True, kw_only=True)
class ZipfLaw:
    """Probabilities ∝ i^−exponent of the ranks from `first` to `last`.

    Attributes
    ----------
    exponent : float
        Above 1.
    first, last : float
        Whole numbers; `last` may be infinite.
    """

    exponent: float
    first: float = 1.0
    last: float = math.inf

    def probability(self, ranks: Array) -> Array:
        """Return the probabilities of ranks, those outside too."""
        inside = (ranks >= self.first) & (ranks <= self.last)
        return np.where(inside, ranks**-self.exponent / self._sum(self.first, self.last), 0.0)

    def mass(self, low: float, high: float = math.inf) -> float:
        """Return the probability of the ranks from `low` to `high`."""
        low, high = max(low, self.first), min(high, self.last)
        if high < low:
            return 0.0
        return self._sum(low, high) / self._sum(self.first, self.last)

    def n_distinct(self, n_samples: float) -> float:
        """Return about how many items are among so many samples: Γ(1 − 1/β) (n/Σ i^−β)^(1/β), or all there are."""
        reach = float((n_samples / self._sum(self.first, self.last)) ** (1 / self.exponent))
        return min(n_samples, self.last - self.first + 1, float(gamma(1 - 1 / self.exponent)) * reach)

    def draw(self, generator: np.random.Generator, n_samples: int) -> Counted:
        """Return samples, counted, at a cost in proportion to their items."""
        if n_samples == 0:
            return NOTHING
        reach = (n_samples / self._sum(self.first, self.last)) ** (1 / self.exponent) - self.first
        n_head = int(min(max(HEAD, reach), self.last - self.first + 1))
        head = self.first + np.arange(n_head, dtype=np.float64)
        weights = np.append(self.probability(head), self.mass(self.first + n_head))[::-1]  # rounding falls on rank 1
        drawn = multinomials(generator, weights, starts=np.array([0]), n_samples=np.array([n_samples]))[::-1]
        beyond, times = np.unique(self._beyond(generator, self.first + n_head, int(drawn[-1])), return_counts=True)
        seen = drawn[:-1] > 0
        return Counted(
            ranks=np.concatenate([head[seen], beyond]),
            counts=np.concatenate([drawn[:-1][seen], times.astype(np.int64)]),
        )

    def _beyond(self, generator: np.random.Generator, first: float, n_samples: int) -> Array:
        """Return ranks ≥ `first`, one by one, by rejection from a Pareto law.

        x has density ∝ x^−β from first − 1/2 to last + 1/2 and is rounded to i; as the density is convex, the
        probability of i is at least in proportion to i^−β.
        """
        exponent, low = self.exponent, first - 0.5
        left_out = ((self.last + 0.5) / low) ** (1 - exponent)
        found: list[Array] = [np.empty(0)]
        while (missing := n_samples - sum(map(len, found))) > 0:
            with np.errstate(over="ignore", divide="ignore"):
                points = low * (1 - generator.random(missing) * (1 - left_out)) ** (1 / (1 - exponent))
            ranks = np.minimum(np.floor(points + 0.5), self.last)
            ranks = np.where(ranks < HUGE, ranks, HUGE * (1 + generator.random(missing)))
            half = 0.5 / ranks
            cell = np.expm1((1 - exponent) * np.log1p(-half)) - np.expm1((1 - exponent) * np.log1p(half))
            found.append(ranks[generator.random(missing) * cell < (exponent - 1) / ranks])
        return np.concatenate(found)

    def _sum(self, low: float, high: float) -> float:
        """Return Σ i^−exponent from `low` to `high`."""
        beyond = float(zeta(self.exponent, high + 1)) if high < math.inf else 0.0
        return float(zeta(self.exponent, low)) - beyond


@dataclass(frozen=True, kw_only=True)
class SampledLaw:
    """Probabilities of the items that a generator has seen.

    Attributes
    ----------
    ranks : array of shape (n_items,)
        Growing.
    probabilities : array of shape (n_items,)
        Add up to 1.
    """

    ranks: Array
    probabilities: Array

    def draw(self, generator: np.random.Generator, n_samples: int) -> Counted:
        """Return samples, counted."""
        if n_samples == 0:
            return NOTHING
        start, size = np.array([0]), np.array([n_samples])
        counts = multinomials(generator, self.probabilities, starts=start, n_samples=size)
        return Counted(ranks=self.ranks[counts > 0], counts=counts[counts > 0])


def together(*parts: Counted) -> Counted:
    """Return all samples of some parts, counted."""
    parts = tuple(part for part in parts if len(part.ranks))
    if len(parts) < 2:
        return parts[0] if parts else NOTHING
    ranks, counts = by_rank([part.ranks for part in parts], [part.counts for part in parts], combine=np.add)
    return Counted(ranks=ranks, counts=counts)


def by_rank(ranks: Sequence[Array], values: Sequence[Any], *, combine: np.ufunc) -> tuple[Array, Any]:
    """Return all ranks, growing, and of each what its values combine to, from several lists of ranks and values."""
    every = np.concatenate(ranks)
    order = np.argsort(every, kind="stable")
    every = every[order]
    first = np.flatnonzero(np.diff(every, prepend=0.0) > 0)
    return every[first], combine.reduceat(np.concatenate(values)[order], first) if len(first) else every


def growing(law: Law, generator: np.random.Generator, sizes: Counts) -> tuple[Counted, ...]:
    """Return samples of each size; the smaller ones are the beginning of the larger ones.

    Parameters
    ----------
    law : Law
    generator : numpy.random.Generator
    sizes : array of int, (n_sizes,)
        From 0, in any order.
    """
    so_far, drawn, last = {0: NOTHING}, NOTHING, 0
    for size in np.unique(sizes).tolist():
        drawn = together(drawn, law.draw(generator, size - last))
        so_far[size] = drawn
        last = size
    return tuple(so_far[size] for size in sizes.tolist())
