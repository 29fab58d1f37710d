"""Do simulated chains of Poisson rates have the law of counts drawn one by one, at every size?"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from chains_brute_force import doubled, fitted_on, furthest, replicates
from modelcollapse.problems.poisson import PoissonChain
from modelcollapse.problems.resampling import Resampling
from modelcollapse.simulation.poisson import poisson_numbers
from modelcollapse.simulation.poisson_engine import solve_poisson

THRESHOLD = 5.0
"""Standard errors within which two numbers agree."""
RATES = np.array([0.2, 3.0, 0.0])
COMMON = {"generations": 4, "n_samples": 6, "n_first": 7}
WORKFLOWS = {
    "replace": Resampling("replace", **COMMON),
    "accumulate": Resampling("accumulate", **COMMON),
    "fresh": Resampling("mix", generations=4, n_samples=6, n_real=3, real="fresh"),
    "reused": Resampling("mix", generations=4, n_samples=6, n_real=3, real="reused"),
    "recent": Resampling("recent", window=3, **COMMON),
    "random past": Resampling("random-past", **COMMON),
}


def plain(workflow: Resampling, *, seed: int) -> dict[str, np.ndarray]:
    def one(rng: np.random.Generator) -> dict[str, list[float]]:
        def fit(counts: np.ndarray):
            return lambda n: rng.poisson(counts.mean(axis=0), size=(n, 3))

        data = fitted_on(workflow, real=lambda n: rng.poisson(RATES, size=(n, 3)), fit=fit, rng=rng)
        rates = [counts.mean(axis=0) for counts in data]
        return {
            "squared_error": [float(((rate - RATES) ** 2).sum()) for rate in rates],
            "surviving_rates": [float((rate > 0).sum()) for rate in rates],
        }

    return replicates(one, n=800, seed=seed)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_poisson_chains_have_the_law_of_counts_drawn_one_by_one(name: str) -> None:
    workflow = WORKFLOWS[name]
    drawn = plain(workflow, seed=list(WORKFLOWS).index(name))
    assert furthest(drawn, solve_poisson(PoissonChain(RATES, workflow), n_replicates=4000)) < THRESHOLD
    more = PoissonChain(RATES, doubled(workflow))
    assert furthest(drawn, solve_poisson(more, n_replicates=4000)) > THRESHOLD


def test_poisson_chains_of_a_trillion_samples_drift_as_they_should() -> None:
    """E (λ_t − λ)² = λ (t + 1)/n."""
    rates, n = np.array([1e-3, 1e6]), 10**12
    chain = PoissonChain(rates, Resampling("replace", generations=4, n_samples=n))
    result = solve_poisson(chain, n_replicates=4000)
    found, stderr = (np.array(values["squared_error"]) for values in (result.generations, result.stderr["generations"]))
    for fits, agree in ((np.arange(1, 6), True), (np.arange(2, 7), False)):
        expected = rates.sum() * fits / n
        assert ((np.abs(found - expected) / stderr).max() < THRESHOLD) == agree
    assert result.generations["surviving_rates"] == (2.0,) * 5


@pytest.mark.parametrize("mean", [0.5, 40.0, 1e11, 1e15])
def test_poisson_numbers_have_the_law_of_poisson_numbers(mean: float) -> None:
    numbers = poisson_numbers(np.random.default_rng(0), np.full(20_000, mean))
    jitter = np.random.default_rng(1).random(len(numbers))
    if mean < 1e9:
        level = stats.poisson.cdf(numbers - 1, mean) + stats.poisson.pmf(numbers, mean) * jitter
    else:
        level = stats.norm.cdf((numbers - mean) / np.sqrt(mean))
    assert stats.kstest(level, "uniform").pvalue > 1e-6
    assert stats.kstest(np.clip(level + 0.03, 0, 1), "uniform").pvalue < 1e-6
