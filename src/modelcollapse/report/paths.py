"""Can a report be written there? Asked before the long work, without writing anything."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from modelcollapse.errors import InputError

SUFFIXES = (".html", ".htm")
"""How the name of a report may end, so that no data file is taken for one."""


def check_report_path(path: str | Path, *, inputs: Iterable[str | Path] = ()) -> Path:
    """Return where a report is to be written, links resolved.

    Parameters
    ----------
    path : str or Path
    inputs : iterable of str or Path
        Files that must not be overwritten.

    Raises
    ------
    InputError
        When the folder is missing or not writable, or the path is a folder, no page by its name, or one of `inputs`.
    """
    target = Path(path).resolve()
    if target.is_dir():
        raise InputError(f"{path}: the report must be a file; this is a folder. Give a name, such as report.html.")
    if target.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: the report must be named .html or .htm. Give a name, such as report.html.")
    if any(target == Path(given).resolve() or _same_file(target, Path(given)) for given in inputs):
        raise InputError(f"{path}: the report would overwrite this input file. Give another name, such as report.html.")
    if not target.parent.is_dir():
        raise InputError(f"{path}: the report's folder {target.parent} does not exist. Create it first.")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise InputError(f"{path}: the report's folder {target.parent} is not writable. Choose another.")
    return target


def _same_file(path: Path, other: Path) -> bool:
    """Say whether two names lead to one existing file, also by a hard link."""
    return path.exists() and other.exists() and path.samefile(other)
