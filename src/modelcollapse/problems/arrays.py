"""Which numbers does an entry of a problem file name? Those written inline, or those of a .npy or .npz file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse.checks import fail, nearest
from modelcollapse.errors import InputError


def is_array_file(text: str) -> bool:
    """Return whether a text names an array file: it ends in .npy, .npz or .npz:key."""
    return re.search(r"\.(npy|npz(:.+)?)$", text) is not None


def numbers(what: str, value: Any, folder: Path) -> Any:
    """Return a list of numbers as it is, or read the file that a text names.

    Parameters
    ----------
    what : str
        The key of the problem file, for messages.
    value : list or str
        Numbers, nested for a matrix, or ``"file.npy"``, ``"file.npz"`` or ``"file.npz:key"``.
    folder : Path
        Where relative paths start.

    Raises
    ------
    InputError
        When the file is missing, cannot be read, or the key is not in it.
    """
    if isinstance(value, list):
        return value
    if isinstance(value, str) and is_array_file(value):
        return _load(what, value, folder)
    raise fail(what, value, "a list of numbers, or the name of a .npy or .npz file")


def _load(what: str, text: str, folder: Path) -> Any:
    """Read one array from a .npy file, or from a .npz file by its key."""
    match = re.fullmatch(r"(.+\.npz)(?::(.+))?", text)
    name, key = match.groups() if match else (text, None)
    path = folder / name
    if not path.is_file():
        raise InputError(f"`{what}` names the file {path}, which does not exist. Paths start at the problem file.")
    try:
        with path.open("rb") as file:  # NumPy would leave a damaged archive open
            content = np.load(file, allow_pickle=False)
            if isinstance(content, np.ndarray):
                return content
            return content[_member(f"{what}` = `{text}", content.files, key)]
    except InputError:
        raise
    except Exception:  # on damaged files NumPy lets errors of zlib, zipfile, tokenize and others through
        raise InputError(
            f"`{what}` names the file {path}, which cannot be read: it is cut off, damaged, or holds something else "
            "than numbers. Write it with numpy.save or numpy.savez."
        ) from None


def _member(what: str, members: list[str], key: str | None) -> str:
    """Return which array of an .npz file is meant."""
    if key is None and len(members) == 1:
        return members[0]
    if key is None:
        raise InputError(f"`{what}` must name one of {', '.join(members) or 'no arrays'}, as in `file.npz:key`.")
    if key not in members:
        message = f"`{what}` names an array that is not in the file, which holds: {', '.join(members)}."
        raise InputError(f"{message} {nearest(key, members)}".strip())
    return key
