"""Are marginal values, extreme errors, floors and optima what they claim to be?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from modelcollapse import FixedTeacher, Mixture, RandomTeacher, Shift, Source, Spectrum, solve
from modelcollapse.errors import InputError
from modelcollapse.streams import stream
from modelcollapse.theory.engine import (
    exchange_rates,
    extreme_shifts,
    infinite_data_floor,
    marginal_values,
    with_best_width,
    with_optimal_fit,
    with_optimal_ridge,
    with_optimal_weights,
)

D = 40


def problem(*, n=(100, 60), quality=0.3, ridge=1e-2, rotate=False, **model):
    other = np.where(np.arange(D) < 10, 1.0, 0.2)
    rotation, _ = np.linalg.qr(stream(0, "rotation").standard_normal((D, D)))
    spectrum = Spectrum.full(rotation * other @ rotation.T) if rotate else Spectrum.explicit(other)
    real = Source(
        "real", n_samples=n[0], noise_var=0.4, spectrum=Spectrum.power_law(D, exponent=0.7), teacher=RandomTeacher(2.0)
    )
    synthetic = Source(
        "synthetic",
        n_samples=n[1],
        noise_var=0.1,
        weight=1.5,
        spectrum=spectrum,
        shift=Shift(quality=quality, shape="isotropic"),
    )
    return Mixture([real, synthetic], ridge=ridge, **model)


def with_samples(mixture, index, change):
    sources = list(mixture.sources)
    sources[index] = replace(sources[index], n_samples=sources[index].n_samples + change)
    return replace(mixture, sources=sources)


MODELS = [{}, {"ridge": 0.0}, {"width": 30}, {"width": 200, "ridge": 0.0}, {"width": 60, "activation": "relu"}]


@pytest.mark.parametrize("model", [*MODELS, {"rotate": True}], ids=str)
def test_marginal_value_is_the_slope_between_neighbouring_problems(model):
    here = problem(n=(1000, 600), **model)
    values = marginal_values(here)
    for k, name in enumerate(values):
        secant = (solve(with_samples(here, k, 1)).excess_risk - solve(with_samples(here, k, -1)).excess_risk) / 2
        assert values[name] == pytest.approx(secant, rel=1e-4)
        assert values[name] != pytest.approx(1.01 * secant, rel=1e-3)


def test_marginal_values_equal_the_derivatives_of_the_closed_form():
    """Isotropic, no ridge: σ² d/(N − d) + c² (p_2² + p_1 p_2 d/(N − d)), differentiated by a complex step."""

    def risk(n1, n2, cross=1.0):
        n = n1 + n2
        return 0.5 * 50 / (n - 50) + 0.2 * ((n2 / n) ** 2 + cross * n1 * n2 / n**2 * 50 / (n - 50))

    step = 1e-30j
    real = Source("real", n_samples=120, noise_var=0.5, spectrum=Spectrum.isotropic(50), teacher=RandomTeacher())
    synthetic = Source("synthetic", n_samples=80, noise_var=0.5, shift=Shift(quality=0.2, shape="isotropic"))
    values = list(marginal_values(Mixture([real, synthetic], ridge=0)).values())
    expected = [risk(120 + step, 80).imag / 1e-30, risk(120, 80 + step).imag / 1e-30]
    wrong = [risk(120 + step, 80, cross=0.0).imag / 1e-30, risk(120, 80 + step, cross=0.0).imag / 1e-30]
    np.testing.assert_allclose(values, expected, rtol=1e-8)
    assert np.abs(np.divide(wrong, expected) - 1).min() > 1e-3


def test_marginal_value_of_a_source_without_samples_is_the_slope_of_its_first_ones():
    here = problem(n=(1000, 0))
    risk = [solve(with_samples(here, 1, count)).excess_risk for count in range(3)]
    slope = (-3 * risk[0] + 4 * risk[1] - risk[2]) / 2
    assert marginal_values(here)["synthetic"] == pytest.approx(slope, rel=1e-2)


def test_exchange_rate_is_one_for_the_first_and_for_a_copy_and_negative_for_bad_data():
    copy = problem(n=(300, 100))
    copy = replace(copy, sources=[copy.sources[0], replace(copy.sources[0], name="copy", teacher=None)])
    assert exchange_rates(copy)["copy"] == pytest.approx(1.0, rel=1e-9)
    assert exchange_rates(problem(n=(1000, 600), quality=5.0))["synthetic"] < 0


def test_exchange_rate_is_unknown_where_more_of_the_first_source_do_not_help():
    """Below the interpolation threshold more samples of either source hurt: a plain ratio would promise a gain."""
    spectrum, teacher = Spectrum.isotropic(D), RandomTeacher()
    real = Source("real", n_samples=20, noise_var=0.5, spectrum=spectrum, teacher=teacher)
    synthetic = Source("synthetic", n_samples=15, noise_var=0.5, shift=Shift(quality=0.1, shape="isotropic"))
    here = Mixture([real, synthetic], ridge=0)
    assert min(marginal_values(here).values()) > 0
    assert np.isnan(list(exchange_rates(here).values())).all()


def shifted(mixture, vector):
    sources = [mixture.sources[0], replace(mixture.sources[1], shift=Shift(vector=vector))]
    return solve(replace(mixture, sources=sources)).collapse


@pytest.mark.parametrize("model", [*MODELS, {"rotate": True}, {"rotate": True, "width": 30}], ids=str)
def test_no_shift_of_the_same_quality_beats_the_extremes(model):
    here = problem(**model)
    extremes = extreme_shifts(here, source="synthetic")
    s = here.spectra[0].eigenvalues
    for direction, value in (
        (extremes.worst_direction, extremes.worst),
        (extremes.mildest_direction, extremes.mildest),
    ):
        assert direction @ (s * direction) == pytest.approx(1.0, rel=1e-9)
        assert shifted(here, direction) == pytest.approx(value, rel=1e-8)
    for vector in stream(1, "shifts").standard_normal((20, D)):
        inside = shifted(here, vector / np.sqrt(vector @ (s * vector)))
        assert extremes.mildest <= inside <= extremes.worst
    assert extremes.worst > 1.1 * extremes.mildest


def test_extreme_shifts_need_another_source_and_a_target_that_sees_everything():
    with pytest.raises(InputError, match="must differ from the target"):
        extreme_shifts(problem(), source="real")
    with pytest.raises(InputError, match="one of real, synthetic"):
        extreme_shifts(problem(), source="synthetik")
    blind = problem()
    half = Spectrum.explicit(np.where(np.arange(D) < 20, 1.0, 0.0))
    blind = replace(blind, sources=[replace(blind.sources[0], spectrum=half), blind.sources[1]])
    with pytest.raises(InputError, match="must not be singular"):
        extreme_shifts(blind, source="synthetic")


@pytest.mark.parametrize(
    "model",
    [
        *MODELS,
        {"width": 30, "ridge": 0.0},
        {"width": 40, "ridge": 0.0},
        {"width": 60, "ridge": 0.0, "activation": "tanh"},
        {"rotate": True, "width": 30},
        {"rotate": True, "ridge": 0.0},
    ],
    ids=str,
)
def test_floor_is_the_risk_of_very_many_samples(model):
    here = problem(**model)
    floor = infinite_data_floor(here)
    for count, tolerance in ((10**6, 1e-2), (10**13, 1e-9)):
        many = problem(n=(100 * count, 60 * count), **model)
        for name, value in floor.items():
            assert solve(replace(many, target=name)).excess_risk == pytest.approx(value, rel=tolerance)
    assert floor["real"] != pytest.approx(solve(here).excess_risk, rel=1e-2)


def test_floor_of_the_simplest_case_is_the_squared_share_times_quality():
    real = Source("real", n_samples=70, noise_var=1.0, spectrum=Spectrum.isotropic(20), teacher=RandomTeacher())
    synthetic = Source("synthetic", n_samples=30, noise_var=1.0, shift=Shift(quality=0.5, shape="isotropic"))
    assert infinite_data_floor(Mixture([real, synthetic], ridge=0))["real"] == pytest.approx(0.09 * 0.5, rel=1e-12)


def test_optimal_ridge_of_clean_data_is_the_bayesian_one():
    """With w ~ N(0, τ I) ridge regression at λ = σ²/(n τ) is the posterior mean, whatever the covariance."""
    real = Source(
        "real", n_samples=90, noise_var=0.3, spectrum=Spectrum.power_law(50, exponent=1.0), teacher=RandomTeacher(2.0)
    )
    best = with_optimal_ridge(Mixture([real], ridge=0))
    assert best.ridge == pytest.approx(0.3 / (90 * 2.0 / 50), rel=1e-3)


@pytest.mark.parametrize("model", [{}, {"width": 30}, {"width": 300, "activation": "relu"}, {"rotate": True}], ids=str)
def test_optima_beat_a_grid(model):
    here = problem(**model)
    weights, ridges = np.geomspace(1e-3, 1e3, 13), np.geomspace(1e-6, 1e2, 13)

    def risk(weight, ridge):
        """Weights are relative: as in the optima they are normalised to a mean of 1 over the samples."""
        raw = np.array([1.0, weight])
        raw /= raw @ [100 / 160, 60 / 160]
        sources = [replace(s, weight=w) for s, w in zip(here.sources, raw, strict=True)]
        return solve(replace(here, sources=sources, ridge=ridge)).excess_risk

    by_weight = [risk(weight, here.ridge) for weight in weights]
    by_ridge = [risk(1.5, ridge) for ridge in ridges]
    by_both = [risk(weight, ridge) for weight in weights[3:10] for ridge in ridges[3:10]]
    slack = 1 + 1e-9
    assert solve(with_optimal_weights(here)).excess_risk <= min(by_weight) * slack
    assert solve(with_optimal_ridge(here)).excess_risk <= min(by_ridge) * slack
    both = solve(with_optimal_fit(here)).excess_risk
    assert both <= min(by_both) * slack
    assert both <= solve(with_optimal_weights(here)).excess_risk * slack


def test_useless_source_gets_no_weight_and_a_lone_source_keeps_its_own():
    best = with_optimal_weights(problem(n=(4000, 60), quality=1e6, ridge=1e-3))
    assert best.sources[1].weight == 0
    alone = replace(problem(), sources=problem().sources[:1])
    assert with_optimal_weights(alone).sources[0].weight == pytest.approx(1.0)


@pytest.mark.parametrize("ridge", [0.0, 1e-6, 1e-1])
def test_best_width_beats_every_other_width(ridge):
    """Double descent: with a small ridge the valleys on both sides of the threshold have to be searched."""
    here = problem(n=(20, 10), ridge=ridge, width=1)
    best = with_best_width(here, max_width=200)
    every = [solve(replace(here, width=width)).excess_risk for width in range(1, 201)]
    assert solve(best).excess_risk == min(every)
    assert best.width == 1 + int(np.argmin(every))


def test_best_width_needs_a_width():
    with pytest.raises(InputError, match="`width`"):
        with_best_width(problem(), max_width=10)


def test_decisions_follow_the_target():
    here = problem(n=(1000, 600))
    other = replace(here, target="synthetic")
    assert marginal_values(other)["synthetic"] < 0 < marginal_values(other)["real"]
    assert marginal_values(here)["real"] < 0


def test_fixed_teachers_are_decided_on_too():
    real = Source(
        "real", n_samples=100, noise_var=0.2, spectrum=Spectrum.isotropic(D), teacher=FixedTeacher(np.ones(D))
    )
    close = Source("close", n_samples=100, noise_var=0.2, shift=Shift(vector=np.full(D, 0.01)))
    far = Source("far", n_samples=100, noise_var=0.2, shift=Shift(vector=np.full(D, 1.0)))
    rates = exchange_rates(Mixture([real, close, far], ridge=1e-2))
    assert rates["close"] > rates["far"]
    weights = [source.weight for source in with_optimal_weights(Mixture([real, close, far], ridge=1e-2)).sources]
    assert weights[1] > 10 * weights[2]
