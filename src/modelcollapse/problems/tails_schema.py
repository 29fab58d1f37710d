"""How is a Zipf task written down? Its tables of a problem file, in both directions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from modelcollapse.checks import known_keys
from modelcollapse.problems.arrays import numbers
from modelcollapse.problems.entries import as_table, build, inlined, located, required
from modelcollapse.problems.tails import Generator, Memory, Purchase, ZipfTask

PARTS: dict[str, Callable[..., Any]] = {"generator": Generator, "purchase": Purchase, "memory": Memory}
KEYS = ("kind", "zipf_exponent", "n_samples", "real_fraction", "output", *PARTS)


def read(data: Mapping[str, Any], folder: Path) -> ZipfTask:
    """Build the task that the tables of a file describe; array files are found in the folder."""
    known_keys("the problem", data, KEYS)
    given = {key: value for key, value in data.items() if key != "kind"}
    given["n_samples"] = numbers("n_samples", required("a problem", data, "n_samples"), folder)
    for name, part in PARTS.items():
        if name in given:
            with located(f"`{name}`"):
                given[name] = build(f"a {name}", part, as_table(name, given[name]))
    return build("a problem", ZipfTask, given)


def write(task: ZipfTask) -> dict[str, Any]:
    """Return the tables of a file but for its kind, without what is left at its default of none."""
    content = {item.name: inlined(getattr(task, item.name)) for item in fields(task)}
    for name in PARTS:
        if content[name] is not None:
            content[name] = _without_nothing(
                {item.name: getattr(content[name], item.name) for item in fields(content[name])}
            )
    return _without_nothing(content)


def _without_nothing(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if value is not None}
