"""Are the measures of a table what libraries and plain loops say they are?"""

from __future__ import annotations

import threading
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.spatial import cKDTree
from scipy.stats import entropy, spearmanr
from scipy.stats.contingency import association
from sklearn.metrics import roc_auc_score

from modelcollapse.estimation import table_association, table_classifier
from modelcollapse.estimation.table_association import Association, fit_association
from modelcollapse.estimation.table_categories import fit_categories
from modelcollapse.estimation.table_classifier import area, tell_apart
from modelcollapse.estimation.table_clusters import fit_clusters
from modelcollapse.estimation.table_columns import Columns, Frame, encode, infer_schema
from modelcollapse.estimation.table_neighbours import distances, fit_neighbours
from modelcollapse.estimation.table_quantiles import fit_quantiles
from modelcollapse.estimation.table_repeats import fit_repeats
from modelcollapse.estimation.table_space import fit_space
from modelcollapse.estimation.table_spread import fit_spread
from modelcollapse.estimation.table_topics import Parts, Topic, root_grain
from planted_tables import CATEGORIES, NUMBERS, sample

SIZE = 300


@cache
def real() -> Columns:
    """Return real rows, with some numbers missing and some repeated."""
    rng = np.random.default_rng(0)
    table = sample(rng, 800)
    table.loc[rng.random(800) < 0.1, "b"] = np.nan
    table["c"] = table["c"].round(1)
    table.iloc[700:] = table.iloc[:100].to_numpy()
    frame = Frame(data=table.infer_objects(), name="real")
    return encode(frame, infer_schema(frame, None))


@cache
def other() -> Columns:
    """Return rows of another table, one of whose categories is new."""
    table = sample(np.random.default_rng(1), 500)
    table.loc[:20, "e"] = "new"
    return encode(Frame(data=table, name="other"), real().schema)


def parts(n_rows: int, seed: int = 0) -> Parts:
    return np.stack([np.random.default_rng(seed + k).permutation(n_rows)[:SIZE] for k in range(3)])


def measured(topic: Topic, table: Columns) -> pd.DataFrame:
    """Return the shown value of each summary in each part, one row per part."""
    rows = topic.real if table is real() else topic.encode(table)
    values = topic.summary(topic.statistic(rows, parts(len(table))), rows, SIZE)
    measures = topic.measures(SIZE)[: values.shape[1]]
    shown = [[measure.shown(value) for measure, value in zip(measures, row, strict=True)] for row in values]
    return pd.DataFrame(shown, columns=[measure.name for measure in measures])


@pytest.mark.parametrize("table", [real, other])
def test_spread_is_that_of_the_values_in_each_part(table: Any) -> None:
    found = measured(fit_spread(real()), table())
    for k, rows in enumerate(parts(len(table()))):
        for j, name in enumerate(NUMBERS):
            values, known = table().numbers[rows, j], real().numbers[:, j]
            known = known[~np.isnan(known)]
            low, high = np.quantile(known, 0.01, method="lower"), np.quantile(known, 0.99, method="higher")
            alone = [table is real and np.sum(known == end) == 1 for end in (low, high)]
            assert found[f"spread of `{name}`"][k] == pytest.approx(np.nanstd(values), rel=1e-9)
            assert found[f"mean of `{name}`"][k] == pytest.approx(np.nanmean(values), rel=1e-9)
            present = values[~np.isnan(values)]
            assert found[f"lower tail of `{name}`"][k] == pytest.approx(
                np.mean((present < low) | (alone[0] & (present == low)))
            )
            assert found[f"upper tail of `{name}`"][k] == pytest.approx(
                np.mean((present > high) | (alone[1] & (present == high)))
            )
            excess = np.mean(np.maximum(present - high, 0))
            assert found[f"depth of the upper tail of `{name}`"][k] == pytest.approx(excess, abs=1e-12)
            assert found[f"missing share of `{name}`"][k] == pytest.approx(np.mean(np.isnan(values)))


def test_tails_are_as_likely_for_new_rows_as_for_real_ones() -> None:
    """Counting real rows strictly beyond a real row would make tails of new rows 1/n too heavy."""
    rng = np.random.default_rng(0)
    n_rows, shares = 200, []
    for _ in range(20):
        tables = [pd.DataFrame(rng.standard_normal((n_rows, 50))).add_prefix("x") for _ in range(2)]
        frames = [Frame(data=table, name="table") for table in tables]
        topic = fit_spread(encode(frames[0], infer_schema(frames[0], None)))
        new = topic.encode(encode(frames[1], infer_schema(frames[0], None)))
        shares.append([rows.values[:, 150:250].mean() for rows in (topic.real, new)])
    difference = np.subtract(*np.array(shares).T)
    assert abs(difference.mean()) < 5 * difference.std(ddof=1) / np.sqrt(20) < 1 / n_rows


def test_range_counts_records_of_real_rows_as_if_they_were_new() -> None:
    topic = fit_spread(real())
    outside = topic.real.values[:, -2 * len(NUMBERS) : -len(NUMBERS)]
    for j, name in enumerate(NUMBERS):
        column = real().numbers[:, j]
        ends = [np.nanmin(column), np.nanmax(column)]
        expected = [i for i, v in enumerate(column) if v in ends and np.sum(column == v) == 1]
        assert np.flatnonzero(outside[:, j]).tolist() == expected, name


@pytest.mark.parametrize("table", [real, other])
def test_quantiles_are_within_a_bin_of_the_exact_ones(table: Any) -> None:
    found = measured(fit_quantiles(real()), table())
    for k, rows in enumerate(parts(len(table()))):
        for j, name in enumerate(NUMBERS):
            if name == "c":
                continue  # rounded, so that a bin is wide
            values = table().numbers[rows, j]
            low, median, high = np.nanquantile(values, [0.05, 0.5, 0.95])
            assert found[f"middle 90 % of `{name}`"][k] == pytest.approx(high - low, rel=0.05)
            assert found[f"median of `{name}`"][k] == pytest.approx(median, abs=0.05)


@pytest.mark.parametrize("table", [real, other])
def test_repeats_are_counted_within_each_part(table: Any) -> None:
    found = measured(fit_repeats(real()), table())
    frame = pd.DataFrame(np.column_stack([table().numbers, table().codes])).astype(np.float32)
    for k, rows in enumerate(parts(len(table()))):
        for j, name in enumerate(NUMBERS):
            values = pd.Series(table().numbers[rows, j]).dropna()
            assert found[f"repeated values of `{name}`"][k] == pytest.approx(values.duplicated().sum() / SIZE)
        assert found["repeated rows"][k] == pytest.approx(frame.iloc[rows].duplicated().mean())


@pytest.mark.parametrize("table", [real, other])
def test_categories_are_counted_in_each_part(table: Any) -> None:
    found = measured(fit_categories(real()), table())
    for k, rows in enumerate(parts(len(table()))):
        for j, name in enumerate(CATEGORIES):
            counts = pd.Series(table().codes[rows, j]).value_counts()
            assert found[f"number of categories of `{name}`"][k] == len(counts)
            assert found[f"entropy of `{name}`"][k] == pytest.approx(entropy(counts))


def test_categories_compare_parts_as_sets_and_shares() -> None:
    topic = fit_categories(real())
    rows = topic.encode(other())
    chosen = parts(len(real())), parts(len(other()))
    statistics = topic.statistic(topic.real, chosen[0]), topic.statistic(rows, chosen[1])
    values = topic.comparison(*statistics, rows, SIZE)
    measures = topic.measures(SIZE)[-values.shape[1] :]
    assert all(measure.comparison for measure in measures)
    found = pd.DataFrame(values, columns=[measure.name for measure in measures])
    for k in range(3):
        for j, name in enumerate(CATEGORIES):
            first, second = real().codes[chosen[0][k], j], other().codes[chosen[1][k], j]
            assert found[f"lost categories of `{name}`"][k] == pytest.approx(np.mean(~np.isin(first, second)))
            assert found[f"invented categories of `{name}`"][k] == pytest.approx(np.mean(~np.isin(second, first)))
            shares = [pd.Series(codes).value_counts(normalize=True) for codes in (first, second)]
            distance = shares[0].subtract(shares[1], fill_value=0).abs().sum() / 2
            assert found[f"total variation of `{name}`"][k] == pytest.approx(distance)
            counts = pd.Series(first).value_counts()
            rare = counts[(counts >= 2) & (counts <= 3)].index
            kept = f"kept rare categories (2 to 3 rows) of `{name}`"
            assert found[kept][k] == pytest.approx(np.isin(rare, second).mean())


def whole(topic: Association) -> dict[str, float]:
    """Return the associations in all real rows."""
    values = topic.summary(topic.statistic(topic.real, np.arange(len(real()))[None]), topic.real, len(real()))[0]
    measures = topic.measures(len(real()))
    return {measure.name: measure.shown(value) for measure, value in zip(measures, values, strict=True)}


def test_association_of_numbers_is_spearmans() -> None:
    found = whole(fit_association(real()))
    for i, j in combinations((0, 2, 3), 2):  # 1 has missing values, which count as the mean rank
        name = f"rank correlation of `{NUMBERS[i]}` and `{NUMBERS[j]}`"
        expected = spearmanr(real().numbers[:, i], real().numbers[:, j]).statistic
        assert found[name] == pytest.approx(expected, rel=1e-9)


def test_association_with_categories_is_the_correlation_ratio_and_cramers() -> None:
    found = whole(fit_association(real()))
    codes = np.minimum(real().codes, 10)  # the ten commonest, and all others
    ranks = pd.Series(real().numbers[:, 0]).rank().to_numpy()
    means = pd.Series(ranks).groupby(codes[:, 0]).transform("mean")
    assert found["correlation ratio of `a` and `e`"] == pytest.approx(means.std(ddof=0) / ranks.std(), rel=1e-9)
    table = pd.crosstab(codes[:, 0], codes[:, 1]).to_numpy()
    assert found["Cramér's V of `e` and `f`"] == pytest.approx(association(table, method="cramer"), rel=1e-6)


def test_clusters_share_out_the_rows_at_every_scale() -> None:
    space = fit_space(real())
    topic = fit_clusters(real(), space, seed=0)
    points = space.points(real())
    nearest = ((points[:, None] - topic.centers) ** 2).sum(axis=2).argmin(axis=1)
    for k, members in enumerate(topic.members):
        np.testing.assert_array_equal(topic.rows(k), np.flatnonzero(members[nearest] > 0))
    single = topic.members.sum(axis=1) == 1
    assert single.sum() == len(topic.centers)
    assert (~single).sum() == len(topic.centers) - 2  # a tree without its root


def test_space_is_white_as_far_as_columns_vary() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.standard_normal((2000, 3)) @ rng.standard_normal((3, 3)), columns=list("abc"))
    table["d"] = table["a"]  # a direction that does not vary is not blown up
    frame = Frame(data=table, name="real")
    columns = encode(frame, infer_schema(frame, None))
    variances = np.linalg.eigvalsh(np.cov(fit_space(columns).points(columns).T))
    np.testing.assert_allclose(variances[1:], 1, rtol=0.05)
    assert variances[0] < 1e-6


@pytest.mark.parametrize("own", [True, False])
def test_distances_are_those_of_a_tree(own: bool) -> None:
    rng = np.random.default_rng(0)
    points = rng.standard_normal((900, 4))
    queries = points[:600] if own else rng.standard_normal((600, 4))
    found = distances(queries, points, own=np.arange(600) if own else None)
    expected = cKDTree(points).query(queries, k=2)[0][:, 1 if own else 0]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_neighbours_of_real_rows_leave_themselves_out() -> None:
    topic = fit_neighbours(real(), fit_space(real()), seed=0)
    equal, looked, close, far = topic.real.values.T
    assert equal.sum() == 200  # 100 rows stand twice in the table
    assert looked.all()
    assert far.mean() == pytest.approx(0.01, abs=0.002)
    assert topic.encode(real()).values[:, 0].all()
    assert close.mean() < 0.3


def test_area_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    label, scores = rng.random(500) < 0.3, rng.integers(0, 50, 500).astype(float)
    assert area(scores, label) == pytest.approx(roc_auc_score(label, scores))


def test_classifier_names_the_column_that_gives_the_rows_away() -> None:
    frames = [sample(np.random.default_rng(k), 1500) for k in (0, 1)]
    frames[1]["b"] *= 0.6
    schema = infer_schema(Frame(data=frames[0], name="real"), None)
    tables = [encode(Frame(data=frame, name="table"), schema) for frame in frames]
    told = tell_apart(*tables, n_splits=99, seed=0)
    assert told.area > told.null.max()
    assert next(iter(told.importance)) == "b"
    assert told.null.mean() == pytest.approx(0.5, abs=5 * told.null.std() / np.sqrt(99))


def test_classifier_names_no_column_where_it_tells_nothing_apart() -> None:
    frames = [sample(np.random.default_rng(k), 1500) for k in (0, 1)]
    schema = infer_schema(Frame(data=frames[0], name="real"), None)
    tables = [encode(Frame(data=frame, name="table"), schema) for frame in frames]
    told = tell_apart(*tables, n_splits=99, seed=0)
    assert told.null.min() < told.area < told.null.max()
    assert not told.importance


def test_space_has_an_indicator_of_each_common_category() -> None:
    space = fit_space(real())
    assert len(space.levels) == 10 * len(CATEGORIES)
    assert space.points(real()).shape == (len(real()), len(NUMBERS) + 10 * len(CATEGORIES))
    for column in range(len(CATEGORIES)):
        indicators = space.points(real())[:, len(NUMBERS) + 10 * column :][:, :10]
        assert 0 < indicators.var(axis=0).sum() <= 1 + 1e-9


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
def test_root_grain_is_the_spread_of_roots_of_rare_shares(share: float) -> None:
    """Of common ones it is more, as the number of rows is binomial: by 1/√(1 − share)."""
    rng = np.random.default_rng(0)
    size, n_draws = 1000, 4000
    first, second = np.sqrt(rng.binomial(size, share, (2, n_draws)) / size)
    squares = (first - second) ** 2 / (root_grain(size) ** 2 * (1 - share))
    stderr = squares.std(ddof=1) / np.sqrt(n_draws)
    assert abs(squares.mean() - 1) < 5 * stderr + 1 / (2 * size * share)  # the second term of the expansion
    assert abs(squares.mean() / 2 - 1) > 5 * stderr  # the twin: a grain √2 times as large


def test_of_many_pairs_those_that_are_clear_are_measured_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_association, "MOST_PAIRS", 10)
    measures = fit_association(real()).measures(SIZE)
    pairs = {measure.subject for measure in measures if measure.subject}
    assert pairs == {f"`{i}` and `{j}`" for i, j in combinations(NUMBERS, 2)}  # the others are independent
    assert [measure.noun for measure in measures if not measure.subject] == [
        "mean size of rank correlation",
        "mean size of correlation ratio",
        "mean size of Cramér's V",
    ]


def test_classifiers_are_fitted_in_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fitting sets the filters of warnings: two threads that do so leave none, and every later fit warns."""
    threads = []

    def fitted(features: np.ndarray, label: np.ndarray, real: Columns, seed: int) -> NearerMean:
        threads.append(threading.get_ident())
        return NearerMean(features, label)

    monkeypatch.setattr(table_classifier, "_fitted", fitted)
    tell_apart(real(), real(), n_splits=19, seed=0)
    assert set(threads) == {threading.get_ident()}


class NearerMean:
    """A linear classifier: which class's mean is nearer."""

    def __init__(self, features: np.ndarray, label: np.ndarray) -> None:
        self.towards = features[label].mean(axis=0) - features[~label].mean(axis=0)

    def predict_proba(self, features: np.ndarray) -> np.ndarray:
        scores = features @ self.towards
        return np.stack([-scores, scores], axis=1)


def test_classifier_null_allows_for_what_folds_have_in_common(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_classifier, "_fitted", lambda features, label, real, seed: NearerMean(features, label))
    rng = np.random.default_rng(0)
    columns = [f"x{k}" for k in range(8)]
    squares = []
    for _ in range(400):
        frames = [pd.DataFrame(rng.standard_normal((200, 8)), columns=columns) for _ in range(2)]
        schema = infer_schema(Frame(data=frames[0], name="real"), None)
        tables = [encode(Frame(data=frame, name="table"), schema) for frame in frames]
        told = tell_apart(*tables, n_splits=19, seed=0)
        squares.append(((told.area - 0.5) / told.null.std(ddof=1)) ** 2)
    expected = 18 / 16  # of a squared t with 18 degrees of freedom
    stderr = np.std(squares, ddof=1) / np.sqrt(len(squares))
    assert np.mean(squares) < expected + 5 * stderr
    assert 2 * np.mean(squares) > expected + 5 * 2 * stderr  # the twin: folds taken to be independent
