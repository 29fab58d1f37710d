"""Do random-feature networks behave as their linear equivalent says? Against closed forms and brute force."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from brute_force import ACTIVATIONS, BruteSource, simulate
from modelcollapse import FixedTeacher, Mixture, Source, Spectrum, solve
from modelcollapse.errors import InputError
from modelcollapse.streams import stream
from modelcollapse.theory.engine import translate
from modelcollapse.theory.mixture import mixture_risk
from modelcollapse.theory.networks import linear_equivalent


@pytest.mark.parametrize("variance", [0.25, 1.0, 9.0])
def test_relu_equals_its_closed_form(variance):
    found = linear_equivalent("relu", preactivation_var=variance)
    assert found.slope == pytest.approx(0.5, rel=1e-10)
    assert found.feature_noise == pytest.approx(variance * (0.25 - 1 / (2 * np.pi)), rel=1e-10)


@pytest.mark.parametrize("variance", [0.25, 1.0, 9.0])
def test_erf_equals_its_closed_form(variance):
    found = linear_equivalent("erf", preactivation_var=variance)
    slope = 2 / np.sqrt(np.pi * (1 + 2 * variance))
    square = 2 / np.pi * np.arcsin(2 * variance / (1 + 2 * variance))
    assert found.slope == pytest.approx(slope, rel=1e-10)
    assert found.feature_noise == pytest.approx(square - variance * slope**2, rel=1e-9)


def test_kink_away_from_zero_is_integrated_exactly():
    found = linear_equivalent(lambda x: np.maximum(x - 0.7, 0.0), preactivation_var=1.0)
    tail = 0.24196365222307303  # P(g > 0.7) = E f(g) g of the shifted relu
    assert found.slope == pytest.approx(tail, rel=1e-9)


def test_identity_has_no_feature_noise():
    found = linear_equivalent("identity", preactivation_var=2.0)
    assert (found.slope, found.feature_noise) == (pytest.approx(1.0, rel=1e-12), 0.0)


@pytest.mark.parametrize("function", [np.abs, np.cos, lambda x: x**2], ids=["abs", "cos", "square"])
def test_activation_without_linear_part_is_refused(function):
    with pytest.raises(InputError, match="linear part"):
        linear_equivalent(function, preactivation_var=1.0)


BAD = {"constant": np.zeros_like, "infinite": lambda x: np.where(x > 5, np.inf, x), "of another shape": np.sum}


@pytest.mark.parametrize("function", BAD.values(), ids=BAD)
def test_activation_is_refused_when_it_is(function):
    with pytest.raises(InputError, match="same shape, finite and not constant"):
        linear_equivalent(function, preactivation_var=1.0)


D = 240
SETTINGS = [  # activation, width, samples, ridge
    ("relu", 120, (200, 100), 1e-2),
    ("relu", 600, (200, 100), 1e-2),
    ("relu", 800, (160, 120), 0.0),
    ("tanh", 400, (600, 200), 1e-2),
    ("tanh", 800, (160, 120), 0.0),
    ("erf", 120, (200, 100), 1e-2),
]
N_TRIALS = 100
CLOSE = 0.01
"""Relative. Preactivation variances differ from neuron to neuron with the relative variance 2 tr Σ²/(tr Σ)². In second
order this changes moments of an activation by about tr Σ²/(tr Σ)², one over the effective number of directions: at most
0.7 % for these spectra."""


def network(activation, width, n, ridge):
    """Two sources with different spectra (and preactivation variances), teachers, noises and weights."""
    i = np.arange(1.0, D + 1)
    first, second = i**-0.2, i**-0.5
    first, second = first / first.mean(), 1.3 * second / second.mean()
    rng = stream(0, "teachers")
    w1 = rng.standard_normal(D) / np.sqrt(D)
    w2 = w1 + 0.5 * rng.standard_normal(D) / np.sqrt(D)
    rows = [(n[0], first, w1, 0.2, 1.0), (n[1], second, w2, 0.1, 2.0)]
    problem = Mixture(
        [
            Source(f"{k}", n_samples=nk, noise_var=v, weight=o, spectrum=Spectrum.explicit(s), teacher=FixedTeacher(w))
            for k, (nk, s, w, v, o) in enumerate(rows)
        ],
        ridge=ridge,
        width=width,
        activation=activation,
    )
    return problem, [BruteSource(nk, np.sqrt(s), w, v, o) for nk, s, w, v, o in rows]


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_network_agrees_with_brute_force_and_not_without_feature_noise(setting):
    activation, width, n, ridge = setting
    problem, sources = network(*setting)
    excess, excess_se, training, training_se = simulate(
        sources, ridge=ridge, n_trials=N_TRIALS, seed=1, width=width, activation=ACTIVATIONS[activation], test_size=500
    )
    arrays = translate(problem)

    def agree(sampling):
        ours = mixture_risk(sampling, covariances=arrays.covariances, teachers=arrays.teachers)
        close = np.abs(ours.excess_risk - excess) < np.maximum(5 * excess_se, CLOSE * excess)
        if width < sum(n):  # beyond, training errors are a small remainder of large terms
            close &= np.abs(ours.training_error - training) < np.maximum(5 * training_se, CLOSE * training)
        return close.all()

    assert agree(arrays.sampling)
    assert not agree(replace(arrays.sampling, feature_noise=np.zeros(2)))  # a network without its non-linear part


def test_callable_activation_equals_its_name():
    problem, _ = network("relu", 60, (100, 50), 1e-2)
    named, called = solve(problem), solve(replace(problem, activation=lambda x: np.maximum(x, 0)))
    assert named == called
