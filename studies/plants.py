"""What is planted, and in which world of data? A defect that synthetic data is given, and the real data beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

NOTHING = "real against real"
"""Name of the plant that changes nothing: whatever is found is a false alarm."""


@dataclass(frozen=True)
class Plant:
    """A defect that synthetic data is given.

    Attributes
    ----------
    name : str
    does : str
        What the synthetic data is.
    topics : tuple of str
        Topics of findings that name the defect, fixed before anything was run; none where nothing is planted.
    make : callable
        From the source of a trial's data and a generator to synthetic data.
    kept : (str, int) or None
        How many of the commonest tokens a cut keeps, and which fact of an audit should recover that.
    """

    name: str
    does: str
    topics: tuple[str, ...]
    make: Callable[[Any, np.random.Generator], Any]
    kept: tuple[str, int] | None = None


@dataclass(frozen=True)
class World:
    """Data in which defects are planted, drawn anew in each trial.

    Attributes
    ----------
    name, title : str
    kind : str
        ``"table"`` or ``"text"``.
    plants : tuple of Plant
    start : callable
        From a generator and a folder to the real data of a trial, and the source that plants make synthetic data from.
    note : str
        What the page says about the data.
    files : tuple of str
        What the folder must hold; empty where nothing is needed.
    most_trials : int or None
        Trials that make sense; None where there is no limit.
    aims : bool
        Whether how often plants are found is held against what is aimed for.
    """

    name: str
    title: str
    kind: str
    plants: tuple[Plant, ...]
    start: Callable[[np.random.Generator, Path | None], tuple[Any, Any]]
    note: str
    files: tuple[str, ...] = ()
    most_trials: int | None = None
    aims: bool = True

    def missing(self, folder: Path | None) -> list[str]:
        """Return the files that are needed and not there."""
        return [name for name in self.files if folder is None or not (folder / name).is_file()]
