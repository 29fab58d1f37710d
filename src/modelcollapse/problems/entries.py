"""How is one entry of a problem file read and written? Tables, keys and spectra, the same for every kind of problem."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from modelcollapse.checks import choice, fail, known_keys
from modelcollapse.errors import InputError
from modelcollapse.problems.arrays import numbers
from modelcollapse.problems.spectrum import Spectrum

Built = TypeVar("Built")
SPECTRUM_KEYS = ("spectrum", "eigenvalues", "covariance")
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


def read_sources(problem: Mapping[str, Any], read: Callable[[dict[str, Any]], Built]) -> list[Built]:
    """Return what `read` makes of the table of each source; its errors say which source they are about."""
    entries = required("a problem", problem, "sources")
    if not isinstance(entries, list) or not entries:
        raise fail("sources", entries, "a list of at least one table")
    sources = []
    for position, entry in enumerate(entries):
        name = entry.get("name") if isinstance(entry, Mapping) else None
        with located(f"source {position + 1} of {len(entries)}" + (f" (`{name}`)" if isinstance(name, str) else "")):
            sources.append(read(as_table("source", entry)))
    return sources


def with_spectrum(table: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the table of a source without the keys that hold nothing, its spectrum built from what describes it."""
    given = {key: value for key, value in table.items() if value is not None}
    spectra = [key for key in SPECTRUM_KEYS if key in given]
    if len(spectra) > 1:
        raise InputError(f"a source takes one of `spectrum`, `eigenvalues` and `covariance`; got {len(spectra)}.")
    for key in spectra:
        given["spectrum"] = _spectrum(key, given.pop(key), folder)
    return given


def _spectrum(key: str, value: Any, folder: Path) -> Spectrum:
    if key == "eigenvalues":
        return Spectrum.explicit(numbers(key, value, folder))
    if key == "covariance":
        return Spectrum.full(numbers(key, value, folder))
    with located("`spectrum`"):
        table = as_table("spectrum", value)
        kind = choice("kind", required("a spectrum", table, "kind"), SPECTRA)
        given = {name: item for name, item in table.items() if name != "kind"}
        for name in ("spikes", "eigenvalues", "covariance"):
            if name in given:
                given[name] = numbers(name, given[name], folder)
        return build(f"a spectrum of kind `{kind}`", SPECTRA[kind], given)


def spectrum_to_dict(spectrum: Spectrum) -> dict[str, Any]:
    """Return the entries of a source's table that describe its spectrum."""
    parameters = {name: inlined(value) for name, value in spectrum.parameters}
    return parameters if spectrum.kind in ("explicit", "full") else {"spectrum": {"kind": spectrum.kind, **parameters}}


def inlined(value: Any) -> Any:
    """Return a value as a file can hold it: arrays as lists."""
    return value.tolist() if isinstance(value, np.ndarray) else value


def as_table(what: str, value: Any) -> dict[str, Any]:
    """Return a table as a dictionary, or refuse what is none."""
    if not isinstance(value, Mapping):
        raise fail(what, value, "a table of keys and values")
    return dict(value)


def required(where: str, table: Mapping[str, Any], key: str) -> Any:
    """Return what a table holds under a key that must be there."""
    if key not in table:
        raise InputError(f"{where} must have the key `{key}`; got only: {', '.join(table) or 'no keys'}.")
    return table[key]


def build(where: str, constructor: Callable[..., Built], table: dict[str, Any]) -> Built:
    """Call a constructor with the keys of a table, which must be the names of its parameters."""
    parameters = inspect.signature(constructor).parameters
    known_keys(where, table, parameters)
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty:
            required(where, table, name)
    return constructor(**table)
