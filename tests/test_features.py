"""Are the prepared arrays what they promise: fitted on real training rows, centred, tamed, split and reproducible?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from modelcollapse.errors import InputError
from modelcollapse.estimation.features import Encoder, fit_encoder, parse_features
from modelcollapse.estimation.labels import one_hot_rows
from modelcollapse.estimation.preparation import MAX_HOLDOUT, MIN_HOLDOUT, PreparedData, prepare
from modelcollapse.estimation.scaling import PLAIN_REACH, SPARSE_REACH, fit_scaling, kurtosis, normal_scores

SHARED = Path(__file__).parents[1].parent / "shared"


def _arrays(n: int = 120, d: int = 4, *, seed: int = 0, classes: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    inputs = generator.normal(size=(n, d)) + 3.0
    return inputs, generator.integers(0, classes, n) if classes else inputs.sum(axis=1) + generator.normal(size=n)


def _mixed(n: int, *, seed: int) -> pd.DataFrame:
    """Return a table with every kind of column."""
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": generator.normal(40, 10, n),
            "income": np.exp(generator.normal(0, 2, n)),
            "member": generator.random(n) < 0.5,
            "city": generator.choice(["Rome", "Oslo", "Bonn"], n),
            "comment": [f"text {seed} {k}" for k in range(n)],
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(generator.integers(0, 999, n), unit="D"),
            "price": generator.normal(size=n),
        }
    )
    frame.loc[generator.random(n) < 0.2, "age"] = np.nan
    frame.loc[generator.random(n) < 0.2, "city"] = None
    return frame


def _fit(values: Any, **options: Any) -> Encoder:
    frame = pd.DataFrame({"x": values})
    return fit_encoder(frame, np.arange(len(frame)), numeric=["x"], categorical=[], **options)


# --- what prepare returns


def test_prepare_without_scale_only_centres_and_appends_ones() -> None:
    inputs, target = _arrays()
    prepared = prepare((inputs, target), _arrays(seed=1), scale="none")
    train = prepared.pools[0].features[:, :-1]
    synthetic = prepared.pools[1].features
    mean = prepared.encoder.mean
    np.testing.assert_allclose(synthetic, np.column_stack([_arrays(seed=1)[0] - mean, np.ones(120)]), rtol=1e-14)
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-13)
    original = np.concatenate([train, prepared.holdout.features[:, :-1]]) + mean
    np.testing.assert_allclose(np.sort(original, axis=0), np.sort(inputs, axis=0), rtol=1e-14)
    assert prepared.feature_names == ("x0", "x1", "x2", "x3", "ones")


def test_prepare_centres_regression_targets_with_the_real_training_mean() -> None:
    inputs, target = _arrays()
    prepared = prepare((inputs, np.column_stack([target, 2 * target])), (inputs + 9, np.column_stack([target] * 2)))
    assert prepared.task == "regression"
    assert prepared.classes == ()
    np.testing.assert_allclose(prepared.pools[0].targets.mean(axis=0), 0, atol=1e-13)
    np.testing.assert_allclose(prepared.pools[1].targets + prepared.target_mean, np.column_stack([target] * 2))


def test_prepare_gives_uncentred_one_hot_targets_for_classification() -> None:
    prepared = prepare(_arrays(classes=3), _arrays(seed=1, classes=3))
    assert prepared.classes == (0, 1, 2)
    assert prepared.target_mean.tolist() == [0, 0, 0]
    np.testing.assert_array_equal(prepared.pools[1].targets, one_hot_rows(_arrays(seed=1, classes=3)[1], 3))


def test_prepare_returns_contiguous_float64_and_names_sources() -> None:
    synthetics = [_mixed(60, seed=1), _mixed(50, seed=2)]
    prepared = prepare(_mixed(100, seed=0), synthetics, target="price")
    assert prepared.names == ("real", "synthetic", "synthetic2")
    for rows in (*prepared.pools, prepared.holdout):
        assert rows.features.flags.c_contiguous
        assert rows.features.dtype == rows.targets.dtype == np.float64
        assert np.isfinite(rows.features).all()
        assert (rows.features[:, -1] == 1).all()
        assert rows.features.shape == (len(rows.targets), len(prepared.feature_names))
    assert [len(rows) for rows in (*prepared.pools, prepared.holdout)] == [75, 60, 50, 25]


def test_prepare_encodes_every_kind_of_column_and_says_so() -> None:
    prepared = prepare(_mixed(200, seed=0), [_mixed(100, seed=1)], target="price")
    assert prepared.feature_names[:-1] == (
        *("age", "income", "member", "since", "age (missing)"),
        *("city_(missing)", "city_Bonn", "city_Oslo", "city_Rome"),
    )
    said = " ".join((*prepared.warnings, *prepared.steps))
    for words in ("`since` holds dates", "Text column `comment` dropped: 150 distinct values", "heavy-tailed column"):
        assert words in said


def test_prepare_is_reproducible_and_depends_on_the_seed() -> None:
    def features(seed: int) -> np.ndarray:
        return prepare(_arrays(), _arrays(seed=1), features="relu:7", seed=seed).pools[1].features

    np.testing.assert_array_equal(features(3), features(3))
    assert not np.allclose(features(3), features(4))


def test_prepare_looks_at_real_training_rows_only() -> None:
    real = _mixed(200, seed=0)
    first, second = (
        prepare(real, [synthetic], target="price", holdout=_mixed(50, seed=5), features="relu:5")
        for synthetic in (_mixed(100, seed=1), _mixed(30, seed=2).assign(age=1e6, income=-5.0))
    )
    np.testing.assert_array_equal(first.pools[0].features, second.pools[0].features)
    np.testing.assert_array_equal(first.holdout.features, second.holdout.features)


def test_encoder_transforms_further_rows_like_the_pools() -> None:
    synthetic = _mixed(100, seed=1)
    prepared = prepare(_mixed(200, seed=0), [synthetic], target="price", features="columns:age", scale="none")
    again = prepared.encoder.transform(synthetic)
    np.testing.assert_array_equal(again, prepared.pools[1].features)


# --- held-out rows


def test_prepare_stratifies_the_holdout_by_class() -> None:
    inputs, _ = _arrays(400)
    labels = np.repeat(["rare", "usual"], [40, 360])
    prepared = prepare((inputs, labels), (inputs + 9, labels))
    assert prepared.holdout.targets.sum(axis=0).tolist() == [10, 90]
    assert prepared.pools[0].targets.sum(axis=0).tolist() == [30, 270]


def test_prepare_bounds_the_holdout() -> None:
    def sizes(n: int) -> tuple[int, int]:
        prepared = prepare(_arrays(n), _arrays(seed=1))
        return len(prepared.pools[0]), len(prepared.holdout)

    assert sizes(200) == (150, 50)
    assert sizes(4 * MAX_HOLDOUT + 1000) == (3 * MAX_HOLDOUT + 1000, MAX_HOLDOUT)
    assert sizes(20) == (10, MIN_HOLDOUT)
    with pytest.raises(InputError, match="real: not enough rows: 19 are usable"):
        sizes(19)


def test_prepare_uses_the_users_holdout_and_keeps_it_apart() -> None:
    real, synthetic, held = _arrays(100), _arrays(100, seed=1), _arrays(50, seed=2)
    real[0][:5] = held[0][:5]
    prepared = prepare(real, synthetic, holdout=held)
    assert [len(rows) for rows in (*prepared.pools, prepared.holdout)] == [95, 100, 50]
    assert "real: 5 rows of 100 dropped, their inputs are in holdout." in prepared.warnings
    with pytest.raises(InputError, match="holdout: holds the same rows as real"):
        prepare(real, synthetic, holdout=real)
    with pytest.raises(InputError, match="holdout: not enough rows: 9 are usable"):
        prepare(real, synthetic, holdout=_arrays(9, seed=3))


def test_prepare_drops_rows_with_unseen_labels() -> None:
    inputs, _ = _arrays(100)
    labels = np.tile(["a", "b"], 50)
    prepared = prepare((inputs, labels), (inputs + 9, np.where(np.arange(100) < 30, "c", labels)))
    assert len(prepared.pools[1]) == 70
    assert "synthetic: 30 rows dropped, labels unseen in real data: `c`." in prepared.warnings


def test_prepare_warns_about_fewer_rows_than_columns() -> None:
    assert (
        "Fewer real training rows (30) than columns (51)." in prepare(_arrays(40, 50), _arrays(40, 50, seed=1)).warnings
    )


def test_prepare_warns_about_levels_unseen_in_real_rows() -> None:
    synthetic = _mixed(100, seed=1).assign(city="Lima")
    prepared = prepare(_mixed(200, seed=0), [synthetic], target="price")
    assert "synthetic: 100 rows with a level of `city` unseen in the real training rows." in prepared.warnings


def test_prepare_refuses_the_same_data_twice() -> None:
    with pytest.raises(InputError, match="synthetic: holds the same rows as real"):
        prepare(_arrays(), _arrays())


# --- feature maps


def test_relu_features_are_those_of_the_scaled_columns() -> None:
    synthetic = _arrays(seed=1)
    prepared = prepare(_arrays(), synthetic, features="relu:9")
    encoder = prepared.encoder
    assert encoder.scaling is not None
    assert encoder.weights is not None
    mapped = np.maximum(encoder.scaling.apply(synthetic[0]) @ encoder.weights.T, 0)
    np.testing.assert_allclose(prepared.pools[1].features[:, :-1], mapped - encoder.mean)
    np.testing.assert_allclose(prepared.pools[0].features[:, :-1].mean(axis=0), 0, atol=1e-13)
    assert prepared.feature_names[0] == "relu0"


@pytest.mark.parametrize(("variance", "agrees"), [(1 / 40, True), (1 / 36, False)])
def test_relu_weights_have_variance_one_over_inputs(variance: float, agrees: bool) -> None:
    encoder = prepare(_arrays(d=40), _arrays(d=40, seed=1), features="relu:4000").encoder
    assert encoder.weights is not None
    stderr = variance * np.sqrt(2 / encoder.weights.size)
    assert (abs(float(np.mean(encoder.weights**2)) - variance) < 5 * stderr) == agrees


def test_column_prefix_uses_only_these_columns() -> None:
    frame = pd.DataFrame(_arrays(d=3)[0], columns=["emb_0", "emb_1", "other"]).assign(y=_arrays()[1])
    prepared = prepare(frame, frame + 7.0, target="y", features="columns:emb_")
    assert prepared.feature_names == ("emb_0", "emb_1", "ones")
    with pytest.raises(InputError, match="no column starts with `bem_`"):
        prepare(frame, frame + 7.0, target="y", features="columns:bem_")
    with pytest.raises(InputError, match="must be numeric; text in `emb_1`"):
        prepare(frame.assign(emb_1="a"), frame.assign(emb_1="b"), target="y", features="columns:emb_")


@pytest.mark.parametrize(
    "text", ["relu", "relu:", "relu:x", "relu:0", "relu:-3", "columns:", "raw:3", "tanh:5", "", None]
)
def test_parse_features_refuses_what_it_does_not_know(text: object) -> None:
    with pytest.raises(InputError, match="features"):
        parse_features(text)


def test_features_beyond_what_an_audit_finishes_with_are_refused() -> None:
    assert parse_features("relu:4000").width == 4000
    with pytest.raises(InputError, match=r"relu width` must be a whole number in \[1, 4000\]; got 4001.*cube"):
        parse_features("relu:4001")
    wide, other = _arrays(30, 4001), _arrays(30, 4001, seed=1)
    with pytest.raises(InputError, match=r"4,001 columns after encoding; at most 4,000 .*relu:WIDTH, or give a proj"):
        prepare(wide, other)
    assert len(prepare(wide, other, features="relu:20").feature_names) == 21
    assert len(prepare((wide[0][:, 1:], wide[1]), (other[0][:, 1:], other[1])).feature_names) == 4001


def test_fit_encoder_refuses_an_unknown_scale() -> None:
    with pytest.raises(InputError, match="`scale` must be one of standard, none"):
        _fit([1.0, 2.0], scale="robust")


# --- scaling and taming


def test_scaling_standardises_plain_columns() -> None:
    values = np.random.default_rng(0).normal(5, 3, size=(1000, 1))
    scaling = fit_scaling(values, names=["x"])
    np.testing.assert_allclose(scaling.apply(values), (values - values.mean()) / values.std(), rtol=1e-12)
    beyond = np.array([[1e9], [-1e9]])
    np.testing.assert_allclose(scaling.apply(beyond).ravel(), [PLAIN_REACH, -PLAIN_REACH])


def test_scaling_bounds_the_leverage_of_heavy_tailed_columns() -> None:
    values = np.random.default_rng(0).pareto(1.2, size=(2000, 1))
    scaled = fit_scaling(values, names=["x"]).apply(values)
    assert kurtosis(values[:, 0]) > 100  # as standardised alone
    assert kurtosis(scaled[:, 0]) < 3.5
    assert (np.diff(scaled[np.argsort(values, axis=0).ravel(), 0]) >= 0).all()  # order is kept
    np.testing.assert_allclose(scaled.mean(), 0, atol=1e-10)


def test_scaling_bounds_sparse_columns() -> None:
    generator = np.random.default_rng(0)
    pixels = np.where(generator.random((3000, 2)) < [0.01, 0.4], generator.integers(1, 256, (3000, 2)), 0).astype(float)
    pixels[0, 0] = 1e7  # one broken row
    scaled = fit_scaling(pixels, names=["border", "centre"]).apply(pixels)

    def reach(columns: np.ndarray) -> float:
        return float(np.abs(columns - np.median(columns, axis=0)).max())

    assert reach(pixels / pixels.std(axis=0)) > 2 * SPARSE_REACH  # as standardised alone
    assert reach(scaled) <= SPARSE_REACH * (1 + 1e-12)
    assert np.unique(scaled[:, 1]).size > 200  # the shape of what varies is kept


def test_scaling_leaves_frequent_binary_columns_standardised() -> None:
    values = np.repeat([[0.0], [1.0]], [700, 300], axis=0)
    np.testing.assert_allclose(fit_scaling(values, names=["x"]).apply(values).std(), 1.0)


def test_scaling_drops_columns_that_do_not_vary() -> None:
    values = np.column_stack([np.arange(10.0), np.full(10, 0.1)])
    assert fit_scaling(values, names=["a", "b"]).apply(values).shape == (10, 1)


def test_normal_scores_are_standard_normal_and_share_ties() -> None:
    values = np.random.default_rng(0).lognormal(0, 3, size=5000)
    knots, scores = normal_scores(values)
    mapped = np.interp(values, knots, scores)
    assert knots.size <= 1000
    assert abs(mapped.mean()) < 0.01
    assert abs(mapped.std() - 1) < 0.01
    knots, scores = normal_scores(np.repeat([0.0, 1.0, 2.0], [30, 30, 40]))
    np.testing.assert_allclose(scores, [-1.0364, -0.1257, 0.8416], atol=1e-4)  # Φ⁻¹ of 0.15, 0.45, 0.80


def test_taming_is_left_out_without_scaling_and_uneven_rows_are_reported() -> None:
    heavy = np.random.default_rng(0).pareto(1.2, size=500)
    encoder = _fit(heavy, scale="none")
    assert encoder.scaling is None
    assert "A few rows carry the inputs' second moments" in encoder.warnings[0]
    assert _fit(np.random.default_rng(0).normal(size=500), scale="none").warnings == ()


def test_columns_constant_in_real_training_rows_are_dropped_with_a_warning() -> None:
    inputs, target = _arrays()
    inputs[:, 1] = 5.0
    prepared = prepare((inputs, target), _arrays(seed=1))
    assert prepared.feature_names == ("x0", "x2", "x3", "ones")
    assert "1 column dropped, constant in the real training rows: `x1`." in prepared.warnings
    assert "x1" in prepare((inputs, target), _arrays(seed=1), scale="none").feature_names


# --- encoding


def test_missing_numbers_become_the_real_median_with_an_indicator() -> None:
    encoder = _fit([1.0, 2.0, np.nan, 9.0], scale="none")
    encoded = encoder.transform(pd.DataFrame({"x": [np.nan, 4.0]}))[:, :-1] + encoder.mean
    np.testing.assert_allclose(encoded, [[2.0, 1.0], [4.0, 0.0]])


def test_rare_levels_share_a_column_and_unknown_ones_join_them() -> None:
    levels = ["a"] * 300 + ["b"] * 300 + [f"rare{k}" for k in range(50)]
    frame = pd.DataFrame({"c": levels})
    encoder = fit_encoder(frame, np.arange(650), numeric=[], categorical=["c"], scale="none")
    assert encoder.feature_names == ("c_a", "c_b", "c (rare)", "ones")
    encoded = encoder.transform(pd.DataFrame({"c": ["a", "rare3", "new", None]}))[:, :-1] + encoder.mean
    np.testing.assert_allclose(encoded, [[1, 0, 0], [0, 0, 1], [0, 0, 1], [0, 0, 1]], atol=1e-14)
    assert encoder.unknown_levels(pd.DataFrame({"c": ["a", "rare3", "new", None]}), np.arange(4)) == {"c": 2}


def test_identifiers_alone_leave_nothing_to_learn_from() -> None:
    frame = pd.DataFrame({"name": [f"n{k}" for k in range(40)], "y": np.arange(40.0)})
    other = frame.assign(name=frame["name"] + "x")
    with pytest.raises(InputError, match="no input column is left"):
        prepare(frame, other, target="y")


@pytest.mark.parametrize("seed", [1, 7])
def test_encoding_in_chunks_equals_encoding_at_once(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    def prepared() -> PreparedData:
        return prepare(_mixed(200, seed=0), [_mixed(100, seed=seed)], target="price", features="relu:5")

    whole = prepared()
    monkeypatch.setattr("modelcollapse.estimation.features._CHUNK_ENTRIES", 50)
    np.testing.assert_allclose(prepared().pools[1].features, whole.pools[1].features, rtol=1e-12, atol=1e-12)


def test_fitting_on_a_sample_changes_scales_little_and_centres_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelcollapse.estimation.features.MAX_FIT_ROWS", 1000)
    prepared = prepare(_arrays(4000), _arrays(seed=1))
    features = prepared.pools[0].features[:, :-1]
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-12)
    assert (np.abs(features.std(axis=0) - 1) < 5 / np.sqrt(2 * 1000)).all()
    assert any("1,000 of 3,000 real training rows" in step for step in prepared.steps)


@pytest.mark.shared
def test_housing_is_tamed() -> None:
    path = SHARED / "data" / "california_housing" / "housing.csv"
    if not path.exists():
        pytest.skip("the housing data of ../shared is absent")
    frame = pd.read_csv(path)
    prepared = prepare(frame.iloc[::2], [frame.iloc[1::2]], target="median_house_value")
    raw = prepare(frame.iloc[::2], [frame.iloc[1::2]], target="median_house_value", scale="none")
    assert max(kurtosis(column) for column in raw.pools[0].features[:, :8].T) > 20
    assert max(kurtosis(column) for column in prepared.pools[0].features[:, :8].T) < 4
    assert np.abs(prepared.pools[1].features).max() < 6
