"""How are counts drawn at once for many laws of different lengths? Multinomials, and subsets of what there is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array

Counts = NDArray[np.int64]

SHORT = 16
"""Segments of at most so many cells are drawn by binomials, one cell after another; so are those with at least as many
samples as the square of their cells, of which Poisson numbers would leave more than there are cells."""

MARGIN = 2.0
"""Standard deviations by which the mean of Poisson draws stays below the samples that are wanted."""

ONE_BY_ONE = 2
"""Fewer samples than this times the cells are drawn one by one: that costs less than a number for each cell."""


def multinomials(generator: np.random.Generator, weights: Array, *, starts: Counts, n_samples: Counts) -> Counts:
    """Return the counts of independent multinomials, whose cells stand one after another.

    Short segments, and those with very many samples, are drawn by binomials. In the others, cells get independent
    Poisson numbers: given their sum, these are multinomial, so that a draw whose sum is at most the samples wanted can
    be kept, and what is missing drawn in the same way; a few are drawn one by one.

    Parameters
    ----------
    generator : numpy.random.Generator
    weights : array of shape (n_cells,)
        Not negative; probabilities are their shares in the sum of their segment, which must be positive.
    starts : array of int, (n_segments,)
        First cell of each segment, from 0 on, increasing.
    n_samples : array of int, (n_segments,)
        From 0; the cost hardly depends on them.

    Returns
    -------
    array of int, (n_cells,)

    Examples
    --------
    >>> sizes = np.array([10**12, 5])
    >>> drawn = multinomials(np.random.default_rng(0), np.array([1.0, 3, 2]), starts=np.array([0, 2]), n_samples=sizes)
    >>> (drawn[:2] / 10**12).round(3).tolist(), int(drawn[2])
    ([0.25, 0.75], 5)
    """
    lengths = lengths_of(starts, len(weights))
    by_binomials = (lengths <= SHORT) | (lengths <= np.sqrt(n_samples))
    counts = np.empty(len(weights), dtype=np.int64)
    for segments, draw in ((by_binomials, _by_binomials), (~by_binomials, _by_poisson_numbers)):
        if segments.all():
            return draw(generator, weights, lengths, n_samples)
        if segments.any():
            cells = np.repeat(segments, lengths)
            counts[cells] = draw(generator, weights[cells], lengths[segments], n_samples[segments])
    return counts


def subsets(generator: np.random.Generator, counts: Counts, *, starts: Counts, n_drawn: Counts) -> Counts:
    """Return the counts of uniformly random subsets: draws without replacement, each segment for itself.

    Items are kept at random, each with probability n_drawn / n_items, which makes the kept ones a uniform subset of
    its size; then the surplus is taken away from it, or what is missing added from the rest, both by the same step.
    Sizes shrink like square roots, until few are left, which are drawn one by one.

    Parameters
    ----------
    generator : numpy.random.Generator
    counts : array of int, (n_cells,)
        Items of each cell, from 0.
    starts : array of int, (n_segments,)
        First cell of each segment.
    n_drawn : array of int, (n_segments,)
        From 0 to the segment's number of items.

    Returns
    -------
    array of int, (n_cells,)
        At most `counts`.

    Examples
    --------
    >>> drawn = subsets(np.random.default_rng(0), np.array([7, 3]), starts=np.array([0]), n_drawn=np.array([9]))
    >>> int(drawn.sum()), bool((drawn <= [7, 3]).all())
    (9, True)
    """
    n_items, lengths = np.add.reduceat(counts, starts), lengths_of(starts, len(counts))
    many = 2 * n_drawn > n_items  # fewer are left out than drawn
    drawn = _few_of(generator, counts, starts, n_items, lengths, np.where(many, n_items - n_drawn, n_drawn))
    return np.where(np.repeat(many, lengths), counts - drawn, drawn)


def distinct(generator: np.random.Generator, *, n_items: Counts, n_drawn: Counts) -> Counts:
    """Return which items a uniform subset of each segment's items holds, sorted, counted through all segments.

    Items are drawn with replacement until there are as many different ones as wanted: the first different ones of such
    draws are a uniform subset.

    Parameters
    ----------
    generator : numpy.random.Generator
    n_items, n_drawn : arrays of int, (n_segments,)
        The more of its items are drawn, the longer it takes; at most half of them is quick.
    """
    edges = np.concatenate([[0], np.cumsum(n_items)])
    chosen, missing = np.empty(0, dtype=np.int64), n_drawn
    while missing.any():
        items = np.repeat(n_items, missing)
        new = np.repeat(edges[:-1], missing) + (generator.random(len(items)) * items).astype(np.int64)
        chosen = sorted_once(np.concatenate([chosen, new]))
        missing = n_drawn - np.diff(np.searchsorted(chosen, edges))
    return chosen


def sorted_once(items: Counts) -> Counts:
    """Return the different ones among items from 0, sorted; this is faster than `numpy.unique`."""
    ordered = np.sort(items)
    return ordered[np.diff(ordered, prepend=-1) > 0]


def uniform_subsets(generator: np.random.Generator, *, n_items: int, n_drawn: int, n_replicates: int) -> Counts:
    """Return uniformly random subsets of 0, ..., n_items − 1, sorted, (n_replicates, n_drawn).

    Examples
    --------
    >>> uniform_subsets(np.random.default_rng(0), n_items=3, n_drawn=3, n_replicates=1).tolist()
    [[0, 1, 2]]
    """
    few = min(n_drawn, n_items - n_drawn)
    chosen = distinct(generator, n_items=np.full(n_replicates, n_items), n_drawn=np.full(n_replicates, few))
    if few < n_drawn:  # those that were not chosen
        others = np.ones(n_items * n_replicates, dtype=bool)
        others[chosen] = False
        chosen = np.flatnonzero(others)
    return chosen.reshape(n_replicates, n_drawn) - n_items * np.arange(n_replicates)[:, None]


def lengths_of(starts: Counts, n_cells: int) -> Counts:
    """Return the number of cells of each segment, (n_segments,)."""
    return np.diff(starts, append=n_cells)


def _few_of(
    generator: np.random.Generator, counts: Counts, starts: Counts, n_items: Counts, lengths: Counts, n_drawn: Counts
) -> Counts:
    """Return the counts of a subset of at most half of each segment's items."""
    one_by_one = n_drawn < ONE_BY_ONE * lengths
    drawn = np.zeros_like(counts)
    some = np.where(one_by_one, n_drawn, 0)
    if some.any():
        items = distinct(generator, n_items=n_items, n_drawn=some)
        np.add.at(drawn, np.searchsorted(np.cumsum(counts), items, side="right"), 1)
    if not one_by_one.all():
        share = np.where(one_by_one, 0.0, n_drawn / np.maximum(n_items, 1))
        drawn += generator.binomial(counts, np.repeat(share, lengths))
        missing = np.where(one_by_one, 0, n_drawn - np.add.reduceat(drawn, starts))
        lacking = np.repeat(missing > 0, lengths)
        change = subsets(generator, np.where(lacking, counts - drawn, drawn), starts=starts, n_drawn=np.abs(missing))
        drawn += np.where(lacking, change, -change)
    return drawn


def _by_binomials(generator: np.random.Generator, weights: Array, lengths: Counts, n_samples: Counts) -> Counts:
    """Return the counts of multinomials, those of about the same length as one rectangle.

    They are padded in front: the last cell, which takes what rounding of the probabilities leaves, is then a true one.
    """
    counts = np.empty(len(weights), dtype=np.int64)
    octaves = np.frexp(lengths)[1]
    for octave in np.unique(octaves):
        segments = octaves == octave
        cells = np.repeat(segments, lengths)
        width = lengths[segments].max()
        filled = np.arange(width) >= (width - lengths[segments])[:, None]
        rectangle = np.zeros(filled.shape)
        rectangle[filled] = weights[cells]
        rectangle /= rectangle.sum(axis=1, keepdims=True)
        counts[cells] = generator.multinomial(n_samples[segments], rectangle)[filled]
    return counts


def _by_poisson_numbers(generator: np.random.Generator, weights: Array, lengths: Counts, n_samples: Counts) -> Counts:
    """Return the counts of long multinomials."""
    starts = np.cumsum(lengths) - lengths
    many = n_samples >= ONE_BY_ONE * lengths
    counts = _one_by_one(generator, weights, starts, lengths, np.where(many, 0, n_samples))
    if many.all():
        return counts + _at_most(generator, weights, lengths, n_samples)
    if many.any():
        cells = np.repeat(many, lengths)
        counts[cells] = _at_most(generator, weights[cells], lengths[many], n_samples[many])
    return counts


def _at_most(generator: np.random.Generator, weights: Array, lengths: Counts, n_samples: Counts) -> Counts:
    """Return Poisson numbers that are no more than the samples wanted, and those that are missing."""
    starts = np.cumsum(lengths) - lengths
    mean = n_samples - MARGIN * np.sqrt(n_samples)
    counts: Counts = generator.poisson(weights * np.repeat(mean / np.add.reduceat(weights, starts), lengths))
    totals = np.add.reduceat(counts, starts)
    refused = totals > n_samples
    if refused.any():
        counts[np.repeat(refused, lengths)] = 0
    missing = n_samples - np.where(refused, 0, totals)
    return counts + _by_poisson_numbers(generator, weights, lengths, missing)


def _one_by_one(
    generator: np.random.Generator, weights: Array, starts: Counts, lengths: Counts, n_samples: Counts
) -> Counts:
    """Return the counts of samples that are looked up among the cumulative weights."""
    counts = np.zeros(len(weights), dtype=np.int64)
    segment = np.repeat(np.arange(len(lengths)), n_samples)
    if segment.size:
        ends = np.cumsum(weights)
        before, until = ends[starts] - weights[starts], ends[starts + lengths - 1]
        places = before[segment] + generator.random(len(segment)) * (until - before)[segment]
        cells = np.searchsorted(ends, np.sort(places), side="right")
        np.add.at(counts, np.clip(cells, starts[segment], (starts + lengths - 1)[segment]), 1)
    return counts
