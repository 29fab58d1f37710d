"""Does matching find the pool weights that stand for a mixture, and say so when there are none?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modelcollapse.checks import Array
from modelcollapse.decisions.matching import MIN_RETAINED, match, pool_weights
from modelcollapse.estimation.pool import Pool
from modelcollapse.estimation.pool_fit import inverse_traces
from modelcollapse.streams import stream
from planted import planted_world


def small_pool(seed: int, counts: tuple[int, ...]) -> Pool:
    return planted_world(len(counts), n_features=6).pool(counts, stream(seed, "matching"))


def residual(pool: Pool, v: Array, *, n_samples: Array, weights: Array, ridge: float) -> float:
    """Return how far v is from solving (P_s/P) v_s e^P_s = g_s, relative to g_s, by the equation itself."""
    traces = inverse_traces(pool, weights=v, ridge=ridge)
    pool_retained = 1 - v * traces / pool.total
    t = traces / pool_retained
    shares = n_samples / n_samples.sum()
    wanted = shares * weights / (1 + weights * t / n_samples.sum())
    active = wanted > 0
    return float(np.max(np.abs(pool.counts / pool.total * v * pool_retained / np.where(active, wanted, 1) - active)))


log_uniform = st.floats(-2, 4).map(lambda exponent: 10.0**exponent)
problems = st.integers(1, 3).flatmap(
    lambda k: st.tuples(
        st.lists(st.integers(24, 200), min_size=k, max_size=k).map(tuple),
        st.lists(st.one_of(st.just(0.0), log_uniform), min_size=k, max_size=k).filter(any),
        st.lists(st.floats(0.05, 20), min_size=k, max_size=k),
    )
)


@given(problem=problems, ridge=st.floats(-4, 1).map(lambda e: 10.0**e), seed=st.integers(0, 20))
def test_match_solves_its_equation_or_is_out_of_reach(
    problem: tuple[tuple[int, ...], list[float], list[float]], ridge: float, seed: int
) -> None:
    counts, samples, omega = problem
    pool = small_pool(seed, counts)
    mixture = {"n_samples": np.array(samples), "weights": np.array(omega)}
    found = match(pool, ridge=ridge, **mixture)
    assert found.iterations <= 40
    if found.found:
        assert residual(pool, found.weights, ridge=ridge, **mixture) < 1e-4
        assert ((found.weights > 0) == (mixture["n_samples"] > 0)).all()
    else:
        traces = inverse_traces(pool, weights=found.weights, ridge=ridge)
        assert (1 - found.weights * traces / pool.total).min() < 2 * MIN_RETAINED


@given(
    counts=st.lists(st.integers(24, 200), min_size=1, max_size=3).map(tuple),
    shrink=st.floats(0.01, 1),
    ridge=st.floats(-4, 1).map(lambda e: 10.0**e),
)
@example(counts=(24, 108, 108), shrink=0.01, ridge=10**-2.75)  # fewer samples than features
def test_match_reaches_mixtures_no_larger_than_the_pool(counts: tuple[int, ...], shrink: float, ridge: float) -> None:
    pool = small_pool(0, counts)  # at least four rows per feature
    assert match(pool, n_samples=shrink * pool.counts, weights=np.ones(len(counts)), ridge=ridge).found


def test_match_of_the_pool_itself_gives_its_own_weights() -> None:
    pool, weights = small_pool(0, (40, 30, 25)), np.array([1.0, 0.2, 3.0])
    found = match(pool, n_samples=pool.counts, weights=weights, ridge=0.1)
    assert found.found
    np.testing.assert_allclose(found.weights, weights, rtol=1e-5)
    other = match(pool, n_samples=pool.counts + np.array([0, 0, 5]), weights=weights, ridge=0.1)
    assert np.max(np.abs(other.weights / weights - 1)) > 1e-2


def test_match_scales_with_weights_and_ridge() -> None:
    pool, samples, weights = small_pool(0, (40, 30)), np.array([100.0, 10.0]), np.array([1.0, 0.2])
    one = match(pool, n_samples=samples, weights=weights, ridge=0.1)
    five = match(pool, n_samples=samples, weights=5 * weights, ridge=0.5)
    np.testing.assert_allclose(five.weights, 5 * one.weights, rtol=1e-5)


def test_match_says_when_the_pool_cannot_tell() -> None:
    pool = small_pool(0, (3, 2))  # fewer rows than its six features
    assert not match(pool, n_samples=np.array([1e6, 1e6]), weights=np.ones(2), ridge=1e-4).found
    assert match(pool, n_samples=np.array([1e6, 1e6]), weights=np.ones(2), ridge=10.0).found


def test_pool_weights_broadcast_over_mixtures() -> None:
    traces, samples = np.array([[3.0, 2.0], [5.0, 1.0]]), np.array([[100.0, 50.0], [10.0, 500.0]])
    weights, counts = np.array([1.0, 0.5]), np.array([60.0, 40.0])
    together = pool_weights(traces, n_samples=samples, weights=weights, counts=counts)
    for row in range(2):
        single = pool_weights(traces[row], n_samples=samples[row], weights=weights, counts=counts)
        for value, expected in zip(together, single, strict=True):
            np.testing.assert_allclose(value[row], expected)
    g = (2 / 3) / (1 + 3 / 150)  # the first source of the first mixture by hand
    assert together[0][0, 0] == pytest.approx(100 * g / (60 - 3 * g))
    assert together[1][0, 0] == pytest.approx(1 - 3 * g / 60)
