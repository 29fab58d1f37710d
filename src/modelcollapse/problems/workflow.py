"""What happens from one generation to the next? Who labels, what is kept, and what changes: each word defined once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelcollapse.checks import Array, choice, fail, integer, number, real_array
from modelcollapse.errors import InputError
from modelcollapse.problems.values import ByValue

KINDS = ("replace", "accumulate", "accumulate-subsample", "mix")
"""
What generation t > 0 is fitted on. Its synthetic samples are labelled by the model of generation t − 1.

replace: its own synthetic samples.
accumulate: the real samples of generation 0 and the synthetic samples of all generations up to t.
accumulate-subsample: as many samples of that pool, drawn without replacement, as `subsample` says.
mix: real samples, fresh or re-used, and its own synthetic samples.
"""

DESIGNS = ("fresh", "fixed")
"""
Inputs of the synthetic samples: drawn anew in every generation, or the same in all of them, labelled anew.

In replace, accumulate and accumulate-subsample fixed inputs are those of generation 0.
"""

REAL_DATA = ("fresh", "reused")
"""Real samples of a mix: drawn anew in every generation, or the same (inputs and labels) in all of them."""

MAX_GENERATIONS = 1000
"""Most generations that a workflow may have."""

_SUBSAMPLE = "It says how many samples of the pool each fit draws."
SAMPLING_KEYS = ("n_samples", "noise_var", "weight")
MODEL_KEYS = ("ridge", "width")


@dataclass(frozen=True, eq=False, kw_only=True)
class Curation(ByValue):
    """A verifier that keeps a synthetic sample by its label error |y − xᵀw| against the first source's teacher w.

    What it drops still counts in the divisor N of the loss, as samples of weight 0 do: with or without a verifier the
    penalty N · ridge is the same.

    Parameters
    ----------
    hit : float
        Probability, in [0, 1], of keeping a sample whose label error is at most `tolerance`.
    false_keep : float
        Probability, in [0, 1], of keeping any other sample.
    tolerance : float
        Largest label error that counts as right, above 0.

    Raises
    ------
    InputError
        When a value is out of range, or nothing would be kept.
    """

    hit: float
    false_keep: float
    tolerance: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "hit", number("hit", self.hit, low=0, high=1))
        object.__setattr__(self, "false_keep", number("false_keep", self.false_keep, low=0, high=1))
        object.__setattr__(self, "tolerance", number("tolerance", self.tolerance, low=0, open_low=True))
        if self.hit == self.false_keep == 0:
            raise InputError("`curation` with `hit` = `false_keep` = 0 keeps nothing. Raise one of them.")


@dataclass(frozen=True, eq=False, kw_only=True)
class Schedule(ByValue):
    """What differs from generation to generation; entry t of every list belongs to generation t, from 0 on.

    Parameters
    ----------
    ridge, width : sequence of numbers, optional
        In place of the problem's.
    n_samples, noise_var, weight : mapping from source name to sequence of numbers, optional
        In place of the source's. Entries of sources that take no part (synthetic samples in generation 0; real ones
        after it, unless the workflow mixes fresh ones) must be 0 in `n_samples` and are not looked at in the others.

    Raises
    ------
    InputError
        When an entry is not a sequence of numbers, or out of range.
    """

    ridge: Sequence[float] | None = None
    width: Sequence[int] | None = None
    n_samples: Mapping[str, Sequence[int]] = field(default_factory=dict)
    noise_var: Mapping[str, Sequence[float]] = field(default_factory=dict)
    weight: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key in MODEL_KEYS:
            if getattr(self, key) is not None:
                object.__setattr__(self, key, _entries(f"schedule.{key}", getattr(self, key)))
        for key in SAMPLING_KEYS:
            given = getattr(self, key)
            if not isinstance(given, Mapping):
                raise fail(f"schedule.{key}", given, "a table from source name to a list of numbers")
            entries = {name: _entries(f"schedule.{key}.{name}", values) for name, values in given.items()}
            object.__setattr__(self, key, entries)

    def _values(self) -> tuple[object, ...]:
        tables = (tuple(sorted(getattr(self, key).items())) for key in SAMPLING_KEYS)
        return (self.ridge, self.width, *tables)


@dataclass(frozen=True, eq=False)
class Workflow(ByValue):
    """How the synthetic samples of each generation come about, and what each generation is fitted on.

    Parameters
    ----------
    kind : str
        ``"replace"``, ``"accumulate"``, ``"accumulate-subsample"`` or ``"mix"``; see `KINDS`.
    generations : int
        Fits after generation 0, from 1 to 1000. Generation 0 is fitted on real data only.
    design : str
        ``"fresh"`` or ``"fixed"`` inputs of the synthetic samples; see `DESIGNS`. There is no default: it decides the
        answer.
    real : str, optional
        ``"fresh"`` or ``"reused"`` real samples; see `REAL_DATA`. Needed by a mix, and by nothing else.
    subsample : int, optional
        Samples of each fit after generation 0. Needed by accumulate-subsample, and by nothing else.
    curation : Curation, optional
        Which synthetic samples are kept.
    schedule : Schedule, optional
        What differs from generation to generation.

    Raises
    ------
    InputError
        When a value is unknown or out of range, or does not go with the kind.

    Examples
    --------
    >>> Workflow("mix", generations=5, design="fresh", real="reused").generations
    5
    """

    kind: str
    generations: int = field(kw_only=True)
    design: str = field(kw_only=True)
    real: str | None = field(default=None, kw_only=True)
    subsample: int | None = field(default=None, kw_only=True)
    curation: Curation | None = field(default=None, kw_only=True)
    schedule: Schedule = field(default_factory=Schedule, kw_only=True)

    def __post_init__(self) -> None:
        choice("kind", self.kind, KINDS)
        generations = integer("generations", self.generations, low=1, high=MAX_GENERATIONS)
        object.__setattr__(self, "generations", generations)
        choice("design", self.design, DESIGNS)
        if self.kind == "mix":
            choice("real", self.real, REAL_DATA)
        elif self.real is not None:
            raise fail("real", self.real, f"left out with `{self.kind}`", "Only a mix asks.")
        if self.kind == "accumulate-subsample":
            object.__setattr__(self, "subsample", integer("subsample", self.subsample, low=1, hint=_SUBSAMPLE))
        elif self.subsample is not None:
            raise fail("subsample", self.subsample, f"left out with `{self.kind}`", "It fits on all that it has.")
        if self.curation is not None and not isinstance(self.curation, Curation):
            raise fail("curation", self.curation, "a Curation")
        if not isinstance(self.schedule, Schedule):
            raise fail("schedule", self.schedule, "a Schedule")


def _entries(what: str, values: Any) -> tuple[float, ...]:
    """Return a list of finite numbers, none negative, as a tuple."""
    array: Array = real_array(what, values, ndim=1)
    if (array < 0).any():
        first = int(np.argmax(array < 0))
        raise InputError(f"`{what}` must not be negative; got {array[first]:g} for generation {first}.")
    return tuple(array.tolist())
