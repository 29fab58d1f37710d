"""Does the pool hold what its rows hold, and does one fit show what direct computation shows?"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from modelcollapse import InputError
from modelcollapse.estimation import pool as pool_module
from modelcollapse.estimation.pool import Pool, pool_of, ridge_scale, stratify
from modelcollapse.estimation.pool_fit import PoolSpectrum, fit_pool, inverse_traces
from modelcollapse.estimation.rows import LabelledRows
from modelcollapse.estimation.wording import source_names
from modelcollapse.streams import stream
from planted import planted_world, train

WEIGHTS = np.array([1.0, 0.3])
RIDGE = 0.07


@pytest.fixture(scope="module")
def pool() -> Pool:
    return planted_world(2, n_features=8, n_outputs=2).pool((30, 20), stream(0, "pool"))


def test_rows_refuse_lengths_that_disagree() -> None:
    with pytest.raises(InputError, match="one row per row"):
        LabelledRows(np.zeros((3, 2)), np.zeros((2, 1)))


def test_pool_moments_are_means_over_rows(pool: Pool) -> None:
    for s, rows in enumerate(pool.rows):
        outer = np.mean([np.outer(x, x) for x in rows.features], axis=0)
        np.testing.assert_allclose(pool.second_moments[s], outer, atol=1e-13)
        cross = np.mean([np.outer(x, y) for x, y in zip(rows.features, rows.targets, strict=True)], axis=0)
        np.testing.assert_allclose(pool.cross_moments[s], cross, atol=1e-13)
    assert pool.total == 50
    assert pool.counts.tolist() == [30, 20]
    assert pool.n_features == 8


def test_ridge_scale_is_the_mean_square_of_a_real_feature(pool: Pool) -> None:
    assert ridge_scale(pool) == pytest.approx(np.mean(pool.rows[0].features ** 2))


def test_pool_refuses_columns_that_disagree_and_single_rows(pool: Pool) -> None:
    narrow = LabelledRows(pool.rows[0].features[:, :5], pool.rows[0].targets)
    with pytest.raises(InputError, match="8 features and 2 outputs; got 5 and 2"):
        pool_of([narrow], holdout=pool.holdout)
    with pytest.raises(InputError, match="at least 2 rows; got 1"):
        pool_of([pool.rows[0].take(np.array([0]))], holdout=pool.holdout)


def test_source_names_follow_the_order() -> None:
    assert source_names(4) == ("real", "synthetic", "synthetic2", "synthetic3")


def test_stratify_keeps_every_row_in_order_of_leverage(pool: Pool) -> None:
    strata = stratify(pool, n_strata=3, ridge=RIDGE)
    assert strata.parents.tolist() == [0, 0, 0, 1, 1, 1]
    matrix = sum(rows.features.T @ rows.features for rows in pool.rows) / 50 + RIDGE * np.eye(8)
    inverse = np.linalg.inv(matrix)
    for source in range(2):
        parts = [strata.rows[s] for s in np.flatnonzero(strata.parents == source)]
        together = np.concatenate([part.features for part in parts])
        assert {row.tobytes() for row in together} == {row.tobytes() for row in pool.rows[source].features}
        leverages = [np.einsum("ia,ab,ib->i", part.features, inverse, part.features) for part in parts]
        assert all(low.max() <= high.min() for low, high in pairwise(leverages))
    assert stratify(pool, n_strata=1, ridge=RIDGE) is pool


def test_stratify_keeps_two_rows_per_stratum(pool: Pool) -> None:
    strata = stratify(pool, n_strata=100, ridge=RIDGE)
    assert min(strata.counts) >= 2


def test_split_counts_follow_the_strata(pool: Pool) -> None:
    strata = stratify(pool, n_strata=4, ridge=RIDGE)
    split = strata.split_counts(np.array([300.0, 0.0]))
    assert split[strata.parents == 0].sum() == pytest.approx(300)
    assert (split[strata.parents == 1] == 0).all()
    np.testing.assert_allclose(split[:4], strata.counts[:4] * 10)
    assert strata.source_counts.tolist() == [30, 20]


def test_select_keeps_sources_and_their_order(pool: Pool) -> None:
    strata = stratify(pool, n_strata=2, ridge=RIDGE)
    chosen = strata.select([1])
    assert chosen.names == ("synthetic",)
    assert chosen.parents.tolist() == [0, 0]
    assert chosen.rows == strata.rows[2:]
    assert strata.select([1, 0]).parents.tolist() == [1, 1, 0, 0]


def test_error_rows_are_an_even_selection_of_large_sources(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "MAX_ERROR_ROWS", 10)
    few = pool_of(pool.rows, holdout=pool.holdout)
    assert [len(rows) for rows in few.error_rows] == [10, 10]
    assert few.error_rows[0].features.tolist() == pool.rows[0].features[::3].tolist()
    assert len(fit_pool(few, weights=WEIGHTS, ridge=RIDGE).left_out[0]) == 10


def test_fit_pool_equals_weighted_ridge(pool: Pool) -> None:
    fit = fit_pool(pool, weights=WEIGHTS, ridge=RIDGE)
    expected = train(list(pool.rows), weights=(1.0, 0.3), ridge=RIDGE)
    np.testing.assert_allclose(fit.spectrum.vectors @ fit.coefficients, expected, atol=1e-12)
    np.testing.assert_allclose(fit.outputs, pool.holdout.features @ expected, atol=1e-12)
    assert fit.held_out_error == pytest.approx(np.mean(np.sum(fit.held_out**2, axis=1)))


def test_fit_pool_leaves_rows_out_as_training_without_them_does(pool: Pool) -> None:
    fit = fit_pool(pool, weights=WEIGHTS, ridge=RIDGE)
    for source, row in ((0, 0), (0, 29), (1, 7)):
        fewer = [rows.take(np.delete(np.arange(len(rows)), row)) if s == source else rows
                 for s, rows in enumerate(pool.rows)]  # fmt: skip
        without = train(fewer, weights=(1.0, 0.3), ridge=RIDGE * 50 / 49)  # the penalty of the sum stays as it was
        rows = pool.rows[source]
        np.testing.assert_allclose(fit.left_out[source][row], rows.targets[row] - rows.features[row] @ without)
    exact = np.sum(fit.left_out[0] ** 2, axis=1)  # r²/(1 − h)², and r²/e² with the mean of 1 − h
    alike = exact * fit.kept[0] ** 2 / fit.retained[0] ** 2
    assert fit.left_out_errors[0] == pytest.approx(np.mean(np.sqrt(exact * alike)))


def test_fit_pool_traces_equal_direct_products(pool: Pool) -> None:
    fit = fit_pool(pool, weights=WEIGHTS, ridge=RIDGE)
    moments = pool.second_moments
    inverse = np.linalg.inv(RIDGE * np.eye(8) + 0.6 * moments[0] + 0.4 * 0.3 * moments[1])
    traces = [np.trace(moment @ inverse) for moment in moments]
    np.testing.assert_allclose(fit.traces, traces)
    np.testing.assert_allclose(inverse_traces(pool, weights=WEIGHTS, ridge=RIDGE), traces)
    np.testing.assert_allclose(fit.retained, 1 - WEIGHTS * traces / 50)
    coupling = [[np.trace(a @ inverse @ b @ inverse) / 50 for b in moments] for a in moments]
    np.testing.assert_allclose(fit.coupling, coupling)
    towards = [np.trace(pool.holdout_moment @ inverse @ b @ inverse) / 50 for b in moments]
    np.testing.assert_allclose(fit.holdout_coupling, towards)


def test_fits_at_several_ridges_equal_single_fits(pool: Pool) -> None:
    ridges = np.array([0.01, RIDGE, 3.0])
    for ridge, fit in zip(ridges, PoolSpectrum(pool, WEIGHTS).fits(ridges), strict=True):
        single = fit_pool(pool, weights=WEIGHTS, ridge=float(ridge))
        assert fit.ridge == ridge
        for name in ("retained", "coupling", "holdout_coupling", "left_out_errors", "held_out_error"):
            np.testing.assert_allclose(getattr(fit, name), getattr(single, name), err_msg=name)
