"""Do theory and simulation give the same numbers to every kind of recursion, and no wrong theory?

As for single fits: each recursion is simulated at its size and at twice that, and extrapolated to large sizes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from generation_catalogue import FRESH, RECURSIONS, REMEMBERED
from modelcollapse import Recursion, engines_for, simulate_generations, solve_generations
from modelcollapse.problems.doubling import doubled_recursion
from modelcollapse.result import GenerationsResult, Status
from modelcollapse.theory import generations, memory, memory_engine
from modelcollapse.theory.curation import kept_errors

N_REPLICATES, N_BY_ROWS = 200, 800
"""At either size; samples that a verifier sees one by one are drawn with less averaging over noise."""
THRESHOLD = 5.0
"""Standard errors within which two numbers agree."""
ROUNDING = 1e-9
"""Differences below this times the test error are rounding: some quantities are known without error."""
VISIBLE = 0.12
"""An error of theory's last excess risk of this relative size is seen on every recursion (on most, of 5 %)."""
NAMES = ("excess_risk", "test_error", "bias", "variance", "kept_share")


@pytest.mark.parametrize("name", RECURSIONS)
def test_theory_agrees_with_simulation_of_generations_and_no_wrong_theory_does(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem, place = RECURSIONS[name], list(RECURSIONS).index(name)
    assert engines_for(problem) == ("theory", "simulation")
    drawn = N_BY_ROWS if problem.workflow.curation else N_REPLICATES
    small = simulate_generations(problem, seed=2 * place, n_replicates=drawn)
    double = simulate_generations(doubled_recursion(problem), seed=2 * place + 1, n_replicates=drawn)
    assert small.status is double.status is Status.OK
    expected = solve_generations(problem)
    _, stderr = _extrapolated(small, double, "excess_risk")
    assert THRESHOLD * stderr[-1] < VISIBLE * expected.excess_risk[-1]
    assert _furthest(small, double, expected) < THRESHOLD
    for (module, function), wrong in wrong_formulas(name, problem).items():
        with monkeypatch.context() as patch:
            patch.setattr(module, function, wrong)
            assert _furthest(small, double, solve_generations(problem)) > THRESHOLD


def _extrapolated(small: GenerationsResult, double: GenerationsResult, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the values for large sizes of all generations, and their standard errors."""
    values = 2 * np.array(getattr(double, name)) - np.array(getattr(small, name))
    return values, np.hypot(2 * np.array(double.stderr[name]), np.array(small.stderr[name]))


def _furthest(small: GenerationsResult, double: GenerationsResult, expected: GenerationsResult) -> float:
    """Return the largest deviation of theory, in standard errors, over all quantities and generations."""
    largest = 0.0
    rounding = ROUNDING * max(expected.test_error)
    for name in NAMES:
        values, stderr = _extrapolated(small, double, name)
        theory = np.array(getattr(expected, name))
        assert (np.isnan(values) == np.isnan(theory)).all()
        for value, error, wanted in zip(values, stderr, theory, strict=True):
            if not math.isnan(value) and abs(value - wanted) > rounding:
                largest = max(largest, abs(value - wanted) / error if error > 0 else math.inf)
    return largest


def wrong_formulas(name: str, problem: Recursion) -> dict[tuple[Any, str], Callable[..., Any]]:
    """Return what theory must not be taken for: wrong functions in place of its own, where these matter."""
    wrong: dict[tuple[Any, str], Callable[..., Any]] = {}
    if name in FRESH:
        wrong[generations, "_noise_profile"] = _half_noise_profile
    if name in REMEMBERED:
        wrong[memory, "_taught_moments"] = _half_taught_moments
    if name in REMEMBERED and problem.ridge.any():
        wrong[memory, "_responses"] = _forgetful_responses
    if problem.workflow.curation:
        wrong[generations if name in FRESH else memory_engine, "kept_errors"] = _blindly_kept
    return wrong


def _half_noise_profile(*arguments: Any) -> Any:
    """A wrong formula: the noise of a fit is halved."""
    return _NOISE_PROFILE(*arguments) / 2


def _blindly_kept(square: np.ndarray, **rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A wrong formula: as many are kept, but whatever their errors."""
    kept_share, slope = kept_errors(square, **rates)
    return kept_share, np.ones_like(slope)


def _half_taught_moments(*arguments: Any) -> Any:
    """A wrong formula: labels scatter half as much."""
    return _TAUGHT_MOMENTS(*arguments) / 2


def _forgetful_responses(given: memory.Memory) -> Any:
    """A wrong formula: no sample is met twice, so that every fit sees its residuals for the first time."""
    responses = _RESPONSES(given)
    own = np.eye(len(given.ridge))
    return replace(responses, force=responses.force * own, coupled=responses.coupled * own)


_NOISE_PROFILE = generations._noise_profile
_RESPONSES, _TAUGHT_MOMENTS = memory._responses, memory._taught_moments


def test_generation_catalogue_holds_every_workflow_and_design() -> None:
    assert len(RECURSIONS) >= 30
    workflows = [problem.workflow for problem in RECURSIONS.values()]
    both = {(workflow.kind, workflow.design, workflow.real) for workflow in workflows}
    assert both >= {(kind, design, None) for kind in ("replace", "accumulate") for design in ("fresh", "fixed")}
    assert both >= {("mix", "fresh", "fresh"), ("mix", "fresh", "reused"), ("mix", "fixed", "fresh")}
    assert ("mix", "fixed", "reused") in both
    assert any(workflow.curation for workflow in workflows)
    assert {problem.given for problem in RECURSIONS.values()} == {True, False}
