"""Does the check on the spot check? Disjoint rows, honest standard errors, and a broken forecast that it notices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from decision_worlds import drawn_pool, pair_world, scored_classes
from modelcollapse.checks import Array
from modelcollapse.decisions import on_the_spot
from modelcollapse.decisions.audit_result import ValidationPoint
from modelcollapse.decisions.on_the_spot import STRATA, handful, split_rows, train_ridge, validate
from modelcollapse.decisions.verdict import agreement
from modelcollapse.estimation.pool import Pool, pool_of
from modelcollapse.estimation.rows import LabelledRows
from modelcollapse.streams import stream


def best_ridge(counts: Array, weight: float) -> float:
    """Stand in for the surface: weaker for more rows."""
    return float(8.0 / counts.sum())


N_WORLDS = 50
WORLD = pair_world(quality=0.3, spread=0.5)


def check(pool: Pool, seed: int = 0) -> tuple[ValidationPoint, ...]:
    return validate(pool, best_ridge=best_ridge, classification=False, seed=seed)[1]


def deviations(seeds: range) -> list[Array]:
    """Return forecast minus measured in joint standard errors, for each world."""
    pools = (drawn_pool(WORLD, (300, 400), seed) for seed in seeds)
    return [np.array([point.deviation for point in check(pool, seed)]) for seed, pool in zip(seeds, pools, strict=True)]


def numbered(n_rows: int) -> LabelledRows:
    return LabelledRows(np.arange(n_rows, dtype=float)[:, None] + 1.0, np.zeros((n_rows, 1)))


def test_split_rows_halves_every_source_without_sharing_a_row() -> None:
    pool = pool_of([numbered(31), numbered(10)], holdout=numbered(5))
    for whole, known, fresh in zip(pool.rows, *split_rows(pool, stream(0, "halves")), strict=True):
        parts = np.concatenate([known.features, fresh.features])
        assert sorted(parts[:, 0]) == whole.features[:, 0].tolist()
        assert len(known) == len(whole) // 2


def test_split_rows_keeps_repeats_of_a_row_in_one_half() -> None:
    twice = LabelledRows(np.repeat(numbered(50).features, 2, axis=0), np.arange(100.0)[:, None])
    (known,), (fresh,) = split_rows(pool_of([twice], holdout=numbered(5)), stream(0, "halves"))
    assert not np.isin(known.features, fresh.features).any()
    assert 0 <= 50 - len(known) < 2


def test_split_rows_parts_rows_of_few_distinct_inputs() -> None:
    binary = LabelledRows((np.arange(100.0) % 2)[:, None], np.arange(100.0)[:, None])
    (known,), (fresh,) = split_rows(pool_of([binary], holdout=numbered(5)), stream(0, "halves"))
    assert len(known) == len(fresh) == 50
    assert set(known.features[:, 0]) == set(fresh.features[:, 0]) == {0.0, 1.0}


@pytest.mark.parametrize("n_rows", range(4, 12))
def test_split_rows_leaves_two_rows_in_each_half_of_a_small_source(n_rows: int) -> None:
    for seed in range(20):
        pool = pool_of([LabelledRows(numbered(n_rows).features // 4, np.zeros((n_rows, 1)))], holdout=numbered(5))
        (known,), (fresh,) = split_rows(pool, stream(seed, "halves"))
        assert min(len(known), len(fresh)) >= 2


def test_validation_trains_on_rows_that_the_forecast_did_not_see(monkeypatch: pytest.MonkeyPatch) -> None:
    told: set[bytes] = set()
    trained: set[bytes] = set()

    def keys(rows: LabelledRows) -> set[bytes]:
        return {row.tobytes() for row in rows.features}

    def forecasting(pool: Pool, **options: Any) -> Any:
        told.update(*(keys(rows) for rows in pool.rows))
        return forecast(pool, **options)

    def training(sources: list[LabelledRows], **options: Any) -> Array:
        trained.update(*(keys(rows) for rows in sources))
        return train_ridge(sources, **options)

    forecast = on_the_spot.forecast
    monkeypatch.setattr(on_the_spot, "forecast", forecasting)
    monkeypatch.setattr(on_the_spot, "train_ridge", training)
    pool = drawn_pool(WORLD, (60, 80), 0)
    check(pool)
    assert told.isdisjoint(trained)
    assert told | trained == keys(pool.rows[0]) | keys(pool.rows[1])
    assert keys(pool.holdout).isdisjoint(told | trained)


def test_validation_states_honest_standard_errors() -> None:
    found = np.concatenate(deviations(range(N_WORLDS)))
    assert 0.6 < np.sqrt(np.mean(found**2)) < 1.5


def test_validation_seldom_raises_a_false_alarm() -> None:
    pools = [drawn_pool(WORLD, (300, 400), seed) for seed in range(N_WORLDS)]
    assert np.mean([agreement(check(pool, seed)).holds for seed, pool in enumerate(pools)]) >= 0.85


def test_validation_notices_labels_shuffled_in_the_known_half(monkeypatch: pytest.MonkeyPatch) -> None:
    def shuffled(pool: Pool, random: np.random.Generator) -> tuple[list[LabelledRows], list[LabelledRows]]:
        known, fresh = split_rows(pool, random)
        known[1] = LabelledRows(known[1].features, random.permutation(known[1].targets))
        return known, fresh

    monkeypatch.setattr(on_the_spot, "split_rows", shuffled)
    pools = [drawn_pool(pair_world(), (300, 300), seed) for seed in range(20)]
    assert np.mean([agreement(check(pool, seed)).holds for seed, pool in enumerate(pools)]) <= 0.1


def test_validation_covers_every_kind_of_mixture_and_weight() -> None:
    trials = handful(np.array([100, 80, 40]), best_ridge)
    assert all((trial.n_samples <= [100, 80, 40]).all() for trial in trials)
    assert {tuple(trial.n_samples > 0) for trial in trials} == {
        (True, False, False),
        (True, True, True),
        (False, True, True),
    }
    assert {trial.ridge for trial in trials} == {best_ridge(trial.n_samples, 1.0) for trial in trials}
    assert any((trial.weights[1:] < 1).all() for trial in trials)
    assert all(trial.weights[0] == 1 for trial in trials)


def test_validation_repeats_with_its_seed() -> None:
    pool = drawn_pool(WORLD, (80, 80), 0)
    assert check(pool, 1) == check(pool, 1)
    assert check(pool, 1) != check(pool, 2)


def test_validation_compares_accuracy_of_classes() -> None:
    rng = stream(0, "spot classes")
    real, synthetic, holdout = (scored_classes(n, rng, shift=s) for n, s in ((400, 0.0), (400, 0.6), (500, 0.0)))
    pool = pool_of([real, synthetic], holdout=holdout)
    n_strata, points = validate(pool, best_ridge=best_ridge, classification=True)
    assert n_strata in STRATA
    gaps = [abs(point.measures["accuracy"] - point.measured_measures["accuracy"]) for point in points]
    assert np.median(gaps) < 0.03
    assert [point.repeats for point in points].count(1) == 6  # where every row of a source is used


def test_validation_of_a_source_too_small_to_be_halved_is_empty() -> None:
    assert validate(drawn_pool(WORLD, (80, 3), 0), best_ridge=best_ridge, classification=False) == (STRATA[0], ())
    assert len(check(drawn_pool(WORLD, (80, 4), 0))) > 0


def test_validation_reports_its_progress() -> None:
    seen: list[tuple[str, int, int]] = []
    pool = drawn_pool(WORLD, (40, 40), 0)
    validate(pool, best_ridge=best_ridge, classification=False, progress=lambda *stage: seen.append(stage))
    assert [done for _, done, _ in seen] == list(range(7))
    assert {total for _, _, total in seen} == {7}
