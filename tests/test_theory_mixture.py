"""Is the theory of mixtures right? Special cases, symmetries, and itself in other forms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from modelcollapse import (
    Mixture,
    RandomTeacher,
    Shift,
    Source,
    Spectrum,
    solve,
)
from modelcollapse.result import PARTS
from modelcollapse.streams import stream
from modelcollapse.theory.dense import DenseCovariances
from modelcollapse.theory.engine import translate
from modelcollapse.theory.mixture import mixture_risk
from theory_examples import MODELS, mixed, risks


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_parts_add_up_and_none_but_collapse_is_negative(model):
    for target in ("real", "labels", "inputs"):
        result = solve(replace(mixed(**model), target=target))
        parts = [getattr(result, part) for part in PARTS]
        assert sum(parts) == pytest.approx(result.excess_risk, rel=1e-13)
        assert min(parts[:3]) >= 0


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_clean_teachers_have_no_collapse_and_the_same_clean_parts(model):
    problem = mixed(**model)
    clean = solve(replace(problem, sources=[replace(source, shift=None) for source in problem.sources]))
    shifted = solve(problem)
    assert clean.collapse == pytest.approx(0, abs=1e-14)
    for part in PARTS[:3]:
        assert getattr(clean, part) == pytest.approx(getattr(shifted, part), rel=1e-10, abs=1e-14)
    assert shifted.collapse > 0


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_dense_path_equals_commuting_path(model):
    problem = mixed(**model)
    d = problem.n_features
    rotation, _ = np.linalg.qr(stream(0, "rotation").standard_normal((d, d)))
    law = problem.teachers
    second_moments = [rotation * variances @ rotation.T for variances in law.variances]
    arrays = translate(problem)
    dense = replace_covariances(arrays, rotation, second_moments)
    left = mixture_risk(arrays.sampling, covariances=arrays.covariances, teachers=arrays.teachers)
    right = mixture_risk(arrays.sampling, covariances=dense[0], teachers=dense[1])
    for name in ("excess_risk", "training_error", "shrinkage", *PARTS):
        np.testing.assert_allclose(getattr(right, name), getattr(left, name), rtol=1e-10, atol=1e-14, err_msg=name)


def replace_covariances(arrays, rotation, second_moments):
    matrices = np.stack([rotation * values @ rotation.T for values in arrays.covariances.eigenvalues])
    teachers = replace(
        arrays.teachers, fixed=arrays.teachers.fixed @ rotation.T, second_moments=np.stack(second_moments)
    )
    return DenseCovariances(matrices), teachers


def test_rotated_problem_is_solved_on_the_commuting_path():
    problem = mixed()
    rotation, _ = np.linalg.qr(stream(1, "rotation").standard_normal((50, 50)))
    rotated = replace(
        problem,
        sources=[
            replace(
                source,
                spectrum=Spectrum.full(rotation * spectrum.eigenvalues @ rotation.T),
                shift=Shift(vector=rotation @ source.shift.vector)
                if source.shift and source.shift.vector is not None
                else source.shift,
            )
            for source, spectrum in zip(problem.sources, problem.spectra, strict=True)
        ],
    )
    assert type(translate(rotated).covariances) is type(translate(problem).covariances)
    np.testing.assert_allclose(risks(rotated), risks(problem), rtol=1e-9)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_permuting_directions_changes_nothing(model):
    problem = mixed(**model)
    order = stream(2, "order").permutation(50)
    permuted = replace(
        problem,
        sources=[
            replace(
                source,
                spectrum=Spectrum.explicit(spectrum.eigenvalues[order]),
                shift=Shift(vector=source.shift.vector[order])
                if source.shift and source.shift.vector is not None
                else source.shift,
            )
            for source, spectrum in zip(problem.sources, problem.spectra, strict=True)
        ],
    )
    np.testing.assert_allclose(risks(permuted), risks(problem), rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_scaling_teachers_and_noise_scales_risks_by_the_square(model):
    np.testing.assert_allclose(risks(mixed(**model, scale=3.0)), 9 * risks(mixed(**model)), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_splitting_a_source_in_two_changes_nothing(model):
    problem = mixed(**model)
    halves = [
        replace(source, name=f"{source.name}{half}", n_samples=source.n_samples // 2, shift=None, teacher=None)
        for source in problem.sources[:1]
        for half in ("", " again")
    ]
    halves[0] = replace(halves[0], teacher=problem.sources[0].teacher)
    split = replace(problem, sources=[*halves, *problem.sources[1:]])
    if problem.sources[0].n_samples % 2:
        pytest.skip("an odd number of samples has no half")
    left, right = risks(split), risks(problem)
    np.testing.assert_allclose(np.delete(left, 6), right, rtol=1e-9, atol=1e-14)
    assert left[5] == pytest.approx(left[6], rel=1e-12)


@pytest.mark.parametrize("width", [None, 30, 400])
def test_weight_and_covariance_trade_off(width):
    """(Σ, ω) and (ωΣ, 1) with teacher-preserving noise ωσ² fit alike; only a source's own errors scale."""
    problem = mixed(width=width)
    absorbed = replace(
        problem,
        sources=[
            replace(
                source,
                weight=1.0,
                noise_var=source.noise_var * source.weight,
                spectrum=Spectrum.explicit(spectrum.eigenvalues * source.weight),
            )
            for source, spectrum in zip(problem.sources, problem.spectra, strict=True)
        ],
    )
    left, right = risks(absorbed), risks(problem)
    np.testing.assert_allclose(left[:5], right[:5], rtol=1e-9)
    np.testing.assert_allclose(left[5:], right[5:] * [source.weight for source in problem.sources], rtol=1e-9)


def test_isotropic_ridgeless_closed_form():
    source = Source("real", n_samples=400, noise_var=0.5, spectrum=Spectrum.isotropic(200), teacher=RandomTeacher())
    assert solve(Mixture([source], ridge=0)).excess_risk == pytest.approx(0.5, rel=1e-12)


@pytest.mark.parametrize("ridge", [1e-6, 1e-2, 1.0])
def test_theorem_1(ridge):
    """Two sources with equal covariances, from the κ of arXiv 2410.04840, section 3.1."""
    d, n1, n2 = 80, 90, 60
    s, n = np.arange(1.0, d + 1) ** -1.1, n1 + n2
    p1, p2 = n1 / n, n2 / n
    prior, delta = np.linspace(1, 2, d) / d, 0.4 * np.linspace(2, 1, d) / (s @ np.linspace(2, 1, d))
    problem = Mixture(
        [
            Source("1", n_samples=n1, noise_var=0.3, spectrum=Spectrum.explicit(s), teacher=RandomTeacher(prior * d)),
            Source("2", n_samples=n2, noise_var=0.1, shift=Shift(quality=0.4, shape=np.linspace(2, 1, d))),
        ],
        ridge=ridge,
    )
    kappa = ridge
    for _ in range(20000):
        kappa = ridge + kappa * np.sum(s / (s + kappa)) / n
    df2 = np.sum(s**2 / (s + kappa) ** 2) / n
    u, t2 = df2 / (1 - df2), (s + kappa) ** 2
    clean = kappa**2 * np.sum(prior * s / t2) / (1 - df2) + (p1 * 0.3 + p2 * 0.1) * u
    zeta = p2**2 * (1 + p1 * u) * np.sum(delta * s**3 / t2) + p2 * u * np.sum(delta * s * (p1 * s + kappa) ** 2 / t2)
    result = solve(problem)
    assert result.bias + result.variance == pytest.approx(clean, rel=1e-8)
    assert result.collapse == pytest.approx(zeta, rel=1e-8)
    assert result.projection_variance == 0


def test_isotropic_ridgeless_collapse():
    phi, p1, p2, c2 = 0.25, 0.7, 0.3, 0.6
    real = Source("real", n_samples=280, spectrum=Spectrum.isotropic(100), teacher=RandomTeacher())
    synthetic = Source("synthetic", n_samples=120, shift=Shift(quality=c2, shape="isotropic"))
    zeta = (p2**2 + p1 * p2 * phi / (1 - phi)) * c2
    assert solve(Mixture([real, synthetic], ridge=0)).collapse == pytest.approx(zeta, rel=1e-12)


@pytest.mark.parametrize("n", [(120, 60, 40), (20, 10, 5)])
def test_infinite_width_is_the_linear_model(n):
    ridge, width, d = 1e-2, 10**9, 50
    linear, wide = risks(mixed(ridge=ridge, n=n)), risks(mixed(ridge=ridge * width / d, width=width, n=n))
    np.testing.assert_allclose(wide, linear, rtol=1e-6, atol=1e-8)


def test_identity_network_is_a_random_projection():
    network, projection = mixed(width=40, activation="identity"), mixed(width=40)
    np.testing.assert_allclose(risks(network), risks(projection), rtol=1e-12)


def test_source_without_samples_or_weight_changes_nothing():
    empty = risks(mixed(n=(120, 60, 0)))
    weightless = mixed(weights=(1.0, 2.0, 0.0))
    alone = replace(mixed(), sources=mixed().sources[:2])
    np.testing.assert_allclose(empty[:7], risks(alone), rtol=1e-10)
    renormalised = replace(alone, ridge=alone.ridge * 220 / 180)  # samples without weight count in N
    np.testing.assert_allclose(risks(weightless)[:7], risks(renormalised), rtol=1e-10)


def test_batch_equals_points_one_by_one():
    arrays = translate(mixed(width=40))
    share = np.array([[1.0, 0.0, 0.0], [0.5, 0.3, 0.2], [0.0, 0.4, 0.6]])
    width, ridge = np.array([10.0, 60.0, 300.0, 220.0]), np.array([0.0, 1e-3])
    batch = replace(arrays.sampling, share=share[:, None, None], width=width, ridge=ridge[:, None])
    whole = mixture_risk(batch, covariances=arrays.covariances, teachers=arrays.teachers, target=2)
    assert whole.excess_risk.shape == (3, 2, 4, 3)
    for i, j, k in np.ndindex(3, 2, 4):
        point = replace(arrays.sampling, share=share[i], width=width[k], ridge=ridge[j])
        one = mixture_risk(point, covariances=arrays.covariances, teachers=arrays.teachers, target=2)
        for name in ("excess_risk", "training_error", "effective_ridge", "threshold", *PARTS):
            np.testing.assert_allclose(
                getattr(whole, name)[i, j, k], getattr(one, name), rtol=1e-11, atol=1e-15, err_msg=name
            )


def test_batch_of_spectra_equals_points_one_by_one():
    arrays = translate(mixed(ridge=0.0))
    factors = np.array([0.5, 1.0, 4.0])
    spectra = replace(arrays.covariances, eigenvalues=arrays.covariances.eigenvalues * factors[:, None, None])
    whole = mixture_risk(arrays.sampling, covariances=spectra, teachers=arrays.teachers)
    for i, factor in enumerate(factors):
        one = mixture_risk(
            arrays.sampling, covariances=arrays.covariances.scaled(np.full(2, factor)), teachers=arrays.teachers
        )
        np.testing.assert_allclose(whole.excess_risk[i], one.excess_risk, rtol=1e-11)
