"""How do the frozen objects of a problem hold arrays? As read-only copies, compared by their numbers."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, cast

import numpy as np

from modelcollapse.checks import Array, real_array
from modelcollapse.errors import InputError


def frozen_array(what: str, value: Any, *, ndim: int) -> Array:
    """Return a read-only float64 copy of `value`, checked to be finite and not empty."""
    array = real_array(what, value, ndim=ndim) + 0.0  # a copy; turns -0.0 into 0.0, so that equal numbers hash alike
    array.setflags(write=False)
    return array


def frozen_non_negative(what: str, value: Any) -> Array:
    """Return a read-only float64 vector, checked to hold no negative entry."""
    array = frozen_array(what, value, ndim=1)
    if (array < 0).any():
        first = int(np.argmax(array < 0))
        raise InputError(f"`{what}` must not be negative; got {array[first]:g} at position {first}.")
    return array


class ByValue:
    """Equality and hash of a dataclass that may hold arrays: two objects are equal when all their numbers are."""

    def _values(self) -> tuple[object, ...]:
        return tuple(_hashable(getattr(self, item.name)) for item in fields(cast(Any, self)) if item.compare)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, type(self)):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())


def _hashable(value: object) -> object:
    return (value.shape, value.tobytes()) if isinstance(value, np.ndarray) else value
