"""Does the simulation of networks know its features' moments, form its data right, and approach the theory?"""

from __future__ import annotations

import tracemalloc
from dataclasses import fields, replace

import numpy as np
import pytest
from scipy.special import erf

from modelcollapse import Mixture, RandomTeacher, Shift, Source, Spectrum, solve
from modelcollapse.problems.doubling import doubled
from modelcollapse.result import PARTS
from modelcollapse.simulation import mixture, networks
from modelcollapse.simulation.backend import NumpyBackend
from modelcollapse.simulation.engine import solve as simulate
from modelcollapse.simulation.engine import translate
from modelcollapse.simulation.fits import Way
from modelcollapse.simulation.moments import stack
from modelcollapse.simulation.networks import Network, draw_gram, draw_layer, draw_unit
from modelcollapse.simulation.neurons import MAX_ORDER, feature_covariance, neurons
from modelcollapse.streams import stream

NUMPY = NumpyBackend()
FUNCTIONS = {"relu": lambda x: np.maximum(x, 0.0), "erf": erf, "identity": lambda x: x}


def layer_under(activation, spectrum, *, width=30, name=0):
    """Return the neurons of one first layer under inputs of a spectrum."""
    d = len(spectrum)
    first_layer = stream(0, "first layer", name).standard_normal((width, d)) / np.sqrt(d)
    return neurons(NUMPY, activation, first_layer=first_layer, covariance=spectrum)


FLAT, STEEP = np.ones(50), 10.0 / np.arange(1.0, 51.0) ** 2  # correlations below 0.6, and up to 0.999


@pytest.mark.parametrize("activation", FUNCTIONS)
@pytest.mark.parametrize("spectrum", [FLAT, STEEP], ids=["flat", "steep"])
def test_feature_covariance_as_a_series_equals_its_closed_form_within_its_bound(activation, spectrum):
    closed, series = (
        [layer_under(f, spectrum, name=name) for name in range(2)] for f in (activation, FUNCTIONS[activation])
    )
    tails = [np.abs(1 - (layer.coefficients[:, 1:] ** 2).sum(axis=1) / layer.variance) for layer in series]
    for other in range(2):  # the layer with itself, and with another one
        known = feature_covariance(NUMPY, activation, closed[0], closed[other])
        found = feature_covariance(NUMPY, FUNCTIONS[activation], series[0], series[other])
        correlation = closed[0].image @ closed[other].first_layer.T
        correlation /= np.outer(closed[0].spread, closed[other].spread)
        left_out = np.sqrt(np.outer(tails[0], tails[other])) * np.abs(correlation) ** (MAX_ORDER + 1)
        bound = np.sqrt(np.outer(closed[0].variance, closed[other].variance)) * (1e-9 + left_out)
        assert (np.abs(found - known) < bound).all()
        if activation != "identity":  # the linear part alone is something else
            linear = np.outer(series[0].coefficients[:, 1], series[other].coefficients[:, 1]) * correlation
            assert not (np.abs(linear - known) < bound).all()


def test_relu_neurons_equal_their_closed_forms():
    layer = layer_under("relu", STEEP)
    np.testing.assert_allclose(layer.centre, layer.spread / np.sqrt(2 * np.pi), rtol=1e-12)
    np.testing.assert_allclose(layer.slope, 0.5, rtol=1e-12)
    np.testing.assert_allclose(layer.variance, layer.spread**2 * (0.5 - 1 / (2 * np.pi)), rtol=1e-12)


def test_parallel_neurons_have_the_covariance_of_one():
    """The series holds up to correlations of ±1, where only the fall of its coefficients ends it."""
    row = stream(0, "row").standard_normal(20) / np.sqrt(20)
    layer = neurons(NUMPY, np.tanh, first_layer=np.stack([row, row, -row]), covariance=np.ones(20))
    expected = layer.variance[0] * np.array([[1, 1, -1], [1, 1, -1], [-1, -1, 1]])
    np.testing.assert_allclose(feature_covariance(NUMPY, np.tanh, layer, layer), expected, rtol=1e-9)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_inputs_without_variance_have_features_of_zero(activation):
    layer = layer_under(activation, np.zeros(5))
    assert (feature_covariance(NUMPY, activation, layer, layer) == 0).all()
    assert np.isfinite(layer.slope).all()


def problem(activation, *, width, n, ridge, d=32, weight=2.0):
    """Two sources with different spectra, noises, weights and teachers."""
    i = np.arange(1.0, d + 1)
    first, second = i**-0.2, i**-0.5
    return Mixture(
        [
            Source(
                "real",
                n_samples=n[0],
                noise_var=0.2,
                spectrum=Spectrum.explicit(first / first.mean()),
                teacher=RandomTeacher(),
            ),
            Source(
                "synthetic",
                n_samples=n[1],
                noise_var=0.1,
                weight=weight,
                spectrum=Spectrum.explicit(1.3 * second / second.mean()),
                shift=Shift(quality=0.5, shape="isotropic"),
            ),
        ],
        ridge=ridge,
        width=width,
        activation=activation,
    )


def network_of(asked):
    scene = translate([asked])
    return Network(design=scene.design, width=asked.width, activation=asked.activation), scene.fits


def z_scores(sample, expected):
    """Return by how many standard errors the means of a sample differ from what is expected, entries that vary only."""
    mean, stderr = sample.mean(axis=0), sample.std(axis=0, ddof=1) / np.sqrt(len(sample))
    return ((mean - expected) / np.where(stderr > 0, stderr, np.inf)).ravel()


@pytest.mark.parametrize("activation", ["relu", "tanh", "erf"])
def test_second_moments_of_formed_data_equal_the_population_s_and_not_those_of_uncentred_features(activation):
    """400 data sets; entries have standard errors of 1 % or less of their scale."""
    network, _ = network_of(problem(activation, width=10, n=(60, 40), ridge=0.1, d=8))
    randomness = NUMPY.randomness(0, "moments")
    layer = draw_layer(NUMPY, randomness, network)
    layer = replace(  # erf and tanh have no centre: move all neurons, so that centring matters
        layer, sources=tuple(replace(source, centre=source.centre + 0.3) for source in layer.sources)
    )
    for source, n in enumerate((60, 40)):
        grams = np.stack([draw_gram(NUMPY, randomness, network, layer, source=source) * 100 / n for _ in range(400)])
        moved = layer.moments[source].copy()
        moved[:10, :10] += 0.09  # E (z − 0.3)(z − 0.3)ᵀ
        assert np.abs(z_scores(grams, moved)).max() < 5
        assert np.abs(z_scores(grams, layer.moments[source])).max() > 5


def test_second_moments_do_not_depend_on_blocks(monkeypatch):
    network, _ = network_of(problem("relu", width=10, n=(60, 40), ridge=0.1, d=8))
    layer = draw_layer(NUMPY, NUMPY.randomness(0), network)
    whole = draw_gram(NUMPY, NUMPY.randomness(1), network, layer, source=0)
    monkeypatch.setattr(networks, "BLOCK", 18 * 7)  # seven rows at a time
    np.testing.assert_allclose(draw_gram(NUMPY, NUMPY.randomness(1), network, layer, source=0), whole, rtol=1e-12)
    assert not np.allclose(draw_gram(NUMPY, NUMPY.randomness(2), network, layer, source=0), whole, rtol=1e-12)


def test_memory_does_not_grow_with_the_number_of_samples(monkeypatch):
    monkeypatch.setattr(networks, "BLOCK", 2**15)

    def peak(n):
        network, _ = network_of(problem("relu", width=10, n=(n, 1), ridge=0.1, d=8))
        layer = draw_layer(NUMPY, NUMPY.randomness(0), network)
        tracemalloc.start()
        draw_gram(NUMPY, NUMPY.randomness(1), network, layer, source=0)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(200_000) < 1.1 * peak(20_000)
    assert peak(200_000) < 200_000 * 18 * 8 / 10  # the data would take ten times as much


def differences(one, other):
    """Return the differences of means in combined standard errors, all moments joined but those that do not vary."""
    scores = []
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        stderr = np.sqrt(a.var(axis=0, ddof=1) / len(a) + b.var(axis=0, ddof=1) / len(b))
        difference = a.mean(axis=0) - b.mean(axis=0)
        scores.append((difference / np.where(stderr > 0, stderr, np.inf)).ravel())
    return np.concatenate(scores)


def test_network_of_the_identity_equals_random_projections_and_not_with_another_ridge():
    """150 units each: moments have standard errors of 1 to 5 %."""
    asked = problem("identity", width=20, n=(30, 20), ridge=0.05, d=16)
    network, (fit,) = network_of(asked)

    def drawn(draw, what, fit):
        return stack([draw(NUMPY, NUMPY.randomness(0, draw.__module__, u), what, [fit]) for u in range(150)])

    projected = drawn(mixture.draw_unit, network.design, translate([replace(asked, activation=None)]).fits[0])
    assert np.abs(differences(drawn(draw_unit, network, fit), projected)).max() < 5
    assert np.abs(differences(drawn(draw_unit, network, replace(fit, ridge=2 * fit.ridge)), projected)).max() > 5


SETTINGS = [("relu", 40, (80, 40), 1e-2), ("tanh", 40, (60, 36), 0.1), ("erf", 60, (40, 20), 1e-2)]


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_gap_to_theory_halves_when_everything_doubles(setting):
    """In 2 v(2d) − v(d) the error of order 1/d of the theory cancels; in v(2d) alone it is plain to see."""
    activation, width, n, ridge = setting
    small = problem(activation, width=width, n=n, ridge=ridge)
    theory = numbers(solve(small))
    one, two = (simulate(p, n_replicates=r, seed=1) for p, r in ((small, 800), (doubled(small), 400)))
    (at_one, stderr_one), (at_two, stderr_two) = ((numbers(r), numbers(r, stderr=True)) for r in (one, two))
    extrapolated = 2 * at_two - at_one - theory
    assert (np.abs(extrapolated) < 5 * np.hypot(2 * stderr_two, stderr_one)).all()
    assert not (np.abs(at_two - theory) < 5 * stderr_two).all()


def numbers(result, *, stderr=False):
    names = ("excess_risk", *PARTS, "training_error")
    values = result.stderr if stderr else {name: getattr(result, name) for name in names}
    return np.array([*(values[name] for name in names[:-1]), *values["training_error"].values()])


def test_fit_without_ridge_and_few_samples_interpolates():
    network, fits = network_of(problem("tanh", width=60, n=(20, 12), ridge=0.0))
    moments = draw_unit(NUMPY, NUMPY.randomness(0), network, fits)
    assert np.abs(moments.training_noise).max() < 1e-10
    assert np.abs(moments.training_teacher).max() < 1e-10
    assert np.isinf(moments.trace).all()
    _, ridged = network_of(problem("tanh", width=60, n=(20, 12), ridge=0.1))
    assert draw_unit(NUMPY, NUMPY.randomness(0), network, ridged).training_teacher.max() > 1e-3


def test_fit_by_eigenvalues_equals_the_fit_by_cholesky():
    network, (fit,) = network_of(problem("relu", width=60, n=(20, 12), ridge=1e-2))
    by_eigenvalues = replace(fit, way=Way.SPECTRAL)
    both = draw_unit(NUMPY, NUMPY.randomness(0), network, [replace(fit, way=Way.PRIMAL), by_eigenvalues])
    for field in fields(both):
        one, other = getattr(both, field.name)
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12, err_msg=field.name)


def test_source_without_samples_or_weight_does_not_move_the_fit():
    network, (fit,) = network_of(problem("relu", width=20, n=(40, 0), ridge=1e-2, weight=0.0))
    moments = draw_unit(NUMPY, NUMPY.randomness(0), network, [fit, replace(fit, weight=(1.0, 5.0))])
    assert (moments.noise[:, 1] == 0).all()
    assert np.isnan(moments.training_noise[:, 1]).all()
    np.testing.assert_array_equal(moments.teacher[0], moments.teacher[1])
    network, (fit,) = network_of(problem("relu", width=20, n=(40, 30), ridge=1e-2, weight=0.0))
    moments = draw_unit(NUMPY, NUMPY.randomness(0), network, [fit, replace(fit, weight=(1.0, 5.0))])
    assert moments.noise[0, 1] == 0 < moments.noise[1, 1]
    np.testing.assert_array_equal(moments.teacher[0], moments.clean[0])
    assert (moments.teacher[1] != moments.clean[1]).any()


def test_one_unit_depends_on_its_seed_only():
    network, fits = network_of(problem("tanh", width=20, n=(40, 30), ridge=1e-2))
    one, same, other = (draw_unit(NUMPY, NUMPY.randomness(seed), network, fits) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.teacher, same.teacher)
    assert (one.teacher != other.teacher).all()
