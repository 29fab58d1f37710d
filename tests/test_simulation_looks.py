"""Are noise and teachers integrated out rightly? One set of inputs, against every label that they may get."""

from __future__ import annotations

import numpy as np
import pytest

from modelcollapse.simulation.backend import NumpyBackend
from modelcollapse.simulation.engine import translate
from modelcollapse.simulation.looks import largest, look_at, moments_of
from modelcollapse.simulation.mixture import draw_factor, draw_features
from modelcollapse.simulation.resolvent import respond
from simulation_examples import KINDS

NUMPY = NumpyBackend()


def seen(scene, seed):
    """Return the look of a fit at drawn inputs, with the inputs and features."""
    design, fit, randomness = scene.design, scene.fits[0], NUMPY.randomness(seed)
    features = None if fit.width is None else draw_features(NUMPY, randomness, fit.width, design.n_features)
    factors = [
        draw_factor(NUMPY, randomness, root, n_samples=n, n_total=design.n_total)
        for root, n in zip(design.roots, design.n_samples, strict=True)
    ]
    grams = [factor @ factor.T for factor in factors]
    response = respond(NUMPY, fit, factors=factors, grams=grams, features=features, largest=largest(design, fit))
    return look_at(NUMPY, design, fit, factors=factors, response=response), factors, features


def solver(scene, factors, features):
    """Return, for each source, the matrix from the labels of its compressed samples to ŵ, by a pseudo-inverse."""
    fit, n_total = scene.fits[0], scene.design.n_total
    features = np.eye(scene.design.n_features) if features is None else features
    samples = [np.sqrt(n_total) * factor.T for factor in factors]
    rows = [np.sqrt(w / n_total) * x @ features for w, x in zip(fit.weight, samples, strict=True)]
    stretched = np.concatenate([*rows, np.sqrt(fit.ridge) * np.eye(features.shape[1])])
    inverse = features @ np.linalg.pinv(stretched, rcond=1e-11)
    ends = np.cumsum([0, *(len(x) for x in samples)])
    return samples, [
        inverse[:, a:b] * np.sqrt(w / n_total) for a, b, w in zip(ends, ends[1:], fit.weight, strict=False)
    ]


def covariance_of(scene, source):
    covariance = scene.design.covariances[source]
    return np.diag(covariance) if covariance.ndim == 1 else covariance


def teachers_of(component, n_features):
    """Return the teachers of every basis vector of a component: (K, d, p)."""
    root = np.eye(n_features) if component.root is None else component.root
    return component.loadings[:, :, None] * root


@pytest.mark.parametrize("name", KINDS)
def test_look_sums_over_all_labels(name):
    scene = translate([KINDS[name]])
    design = scene.design
    look, factors, features = seen(scene, 7)
    samples, solvers = solver(scene, factors, features)
    target = covariance_of(scene, design.target)
    for k, own in enumerate(solvers):  # the labels are noise, a unit vector at a time
        assert look.noise[k] == pytest.approx(np.trace(own.T @ target @ own), rel=1e-8, abs=1e-12)
        for j, x in enumerate(samples):
            residual = x @ own - (np.eye(len(x)) if j == k else 0)
            unseen = design.n_samples[k] - len(samples[k]) if j == k else 0  # noise outside the range of the inputs
            expected = ((residual**2).sum() + unseen) / design.n_samples[j]
            assert look.training_noise[j, k] == pytest.approx(expected, rel=1e-8, abs=1e-10)
    for a, component in enumerate(design.components):
        teachers = teachers_of(component, design.n_features)
        fitted = sum(own @ x @ w for own, x, w in zip(solvers, samples, teachers, strict=True))
        error = fitted - teachers[design.target]
        assert look.teacher[a] == pytest.approx(np.trace(error.T @ target @ error), rel=1e-8, abs=1e-12)
        aimed = sum(own @ x @ teachers[design.target] for own, x in zip(solvers, samples, strict=True))
        error = aimed - teachers[design.target]
        assert look.clean[a] == pytest.approx(np.trace(error.T @ target @ error), rel=1e-8, abs=1e-12)
        for k, x in enumerate(samples):
            residual = x @ (fitted - teachers[k])
            expected = (residual**2).sum() / design.n_samples[k]
            assert look.training_teacher[k, a] == pytest.approx(expected, rel=1e-8, abs=1e-10)


@pytest.mark.parametrize("name", ["random teachers, rotated", "fixed teachers, rotated", "narrow, rotated"])
def test_products_between_looks_are_those_of_their_errors(name):
    scene = translate([KINDS[name]])
    design, fit = scene.design, scene.fits[0]
    repeats = 1 if fit.width is None else 2
    looks = [[seen(scene, 10 * group + i)[0] for i in range(repeats)] for group in range(2)]
    moments = moments_of(NUMPY, design, fit, looks)
    norms = [covariance_of(scene, design.target), *(covariance_of(scene, k) for k in range(2))]
    for a, component in enumerate(design.components):
        aimed = teachers_of(component, design.n_features)[design.target]
        errors = [[look.complement @ aimed for look in group] for group in looks]
        across = np.mean([[[np.trace(e.T @ n @ f) for f in errors[1]] for e in errors[0]] for n in norms], axis=(1, 2))
        assert moments.bias[a] == pytest.approx(across[0], rel=1e-10)
        if fit.width is not None:
            within = np.mean([[np.trace(e.T @ n @ f) for e, f in errors] for n in norms], axis=1)
            np.testing.assert_allclose(moments.spread[:, a], within - across, rtol=1e-9)


def test_diagonals_suffice_where_signs_do_not_matter():
    scene = translate([KINDS["random teachers"]])
    looks = [[seen(scene, 3)[0]], [seen(scene, 4)[0]]]
    moments = moments_of(NUMPY, scene.design, scene.fits[0], looks)
    one, two = (group[0].complement for group in looks)
    assert one.shape == (8,)
    for a, component in enumerate(scene.design.components):
        weights = scene.design.covariances[0] * component.loadings[0] ** 2
        assert moments.bias[a] == pytest.approx((one * two * weights).sum(), rel=1e-12)
