"""Do files that disagree in columns, kinds or labels get reconciled with a warning, or refused in one line?"""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from modelcollapse.errors import InputError
from modelcollapse.estimation.columns import AlignedColumns, align
from modelcollapse.estimation.labels import Targets, one_hot_rows, resolve_targets
from modelcollapse.estimation.tables import Table, as_table


def _table(columns: dict[str, Any], name: str = "real") -> Table:
    frame = pd.DataFrame(columns)
    return as_table(frame.assign(y=np.arange(len(frame)) * 1.5), target="y", name=name)


def _align(real: dict[str, Any], synthetic: dict[str, Any]) -> AlignedColumns:
    return align([_table(real), _table(synthetic, "synthetic")])


def _resolve(*targets: Any, task: str | None = None) -> Targets:
    names = ["real", "synthetic", "synthetic2"]
    tables = [
        Table(features=pd.DataFrame({"x": np.arange(len(target))}), target=np.asarray(target), name=name)
        for target, name in zip(targets, names, strict=False)
    ]
    return resolve_targets(tables, task=task)


# --- columns


def test_align_takes_columns_in_any_order() -> None:
    aligned = _align({"a": [1.0, 2.0], "b": [3.0, 4.0]}, {"b": [5.0, 6.0], "a": [7.0, 8.0]})
    assert aligned.numeric == ("a", "b")
    assert aligned.frames[1][list(aligned.numeric)].to_numpy().tolist() == [[7.0, 5.0], [8.0, 6.0]]
    assert aligned.warnings == ()


def test_align_leaves_unchanged_frames_uncopied() -> None:
    table = as_table((np.random.default_rng(0).normal(size=(10, 3)), np.arange(10.0)), target=None)
    frame = align([table, table]).frames[0]
    assert np.shares_memory(frame.to_numpy(), table.features.to_numpy())


@pytest.mark.parametrize(
    ("synthetic", "message"),
    [
        ({"a": [1, 2]}, "synthetic: columns differ from those of real: missing `b`"),
        ({"a": [1, 2], "b": [1, 2], "c": [1, 2]}, "extra `c`"),
        ({"a": [1, 2], "B": [1, 2]}, "missing `b`; extra `B`"),
    ],
)
def test_align_refuses_different_columns_by_name(synthetic: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        _align({"a": [1, 2], "b": [1, 2]}, synthetic)
    assert message in str(caught.value)


def test_align_turns_text_that_holds_numbers_into_numbers_with_a_warning() -> None:
    aligned = _align({"a": [1.5, 2.5]}, {"a": ["3.5", None]})
    assert aligned.frames[1]["a"].tolist()[0] == 3.5
    assert aligned.numeric == ("a",)
    assert aligned.warnings == ("synthetic: column `a` holds numbers as text; it was turned into numbers.",)
    assert _align({"a": ["1", "2"]}, {"a": [3, 4]}).numeric == ("a",)


@pytest.mark.parametrize(
    ("real", "synthetic", "message"),
    [
        (
            [1.0, 2.0],
            ["3", "three"],
            "synthetic: column `a` holds text, e.g. 'three' in data row 2, but numbers in real",
        ),
        ([True, False], ["yes", "no"], "e.g. 'yes' in data row 1, but truth values in real. Make both"),
        (["x", "y"], [1, 2], "real: column `a` holds text, e.g. 'x' in data row 1"),
        (pd.to_datetime(["2020-01-01", "2020-01-02"]), [1, 2], "same kind of values everywhere: date in real"),
        ([1j, 2j], [1, 2], "got complex values"),
        ([[1, 2], [3]], [1, 2], "got mixed values. Spread nested values"),
        ([{"k": 1}, {}], [1, 2], "got mixed values. Spread nested values"),
        ([b"x", b"y"], ["x", "y"], "got bytes values. Save the file as UTF-8"),
    ],
)
def test_align_refuses_columns_of_different_kinds(real: Any, synthetic: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        _align({"a": real, "b": [1, 2]}, {"a": synthetic, "b": [3, 4]})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.array([1, 2], dtype=np.uint8), "numeric"),
        ([True, False], "numeric"),
        (pd.array([1, None], dtype="Int64"), "numeric"),
        (pd.array([True, None], dtype="boolean"), "numeric"),
        ([Decimal("1.5"), Decimal("2")], "numeric"),
        (pd.Series([True, None], dtype=object), "numeric"),
        (["a", None], "categorical"),
        (pd.Categorical(["a", "b"]), "categorical"),
        (pd.Series(["a", 1], dtype=object), "categorical"),
        ([datetime.time(1), datetime.time(2)], "categorical"),
    ],
)
def test_align_recognises_kinds(values: Any, kind: str) -> None:
    aligned = _align({"a": values}, {"a": values})
    assert (aligned.numeric, aligned.categorical) == ((("a",), ()) if kind == "numeric" else ((), ("a",)))
    if kind == "numeric":
        assert aligned.frames[0]["a"].dtype.kind in "biuf"


def test_align_turns_dates_into_days_with_a_warning() -> None:
    dates = pd.to_datetime(["1970-01-02 00:00", None, "1970-01-11 12:00"])
    aligned = _align({"a": dates}, {"a": [datetime.date(1970, 1, 3)] * 3})
    assert aligned.frames[0]["a"].tolist()[::2] == [1.0, 10.5]
    assert np.isnan(aligned.frames[0]["a"][1])
    assert "holds dates" in aligned.warnings[0]


def test_align_counts_infinite_values_as_missing() -> None:
    aligned = _align({"a": [1.0, np.inf, -np.inf]}, {"a": [1.0, 2.0, 3.0]})
    assert aligned.frames[0]["a"].isna().tolist() == [False, True, True]
    assert aligned.warnings == ("real: 2 values in `a` counted as missing: infinite or beyond ±1e+30.",)


def test_align_drops_constant_columns_and_saved_indices_with_a_warning() -> None:
    real = {"Unnamed: 0": [0, 1], "a": [1, 2], "b": [7, 7], "c": ["x", "x"], "d": [np.nan, np.nan], "e": [3, 3]}
    synthetic = {"a": [3, 4], "b": [7.0, 7.0], "c": ["x", "x"], "d": [None, None], "e": [3, 4]}
    aligned = _align(real, synthetic)
    assert aligned.numeric == ("a", "e")
    assert aligned.categorical == ()
    assert aligned.warnings == (
        "real: the nameless column (a saved row index) was dropped.",
        "3 constant columns dropped: `b`, `c`, `d`.",
    )
    with pytest.raises(InputError, match="every input column is constant"):
        _align({"a": [1, 1]}, {"a": [1, 1]})


# --- targets


@pytest.mark.parametrize(
    ("real", "task"),
    [
        (["a", "b"] * 3, "classification"),
        ([True, False] * 3, "classification"),
        ([0, 1, 2] * 3, "classification"),
        ([0.0, 1.0] * 3, "classification"),
        (list(range(20)) * 2, "classification"),
        (list(range(21)) * 2, "regression"),
        ([1, 2, 3, 4, 5, 6], "regression"),  # whole numbers that do not repeat
        ([0.5, 1.0] * 3, "regression"),
        (np.eye(3)[[0, 1, 2, 0, 1, 2]], "classification"),
        (np.eye(3)[[0, 1, 2, 0, 1, 2]] * 0.5, "regression"),
    ],
)
def test_resolve_targets_detects_the_task(real: Any, task: str) -> None:
    assert _resolve(real, real).task == task


def test_resolve_targets_obeys_an_explicit_task() -> None:
    resolved = _resolve([0, 1] * 3, [1, 0], task="regression")
    assert resolved.task == "regression"
    assert resolved.values[1].tolist() == [[1.0], [0.0]]
    assert _resolve(list(range(30)) * 2, [3, 4], task="classification").classes == tuple(range(30))
    with pytest.raises(InputError, match="one of regression, classification; got 'regresion'"):
        _resolve([0, 1], [0, 1], task="regresion")


def test_resolve_targets_matches_labels_across_number_types_and_text() -> None:
    resolved = _resolve([10, 2, 2, 10], [2.0, 10.0], np.array(["10", "2"], dtype=object))
    assert resolved.classes == (2, 10)
    assert [codes.tolist() for codes in resolved.values] == [[1, 0, 0, 1], [0, 1], [1, 0]]
    assert one_hot_rows(resolved.values[1], 2).tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_resolve_targets_decodes_one_hot_rows() -> None:
    resolved = _resolve(np.eye(3)[[2, 0, 1, 0, 1, 2]], np.eye(3)[[1, 1]])
    assert resolved.classes == (0, 1, 2)
    assert [codes.tolist() for codes in resolved.values] == [[2, 0, 1, 0, 1, 2], [1, 1]]


def test_resolve_targets_marks_unseen_labels_with_a_warning() -> None:
    resolved = _resolve(["a", "b"] * 2, ["a", "c", "d", "c"])
    assert resolved.values[1].tolist() == [0, -1, -1, -1]
    assert resolved.warnings == ("synthetic: 3 rows dropped, labels unseen in real data: `c`, `d`.",)


def test_resolve_targets_says_which_unseen_labels_differ_by_spaces_or_case() -> None:
    resolved = _resolve(["good day", "b"] * 2, ["b", " Good  day", "c"])
    assert "`c`. ` Good  day` and `good day` differ by spaces or case only" in resolved.warnings[0]


@pytest.mark.parametrize(
    ("targets", "task", "message"),
    [
        ((["a", "b"] * 2, ["a", "b"]), "regression", "real: regression needs a numeric target; got 'a' in data row 1"),
        (
            ([1.5, 2.5], np.array(["3", "x"], dtype=object)),
            None,
            "synthetic: regression needs a numeric target; got 'x'",
        ),
        ((["a", "b"] * 2, ["c", "d"]), None, "synthetic: no label is known to real; it holds `c`, `d`"),
        ((["a", "a"], ["a", "b"]), None, "real: holds the single class `a`"),
        (([1, 1, 1], [1, 2, 3]), None, "real: the target takes the single value 1; there is nothing to learn"),
        (([1, 1, 1], [1, 2, 3]), "classification", "real: holds the single class `1`"),
        ((["a", "b"] * 2, [1, 2]), None, "it holds `1`, `2`. The real labels are text, these are numbers; make"),
        (([1, 2] * 2, ["a", "b"]), None, "it holds `a`, `b`. The real labels are numbers, these are text; make"),
        ((["a", "b"] * 2, ["A ", "B"]), None, "it holds `A `, `B`. `A ` and `a` differ by spaces or case only; make"),
        (([0.5, 2.5], ["a", "b"]), None, "got 'a' in data row 1, and numbers in real"),
        (([2.5, 2.5], [1.5, 2.5]), None, "real: the target takes the single value 2.5"),
        (([str(k) for k in range(9)], ["1", "2"]), None, "9 distinct values in 9 rows; that is no set of classes"),
        (([1.5, 2.5], np.ones((2, 2))), None, "synthetic: the target has 2 outputs; real has 1"),
        ((np.eye(2) * 0.5, np.eye(2)), "classification", "needs one column of labels, or one-hot rows"),
    ],
)
def test_resolve_targets_refuses_unusable_targets(targets: tuple[Any, ...], task: str | None, message: str) -> None:
    with pytest.raises(InputError) as caught:
        _resolve(*targets, task=task)
    assert message in str(caught.value)


def test_resolve_targets_warns_about_heavy_tailed_targets_only() -> None:
    generator = np.random.default_rng(0)
    assert "heavy-tailed" in _resolve(generator.pareto(1.5, 1000), [1.0, 2.0]).warnings[0]
    assert _resolve(generator.normal(size=1000), [1.0, 2.0]).warnings == ()
