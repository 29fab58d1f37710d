"""Can a report be written there? Asked before the long work, without writing anything."""

from __future__ import annotations

import os
from pathlib import Path

from modelcollapse.errors import InputError


def check_report_path(path: str | Path) -> Path:
    """Return where a report is to be written, links resolved.

    Raises
    ------
    InputError
        When the folder is missing or not writable, or the path is a folder.
    """
    target = Path(path).resolve()
    if target.is_dir():
        raise InputError(f"{path}: the report must be a file; this is a folder. Give a name, such as report.html.")
    if not target.parent.is_dir():
        raise InputError(f"{path}: the report's folder {target.parent} does not exist. Create it first.")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise InputError(f"{path}: the report's folder {target.parent} is not writable. Choose another.")
    return target
