"""Is real data rarely told apart from real data, and planted differences always?"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from modelcollapse.decisions import real_against_real
from modelcollapse.decisions.distribution_result import DistributionAudit, Finding
from modelcollapse.decisions.real_against_real import (
    Draws,
    band,
    distances,
    family_wise,
    half_size,
    judge,
    narrowing,
    real_halves,
    synthetic_parts,
    widening,
)
from modelcollapse.errors import InputError
from modelcollapse.estimation.measure import Measure


def halves(n_real: int, n_synthetic: int, *, n_splits: int, seed: int) -> Any:
    """Yield two disjoint halves of the real units and a part of the synthetic ones, all of one size."""
    size = half_size(n_real, n_synthetic)
    parts = synthetic_parts(n_synthetic, size=size, n_parts=n_splits, seed=seed)
    for (first, second), part in zip(real_halves(n_real, size=size, n_splits=n_splits, seed=seed), parts, strict=True):
        yield first, second, part


def test_halves_are_disjoint_and_of_equal_size() -> None:
    for first, second, synthetic in halves(101, 30, n_splits=19, seed=0):
        assert first.size == second.size == synthetic.size == 30
        assert not set(first) & set(second)
        assert len(set(synthetic)) == 30
        assert max(*first, *second) < 101


def test_halves_of_real_units_do_not_depend_on_the_synthetic_ones() -> None:
    few, many = (list(halves(40, n, n_splits=19, seed=3)) for n in (20, 500))
    for (first, second, _), (same_first, same_second, _) in zip(few, many, strict=True):
        np.testing.assert_array_equal(first, same_first)
        np.testing.assert_array_equal(second, same_second)


@pytest.mark.parametrize(("n_real", "n_synthetic"), [(3, 10), (10, 1), (0, 0)])
def test_half_size_refuses_too_little_data(n_real: int, n_synthetic: int) -> None:
    with pytest.raises(InputError, match="too little data"):
        half_size(n_real, n_synthetic)


def test_halves_refuse_too_few_splits() -> None:
    with pytest.raises(InputError, match="at least 19; got 18"):
        next(halves(10, 10, n_splits=18, seed=0))


def correlated(rng: np.random.Generator, n: int, j: int = 30) -> np.ndarray[Any, Any]:
    """Return n draws of j measures with very different spreads, of which some go together and some have heavy tails."""
    common = rng.standard_normal((n, 1))
    values = 0.7 * common + rng.standard_normal((n, j))
    values[:, : j // 3] = np.sign(values[:, : j // 3]) * np.abs(values[:, : j // 3]) ** 2
    return np.asarray(values * 10.0 ** np.linspace(-3, 3, j) + 5)


def alarm_rate(p_value: Any, n_trials: int = 400, *, n_splits: int = 199, n_measures: int = 30) -> float:
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(n_trials):
        drawn = correlated(rng, n_splits + 1, n_measures)
        alarms += p_value(drawn[0], drawn[1:]).min() <= 0.05
    return alarms / n_trials


def too_often(n_trials: int) -> float:
    """Return a rate that a level of 0.05 gives less than once in a million times."""
    return 0.05 + 5 * float(np.sqrt(0.05 * 0.95 / n_trials))


@pytest.mark.parametrize(("n_splits", "n_measures", "n_trials"), [(199, 30, 1000), (39, 30, 1000), (199, 600, 300)])
def test_family_wise_holds_its_level_over_dependent_measures(n_splits: int, n_measures: int, n_trials: int) -> None:
    assert alarm_rate(family_wise, n_trials, n_splits=n_splits, n_measures=n_measures) <= too_often(n_trials)


def test_family_wise_holds_its_level_only_because_observed_values_take_part_in_the_spread() -> None:
    def apart(observed: Any, null: Any) -> Any:
        away, drawn = distances(observed, null)
        return np.array([(1 + (np.abs(drawn).max(axis=1) >= np.abs(away).max()).sum()) / (len(null) + 1)])

    assert alarm_rate(apart, 1000, n_splits=39) > too_often(1000)


def test_family_wise_holds_its_level_only_because_it_corrects() -> None:
    def alone(observed: Any, null: Any) -> Any:
        return np.array([family_wise(observed[[j]], null[:, [j]])[0] for j in range(observed.size)])

    assert alarm_rate(alone, 100) > too_often(100)


def test_family_wise_finds_what_is_far_and_is_not_disturbed_by_it() -> None:
    rng = np.random.default_rng(0)
    null = correlated(rng, 199)
    observed = null.mean(axis=0).copy()
    observed[[3, 20]] += [20, -20] * null.std(axis=0)[[3, 20]]
    found = family_wise(observed, null) <= 0.05
    assert np.flatnonzero(found).tolist() == [3, 20]
    single = family_wise(observed[[3]], null[:, [3]])
    assert single[0] == family_wise(observed, null)[3] == 1 / 200


def test_family_wise_steps_down() -> None:
    """A second finding is judged against the remaining measures only."""
    null = np.random.default_rng(0).standard_normal((199, 2))
    null[:, 0] *= np.linspace(0, 3, 199) ** 3  # heavy tails, which set the bar for the first step
    observed = null.mean(axis=0) + np.array([50.0, 3.2]) * null.std(axis=0)
    alone = family_wise(observed[[1]], null[:, [1]])[0]
    assert family_wise(observed, null)[1] == alone
    assert family_wise(observed * [0, 1], null)[1] > alone  # where the first is not found, its tails count


@pytest.mark.parametrize(
    ("observed", "grain", "p_value"), [(2.0, 0.0, 1.0), (2.1, 0.0, 1 / 200), (2.1, 0.1, 1 / 200), (2.0, 0.1, 1.0)]
)
def test_family_wise_of_a_null_without_spread(observed: float, grain: float, p_value: float) -> None:
    null = np.full((199, 1), 2.0)
    assert family_wise(np.array([observed]), null, grain=grain)[0] == p_value


def test_family_wise_does_not_take_one_new_unit_for_a_finding_where_noise_elsewhere_is_larger() -> None:
    rng = np.random.default_rng(0)
    null = np.column_stack([np.zeros(199), rng.standard_normal((199, 5))])
    one, ten = (np.array([count, 0, 0, 0, 0, 0.0]) for count in (1, 10))
    assert family_wise(one, null, grain=1.0)[0] > 0.05
    assert family_wise(ten, null, grain=1.0)[0] == 1 / 200
    assert family_wise(one, null)[0] == 1 / 200  # a grain is what makes the difference


def test_band_holds_its_share() -> None:
    null = np.random.default_rng(0).normal([0.0, 7.0], 1.0, size=(20_000, 2))
    low, high = band(null, level=0.9, widening=np.array([1.0, 2.0]))
    np.testing.assert_allclose(high - low, [2 * 1.645, 4 * 1.645], rtol=0.05)
    np.testing.assert_allclose(high + low, [0, 14], atol=0.1)


def absent(first: Any, second: Any) -> float:
    """Return the share of the second sample whose values the first has not."""
    return float(np.mean(~np.isin(second, first)))


def novelty_alarms(factor: Any, n_trials: int = 600) -> float:
    """Return how often a second real sample is told apart by its new values, at the level of 1.96 deviations."""
    rng = np.random.default_rng(5)
    alarms = 0
    for trial in range(n_trials):
        real, other = rng.zipf(1.6, 400), rng.zipf(1.6, 200)
        drawn = [
            (absent(real[a], real[b]), absent(real[a], other[s]))
            for a, b, s in halves(400, 200, n_splits=60, seed=trial)
        ]
        null, observed = np.array(drawn).T
        away, _ = distances(observed.mean(keepdims=True), null[:, None], widening=factor(400, 200))
        alarms += abs(away[0]) > 1.96
    return alarms / n_trials


def test_widening_keeps_comparisons_honest() -> None:
    assert novelty_alarms(widening) <= 0.05 + 5 * np.sqrt(0.05 * 0.95 / 600)


def test_widening_is_needed() -> None:
    assert novelty_alarms(lambda *_: 1.0) > 0.05 + 5 * np.sqrt(0.05 * 0.95 / 600)


SUMMARIES = {"mean": np.mean, "spread": lambda values: np.log(np.std(values)), "largest": np.max}


def excess_of_summary(factor: float, summary: Any, n_trials: int = 600) -> float:
    """Return by how many standard errors a second real sample varies more than the null says, times a factor."""
    rng = np.random.default_rng(6)
    excess = np.empty(n_trials)
    for trial in range(n_trials):
        real, other = rng.standard_gamma(2.0, 200), rng.standard_gamma(2.0, 200)
        splits = list(halves(200, 200, n_splits=60, seed=trial))
        first, second, of_other = np.array(
            [[summary(real[a]), summary(real[b]), summary(other[s])] for a, b, s in splits]
        ).T
        observed = of_other[:20].mean() - first.mean()
        excess[trial] = observed**2 - (factor * (second - first).std(ddof=1)) ** 2
    return float(excess.mean() / (excess.std(ddof=1) / np.sqrt(n_trials)))


@pytest.mark.parametrize("name", SUMMARIES)
def test_narrowing_leaves_at_least_the_variance_of_a_second_sample(name: str) -> None:
    factor = float(narrowing(200, 200, n_parts=20))
    assert excess_of_summary(factor, SUMMARIES[name]) < 5
    assert excess_of_summary(factor / 2, SUMMARIES[name]) > 5  # the twin


@pytest.mark.parametrize(
    ("n_real", "n_synthetic", "n_parts", "squared"),
    [(1000, 500, 20, 1.0), (1000, 1000, 10**9, 0.75), (1000, 10**12, 10, 0.55), (1000, 1000, 1, 1.0)],
)
def test_narrowing_follows_the_sizes(n_real: int, n_synthetic: int, n_parts: int, squared: float) -> None:
    assert narrowing(n_real, n_synthetic, n_parts=n_parts) ** 2 == pytest.approx(squared, rel=1e-5)


@pytest.mark.parametrize(
    ("n_real", "n_synthetic", "squared"), [(1000, 500, 3.0), (1000, 1000, 2.0), (1000, 10**9, 1.0), (10**9, 100, 1.0)]
)
def test_widening_follows_the_sizes(n_real: int, n_synthetic: int, squared: float) -> None:
    assert widening(n_real, n_synthetic) ** 2 == pytest.approx(squared, rel=1e-5)


def spread_measure(**changes: Any) -> Measure:
    given: dict[str, Any] = {
        "noun": "spread",
        "subject": "`a{}`",
        "topic": "spread",
        "less": "{subject} varies {change} less",
        "more": "{subject} varies {change} more",
    }
    return Measure(**{**given, **changes})


def test_judge_puts_values_on_the_scale_that_is_shown() -> None:
    rng = np.random.default_rng(0)
    measures = (spread_measure(scale="log"), spread_measure(comparison=True, noun="new"))
    null = np.column_stack([rng.normal(0, 0.01, 199), rng.normal(0.2, 0.01, 199)])
    draws = Draws(
        measures=measures,
        real=np.array([np.log(2.0), 0.2]),
        synthetic=np.array([np.log(1.8), 0.2]),
        null=null,
        n_real=200,
        n_synthetic=100,
    )
    first, second = judge(draws)
    assert (first.name, first.found, first.sentence) == ("spread of `a{}`", True, "`a{}` varies 10 % less")
    assert first.real == pytest.approx(2)
    assert first.band[0] < 2 < first.band[1]
    assert first.band[1] - first.band[0] == pytest.approx(2 * 2 * 1.645 * 0.01, rel=0.3)
    assert not second.found
    assert second.band[0] < 0.2 < second.band[1]
    assert second.band[1] - second.band[0] == pytest.approx(np.sqrt(3) * 2 * 1.645 * 0.01, rel=0.3)
    assert (
        judge(Draws(measures=(), real=null[0, :0], synthetic=null[0, :0], null=null[:, :0], n_real=4, n_synthetic=4))
        == ()
    )


def test_result_is_plain_json() -> None:
    finding = Finding(
        name="a", topic="t", real=1.0, synthetic=np.inf, band=(0.0, 1.0), distance=-np.inf, p_value=0.005, found=True,
        sentence="s",
    )  # fmt: skip
    audit = DistributionAudit(
        source="synthetic", verdict="v", details="", findings=(finding,), losses=(), facts=(), unit="row",
        counts={"real": 2}, level=0.05, n_splits=real_against_real.N_SPLITS, steps=(), warnings=(), seconds=0.0, seed=0,
    )  # fmt: skip
    content = json.loads(json.dumps(audit.to_dict(), allow_nan=False))
    assert content["findings"][0]["distance"] is None
    assert (content["n_measures"], content["n_found"]) == (1, 1)
    assert audit.found == (finding,)
