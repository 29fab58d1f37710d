"""How is a problem written down? The tables of a problem file, in both directions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelcollapse.checks import choice, known_keys
from modelcollapse.errors import InputError
from modelcollapse.problems import chains_schema, classes_schema, tails_schema, workflow_schema
from modelcollapse.problems.arrays import is_array_file, numbers
from modelcollapse.problems.classes import Classes
from modelcollapse.problems.entries import (
    build,
    inlined,
    located,
    read_sources,
    required,
    spectrum_to_dict,
    with_spectrum,
)
from modelcollapse.problems.gaussian import GaussianChain
from modelcollapse.problems.mixture import Mixture, Source
from modelcollapse.problems.ngrams import NgramChain
from modelcollapse.problems.poisson import PoissonChain
from modelcollapse.problems.recursion import Recursion
from modelcollapse.problems.tails import ZipfTask
from modelcollapse.problems.teacher import FixedTeacher, RandomTeacher, Shift, Teacher
from modelcollapse.problems.tokens import TokenChain

Chain = TokenChain | GaussianChain | PoissonChain | NgramChain
"""Kinds of problems of which each generation re-estimates a law from samples."""

Problem = Mixture | Recursion | Classes | Chain | ZipfTask
"""What a problem file may hold."""

PROBLEM_KEYS = ("kind", "ridge", "width", "activation", "target", "sources", "workflow")
SOURCE_KEYS = ("name", "n_samples", "noise_var", "weight", "spectrum", "eigenvalues", "covariance", "teacher", "shift")


def problem_from_dict(data: Mapping[str, Any], *, folder: str | Path = ".") -> Problem:
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
    kind = required("a problem", data, "kind")
    return KINDS[choice("kind", kind, KINDS)].read(data, Path(folder))


def problem_to_dict(problem: Problem) -> dict[str, Any]:
    """Return the tables of a problem file, with all arrays inline.

    Raises
    ------
    InputError
        When the activation is a function, which a file cannot hold.
    """
    name, kind = next((name, kind) for name, kind in KINDS.items() if isinstance(problem, kind.problem))
    return {"kind": name, **kind.write(problem)}


def _read_mixture(data: Mapping[str, Any], folder: Path) -> Mixture | Recursion:
    """Build a mixture from the tables of its file; with a workflow, a recursion."""
    known_keys("the problem", data, PROBLEM_KEYS)
    required("a problem", data, "ridge")
    sources = read_sources(data, lambda table: _source(table, folder))
    model = {key: data[key] for key in ("ridge", "width", "activation", "target") if key in data}
    mixture = Mixture(sources, **model)
    return Recursion(mixture, workflow_schema.read(data["workflow"], folder)) if "workflow" in data else mixture


def _write_mixture(problem: Mixture | Recursion) -> dict[str, Any]:
    """Return the tables of a file, but for its kind."""
    if isinstance(problem, Recursion):
        return {**_write_mixture(problem.mixture), "workflow": workflow_schema.write(problem.workflow)}
    mixture = problem
    if callable(mixture.activation):
        raise InputError("a problem file cannot hold an `activation` that is a function. Name one: relu, tanh or erf.")
    first = mixture.sources[0]
    content: dict[str, Any] = {"ridge": mixture.ridge}
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
    given = with_spectrum(table, folder)
    if "teacher" in given:
        given["teacher"] = _teacher(given["teacher"], folder)
    if "shift" in given:
        given["shift"] = _shift(given["shift"], folder)
    return build("a source", Source, given)


def _teacher(value: Any, folder: Path) -> Teacher:
    with located("`teacher`"):
        if not isinstance(value, Mapping):
            return FixedTeacher(numbers("teacher", value, folder))
        known_keys("a teacher", value, ("kind", "power"))
        choice("kind", required("a teacher", value, "kind"), ("random",))
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
        content |= spectrum_to_dict(source.spectrum)
    if isinstance(source.teacher, FixedTeacher):
        content["teacher"] = inlined(source.teacher.vector)
    if isinstance(source.teacher, RandomTeacher):
        content["teacher"] = {"kind": "random", "power": inlined(source.teacher.power)}
    if source.shift is not None:
        given = {name: inlined(getattr(source.shift, name)) for name in ("quality", "shape", "vector")}
        content["shift"] = {name: value for name, value in given.items() if value is not None}
    return content


@dataclass(frozen=True)
class Kind:
    """How problems of one kind are read from the tables of a file, and written."""

    problem: type | tuple[type, ...]
    read: Callable[[Mapping[str, Any], Path], Problem]
    write: Callable[[Any], dict[str, Any]]


KINDS = {
    "mixture": Kind((Mixture, Recursion), _read_mixture, _write_mixture),
    "classes": Kind(Classes, classes_schema.read, classes_schema.write),
    "tokens": Kind(TokenChain, chains_schema.read_token_chain, chains_schema.write_token_chain),
    "gaussian": Kind(GaussianChain, chains_schema.read_gaussian_chain, chains_schema.write_gaussian_chain),
    "poisson": Kind(PoissonChain, chains_schema.read_poisson_chain, chains_schema.write_poisson_chain),
    "ngrams": Kind(NgramChain, chains_schema.read_ngram_chain, chains_schema.write_ngram_chain),
    "tails": Kind(ZipfTask, tails_schema.read, tails_schema.write),
}
"""What may stand under `kind`."""
