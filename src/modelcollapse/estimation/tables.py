"""Which inputs and which target does a source of data hold? Files, DataFrames and arrays become one `Table`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from modelcollapse.checks import describe, nearest
from modelcollapse.errors import InputError
from modelcollapse.estimation.readers import read_arrays, read_frame
from modelcollapse.estimation.wording import source_names

Labels = NDArray[Any]
"""Target values as found: numbers, truth values or text, (n,), or numbers, (n, C)."""

LARGEST = 1e30
"""Larger numbers are no measurements, and their fourth powers would leave the range of floats."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Table:
    """Rows of inputs with their target, as the user gave them.

    Attributes
    ----------
    features : DataFrame, (n, columns)
        Inputs; unique column names of type str; rows numbered from 0.
    target : array, (n,) or (n, C)
        Numbers, truth values or text, none missing; two axes for several outputs or one-hot labels.
    name : str
        What messages call this source.
    """

    features: pd.DataFrame
    target: Labels
    name: str

    def __len__(self) -> int:
        return len(self.features)


def read_table(path: str | Path, *, target: str | int | None) -> Table:
    """Read one source of data from a file.

    Parameters
    ----------
    path : str or Path
        CSV, TSV (also gzipped), Parquet, JSON lines, NPZ, or a directory saved by the `datasets` library.
    target : str or None
        Name of the target column. An NPZ file holds arrays ``X`` (n, d) and ``y`` (n,) or (n, C) and needs none.

    Returns
    -------
    Table

    Raises
    ------
    InputError
        When the file cannot be read, or holds no usable inputs and target; one line that names the file.
    MissingExtraError
        When the `datasets` library is needed and absent.
    """
    path = Path(path)
    if path.name.lower().endswith(".npz"):
        if target not in (None, "y"):
            raise InputError(f"{path}: the target of an NPZ file is its array `y`; got `target` {target!r}.")
        inputs, labels = read_arrays(path)
        return _table_from_arrays(inputs, labels, name=str(path))
    return _table_from_frame(read_frame(path), target=target, name=str(path))


def as_table(data: object, *, target: str | int | None, name: str = "table") -> Table:
    """Turn what a caller of the Python interface may hold into a `Table`.

    Parameters
    ----------
    data : Table, DataFrame, (X, y), str or Path
        A DataFrame that holds the target as a column, arrays ``X`` (n, d) and ``y`` (n,) or (n, C), or a file.
    target : str, int or None
        Name of the target column; not used for arrays.
    name : str
        What messages call this source; a file goes by its path.

    Raises
    ------
    InputError
        When `data` is none of these, or cannot be used.

    Examples
    --------
    >>> table = as_table(pd.DataFrame({"size": [1.0, 2.0], "price": [3.0, 5.0]}), target="price")
    >>> list(table.features), table.target.tolist()
    (['size'], [3.0, 5.0])
    """
    if isinstance(data, Table):
        return data
    if isinstance(data, str | Path):
        return read_table(data, target=target)
    if isinstance(data, pd.DataFrame):
        return _table_from_frame(data, target=target, name=name)
    if is_array_pair(data):
        assert isinstance(data, tuple)
        inputs, labels = data
        if isinstance(inputs, pd.DataFrame):
            return _checked(inputs, _labels_from_column(pd.Series(labels)), name=name)
        return _table_from_arrays(np.asarray(inputs), np.asarray(labels), name=name)
    raise InputError(f"{name} must be a DataFrame, a pair of arrays (X, y), a Table or a path; got {describe(data)}.")


def is_array_pair(data: object) -> bool:
    """Tell whether `data` is a pair (X, y): a tuple of two whose first has two axes and whose second is no path."""
    if not (isinstance(data, tuple) and len(data) == 2):
        return False
    inputs, labels = data
    return getattr(inputs, "ndim", 0) == 2 and not isinstance(labels, str | Path | pd.DataFrame | Table)


def synthetic_tables(data: object, *, target: str | int | None) -> tuple[Table, ...]:
    """Turn one synthetic source, or a sequence of them, into tables named synthetic, synthetic2, ...

    Raises
    ------
    InputError
        When there is none, or one cannot be used.
    """
    single = isinstance(data, str | Path | pd.DataFrame | Table) or is_array_pair(data)
    sources = [data] if single else list(data) if isinstance(data, Sequence) else None
    if not sources:
        raise InputError(f"`synthetics` must be one source of data or a sequence of them; got {describe(data)}.")
    names = source_names(1 + len(sources))[1:]
    return tuple(as_table(item, target=target, name=name) for name, item in zip(names, sources, strict=True))


def _table_from_frame(frame: pd.DataFrame, *, target: str | int | None, name: str) -> Table:
    """Take the target out of a frame; names of columns become text."""
    columns = [str(column) for column in frame.columns]
    _require_unique(columns, name)
    known = f"Columns: {', '.join(columns[:20])}{', ...' if len(columns) > 20 else ''}."
    if target is None:
        raise InputError(f"{name}: `target` must name the column to predict. {known}")
    target = str(target)
    if target not in columns:
        raise InputError(f"{name}: no target column `{target}`. {nearest(target, columns) or known}")
    position = columns.index(target)
    inputs = frame.iloc[:, [k for k in range(len(columns)) if k != position]]
    return _checked(inputs, _labels_from_column(frame.iloc[:, position]), name=name)


def _table_from_arrays(inputs: np.ndarray[Any, Any], labels: np.ndarray[Any, Any], *, name: str) -> Table:
    """Name the columns of X x0, x1, ... without copying it."""
    if inputs.ndim != 2 or inputs.dtype.kind not in "biuf":
        raise InputError(f"{name}: `X` must hold real numbers, (n_samples, n_features); got {describe(inputs)}.")
    if labels.ndim not in (1, 2) or (labels.ndim == 2 and labels.dtype.kind not in "biuf"):
        raise InputError(f"{name}: `y` must be (n_samples,), or numbers (n_samples, outputs); got {describe(labels)}.")
    frame = pd.DataFrame(inputs, columns=[f"x{k}" for k in range(inputs.shape[1])], copy=False)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    return _checked(frame, labels if labels.ndim == 2 else _labels_from_column(pd.Series(labels)), name=name)


def _labels_from_column(column: pd.Series[Any]) -> Labels:
    """Return a column as an array of numbers, truth values or objects; what is missing becomes NaN or None."""
    if pd.api.types.is_numeric_dtype(column.dtype):  # truth values included
        if not pd.api.types.is_extension_array_dtype(column.dtype):
            return column.to_numpy()
        if column.isna().any():
            return column.to_numpy(dtype=np.float64, na_value=np.nan)
        return column.to_numpy(dtype=getattr(column.dtype, "numpy_dtype", None))
    if pd.api.types.infer_dtype(column, skipna=True) in ("decimal", "integer", "floating", "mixed-integer-float"):
        return pd.to_numeric(column.astype(object)).to_numpy(dtype=np.float64, na_value=np.nan)
    return column.astype(object).where(column.notna(), None).to_numpy()


def _require_unique(columns: list[str], name: str) -> None:
    index = pd.Index(columns)
    if not index.is_unique:
        shown = ", ".join(f"`{column}`" for column in index[index.duplicated()].unique()[:5])
        raise InputError(f"{name}: column names must be unique; repeated: {shown}. They are compared as text.")


def _checked(features: pd.DataFrame, labels: Labels, *, name: str) -> Table:
    """Return the table when inputs and target can be used together."""
    features = features.reset_index(drop=True)
    features.columns = pd.Index([str(column) for column in features.columns])
    _require_unique(list(features.columns), name)
    if len(labels) != len(features):
        raise InputError(f"{name}: inputs and target differ in length: {len(features)} and {len(labels)} rows.")
    if features.shape[1] == 0:
        raise InputError(f"{name}: there is no column beside the target.")
    if len(features) < 2:
        raise InputError(f"{name}: needs at least 2 rows; got {len(features)}.")
    _require_usable_target(labels, name)
    return Table(features=features, target=labels, name=name)


def _require_usable_target(labels: Labels, name: str) -> None:
    """Refuse targets that are missing, infinite, huge, complex, dates or nested, with their count and first row."""
    kind = labels.dtype.kind
    if kind == "O":
        inferred = pd.api.types.infer_dtype(labels.ravel(), skipna=True)
        if inferred not in ("string", "boolean", "empty"):
            raise InputError(f"{name}: the target must hold numbers, truth values or text; got {inferred} values.")
    elif kind not in "biufUT":
        raise InputError(f"{name}: the target must hold numbers, truth values or text; got type {labels.dtype}.")
    unusable = ~(np.abs(labels) <= LARGEST) if kind == "f" else pd.isna(labels)
    if unusable.any():
        rows = np.flatnonzero(unusable.reshape(len(labels), -1).any(axis=1))
        raise InputError(
            f"{name}: the target is missing, infinite or beyond ±{LARGEST:g} in {rows.size} of {len(labels)} rows, "
            f"first in data row {rows[0] + 1}. Remove or repair these rows."
        )
