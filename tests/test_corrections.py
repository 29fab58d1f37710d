"""Does a corrected pool fit show the distributions behind the pool? Averages over pools against the truth."""

from __future__ import annotations

import numpy as np
import pytest

from modelcollapse.checks import Array
from modelcollapse.estimation.corrections import Population, population
from modelcollapse.estimation.pool_fit import PoolFit, fit_pool
from modelcollapse.streams import stream
from planted import planted_world, truth

N_POOLS = 120
RIDGE = 0.05
SETTINGS = {  # rows of the pool and their weights
    "one source": ((150,), (1.0,)),
    "two sources": ((200, 150), (1.0, 0.4)),
    "two sources, one unused": ((200, 150), (1.0, 0.0)),
    "three sources": ((150, 200, 120), (1.0, 0.5, 2.0)),
}
FIELDS = ("traces", "sensitivity", "target_sensitivity", "mean_errors", "target_error")


def raw_reading(fit: PoolFit, field: str) -> Array | float:
    """Return what the pool shows when its own moments and errors are taken for those of the distributions."""
    total = fit.spectrum.pool.total
    shown = (fit.traces, fit.coupling * total, fit.holdout_coupling * total, fit.left_out_errors, fit.held_out_error)
    return dict(zip(FIELDS, shown, strict=True))[field]


@pytest.fixture(scope="module", params=SETTINGS)
def populations(request: pytest.FixtureRequest) -> tuple[str, list[Population]]:
    counts, weights = SETTINGS[request.param]
    world = planted_world(len(counts), n_features=40)
    pools = (world.pool(counts, stream(0, "corrections", request.param, i)) for i in range(N_POOLS))
    return request.param, [population(fit_pool(pool, weights=np.array(weights), ridge=RIDGE)) for pool in pools]


def largest_deviation(name: str, field: str, values: list[Array | float]) -> float:
    """Return the largest |mean − truth| in units of 5 standard errors plus truth/(rows of the smallest source).

    The latter is the order of what a first-order correction leaves out.
    """
    counts, weights = SETTINGS[name]
    samples, world = np.array(counts, dtype=float), planted_world(len(counts), n_features=40)
    expected = np.asarray(getattr(truth(world, n_samples=samples, weights=np.array(weights), ridge=RIDGE), field))
    drawn = np.array(values)
    stderr = drawn.std(axis=0, ddof=1) / np.sqrt(N_POOLS)
    allowed = 5 * stderr + np.abs(expected) / min(counts)
    return float(np.max(np.abs(drawn.mean(axis=0) - expected) / allowed))


@pytest.mark.parametrize("field", FIELDS)
def test_population_agrees_with_the_distributions(populations: tuple[str, list[Population]], field: str) -> None:
    name, seen = populations
    assert largest_deviation(name, field, [getattr(one, field) for one in seen]) < 1


@pytest.mark.parametrize("field", FIELDS)
def test_population_twin_without_the_correction_fails(populations: tuple[str, list[Population]], field: str) -> None:
    name, seen = populations
    assert largest_deviation(name, field, [raw_reading(one.fit, field) for one in seen]) > 1


def test_population_of_a_large_pool_is_what_the_pool_shows() -> None:
    pool = planted_world(2, n_features=5).pool((200_000, 100_000), stream(0, "large pool"))
    seen = population(fit_pool(pool, weights=np.array([1.0, 0.4]), ridge=RIDGE))
    for field in FIELDS:
        np.testing.assert_allclose(getattr(seen, field), raw_reading(seen.fit, field), rtol=1e-3, err_msg=field)


def test_population_scales_with_targets_and_weights() -> None:
    world = planted_world(2, n_features=10)
    pool, weights = world.pool((60, 50), stream(0, "scaling")), np.array([1.0, 0.4])
    seen = population(fit_pool(pool, weights=weights, ridge=RIDGE))
    heavier = population(fit_pool(pool, weights=3 * weights, ridge=3 * RIDGE))
    np.testing.assert_allclose(3 * heavier.traces, seen.traces)
    np.testing.assert_allclose(9 * heavier.sensitivity, seen.sensitivity)
    np.testing.assert_allclose(heavier.mean_errors, seen.mean_errors)
    np.testing.assert_allclose(heavier.pool_amplification, seen.pool_amplification)
