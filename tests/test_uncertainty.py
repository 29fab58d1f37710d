"""Are the stated standard errors those that pools and trained models show? Many planted pools, one model for each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import norm

from modelcollapse.checks import Array
from modelcollapse.decisions.forecast import BAND_LEVEL, Forecast, forecast
from modelcollapse.decisions.matching import retained_factors
from modelcollapse.decisions.uncertainty import Fluctuation, spread_of
from modelcollapse.estimation.pool_fit import fit_pool
from modelcollapse.streams import stream
from planted import planted_world, squared_error, train

N_POOLS = 200
RIDGE = 0.05
COUNTS = (200, 150)
MIXTURES = {  # samples and weights
    "smaller than the pool": ((100, 80), (1.0, 1.0)),
    "the pool's size": ((200, 150), (1.0, 1.0)),
    "five times the pool": ((1000, 700), (1.0, 0.3)),
    "mostly synthetic": ((150, 1500), (1.0, 0.5)),
}
RATIOS = (0.7, 1.6)  # stated over actual: an error bar in this range is one


@dataclass(frozen=True)
class Study:
    """Forecasts from many pools and the error of one trained model for each."""

    forecasts: list[Forecast]
    trained: Array

    def stated(self, name: str) -> Array:
        return np.array([getattr(one, name) for one in self.forecasts])

    def coverage(self, spread: Array) -> float:
        """Return the share of trained models within the band of a spread about the forecast."""
        half = norm.ppf((1 + BAND_LEVEL) / 2) * spread
        return float(np.mean(np.abs(self.trained - self.stated("test_error")) <= half))


@pytest.fixture(scope="module", params=MIXTURES)
def study(request: pytest.FixtureRequest) -> Study:
    n_samples, weights = MIXTURES[request.param]
    world, forecasts, trained = planted_world(2, n_features=40), [], []
    for i in range(N_POOLS):
        rng = stream(0, "uncertainty", request.param, i)
        pool = world.pool(COUNTS, rng)
        forecasts.append(forecast(pool, n_samples=n_samples, weights=weights, ridge=RIDGE))
        rows = [world.draw(k, n, rng) for k, n in enumerate(n_samples)]
        trained.append(squared_error(train(rows, weights=weights, ridge=RIDGE), pool.holdout))
    return Study(forecasts, np.array(trained))


def test_stderr_is_the_spread_of_forecasts_over_pools(study: Study) -> None:
    actual = study.stated("test_error").std(ddof=1)
    assert RATIOS[0] < np.sqrt(np.mean(study.stated("stderr") ** 2)) / actual < RATIOS[1]


def test_run_to_run_is_the_spread_of_trained_models(study: Study) -> None:
    actual = study.trained.std(ddof=1)
    assert RATIOS[0] < np.sqrt(np.mean(study.stated("run_to_run") ** 2)) / actual < RATIOS[1]


def test_run_to_run_grows_with_the_residuals_that_few_samples_leave() -> None:
    world, n_samples, weights = planted_world(2, n_features=40), (45, 0), (1.0, 1.0)
    stated, without_growth, trained = [], [], []
    for i in range(N_POOLS):
        rng = stream(0, "few samples", i)
        pool = world.pool(COUNTS, rng)
        told = forecast(pool, n_samples=n_samples, weights=weights, ridge=RIDGE)
        assert told.population is not None
        seen, samples, omega = told.population, np.array(n_samples, dtype=float), np.array(weights)
        retained = retained_factors(seen.traces, n_samples=samples, weights=omega)
        same = {"amplification": told.amplification, "retained": retained, "n_samples": samples, "weights": omega}
        stated.append(told.run_to_run)
        without_growth.append(spread_of(seen, fresh_errors=seen.fit.left_out_errors, **same).run_to_run)
        trained.append(squared_error(train([world.draw(0, 45, rng)], weights=(1.0,), ridge=RIDGE), pool.holdout))
    ratio, twin = (np.sqrt(np.mean(np.square(each))) / np.std(trained, ddof=1) for each in (stated, without_growth))
    assert RATIOS[0] < ratio < RATIOS[1]
    assert abs(np.log(twin)) > abs(np.log(ratio))  # the twin: the pool's own residuals say less well


def test_band_covers_trained_models(study: Study) -> None:
    bands = np.array([one.band for one in study.forecasts])
    inside = (bands[:, 0] <= study.trained) & (study.trained <= bands[:, 1])
    assert 0.80 <= np.mean(inside) <= 0.97


@pytest.mark.parametrize("study", ["five times the pool"], indirect=True)
def test_band_twin_without_the_pools_part_covers_too_little(study: Study) -> None:
    assert study.coverage(study.stated("run_to_run")) < 0.80


@pytest.mark.parametrize("study", ["smaller than the pool"], indirect=True)
def test_band_twin_without_the_runs_part_covers_too_little(study: Study) -> None:
    assert study.coverage(study.stated("stderr")) < 0.80


def test_fluctuation_overlap_is_the_variance_of_a_squared_length() -> None:
    pool = planted_world(2, n_features=6, n_outputs=2).pool((80, 60), stream(0, "fluctuation"))
    fit = fit_pool(pool, weights=np.array([1.0, 0.5]), ridge=RIDGE)
    noise = Fluctuation.of(fit, contributions=np.array([0.03, 0.01]))
    assert noise.size == pytest.approx(0.04)
    rng = stream(0, "fluctuation draws")  # moves R (Σ c B)^{1/2} g C^{1/2}, seen by the held-out moment
    spectrum = fit.spectrum
    moved = np.linalg.cholesky(np.tensordot([0.03, 0.01], spectrum.moments, axes=1))
    moved = moved / (spectrum.eigenvalues + RIDGE)[:, None]
    across = np.linalg.cholesky(noise.outputs)
    draws = moved @ rng.standard_normal((40_000, 6, 2)) @ across.T
    lengths = np.einsum("nac,ab,nbc->n", draws, spectrum.holdout_moment, draws)
    lengths *= noise.size / lengths.mean()
    stderr = lengths.var() * np.sqrt((np.mean((lengths - 0.04) ** 4) / lengths.var() ** 2 - 1) / len(lengths))
    assert abs(lengths.var() - 2 * noise.overlap(noise)) < 5 * stderr
    assert abs(lengths.var() - noise.overlap(noise)) > 5 * stderr
