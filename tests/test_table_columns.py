"""Are columns taken for what they are, and told by metadata what they are?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from modelcollapse.errors import InputError
from modelcollapse.estimation import table_columns
from modelcollapse.estimation.table_columns import Frame, Schema, align_frames, as_frame, encode, infer_schema
from modelcollapse.estimation.table_metadata import read_metadata

N_ROWS = 40


def table(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"x": np.arange(N_ROWS) ** 1.5, **columns})


def schema(frame: pd.DataFrame, metadata: Any = None) -> Schema:
    known = None if metadata is None else read_metadata(metadata)
    (aligned,), _ = align_frames([as_frame(frame, name="real")], known)
    return infer_schema(aligned, known)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.arange(N_ROWS) * 100.0 + 0.5, "numeric"),
        (np.arange(N_ROWS) % 7, "numeric"),
        (np.arange(N_ROWS) % 2, "categorical"),
        (np.arange(N_ROWS) % 2 == 0, "categorical"),
        (["a", "b"] * (N_ROWS // 2), "categorical"),
        (np.arange(N_ROWS), "left out"),
        (np.arange(N_ROWS) * 1000, "numeric"),
        ([f"id {k}" for k in range(N_ROWS)], "left out"),
        (pd.date_range("2020-01-01", periods=N_ROWS)[::-1].repeat(2)[:N_ROWS], "numeric"),
        ([None, *["a"] * (N_ROWS - 1)], "categorical"),
    ],
)
def test_columns_are_taken_for_what_they_are(values: Any, kind: str) -> None:
    found = schema(table(y=values))
    assert ("y" in found.numeric, "y" in found.categorical) == (kind == "numeric", kind == "categorical")
    assert any("`y` left out" in step for step in found.steps) == (kind == "left out")


def test_metadata_overrule_what_columns_look_like() -> None:
    values = {"code": np.arange(N_ROWS) % 7, "key": np.arange(N_ROWS) % 9, "note": ["a", "b"] * 20, "flag": [0, 1] * 20}
    kinds = {"x": "numerical", "code": "categorical", "key": "id", "note": "email", "flag": "boolean"}
    found = schema(table(**values), {"columns": {name: {"sdtype": kind} for name, kind in kinds.items()}})
    assert (found.numeric, found.categorical) == (("x",), ("code", "flag"))
    assert [step for step in found.steps if "left out" in step] == [
        "`key` left out: of kind id.",
        "`note` left out: of kind email.",
    ]


def test_metadata_read_dates_in_their_format() -> None:
    dates = [f"{1 + k % 28:02d}.03.2020" for k in range(N_ROWS)]
    columns = {"x": {"sdtype": "numerical"}, "d": {"sdtype": "datetime", "datetime_format": "%d.%m.%Y"}}
    assert schema(table(d=dates), {"columns": columns}).numeric == ("x", "d")
    with pytest.raises(InputError, match=r"must be a date written as %d.%m.%Y, says the metadata; got 'x'"):
        schema(table(d=["x", *dates[1:]]), {"columns": columns})


@pytest.mark.parametrize(
    ("kind", "message"),
    [("datetime", "must hold dates, says the metadata; it holds numbers"), ("boolean", "it holds 40 different values")],
)
def test_metadata_do_not_make_dates_or_truth_values_of_numbers(kind: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        schema(table(), {"columns": {"x": {"sdtype": kind}}})


@pytest.mark.parametrize("below_tables", [False, True])
def test_metadata_are_read_from_a_file(below_tables: bool, tmp_path: Path) -> None:
    content: dict[str, Any] = {
        "columns": {"x": {"sdtype": "numerical"}},
        "primary_key": "k",
        "alternate_keys": [["a", "b"]],
    }
    path = tmp_path / "metadata.json"
    path.write_text(json.dumps({"tables": {"t": content}} if below_tables else content))
    found = read_metadata(path)
    assert (found.kinds, found.keys) == ({"x": "numerical"}, ("k", "a", "b"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "no valid JSON"),
        ("[1]", "must be a JSON object"),
        ("{}", 'needs "columns"'),
        ('{"columns": {"x": {}}}', 'column `x` needs an "sdtype"'),
        ('{"tables": {"a": {}, "b": {}}}', "describe 2"),
        ('{"columns": {"x": {"sdtype": "numericl"}}}', "Did you mean `numerical`"),
    ],
)
def test_metadata_refuse_in_one_line(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "metadata.json"
    path.write_text(content)
    with pytest.raises(InputError, match=message) as error:
        read_metadata(path)
    assert "\n" not in str(error.value)


def test_metadata_of_a_column_that_is_not_there_is_said() -> None:
    frame = pd.DataFrame({"x": np.arange(30) % 7, "y": np.arange(30) % 5})
    columns = {"x": {"sdtype": "numerical"}, "z": {"sdtype": "numerical"}, "w": {"sdtype": "email"}}
    steps = schema(frame, {"columns": columns}).steps
    assert steps == ("`w` left out: of kind email.", "`z` of the metadata is not among the columns.")


def test_metadata_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_metadata(tmp_path / "none.json")


def test_categories_are_coded_by_the_real_ones_and_new_ones_follow() -> None:
    real, other = (Frame(data=pd.DataFrame({"c": list(text)}), name="t") for text in ("aabbbc", "cxaayx"))
    found = encode(other, infer_schema(real, None))
    assert found.schema.levels["c"] == ["b", "a", "c"]
    assert found.codes[:, 0].tolist() == [2, 3, 1, 1, 4, 3]


def test_missing_categories_have_a_code_and_are_marked() -> None:
    frame = Frame(data=pd.DataFrame({"c": ["a", None, "a", "b"]}), name="t")
    found = encode(frame, infer_schema(frame, None))
    assert found.missing[:, 0].tolist() == [False, True, False, False]
    assert found.codes[1, 0] != found.codes[0, 0]


def test_rows_of_large_tables_are_drawn_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_columns, "MOST_ROWS", 25)
    frame = as_frame(table(), name="real")
    assert len(frame.data) == 25
    assert frame.steps == ("real: 25 of 40 rows drawn at random.",)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "the file is empty"),
        ("a.csv", b"x\n1\n", "at least 20 rows"),
        ("a.parquet", bytes(range(256)), "not a valid Parquet file"),
        ("a.csv", bytes(range(256)) * 20, "a zero byte at byte 0"),
        ("a.xyz", b"1", "unknown file format"),
        ("a.npz", b"1", "audited with its target"),
    ],
)
def test_files_that_are_no_tables_are_refused(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        as_frame(path, name="real")


def test_text_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes(b"a,b\n" + b"".join(f"é{k},{k * k % 17}\n".encode("latin-1") for k in range(50)))
    with pytest.raises(InputError, match="Save the file as UTF-8 text"):
        align_frames([as_frame(path, name="real")], None)


def test_repeated_names_are_refused() -> None:
    with pytest.raises(InputError, match="must be unique; repeated: `x`"):
        as_frame(pd.concat([table(), table()], axis=1), name="real")
