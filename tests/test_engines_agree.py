"""Do theory and simulation, which share no computation, give the same numbers to every kind of problem?

Theory holds for large sizes, simulation at the size that was asked, and the simulation is precise enough to see the
difference. So each problem is simulated at its size and at twice that, where theory answers the same, and the two are
extrapolated to large sizes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from extrapolation import THRESHOLD, deviations, extrapolated, furthest, numbers
from modelcollapse import Mixture, simulate, solve
from modelcollapse.checks import Array
from modelcollapse.problems.doubling import doubled
from modelcollapse.result import Result, Status
from modelcollapse.theory.mixture import projection_response
from modelcollapse.theory.networks import LinearEquivalent, linear_equivalent
from problem_catalogue import NETWORKS, PROBLEMS, PROJECTIONS
from test_theory_oracle import half_amplification

N_REPLICATES = 200
"""At either size."""
VISIBLE = 0.05
"""An error of theory's excess risk of this relative size is seen on every problem (on most, of 1 %)."""


@pytest.mark.parametrize("name", PROBLEMS)
def test_theory_agrees_with_simulation_and_no_wrong_theory_does(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    problem, place = PROBLEMS[name], list(PROBLEMS).index(name)
    small = simulate(problem, seed=2 * place, n_replicates=N_REPLICATES)
    double = simulate(doubled(problem), seed=2 * place + 1, n_replicates=N_REPLICATES)
    assert small.status is double.status is Status.OK
    limit, theory = extrapolated(small, double), solve(problem)
    unanswered = {f"training_error of {source.name}" for source in problem.sources if source.n_samples == 0}
    assert {quantity for quantity, (value, _) in limit.items() if not math.isfinite(value)} == unanswered
    assert THRESHOLD * limit["excess_risk"][1] < VISIBLE * theory.excess_risk
    assert furthest(deviations(limit, numbers(theory))) < THRESHOLD
    for what, wrong in wrong_formulas(problem, theory).items():
        with monkeypatch.context() as patch:
            patch.setattr(what, wrong)
            assert furthest(deviations(limit, numbers(solve(problem)))) > THRESHOLD


def wrong_formulas(problem: Mixture, theory: Result) -> dict[str, Callable[..., Any]]:
    """Return what theory must not be taken for: wrong functions in place of its own, where these matter."""
    wrong: dict[str, Callable[..., Any]] = {"modelcollapse.theory.mixture.amplification": half_amplification}
    if theory.projection_variance > 0:
        wrong["modelcollapse.theory.mixture.projection_response"] = half_projection_response
    if problem.activation is not None:
        wrong["modelcollapse.theory.engine.linear_equivalent"] = without_feature_noise
    return wrong


def half_projection_response(*arguments: Any) -> Array:
    """A wrong formula: what a change of the inputs adds through the random features is halved."""
    return projection_response(*arguments) / 2


def without_feature_noise(*arguments: Any, **named: Any) -> LinearEquivalent:
    """A wrong formula: a network is nothing but its linear part."""
    return replace(linear_equivalent(*arguments, **named), feature_noise=0.0)


def test_catalogue_holds_every_kind_of_problem() -> None:
    assert len(PROBLEMS) >= 40
    every = PROBLEMS.values()
    assert {len(problem.sources) for problem in every} == {1, 2, 3, 4}
    assert {problem.activation for problem in NETWORKS.values()} == {"relu", "tanh", "erf"}
    few_or_many_with_or_without_ridge = {(few, ridge) for few in (True, False) for ridge in (True, False)}
    for problems in (every, PROJECTIONS.values(), NETWORKS.values()):
        assert {
            (_interpolates(problem), problem.ridge > 0) for problem in problems
        } == few_or_many_with_or_without_ridge
    assert {problem.target_index for problem in every} >= {0, 1, 2}
    assert any(spectrum.covariance is not None for problem in PROJECTIONS.values() for spectrum in problem.spectra)


def _interpolates(problem: Mixture) -> bool:
    """Return whether there are fewer samples than parameters."""
    n_samples = sum(source.n_samples for source in problem.sources if source.weight > 0)
    return n_samples < (problem.width or problem.n_features)
