"""Where does a scaling curve leave its power law? Flat stretches, falls after them, and how far it lags behind."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import stdtrit

from modelcollapse.checks import Array

FLAT = 0.5
"""A curve is flat where it falls by less than this times the slope of the reference, in logarithms."""

FALSE_ALARM = 0.01
"""Probability of finding anything of a sort on curves that only noise tells from the reference, at most.

A fifth of what is promised: standard errors of few and skewed replicates are uncertain themselves."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Errors along sizes of the training set.

    Attributes
    ----------
    sizes : array of shape (n_sizes,)
        Positive, growing.
    errors : array of shape (n_sizes,)
        Positive.
    stderr : array of shape (n_sizes,)
        Standard errors; 0 where nothing is uncertain.
    freedom : float
        Degrees of freedom of the standard errors.
    """

    sizes: Array
    errors: Array
    stderr: Array
    freedom: float = math.inf

    def slope(self, start: int, end: int) -> tuple[float, float]:
        """Return by which power errors fall between two points, −Δ ln error / Δ ln size, and its standard error.

        Points are taken as independent: where errors at several sizes go together, the slope is better known.
        """
        width = math.log(self.sizes[end] / self.sizes[start])
        relative = self.stderr[[start, end]] / self.errors[[start, end]]
        return math.log(self.errors[start] / self.errors[end]) / width, float(np.hypot(*relative)) / width


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Part of a curve that is flat.

    Attributes
    ----------
    start, end : int
        First and last of its points.
    slope, stderr : float
        Power by which errors fall from the first to the last.
    """

    start: int
    end: int
    slope: float
    stderr: float


@dataclass(frozen=True, kw_only=True)
class Lag:
    """By how much data a curve is behind a reference.

    Attributes
    ----------
    factor : float
        The reference needs this times the data for the same error; below 1: the curve is behind.
    log_stderr : float
        Standard error of its logarithm.
    inside : bool
        Whether the reference was seen at such an error; else its first or last slope is taken to go on.
    """

    factor: float
    log_stderr: float
    inside: bool


def surely_positive(value: float, stderr: float, *, freedom: float, n_tests: int) -> bool:
    """Whether a number is above 0, with a false alarm in all of so many tests at most as probable as `FALSE_ALARM`.

    Examples
    --------
    >>> [surely_positive(3.0, 1.0, freedom=math.inf, n_tests=n) for n in (1, 100)]
    [True, False]
    """
    return bool(value > student_quantile(freedom, n_tests=n_tests) * stderr)


def student_quantile(freedom: float, *, n_tests: int) -> float:
    """Return the quantile of Student's distribution that any of so many tests exceeds at most with `FALSE_ALARM`."""
    return float(stdtrit(freedom, 1 - FALSE_ALARM / n_tests))


def flat_end(curve: Curve, reference: Curve, *, n_tests: int = 1) -> Stretch | None:
    """Return the flat stretch that a curve ends with, None where it is not surely flat.

    It starts where every later step from size to size falls less than half as fast as the reference, and is judged as
    a whole, by the slope from its first to its last point.

    Parameters
    ----------
    curve, reference : Curve
        Of the same sizes.
    n_tests : int
        How many curves are looked at.
    """
    last = len(curve.sizes) - 1
    start = last
    while start and _flatness(curve, reference, start - 1, start)[0] > 0:
        start -= 1
    return _judged(curve, reference, start, last, n_tests=n_tests * last) if start < last else None


def flat_middle(curve: Curve, reference: Curve, *, least: float, n_tests: int = 1) -> Stretch | None:
    """Return the widest flat stretch that a fall follows, None where there is surely none.

    After it, up to the end of the curve, errors surely fall by more than half of the reference's power again.

    Parameters
    ----------
    curve, reference : Curve
        Of the same sizes.
    least : float
        Ratio of its last size to its first, at least.
    n_tests : int
        How many curves are looked at.
    """
    last = len(curve.sizes) - 1
    n_tests *= max(last * (last - 1) // 2, 1)
    found = []
    for start, end in _flat_runs(curve, reference):
        if end == last or curve.sizes[end] < least * curve.sizes[start]:
            continue
        stretch = _judged(curve, reference, start, end, n_tests=n_tests)
        fall, stderr = _flatness(curve, reference, end, last)
        freedom = min(curve.freedom, reference.freedom)
        if stretch is not None and surely_positive(-fall, stderr, freedom=freedom, n_tests=n_tests):
            found.append(stretch)
    return max(found, key=lambda each: curve.sizes[each.end] / curve.sizes[each.start], default=None)


def lag(curve: Curve, reference: Curve, point: int) -> Lag:
    """Return by how much data a curve is behind a reference at one of its points.

    The reference is a broken line in logarithms, whose ends go on. A single point makes no line: then, and where the
    reference does not fall, there is no number.

    Parameters
    ----------
    curve, reference : Curve
        Of the same sizes; the reference falls.
    point : int
    """
    unknown = Lag(factor=math.nan, log_stderr=math.nan, inside=False)
    if len(reference.sizes) < 2:
        return unknown
    level, logs = math.log(curve.errors[point]), np.log(reference.errors)
    falling = np.minimum.accumulate(logs)
    inside = bool(falling[-1] <= level <= falling[0])
    after = int(np.clip(np.searchsorted(-falling, -level), 1, len(logs) - 1))
    slope, _ = reference.slope(after - 1, after)
    if slope <= 0:
        return unknown
    log_factor = math.log(reference.sizes[after] / curve.sizes[point]) + (logs[after] - level) / slope
    relative = np.hypot(curve.stderr[point] / curve.errors[point], reference.stderr[after] / reference.errors[after])
    return Lag(factor=math.exp(log_factor), log_stderr=float(relative) / slope, inside=inside)


def _flat_runs(curve: Curve, reference: Curve) -> list[tuple[int, int]]:
    """Return the first and last points of all widest stretches whose steps are flat."""
    flat = [_flatness(curve, reference, i, i + 1)[0] > 0 for i in range(len(curve.sizes) - 1)]
    edges = np.flatnonzero(np.diff([False, *flat, False])).tolist()
    return list(pairwise(edges))[::2]


def _flatness(curve: Curve, reference: Curve, start: int, end: int) -> tuple[float, float]:
    """Return how far a slope is below half of the reference's, and the standard error of that."""
    slope, stderr = curve.slope(start, end)
    expected, uncertainty = reference.slope(start, end)
    return FLAT * expected - slope, math.hypot(stderr, FLAT * uncertainty)


def _judged(curve: Curve, reference: Curve, start: int, end: int, *, n_tests: int) -> Stretch | None:
    """Return a stretch if it is surely flat."""
    flatness, uncertainty = _flatness(curve, reference, start, end)
    freedom = min(curve.freedom, reference.freedom)
    if not surely_positive(flatness, uncertainty, freedom=freedom, n_tests=n_tests):
        return None
    slope, stderr = curve.slope(start, end)
    return Stretch(start=start, end=end, slope=slope, stderr=stderr)
