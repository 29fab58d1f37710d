"""How is a training experiment written down? TOML or JSON, with a preset below whatever the file says."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from modelcollapse.checks import choice, fail, known_keys
from modelcollapse.problems.entries import as_table, build, located
from modelcollapse.problems.files import load_tables

WORLDS = {
    "images": ("image_training", "ImageTraining"),
    "text": ("text_training", "TextTraining"),
    "arithmetic": ("arithmetic_training", "ArithmeticTraining"),
}
"""Module of `problems` and dataclass of each kind of experiment; the module's `PRESETS` holds tables by name."""


def load_training(world: str, path: str | Path) -> Any:
    """Read the description of a training experiment.

    Parameters
    ----------
    world : str
        ``"images"``, ``"text"`` or ``"arithmetic"``.
    path : path
        A .toml or .json file. Its key ``preset`` names the tables that hold where the file says nothing (default:
        ``"small"``). Names of data files are found relative to it.

    Returns
    -------
    ImageTraining, TextTraining or ArithmeticTraining

    Raises
    ------
    InputError
        When the file is missing or damaged, or a key or value cannot be used; one line that names file and key.
    """
    tables, folder = load_tables(path)
    with located(path):
        return training_from_dict(world, tables, folder=folder)


def training_from_dict(world: str, tables: Mapping[str, Any], *, folder: str | Path = ".") -> Any:
    """Build the experiment that the tables of a file describe; see `load_training`."""
    module, name = WORLDS[choice("world", world, WORLDS)]
    home = import_module(f"modelcollapse.problems.{module}")
    preset = choice("preset", tables.get("preset", "small"), home.PRESETS)
    given = merged(home.PRESETS[preset], {key: value for key, value in tables.items() if key != "preset"})
    experiment = built(getattr(home, name), given, where=f"the {world} experiment")
    return experiment.within(Path(folder))


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return two nested tables as one; where both say something, the second does."""
    content = dict(below)
    for key, value in above.items():
        nested = isinstance(value, Mapping) and isinstance(below.get(key), Mapping)
        content[key] = merged(below[key], value) if nested else value
    return content


def built(kind: type, table: Mapping[str, Any], *, where: str) -> Any:
    """Build a dataclass, and those that its fields hold, from nested tables; lists of tables become tuples."""
    types_of = typing.get_type_hints(kind)
    known_keys(where, table, [item.name for item in fields(kind)])
    given = dict(table)
    for key, value in table.items():
        part, many = _dataclass_of(types_of[key])
        if part is None:
            given[key] = tuple(value) if isinstance(value, list) else value
            continue
        with located(f"`{key}`"):
            one = f"a table of `{key}`"
            if not many:
                given[key] = built(part, as_table(key, value), where=one)
            elif isinstance(value, list):
                given[key] = tuple(built(part, as_table(key, item), where=one) for item in value)
            else:
                raise fail(key, value, "a list of tables")
    return build(where, kind, given)


def _dataclass_of(annotation: Any) -> tuple[type | None, bool]:
    """Return the dataclass that a field holds, if any, and whether it holds a tuple of them."""
    options = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    for option in options:
        many = typing.get_origin(option) is tuple
        inner = typing.get_args(option)[0] if many else option
        if isinstance(inner, type) and is_dataclass(inner):
            return inner, many
    return None, False
