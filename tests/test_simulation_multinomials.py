"""Are counts drawn exactly: multinomials and subsets, of any size, for segments of any length?"""

from __future__ import annotations

from collections import Counter
from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats

from modelcollapse.simulation import multinomials as module
from modelcollapse.simulation.multinomials import multinomials, subsets, uniform_subsets

LEVEL = 1e-6
"""Of a test that must pass; one that must fail is below it by far."""
COPIES = 20_000
LAW = np.array([0.5, 0.3, 0.2])


class Careless:
    """A generator that forgets the noise of Poisson numbers, or of binomial ones."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator

    def poisson(self, mean):
        return np.rint(mean).astype(np.int64)

    def binomial(self, n, share):
        return np.rint(n * share).astype(np.int64)

    def __getattr__(self, name):
        return getattr(self._generator, name)


def compositions(total, largest):
    """Return all ways to write a total as a sum of numbers up to the largest ones."""
    return [cells for cells in product(*(range(n + 1) for n in largest)) if sum(cells) == total]


def chance(drawn, probabilities):
    """Return the chi-squared test's p-value of outcomes, rows of counts, against their probabilities."""
    seen = Counter(map(tuple, drawn.tolist()))
    outcomes = list(probabilities)
    expected = np.array([probabilities[outcome] for outcome in outcomes]) * len(drawn)
    observed = np.array([seen[outcome] for outcome in outcomes], dtype=float)
    rare = expected < 5
    pooled = [np.append(values[~rare], values[rare].sum()) for values in (observed, expected)]
    kept = pooled[1] > 0
    return stats.chisquare(pooled[0][kept], pooled[1][kept], sum_check=False).pvalue


def copies_of(weights, draw):
    """Return rows of counts of many equal segments."""
    starts = np.arange(COPIES) * len(weights)
    return draw(np.tile(weights, COPIES), starts).reshape(COPIES, len(weights))


@pytest.mark.parametrize(("short", "one_by_one"), [(16, 2), (0, 2), (0, 100)])
def test_multinomials_have_the_probability_of_every_outcome(short, one_by_one, monkeypatch):
    """By binomials, by Poisson numbers, and one by one."""
    monkeypatch.setattr(module, "SHORT", short)
    monkeypatch.setattr(module, "ONE_BY_ONE", one_by_one)
    exact = {cells: stats.multinomial.pmf(cells, 8, LAW) for cells in compositions(8, [8, 8, 8])}
    sizes = np.full(COPIES, 8)
    drawn = copies_of(LAW, lambda w, s: multinomials(np.random.default_rng(1), w, starts=s, n_samples=sizes))
    assert chance(drawn, exact) > LEVEL
    other = {cells: stats.multinomial.pmf(cells, 8, [0.48, 0.31, 0.21]) for cells in exact}
    assert chance(drawn, other) < LEVEL
    if (short, one_by_one) == (0, 2):
        careless = Careless(np.random.default_rng(1))
        wrong = copies_of(LAW, lambda w, s: multinomials(careless, w, starts=s, n_samples=sizes))
        assert chance(wrong, exact) < LEVEL


@pytest.mark.parametrize("n_samples", [35, 500, 1000, 10**12])
def test_multinomials_of_any_size_have_binomial_cells(n_samples):
    weights = 1 / np.arange(1, 31)
    law = weights / weights.sum()
    generator, n_copies = np.random.default_rng(2), 2000
    drawn = multinomials(
        generator,
        np.tile(weights, n_copies),
        starts=np.arange(n_copies) * 30,
        n_samples=np.full(n_copies, n_samples),
    ).reshape(n_copies, 30)
    assert (drawn.sum(axis=1) == n_samples).all()
    for cells in ([0], [29], [3, 7, 20]):
        share = law[cells].sum()
        values = drawn[:, cells].sum(axis=1)
        below, here = stats.binom.cdf(values - 1, n_samples, share), stats.binom.pmf(values, n_samples, share)
        level = below + here * generator.random(n_copies)  # uniform under the exact law
        assert stats.kstest(level, "uniform").pvalue > LEVEL
        less = stats.binom.cdf(values, n_samples, share * (1 - 0.5 / np.sqrt(n_samples * share)))
        assert stats.kstest(less, "uniform").pvalue < LEVEL


def test_multinomials_of_segments_of_all_lengths_keep_their_totals_and_their_zeros():
    generator = np.random.default_rng(3)
    lengths = generator.integers(1, 60, size=500)
    weights = generator.exponential(size=lengths.sum()) * (generator.random(lengths.sum()) < 0.7)
    starts = np.cumsum(lengths) - lengths
    weights[starts + lengths - 1] += 0.1
    sizes = generator.integers(0, 10 ** generator.integers(0, 13, size=500))
    drawn = multinomials(generator, weights, starts=starts, n_samples=sizes)
    assert (np.add.reduceat(drawn, starts) == sizes).all()
    assert (drawn[weights == 0] == 0).all()
    assert drawn.min() == 0


@pytest.mark.parametrize("one_by_one", [1, 2])
@pytest.mark.parametrize("n_drawn", [2, 6, 10])
def test_subsets_have_the_probability_of_every_outcome(n_drawn, one_by_one, monkeypatch):
    monkeypatch.setattr(module, "ONE_BY_ONE", one_by_one)
    items, sizes = np.array([5, 4, 3, 1]), np.full(COPIES, n_drawn)
    exact = {cells: stats.multivariate_hypergeom.pmf(cells, items, n_drawn) for cells in compositions(n_drawn, items)}
    drawn = copies_of(items, lambda c, s: subsets(np.random.default_rng(4), c, starts=s, n_drawn=sizes))
    assert chance(drawn, exact) > LEVEL
    replaced = {cells: stats.multinomial.pmf(cells, n_drawn, items / items.sum()) for cells in exact}
    assert chance(drawn, replaced) < LEVEL
    if n_drawn == 6 and one_by_one == 1:
        careless = Careless(np.random.default_rng(4))
        assert chance(copies_of(items, lambda c, s: subsets(careless, c, starts=s, n_drawn=sizes)), exact) < LEVEL


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_subsets_of_huge_pools_have_the_spread_of_draws_without_replacement(share):
    items, n_copies = np.array([4, 3, 2, 1]) * 10**14, 5000
    sizes = np.full(n_copies, int(share * 10**15))
    starts = np.arange(n_copies) * 4
    drawn = subsets(np.random.default_rng(5), np.tile(items, n_copies), starts=starts, n_drawn=sizes)
    assert (np.add.reduceat(drawn, starts) == sizes).all()
    fractions = items / items.sum()
    spread = np.sqrt(sizes[0] * fractions * (1 - fractions) * (1 - share))
    level = (drawn.reshape(n_copies, 4) - share * items) / spread
    assert all(stats.kstest(column, "norm").pvalue > LEVEL for column in level.T)
    with_replacement = level * np.sqrt(1 - share)
    assert all(stats.kstest(column, "norm").pvalue < LEVEL for column in with_replacement.T) == (share > 0.2)


@pytest.mark.parametrize("n_drawn", [0, 1, 2, 4, 5])
def test_uniform_subsets_are_equally_likely(n_drawn):
    drawn = uniform_subsets(np.random.default_rng(6), n_items=5, n_drawn=n_drawn, n_replicates=COPIES)
    every = list(combinations(range(5), n_drawn))
    assert chance(drawn, dict.fromkeys(every, 1 / len(every))) > LEVEL if len(every) > 1 else len(drawn) == COPIES
