"""Does the theory of generations hold where numbers are small, weights vanish, or a fit sees little? Corners."""

from __future__ import annotations

import numpy as np
import pytest

from generation_examples import recursion
from modelcollapse import Curation, Schedule, Spectrum, solve_generations
from modelcollapse.theory import memory_engine

HALF_SEEN = Spectrum.explicit(np.where(np.arange(100) < 30, 1.0, 0.0))
STRICT = Curation(hit=1.0, false_keep=0.0, tolerance=0.3)


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


# ---------------------------------------------------------------------------- where the chain is the limit of memory


@pytest.mark.parametrize("changes", [{}, {"n_real": 250}, {"shift": 0.5}, {"width": 300}])
def test_theory_with_memory_contains_the_chain_where_fits_do_not_see_all_directions(changes):
    schedule = Schedule(weight={"real": [1, 0, 0, 1, 0]})
    problem = recursion("mix", real="fresh", ridge=0, second=HALF_SEEN, schedule=schedule, **changes)
    remembered = memory_engine.followed_with_memory(problem)
    rel = 1e-6 if "width" in changes else 1e-9  # random projections that see more than the samples need a ridge
    assert remembered.excess_risk[0] == pytest.approx(risks(problem), rel=rel)
    assert remembered.bias[0] == pytest.approx(np.array(solve_generations(problem).bias), rel=rel, abs=1e-12)


def test_theory_with_memory_contains_the_chain_where_fits_interpolate_what_curation_leaves():
    problem = recursion("replace", ridge=0, n_synthetic=200, noise=(0.3, 0.3), curation=STRICT)
    assert 200 * solve_generations(problem).kept_share[1] < 100
    remembered = memory_engine.followed_with_memory(problem)
    assert remembered.excess_risk[0] == pytest.approx(risks(problem), rel=1e-6)
    assert remembered.kept_share[0, 1:] == pytest.approx(solve_generations(problem).kept_share[1:], rel=1e-6)


@pytest.mark.parametrize(
    "changes", [{"weight": 1e9}, {"weight": 1e-9}, {"spectrum": Spectrum.explicit(np.logspace(-12, 0, 100))}]
)
def test_theory_with_memory_interpolates_whatever_the_scales(changes):
    """Generation 0 is the same fit in all workflows."""
    few = {"n_real": 60, "n_synthetic": 20, "ridge": 0, "generations": 1, **changes}
    first = risks(recursion("accumulate", **few))[0]
    assert first == pytest.approx(risks(recursion("replace", **few))[0], rel=1e-6)


# --------------------------------------------------------------------------------------------------- vanishing weights


def test_theory_subsample_draws_samples_without_weight_too():
    """Of 100 drawn from 150 real samples without weight and 150 synthetic ones, 50 count."""
    drawn = recursion("accumulate-subsample", generations=1, subsample=100, schedule=Schedule(weight={"real": [1, 0]}))
    alone = recursion("replace", generations=1, n_synthetic=50, schedule=Schedule(ridge=[1e-2, 2e-2]))
    assert risks(drawn) == pytest.approx(risks(alone), rel=1e-12)


def test_theory_verifier_judges_samples_that_have_no_weight_yet():
    curated = {"kind": "accumulate", "noise": (0.3, 0.3), "curation": STRICT}
    later = solve_generations(recursion(**curated, schedule=Schedule(weight={"synthetic": [1, 0, 1, 1, 1]})))
    assert later.kept_share[1] == pytest.approx(solve_generations(recursion(**curated)).kept_share[1], rel=1e-9)


@pytest.mark.parametrize("kind", ["accumulate", "replace"])
def test_theory_verifier_keeps_no_share_of_no_samples(kind):
    counts = [0, 100, 0, 100, 0] if kind == "accumulate" else [0, 100, 90, 80, 70]
    schedule = Schedule(n_samples={"synthetic": counts})
    shares = solve_generations(recursion(kind, curation=STRICT, schedule=schedule)).kept_share
    assert np.isnan(shares).tolist() == [count == 0 for count in counts]


# ---------------------------------------------------------------------------------------------- thresholds and rounds


def test_theory_with_memory_forgets_a_threshold_that_nothing_copies():
    schedule = Schedule(n_samples={"synthetic": [0, 50, 30, 30, 30]}, weight={"synthetic": [1.0, 1.0, 1.0, 0.0, 1.0]})
    problem = recursion("mix", real="reused", n_real=50, ridge=0, schedule=schedule)
    assert np.isfinite(risks(problem)).tolist() == [True, False, False, True, True]
    alone = risks(recursion("replace", n_real=50, ridge=0))[0]
    assert risks(problem)[[0, 3]] == pytest.approx([alone, alone], rel=1e-6)


@pytest.mark.parametrize("noise", [(0, 0), (1, 1)])
def test_theory_reports_a_threshold_of_the_same_inputs(noise):
    result = solve_generations(recursion("replace", design="fixed", n_real=100, n_synthetic=100, noise=noise, ridge=0))
    assert result.status == "interpolation_threshold"
    assert np.isinf(result.excess_risk).all()


def test_theory_counts_what_curation_leaves_for_a_threshold():
    problem = recursion("accumulate", n_real=60, n_synthetic=40, ridge=0, noise=(0.3, 0.3), curation=STRICT)
    assert np.isfinite(risks(problem)).all()


@pytest.mark.parametrize("given", [{"kind": "accumulate"}, {"kind": "mix", "real": "reused"}])
def test_theory_verifier_that_prefers_wrong_labels_settles(given):
    spectrum, wrong = Spectrum.power_law(30, exponent=0.5), Curation(hit=0.01, false_keep=0.5, tolerance=0.5)
    problem = recursion(**given, spectrum=spectrum, n_real=40, n_synthetic=200, noise=(0.1, 0), curation=wrong)
    assert all(0.01 < share < 0.5 for share in solve_generations(problem).kept_share[1:])
