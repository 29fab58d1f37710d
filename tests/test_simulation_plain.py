"""Does integrating noise and teachers out, and never forming the data, change nothing but the effort?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from modelcollapse import FixedTeacher, Mixture, RandomTeacher, Shift, Source, Spectrum
from modelcollapse.simulation import mixture, networks, plain
from modelcollapse.simulation.backend import NumpyBackend
from modelcollapse.simulation.engine import translate
from modelcollapse.simulation.moments import select, stack
from modelcollapse.streams import stream

NUMPY = NumpyBackend()
D = 12
N_INTEGRATED, N_PLAIN = 100, 400
"""Units. Risks have standard errors of about 1 % and 1 to 3 % (2 % and 5 % at minimum norm), so that 5 to 25 % show."""


def source(name, n, spectrum=None, **arguments):
    return Source(name, n_samples=n, spectrum=spectrum, **{"noise_var": 0.3, **arguments})


def turned(name, eigenvalues):
    basis = np.linalg.qr(stream(0, "basis", name).standard_normal((D, D)))[0]
    return Spectrum.full(basis * eigenvalues @ basis.T)


POWER, RISING = Spectrum.power_law(D, exponent=1.0, scale=3.0), Spectrum.explicit(np.linspace(0.3, 2.0, D))
TURNED, CROSSED = turned("one", np.linspace(3.0, 0.3, D)), turned("two", np.linspace(0.5, 2.0, D))
PLANE = turned("three", np.where(np.arange(D) < D // 2, 2.0, 0.0))
WAVE = np.cos(np.arange(D) ** 1.5) / np.sqrt(D)
RANDOM, KNOWN = RandomTeacher(), FixedTeacher(WAVE)
SHIFT = Shift(quality=0.8, shape="isotropic")
PROBLEMS = {
    "weights": Mixture([source("a", 30, POWER, teacher=RANDOM), source("b", 20, weight=3.0, shift=SHIFT)], ridge=0.05),
    "a weight of zero": Mixture(
        [source("a", 30, POWER, teacher=KNOWN), source("b", 20, RISING, weight=0.0, shift=SHIFT)], ridge=0.05
    ),
    "minimum norm": Mixture([source("a", 4, POWER, teacher=KNOWN), source("b", 3, RISING, shift=SHIFT)], ridge=0.0),
    "rotated covariances, one on a plane": Mixture(
        [source("a", 25, TURNED, teacher=KNOWN), source("b", 20, PLANE, shift=SHIFT), source("c", 10, CROSSED)],
        ridge=0.1,
        target="b",
    ),
    "narrow projection": Mixture(
        [source("a", 30, POWER, teacher=RANDOM), source("b", 20, RISING, shift=SHIFT)], ridge=0.02, width=5
    ),
    "wide projection of rotated inputs": Mixture(
        [source("a", 20, TURNED, teacher=RANDOM), source("b", 15, CROSSED, teacher=KNOWN)], ridge=0.05, width=30
    ),
    "relu network": Mixture(
        [source("a", 40, POWER, teacher=RANDOM), source("b", 30, RISING, weight=2.0, shift=SHIFT)],
        ridge=0.05,
        width=15,
        activation="relu",
    ),
    "tanh network without ridge, few samples": Mixture(
        [source("a", 8, POWER, teacher=KNOWN), source("b", 6, shift=SHIFT)], ridge=0.0, width=40, activation="tanh"
    ),
    "network of rotated inputs": Mixture(
        [source("a", 30, TURNED, teacher=KNOWN), source("b", 20, CROSSED, shift=SHIFT)],
        ridge=0.05,
        width=12,
        activation=lambda x: np.maximum(x, 0.2 * x),
    ),
}


def integrated_units(problem, *, noise=1.0):
    """Return excess risk, clean, bias, trace and training errors of each unit, noise and teachers integrated out."""
    scene = translate([problem])
    (_, question), fits = scene.questions[0], scene.fits
    units = []
    for unit in range(N_INTEGRATED):
        randomness = NUMPY.randomness(0, "integrated", unit)
        if problem.activation is None:
            units.append(mixture.draw_unit(NUMPY, randomness, scene.design, fits))
        else:
            network = networks.Network(design=scene.design, width=problem.width, activation=problem.activation)
            units.append(networks.draw_unit(NUMPY, randomness, network, fits))
    moments, variances, power = select(stack(units), 0), noise * question.noise_var, question.power
    amplified = moments.noise @ variances
    training = moments.training_noise @ variances + moments.training_teacher @ power
    numbers = [
        amplified + moments.teacher @ power,
        amplified + moments.clean @ power,
        moments.bias @ power,
        moments.trace,
    ]
    return np.column_stack([*numbers, training])


def plain_units(problem):
    """Return the same numbers of each unit with everything drawn."""
    scene = translate([problem])
    (_, question), (fit,) = scene.questions[0], scene.fits
    rows = []
    for unit in range(N_PLAIN):
        moments = plain.draw_unit(
            stream(0, "plain", unit),
            scene.design,
            fit,
            noise_var=question.noise_var,
            power=question.power,
            activation=problem.activation,
        )
        rows.append([moments.excess_risk, moments.clean, moments.bias, moments.trace, *moments.training_error])
    return np.array(rows)


def agree(one, other):
    """Whether means agree within 5 combined standard errors; what does not vary, within rounding."""
    endless = np.isinf(one).all(axis=0) & np.isinf(other).all(axis=0)
    one, other = one[:, ~endless], other[:, ~endless]
    difference = one.mean(axis=0) - other.mean(axis=0)
    stderr = np.sqrt(one.var(axis=0, ddof=1) / len(one) + other.var(axis=0, ddof=1) / len(other))
    return bool((np.abs(difference) < np.maximum(5 * stderr, 1e-10)).all())


def with_sources(problem, change):
    return replace(problem, sources=[change(source) for source in problem.sources])


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_integrated_simulation_agrees_with_the_plain_one_and_not_with_twice_the_noise(problem):
    drawn = plain_units(problem)
    assert agree(integrated_units(problem), drawn)
    assert not agree(integrated_units(problem, noise=2.0), drawn)


WRONG = {
    "weights": lambda s: replace(s, weight=1.0),
    "a weight of zero": lambda s: replace(s, weight=1.0),
    "rotated covariances, one on a plane": lambda s: replace(s, shift=None),
    "network of rotated inputs": lambda s: replace(s, spectrum=Spectrum.explicit(np.diag(s.spectrum.covariance))),
}


@pytest.mark.parametrize("name", WRONG)
def test_integrated_simulation_of_another_problem_does_not_agree_with_the_plain_one(name):
    assert not agree(integrated_units(with_sources(PROBLEMS[name], WRONG[name])), plain_units(PROBLEMS[name]))


def test_plain_fit_equals_scikit_learn_s():
    generator = stream(0, "fit")
    features, labels = generator.standard_normal((20, 6)), generator.standard_normal((20, 2))
    weights = np.repeat([2.0, 0.0, 0.5], [5, 5, 10])
    coefficients, trace = plain._ridge(features, labels, weights, 0.03)
    other = Ridge(alpha=20 * 0.03, fit_intercept=False).fit(features, labels, sample_weight=weights)
    np.testing.assert_allclose(coefficients, other.coef_.T, rtol=1e-9)
    second = (features.T * weights) @ features / 20 + 0.03 * np.eye(6)
    assert trace == pytest.approx(np.trace(np.linalg.inv(second)), rel=1e-9)


def test_plain_simulation_equals_the_exact_risk_of_least_squares():
    """σ² d/(n − d − 1), not σ² d/n as with fixed inputs, and σ² (1 − d/n) in training: standard errors of about 2 %."""
    n, noise_var = 20, 0.5
    problem = Mixture([source("a", n, Spectrum.isotropic(D), noise_var=noise_var, teacher=RANDOM)], ridge=0.0)
    drawn = plain_units(problem)
    risk, training = drawn[:, 0], drawn[:, 4]
    stderr = drawn.std(axis=0, ddof=1) / np.sqrt(N_PLAIN)
    assert abs(risk.mean() - noise_var * D / (n - D - 1)) < 5 * stderr[0]
    assert abs(training.mean() - noise_var * (1 - D / n)) < 5 * stderr[4]
    assert not abs(risk.mean() - noise_var * D / n) < 5 * stderr[0]
