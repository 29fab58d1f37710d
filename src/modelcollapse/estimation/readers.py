"""What does a data file hold? One reader per format; every failure is one line that names the file."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd

from modelcollapse.errors import InputError, MissingExtraError

FORMATS = ".csv, .tsv, .csv.gz, .tsv.gz, .parquet, .jsonl, .ndjson, .npz or a directory saved by `datasets`"
_BLOCK = 1 << 20  # bytes that are looked at together


def read_frame(path: Path) -> pd.DataFrame:
    """Read a file with named columns: CSV, TSV, Parquet, JSON lines, or a directory saved by `datasets`.

    Parameters
    ----------
    path : Path
        The ending chooses the format; ``.gz`` after a text format is decompressed on the way.

    Returns
    -------
    DataFrame
        All rows and columns of the file, names as written, duplicates included.

    Raises
    ------
    InputError
        When the file is missing, empty, truncated, ragged, or of an unknown format.
    MissingExtraError
        When the directory needs the `datasets` library and it is absent.
    """
    if path.is_dir():
        return _read_datasets_directory(path)
    _require_content(path)
    reader = _READERS.get(_format(path))
    if reader is None:
        raise InputError(f"{path}: unknown file format; known: {FORMATS}.")
    return reader(path)


def read_arrays(path: Path) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Read the arrays `X` and `y` of an NPZ file; pickled objects are refused.

    Raises
    ------
    InputError
        When the file is missing, empty, truncated, or lacks one of the two arrays.
    """
    _require_content(path)
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            names = archive.files if isinstance(archive, np.lib.npyio.NpzFile) else []
            if "X" in names and "y" in names:
                return archive["X"], archive["y"]
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        if "allow_pickle" in str(error):
            raise InputError(f"{path}: holds Python objects; save plain numeric or text arrays.") from None
        raise _unreadable(path, "NPZ", error) from None
    missing = "y" if "X" in names else "X"
    raise InputError(
        f"{path}: no array `{missing}`; an NPZ file needs `X` and `y`, found: {', '.join(names) or 'none'}."
    )


def _format(path: Path) -> str:
    """Return the lower-case ending without a trailing ``.gz``."""
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix


def _require_content(path: Path) -> None:
    if not path.exists():
        raise InputError(f"{path}: no such file.")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty.")


def _unreadable(path: Path, kind: str, error: Exception) -> InputError:
    """Build the one-line error for a file that its format's library refused."""
    words = " ".join(str(error).split()) or type(error).__name__
    reason = "".join(letter if letter.isprintable() else "\ufffd" for letter in words)  # it may quote the file
    reason = reason if len(reason) <= 160 else f"{reason[:157]}..."
    return InputError(f"{path}: truncated, or not a valid {kind} file ({reason.rstrip('.')}).")


def _read_delimited(path: Path, delimiter: str) -> pd.DataFrame:
    """Read delimited text strictly: a row with too few or too many fields is an error, never padded."""
    import pyarrow as pa
    from pyarrow import csv

    def read(*, use_threads: bool) -> Any:
        with pa.input_stream(str(path), compression="detect") as source:
            return csv.read_csv(
                source,
                read_options=csv.ReadOptions(use_threads=use_threads),
                parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
                convert_options=csv.ConvertOptions(strings_can_be_null=True),
            )

    try:
        with pa.input_stream(str(path), compression="detect") as source:
            _require_delimited_text(source, path, delimiter)
        return _to_frame(read(use_threads=True))
    except OSError as error:
        raise _unreadable(path, "gzip" if path.suffix.lower() == ".gz" else "CSV", error) from None
    except pa.ArrowInvalid:
        pass
    try:  # once more on one thread, where the parser knows the number of the row it stumbles over
        return _to_frame(read(use_threads=False))
    except pa.ArrowInvalid as error:
        raise _unreadable(path, "CSV", error) from None


def _require_delimited_text(source: Any, path: Path, delimiter: str) -> None:
    """Refuse what is no text, of which the parser would make values, and names that another character separates."""
    place = 0
    while block := source.read(_BLOCK):
        zero = block.find(b"\0")
        if place == 0:
            zeros = sorted((block[::2].count(0), block[1::2].count(0)))
            if block[:2] in (b"\xff\xfe", b"\xfe\xff") or (zeros[0] == 0 and zeros[1] > len(block) // 4):
                raise InputError(f"{path}: UTF-16 text. Save it as UTF-8.")
        if zero >= 0:
            raise InputError(f"{path}: no text, or damaged: a zero byte at byte {place + zero}.")
        if place == 0 and delimiter == ",":
            _require_commas(block.partition(b"\n")[0].decode(errors="replace").strip(), path)
        place += len(block)


def _require_commas(names: str, path: Path) -> None:
    """Refuse a line of names that another character separates."""
    other = next((sign for sign in ";\t" if sign in names), None)
    if other and "," not in names and names.replace("\t", "").isprintable():
        raise InputError(f"{path}: columns are separated by {other!r}. Save the file with commas.")


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return _to_frame(parquet.read_table(path))
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, "Parquet", error) from None


def _read_json_lines(path: Path) -> pd.DataFrame:
    import pyarrow as pa
    from pyarrow import json as arrow_json

    try:
        with pa.input_stream(str(path), compression="detect") as source:
            return _to_frame(arrow_json.read_json(source))
    except pa.ArrowInvalid as error:
        with pa.input_stream(str(path), compression="detect") as source:
            _locate_json_error(path, io.BufferedReader(source))
        raise _unreadable(path, "JSON lines", error) from None
    except OSError as error:
        raise _unreadable(path, "gzip", error) from None


def _locate_json_error(path: Path, lines: IO[bytes]) -> None:
    """Raise an error that names the first line that is no JSON object, or that changes the type of a column."""
    kinds: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        record = json_record(line, path=path, number=number)
        for name, value in record.items():
            kind = _json_kind(value)
            if kind != "null" and kinds.setdefault(name, kind) != kind:
                raise InputError(f"{path}: line {number}: `{name}` is a {kind}; it was a {kinds[name]} before.")


def json_record(line: bytes, *, path: Path, number: int) -> dict[str, Any]:
    """Return the JSON object that a line of a file holds, or raise an error that names the line."""
    try:
        record = json.loads(line)
    except ValueError as error:  # also bytes that are not UTF-8
        raise InputError(f"{path}: line {number} is not valid JSON ({error}).") from None
    if not isinstance(record, dict):
        raise InputError(f"{path}: line {number} is no JSON object of column names and values.")
    return record


def _json_kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "truth value"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else "list" if isinstance(value, list) else "object"


def is_saved_dataset(path: Path) -> bool:
    """Tell whether the `datasets` library has saved a directory."""
    return any((path / name).is_file() for name in ("state.json", "dataset_dict.json"))


def _read_datasets_directory(path: Path) -> pd.DataFrame:
    """Read a directory written by `Dataset.save_to_disk` (or the `train` split of a `DatasetDict`)."""
    if not is_saved_dataset(path):
        raise InputError(f"{path}: a directory that no `datasets` library has saved; name a file: {FORMATS}.")
    try:
        import datasets
    except ImportError:
        command = "pip install 'modelcollapse[datasets]'"
        raise MissingExtraError(f"{path}: reading this directory needs the `datasets` library: {command}") from None
    try:
        dataset = datasets.load_from_disk(str(path))
    except Exception as error:  # the library raises errors of many unrelated classes for damaged directories
        raise _unreadable(path, "`datasets` directory", error) from None
    if isinstance(dataset, datasets.DatasetDict):
        if "train" not in dataset:
            raise InputError(f"{path}: no split `train`; name the directory of one split: {', '.join(dataset)}.")
        dataset = dataset["train"]
    frame: pd.DataFrame = dataset.to_pandas()
    return frame


def _to_frame(table: Any) -> pd.DataFrame:
    """Turn an Arrow table into a DataFrame column by column, and hand back the memory that reading it took."""
    import pyarrow as pa

    frame: pd.DataFrame = table.to_pandas(split_blocks=True, self_destruct=True, date_as_object=False)
    pa.default_memory_pool().release_unused()
    return frame


_READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": lambda path: _read_delimited(path, ","),
    ".tsv": lambda path: _read_delimited(path, "\t"),
    ".parquet": _read_parquet,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
}
