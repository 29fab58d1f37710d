"""Real samples behind a generation: against enumeration, draws and published numbers, and against wrong boxes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from modelcollapse.theory import ancestors as module
from modelcollapse.theory.ancestors import (
    ancestors,
    collapse_probabilities,
    collapse_time,
    occupancy,
    power_sums,
    surviving_tokens,
)
from modelcollapse.theory.chain_moments import Samples, chain_moments
from modelcollapse.theory.token_bounds import diffusion_collapse_time
from token_examples import replaced

LAW = np.array([0.6, 0.3, 0.1])
ONES = np.ones(3)
SIZES = [(4, 4), (3, 6), (5, 2), (1, 3), (4, 1)]


def zipf(n_tokens: int) -> np.ndarray:
    weights = 1 / np.arange(1.0, n_tokens + 1)
    return weights / weights.sum()


@pytest.mark.parametrize(("n_samples", "n_first"), SIZES)
def test_survival_and_collapse_are_those_of_enumeration(n_samples: int, n_first: int) -> None:
    laws = replaced(LAW, n_samples=n_samples, n_first=n_first, generations=4)
    found = ancestors(n_samples, n_first=n_first, generations=4)
    vocabulary = [sum(chance * np.count_nonzero(counts) for counts, chance in law.items()) for law in laws]
    collapsed = [sum(chance for counts, chance in law.items() if np.count_nonzero(counts) == 1) for law in laws]
    np.testing.assert_allclose(surviving_tokens(LAW, found, counts=ONES), vocabulary, rtol=1e-12)
    np.testing.assert_allclose(collapse_probabilities(LAW, found, counts=ONES), collapsed, rtol=1e-12)


def test_survival_differs_with_one_box_more() -> None:
    wrong = ancestors(5, n_first=4, generations=4)
    law = replaced(LAW, n_samples=4, n_first=4, generations=4)[-1]
    vocabulary = sum(chance * np.count_nonzero(counts) for counts, chance in law.items())
    assert abs(surviving_tokens(LAW, wrong, counts=ONES)[-1] - vocabulary) > 0.05


@pytest.mark.parametrize(("n_samples", "n_first"), SIZES)
def test_collapse_time_is_that_of_enumeration(n_samples: int, n_first: int) -> None:
    laws = replaced(LAW, n_samples=n_samples, n_first=n_first, generations=150)
    alive = [sum(chance for counts, chance in law.items() if np.count_nonzero(counts) > 1) for law in laws]
    found = collapse_time(LAW, counts=ONES, n_samples=n_samples, n_first=n_first)
    assert found == pytest.approx(1 + sum(alive), rel=1e-9)


def test_collapse_time_counts_fits() -> None:
    assert collapse_time(np.array([1.0]), counts=np.ones(1), n_samples=10, n_first=10) == 1
    assert collapse_time(LAW, counts=ONES, n_samples=10, n_first=1) == pytest.approx(1, rel=1e-12)


def test_collapse_time_agrees_with_published_draws() -> None:
    """Means and standard errors of runs, and the diffusion's time that they were held against."""
    uniform, skewed = np.full(10, 0.1), zipf(20)
    cases = [(uniform, 10, 17.54, 0.07), (uniform, 100, 186.9, 1.7), (uniform, 1000, 1875, 48), (skewed, 50, 91.8, 0.6)]
    for law, n, mean, stderr in cases:
        found = collapse_time(law, counts=np.ones_like(law), n_samples=n, n_first=n)
        assert abs(found - mean) < 5 * stderr
    wrong = diffusion_collapse_time(uniform, counts=np.ones(10), n_samples=10)
    assert abs(wrong - 17.54) > 5 * 0.07


@pytest.mark.parametrize("n_first", [2, 30, 500, 10**9])
def test_collapse_time_is_carried_on_to_more_samples(n_first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = collapse_time(LAW, counts=ONES, n_samples=1600, n_first=n_first)
    monkeypatch.setattr(module, "EXACT", 800)
    carried = collapse_time(LAW, counts=ONES, n_samples=1600, n_first=n_first)
    assert carried != exact
    assert carried == pytest.approx(exact, rel=1e-6 if n_first > 2 else 1e-4)


def test_collapse_time_of_very_many_samples_is_the_diffusion_s() -> None:
    found = collapse_time(LAW, counts=ONES, n_samples=10**12, n_first=10**12)
    assert found == pytest.approx(diffusion_collapse_time(LAW, counts=ONES, n_samples=10**12), rel=1e-6)


@pytest.mark.parametrize(("n_samples", "n_first"), [(50, 50), (50, 7), (7, 50)])
def test_two_samples_with_one_ancestor_are_the_concentration(n_samples: int, n_first: int) -> None:
    """1 − S = (1 − S_0) P(two samples have two ancestors), so h is the probability that they have one."""
    apart = (1 - 1 / n_first) * (1 - 1 / n_samples) ** np.arange(6)
    moments = chain_moments("replace", Samples(n_first, n_samples), generations=5)
    np.testing.assert_allclose(1 - moments.mean_variance, apart, rtol=1e-12)


def test_occupancy_is_a_law_with_the_known_mean() -> None:
    rows = occupancy(40, boxes=12)
    np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=1e-13)
    np.testing.assert_allclose(rows @ np.arange(41), 12 * (1 - (11 / 12) ** np.arange(41)), rtol=1e-12)
    assert (rows[:, 13:] == 0).all()


def test_normal_ancestors_agree_with_exact_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    law = zipf(3000)
    counts = np.ones_like(law)
    for n_first in (2000, 300):
        exact = surviving_tokens(law, ancestors(2000, n_first=n_first, generations=60), counts=counts)
        with monkeypatch.context() as changed:
            changed.setattr(module, "EXACT", 1999)
            changed.setattr(module, "FEW", 300)
            normal = surviving_tokens(law, ancestors(2000, n_first=n_first, generations=60), counts=counts)
        assert (normal != exact).any()
        np.testing.assert_allclose(normal, exact, rtol=1e-6)


def _drawn_vocabulary(n: int, law: np.ndarray, *, generations: int, runs: int, seed: int) -> np.ndarray:
    """Return the tokens that are left in each run."""
    random = np.random.default_rng(seed)
    counts = random.multinomial(n, law, size=runs)
    for _ in range(generations):
        counts = random.multinomial(n, counts / n)
    return np.count_nonzero(counts, axis=1)


@pytest.mark.parametrize("n", [10**4, 10**6])
def test_surviving_tokens_agree_with_draws(n: int) -> None:
    law, runs = zipf(500) ** 2.5 / (zipf(500) ** 2.5).sum(), 1500
    left = _drawn_vocabulary(n, law, generations=30, runs=runs, seed=1)
    stderr = left.std(ddof=1) / runs**0.5

    def deviation(boxes: int) -> float:
        found = surviving_tokens(law, ancestors(boxes, n_first=boxes, generations=30), counts=np.ones_like(law))[-1]
        return abs(found - left.mean()) / stderr

    assert deviation(n) < 5
    assert deviation(n * 11 // 10) > 5  # what a tenth more samples would keep is told apart


@pytest.mark.parametrize("function", [surviving_tokens, collapse_probabilities])
def test_counts_stand_for_tokens(function: Callable[..., np.ndarray]) -> None:
    laws = ancestors(30, n_first=40, generations=5)
    alike = function(np.full(10, 0.1), laws, counts=np.ones(10))
    np.testing.assert_allclose(function(np.array([0.1]), laws, counts=np.array([10.0])), alike, rtol=1e-12)


def test_one_ancestor_is_left_and_decides() -> None:
    """The limit of the model is token i with probability p_i, so all samples are token i as often."""
    laws = ancestors(20, n_first=20, generations=1000)
    for p in LAW:
        alone = power_sums(np.log(np.array([p])), laws, counts=np.ones(1))
        assert alone[-1] == pytest.approx(p, rel=1e-12)
        assert alone[20] < 0.9 * p


def test_ancestors_of_very_many_samples() -> None:
    laws = ancestors(10**12, n_first=10**6, generations=1000)
    assert all(law.mean <= 10**6 for law in laws)
    np.testing.assert_allclose(laws[1].mean, 10**6, rtol=1e-12)
    shrinking = ancestors(10**12, n_first=10**12, generations=1000)[-1]
    assert shrinking.mean == pytest.approx(2e9, rel=0.01)
    assert shrinking.variance == pytest.approx(shrinking.mean / 3, rel=0.05)
