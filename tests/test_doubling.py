"""Does a problem of twice the size have the same answer in theory, whatever it is made of?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from generation_catalogue import RECURSIONS
from modelcollapse import (
    Classes,
    ClassSource,
    FixedTeacher,
    InputError,
    Mixture,
    RandomTeacher,
    Shift,
    Source,
    Spectrum,
    solve,
    solve_classes,
    solve_generations,
)
from modelcollapse.problems.doubling import doubled, doubled_classes, doubled_recursion
from modelcollapse.result import PARTS, Status
from theory_examples import MODELS, mixed

D = 12
ROTATION = np.linalg.qr(np.random.default_rng(0).standard_normal((D, D)))[0]
VECTOR = np.cos(np.arange(D)) / 3
PROFILE = np.linspace(0.2, 3.0, D)
DIAGONAL = Spectrum.power_law(D, exponent=1.0)
FULL = Spectrum.full(ROTATION @ np.diag(np.linspace(3.0, 0.5, D)) @ ROTATION.T)
TIED = Spectrum.full(ROTATION @ np.diag(np.repeat([3.0, 1.0], D // 2)) @ ROTATION.T)
SINGULAR = Spectrum.explicit([0.0, *np.linspace(2.0, 1.0, D - 1)])
TEACHERS = [FixedTeacher(VECTOR), RandomTeacher(2.0), RandomTeacher(PROFILE)]
SHIFTS = [
    Shift(vector=VECTOR),
    *(Shift(quality=0.3, shape=shape) for shape in ("inverse_covariance", "isotropic", "covariance", PROFILE)),
]


def numbers(problem: Mixture) -> np.ndarray:
    """Return every number of theory's answer."""
    result = solve(problem)
    assert result.status is Status.OK
    own = [getattr(result, name) for name in ("excess_risk", "test_error", *PARTS, "effective_ridge")]
    return np.array([*own, *result.training_error.values()])


def change(problem: Mixture, other: Mixture) -> float:
    """Return the largest difference between two answers, in units of the first one's test error."""
    exact = numbers(problem)
    return float(np.abs(numbers(other) - exact).max() / exact[1])


def pair(spectrum: Spectrum, other: Spectrum, teacher: object, /, **second: object) -> Mixture:
    """Return two sources, the second one the target."""
    first = Source("real", n_samples=20, noise_var=0.3, spectrum=spectrum, teacher=teacher)
    return Mixture([first, Source("b", n_samples=9, weight=2.0, spectrum=other, **second)], ridge=0.05, target="b")


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_doubled_keeps_theory_for_every_model(model: dict[str, object]) -> None:
    problem = mixed(**model)
    assert change(problem, doubled(problem)) < 1e-8


@pytest.mark.parametrize("teacher", TEACHERS, ids=["fixed", "random", "by direction"])
@pytest.mark.parametrize("other", [DIAGONAL, FULL, SINGULAR], ids=["same", "full", "singular"])
@pytest.mark.parametrize("first", [DIAGONAL, FULL, TIED], ids=["first diagonal", "first full", "first tied"])
def test_doubled_keeps_theory_for_every_teacher(teacher: object, other: Spectrum, first: Spectrum) -> None:
    for problem in (pair(first, other, teacher), pair(first, other, RandomTeacher(), teacher=teacher)):
        assert change(problem, doubled(problem)) < 1e-8


@pytest.mark.parametrize("shift", SHIFTS, ids=["vector", "inverse_covariance", "isotropic", "covariance", "array"])
@pytest.mark.parametrize("first", [DIAGONAL, FULL], ids=["first diagonal", "first full"])
def test_doubled_keeps_theory_for_every_shift(shift: Shift, first: Spectrum) -> None:
    problem = pair(first, SINGULAR, RandomTeacher(), shift=shift)
    assert change(problem, doubled(problem)) < 1e-8


def test_doubled_keeps_sharing_covariances() -> None:
    double = doubled(mixed())
    assert double.spectra[1] is double.spectra[0]
    assert double.n_features == 2 * mixed().n_features
    assert [s.n_samples for s in double.sources] == [240, 120, 80]


@pytest.mark.parametrize(
    "wrong",
    [
        {"n": (240, 120, 80)},  # samples only
        {"d": 100},  # features only
        {"d": 100, "n": (240, 120, 80)},  # the power law goes on and the shift's vector is longer
    ],
    ids=["samples", "features", "recipe"],
)
def test_doubled_check_catches_half_a_double(wrong: dict[str, object]) -> None:
    assert change(mixed(), mixed(**wrong)) > 1e-3


def test_doubled_check_catches_a_vector_that_is_not_shrunk() -> None:
    problem = pair(DIAGONAL, FULL, FixedTeacher(VECTOR))
    double = doubled(problem)
    longer = replace(double.sources[0], teacher=FixedTeacher(np.repeat(VECTOR, 2)))
    wrong = replace(double, sources=[longer, double.sources[1]])
    assert abs(solve(wrong).bias / solve(problem).bias - 2) < 1e-9


def test_doubled_goes_up_to_the_largest_number_of_samples() -> None:
    def problem(n: int, width: int | None = None) -> Mixture:
        return Mixture(
            [Source("real", n_samples=n, spectrum=DIAGONAL, teacher=RandomTeacher())], ridge=0.1, width=width
        )

    assert doubled(problem(10**15 // 2, width=10**15 // 2)).sources[0].n_samples == 10**15
    for n, width in ((10**15 // 2 + 1, None), (5, 10**15)):
        with pytest.raises(InputError, match=r"can be doubled up to 5e\+14 .* Use fewer"):
            doubled(problem(n, width))


@pytest.mark.parametrize("name", RECURSIONS)
def test_doubled_recursion_keeps_theory_of_every_workflow(name: str) -> None:
    problem = RECURSIONS[name]
    double = doubled_recursion(problem)
    assert (double.n_samples == 2 * problem.n_samples).all()
    risk, other = (np.array(solve_generations(each).excess_risk) for each in (problem, double))
    assert np.abs(other / risk - 1).max() < 1e-6


PRUNED = {"label_error": 0.3, "hit": 0.8, "false_keep": 0.3}


@pytest.mark.parametrize("mean", [{"mean_norm": 1.0}, {"mean": VECTOR}], ids=["norm", "vector"])
@pytest.mark.parametrize("spectrum", [DIAGONAL, Spectrum.explicit(PROFILE)], ids=["recipe", "explicit"])
def test_doubled_classes_keep_theory_and_a_longer_mean_does_not(spectrum: Spectrum, mean: dict[str, object]) -> None:
    real = ClassSource("real", n_samples=20, spectrum=spectrum, **mean)
    aside = ClassSource("aside", n_samples=30, mean=VECTOR[::-1], **PRUNED)
    problem = Classes([real, aside], ridge=0.05)
    double = doubled_classes(problem)
    exact = solve_classes(problem)
    assert solve_classes(double).accuracy == pytest.approx(exact.accuracy, abs=1e-9)
    assert solve_classes(double).kept_samples == {name: 2 * n for name, n in exact.kept_samples.items()}
    longer = replace(double.sources[1], mean=np.repeat(VECTOR[::-1], 2))
    assert abs(solve_classes(replace(double, sources=[double.sources[0], longer])).accuracy - exact.accuracy) > 1e-3


def test_doubled_classes_go_up_to_the_largest_number_of_samples() -> None:
    source = ClassSource("real", n_samples=10**15, mean_norm=1.0, spectrum=DIAGONAL)
    with pytest.raises(InputError, match="can be doubled up to"):
        doubled_classes(Classes([source], ridge=0.1))
