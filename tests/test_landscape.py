"""Is the best mixture best? Searches against exact forecasts, and planted worlds with a known crossover."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from decision_worlds import drawn_pool, pair_world
from modelcollapse import solve
from modelcollapse.checks import Array
from modelcollapse.decisions.forecast import forecast
from modelcollapse.decisions.landscape import Landscape, around, candidate_ridges, crossing, landscape, strongest_good
from modelcollapse.errors import InputError
from modelcollapse.estimation.pool import Pool, pool_of, ridge_scale
from modelcollapse.result import Status
from planted import World, planted_world

RIDGES = np.logspace(-3, 1, 9)
COUNTS = (120, 400)


def opposite(world: World) -> World:
    return replace(world, teachers=world.teachers * np.array([1.0, -1.0])[:, None, None])


def read(world: World, counts: tuple[int, int] = COUNTS, seed: int = 0) -> tuple[Pool, Landscape]:
    pool = drawn_pool(world, counts, seed)
    return pool, landscape(pool, members=[1], ridges=RIDGES)


@pytest.fixture(scope="module")
def mixed() -> tuple[Pool, Landscape]:
    return read(planted_world(2, n_features=20))


def exact(pool: Pool, real: float, synthetic: float, weight: float, ridge: float) -> float:
    return forecast(pool, n_samples=(real, synthetic), weights=(1.0, weight), ridge=ridge).test_error


def test_best_is_no_worse_than_a_grid_of_exact_forecasts(mixed: tuple[Pool, Landscape]) -> None:
    pool, where = mixed
    synthetic = np.array([0.0, 50.0, 200.0, 400.0, 1600.0])
    best = where.best(real=120.0, synthetic=synthetic)
    assert best is not None
    grid = [exact(pool, 120.0, n, w, r) for n in synthetic for w in (0.1, 0.5, 1.0) for r in RIDGES[::2]]
    found = exact(pool, best.real, best.synthetic, best.weight, best.ridge)
    assert found < np.nanmin(grid) * 1.01
    assert found == pytest.approx(best.test_error, rel=0.01)
    worst = exact(pool, 120.0, 1600.0, 2.5, RIDGES[0])
    assert worst > np.nanmin(grid) * 1.01  # the twin: not every mixture is the best


def test_best_leaves_rows_with_opposite_labels_out_and_gives_them_no_weight() -> None:
    _, where = read(opposite(pair_world()), (300, 300))
    best = where.best(real=300.0, synthetic=np.array([0.0, 300.0]))
    assert best is not None
    assert (best.synthetic, best.weight) == (0.0, 1.0)
    forced = where.best(real=300.0, synthetic=np.array([300.0]))
    assert forced is not None
    assert forced.weight < 0.1


def test_best_is_unknown_where_the_data_cannot_tell() -> None:
    _, where = read(pair_world(), (10, 8))
    blind = replace(where, ridges=np.array([1e-9]))
    assert blind.best(real=1e6, synthetic=np.array([0.0, 1e6])) is None
    crossover = replace(blind, counts=(1e6, 1e6)).crossover()
    assert np.isnan([crossover.best_count, crossover.largest_count]).all()
    assert crossover.harmful_count is None
    assert np.isnan(blind.equivalent_real(0.1))
    assert np.isnan(blind.marginal_rates(np.array([1e6]), ridge=1e-9)).all()


def true_errors(world: World, real: int, synthetic: Array) -> Array:
    """Return the error of each mixture at its best ridge by the theory engine, from the planted distributions."""

    def error(n: int, ridge: float) -> float:
        return solve(world.problem((real, n), weights=(1.0, 1.0), ridge=ridge)).test_error

    return np.array([min(error(int(n), float(ridge)) for ridge in RIDGES) for n in synthetic])


def true_rate(world: World, count: int, *, ridge: float) -> float:
    """Return the marginal value of a synthetic over that of a real row by the theory engine, `count` of each."""

    def error(real: int, synthetic: int) -> float:
        return solve(world.problem((real, synthetic), weights=(1.0, 1.0), ridge=ridge)).test_error

    by_synthetic = error(count, count + 1) - error(count, count - 1)
    return by_synthetic / (error(count + 1, count) - error(count - 1, count))


def test_crossover_is_found_where_synthetic_rows_first_help_and_then_hurt() -> None:
    world = pair_world(quality=0.12)
    counts = np.geomspace(5, 8000, 40).round()
    truth = true_errors(world, 120, counts)
    alone = true_errors(world, 120, np.zeros(1))[0]
    helped = counts[truth < alone]
    assert 5 < len(helped) < len(counts)  # the world is as announced
    crossover = replace(read(world, (2000, 2000))[1], counts=(120.0, 400.0)).crossover()
    assert crossover.harmful_count is not None
    assert np.log(crossover.harmful_count) == pytest.approx(np.log(helped.max()), abs=np.log(2))
    best = counts[truth.argmin()]
    assert np.log(crossover.best_count) == pytest.approx(np.log(best), abs=np.log(2))


def test_crossover_never_harms_where_both_laws_are_the_same() -> None:
    _, where = read(pair_world(), (60, 1000))
    crossover = where.crossover()
    assert crossover.harmful_count is None
    assert crossover.best_count > 60
    assert crossover.largest_count == pytest.approx(100 * 1000)


def test_crossover_is_at_zero_where_synthetic_rows_never_help() -> None:
    crossover = read(opposite(pair_world()), (300, 300))[1].crossover()
    assert crossover.best_count == 0
    assert crossover.harmful_count is not None
    assert crossover.harmful_count < 30


def test_crossover_does_not_take_mixtures_out_of_reach_for_harmful() -> None:
    pool = drawn_pool(pair_world(n_features=40), (200, 10), 0)
    crossover = landscape(pool, members=[1], ridges=np.array([1e-3])).crossover()
    assert 0 < crossover.largest_count < 1000  # beyond, these few rows cannot tell
    assert crossover.harmful_count is None


def test_marginal_rates_have_the_sign_of_what_synthetic_rows_do() -> None:
    for world, helps in ((pair_world(), True), (opposite(pair_world()), False)):
        where = replace(read(world, (2000, 2000))[1], counts=(60.0, 60.0))
        rate = float(where.marginal_rates(np.array([60.0]), ridge=0.01)[0])
        assert (rate > 0) is helps
        assert rate == pytest.approx(true_rate(world, 60, ridge=0.01), rel=0.25)


def test_marginal_rates_are_unknown_where_real_rows_do_not_help_either(mixed: tuple[Pool, Landscape]) -> None:
    _, where = mixed
    flat = replace(where, ridges=np.array([1e20]))
    flat = landscape(mixed[0], members=[1], ridges=flat.ridges)
    assert np.isnan(flat.marginal_rates(np.array([100.0, 400.0]), ridge=1e20)).all()


def test_equivalent_real_inverts_the_learning_curve(mixed: tuple[Pool, Landscape]) -> None:
    _, where = mixed
    for real in (30.0, 120.0, 500.0):
        alone = where.best(real=real, synthetic=np.zeros(1), weights=np.ones(1))
        assert alone is not None
        assert where.equivalent_real(alone.test_error) == pytest.approx(real, rel=0.02)
    assert where.equivalent_real(0.0) == np.inf
    assert where.equivalent_real(1e9) == pytest.approx(120 / 20)


def test_table_holds_the_best_of_every_pair_of_counts(mixed: tuple[Pool, Landscape]) -> None:
    _, where = mixed
    table = where.table()
    assert table.test_error.shape == (len(table.real), len(table.synthetic)) == (10, 11)
    assert table.n_mixtures == 10 * 11 * 10 * len(RIDGES)
    row, column = 4, 5
    assert (table.real[row], table.synthetic[column]) == pytest.approx((120.0, 400.0))
    best = where.best(real=120.0, synthetic=np.array([400.0]))
    assert best is not None
    told = (table.test_error[row, column], table.weight[row, column], table.ridge[row, column])
    assert told == pytest.approx((best.test_error, best.weight, best.ridge))


def test_around_holds_its_centre() -> None:
    counts = around(37.0)
    assert len(counts) == 10
    assert 37.0 in counts
    assert (counts[0], counts[-1]) == pytest.approx((3.7, 370.0))


def test_landscape_of_several_sources_takes_them_together() -> None:
    pool = drawn_pool(planted_world(3, n_features=10), (80, 60, 40), 0)
    both = landscape(pool, members=[1, 2], ridges=RIDGES)
    assert (both.name, both.members, both.counts) == ("synthetic+synthetic2", (1, 2), (80.0, 100.0))
    features = np.concatenate([rows.features for rows in pool.rows[1:]])
    targets = np.concatenate([rows.targets for rows in pool.rows[1:]])
    merged = pool_of([pool.rows[0], type(pool.rows[0])(features, targets)], holdout=pool.holdout)
    alone = landscape(merged, members=[1], ridges=RIDGES)
    assert both.best(real=80.0, synthetic=np.array([100.0])) == alone.best(real=80.0, synthetic=np.array([100.0]))


def test_candidate_ridges_follow_the_features_scale_or_the_user(mixed: tuple[Pool, Landscape]) -> None:
    pool, _ = mixed
    ridges = candidate_ridges(pool, None)
    assert (ridges[0], ridges[-1]) == pytest.approx((1e-5 * ridge_scale(pool), 10 * ridge_scale(pool)))
    assert candidate_ridges(pool, [1.0, 0.1, 1.0]).tolist() == [0.1, 1.0]
    with pytest.raises(InputError, match="`ridge` must be a number in"):
        candidate_ridges(pool, [1e-25])


def test_forecast_answers_where_the_landscape_does(mixed: tuple[Pool, Landscape]) -> None:
    pool, where = mixed
    table = where.errors(real=np.array([120.0]), synthetic=np.array([0.0, 400.0]), weights=np.ones(1), ridges=RIDGES)
    for column, synthetic in enumerate((0.0, 400.0)):
        told = [forecast(pool, n_samples=(120.0, synthetic), ridge=float(ridge)) for ridge in RIDGES]
        assert all(one.status is Status.OK for one in told)
        assert table[0, column, 0] == pytest.approx([one.test_error for one in told], rel=0.01)


def test_strongest_good_takes_the_largest_ridge_that_does_as_well() -> None:
    errors = np.array([[np.nan, 0.300, 0.3001, 0.310], [0.5, 0.4, 0.3, np.nan]])
    assert strongest_good(errors) == (0, 2)  # 0.3001 is as good as 0.300, 0.310 is not
    assert strongest_good(errors[1:]) == (0, 2)


def test_crossing_lies_where_the_line_between_two_counts_passes_the_first_error() -> None:
    counts, errors = np.array([0.0, 10.0, 20.0, 30.0]), np.array([1.0, 0.8, 0.9, 1.3])
    assert crossing(counts, errors, 3) == pytest.approx(22.5)
    assert crossing(counts[:2], np.array([1.0, 1.1]), 1) == 0.0
