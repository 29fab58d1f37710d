"""What has collapsed? Generations held against generation 0, and students against each other, in standard errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelcollapse.decisions.curve_bends import student_quantile
from modelcollapse.digits import number_text
from modelcollapse.experiments.replicates import stderr_of

Setting = tuple[tuple[str, Any], ...]
Measured = dict[Setting, list[dict[str, Any]]]
"""What was measured in each setting, one entry for each replicate."""

WATCHED = (
    ("validation_loss", "validation loss", " nats"),
    ("tail_loss", "loss of the tail's tokens", " nats"),
    ("entropy", "entropy of next-token laws", " nats"),
    ("distinct_words", "distinct words written", ""),
)
"""Quantities that findings are about: name, words, unit."""
ONE_REPLICATE = "One replicate does not tell which of these changes are sure: raise n_replicates."


@dataclass(frozen=True)
class Change:
    """A difference between two settings, replicate by replicate.

    Attributes
    ----------
    mean, stderr : float
        Of the differences; the standard error is NaN with one replicate.
    n_replicates : int
    """

    mean: float
    stderr: float
    n_replicates: int

    def verdict(self, *, n_tests: int) -> str:
        """Say whether it is surely there, at a level of 1 % for any of so many changes; nothing of one replicate."""
        if self.n_replicates < 2 or math.isnan(self.mean):
            return ""
        sure = abs(self.mean) > bound(self.n_replicates, n_tests=n_tests) * self.stderr
        return (" (surely up)" if self.mean > 0 else " (surely down)") if sure else " (not surely)"

    @property
    def text(self) -> str:
        """The difference with its sign and standard error."""
        if math.isnan(self.mean):
            return "unknown"
        return (
            f"{'+' if self.mean > 0 else ''}{number_text(self.mean, 0.0 if math.isnan(self.stderr) else self.stderr)}"
        )

    def said(self, unit: str, *, n_tests: int) -> str:
        """Return the difference and its verdict."""
        return self.text + (unit if self.text != "unknown" else "") + self.verdict(n_tests=n_tests)


def bound(n_replicates: int, *, n_tests: int) -> float:
    """Return the standard errors beyond which a change is sure, at a level of 1 % for any of so many changes.

    Examples
    --------
    >>> round(bound(3, n_tests=1), 1), round(bound(10, n_tests=10), 1)
    (9.9, 4.8)
    """
    return student_quantile(n_replicates - 1, n_tests=2 * n_tests)


def change(after: Sequence[float], before: Sequence[float]) -> Change:
    """Return the mean difference of replicates, with its standard error.

    Examples
    --------
    >>> change([2.0, 4.0], [1.0, 1.0])
    Change(mean=2.0, stderr=1.0, n_replicates=2)
    """
    mean, stderr = summarised([one - other for one, other in zip(after, before, strict=True)])
    return Change(mean, stderr, len(after))


def summarised(values: Sequence[Any]) -> tuple[Any, Any]:
    """Return mean and standard error of what replicates measured, numbers or equally long lists of them.

    Examples
    --------
    >>> summarised([[1.0, None], [3.0, None]])
    ((2.0, nan), (1.0, nan))
    """
    array = np.array([[np.nan if each is None else each for each in np.atleast_1d(value)] for value in values], float)
    means = array.mean(axis=0)
    errors = stderr_of(array)
    if isinstance(values[0], list | tuple):
        return tuple(means.tolist()), tuple(errors.tolist())
    return float(means[0]), float(errors[0])


def findings(found: Measured) -> tuple[str, ...]:
    """Return sentences on what has changed along each recursion, and between real and synthetic data of students."""
    ends = _ends(found)
    pairs = _extremes(found)
    rivals = _rivals(found)
    n_tests = max(1, len(WATCHED) * len(ends) + len(rivals) + len(pairs))
    few = next(iter(found.values()))
    return (
        *(_of_arm(found, arm, last, first, n_tests) for arm, (last, first) in ends.items()),
        *(_between(found, arm, other, n_tests) for arm, other in rivals),
        *(_of_students(found, most, least, n_tests) for most, least in pairs),
        ONE_REPLICATE if len(few) < 2 else _meaning(len(few), n_tests),
    )


def _meaning(n_replicates: int, n_tests: int) -> str:
    """Say what it takes for a change to be sure."""
    return (
        f'"surely" means beyond {bound(n_replicates, n_tests=n_tests):.1f} standard errors: 1 % for any of {n_tests} '
        f"changes together, with {n_replicates} replicates. More replicates make smaller changes sure."
    )


def _ends(found: Measured) -> dict[str, tuple[Setting, Setting]]:
    """Return the settings of the last generation and of generation 0, by arm."""
    ends: dict[str, tuple[Setting, Setting]] = {}
    for setting in found:
        if (arm := dict(setting).get("workflow")) is not None:
            ends[arm] = (setting, ends[arm][1] if arm in ends else setting)
    return ends


def _rivals(found: Measured) -> list[tuple[Setting, Setting]]:
    """Return the first arm and each other one, at the last generation that both have."""
    arms: dict[str, list[Setting]] = {}
    for setting in found:
        if (arm := dict(setting).get("workflow")) is not None:
            arms.setdefault(arm, []).append(setting)
    first, *others = arms.values() if arms else [[]]
    return [(first[last], other[last]) for other in others for last in [min(len(first), len(other)) - 1]]


def _extremes(found: Measured) -> list[tuple[Setting, Setting]]:
    """Return the settings with most and least synthetic data, for each size of student and of data."""
    groups: dict[Setting, list[Setting]] = {}
    for setting in found:
        if setting[0][0] == "student":
            groups.setdefault(setting[:-1], []).append(setting)
    return [
        (max(group, key=lambda each: each[-1][1]), min(group, key=lambda each: each[-1][1]))
        for group in groups.values()
        if len(group) > 1
    ]


def _of_arm(found: Measured, arm: str, last: Setting, first: Setting, n_tests: int) -> str:
    """Say what has become of each quantity from generation 0 to the last."""
    parts = []
    for name, words, unit in WATCHED:
        after, before = ([_number(one[name]) for one in found[each]] for each in (last, first))
        moved = change(after, before)
        parts.append(f"{words} {moved.said(unit, n_tests=n_tests)}")
    return f"{arm}, from generation 0 to {dict(last)['generation']}: {', '.join(parts)}."


def _between(found: Measured, arm: Setting, other: Setting, n_tests: int) -> str:
    """Say by how much two arms differ in the end."""
    after, before = ([_number(one["validation_loss"]) for one in found[each]] for each in (other, arm))
    moved = change(after, before)
    return (
        f"{dict(other)['workflow']} against {dict(arm)['workflow']}, at generation {dict(arm)['generation']}: "
        f"validation loss {moved.said(' nats', n_tests=n_tests)}."
    )


def _of_students(found: Measured, most: Setting, least: Setting, n_tests: int) -> str:
    """Say what synthetic data do to a student."""
    after, before = ([_number(one["validation_loss"]) for one in found[each]] for each in (most, least))
    moved = change(after, before)
    which = dict(most)
    return (
        f"student {which['student']} on {which['n_tokens']:,} tokens, from a synthetic fraction of "
        f"{dict(least)['synthetic_fraction']:g} to {which['synthetic_fraction']:g}: validation loss "
        f"{moved.said(' nats', n_tests=n_tests)}."
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else value
