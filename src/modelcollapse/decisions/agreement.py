"""Is one number of theory right? It is held against simulations of two sizes, extrapolated, in standard errors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from scipy.special import ndtr, stdtrit

AGREEMENT = 5.0
"""Standard errors within which theory and simulation agree."""
VISIBLE = AGREEMENT + 2
"""Standard errors of an error of theory that is seen with a probability of 97 %."""
ROUNDING = 1e-9
"""Differences below this, relative to a number's scale, are rounding."""


class Number(NamedTuple):
    """One number of a result.

    Attributes
    ----------
    value, stderr : float
    scale : float
        What its rounding errors are relative to, at least 0.
    freedom : float
        Degrees of freedom of the standard error, where that is known number by number.
    """

    value: float
    stderr: float
    scale: float
    freedom: float = math.inf


UNKNOWN = Number(math.nan, math.nan, math.nan)
"""Stands for what was not simulated."""


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One number of a result as theory and simulation see it.

    Attributes
    ----------
    theory : float
    simulation, stderr : float
        At the size of the problem.
    difference : float
        Simulation minus theory.
    difference_in_stderr : float
        The same in standard errors: grows without limit with the number of replicates, as theory is for large sizes.
    finite_size_gap : float
        The difference as a share of theory; NaN where theory is 0, infinite where the simulation has no mean.
    extrapolated, extrapolated_stderr : float
        The simulation's value for large sizes, 2 v(twice the size) − v(size). Its standard error is widened so that
        chance passes 5 of them as rarely with few replicates as with many.
    remainder : float
        Estimate of what the extrapolation leaves, of second order in 1/size: with the first order
        f = 2 |v(size) − v(twice the size)|, f²/|v|, and at most f.
    deviation_in_stderr : float
        Extrapolated minus theory, less the remainder, in standard errors.
    visible_error : float
        Error of theory that would have been seen with a probability of 97 %, whichever way the remainder points.
    agree : bool or None
        Whether the deviation is within 5 standard errors; None where there is nothing to compare.
    """

    theory: float
    simulation: float
    stderr: float
    difference: float
    difference_in_stderr: float
    finite_size_gap: float
    extrapolated: float
    extrapolated_stderr: float
    remainder: float
    deviation_in_stderr: float
    visible_error: float
    agree: bool | None


def judge(expected: Number, *, own: Number, single: Number, twice: Number, widening: float) -> Quantity:
    """Compare one number of theory with simulations.

    Parameters
    ----------
    expected : Number
        Of theory.
    own : Number
        Simulated at the problem's own size.
    single, twice : Number
        Simulated at the two sizes that are extrapolated.
    widening : float
        Of the extrapolation's standard error; see `widening`.
    """
    rounding = ROUNDING * expected.scale
    difference = own.value - expected.value
    extrapolated = 2 * twice.value - single.value
    stderr = widening * math.hypot(2 * twice.stderr, single.stderr)
    first_order = 2 * abs(single.value - twice.value)
    remainder = first_order * min(1.0, first_order / abs(twice.value)) if twice.value else first_order
    deviation = _in_stderr(extrapolated - expected.value, stderr, slack=rounding + remainder)
    return Quantity(
        theory=expected.value,
        simulation=own.value,
        stderr=own.stderr,
        difference=difference,
        difference_in_stderr=_in_stderr(difference, own.stderr, slack=rounding),
        finite_size_gap=difference / abs(expected.value) if expected.value else math.nan,
        extrapolated=extrapolated,
        extrapolated_stderr=stderr,
        remainder=remainder,
        deviation_in_stderr=deviation,
        visible_error=VISIBLE * stderr + 2 * remainder + rounding,
        agree=None if math.isnan(deviation) else abs(deviation) <= AGREEMENT,
    )


def judge_exact(expected: Number, *, own: Number, unseen: float = 0.0) -> Quantity:
    """Compare one number of a theory that holds at every size with a simulation at the problem's own size.

    Where all replicates say the same, they have no standard error: the number is judged only if theory says it too.

    Parameters
    ----------
    expected, own : Number
        Of theory, and simulated with a standard error whose degrees of freedom are known.
    unseen : float
        What events that are too rare for the replicates may add.
    """
    difference, rounding = own.value - expected.value, ROUNDING * expected.scale
    silent = own.stderr <= rounding < abs(difference)
    stderr = math.nan if silent else widening(1 + own.freedom) * own.stderr
    deviation = _in_stderr(difference, stderr, slack=rounding + unseen)
    return Quantity(
        theory=expected.value,
        simulation=own.value,
        stderr=own.stderr,
        difference=difference,
        difference_in_stderr=deviation,
        finite_size_gap=difference / abs(expected.value) if expected.value else math.nan,
        extrapolated=own.value,
        extrapolated_stderr=stderr,
        remainder=0.0,
        deviation_in_stderr=deviation,
        visible_error=VISIBLE * stderr + 2 * unseen,
        agree=None if math.isnan(deviation) else abs(deviation) <= AGREEMENT,
    )


def widening(n_units: float) -> float:
    """Return by how much standard errors of so many independent units grow, so that 5 cover what 5 of endless ones do.

    Examples
    --------
    >>> round(widening(20), 2), round(widening(10**6), 2)
    (1.47, 1.0)
    """
    return float(stdtrit(n_units - 1, float(ndtr(-AGREEMENT)))) / -AGREEMENT


def _in_stderr(difference: float, stderr: float, *, slack: float) -> float:
    """Return what a difference exceeds the slack by, in standard errors; infinite where exact numbers differ."""
    if not math.isfinite(difference) or not math.isfinite(stderr):
        return math.nan
    excess = max(0.0, abs(difference) - slack)
    size = excess / stderr if stderr else math.inf if excess else 0.0
    return math.copysign(size, difference)
