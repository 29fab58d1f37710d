"""Can a run have such a number? The range of each column of a table of runs, and what to do outside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array, describe, real_array
from modelcollapse.errors import InputError
from modelcollapse.estimation.wording import counted

LARGEST = 1e30
"""Larger amounts of data, sizes and losses are no measurements."""


@dataclass(frozen=True, kw_only=True)
class Range:
    """What the numbers of a column may be: ``low`` to `LARGEST`, 0 as well where that is said.

    Attributes
    ----------
    low : float
    zero, above, whole, missing : bool
        Whether 0 is allowed too, whether `low` itself is not, whether numbers are whole, whether NaN is allowed.
    allowed, hint : str
        The same for a message, and the next step.
    """

    low: float
    allowed: str
    hint: str
    zero: bool = False
    above: bool = False
    whole: bool = False
    missing: bool = False

    def contains(self, values: Array) -> NDArray[np.bool_]:
        """Return which entries are allowed."""
        inside: NDArray[np.bool_] = (values <= LARGEST) & ((values > self.low) if self.above else (values >= self.low))
        if self.whole:
            inside &= values == np.round(values)
        if self.zero:
            inside |= values == 0
        if self.missing:
            inside |= np.isnan(values)
        return inside


_AMOUNT = Range(low=1.0, zero=True, allowed="0 or a number in [1, 1e+30]", hint="Write 1000000, not 1, for a million.")
_COUNT = Range(low=0.0, whole=True, allowed="a whole number of at least 0", hint="Count from 0.")
_LOSS = Range(
    low=0.0,
    above=True,
    allowed="a number in (0, 1e+30]",
    hint="Give the loss itself, not a log-likelihood, and leave out runs that have none.",
)
_RANGES = {
    "real": _AMOUNT,
    "synthetic": _AMOUNT,
    "size": Range(
        low=1.0, allowed="a number of model parameters in [1, 1e+30]", hint="Write 1000000, not 1, for a million."
    ),
    "generation": _COUNT,
    "repetition": _COUNT,
    "generator": Range(
        low=1.0,
        missing=True,
        allowed="an amount of data in [1, 1e+30]",
        hint="Leave it empty in runs without synthetic data only.",
    ),
}


def checked_column(column: str, values: Any, names: Sequence[str]) -> Array:
    """Return a column of a table of runs as numbers, (n,).

    Parameters
    ----------
    column : str
        ``real``, ``synthetic``, ``size``, ``generation``, ``repetition``, ``generator``, or any loss.
    values : array-like, (n,)
    names : sequence of str
        What messages call the n runs.

    Raises
    ------
    InputError
        When the entries are no numbers, not as many as the runs, or one is outside the range of its column.
    """
    allowed = _RANGES.get(column, _LOSS)
    array = np.asarray(values)
    if array.dtype.kind != "f" or array.ndim != 1:  # floats are looked at one by one, so that a run can be named
        array = real_array(column, array, ndim=1)
    if len(array) != len(names):
        raise InputError(f"`{column}` must have one entry for each of {counted(len(names), 'run')}; {describe(array)}.")
    array = array.astype(np.float64)
    outside = ~allowed.contains(array)
    if outside.any():
        raise refusal(column, array, int(np.argmax(outside)), names)
    return array


def refusal(column: str, values: Array, row: int, names: Sequence[str]) -> InputError:
    """Build the one line that names a run whose entry cannot be used."""
    allowed = _RANGES.get(column, _LOSS)
    got = "no number" if np.isnan(values[row]) else f"{values[row]:.6g}"
    return InputError(f"{names[row]}: `{column}` must be {allowed.allowed}; got {got}. {allowed.hint}")
