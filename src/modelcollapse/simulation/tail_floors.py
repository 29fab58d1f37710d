"""Which error stays when the training set grows without end? What the law of the data leaves out of the real law."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.simulation.tail_generators import MixedLaw
from modelcollapse.simulation.zipf import SampledLaw, ZipfLaw


def unknown_mass(real: ZipfLaw, ranks: Array, known: Array, *, until: float = math.inf) -> float:
    """Return Σ_i p_i (1 − k_i) over ranks up to `until`, with k_i from 0 to 1, and 0 for ranks that are not listed.

    As many ranks as are listed are summed up from the first; only beyond them is the known mass taken from the whole,
    so that small errors keep their digits.

    Parameters
    ----------
    real : ZipfLaw
        From rank 1.
    ranks, known : arrays of shape (n_items,)
        Growing ranks, and k of each.
    until : float
    """
    n_head = int(min(len(ranks), until))
    inside, beyond = ranks <= n_head, (ranks > n_head) & (ranks <= until)
    head = real.probability(np.arange(1.0, n_head + 1))
    unknown = np.ones(n_head)
    unknown[ranks[inside].astype(np.int64) - 1] -= known[inside]
    rest = real.mass(n_head + 1, until) - float(real.probability(ranks[beyond]) @ known[beyond])
    return float(head @ unknown) + max(rest, 0.0)


def label_floor(real: ZipfLaw, law: MixedLaw | SampledLaw, *, until: float) -> float:
    """Return the mass of ranks up to `until` that a generator never writes."""
    if isinstance(law, MixedLaw):
        return real.mass(law.last + 1, until)
    return unknown_mass(real, law.ranks, np.ones(len(law.ranks)), until=until)


def total_variation_floor(
    real: ZipfLaw, law: MixedLaw | SampledLaw, *, shares: tuple[float, float, float], bought: ZipfLaw | None
) -> float:
    """Return the total variation distance of the law of the data to the real law.

    Parameters
    ----------
    real : ZipfLaw
    law : MixedLaw or SampledLaw
        Of the generator.
    shares : tuple of float
        Of real, bought and synthetic data.
    bought : ZipfLaw or None
    """
    first = math.inf if bought is None else bought.first
    below = shares[0] - 1  # of the real law, without what the generator adds: what is too little of it
    above = below if bought is None else below + shares[1] / real.mass(first)
    if isinstance(law, SampledLaw):
        return 0.5 * _sampled(real, law, below=below, above=above, first=first, share=shares[2])
    pieces = _pieces(real, law, below=below, above=above, first=first, share=shares[2])
    return 0.5 * sum(
        abs((below if low < first else above) * real.mass(low, high) + shares[2] * law.mass(low, high))
        for low, high in pieces
    )


def _sampled(real: ZipfLaw, law: SampledLaw, *, below: float, above: float, first: float, share: float) -> float:
    """Return Σ_i |a_i p_i + share q_i|, with a_i `below` up to the rank before `first`, and `above` from there on."""
    probabilities = real.probability(law.ranks)
    factors = np.where(law.ranks < first, below, above)
    listed = np.abs(factors * probabilities + share * law.probabilities).sum()
    every = np.ones(len(law.ranks))
    others = unknown_mass(real, law.ranks, every)
    others_below = unknown_mass(real, law.ranks, every, until=first - 1)
    return float(listed + abs(below) * others_below + abs(above) * max(others - others_below, 0.0))


def _pieces(
    real: ZipfLaw, law: MixedLaw, *, below: float, above: float, first: float, share: float
) -> Iterator[tuple[float, float]]:
    """Yield the ranks, from and to, between which the data have everywhere more than the real law, or less."""
    ends = sorted({first - 1, math.inf, *(part.last for part in law.laws)})
    low = 1.0
    for high in ends:
        factor = below if low < first else above
        steeper = law.laws[0].exponent - real.exponent
        here = np.array([low])
        active = zip(law.shares, law.laws, strict=True)
        ratio = share * sum(s * part.probability(here)[0] for s, part in active) / real.probability(here)[0]
        if factor < 0 < steeper and ratio > 0:
            turn = math.floor(low * (ratio / -factor) ** (1 / steeper))
            if low <= turn < high:
                yield low, float(turn)
                low = turn + 1.0
        yield low, high
        low = high + 1
