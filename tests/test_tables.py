"""Do files, DataFrames and arrays become tables, and does every unusable one say so in one line that names it?"""

from __future__ import annotations

import gzip
import sys
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from modelcollapse.errors import InputError, MissingExtraError
from modelcollapse.estimation.tables import as_table, read_table, synthetic_tables

FRAME = pd.DataFrame(
    {
        "age": [31.5, 40.25, np.nan, 22.0],
        "city": ["Rome", "Oslo", None, "Rome"],
        "member": [True, False, True, True],
        "price": [1.5, 2.5, 3.5, 4.5],
    }
)
CSV = FRAME.to_csv(index=False).encode()


def _write(path: Path, frame: pd.DataFrame) -> Path:
    """Write a frame in the format of the path's ending."""
    if path.name.endswith((".tsv", ".tsv.gz")):
        frame.to_csv(path, sep="\t", index=False)
    elif path.name.endswith((".csv", ".csv.gz")):
        frame.to_csv(path, index=False)
    elif path.name.endswith(".parquet"):
        frame.to_parquet(path)
    else:
        frame.to_json(path, orient="records", lines=True)
    return path


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet", ".jsonl", ".ndjson", ".CSV"])
def test_read_table_returns_the_same_rows_from_every_format(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"real{ending}"
    _write(path.with_name(path.name.lower()), FRAME).rename(path)
    table = read_table(path, target="price")
    assert list(table.features) == ["age", "city", "member"]
    np.testing.assert_array_equal(table.target, FRAME["price"].to_numpy())
    np.testing.assert_array_equal(table.features["age"].to_numpy(), FRAME["age"].to_numpy())
    assert table.features["city"].isna().tolist() == [False, False, True, False]
    assert table.features["city"].dropna().tolist() == ["Rome", "Oslo", "Rome"]
    assert table.features["member"].tolist() == [True, False, True, True]
    assert str(path) == table.name


@pytest.mark.parametrize("labels", [np.arange(5), np.eye(5), np.array(list("abcde")), np.arange(5.0)[:, None]])
def test_read_table_takes_npz_arrays_without_a_target(tmp_path: Path, labels: np.ndarray) -> None:
    inputs = np.arange(10.0).reshape(5, 2)
    np.savez(tmp_path / "real.npz", X=inputs, y=labels)
    table = read_table(tmp_path / "real.npz", target=None)
    np.testing.assert_array_equal(table.features.to_numpy(), inputs)
    np.testing.assert_array_equal(table.target, labels if labels.shape == (5, 5) else labels.ravel())


def test_read_table_takes_quoted_line_breaks(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text('text,y\n"two\nlines",1\nplain,2\n')
    assert read_table(tmp_path / "real.csv", target="y").features["text"].tolist() == ["two\nlines", "plain"]


BAD_FILES = {
    "empty.csv": (b"", "is empty"),
    "empty.npz": (b"", "is empty"),
    "ragged_short.csv": (b"a,y\n1,2\n3\n4,5\n", "Row #3: Expected 2 columns, got 1"),
    "ragged_long.csv": (b"a,y\n1,2\n3,4,5\n", "Row #3: Expected 2 columns, got 3"),
    "cut.csv": (CSV[: CSV.index(b"2.5")] + b"2.5\n7", "Expected 4 columns, got 1"),
    "header_only.csv": (b"a,y\n", "needs at least 2 rows; got 0"),
    "one_row.csv": (b"a,y\n1,2\n", "needs at least 2 rows; got 1"),
    "repeated.csv": (b"a,a,y\n1,2,3\n4,5,6\n", "must be unique; repeated: `a`"),
    "no_inputs.csv": (b"y\n1\n2\n", "no column beside the target"),
    "no_target.csv": (b"a,yy\n1,2\n3,4\n", "no target column `y`. Did you mean `yy`?"),
    "far_target.csv": (b"a,b\n1,2\n3,4\n", "no target column `y`. Columns: a, b."),
    "latin1_target.csv": ("a,y\n1,é\n2,è\n".encode("latin1"), "got bytes values"),
    "nan_target.csv": (b"a,y\n1,2\n3,\n4,nan\n5,6\n", "in 2 of 4 rows, first in data row 2"),
    "inf_target.csv": (b"a,y\n1,2\n3,4\n4,-inf\n", "in 1 of 3 rows, first in data row 3"),
    "missing_label.csv": (b"a,y\n1,cat\n3,\n4,dog\n", "in 1 of 3 rows, first in data row 2"),
    "date_target.csv": (b"a,y\n1,2020-01-01\n3,2020-01-02\n", "must hold numbers, truth values or text"),
    "cut.csv.gz": (gzip.compress(CSV * 50)[:60], "truncated, or not a valid gzip"),
    "semicolon.csv": (b'"a";"y"\n1,5;2\n3,5;4\n', "columns are separated by ';'. Save the file with commas"),
    "tab.csv": (b"a\ty\n1\t2\n3\t4\n", "columns are separated by '\\t'"),
    "utf16.csv": ("a,y\n1,2\n3,4\n".encode("utf-16"), "UTF-16 text. Save it as UTF-8."),
    "utf16_without_mark.csv": ("a,y\n1,2\n3,4\n".encode("utf-16-be"), "UTF-16 text. Save it as UTF-8."),
    "zero.csv": (b"a,y\n1,2\0\n3,4\n", "a zero byte at byte 7"),
    "zero.csv.gz": (gzip.compress(CSV + b"\0"), f"a zero byte at byte {len(CSV)}"),
    "binary.tsv": (bytes(range(256)) * 9, "a zero byte at byte 0"),
    "plain.csv.gz": (b"a,y\n1,2\n3,4\n", "truncated, or not a valid gzip"),
    "cut.parquet": (b"PAR1 and then nothing", "truncated, or not a valid Parquet"),
    "cut.npz": (b"PK\x03\x04 and then nothing", "truncated, or not a valid NPZ"),
    "text.npz": (b"a,y\n1,2\n", "truncated, or not a valid NPZ|Python objects"),
    "cut.jsonl": (b'{"a": 1, "y": 2}\n{"a": 3, "y', "line 2 is not valid JSON"),
    "list.jsonl": (b'{"a": 1, "y": 2}\n[3, 4]\n', "line 2 is no JSON object"),
    "kinds.jsonl": (b'{"a": 1, "y": 2}\n{"a": 1, "y": 3}\n{"a": "x", "y": 2}\n', "line 3: `a` is a text"),
    "cut.jsonl.gz": (gzip.compress(b'{"a": 1, "y": 2}\n' * 50)[:30], "truncated, or not a valid gzip"),
    "table.xlsx": (b"PK", "unknown file format; known: .csv"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_read_table_refuses_a_bad_file_in_one_line_that_names_it(tmp_path: Path, name: str) -> None:
    content, message = BAD_FILES[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_table(path, target=None if name.endswith(".npz") else "y")
    text = str(caught.value)
    assert text.startswith(str(path))
    assert any(part in text for part in message.split("|")), text
    assert text.isprintable()
    assert len(text) < 400


def test_read_table_does_not_quote_control_characters(tmp_path: Path) -> None:
    path = tmp_path / "escape.csv"
    path.write_bytes(b"a,y\n1,2\n\x1b[31m,\x07,3\n")
    with pytest.raises(InputError, match="not a valid CSV") as caught:
        read_table(path, target="y")
    assert str(caught.value).isprintable()


BAD_ARRAYS = {
    "no_x": ({"x": np.ones((3, 2)), "y": np.ones(3)}, "no array `X`"),
    "no_y": ({"X": np.ones((3, 2))}, "no array `y`"),
    "lengths": ({"X": np.ones((3, 2)), "y": np.ones(4)}, "differ in length: 3 and 4"),
    "axes": ({"X": np.ones((3, 2, 2)), "y": np.ones(3)}, "`X` must hold real numbers"),
    "axes_y": ({"X": np.ones((3, 2)), "y": np.ones((3, 2, 1))}, "`y` must be"),
    "complex": ({"X": np.ones((3, 2)) * 1j, "y": np.ones(3)}, "type complex128"),
    "complex_y": ({"X": np.ones((3, 2)), "y": np.ones(3) * 1j}, "type complex128"),
    "objects": ({"X": np.array([[1, None]] * 3), "y": np.ones(3)}, "holds Python objects"),
    "text": ({"X": np.array([["a"]] * 3), "y": np.ones(3)}, "`X` must hold real numbers"),
    "nan_y": (
        {"X": np.ones((3, 2)), "y": np.array([[1, 1], [np.nan, 1], [2, np.inf]])},
        "in 2 of 3 rows, first in data",
    ),
    "one_row": ({"X": np.ones((1, 2)), "y": np.ones(1)}, "at least 2 rows; got 1"),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_read_table_refuses_bad_npz_arrays(tmp_path: Path, name: str) -> None:
    arrays, message = BAD_ARRAYS[name]
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(InputError, match=r"bad\.npz") as caught:
        read_table(tmp_path / "bad.npz", target=None)
    assert message in str(caught.value)


def test_read_table_refuses_a_damaged_npz_member(tmp_path: Path) -> None:
    path = tmp_path / "bad.npz"
    np.savez_compressed(path, X=np.random.default_rng(0).normal(size=(50, 20)), y=np.ones(50))
    content = bytearray(path.read_bytes())
    content[200:400] = bytes(200)
    path.write_bytes(content)
    with pytest.raises(InputError, match="truncated, or not a valid NPZ"):
        read_table(path, target=None)


def test_read_table_refuses_a_single_array_named_npz(tmp_path: Path) -> None:
    with (tmp_path / "bad.npz").open("wb") as file:
        np.save(file, np.ones((3, 2)))
    with pytest.raises(InputError, match="no array `X`"):
        read_table(tmp_path / "bad.npz", target=None)


def test_read_table_refuses_paths_that_hold_no_table(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.csv: no such file"):
        read_table(tmp_path / "missing.csv", target="y")
    with pytest.raises(InputError, match="a directory that no `datasets` library has saved"):
        read_table(tmp_path, target="y")
    np.savez(tmp_path / "real.npz", X=np.ones((3, 2)), y=np.ones(3))
    with pytest.raises(InputError, match="its array `y`; got `target` 'label'"):
        read_table(tmp_path / "real.npz", target="label")
    (tmp_path / "real.csv").write_bytes(CSV)
    with pytest.raises(InputError, match="must name the column to predict"):
        read_table(tmp_path / "real.csv", target=None)


class _FakeDataset:
    def to_pandas(self) -> pd.DataFrame:
        return FRAME


def test_read_table_reads_the_train_split_of_a_datasets_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dataset_dict.json").write_text("{}")
    library = types.ModuleType("datasets")
    library.DatasetDict = dict  # type: ignore[attr-defined]
    library.load_from_disk = lambda path: {"train": _FakeDataset()}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", library)
    assert list(read_table(tmp_path, target="price").features) == ["age", "city", "member"]
    library.load_from_disk = lambda path: {"test": _FakeDataset()}  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="no split `train`"):
        read_table(tmp_path, target="price")


def test_read_table_names_the_install_command_without_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "state.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'modelcollapse\[datasets\]'"):
        read_table(tmp_path, target="y")


def test_datasets_directory_round_trips_through_the_library(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="the `datasets` extra is not installed")
    datasets.Dataset.from_pandas(FRAME).save_to_disk(str(tmp_path / "saved"))
    np.testing.assert_array_equal(read_table(tmp_path / "saved", target="price").target, FRAME["price"])


def test_as_table_takes_frames_arrays_tables_and_paths(tmp_path: Path) -> None:
    frame = as_table(FRAME, target="price", name="real")
    assert as_table(frame, target=None) is frame
    assert frame.name == "real"
    assert len(as_table(_write(tmp_path / "a.csv", FRAME), target="price")) == 4
    assert list(as_table((np.ones((3, 2)), np.ones(3)), target=None).features) == ["x0", "x1"]
    assert list(as_table((FRAME[["age"]], FRAME["price"]), target=None).features) == ["age"]
    assert list(as_table(pd.DataFrame(np.eye(3)), target="2").features) == ["0", "1"]


def test_as_table_turns_nullable_and_text_targets_into_plain_arrays() -> None:
    inputs = {"a": [1.0, 2.0, 3.0]}
    assert as_table(pd.DataFrame({**inputs, "y": pd.array([1, 2, 3], dtype="Int64")}), target="y").target.dtype == "i8"
    assert as_table(pd.DataFrame({**inputs, "y": pd.Categorical(list("aba"))}), target="y").target.dtype == object
    with pytest.raises(InputError, match="first in data row 2"):
        as_table(pd.DataFrame({**inputs, "y": pd.array([1, None, 3], dtype="Int64")}), target="y")
    with pytest.raises(InputError, match="differ in length"):
        as_table((np.ones((3, 2)), np.ones(2)), target=None)
    with pytest.raises(InputError, match="must be unique; repeated: `a`"):
        as_table(pd.DataFrame(np.ones((3, 3)), columns=["a", "a", "y"]), target="y")
    with pytest.raises(InputError, match="must be a DataFrame, a pair of arrays"):
        as_table([1, 2, 3], target="y")


@pytest.mark.parametrize("target", [3, "3", np.int64(3)])
def test_as_table_reads_names_of_columns_as_text(target: int | str) -> None:
    table = as_table(pd.DataFrame(np.arange(8.0).reshape(2, 4)), target=target)
    assert list(table.features) == ["0", "1", "2"]
    assert table.target.tolist() == [3.0, 7.0]
    assert list(as_table((pd.DataFrame(np.ones((2, 2))), [1, 2]), target=None).features) == ["0", "1"]
    with pytest.raises(InputError, match=r"repeated: `3`. They are compared as text"):
        as_table(pd.DataFrame(np.ones((2, 3)), columns=[1, 3, "3"]), target=target)
    with pytest.raises(InputError, match=r"no target column `9`. Columns: 0, 1."):
        as_table(pd.DataFrame(np.ones((2, 2))), target=9)


def test_as_table_leaves_the_callers_frame_alone() -> None:
    frame = pd.DataFrame({0: [1.0, 2.0], 1: [3.0, 4.0]}, index=[7, 9])
    as_table(frame, target="1")
    assert list(frame.columns) == [0, 1]
    assert list(frame.index) == [7, 9]


def test_synthetic_tables_takes_one_source_or_several() -> None:
    pair = (np.ones((3, 2)), np.ones(3))
    assert [table.name for table in synthetic_tables([FRAME, FRAME, pair], target="price")] == [
        "synthetic",
        "synthetic2",
        "synthetic3",
    ]
    assert len(synthetic_tables(pair, target=None)) == len(synthetic_tables(FRAME, target="price")) == 1
    assert len(synthetic_tables((FRAME, FRAME), target="price")) == 2
    for nothing in ([], None, 3):
        with pytest.raises(InputError, match="must be one source of data or a sequence"):
            synthetic_tables(nothing, target="price")
