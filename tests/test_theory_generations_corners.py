"""Does the theory of generations hold where numbers are small, weights vanish, or a fit sees little? Corners."""

from __future__ import annotations

import numpy as np
import pytest

from generation_examples import recursion
from modelcollapse import Schedule, Spectrum, solve_generations
from modelcollapse.theory import memory_engine

HALF_SEEN = Spectrum.explicit(np.where(np.arange(100) < 30, 1.0, 0.0))


def risks(problem):
    return np.array(solve_generations(problem).excess_risk)


@pytest.mark.parametrize(
    ("given", "added"),
    [
        ({"kind": "replace", "design": "fixed"}, [1, 1, 1, 1, 1]),
        ({"kind": "accumulate"}, 1 / np.arange(1.0, 6.0) ** 2),
        ({"kind": "mix", "real": "reused"}, 0.25 ** np.arange(5.0)),
    ],
)
def test_theory_with_memory_keeps_the_digits_of_small_risks(given, added):
    """At 1e15 samples the risk is 14 orders of magnitude below the power of the teacher."""
    n = 10**15
    problem = recursion(**given, n_real=n, n_synthetic=n, noise=(1, 1), ridge=0, spectrum=Spectrum.isotropic(4))
    assert risks(problem) * n / 4 == pytest.approx(np.cumsum(added), rel=1e-12)


@pytest.mark.parametrize("changes", [{}, {"n_real": 250}, {"shift": 0.5}])
def test_theory_with_memory_contains_the_chain_where_fits_do_not_see_all_directions(changes):
    schedule = Schedule(weight={"real": [1, 0, 0, 1, 0]})
    problem = recursion("mix", real="fresh", ridge=0, second=HALF_SEEN, schedule=schedule, **changes)
    remembered = memory_engine.followed_with_memory(problem)
    assert remembered.excess_risk[0] == pytest.approx(risks(problem), rel=1e-9)
    assert remembered.bias[0] == pytest.approx(np.array(solve_generations(problem).bias), rel=1e-9, abs=1e-12)
