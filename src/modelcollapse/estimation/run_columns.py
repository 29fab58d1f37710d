"""Which column of a table of runs holds what? Names as people write them, and what may stand in place of another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from modelcollapse.checks import Array, known_keys, nearest
from modelcollapse.errors import InputError
from modelcollapse.estimation.wording import listing

UNITS = ("samples", "tokens")
"""What data may be counted in."""

SYNONYMS: dict[str, tuple[str, ...]] = {
    "real": ("real", "n_real", "real_tokens", "n_real_tokens", "real_samples", "n_real_samples"),
    "synthetic": ("synthetic", "n_synthetic", "synthetic_tokens", "n_synthetic_tokens", "synthetic_samples",
                  "n_synthetic_samples"),
    "total": ("total", "n_total", "total_tokens", "total_samples", "tokens", "n_tokens", "samples", "n_samples"),
    "fraction": ("fraction", "synthetic_fraction", "synthetic_share"),
    "size": ("size", "model_size", "params", "n_params", "num_params", "parameters", "n_parameters"),
    "generation": ("generation", "gen"),
    "repetition": ("repetition", "repeat", "replicate", "seed"),
    "generator": ("generator", "generator_real", "generator_tokens", "generator_samples"),
    "loss": ("loss", "val_loss", "validation_loss", "eval_loss", "test_loss", "test_error"),
    "name": ("name", "run", "run_name", "run_id"),
}  # fmt: skip
"""Names by which a column is known, written in lower case with underscores, so that ``Val/Loss`` is ``val_loss``."""

_BAND = "loss_"
_PERPLEXITY = ("ppl", "perplexity")
"""What names of columns say that hold the exponential of a loss, which no scaling law describes."""
_NO_BANDS = ("std", "stderr", "sem", "se", "var")
"""What follows ``loss_`` in columns that hold the uncertainty of the loss."""


@dataclass(frozen=True, eq=False, kw_only=True)
class RunColumns:
    """The columns of a table of runs, not checked yet.

    Attributes
    ----------
    values : mapping of str to array, (n,)
        ``real``, ``synthetic``, ``loss``, and those of ``size``, ``generation``, ``repetition``, ``generator`` that
        are there.
    band_losses : mapping of str to array, (n,)
    unit : str
        ``"tokens"`` where a name says so, else ``"samples"``.
    names : tuple of str
        What messages call the runs.
    """

    values: Mapping[str, Array]
    band_losses: Mapping[str, Array]
    unit: str
    names: tuple[str, ...]


def run_columns(frame: pd.DataFrame, *, columns: Mapping[str, str]) -> RunColumns:
    """Find the columns of a table of runs.

    Parameters
    ----------
    frame : DataFrame
    columns : mapping of str to str
        Names of columns by what they hold, where the user says it.

    Raises
    ------
    InputError
        When a column is missing, named twice, or holds something else than numbers.
    """
    known_keys("the columns", columns, SYNONYMS)
    held = {str(column): frame.iloc[:, k] for k, column in enumerate(frame.columns)}
    if len(held) < frame.shape[1]:
        raise InputError("column names must be unique. Rename those that are there twice.")
    places = {quantity: _place(quantity, held, columns) for quantity in SYNONYMS}
    found = {quantity: column for quantity, column in places.items() if column is not None}
    _require(found, list(held))
    _refuse_misread(found)
    names = _names(frame, found.pop("name", None))
    values = {quantity: _numbers(held[column], column, names) for quantity, column in found.items()}
    bands = {
        column[len(_BAND) :]: _numbers(held[column], column, names)
        for column in held
        if column.startswith(_BAND) and column[len(_BAND) :] not in _NO_BANDS and column not in found.values()
    }
    _split_total(values, names)
    return RunColumns(values=values, band_losses=bands, unit=_unit(found), names=names)


def _place(quantity: str, held: Mapping[str, Any], columns: Mapping[str, str]) -> str | None:
    """Return the column that holds a quantity: the one that was named, or the one that goes by a known name."""
    if quantity in columns:
        column = columns[quantity]
        if column not in held:
            hint = nearest(column, held) or f"Columns: {', '.join(list(held)[:20])}."
            raise InputError(f"no column `{column}` for `{quantity}`. {hint}")
        return column
    taken = set(columns.values())
    known = [column for column in held if _plain(column) in SYNONYMS[quantity] and column not in taken]
    if len(known) > 1:
        raise InputError(f"{listing(known)} may each be `{quantity}`. Say which one is, as in {quantity}={known[0]}.")
    return known[0] if known else None


def _plain(column: str) -> str:
    """Return a name in lower case, its words joined by underscores."""
    return re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_")


def _require(found: Mapping[str, str], held: list[str]) -> None:
    """Refuse a table that lacks a column."""
    pairs = (("real", "synthetic"), ("total", "fraction"))
    pair = max(pairs, key=lambda pair: sum(quantity in found for quantity in pair))  # of equals, the first
    missing = [quantity for quantity in ("loss", *pair) if quantity not in found]
    if missing:
        zeros = " Write zeros where there was none." if missing == ["synthetic"] else ""
        shown = f"Columns: {', '.join(held[:20])}{', ...' if len(held) > 20 else ''}."
        raise InputError(
            f"no column for `{missing[0]}`. Name it {' or '.join(SYNONYMS[missing[0]][:3])}, or say which one "
            f"it is, as in {missing[0]}=COLUMN.{zeros} {shown}"
        )


def _refuse_misread(found: Mapping[str, str]) -> None:
    """Refuse a column that is to hold two quantities, and one of perplexities, by its name, as the loss."""
    first: dict[str, str] = {}
    for quantity, column in found.items():
        if column in first:
            raise InputError(f"column `{column}` is both `{first[column]}` and `{quantity}`. Name another one for one.")
        first[column] = quantity
    if set(_plain(found["loss"]).split("_")) & set(_PERPLEXITY):
        raise InputError(
            f"column `{found['loss']}` holds perplexities, by its name. Give their natural logarithm as `loss`, or "
            "rename the column if it holds losses."
        )


def _names(frame: pd.DataFrame, column: str | None) -> tuple[str, ...]:
    """Return what messages call the runs: the row, with the name that the table gives them."""
    rows = [f"data row {k + 1}" for k in range(len(frame))]
    if column is None:
        return tuple(rows)
    return tuple(f"{row} ({given})" for row, given in zip(rows, frame[column].astype(str), strict=True))


def _numbers(values: Any, column: str, names: tuple[str, ...]) -> Array:
    """Return a column as floats (n,), NaN where it is empty."""
    kind = values.dtype.kind if isinstance(values.dtype, np.dtype) else "O"
    if kind in "mMcb":
        raise InputError(f"column `{column}` must hold numbers; it holds {values.dtype} values. Name another one.")
    numbers = pd.to_numeric(values, errors="coerce")
    text = (numbers.isna() & values.notna()).to_numpy()
    if text.any():
        row = int(np.argmax(text))
        raise InputError(f"{names[row]}: `{column}` must be a number; got {str(values.iloc[row])[:40]!r}.")
    return np.asarray(numbers.to_numpy(dtype=np.float64, na_value=np.nan))


def _split_total(values: dict[str, Array], names: tuple[str, ...]) -> None:
    """Put real and synthetic amounts in place of a total and the synthetic share of it, where they are not there."""
    total, fraction = values.pop("total", None), values.pop("fraction", None)
    if total is None or fraction is None or ("real" in values and "synthetic" in values):
        return
    outside = ~((fraction >= 0) & (fraction <= 1))
    if outside.any():
        row = int(np.argmax(outside))
        raise InputError(f"{names[row]}: `fraction` must be a number in [0, 1]; got {fraction[row]:g}. "
                         "Write 0.25, not 25, for 25 %.")  # fmt: skip
    values["real"], values["synthetic"] = split(total, fraction)


def split(total: Array, fraction: Array) -> tuple[Array, Array]:
    """Return real and synthetic amounts, (n,), that add up to the total exactly: equal totals stay equal.

    Examples
    --------
    >>> real, synthetic = split(np.array([1e9, 1e9]), np.array([0.1, 0.3]))
    >>> (real + synthetic).tolist()
    [1000000000.0, 1000000000.0]
    """
    synthetic = (total + total * fraction) - total  # rounded to what the total can hold
    return total - synthetic, synthetic


def _unit(found: Mapping[str, str]) -> str:
    """Return what the data is counted in, as the names of the columns say."""
    said = {
        quantity: unit
        for quantity in ("real", "synthetic", "total", "generator")
        for unit in UNITS
        if unit in _plain(found.get(quantity, "")).split("_")
    }
    if len(set(said.values())) > 1:
        shown = ", ".join(f"`{found[quantity]}`" for quantity in said)
        raise InputError(f"{shown} count in different units. Give all of them in tokens, or all in samples.")
    return next(iter(said.values()), "samples")
