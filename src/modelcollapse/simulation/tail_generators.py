"""Which laws do the generators of synthetic data have? A Zipf law that each of them samples, narrows and cuts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from modelcollapse.simulation.zipf import Counted, SampledLaw, ZipfLaw, together

STEEPEST = 1000.0
"""An exponent at which the second item has a probability of 1e−301; steeper laws are no different."""

ROUNDING = 1e-12
"""By how much, relative to all, the items that are kept may miss the mass that they should have."""


@dataclass(frozen=True, kw_only=True)
class Distortion:
    """What every generator does to what it has learned: narrow it, then cut its tail.

    Attributes
    ----------
    temperature : float
        In (0, 1].
    rank : float or None
        Last that is kept.
    top_p : float or None
        Mass of the most frequent items that are kept. Not both.
    """

    temperature: float = 1.0
    rank: float | None = None
    top_p: float | None = None


@dataclass(frozen=True, kw_only=True)
class MixedLaw:
    """A mixture of Zipf laws, as endless training sets leave it.

    Attributes
    ----------
    shares : tuple of float
        Add up to 1.
    laws : tuple of ZipfLaw
        From rank 1, of one exponent, each with another last rank, growing.
    """

    shares: tuple[float, ...]
    laws: tuple[ZipfLaw, ...]

    @property
    def last(self) -> float:
        """The last rank."""
        return self.laws[-1].last

    def mass(self, low: float, high: float = math.inf) -> float:
        """Return the probability of the ranks from `low` to `high`."""
        return sum(share * law.mass(low, high) for share, law in zip(self.shares, self.laws, strict=True))

    def n_distinct(self, n_samples: float) -> float:
        """Return about how many items are among so many samples, or a few more."""
        return sum(law.n_distinct(share * n_samples) for share, law in zip(self.shares, self.laws, strict=True))

    def draw(self, generator: np.random.Generator, n_samples: int) -> Counted:
        """Return samples, counted."""
        sizes = generator.multinomial(n_samples, self.shares).tolist()
        return together(*(law.draw(generator, size) for law, size in zip(self.laws, sizes, strict=True)))


def endless_laws(
    exponent: float, distortion: Distortion, *, generations: int, real_fraction: float = 0.0
) -> list[MixedLaw]:
    """Return the laws of generators that are trained on endless data: generator g > 1 on real data and on its elder's.

    Parameters
    ----------
    exponent : float
        β.
    distortion : Distortion
    generations : int
    real_fraction : float
        Share of real data. Not with a temperature below 1 after the first generation: powers of sums are no sums.
    """
    real = MixedLaw(shares=(1.0,), laws=(ZipfLaw(exponent=exponent),))
    found = [_distorted(real, distortion)]
    while len(found) < generations:
        before = found[-1]
        learned = before if not real_fraction else _mixed(before, real, share=real_fraction)
        found.append(_distorted(learned, distortion))
    return found


def _mixed(law: MixedLaw, real: MixedLaw, *, share: float) -> MixedLaw:
    """Return a law to which a share of real data is added."""
    shares = *((1 - share) * each for each in law.shares), share
    return MixedLaw(shares=shares, laws=(*law.laws, *real.laws))


def _distorted(law: MixedLaw, distortion: Distortion) -> MixedLaw:
    """Return a law that is narrowed, then cut."""
    if distortion.temperature < 1:
        (only,) = law.laws
        law = replace(law, laws=(replace(only, exponent=min(only.exponent / distortion.temperature, STEEPEST)),))
    if distortion.rank is not None:
        return _cut(law, distortion.rank)
    return law if distortion.top_p is None else _cut(law, _last_of(law, distortion.top_p))


def _cut(law: MixedLaw, last: float) -> MixedLaw:
    """Return a law without what is beyond a rank; parts that are alike afterwards become one."""
    shares: dict[ZipfLaw, float] = {}
    for share, part in zip(law.shares, law.laws, strict=True):
        kept = replace(part, last=min(part.last, last))
        shares[kept] = shares.get(kept, 0.0) + share * part.mass(1, last)
    total = sum(shares.values())
    return MixedLaw(shares=tuple(share / total for share in shares.values()), laws=tuple(shares))


def _last_of(law: MixedLaw, top_p: float) -> float:
    """Return the first rank up to which a law, whose probabilities fall, has a mass."""
    low, high = 0.0, 1.0
    while law.mass(1, high) < top_p:
        low, high = high, 2 * high
    while low < (middle := math.floor((low + high) / 2) if high < math.inf else low) < high:
        low, high = (low, middle) if law.mass(1, middle) >= top_p else (middle, high)
    return high


def sampled_laws(
    generator: np.random.Generator,
    exponent: float,
    distortion: Distortion,
    *,
    generations: int,
    n_samples: int,
    n_real: int = 0,
) -> Iterator[SampledLaw]:
    """Yield the laws of generators that are trained on samples: generator g > 1 on real ones and on its elder's.

    Parameters
    ----------
    generator : numpy.random.Generator
    exponent : float
        β.
    distortion : Distortion
    generations : int
    n_samples : int
        T0, the training set of each.
    n_real : int
        Real samples among those of generators g > 1.
    """
    real = ZipfLaw(exponent=exponent)
    law = sampled_law(real.draw(generator, n_samples), distortion)
    yield law
    for _ in range(generations - 1):
        law = sampled_law(together(real.draw(generator, n_real), law.draw(generator, n_samples - n_real)), distortion)
        yield law


def sampled_law(seen: Counted, distortion: Distortion) -> SampledLaw:
    """Return the law of a generator that has seen some samples; of items as frequent as others, the first are kept.

    Where the cut leaves nothing, the first of its most frequent items stays.
    """
    weights = (seen.counts / seen.counts.max()) ** (1 / distortion.temperature)
    if distortion.rank is not None:
        kept = seen.ranks <= distortion.rank
    else:
        kept = np.ones(len(weights), dtype=bool)
        if distortion.top_p is not None:
            order = np.argsort(-weights, kind="stable")
            mass = np.cumsum(weights[order])
            enough = int(np.searchsorted(mass, distortion.top_p * mass[-1] * (1 - ROUNDING)))
            kept[order[enough + 1 :]] = False
    if not kept.any():
        kept[np.argmax(weights)] = True
    kept &= weights > 0  # what a low temperature takes below the smallest number
    return SampledLaw(ranks=seen.ranks[kept], probabilities=weights[kept] / weights[kept].sum())
