"""How does a problem get to disk and back? TOML or JSON, by the file's ending."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from modelcollapse.errors import InputError
from modelcollapse.problems.entries import located
from modelcollapse.problems.schema import Problem, problem_from_dict, problem_to_dict

ENDINGS = (".toml", ".json")


def load_problem(path: str | Path) -> Problem:
    """Read a problem file.

    Parameters
    ----------
    path : path
        A .toml or .json file; the array files that it names are found relative to it.

    Raises
    ------
    InputError
        When the file is missing or damaged, or does not describe a problem; one line that names the file and the key.
    """
    data, folder = load_tables(path)
    with located(path):
        return problem_from_dict(data, folder=folder)


def load_tables(path: str | Path) -> tuple[dict[str, Any], Path]:
    """Return what a .toml or .json file holds, and the folder that the names in it start from.

    Raises
    ------
    InputError
        When the file is missing, damaged, or holds no table.
    """
    file = _with_ending(path)
    try:
        text = file.read_bytes().decode("utf-8-sig")
        data = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}. Check the path.") from None
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{file} is not valid {file.suffix[1:].upper()}: {reason}") from None
    if not isinstance(data, dict):
        raise InputError(f"{file}: it must hold one object, its keys on the outermost level.")
    return data, file.parent


def save_problem(problem: Problem, path: str | Path) -> None:
    """Write a problem file with all arrays inline; `load_problem` returns an equal problem.

    Parameters
    ----------
    problem : Mixture, Recursion or Classes
        The activation of a mixture must be a name, not a function.
    path : path
        Ends in .toml or .json.

    Raises
    ------
    InputError
        When the problem cannot be written down or the file cannot be written.
    """
    file = _with_ending(path)
    content: dict[str, Any] = problem_to_dict(problem)
    text = tomli_w.dumps(content) if file.suffix == ".toml" else json.dumps(content, indent=2, allow_nan=False) + "\n"
    try:
        file.write_bytes(text.encode())
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}. Check the folder.") from None


def _with_ending(path: str | Path) -> Path:
    file = Path(path)
    if file.suffix not in ENDINGS:
        raise InputError(f"a problem file must end in .toml or .json; got {file}.")
    return file
