"""Do the simulations of all chains keep one contract: seeds, numbers of replicates, interruption, refusals?"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import kurtosis

from modelcollapse import InputError, Spectrum
from modelcollapse.problems.gaussian import GaussianChain
from modelcollapse.problems.laws import Law
from modelcollapse.problems.ngrams import NgramChain
from modelcollapse.problems.poisson import PoissonChain
from modelcollapse.problems.resampling import Resampling
from modelcollapse.problems.tokens import TokenChain
from modelcollapse.result import ChainResult, Status
from modelcollapse.simulation import chains_engine, sampler
from modelcollapse.simulation.gaussian_engine import solve_gaussian
from modelcollapse.simulation.ngrams_engine import solve_ngrams
from modelcollapse.simulation.poisson_engine import solve_poisson
from modelcollapse.simulation.sampler import Reading
from modelcollapse.simulation.tokens_engine import solve_tokens
from modelcollapse.simulation.trajectories import merged, summed_up

TEXT = np.random.default_rng(0).integers(5, size=40)
REPLACE = Resampling("replace", generations=3, n_samples=12)
ENGINES: dict[str, tuple[Callable[..., ChainResult], Any, str, int]] = {
    "tokens": (solve_tokens, TokenChain(Law.uniform(5), REPLACE), "squared_error", 100),
    "gaussian": (solve_gaussian, GaussianChain(Spectrum.isotropic(2), REPLACE), "variance_ratio", 100),
    "poisson": (solve_poisson, PoissonChain([0.5, 2.0], REPLACE), "squared_error", 100),
    "ngrams": (
        solve_ngrams,
        NgramChain(TEXT, workflow=Resampling("replace", generations=3, n_samples=40)),
        "vocabulary",
        20,
    ),
}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> tuple[Callable[..., ChainResult], Any, str, int]:
    return ENGINES[request.param]


def test_chains_simulation_gives_the_same_bits_to_the_same_seed(engine, monkeypatch) -> None:
    solve, chain, watched, default = engine
    first = solve(chain, seed=3)
    assert (first.n_replicates, first.seed, first.engine, first.status) == (default, 3, "simulation", Status.OK)
    assert solve(chain, seed=3) == first
    assert solve(chain, seed=4).generations[watched] != first.generations[watched]
    monkeypatch.setattr(chains_engine, "n_cores", lambda: 1)
    assert solve(chain, seed=3) == first


def test_chains_simulation_has_a_value_and_an_error_for_each_generation(engine) -> None:
    solve, chain, _, _ = engine
    result = solve(chain, n_replicates=8)
    assert set(result.stderr["generations"]) == set(result.generations)
    assert set(result.stderr["numbers"]) == set(result.numbers)
    for name, values in result.generations.items():
        assert len(values) == len(result.stderr["generations"][name]) == 4
    assert (dict(result.limits), dict(result.bounds)) == ({}, {})


def test_chains_simulation_stops_at_the_standard_error_that_is_asked_for(engine) -> None:
    solve, chain, watched, _ = engine
    for wanted in (0.2, 0.05):
        result = solve(chain, relative_stderr=wanted)
        found, stderr = result.generations[watched], result.stderr["generations"][watched]
        assert all(error <= wanted * value for value, error in zip(found, stderr, strict=True))
    stopped = solve(chain, relative_stderr=1e-6, n_replicates=30)
    assert (stopped.status, stopped.n_replicates) == (Status.NOT_CONVERGED, 30)


def test_chains_simulation_returns_what_there_is_when_interrupted(engine, monkeypatch) -> None:
    solve, chain, watched, _ = engine
    monkeypatch.setattr(sampler, "HEARTBEAT", 10.0)
    monkeypatch.setattr(chains_engine, "MOST_AT_ONCE", 3)

    def report(reading: Reading) -> None:
        if reading.n_replicates >= 6:
            raise KeyboardInterrupt

    result = solve(chain, n_replicates=60, report=report)
    assert (result.status, result.n_replicates) == (Status.INTERRUPTED, 6)
    assert len(result.generations[watched]) == 4
    assert not any(math.isnan(error) for error in result.stderr["generations"][watched])


def test_chains_simulation_without_any_replicate_has_no_numbers(engine, monkeypatch) -> None:
    solve, chain, _, _ = engine

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(chains_engine, "summed_up", interrupted)
    result = solve(chain)
    assert (result.status, result.n_replicates, dict(result.generations)) == (Status.INTERRUPTED, 0, {})


@pytest.mark.parametrize(
    "given", [{"seed": -1}, {"n_replicates": 3}, {"relative_stderr": 0.0}, {"relative_stderr": 2.0}]
)
def test_chains_simulation_refuses_arguments_out_of_range(engine, given: dict[str, float]) -> None:
    solve, chain, _, _ = engine
    with pytest.raises(InputError):
        solve(chain, **given)


def test_summaries_of_parts_merge_to_that_of_all() -> None:
    values = np.random.default_rng(1).normal(5.0, size=(50, 7))
    numbers = values[:, 0] ** 2
    parts = [slice(0, 1), slice(1, 30), slice(30, 50)]
    summaries = [summed_up({"a": values[part], "b": numbers[part]}, watch="a") for part in parts]
    found = merged(summaries)
    assert found["a"].mean == pytest.approx(values.mean(axis=0), rel=1e-14)
    assert found["a"].stderr == pytest.approx(values.std(axis=0, ddof=1) / np.sqrt(50), rel=1e-12)
    assert found["b"].stderr == pytest.approx(numbers.std(ddof=1) / np.sqrt(50), rel=1e-12)
    expected = np.minimum(100 / (kurtosis(values, fisher=False) - 1), 49)
    assert found["a"].freedom == pytest.approx(expected, rel=1e-10)
    assert (expected < 49).any()
    assert np.isnan(merged(summaries[:1])["a"].stderr).all()
    assert summaries[1].watched.tolist() == values[1:30].tolist()


def test_a_standard_error_has_as_many_degrees_of_freedom_as_replicates_decide() -> None:
    rng = np.random.default_rng(2)
    values = {"normal": rng.normal(size=(20_000, 1)), "rare": np.zeros((20_000, 1)), "none": np.zeros((20_000, 1))}
    values["rare"][:7] = 1.0
    found = merged([summed_up({name: array[start::9] for name, array in values.items()}, watch="rare")
                    for start in range(9)])  # fmt: skip
    assert found["normal"].freedom[0] == pytest.approx(20_000, rel=0.1)
    assert found["rare"].freedom[0] == pytest.approx(14, rel=0.01)
    assert (found["none"].freedom[0], found["none"].stderr[0]) == (19_999, 0.0)
