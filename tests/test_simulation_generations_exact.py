"""Does the simulation of generations find what is known exactly, and what others have published?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from generation_examples import recursion
from modelcollapse import Mixture, Recursion, Schedule, Spectrum, simulate, simulate_generations

THRESHOLD = 5.0
"""Standard errors within which two numbers agree."""


def ridgeless(kind, *, d=10, n=50, noise=1.0, generations=9, **given):
    """Return isotropic inputs, no ridge, the same noise and counts everywhere."""
    return recursion(
        kind,
        spectrum=Spectrum.isotropic(d),
        n_real=n,
        n_synthetic=n,
        noise=(noise, noise),
        ridge=0,
        generations=generations,
        **given,
    )


def deviation(result, expected) -> float:
    """Return the largest difference of the excess risks from what is expected, in standard errors."""
    return float(np.max(np.abs(np.array(result.excess_risk) - expected) / result.stderr["excess_risk"]))


FITS = np.arange(1, 11)
UNIT = 10 / (50 - 10 - 1)  # σ² d/(n − d − 1)


@pytest.mark.parametrize("design", ["fresh", "fixed"])
def test_replace_grows_by_the_same_amount_in_each_generation(design):
    result = simulate_generations(ridgeless("replace", design=design), relative_stderr=0.004)
    assert deviation(result, UNIT * FITS) < THRESHOLD
    assert deviation(result, FITS * 10 / (50 - 10)) > THRESHOLD  # the twin: the limit of large sizes
    assert np.max(np.abs(result.bias)) < 1e-20


def test_accumulate_on_fixed_inputs_is_capped_by_pi_squared_over_6():
    result = simulate_generations(ridgeless("accumulate", design="fixed"), relative_stderr=0.004)
    inflation = np.cumsum(1 / FITS**2.0)
    assert deviation(result, UNIT * inflation) < THRESHOLD
    assert deviation(result, UNIT * np.cumsum(1 / FITS**1.8)) > THRESHOLD  # the twin
    assert result.excess_risk[-1] < UNIT * np.pi**2 / 6


def test_accumulate_on_fresh_inputs_is_lower_and_as_was_found_before():
    result = simulate_generations(ridgeless("accumulate"), relative_stderr=0.004)
    risk, stderr = np.array(result.excess_risk), np.array(result.stderr["excess_risk"])
    assert np.all(risk[1:] < (UNIT * np.cumsum(1 / FITS**2.0) - THRESHOLD * stderr)[1:])
    found = np.array([0.2544, 0.3092, 0.3573, 0.3743])  # in generations 0, 1, 4, 9; 0.8 % off where the value is known
    assert np.all(np.abs(risk[[0, 1, 4, 9]] - found) < 3 * 0.008 * found)


@pytest.mark.parametrize(
    ("kind", "inflation"),
    [("accumulate", np.cumsum(1 / np.arange(1, 21) ** 2.0)), ("replace", np.arange(1.0, 21))],
)
@pytest.mark.parametrize("design", ["fresh", "fixed"])
def test_one_parameter_from_many_samples_has_the_inflation_of_any_regular_estimator(kind, inflation, design):
    result = simulate_generations(ridgeless(kind, d=1, n=10**7, generations=19, design=design), n_replicates=1600)
    assert inflation[[1, 4, 19]] == pytest.approx(
        {"accumulate": [1.25, 1.464, 1.596], "replace": [2, 5, 20]}[kind], rel=1e-3
    )
    assert deviation(result, inflation / 10**7) < THRESHOLD
    assert deviation(result, inflation[::-1] / 10**7) > THRESHOLD  # the twin


def test_one_parameter_from_subsamples_of_the_pool_has_the_published_inflation():
    result = simulate_generations(
        ridgeless("accumulate-subsample", d=1, n=600, generations=4, subsample=600), n_replicates=1600
    )
    inflation = np.array([1, 1.75, 2.391])
    assert deviation_at(result, [0, 1, 4], inflation / (600 - 2)) < THRESHOLD
    assert (
        deviation_at(result, [0, 1, 4], np.array([1, 1.25, 1.464]) / (600 - 2)) > THRESHOLD
    )  # the twin: the whole pool
    later = simulate_generations(ridgeless("accumulate-subsample", d=1, n=100, subsample=100), n_replicates=1600)
    assert result.excess_risk[4] * 598 < later.excess_risk[9] * 98 < np.pi**2 / 2 - 2


def deviation_at(result, generations, expected) -> float:
    """Return the largest difference in some generations, in standard errors."""
    risk, stderr = np.array(result.excess_risk), np.array(result.stderr["excess_risk"])
    return float(np.max(np.abs(risk[generations] - expected) / stderr[generations]))


def test_noise_free_generators_with_half_the_samples_collapse_exponentially_on_fresh_inputs_only():
    problem = ridgeless("replace", d=40, n=20, noise=0.0, generations=6)
    fresh = simulate_generations(problem, relative_stderr=0.004)
    assert deviation(fresh, 1 - 0.5 ** np.arange(1, 8)) < THRESHOLD
    assert deviation(fresh, 1 - 0.5 ** np.arange(2, 9)) > THRESHOLD  # the twin: one generation late
    fixed = simulate_generations(replace(problem, workflow=replace(problem.workflow, design="fixed")))
    assert deviation(fixed, 0.5) < THRESHOLD
    assert np.ptp(fixed.excess_risk) < 1e-12


def test_chain_on_a_power_law_is_as_was_found_before():
    shape = {"spectrum": Spectrum.power_law(300, exponent=1.1), "power": 300, "noise": (0.3, 0.3), "ridge": 1e-3}
    none_real = recursion("replace", generations=5, n_real=800, n_synthetic=800, **shape)
    found = np.array([0.174, 0.370, 0.554, 0.721, 0.869, 1.001]), np.linspace(0.002, 0.009, 6)
    assert apart(simulate_generations(none_real, n_replicates=40), *found) < THRESHOLD
    counts = {"real": [800] + [400] * 5, "synthetic": [0] + [400] * 5}
    half_real = recursion("mix", real="fresh", generations=5, schedule=Schedule(n_samples=counts), **shape)
    mixed = np.array([0.172, 0.258, 0.297, 0.312, 0.316, 0.314]), np.full(6, 0.004)
    result = simulate_generations(half_real, n_replicates=40)
    assert apart(result, *mixed) < THRESHOLD
    assert apart(result, *found) > THRESHOLD  # the twin: without real data


def apart(result, found, stderr) -> float:
    """Return the largest difference from published values that have errors themselves, in standard errors."""
    return float(np.max(np.abs(result.excess_risk - found) / np.hypot(result.stderr["excess_risk"], stderr)))


@pytest.mark.parametrize("width", [None, 30, 150])
def test_generation_0_is_a_fit_of_the_real_source_alone(width):
    problem = recursion("accumulate", generations=1, n_real=80, ridge=0.02, width=width, noise=(0.3, 0.7))
    chain = simulate_generations(problem, relative_stderr=0.004)
    alone = simulate(Mixture(problem.mixture.sources[:1], ridge=0.02, width=width), relative_stderr=0.004)
    difference = chain.excess_risk[0] - alone.excess_risk
    assert abs(difference) < THRESHOLD * np.hypot(chain.stderr["excess_risk"][0], alone.stderr["excess_risk"])
    other = simulate(Mixture(problem.mixture.sources[:1], ridge=0.08, width=width), relative_stderr=0.004)  # the twin
    assert abs(chain.excess_risk[0] - other.excess_risk) > THRESHOLD * chain.stderr["excess_risk"][0]


def test_iterative_mixing_starts_as_a_single_fit_of_the_mixture():
    problem = recursion("mix", real="fresh", generations=1, n_real=60, n_synthetic=90, shift=0.8)
    chain = simulate_generations(problem, relative_stderr=0.004)
    single = simulate(problem.mixture, relative_stderr=0.004)
    difference = chain.excess_risk[1] - single.excess_risk
    assert abs(difference) < THRESHOLD * np.hypot(chain.stderr["excess_risk"][1], single.stderr["excess_risk"])
    assert abs(chain.excess_risk[0] - 0.8) <= THRESHOLD * chain.stderr["excess_risk"][0] + 1e-12
    assert chain.variance[0] == 0


def test_scaling_teachers_and_noise_scales_the_risk_by_the_square():
    one = recursion("mix", real="reused", generations=2, width=50, shift=0.5)
    three = recursion("mix", real="reused", generations=2, width=50, shift=4.5, power=9.0, noise=(2.7, 0.9))
    risks = [np.array(simulate_generations(problem, n_replicates=10).excess_risk) for problem in (one, three)]
    np.testing.assert_allclose(risks[1], 9 * risks[0], rtol=1e-10)


def test_common_factor_of_weights_and_ridge_changes_nothing():
    def weighted(factor: float) -> Recursion:
        problem = recursion("mix", real="fresh", generations=2, ridge=0.1 * factor, weight=0.5 * factor)
        real, synthetic = problem.mixture.sources
        return replace(problem, mixture=replace(problem.mixture, sources=[replace(real, weight=factor), synthetic]))

    risks = [np.array(simulate_generations(weighted(factor), n_replicates=10).excess_risk) for factor in (1.0, 7.0)]
    np.testing.assert_allclose(risks[0], risks[1], rtol=1e-10)
