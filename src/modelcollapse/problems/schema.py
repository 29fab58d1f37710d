"""How is a problem written down? The tables of a problem file, in both directions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from modelcollapse.checks import choice, fail, known_keys
from modelcollapse.errors import InputError
from modelcollapse.problems.arrays import is_array_file, numbers
from modelcollapse.problems.mixture import Mixture, Source
from modelcollapse.problems.spectrum import Spectrum
from modelcollapse.problems.teacher import FixedTeacher, RandomTeacher, Shift, Teacher

PLANNED_KINDS = ("tokens", "tails", "gaussian")
"""Kinds that the format reserves and no engine answers yet."""

PROBLEM_KEYS = ("kind", "ridge", "width", "activation", "target", "sources")
SOURCE_KEYS = ("name", "n_samples", "noise_var", "weight", "spectrum", "eigenvalues", "covariance", "teacher", "shift")
Built = TypeVar("Built")
SPECTRA: dict[str, Callable[..., Spectrum]] = {
    "isotropic": Spectrum.isotropic,
    "power_law": Spectrum.power_law,
    "spiked": Spectrum.spiked,
    "explicit": Spectrum.explicit,
    "full": Spectrum.full,
}


@contextmanager
def located(where: object) -> Iterator[None]:
    """Put the place before the message of an `InputError` raised inside."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{where}: {' '.join(str(error).split())}") from None


def problem_from_dict(data: Mapping[str, Any], *, folder: str | Path = ".") -> Mixture:
    """Build the problem that the tables of a problem file describe.

    Parameters
    ----------
    data : mapping
        What a TOML or JSON problem file holds.
    folder : path
        Where the names of array files start.

    Raises
    ------
    InputError
        When a key is unknown, missing, or its value cannot be used; one line that names the key.

    Examples
    --------
    >>> source = {"name": "real", "n_samples": 100, "eigenvalues": [2.0, 1.0], "teacher": [1.0, 0.5]}
    >>> problem_from_dict({"kind": "mixture", "ridge": 0.1, "sources": [source]}).n_features
    2
    """
    kind = _required("a problem", data, "kind")
    if kind in PLANNED_KINDS:
        raise InputError(f"problems of kind `{kind}` are not supported yet; supported: mixture.")
    choice("kind", kind, ("mixture",))
    if "workflow" in data:
        raise InputError("a `workflow` table is not supported yet. Remove it to ask about a single fit.")
    known_keys("the problem", data, PROBLEM_KEYS)
    _required("a problem", data, "ridge")
    entries = _required("a problem", data, "sources")
    if not isinstance(entries, list) or not entries:
        raise fail("sources", entries, "a list of at least one table")
    sources = []
    for position, entry in enumerate(entries):
        name = entry.get("name") if isinstance(entry, Mapping) else None
        with located(f"source {position + 1} of {len(entries)}" + (f" (`{name}`)" if isinstance(name, str) else "")):
            sources.append(_source(_table("source", entry), Path(folder)))
    model = {key: data[key] for key in ("ridge", "width", "activation", "target") if key in data}
    return Mixture(sources, **model)


def problem_to_dict(mixture: Mixture) -> dict[str, Any]:
    """Return the tables of a problem file, with all arrays inline.

    Raises
    ------
    InputError
        When the activation is a function, which a file cannot hold.
    """
    if callable(mixture.activation):
        raise InputError("a problem file cannot hold an `activation` that is a function. Name one: relu, tanh or erf.")
    first = mixture.sources[0]
    content: dict[str, Any] = {"kind": "mixture", "ridge": mixture.ridge}
    content |= {key: getattr(mixture, key) for key in ("width", "activation") if getattr(mixture, key) is not None}
    if mixture.target != first.name:
        content["target"] = mixture.target
    content["sources"] = [
        _source_to_dict(source, inherits=k > 0, first=first) for k, source in enumerate(mixture.sources)
    ]
    return content


def _source(table: dict[str, Any], folder: Path) -> Source:
    """Build one source from its table."""
    known_keys("a source", table, SOURCE_KEYS)
    given = {key: value for key, value in table.items() if value is not None}
    spectra = [key for key in ("spectrum", "eigenvalues", "covariance") if key in given]
    if len(spectra) > 1:
        raise InputError(f"a source takes one of `spectrum`, `eigenvalues` and `covariance`; got {len(spectra)}.")
    for key in spectra:
        given["spectrum"] = _spectrum(key, given.pop(key), folder)
    if "teacher" in given:
        given["teacher"] = _teacher(given["teacher"], folder)
    if "shift" in given:
        given["shift"] = _shift(given["shift"], folder)
    return _build("a source", Source, given)


def _spectrum(key: str, value: Any, folder: Path) -> Spectrum:
    if key == "eigenvalues":
        return Spectrum.explicit(numbers(key, value, folder))
    if key == "covariance":
        return Spectrum.full(numbers(key, value, folder))
    with located("`spectrum`"):
        table = _table("spectrum", value)
        kind = choice("kind", _required("a spectrum", table, "kind"), SPECTRA)
        given = {name: item for name, item in table.items() if name != "kind"}
        for name in ("spikes", "eigenvalues", "covariance"):
            if name in given:
                given[name] = numbers(name, given[name], folder)
        return _build(f"a spectrum of kind `{kind}`", SPECTRA[kind], given)


def _teacher(value: Any, folder: Path) -> Teacher:
    with located("`teacher`"):
        if not isinstance(value, Mapping):
            return FixedTeacher(numbers("teacher", value, folder))
        known_keys("a teacher", value, ("kind", "power"))
        choice("kind", _required("a teacher", value, "kind"), ("random",))
        power = value.get("power", 1.0)
        return RandomTeacher(numbers("power", power, folder) if isinstance(power, list | str) else power)


def _shift(value: Any, folder: Path) -> Shift:
    with located("`shift`"):
        if not isinstance(value, Mapping):
            return Shift(vector=numbers("shift", value, folder))
        given = dict(value)
        known_keys("a shift", given, ("quality", "shape", "vector"))
        shape = given.get("shape")
        if isinstance(shape, list) or (isinstance(shape, str) and is_array_file(shape)):
            given["shape"] = numbers("shape", shape, folder)
        if "vector" in given:
            given["vector"] = numbers("vector", given["vector"], folder)
        return Shift(**given)


def _source_to_dict(source: Source, *, inherits: bool, first: Source) -> dict[str, Any]:
    """Return the table of one source, without what it inherits from the first."""
    assert source.spectrum is not None, "the sources of a mixture have a spectrum"
    content: dict[str, Any] = {
        "name": source.name,
        "n_samples": source.n_samples,
        "noise_var": source.noise_var,
        "weight": source.weight,
    }
    if not (inherits and source.spectrum == first.spectrum):
        parameters = {name: _inline(value) for name, value in source.spectrum.parameters}
        named = source.spectrum.kind in ("explicit", "full")
        content |= parameters if named else {"spectrum": {"kind": source.spectrum.kind, **parameters}}
    if isinstance(source.teacher, FixedTeacher):
        content["teacher"] = _inline(source.teacher.vector)
    if isinstance(source.teacher, RandomTeacher):
        content["teacher"] = {"kind": "random", "power": _inline(source.teacher.power)}
    if source.shift is not None:
        given = {name: _inline(getattr(source.shift, name)) for name in ("quality", "shape", "vector")}
        content["shift"] = {name: value for name, value in given.items() if value is not None}
    return content


def _inline(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


def _table(what: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise fail(what, value, "a table of keys and values")
    return dict(value)


def _required(where: str, table: Mapping[str, Any], key: str) -> Any:
    if key not in table:
        raise InputError(f"{where} must have the key `{key}`; got only: {', '.join(table) or 'no keys'}.")
    return table[key]


def _build(where: str, constructor: Callable[..., Built], table: dict[str, Any]) -> Built:
    """Call a constructor with the keys of a table, which must be the names of its parameters."""
    parameters = inspect.signature(constructor).parameters
    known_keys(where, table, parameters)
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty:
            _required(where, table, name)
    return constructor(**table)
