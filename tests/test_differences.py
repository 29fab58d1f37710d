"""Are label quality, input shift and damage what was planted? Unbiased, covered by their intervals, with twins."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import norm

from decision_worlds import N_FEATURES, coin_classes, drawn_pool, pair_world, standard_errors
from modelcollapse.checks import Array
from modelcollapse.decisions.audit_result import Quality
from modelcollapse.decisions.differences import (
    area_under_curve,
    damage,
    finest_ridge,
    input_shift,
    label_quality,
    label_rule,
    separating_rule,
)
from modelcollapse.estimation.pool import Pool, pool_of
from modelcollapse.streams import stream
from planted import World

N_WORLDS = 160
RIDGE = 1e-3
COVERED = (0.80, 0.98)
"""Share of 90 % intervals that must hold the truth."""

SLOPES = np.array([[0.08, -0.05, 0.06, 0.0, 0.04], [0.0, -0.05, -0.06, 0.1, 0.04]])
SEPARATION = 0.8


def classes_pool(seed: int) -> Pool:
    rng = stream(seed, "coins")
    real, synthetic = (coin_classes(300, rng, slope=slope) for slope in SLOPES)
    return pool_of([real, synthetic], holdout=coin_classes(400, rng, slope=SLOPES[0]))


PLANTED: dict[str, tuple[float, Callable[[int], Pool]]] = {
    "equal inputs": (0.3, lambda seed: drawn_pool(pair_world(quality=0.3), (300, 250), seed)),
    "narrow inputs": (0.3, lambda seed: drawn_pool(pair_world(quality=0.3, spread=0.25), (300, 250), seed)),
    "classes": (2 * float(np.sum((SLOPES[1] - SLOPES[0]) ** 2)), classes_pool),
}


def uncorrected(pool: Pool) -> float:
    """Take the squared difference of two noisy fits for that of the rules."""
    real, synthetic = (label_rule(pool.select([k]), ridge=RIDGE) for k in (0, 1))
    assert real is not None
    assert synthetic is not None
    return float(np.mean(np.sum((synthetic.fit.outputs - real.fit.outputs) ** 2, axis=1)))


@pytest.mark.parametrize("name", PLANTED)
def test_label_quality_is_unbiased_and_its_interval_covers(name: str) -> None:
    truth, draw = PLANTED[name]
    found = [label_quality(draw(seed), source=1, ridge=RIDGE, seed=seed) for seed in range(N_WORLDS)]
    assert all(quality is not None for quality in found)
    values = np.array([quality.value for quality in found if quality])
    assert abs(standard_errors(values, truth)) < 5
    covered = np.mean([quality.interval[0] <= truth <= quality.interval[1] for quality in found if quality])
    assert COVERED[0] <= covered <= COVERED[1]


@pytest.mark.parametrize("name", PLANTED)
def test_label_quality_twin_without_noise_correction_fails(name: str) -> None:
    truth, draw = PLANTED[name]
    assert standard_errors(np.array([uncorrected(draw(seed)) for seed in range(N_WORLDS)]), truth) > 5


def test_label_quality_of_right_labels_is_small_with_zero_in_the_interval() -> None:
    pools = [drawn_pool(pair_world(), (300, 250), seed) for seed in range(60)]
    found = [label_quality(pool, source=1, ridge=RIDGE, seed=seed) for seed, pool in enumerate(pools)]
    assert np.mean([quality is not None and quality.interval[0] == 0 for quality in found]) >= 0.85
    raw = np.mean([uncorrected(pool) for pool in pools])
    assert np.mean([quality.value for quality in found if quality]) < raw / 4


def test_label_quality_is_relative_to_the_variance_of_real_labels_and_repeats_with_its_seed() -> None:
    pool = drawn_pool(pair_world(quality=0.3), (300, 250), 0)
    first, again = (label_quality(pool, source=1, ridge=RIDGE, seed=4) for _ in range(2))
    assert isinstance(first, Quality)
    assert first == again
    assert first != label_quality(pool, source=1, ridge=RIDGE, seed=5)
    assert first.relative == pytest.approx(first.value / pool.holdout.targets.var())
    assert first.interval[0] < first.value < first.interval[1]


def test_label_quality_needs_enough_rows() -> None:
    assert label_quality(drawn_pool(pair_world(), (300, 10), 0), source=1, ridge=1e-6) is None
    assert label_quality(drawn_pool(pair_world(), (10, 300), 0), source=1, ridge=1e-6) is None


def test_label_quality_survives_a_source_whose_labels_never_vary() -> None:
    pool = drawn_pool(World(np.ones((2, 1, 1)), np.zeros((2, 1, 1)), np.zeros(2)), (20, 20), 0)
    quality = label_quality(pool, source=1, ridge=RIDGE)
    assert quality is not None
    assert (quality.value, quality.interval) == (0.0, (0.0, 0.0))
    assert np.isnan(quality.relative)


def test_finest_ridge_is_the_smallest_that_both_sources_can_tell() -> None:
    ridges = np.logspace(-6, 2, 9)
    assert finest_ridge(drawn_pool(pair_world(), (2000, 2000), 0), ridges=ridges) == ridges[0]
    few = finest_ridge(drawn_pool(pair_world(), (2000, 60), 0), ridges=ridges)
    assert ridges[0] < few < ridges[-1]
    assert finest_ridge(drawn_pool(pair_world(), (2000, 3), 0), ridges=ridges[:2]) == ridges[1]


def shifted_pool(seed: int, *, shift: float) -> Pool:
    pool = drawn_pool(pair_world(), (300, 200), seed)
    moved = pool.rows[1].features.copy()
    moved[:, 0] += shift
    return pool_of([pool.rows[0], type(pool.rows[1])(moved, pool.rows[1].targets)], holdout=pool.holdout)


def in_sample_area(pool: Pool) -> float:
    """Score the rows that the rule was learned on."""
    groups = [rows.features for rows in pool.rows]
    rule = separating_rule(groups, ridge=RIDGE)
    return area_under_curve(groups[0] @ rule, groups[1] @ rule)[0]


def test_input_shift_of_equal_laws_is_half_and_covered() -> None:
    found = [input_shift(shifted_pool(seed, shift=0.0), source=1, ridge=RIDGE, seed=seed) for seed in range(N_WORLDS)]
    assert abs(standard_errors(np.array([shift.auc for shift in found]), 0.5)) < 5
    assert abs(standard_errors(np.array([shift.spread for shift in found]), 1.0)) < 5
    covered = np.mean([shift.auc_interval[0] <= 0.5 <= shift.auc_interval[1] for shift in found])
    assert COVERED[0] <= covered <= COVERED[1]


def test_input_shift_twin_scored_on_its_own_rows_fails() -> None:
    values = np.array([in_sample_area(shifted_pool(seed, shift=0.0)) for seed in range(40)])
    assert standard_errors(values, 0.5) > 5


def test_input_shift_detects_a_moved_mean() -> None:
    found = [input_shift(shifted_pool(seed, shift=SEPARATION), source=1, ridge=RIDGE, seed=seed) for seed in range(40)]
    ideal = float(norm.cdf(SEPARATION / np.sqrt(2)))
    mean = np.mean([shift.auc for shift in found])
    assert ideal - 0.05 < mean < ideal
    assert all(shift.auc_interval[0] > 0.5 for shift in found)


def test_input_shift_spread_shrinks_with_narrowed_inputs() -> None:
    pools = [drawn_pool(pair_world(spread=0.25), (300, 200), seed) for seed in range(40)]
    spreads = np.array([input_shift(pool, source=1, ridge=RIDGE).spread for pool in pools])
    assert abs(standard_errors(spreads, 0.25)) < 5


def test_area_under_curve_counts_pairs_and_states_its_error() -> None:
    rng = stream(0, "areas")
    negatives, positives = np.round(rng.standard_normal(30), 1), np.round(rng.standard_normal(20) + 0.5, 1)
    pairs = positives[:, None] - negatives[None, :]
    assert area_under_curve(negatives, positives)[0] == pytest.approx(np.mean((pairs > 0) + 0.5 * (pairs == 0)))
    draws = [area_under_curve(rng.standard_normal(60), rng.standard_normal(40) + 0.7) for _ in range(400)]
    areas, errors = np.array(draws).T
    assert areas.std() == pytest.approx(errors.mean(), rel=0.2)
    assert area_under_curve(np.zeros(5), np.ones(5)) == (1.0, 0.0)


COUNTS = (300.0, 300.0)


def damages(world: World, *, ridge: float = 0.03, real_ridge: float = 0.03, rule_ridge: float = RIDGE) -> Array:
    """Return labels and inputs of the damage in many pools, (pools, 2)."""
    found = [
        damage(
            drawn_pool(world, (400, 400), seed),
            counts=np.array(COUNTS),
            ridge=ridge,
            real_ridge=real_ridge,
            rule_ridge=rule_ridge,
        )
        for seed in range(100)
    ]
    assert all(split is not None for split in found)
    assert all(split.labels + split.inputs == pytest.approx(split.total) for split in found if split)
    return np.array([(split.labels, split.inputs) for split in found if split])


def equal_noise(world: World) -> World:
    return World(world.covariances, world.teachers, np.array([0.3, 0.3]))


def test_damage_of_wrong_labels_on_equal_inputs_is_none_of_the_inputs() -> None:
    labels, inputs = damages(equal_noise(pair_world(quality=0.5))).T
    assert abs(standard_errors(inputs, 0.0)) < 5
    assert standard_errors(labels, 0.0) > 5


def test_damage_of_right_labels_on_narrow_inputs_is_none_of_the_labels() -> None:
    labels, inputs = damages(equal_noise(pair_world(spread=0.1))).T
    assert abs(standard_errors(labels, 0.0)) < 5
    assert standard_errors(inputs, 0.0) > 5


def test_damage_counts_a_ridge_made_strong_by_wrong_labels_as_theirs() -> None:
    opposite = pair_world()
    opposite = World(opposite.covariances, opposite.teachers * np.array([1.0, -1.0])[:, None, None], np.full(2, 0.3))
    labels, inputs = damages(opposite, ridge=3.0).T
    assert abs(standard_errors(inputs, 0.0)) < 5
    assert labels.mean() > 0.5


def test_damage_twin_with_rules_learned_at_a_strong_ridge_fails() -> None:
    _, inputs = damages(equal_noise(pair_world(quality=0.5)), rule_ridge=3.0).T
    assert abs(standard_errors(inputs, 0.0)) > 5


def test_damage_is_unknown_where_the_data_cannot_tell() -> None:
    few = drawn_pool(pair_world(), (N_FEATURES // 2, 300), 0)
    assert damage(few, counts=np.array([10.0, 1e6]), ridge=1e-6, real_ridge=1e-6, rule_ridge=1e-6) is None
