"""Regression or classification, and which classes? Raw targets become numbers or class codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from modelcollapse.checks import Array, choice
from modelcollapse.errors import InputError
from modelcollapse.estimation.scaling import kurtosis
from modelcollapse.estimation.tables import LARGEST, Labels, Table
from modelcollapse.estimation.wording import counted, listing

TASKS = ("regression", "classification")
MAX_INTEGER_CLASSES = 20
"""Whole numbers with at most this many distinct values are taken for classes."""

HEAVY_TARGET_KURTOSIS = 30.0
"""From this kurtosis of the target on, its few largest values dominate the squared error (normal: 3)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Targets:
    """Targets of several tables in one common form.

    Attributes
    ----------
    task : str
        ``"regression"`` or ``"classification"``.
    classes : tuple
        The real data's labels in ascending order; empty for regression.
    values : tuple of arrays
        One per table: floats (n, C) for regression, class codes (n,) in [0, len(classes)) for classification, −1 for
        a label that the real data does not hold.
    steps, warnings : tuple of str
        What was decided, and what the user should look at.
    """

    task: str
    classes: tuple[Any, ...]
    values: tuple[NDArray[Any], ...]
    steps: tuple[str, ...]
    warnings: tuple[str, ...]


def resolve_targets(tables: Sequence[Table], *, task: str | None) -> Targets:
    """Decide on the task and bring the targets of all tables to one form.

    Without `task`, text, truth values, one-hot rows and whole numbers of at most 20 distinct values that repeat are
    classes; everything else is regression.

    Parameters
    ----------
    tables : sequence of Table
        The real data first: its labels are the classes.
    task : {"regression", "classification"} or None

    Raises
    ------
    InputError
        When text was to be regressed, the targets' shapes differ, the real data holds a single class or target value,
        or a table shares no label with it.
    """
    if task is not None:
        choice("task", task, TASKS)
    widths = [table.target.shape[1:] for table in tables]
    for table, width in zip(tables, widths, strict=True):
        if width != widths[0]:
            raise InputError(
                f"{table.name}: the target has {width[0] if width else 1} outputs; "
                f"{tables[0].name} has {widths[0][0] if widths[0] else 1}."
            )
    one_hot = bool(widths[0]) and all(_is_one_hot(table.target) for table in tables)
    chosen = task or ("classification" if one_hot or _looks_like_classes(tables[0].target) else "regression")
    if chosen == "regression":
        return _regression(tables)
    if widths[0] and not one_hot:
        raise InputError(f"{tables[0].name}: classification needs one column of labels, or one-hot rows.")
    labels = [np.argmax(table.target, axis=1) if one_hot else table.target for table in tables]
    return _classification(labels, [table.name for table in tables], guessed=task is None)


def one_hot_rows(codes: NDArray[np.int64], n_classes: int) -> Array:
    """Return class codes (n,) as indicator rows (n, n_classes)."""
    rows = np.zeros((len(codes), n_classes))
    rows[np.arange(len(codes)), codes] = 1.0
    return rows


def _is_one_hot(target: Labels) -> bool:
    return target.shape[1] > 1 and bool(np.isin(target, (0, 1)).all() and (target.sum(axis=1) == 1).all())


def _looks_like_classes(target: Labels) -> bool:
    if target.ndim == 2:
        return False
    if target.dtype.kind not in "iuf":
        return True
    distinct = np.unique(target)
    whole = bool((distinct == np.round(distinct)).all())
    return whole and distinct.size <= min(MAX_INTEGER_CLASSES, target.size // 2)


def _regression(tables: Sequence[Table]) -> Targets:
    values = tuple(_as_numbers(table, real=tables[0]) for table in tables)
    spread = np.ptp(values[0], axis=0)
    if not (spread > 0).all():
        value = values[0][0, spread == 0][0]
        raise InputError(f"{tables[0].name}: the target takes the single value {value:g}; there is nothing to learn.")
    if not (spread > 1.0 / LARGEST).all():
        raise InputError(f"{tables[0].name}: the target spreads over {spread.min():g} only. Use a smaller unit.")
    warnings = []
    worst = max(kurtosis(column) for column in values[0].T)
    if worst > HEAVY_TARGET_KURTOSIS:
        warnings.append(
            f"The target is heavy-tailed (kurtosis {worst:.0f}; 3 for a normal law): a few rows carry most of the "
            "squared error. Consider its logarithm or ranks."
        )
    return Targets(task="regression", classes=(), values=values, steps=(), warnings=tuple(warnings))


def _as_numbers(table: Table, *, real: Table) -> Array:
    """Return the target as floats (n, C)."""
    target = table.target
    if target.dtype.kind not in "biuf":
        numbers = pd.to_numeric(pd.Series(target, dtype=object), errors="coerce")
        row = int(np.flatnonzero(numbers.isna())[0]) if numbers.isna().any() else 0
        held = f"got {str(target[row])!r} in data row {row + 1}"
        elsewhere = f", and numbers in {real.name}" if real.target.dtype.kind in "biuf" else ""
        raise InputError(
            f"{table.name}: regression needs a numeric target; {held}{elsewhere}. "
            "Repair the column, or set `task` to classification."
        )
    return np.asarray(target, dtype=np.float64).reshape(len(target), -1)


def _classification(labels: Sequence[Labels], names: Sequence[str], *, guessed: bool) -> Targets:
    keys = [_label_keys(array) for array in labels]
    known, first = np.unique(keys[0], return_index=True)
    if known.size < 2 and guessed and labels[0].dtype.kind in "iuf":
        raise InputError(f"{names[0]}: the target takes the single value {keys[0][0]}; there is nothing to learn.")
    if known.size < 2:
        raise InputError(f"{names[0]}: holds the single class `{labels[0][0]}`; at least 2 are needed.")
    if known.size > len(labels[0]) // 2:
        raise InputError(
            f"{names[0]}: the target takes {known.size} distinct values in {len(labels[0])} rows; that is no set of "
            f"classes (e.g. `{labels[0][0]}`). Check the column for stray text, or set `task` to regression."
        )
    originals = [labels[0][position] for position in first]
    order = sorted(range(known.size), key=lambda k: (isinstance(originals[k], str), originals[k]))
    known, originals = known[order], [originals[k] for k in order]
    codes, warnings = [], []
    for name, other, key in zip(names, labels, keys, strict=True):
        code = pd.Index(known).get_indexer(pd.Index(key)).astype(np.int64)
        unseen = code < 0
        if unseen.all():
            hint = _mismatch(labels[0], other, known, key)
            raise InputError(
                f"{name}: no label is known to {names[0]}; it holds {listing(list(np.unique(key)))}. {hint}".strip()
            )
        if unseen.any():
            held, hint = listing(list(np.unique(key[unseen]))), _mismatch(labels[0], other, known, key[unseen])
            dropped = f"{counted(int(unseen.sum()), 'row')} dropped"
            warnings.append(f"{name}: {dropped}, labels unseen in real data: {held}. {hint}".strip())
        codes.append(code)
    classes = tuple(value.item() if isinstance(value, np.generic) else value for value in originals)
    hint = "; set the task to regression if they are quantities" if guessed and labels[0].dtype.kind in "iuf" else ""
    steps = (f"The target's {known.size} distinct values are taken as classes{hint}.",)
    return Targets(task="classification", classes=classes, values=tuple(codes), steps=steps, warnings=tuple(warnings))


def _mismatch(real: Labels, other: Labels, known: NDArray[np.object_], unseen: NDArray[np.object_]) -> str:
    """Say why labels may have missed each other: spaces, upper case, or numbers against text."""
    plain = {_plain(label): label for label in known}
    for label in np.unique(unseen):
        if _plain(label) in plain:
            return f"`{label}` and `{plain[_plain(label)]}` differ by spaces or case only; make the files agree."
    kinds = ["numbers" if labels.dtype.kind in "iuf" else "text" for labels in (real, other)]
    return (
        "" if kinds[0] == kinds[1] else f"The real labels are {kinds[0]}, these are {kinds[1]}; make the files agree."
    )


def _plain(label: str) -> str:
    return " ".join(label.split()).casefold()


def _label_keys(labels: Labels) -> NDArray[np.object_]:
    """Return labels as text, so that 1, 1.0 and "1" of different files are one class."""
    codes, distinct = pd.factorize(labels)
    return np.array([_label_key(value) for value in distinct], dtype=object)[codes]


def _label_key(value: object) -> str:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)
