"""Does every engine keep the contract?"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine_contract import EngineContract, models, problem
from extrapolation import THRESHOLD
from modelcollapse import Mixture, simulate, solve
from modelcollapse.result import Result


class TestTheory(EngineContract):
    engine = "theory"

    def solve(self, mixture: Mixture) -> Result:
        return solve(mixture)

    def solve_anew(self, mixture: Mixture) -> Result:
        return solve(mixture)

    def refused(self) -> dict[str, Callable[[], object]]:
        even = problem(ridge=0.1, width=12, activation=np.abs)
        return {"linear part": lambda: solve(even)}


class TestSimulation(EngineContract):
    engine = "simulation"
    n_replicates = 200
    visible = 0.1
    """A change of the excess risk by this share is seen in every model (in most, of 6 %)."""

    def solve(self, mixture: Mixture) -> Result:
        return simulate(mixture, seed=0, n_replicates=self.n_replicates)

    def solve_anew(self, mixture: Mixture) -> Result:
        return simulate(mixture, seed=1, n_replicates=self.n_replicates)

    def refused(self) -> dict[str, Callable[[], object]]:
        asked = problem(ridge=0.1)
        return {
            "`seed`": lambda: simulate(asked, seed=-1),
            "`n_replicates`": lambda: simulate(asked, n_replicates=3),
            "`relative_stderr`": lambda: simulate(asked, relative_stderr=0.0),
            "`device`": lambda: simulate(asked, device="abacus"),
        }

    @models
    def test_simulation_sees_small_differences(self, model: dict[str, Any]) -> None:
        one, other = (solve(problem(**model)) for solve in (self.solve, self.solve_anew))
        combined = math.hypot(one.stderr["excess_risk"], other.stderr["excess_risk"])
        assert THRESHOLD * combined < self.visible * one.excess_risk


@pytest.mark.torch
class TestSimulationOnTorch(TestSimulation):
    visible = 0.15  # other random numbers, other scatter

    def solve(self, mixture: Mixture) -> Result:
        pytest.importorskip("torch")
        return simulate(mixture, seed=0, n_replicates=self.n_replicates, device="cpu")

    def solve_anew(self, mixture: Mixture) -> Result:
        return simulate(mixture, seed=1, n_replicates=self.n_replicates, device="cpu")
