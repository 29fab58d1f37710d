"""Which columns of two tables are compared, and as what? Numbers and category codes, keys left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from modelcollapse.checks import Array, describe, nearest
from modelcollapse.errors import InputError
from modelcollapse.estimation.columns import align, is_constant
from modelcollapse.estimation.readers import read_frame
from modelcollapse.estimation.table_metadata import TableMetadata
from modelcollapse.estimation.tables import Table
from modelcollapse.estimation.wording import counted, listing
from modelcollapse.streams import stream

Codes = NDArray[np.int32]

MISSING = "missing"
"""What a missing value of a categorical column is called."""
MOST_ROWS = 200_000
"""Rows of a table that are compared; of more, so many drawn at random."""
FEWEST_ROWS = 20
"""Rows of a table with which a comparison makes sense."""
_FEW_VALUES = 2
"""Numeric columns with at most so many different real values are categories."""
_DENSE_KEY = 2
"""Whole numbers that never repeat are keys when they lie in a range at most so many times their count."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Frame:
    """Columns with unique text names, and what messages call them."""

    data: pd.DataFrame
    name: str
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Schema:
    """Which columns are compared, and as what.

    Attributes
    ----------
    numeric, categorical : tuple of str
    levels : dict of str to list of str
        Categories of the real data by column, the commonest first; a category's code is its position.
    steps : tuple of str
        What was left out, and why.
    """

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    levels: dict[str, list[str]]
    steps: tuple[str, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Columns:
    """A table as numbers.

    Attributes
    ----------
    schema : Schema
    numbers : array, (n, p)
        Numeric columns; NaN where missing.
    codes : int array, (n, q)
        Categories; from the number of real categories on where the real data has none such.
    missing : bool array, (n, q)
        Where a category is missing, which has a code as well.
    name : str
    """

    schema: Schema
    numbers: Array
    codes: Codes
    missing: NDArray[np.bool_]
    name: str

    def __len__(self) -> int:
        return len(self.numbers)


def as_frame(data: object, *, name: str, seed: int = 0) -> Frame:
    """Return a table with named columns from a DataFrame or a file.

    Raises
    ------
    InputError
        When it is neither, cannot be read, or has fewer than 20 rows or no column.
    """
    if isinstance(data, str | Path):
        path = Path(data)
        if path.name.lower().endswith(".npz"):
            raise InputError(f"{path}: arrays have no named columns; an NPZ file is audited with its target `y`.")
        frame, name = read_frame(path), str(path)
    elif isinstance(data, pd.DataFrame):
        frame = data
    else:
        raise InputError(f"{name} must be a DataFrame or a path; got {describe(data)}.")
    frame = frame.set_axis([str(column) for column in frame.columns], axis=1).reset_index(drop=True)
    repeated = frame.columns[frame.columns.duplicated()].unique().tolist()
    if repeated:
        raise InputError(f"{name}: column names must be unique; repeated: {listing(repeated)}.")
    if frame.shape[1] == 0:
        raise InputError(f"{name}: there is no column.")
    if len(frame) < FEWEST_ROWS:
        raise InputError(f"{name}: at least {FEWEST_ROWS} rows are needed to compare tables; got {len(frame)}.")
    if len(frame) <= MOST_ROWS:
        return Frame(data=frame, name=name)
    chosen = np.sort(stream(seed, "rows of a large table").choice(len(frame), MOST_ROWS, replace=False))
    step = f"{name}: {MOST_ROWS:,} of {len(frame):,} rows drawn at random."
    return Frame(data=frame.iloc[chosen].reset_index(drop=True), name=name, steps=(step,))


def align_frames(frames: Sequence[Frame], metadata: TableMetadata | None) -> tuple[tuple[Frame, ...], tuple[str, ...]]:
    """Bring all tables to the columns and kinds of the first.

    Returns
    -------
    frames : tuple of Frame
    warnings : tuple of str

    Raises
    ------
    InputError
        When columns are missing or extra, or hold different kinds of values.
    """
    _require_same_columns(frames)
    if metadata is not None:
        frames = [_typed(frame, metadata) for frame in frames]
    columns = list(frames[0].data.columns)
    constant = [column for column in columns if is_constant([frame.data[column] for frame in frames])]
    if len(constant) == len(columns):
        raise InputError(f"{frames[0].name}: every column is constant; there is nothing to compare.")
    varied = [frame.data.drop(columns=constant) for frame in frames]
    aligned = align(
        [
            Table(features=data, target=np.zeros(len(data)), name=frame.name)
            for frame, data in zip(frames, varied, strict=True)
        ]
    )
    kept = [column for column in columns if column in {*aligned.numeric, *aligned.categorical, *constant}]
    joined = [
        pd.concat([data, frame.data[constant]], axis=1)[kept]
        for frame, data in zip(frames, aligned.frames, strict=True)
    ]
    found = tuple(replace(frame, data=data) for frame, data in zip(frames, joined, strict=True))
    return found, aligned.warnings


def _require_same_columns(frames: Sequence[Frame]) -> None:
    """Refuse missing and extra columns, with the nearest name of a missing one."""
    expected = list(frames[0].data.columns)
    for frame in frames[1:]:
        found = list(frame.data.columns)
        missing = [column for column in expected if column not in set(found)]
        extra = [column for column in found if column not in set(expected)]
        if missing or extra:
            parts = [f"{word} {listing(names)}" for word, names in (("missing", missing), ("extra", extra)) if names]
            hint = next(filter(None, (nearest(column, extra) for column in missing)), "")
            raise InputError(
                f"{frame.name}: columns differ from those of {frames[0].name}: {'; '.join(parts)}. {hint}".strip()
            )


def _typed(frame: Frame, metadata: TableMetadata) -> Frame:
    """Return the columns that may be compared, of the kinds that the metadata give."""
    data = {}
    for column in frame.data.columns:
        if metadata.left_out(column):
            continue
        values, kind = frame.data[column], metadata.kinds.get(column)
        _require_possible(values, kind, f"{frame.name}: column `{column}`")
        if kind in ("categorical", "boolean"):
            values = _text(values).where(values.notna(), None)
        elif kind == "datetime" and not pd.api.types.is_numeric_dtype(values):
            values = _dates(values, metadata.formats.get(column), f"{frame.name}: column `{column}`")
        elif kind == "numerical" and not pd.api.types.is_numeric_dtype(values):
            values = _numbers(values, f"{frame.name}: column `{column}`")
        data[column] = values
    if not data:
        raise InputError(f"{frame.name}: the metadata leave no column to compare.")
    return replace(frame, data=pd.DataFrame(data))


def _require_possible(values: pd.Series[Any], kind: str | None, where: str) -> None:
    """Refuse numbers where the metadata say dates, and more than two values where they say truth values."""
    if kind == "datetime" and pd.api.types.is_numeric_dtype(values) and values.notna().any():
        raise InputError(f"{where} must hold dates, says the metadata; it holds numbers. Call it `numerical` there.")
    if kind == "boolean" and values.nunique() > 2:
        found = counted(int(values.nunique()), "different value")
        raise InputError(f"{where} must hold truth values, says the metadata; it holds {found}.")


def _numbers(values: pd.Series[Any], where: str) -> pd.Series[Any]:
    numbers = pd.to_numeric(values.astype(object), errors="coerce").astype(np.float64)
    _require_converted(values, numbers, where, "a number")
    return numbers


def _dates(values: pd.Series[Any], written: str | None, where: str) -> pd.Series[Any]:
    dates = pd.to_datetime(values, format=written or "ISO8601", errors="coerce", utc=True)
    _require_converted(values, dates, where, f"a date written as {written or 'ISO 8601'}")
    return dates


def _require_converted(values: pd.Series[Any], converted: pd.Series[Any], where: str, wanted: str) -> None:
    failed = np.flatnonzero((converted.isna() & values.notna()).to_numpy())
    if failed.size:
        row = int(failed[0])
        raise InputError(
            f"{where} must be {wanted}, says the metadata; got {values.iloc[row]!r} in data row {row + 1}."
        )


def infer_schema(real: Frame, metadata: TableMetadata | None) -> Schema:
    """Decide from the real data which columns are compared, and as what.

    Parameters
    ----------
    real : Frame
        Aligned.
    metadata : TableMetadata or None
        Without, columns of text or whole numbers that never repeat are taken for keys.

    Raises
    ------
    InputError
        When no column is left.
    """
    numeric, categorical, steps = [], [], []
    known = metadata.kinds if metadata else {}
    for column in real.data.columns:
        values = real.data[column]
        if column not in known and _is_key(values):
            steps.append(f"`{column}` left out: a value of its own in every real row, as a key has.")
        elif pd.api.types.is_numeric_dtype(values) and values.notna().sum() < FEWEST_ROWS:
            steps.append(f"`{column}` left out: {counted(int(values.notna().sum()), 'real value')} only.")
        elif pd.api.types.is_numeric_dtype(values) and (column in known or values.nunique() > _FEW_VALUES):
            numeric.append(column)
        else:
            categorical.append(column)
    if metadata:
        steps += [f"`{name}` left out: {why}." for name in metadata.kinds if (why := metadata.left_out(name))]
        absent = [name for name in known if not metadata.left_out(name) and name not in real.data.columns]
        steps += [f"`{name}` of the metadata is not among the columns." for name in absent]
    if not numeric and not categorical:
        raise InputError(f"{real.name}: no column is left to compare. {' '.join(steps)}".strip())
    levels = {column: _text(real.data[column]).value_counts().index.tolist() for column in categorical}
    return Schema(numeric=tuple(numeric), categorical=tuple(categorical), levels=levels, steps=tuple(steps))


def _is_key(values: pd.Series[Any]) -> bool:
    """Tell whether a column names its rows: text or dense whole numbers, none missing and none twice."""
    if values.isna().any() or not values.is_unique:
        return False
    if not pd.api.types.is_numeric_dtype(values):
        return True
    numbers = values.to_numpy(dtype=np.float64)
    return bool((numbers == np.round(numbers)).all() and np.ptp(numbers) < _DENSE_KEY * len(numbers))


def _text(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return categories as text; whole numbers without decimals, missing values by their name."""
    if pd.api.types.is_numeric_dtype(values):
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        distinct, inverse = np.unique(numbers, return_inverse=True)
        names = np.array([MISSING if np.isnan(v) else f"{v:.15g}" for v in distinct], dtype=object)
        return pd.Series(names[inverse], index=values.index)
    if not isinstance(values.dtype, pd.StringDtype):
        values = values.astype(object)
    return values.where(values.notna(), MISSING).astype(str)


def encode(frame: Frame, schema: Schema) -> Columns:
    """Return the compared columns of an aligned table as numbers and codes."""
    numbers = np.empty((len(frame.data), len(schema.numeric)))
    for k, column in enumerate(schema.numeric):
        numbers[:, k] = frame.data[column].to_numpy(dtype=np.float64, na_value=np.nan)
    codes = np.empty((len(frame.data), len(schema.categorical)), dtype=np.int32)
    missing = np.empty(codes.shape, dtype=bool)
    for k, column in enumerate(schema.categorical):
        levels = pd.Index(schema.levels[column])
        text = _text(frame.data[column])
        found = levels.get_indexer(pd.Index(text))
        new = pd.factorize(text[found < 0])[0]
        found[found < 0] = len(levels) + new
        codes[:, k], missing[:, k] = found, frame.data[column].isna()
    return Columns(schema=schema, numbers=numbers, codes=codes, missing=missing, name=frame.name)


def describe_columns(schema: Schema) -> str:
    """Return which columns are compared, as a sentence."""
    parts = [
        f"{counted(len(names), f'{kind} column')} ({listing(names)})"
        for kind, names in (("numeric", schema.numeric), ("categorical", schema.categorical))
        if names
    ]
    return f"Compared: {' and '.join(parts)}."
