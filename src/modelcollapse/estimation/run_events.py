"""What do TensorBoard event files say about past runs? The last value of every scalar, one row for each directory."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd

from modelcollapse.errors import InputError, MissingExtraError

_SETTING = re.compile(r"([A-Za-z][A-Za-z0-9_]*)=([0-9]+(?:_[0-9]+)*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)")


def read_events(directory: Path) -> pd.DataFrame:
    """Read a directory of TensorBoard event files as a table of runs.

    Parameters
    ----------
    directory : Path
        Every directory in it that holds event files is a run, at any depth, itself included.

    Returns
    -------
    DataFrame
        A row for each run, sorted by their directories. Columns: ``run``, its directory; the last value of every
        scalar, by its tag; and the numbers that the directory's name holds, as in ``real=1e9,synthetic=2e8``, where no
        scalar of this name is there. NaN where a run has none.

    Raises
    ------
    InputError
        When there are no event files, or one cannot be read.
    MissingExtraError
        When `tensorboard` is absent.
    """
    places = sorted({path.parent for path in directory.rglob("*tfevents*") if path.is_file()})
    if not places:
        raise InputError(
            f"{directory}: no TensorBoard event files in this directory. Name a table of runs, such as runs.csv."
        )
    rows = []
    for place in places:
        name = str(place.relative_to(directory))
        rows.append({**_numbers_in(name), **_last_scalars(place), "run": name})
    return pd.DataFrame(rows)


def _numbers_in(name: str) -> dict[str, float]:
    """Return the numbers that a directory's name holds.

    Examples
    --------
    >>> _numbers_in("sweep-3/real=1e6_synthetic=200000,seed=1")
    {'real': 1000000.0, 'synthetic': 200000.0, 'seed': 1.0}
    """
    return {key: float(number) for key, number in _SETTING.findall(name)}


def _last_scalars(place: Path) -> dict[str, float]:
    """Return the last value of each scalar in the event files of one directory, by its tag."""
    try:
        from tensorboard.backend.event_processing import plugin_event_accumulator
        from tensorboard.util import tensor_util
    except ImportError:
        command = "pip install 'modelcollapse[tensorboard]'"
        raise MissingExtraError(f"{place}: reading event files needs the `tensorboard` library: {command}") from None
    accumulator = plugin_event_accumulator.EventAccumulator(str(place), size_guidance={"tensors": 1})
    try:
        accumulator.Reload()
        scalars: dict[str, Any] = accumulator.PluginTagToContent("scalars")
        return {tag: float(tensor_util.make_ndarray(accumulator.Tensors(tag)[-1].tensor_proto)) for tag in scalars}
    except KeyError:  # files without any scalar
        return {}
    except Exception as error:  # the library raises errors of many unrelated classes for damaged files
        raise InputError(
            f"{place}: damaged event files ({type(error).__name__}). Remove them, or log them anew."
        ) from None
