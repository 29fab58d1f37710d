"""Do all files hold the same inputs? Same columns in the same order, each of one kind: numeric or categorical."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from modelcollapse.errors import InputError
from modelcollapse.estimation.tables import LARGEST, Table
from modelcollapse.estimation.wording import counted, listing

Column: TypeAlias = "pd.Series[Any]"

_NUMERIC = ("boolean", "integer", "floating", "decimal", "mixed-integer-float")
_CATEGORICAL = ("string", "mixed-integer", "time")
_NAMELESS = ("", "Unnamed: 0", "__index_level_0__")  # what a saved DataFrame index is called


@dataclass(frozen=True, eq=False, kw_only=True)
class AlignedColumns:
    """Inputs of several tables that can be put below each other.

    Attributes
    ----------
    frames : tuple of DataFrame
        One per table, in the order given. Read the columns named below only: dropped ones may still be there.
    numeric, categorical : tuple of str
        Column names by kind, in the order of the first table; truth values and dates (in days) count as numeric.
    warnings : tuple of str
        What was changed on the way.
    """

    frames: tuple[pd.DataFrame, ...]
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    warnings: tuple[str, ...]


def align(tables: Sequence[Table]) -> AlignedColumns:
    """Bring the inputs of all tables to the columns, order and kinds of the first one.

    Dates become days since 1970, text that holds only numbers becomes numeric where another table holds numbers, a
    saved row index and columns that never vary are dropped; each with a warning.

    Parameters
    ----------
    tables : sequence of Table
        The real data first.

    Returns
    -------
    AlignedColumns

    Raises
    ------
    InputError
        When columns are missing or extra, kinds cannot be reconciled, or no column varies.
    """
    warnings: list[str] = []
    frames = [_without_saved_index(table, warnings) for table in tables]
    columns = list(frames[0].columns)
    for table, frame in zip(tables[1:], frames[1:], strict=True):
        _require_same_columns(columns, list(frame.columns), table.name, tables[0].name)
    kept: list[list[Column]] = [[] for _ in tables]
    kinds: dict[str, str] = {}
    constant: list[str] = []
    for name in columns:
        versions = [frame[name] for frame in frames]
        kind, versions = _harmonise(name, versions, [table.name for table in tables], warnings)
        if is_constant(versions):
            constant.append(name)
            continue
        kinds[name] = kind
        for target, version in zip(kept, versions, strict=True):
            target.append(version)
    if not kinds:
        raise InputError(f"{tables[0].name}: every input column is constant; there is nothing to learn from.")
    if constant:
        warnings.append(f"{counted(len(constant), 'constant column')} dropped: {listing(constant)}.")
    return AlignedColumns(
        frames=tuple(_assemble(frame, list(kinds), parts) for frame, parts in zip(frames, kept, strict=True)),
        numeric=tuple(name for name, kind in kinds.items() if kind == "numeric"),
        categorical=tuple(name for name, kind in kinds.items() if kind == "categorical"),
        warnings=tuple(warnings),
    )


def _without_saved_index(table: Table, warnings: list[str]) -> pd.DataFrame:
    found = [name for name in table.features.columns if name in _NAMELESS]
    if not found:
        return table.features
    warnings.append(f"{table.name}: the nameless column (a saved row index) was dropped.")
    return table.features.drop(columns=found)


def _require_same_columns(expected: list[str], found: list[str], name: str, reference: str) -> None:
    missing = [column for column in expected if column not in set(found)]
    extra = [column for column in found if column not in set(expected)]
    if missing or extra:
        parts = [f"{word} {listing(names)}" for word, names in (("missing", missing), ("extra", extra)) if names]
        raise InputError(f"{name}: columns differ from those of {reference}: {'; '.join(parts)}.")


def _harmonise(name: str, versions: list[Column], sources: list[str], warnings: list[str]) -> tuple[str, list[Column]]:
    """Return the common kind of one column and its values, converted where that is safe."""
    kinds = [_kind(version, f"{source}: column `{name}`") for version, source in zip(versions, sources, strict=True)]
    present = set(kinds) - {"empty"}
    if present == {"date"}:
        warnings.append(f"Column `{name}` holds dates; it was turned into days since 1970-01-01.")
        return "numeric", [_days(version) for version in versions]
    if present == {"categorical"}:
        return "categorical", versions
    if present <= {"numeric"}:
        return "numeric", _finite(name, versions, sources, warnings)
    if present != {"numeric", "categorical"}:
        held = "; ".join(f"{kind} in {source}" for kind, source in zip(kinds, sources, strict=True))
        raise InputError(f"column `{name}` does not hold the same kind of values everywhere: {held}.")
    for k, kind in enumerate(kinds):
        if kind == "categorical":
            other = kinds.index("numeric")
            held = f"{_held(versions[other])} in {sources[other]}"
            versions[k] = _numbers_from_text(versions[k], f"{sources[k]}: column `{name}`", held=held)
            warnings.append(f"{sources[k]}: column `{name}` holds numbers as text; it was turned into numbers.")
    return "numeric", _finite(name, versions, sources, warnings)


def _kind(column: Column, where: str) -> str:
    """Return ``numeric``, ``categorical``, ``date`` or ``empty`` (nothing but missing values)."""
    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "biuf":
        return "numeric"
    if isinstance(dtype, pd.CategoricalDtype | pd.StringDtype):
        return "categorical" if column.notna().any() else "empty"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "date"
    inferred = pd.api.types.infer_dtype(column, skipna=True)
    if inferred in _NUMERIC:
        return "numeric"
    if inferred in _CATEGORICAL:
        return "categorical"
    if inferred in ("date", "datetime", "datetime64"):
        return "date"
    if inferred == "empty":
        return "empty"
    hint = " Save the file as UTF-8 text." if inferred == "bytes" else " Spread nested values over columns."
    raise InputError(f"{where} must hold numbers, truth values, text or dates; got {inferred} values.{hint}")


def _numbers(column: Column) -> Column:
    """Return the column in a NumPy type of real numbers or truth values; missing values are NaN."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "biuf":
        return column
    return pd.Series(column.to_numpy(dtype=np.float64, na_value=np.nan), index=column.index, name=column.name)


def _finite(name: str, versions: list[Column], sources: list[str], warnings: list[str]) -> list[Column]:
    """Return the columns as numbers, those infinite or beyond `LARGEST` turned into missing ones."""
    columns = [_numbers(version) for version in versions]
    for k, column in enumerate(columns):
        infinite = np.abs(column.to_numpy()) > LARGEST
        if infinite.any():
            held = f"{counted(int(infinite.sum()), 'value')} in `{name}`"
            warnings.append(f"{sources[k]}: {held} counted as missing: infinite or beyond ±{LARGEST:g}.")
            columns[k] = column.astype(np.float64).mask(infinite)
    return columns


def _days(column: Column) -> Column:
    days = (pd.to_datetime(column, utc=True) - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
    return days.astype(np.float64)


def _held(column: Column) -> str:
    """Return what a numeric column holds."""
    return "truth values" if pd.api.types.infer_dtype(column, skipna=True) == "boolean" else "numbers"


def _numbers_from_text(column: Column, where: str, *, held: str) -> Column:
    numbers = pd.to_numeric(column.astype(object), errors="coerce")
    failed = numbers.isna() & column.notna()
    if failed.any():
        row = int(np.flatnonzero(failed)[0])
        raise InputError(
            f"{where} holds text, e.g. {column.iloc[row]!r} in data row {row + 1}, but {held}. Make both files agree."
        )
    return numbers.astype(np.float64)


def is_constant(versions: list[Column]) -> bool:
    """Tell whether all tables together hold one single value, a missing one counted as a value."""
    if bool(versions[0].isna().iloc[0]):
        return all(bool(version.isna().all()) for version in versions)
    first = versions[0].iloc[0]
    return all(bool((version == first).all()) for version in versions)


def _assemble(frame: pd.DataFrame, names: list[str], columns: list[Column]) -> pd.DataFrame:
    """Return the frame itself where no kept column changed (a copy may not fit in memory), else a new one."""
    if all(column is frame[name] or column.equals(frame[name]) for name, column in zip(names, columns, strict=True)):
        return frame
    return pd.DataFrame(dict(zip(names, columns, strict=True)), copy=False)
