"""What does a metadata file say about the columns of a table? Reads the dictionaries of SDMetrics and SDV."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from modelcollapse.checks import describe
from modelcollapse.errors import InputError

COMPARED = ("numerical", "categorical", "boolean", "datetime")
"""Kinds of columns that can be compared; others (`id`, personal data, free text) are left out."""
_MISSPELT = 0.8  # likeness to one of these from which on another kind is taken for a slip


@dataclass(frozen=True, kw_only=True)
class TableMetadata:
    """Kinds of columns, as a user knows them.

    Attributes
    ----------
    kinds : dict of str to str
        By column: ``"numerical"``, ``"categorical"``, ``"boolean"``, ``"datetime"``, or any other kind.
    keys : tuple of str
        Columns that name rows.
    formats : dict of str to str
        How dates are written, by column, where that is said.
    """

    kinds: dict[str, str]
    keys: tuple[str, ...]
    formats: dict[str, str]

    def left_out(self, column: str) -> str:
        """Return why a column is not compared, or an empty string."""
        if column in self.keys:
            return "a key"
        kind = self.kinds.get(column)
        return "" if kind is None or kind in COMPARED else f"of kind {kind}"


def read_metadata(source: str | Path | Mapping[str, Any] | TableMetadata) -> TableMetadata:
    """Read a metadata dictionary: ``{"columns": {"age": {"sdtype": "numerical"}}, "primary_key": "id"}``.

    Parameters
    ----------
    source : path of a JSON file, mapping, or TableMetadata
        Of one table; or with one table below ``"tables"``, as newer versions of SDV write.

    Raises
    ------
    InputError
        When the file is no JSON object, holds several tables, or a column has no kind or a misspelt one.
    """
    if isinstance(source, TableMetadata):
        return source
    name = str(source) if isinstance(source, str | Path) else "metadata"
    content = source if isinstance(source, Mapping) else _load(Path(source))
    table = _single_table(content, name)
    columns = table.get("columns")
    if not isinstance(columns, Mapping) or not columns:
        raise InputError(f'{name}: needs "columns", an object of column names; got {describe(columns)}.')
    kinds, formats = {}, {}
    for column, entry in columns.items():
        kind = entry.get("sdtype") if isinstance(entry, Mapping) else None
        if not isinstance(kind, str):
            raise InputError(f'{name}: column `{column}` needs an "sdtype", e.g. "numerical"; got {describe(entry)}.')
        slip = [] if kind in COMPARED else get_close_matches(kind.lower(), COMPARED, n=1, cutoff=_MISSPELT)
        if slip:
            raise InputError(f'{name}: column `{column}` has "sdtype" {kind!r}. Did you mean `{slip[0]}`?')
        kinds[str(column)] = kind
        if isinstance(entry.get("datetime_format"), str):
            formats[str(column)] = entry["datetime_format"]
    return TableMetadata(kinds=kinds, keys=_keys(table), formats=formats)


def _load(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: the metadata cannot be read ({error.strerror}).") from None
    except ValueError as error:  # also bytes that are not UTF-8
        raise InputError(f"{path}: the metadata is no valid JSON ({error}).") from None
    if not isinstance(content, Mapping):
        raise InputError(f"{path}: the metadata must be a JSON object; got {describe(content)}.")
    return content


def _single_table(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the description of the table, which may stand below ``"tables"``."""
    tables = content.get("tables")
    if not isinstance(tables, Mapping):
        return content
    found = list(tables.values())
    if len(found) != 1 or not isinstance(found[0], Mapping):
        raise InputError(f"{name}: one table is compared; the metadata describe {len(found)}. Keep one of them.")
    return found[0]


def _keys(table: Mapping[str, Any]) -> tuple[str, ...]:
    """Return primary, sequence and alternate keys, composite ones taken apart."""
    keys: list[str] = []
    for entry in (table.get("primary_key"), table.get("sequence_key"), *(table.get("alternate_keys") or [])):
        keys += [str(part) for part in entry] if isinstance(entry, list | tuple) else [str(entry)] if entry else []
    return tuple(keys)
