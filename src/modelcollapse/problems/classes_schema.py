"""How is a problem of two classes written down? Its tables of a problem file, in both directions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from modelcollapse.checks import known_keys
from modelcollapse.problems.arrays import numbers
from modelcollapse.problems.classes import Classes, ClassSource
from modelcollapse.problems.entries import build, inlined, read_sources, required, spectrum_to_dict, with_spectrum

PROBLEM_KEYS = ("kind", "ridge", "sources")
SOURCE_KEYS = ("name", "n_samples", "mean", "mean_norm", "spectrum", "eigenvalues", "label_error", "hit", "false_keep")


def read(data: Mapping[str, Any], folder: Path) -> Classes:
    """Build the problem that the tables of a file describe; array files are found in the folder."""
    known_keys("the problem", data, PROBLEM_KEYS)
    ridge = required("a problem", data, "ridge")
    return Classes(read_sources(data, lambda table: _source(table, folder)), ridge=ridge)


def write(problem: Classes) -> dict[str, Any]:
    """Return the tables of a file but for its kind; sources leave out what they share with the first."""
    first, *others = problem.sources
    sources = [_source_to_dict(first), *(_source_to_dict(source, heir_of=first) for source in others)]
    return {"ridge": problem.ridge, "sources": sources}


def _source(table: dict[str, Any], folder: Path) -> ClassSource:
    known_keys("a source", table, SOURCE_KEYS)
    given = with_spectrum(table, folder)
    if "mean" in given:
        given["mean"] = numbers("mean", given["mean"], folder)
    return build("a source", ClassSource, given)


def _source_to_dict(source: ClassSource, *, heir_of: ClassSource | None = None) -> dict[str, Any]:
    """Return the table of one source, without what it inherits from another."""
    content = {item.name: inlined(getattr(source, item.name)) for item in fields(source) if item.name != "spectrum"}
    if heir_of is None or source.spectrum != heir_of.spectrum:
        assert source.spectrum is not None, "the sources of a problem have a spectrum"
        content |= spectrum_to_dict(source.spectrum)
    return {name: value for name, value in content.items() if value is not None}
