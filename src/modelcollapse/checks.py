"""Are the caller's arguments usable? Every check names what, got, allowed and the next step."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelcollapse.errors import InputError

Array = NDArray[np.float64]


def describe(value: object) -> str:
    """Return a short picture of a value for an error message: arrays by shape, the rest by `repr`."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and type {value.dtype}"
    text = " ".join(repr(value.item() if isinstance(value, np.number | np.bool_) else value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def fail(what: str, got: object, allowed: str, hint: str = "") -> InputError:
    """Build the one-line error of the house style: what, got, allowed, next step."""
    return InputError(f"`{what}` must be {allowed}; got {describe(got)}.{' ' + hint if hint else ''}")


def number(
    what: str, value: Any, *, low: float = -math.inf, high: float = math.inf, open_low: bool = False, hint: str = ""
) -> float:
    """Return `value` as a finite float within [low, high], or (low, high] when `open_low`.

    Raises
    ------
    InputError
        When `value` is no number, not finite, or outside the range.
    """
    bracket = f"{'(' if open_low or low == -math.inf else '['}{low:g}, {high:g}{')' if high == math.inf else ']'}"
    allowed = f"a number in {bracket}"
    if isinstance(value, bool | str | bytes) or value is None:
        raise fail(what, value, allowed, hint)
    try:
        result = float(value)
    except (TypeError, ValueError, OverflowError):
        raise fail(what, value, allowed, hint) from None
    if not math.isfinite(result) or not low <= result <= high or (open_low and result == low):
        raise fail(what, value, allowed, hint)
    return result


def integer(what: str, value: Any, *, low: int, high: int | None = None, hint: str = "") -> int:
    """Return `value` as an int in [low, high]; a float is taken when it is whole.

    Raises
    ------
    InputError
        When `value` is not a whole number or lies outside the range.
    """
    allowed = f"a whole number of at least {low}" if high is None else f"a whole number in [{low}, {high}]"
    try:
        result = number(what, value) if not isinstance(value, int | np.integer) else int(value)
    except InputError:
        raise fail(what, value, allowed, hint) from None
    if isinstance(value, bool) or result != int(result) or result < low or (high is not None and result > high):
        raise fail(what, value, allowed, hint)
    return int(result)


def choice(what: str, value: object, allowed: Iterable[str]) -> str:
    """Return `value` when it is one of the allowed words, else an error that names the nearest one."""
    words = list(allowed)
    if isinstance(value, str) and value in words:
        return value
    raise fail(what, value, "one of " + ", ".join(words), nearest(str(value), words))


def nearest(word: str, known: Iterable[str]) -> str:
    """Return 'Did you mean ...?' for the known word that is closest, or an empty string."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"Did you mean `{close[0]}`?" if close else ""


def known_keys(where: str, keys: Iterable[str], known: Iterable[str]) -> None:
    """Refuse keys that are not known, by name, with the nearest known one."""
    words = list(known)
    for key in keys:
        if key not in words:
            hint = nearest(key, words)
            message = f"unknown key `{key}` in {where}; known keys: {', '.join(words)}."
            raise InputError(f"{message} {hint}".strip())


def real_array(what: str, value: Any, *, ndim: int, allow_empty: bool = False) -> Array:
    """Return `value` as a float64 array of `ndim` axes with finite entries.

    Raises
    ------
    InputError
        When the entries are not numbers, not finite, or the number of axes differs.
    """
    try:
        given = np.asarray(value)
        array = given.astype(np.float64, copy=False) if given.dtype.kind in "biufO" else None
    except (TypeError, ValueError, OverflowError):
        array = None
    if array is None:  # text, dates and complex numbers would be converted without a word
        raise fail(what, value, f"numbers in {ndim} axes")
    if array.ndim != ndim:
        raise fail(what, array, f"an array with {ndim} axes")
    if array.size == 0 and not allow_empty:
        raise fail(what, array, "an array that is not empty")
    if not np.isfinite(array).all():
        count = int((~np.isfinite(array)).sum())
        raise InputError(f"`{what}` must be finite; got {count} NaN or infinite entries of {array.size}.")
    return array
