"""Does the simulation agree with data sets that were really drawn and fitted? Brute-force tables of the same sizes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from extrapolation import THRESHOLD, Numbers, deviations, furthest, numbers
from modelcollapse import Mixture, simulate
from modelcollapse.simulation import mixture
from test_theory_oracle import CASES, oracle, oracle_problem

N_REPLICATES = 100
"""For each source as the target. Both sides are exact in law at the same size: nothing but chance may differ."""
VISIBLE = 0.05
"""An error of the excess risk of this relative size is seen in every case (in most, of 2 %)."""


def brute_force(entry: dict[str, Any], problem: Mixture, *, target: int) -> Numbers:
    """Return what the table says of one source, under the names of a result."""

    def cell(key: str) -> tuple[float, float]:
        return entry[key]["mean"][target], entry[key]["standard_error"][target]

    source, (risk, stderr) = problem.sources[target], cell("excess_risk")
    return {
        "excess_risk": (risk, stderr),
        "test_error": (risk + source.noise_var, stderr),
        f"training_error of {source.name}": cell("training_error"),
    }


def deviations_at(entry: dict[str, Any], *, target: int) -> dict[str, float]:
    """Return simulation minus brute force for one source as the target, in standard errors."""
    problem = oracle_problem(entry["case"])
    expected = brute_force(entry, problem, target=target)
    aimed = replace(problem, target=problem.sources[target].name)
    simulated = numbers(simulate(aimed, seed=target, n_replicates=N_REPLICATES))
    combined = THRESHOLD * (simulated["excess_risk"][1] ** 2 + expected["excess_risk"][1] ** 2) ** 0.5
    assert combined < VISIBLE * expected["excess_risk"][0]
    return deviations({name: simulated[name] for name in expected}, expected)


@pytest.mark.shared
@pytest.mark.parametrize("name", CASES)
def test_simulation_agrees_with_the_oracle_and_not_with_inputs_a_tenth_too_variable(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = oracle(name)
    for target in range(len(entry["case"]["sources"])):
        assert furthest(deviations_at(entry, target=target)) < THRESHOLD
    draw_factor = mixture.draw_factor
    monkeypatch.setattr(mixture, "draw_factor", lambda *a, **named: 1.1**0.5 * draw_factor(*a, **named))
    assert furthest(deviations_at(entry, target=0)) > THRESHOLD
