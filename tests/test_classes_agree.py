"""Do theory and simulation agree about two classes, in standard errors, and would they about a wrong theory?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from modelcollapse import Classes, ClassSource, Spectrum, simulate_classes, solve_classes
from modelcollapse.checks import Array
from modelcollapse.problems.doubling import doubled_classes
from modelcollapse.result import ClassesResult, Status
from modelcollapse.theory import classes as theory
from test_classes_theory import published

THRESHOLD = 5.0
"""Standard errors within which two numbers agree."""
N_REPLICATES = 1000
"""At either size."""
VISIBLE = 0.05
"""An error of the accuracy's distance from a half, or of the margin, of this relative size is seen on every problem."""
D = 60
FLAT, FALLING, RISING = Spectrum.isotropic(D), Spectrum.power_law(D, exponent=1.0, scale=4.0), np.linspace(0.3, 1.5, D)
TILTED = np.cos(np.arange(D)) / np.sqrt(D) + 1 / np.sqrt(D)
QUANTITIES = ("accuracy", "margin_mean", "margin_variance")


def real(n_samples: int = 200, *, spectrum: Spectrum = FLAT, mean_norm: float = 1.0) -> ClassSource:
    return ClassSource("real", n_samples=n_samples, mean_norm=mean_norm, spectrum=spectrum)


def synthetic(n_samples: int, label_error: float, *, name: str = "synthetic", **given: object) -> ClassSource:
    return ClassSource(name, n_samples=n_samples, label_error=label_error, **given)


PRUNED = {"hit": 0.8, "false_keep": 0.3}
OTHER = {"spectrum": Spectrum.explicit(RISING), "mean": TILTED}
PROBLEMS = {
    "real data only": Classes([real()], ridge=0.1),
    "wrong labels, all kept": Classes([real(), synthetic(400, 0.3)], ridge=0.1),
    "wrong labels, pruned": Classes([real(), synthetic(400, 0.3, **PRUNED)], ridge=0.1),
    "synthetic data only": Classes([real(0), synthetic(900, 0.4, **PRUNED)], ridge=0.5),
    "most kept labels wrong": Classes([real(0), synthetic(900, 0.9, **PRUNED)], ridge=0.5),
    "every label wrong": Classes([real(0), synthetic(200, 1.0, hit=0.8, false_keep=0.7)], ridge=0.5),
    "another mean": Classes([real(), synthetic(300, 0.2, mean=TILTED)], ridge=0.1),
    "another covariance": Classes([real(), synthetic(300, 0.2, spectrum=FALLING, **PRUNED)], ridge=0.1),
    "another world": Classes([real(150, spectrum=FALLING), synthetic(300, 0.3, **OTHER, **PRUNED)], ridge=0.2),
    "only another world": Classes([real(0, spectrum=FALLING), synthetic(300, 0.3, **OTHER, **PRUNED)], ridge=0.2),
    "few samples": Classes([real(20), synthetic(30, 0.2, **OTHER, **PRUNED)], ridge=0.02),
    "far classes": Classes([real(mean_norm=3.0), synthetic(300, 0.3, **PRUNED)], ridge=0.1),
    "no ridge, many samples": Classes([real(), synthetic(300, 0.2, **OTHER, **PRUNED)], ridge=0.0),
    "no ridge, few samples": Classes([real(10), synthetic(20, 0.4, **OTHER, **PRUNED)], ridge=0.0),
    "three sources": Classes(
        [real(100), synthetic(200, 0.2, **OTHER), synthetic(300, 0.5, name="worse", hit=0.9, false_keep=0.1)], ridge=0.1
    ),
}


def extrapolated(problem: Classes, *, seed: int) -> dict[str, tuple[float, float]]:
    """Return values and standard errors for large sizes, where theory leaves out what falls with 1/size."""
    small = simulate_classes(problem, seed=2 * seed, n_replicates=N_REPLICATES)
    double = simulate_classes(doubled_classes(problem), seed=2 * seed + 1, n_replicates=N_REPLICATES)
    assert small.status is double.status is Status.OK
    return {
        name: (
            2 * getattr(double, name) - getattr(small, name),
            math.hypot(2 * double.stderr[name], small.stderr[name]),
        )
        for name in QUANTITIES
    }


def furthest(limit: dict[str, tuple[float, float]], expected: ClassesResult) -> float:
    """Return the largest deviation of a theory from the simulation, in standard errors."""
    return max(abs(value - getattr(expected, name)) / stderr for name, (value, stderr) in limit.items())


def unverified(source: ClassSource) -> ClassSource:
    """Return a source of which as many samples are kept, whatever their labels."""
    share = source.right_share + source.wrong_share
    return replace(source, hit=share, false_keep=share)


def wrong_problems(problem: Classes) -> Iterator[Classes]:
    """Return what the problem must not be taken for."""
    yield replace(problem, sources=[replace(source, n_samples=2 * source.n_samples) for source in problem.sources])
    if problem.ridge > 0:
        yield replace(problem, ridge=2 * problem.ridge)
    if any(source.hit != source.false_keep and 0 < source.label_error < 1 for source in problem.sources):
        yield replace(problem, sources=[unverified(source) for source in problem.sources])


@pytest.mark.parametrize("name", PROBLEMS)
def test_classes_theory_agrees_with_simulation_and_no_wrong_theory_does(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = PROBLEMS[name]
    limit, answer = extrapolated(problem, seed=list(PROBLEMS).index(name)), solve_classes(problem)
    assert THRESHOLD * limit["accuracy"][1] < VISIBLE
    assert furthest(limit, answer) < THRESHOLD
    for wrong in wrong_problems(problem):
        assert furthest(limit, solve_classes(wrong)) > THRESHOLD
    for what, formula in WRONG_FORMULAS.items():
        with monkeypatch.context() as patch:
            patch.setattr(theory, what, formula)
            assert furthest(limit, solve_classes(problem)) > THRESHOLD


amplification, mean_predictor = theory.amplification, theory._mean_predictor


def half_amplification(*arguments: object) -> Array:
    """A wrong formula: residuals scatter the classifier half as much."""
    return amplification(*arguments) / 2


def without_rank_one(labels: theory.Labels, reductions: object, *, means: Array, eigenvalues: Array) -> Array:
    """A wrong formula: the means do not add to the second moments of the inputs."""
    tiny = 1e-6
    return mean_predictor(labels, reductions, means=tiny * means, eigenvalues=eigenvalues) / tiny


WRONG_FORMULAS: dict[str, Callable[..., Array]] = {
    "amplification": half_amplification,
    "_mean_predictor": without_rank_one,
}


@pytest.mark.parametrize(
    ("rates", "right"), [({"hit": 1.0, "false_keep": 1.0}, True), ({"hit": 0.5, "false_keep": 0.1}, False)]
)
def test_classes_published_formula_agrees_with_simulation_where_nothing_is_pruned_only(
    rates: dict[str, float], right: bool
) -> None:
    problem = Classes([replace(real(), n_samples=2 * D, label_error=0.3, **rates)], ridge=0.1)
    value, stderr = extrapolated(problem, seed=len(PROBLEMS) + right)["accuracy"]
    expected = published(0.5, label_error=0.3, ridge=0.1, **rates)
    assert (abs(value - expected) < THRESHOLD * stderr) == right
    assert abs(value - solve_classes(problem).accuracy) < THRESHOLD * stderr


def test_classes_engines_agree_on_what_is_kept() -> None:
    problem = PROBLEMS["wrong labels, pruned"]
    simulated, answer = simulate_classes(problem, n_replicates=N_REPLICATES), solve_classes(problem)
    for quantity, generated in (("kept_samples", 400.0), ("kept_label_error", 0.3)):
        found, stderr = getattr(simulated, quantity), simulated.stderr[quantity]
        assert (found["real"], stderr["real"]) == (getattr(answer, quantity)["real"], 0.0)
        expected = getattr(answer, quantity)["synthetic"]
        assert abs(found["synthetic"] - expected) < THRESHOLD * stderr["synthetic"] < abs(expected - generated)
