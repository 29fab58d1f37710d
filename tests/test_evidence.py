"""Are the differences and rates that a verdict rests on as sure as they say? Planted worlds, with twins that fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from decision_worlds import drawn_pool, pair_world
from modelcollapse import solve
from modelcollapse.checks import Array
from modelcollapse.decisions.answers import SYNTHETIC_FACTORS, best_mixture, floors, marginal_rate
from modelcollapse.decisions.evidence import Evidence, whole_number
from modelcollapse.decisions.forecast import Forecast
from modelcollapse.decisions.landscape import INDIFFERENT, landscape
from modelcollapse.decisions.uncertainty import variance_of_sum
from modelcollapse.decisions.verdict import Agreement
from modelcollapse.estimation.pool import Pool
from modelcollapse.result import Status
from modelcollapse.streams import stream
from planted import planted_world

WORLD = pair_world(quality=0.3, spread=0.5)
COUNTS = (300, 400)
RIDGE = 0.05
N_WORLDS = 120
COVERED = (0.80, 0.98)


def evidence_of(pool: Pool, *, inflation: float = 1.0, landscapes: bool = False) -> Evidence:
    ridges = np.array([0.02, RIDGE, 0.1])
    members = range(1, pool.n_sources)
    return Evidence(
        whole=pool,
        pool=pool,
        classification=False,
        ridges=ridges,
        landscapes=tuple(landscape(pool, members=[k], ridges=ridges) for k in members) if landscapes else (),
        points=(),
        checked=Agreement(holds=True, median_deviation=0.01, inflation=inflation, points=7),
        seed=0,
    )


def truth(real: float, synthetic: float) -> float:
    counts = (int(real), int(synthetic))
    return solve(WORLD.problem(counts, weights=(1.0, 1.0), ridge=RIDGE)).test_error


def ideal_evidence() -> list[Evidence]:
    """Return pools whose held-out rows have exactly the target's moments: what is forecast is known from theory."""
    return [evidence_of(WORLD.pool(COUNTS, stream(seed, "evidence"))) for seed in range(N_WORLDS)]


def difference_stderr(evidence: Evidence, first: Forecast, second: Forecast) -> float:
    return evidence.difference_stderr(first, second)


def as_if_independent(evidence: Evidence, first: Forecast, second: Forecast) -> float:
    """Forget that both forecasts come from the same pool."""
    return float(np.hypot(first.stderr, second.stderr))


def pool_alone(evidence: Evidence, first: Forecast, second: Forecast) -> float:
    """Forget that the held-out rows are a sample too."""
    apart = tuple(a - b for a, b in zip(first.influence, second.influence, strict=True))
    return float(np.sqrt(variance_of_sum(apart, evidence.pool.counts)))


@pytest.mark.parametrize(("stderr", "honest"), [(difference_stderr, True), (as_if_independent, False)])
def test_difference_of_forecasts_has_an_honest_standard_error(
    stderr: Callable[[Evidence, Forecast, Forecast], float], honest: bool
) -> None:
    first, second = (300.0, 400.0), (300.0, 300.0)
    expected = truth(*first) - truth(*second)
    found = []
    for seed in range(N_WORLDS):
        evidence = evidence_of(drawn_pool(WORLD, COUNTS, seed))
        more, fewer = (evidence.forecast(np.array(counts), ridge=RIDGE) for counts in (first, second))
        found.append((more.test_error - fewer.test_error - expected) / stderr(evidence, more, fewer))
    assert bool(0.6 < np.sqrt(np.mean(np.square(found))) < 1.5) is honest


@pytest.mark.parametrize(("stderr", "honest"), [(difference_stderr, True), (pool_alone, False)])
def test_difference_counts_few_held_out_rows_as_the_sample_that_they_are(
    stderr: Callable[[Evidence, Forecast, Forecast], float], honest: bool
) -> None:
    first, second = (COUNTS[0], 0.0), (0.0, COUNTS[1])
    expected = truth(*first) - truth(*second)
    found = []
    for seed in range(N_WORLDS):
        evidence = evidence_of(drawn_pool(WORLD, COUNTS, seed, n_holdout=40))
        real, synthetic = (evidence.forecast(np.array(counts, dtype=float), ridge=RIDGE) for counts in (first, second))
        found.append((real.test_error - synthetic.test_error - expected) / stderr(evidence, real, synthetic))
    assert bool(0.6 < np.sqrt(np.mean(np.square(found))) < 1.5) is honest


def test_difference_of_a_forecast_that_is_unknown_is_unknown() -> None:
    evidence = evidence_of(drawn_pool(pair_world(), (30, 5), 0), inflation=2.0)
    known, unknown = (
        evidence.forecast(np.array([30.0, 0.0]), ridge=1.0),
        evidence.forecast(np.array([0, 1e9]), ridge=1e-6),
    )
    assert (known.status, unknown.status) == (Status.OK, Status.NOT_ENOUGH_DATA)
    assert np.isnan(evidence.difference_stderr(known, unknown))
    assert evidence.difference_stderr(known, known) == 0.0


def test_marginal_rate_interval_covers_the_rate_of_the_theory() -> None:
    real, synthetic = COUNTS
    by_real = truth(real + 15, synthetic) - truth(real - 15, synthetic)
    by_synthetic = truth(real, synthetic + 20) - truth(real, synthetic - 20)
    rate = (by_synthetic / 40) / (by_real / 30)
    found = []
    for evidence in ideal_evidence():
        at_hand = evidence.forecast(evidence.counts, ridge=RIDGE)
        found.append(marginal_rate(evidence, at_hand=at_hand)[1])
    known = [(low, high) for low, high in found if np.isfinite(low)]
    assert len(known) > N_WORLDS / 2
    covered = np.mean([low <= rate <= high for low, high in known])
    assert COVERED[0] <= covered <= COVERED[1]
    other = np.mean([low <= 1.0 <= high for low, high in known])
    assert other < COVERED[0]  # the twin: one synthetic row is not worth one real row here


def test_answer_enlarges_standard_errors_as_the_check_demands_and_names_sources() -> None:
    pool = drawn_pool(planted_world(3, n_features=10), (60, 50, 40), 0)
    told = evidence_of(pool).forecast(np.array([60.0, 0.0, 20.5]), weight=0.5, ridge=RIDGE)
    plain, doubled = (evidence_of(pool, inflation=factor).answer(told) for factor in (1.0, 2.0))
    assert doubled.stderr == 2 * plain.stderr
    assert doubled.band[1] - doubled.band[0] > plain.band[1] - plain.band[0]
    assert plain.counts == {"real": 60, "synthetic": 0, "synthetic2": 20.5}
    assert list(plain.training_error) == ["real", "synthetic2"]
    assert (plain.weight, plain.measures) == (0.5, {})


def test_answer_of_an_unknown_forecast_holds_no_number() -> None:
    evidence = evidence_of(drawn_pool(pair_world(), (30, 5), 0))
    answer = evidence.answer(evidence.forecast(np.array([0.0, 1e9]), ridge=1e-6))
    assert answer.status is Status.NOT_ENOUGH_DATA
    assert np.isnan([answer.test_error, answer.stderr, answer.run_to_run, *answer.band]).all()


def test_floors_are_what_endless_rows_reach() -> None:
    evidence = evidence_of(WORLD.pool((3000, 3000), stream(0, "floors")), landscapes=True)
    found = floors(evidence)
    endless: Array = np.array([10.0**7, 0.0])
    assert found.real_only == pytest.approx(truth(*endless), rel=0.05)
    assert found.synthetic_only == pytest.approx(truth(*endless[::-1]), rel=0.05)
    assert found.real_only < found.mixture < found.synthetic_only


def test_mixed_counts_share_synthetic_rows_in_the_pools_proportions() -> None:
    pool = drawn_pool(planted_world(3, n_features=10), (60, 60, 20), 0)
    evidence = evidence_of(pool, landscapes=True)
    where = landscape(pool, members=[1, 2], ridges=evidence.ridges)
    assert evidence.mixed(where, real=7.0, synthetic=40.0).tolist() == [7.0, 30.0, 10.0]
    assert evidence.mixed(evidence.landscapes[1], real=7.0, synthetic=40.0).tolist() == [7.0, 0.0, 40.0]
    assert (whole_number(3.0), whole_number(0.5)) == (3, 0.5)
    assert isinstance(whole_number(3.0), int)


def test_best_mixture_takes_the_fewest_synthetic_rows_among_equally_good_ones() -> None:
    evidence = evidence_of(WORLD.pool(COUNTS, stream(0, "evidence")), landscapes=True)
    told = best_mixture(evidence)
    where = evidence.together
    tried = where.choices(real=float(evidence.counts[0]), synthetic=where.counts[1] * SYNTHETIC_FACTORS)
    least = tried[0].test_error
    equal = [choice.synthetic for choice in tried if choice.test_error <= least * INDIFFERENT]
    assert told.n_samples[1] == round(min(equal))
    assert len(equal) > 1  # fewer rows than those of the smallest error were to be had
    assert least * 0.98 < told.test_error < least * 1.02


def test_best_mixture_passes_over_choices_that_the_exact_forecast_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    evidence = evidence_of(WORLD.pool(COUNTS, stream(0, "evidence")), landscapes=True)
    first, *_ = evidence.together.choices(
        real=float(evidence.counts[0]), synthetic=evidence.together.counts[1] * SYNTHETIC_FACTORS
    )
    asked: list[float] = []
    exact = Evidence.forecast

    def refusing_once(self: Evidence, counts: Array, *, weight: float = 1.0, ridge: float | None = None) -> Forecast:
        told = exact(self, counts, weight=weight, ridge=ridge)
        asked.append(told.test_error)
        return replace(told, status=Status.NOT_ENOUGH_DATA) if len(asked) == 1 else told

    monkeypatch.setattr(Evidence, "forecast", refusing_once)
    assert best_mixture(evidence).status is Status.OK
    assert len(asked) == 2
    assert asked[1] == pytest.approx(first.test_error, rel=0.05)
