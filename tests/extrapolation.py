"""What do simulations of a problem and of its double say of large sizes, and how far is theory from it?"""

from __future__ import annotations

import math

from modelcollapse.result import PARTS, Result

THRESHOLD = 5.0
"""Standard errors within which two numbers agree."""
ROUNDING = 1e-9
"""Differences below this times the test error are rounding: some quantities are known without error."""

Numbers = dict[str, tuple[float, float]]
"""Value and standard error by name."""


def numbers(result: Result) -> Numbers:
    """Return everything that a result holds."""
    names = ("excess_risk", "test_error", *PARTS, "effective_ridge")
    own = {name: (getattr(result, name), result.stderr[name]) for name in names}
    errors = result.stderr["training_error"]
    return own | {f"training_error of {name}": (v, errors[name]) for name, v in result.training_error.items()}


def extrapolated(small: Result, double: Result) -> Numbers:
    """Return the values for large sizes, if what theory leaves out is in proportion to 1/size: 2 v(2) − v(1)."""
    at_twice = numbers(double)
    return {
        name: (2 * at_twice[name][0] - value, math.hypot(2 * at_twice[name][1], stderr))
        for name, (value, stderr) in numbers(small).items()
    }


def deviations(simulated: Numbers, expected: Numbers) -> dict[str, float]:
    """Return simulated minus expected in combined standard errors, of whatever the simulation gives.

    Within rounding it is 0; beyond, without any standard error or from no number, infinite.
    """
    rounding = ROUNDING * expected["test_error"][0]
    found = {}
    for name, (value, stderr) in simulated.items():
        if math.isnan(value):
            continue
        difference, combined = value - expected[name][0], math.hypot(stderr, expected[name][1])
        if abs(difference) <= rounding:
            found[name] = 0.0
        else:
            found[name] = difference / combined if combined > 0 and not math.isnan(difference) else math.inf
    return found


def furthest(found: dict[str, float]) -> float:
    """Return the largest of the deviations."""
    return max(map(abs, found.values()))
