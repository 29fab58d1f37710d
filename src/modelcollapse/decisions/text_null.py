"""How different is a second real text? Real bags split into two parts that share as few documents as strangers do."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from modelcollapse.checks import Array
from modelcollapse.decisions.real_against_real import LEVEL, check_n_splits
from modelcollapse.estimation.token_bags import Bags
from modelcollapse.streams import stream

STRETCHES = (4, 8)
"""Bags that stay together in a split, in turn."""


def real_stretches(n_bags: int, *, n_splits: int, seed: int) -> Iterator[tuple[Bags, Bags, int]]:
    """Yield random halves of the bags of a text, made of stretches of neighbouring bags, and how often they touch.

    Parameters
    ----------
    n_bags : int
        A multiple of twice the longest stretch.
    n_splits : int
        At least 19: fewer cannot give a p-value of 0.05.
    seed : int

    Yields
    ------
    first, second : int arrays, (n_bags / 2,)
        In random order.
    seams : int
        Neighbouring bags that went to different parts.
    """
    check_n_splits(n_splits)
    generator = stream(seed, "real stretches")
    for split in range(n_splits):
        stretch = STRETCHES[split % len(STRETCHES)]
        n_stretches = n_bags // stretch
        chosen = np.zeros(n_stretches, dtype=bool)
        chosen[generator.permutation(n_stretches)[: n_stretches // 2]] = True
        side = np.roll(np.repeat(chosen, stretch), int(generator.integers(stretch)))
        first, second = np.flatnonzero(side), np.flatnonzero(~side)
        yield generator.permutation(first), generator.permutation(second), int((side[1:] != side[:-1]).sum())


def without_seams(values: Array, seams: NDArray[np.intp]) -> Array:
    """Return comparisons of two halves as they would be if the halves touched nowhere.

    Parameters
    ----------
    values : array, (B, J)
    seams : int array, (B,)
        How often the halves of each split touch.

    Notes
    -----
    A document that reaches over a seam is in both halves and makes them alike, which a second sample from other
    documents is not. What the seams add is proportional to their number, as long as documents are shorter than a
    stretch: the slope on it is fitted by least squares and taken off.
    """
    centred = seams - seams.mean()
    spread = float(centred @ centred)
    slope = centred @ (values - values.mean(axis=0)) / spread if spread else np.zeros(values.shape[1])
    return np.asarray(values - np.outer(seams, slope))


def widened(null: Array, *, n_bags: int, n_measures: int) -> Array:
    """Return null draws stretched about their mean, as their standard deviation is itself estimated from few stretches.

    Parameters
    ----------
    null : array, (B, J)
    n_bags : int
        Of the real text.
    n_measures : int
        For which p-values are corrected.

    Notes
    -----
    The factor is the ratio of the quantiles of Student's distribution, with one degree of freedom less than there are
    stretches of the longest kind, and of the normal one, at the level corrected for the number of measures.
    """
    tail = LEVEL / 2 / n_measures
    factor = stats.t.isf(tail, n_bags // max(STRETCHES) - 1) / stats.norm.isf(tail)
    mean = null.mean(axis=0)
    return np.asarray(mean + factor * (null - mean))
