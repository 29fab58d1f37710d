"""Do the files look as if something went wrong before they were saved? Constants, other units, and leaks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from modelcollapse.checks import Array
from modelcollapse.estimation.columns import AlignedColumns, Column, is_constant
from modelcollapse.estimation.labels import Targets
from modelcollapse.estimation.wording import counted, listing

UNIT_FACTOR = 30.0
"""Scales further apart than this are rarely the same unit: cents and euros, grams and kilograms, log and raw."""

FEWEST = 10
"""A scale is read off at least this many values that differ from the median."""

BY_CHANCE = 1e-6
"""A constant column is reported when it is less likely than this under the real rows: rare pixels are not."""

SAMPLE_ROWS = 5000
"""It is read off at most about this many rows, evenly spaced."""


def suspicions(columns: AlignedColumns, targets: Targets, *, names: Sequence[str], n_sources: int) -> tuple[str, ...]:
    """Say what is usable but rarely meant; nothing is changed.

    Parameters
    ----------
    columns, targets
        Of all tables, the real one first.
    names : sequence of str
        What messages call the tables.
    n_sources : int
        The first tables are sources, real and synthetic; what follows is held out and not looked at.

    Returns
    -------
    tuple of str
        Sentences about columns and targets that are constant in a synthetic source only, scales more than
        `UNIT_FACTOR` apart, and features that equal the target.
    """
    warnings = _leaks(columns, targets, names[0])
    for k in range(1, n_sources):
        warnings += _constants(columns, k, names)
        warnings += _other_units(columns, targets, k, names)
        warnings += _constant_target(targets, k, names[k])
    return tuple(warnings)


def _leaks(columns: AlignedColumns, targets: Targets, name: str) -> list[str]:
    """Find features that are the target itself, or its classes by other names."""
    if targets.task == "classification":
        everything = (*columns.numeric, *columns.categorical)
        found = [column for column in everything if _same_classes(columns.frames[0][column], targets.values[0])]
    else:
        found = [column for column in columns.numeric if _among(_values(columns, 0, column), targets.values[0])]
    return [f"{name}: equal to the target in every row: {listing(found)}; a leak?"] if found else []


def _same_classes(column: Column, codes: NDArray[np.int64]) -> bool:
    """Tell whether a column splits the rows into the same groups as the classes do."""
    for stop in (100, len(codes)):  # most columns differ early
        groups, classes = pd.factorize(column.iloc[:stop])[0], pd.factorize(codes[:stop])[0]
        if not np.array_equal(groups, classes):
            return False
    return True


def _among(values: Array, outputs: Array) -> bool:
    return any(np.array_equal(values, output) for output in outputs.T)


def _constants(columns: AlignedColumns, k: int, names: Sequence[str]) -> list[str]:
    found = [
        column
        for column in (*columns.numeric, *columns.categorical)
        if is_constant([columns.frames[k][column]])
        and not is_constant([columns.frames[0][column]])
        and not _constant_by_chance(columns.frames[k][column], columns.frames[0][column])
    ]
    if not found:
        return []
    return [f"{names[k]}: {counted(len(found), 'column')} constant there, not in {names[0]}: {listing(found)}."]


def _constant_by_chance(own: Column, real: Column) -> bool:
    """Tell whether as many real rows would all hold the same value, with probability 1e-6 or more."""
    same = real.isna() if bool(own.isna().iloc[0]) else real == own.iloc[0]
    return bool(float(same.mean()) ** len(own) >= BY_CHANCE)


def _other_units(columns: AlignedColumns, targets: Targets, k: int, names: Sequence[str]) -> list[str]:
    pairs = {f"column `{name}`": (_values(columns, 0, name), _values(columns, k, name)) for name in columns.numeric}
    if targets.task == "regression":
        outputs = zip(targets.values[0].T, targets.values[k].T, strict=True)
        pairs |= {"the target" + (f" (output {j + 1})" if j else ""): output for j, output in enumerate(outputs)}
    warnings = []
    for what, (real, own) in pairs.items():
        ratio = _scale(own) / _scale(real)
        if ratio > UNIT_FACTOR or ratio < 1 / UNIT_FACTOR:  # not for NaN: a scale is unknown
            size = f"{ratio:,.0f} times larger" if ratio > 1 else f"{1 / ratio:,.0f} times smaller"
            warnings.append(f"{names[k]}: the scale of {what} is {size} than in {names[0]}; another unit?")
    return warnings


def _values(columns: AlignedColumns, k: int, name: str) -> Array:
    values: Array = columns.frames[k][name].to_numpy(dtype=np.float64, na_value=np.nan)
    return values


def _scale(values: Array) -> float:
    """Return the median distance from the median among the values that differ from it; NaN where too few do.

    Unlike a standard deviation it does not depend on how often a sparse column is zero.
    """
    some = values[:: max(1, len(values) // SAMPLE_ROWS)]
    some = some[~np.isnan(some)]
    distances = np.abs(some - np.median(some)) if some.size else some
    distances = distances[distances > 0]
    return float(np.median(distances)) if distances.size >= FEWEST else float("nan")


def _constant_target(targets: Targets, k: int, name: str) -> list[str]:
    values = targets.values[k]
    if targets.task == "classification":
        held = np.unique(values[values >= 0])
        return [f"{name}: all usable rows are of the class `{targets.classes[held[0]]}`."] if held.size == 1 else []
    spread = np.ptp(values, axis=0)
    return [f"{name}: the target takes the single value {values[0, spread == 0][0]:g}."] if (spread == 0).any() else []
