"""Does the simulation answer problems, share what sweeps can share, and say how it went?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from modelcollapse import (
    InputError,
    Mixture,
    NumericalError,
    RandomTeacher,
    Source,
    Spectrum,
    simulate,
    simulate_sweep,
    solve,
)
from modelcollapse.result import PARTS, Status
from modelcollapse.simulation import engine, mixture, sampler, scene
from simulation_examples import KINDS, small


def one_source(n_samples, *, ridge=0.0, d=10, width=None):
    source = Source("real", n_samples=n_samples, noise_var=0.5, spectrum=Spectrum.isotropic(d), teacher=RandomTeacher())
    return Mixture([source], ridge=ridge, width=width)


@pytest.mark.parametrize("n_samples", [14, 40, 10**6, 10**12])
def test_isotropic_ridgeless_risk_is_the_exact_one_of_finite_size(n_samples):
    result = simulate(one_source(n_samples), n_replicates=2000)
    exact = 0.5 * 10 / (n_samples - 10 - 1)
    assert abs(result.excess_risk - exact) < 5 * result.stderr["excess_risk"]
    assert abs(result.training_error["real"] - 0.5 * (1 - 10 / n_samples)) < 1e-12
    limit = solve(one_source(n_samples)).excess_risk
    if n_samples < 100:  # the twin: theory's limit is another number at this size
        assert abs(result.excess_risk - limit) > 5 * result.stderr["excess_risk"]


@pytest.mark.parametrize("n_samples", [3, 6])
def test_overparametrised_ridgeless_risk_is_the_exact_one_of_finite_size(n_samples):
    result = simulate(one_source(n_samples), n_replicates=2000)
    exact = (1 - n_samples / 10) * 1 + 0.5 * n_samples / (10 - n_samples - 1)  # E tr of projections and of W⁻¹
    assert abs(result.excess_risk - exact) < 5 * result.stderr["excess_risk"]
    assert result.bias == pytest.approx((1 - n_samples / 10) ** 2, abs=5 * result.stderr["bias"])


@pytest.mark.parametrize("name", KINDS)
def test_parts_add_up_and_errors_have_the_keys_of_values(name):
    result = simulate(KINDS[name], n_replicates=40)
    assert sum(getattr(result, part) for part in PARTS) == pytest.approx(result.excess_risk, rel=1e-10)
    content = result.to_dict()
    assert set(content["stderr"]) == {"excess_risk", "test_error", *PARTS, "effective_ridge", "training_error"}
    assert (result.engine, result.n_replicates, result.seed) == ("simulation", 40, 0)


@pytest.mark.parametrize("name", ["random teachers", "narrow", "few samples, rotated, no ridge"])
def test_same_seed_gives_the_same_bits_on_any_number_of_cores(name, monkeypatch):
    together = simulate(KINDS[name], seed=3)
    monkeypatch.setattr(scene, "n_cores", lambda: 1)
    assert simulate(KINDS[name], seed=3) == together
    assert simulate(KINDS[name], seed=4) != together


def test_standard_errors_are_those_of_other_seeds():
    results = [simulate(small(), n_replicates=40, seed=seed) for seed in range(150)]
    for name in ("excess_risk", "bias", "variance", "collapse"):
        scatter = np.std([getattr(result, name) for result in results], ddof=1)
        stated = np.sqrt(np.mean([result.stderr[name] ** 2 for result in results]))
        assert stated == pytest.approx(scatter, rel=5 / np.sqrt(2 * 150))


def test_default_stops_at_half_a_percent():
    result = simulate(small())
    assert result.status is Status.OK
    assert result.stderr["excess_risk"] <= 0.005 * result.excess_risk
    assert simulate(small(), relative_stderr=0.5).n_replicates == 2 * sampler.MIN_UNITS


def test_goal_out_of_reach_is_said(monkeypatch):
    monkeypatch.setattr(engine, "MAX_REPLICATES", 50)
    assert simulate(small(), relative_stderr=1e-6).status is Status.NOT_CONVERGED
    assert simulate(small(), relative_stderr=1e-6, n_replicates=44).n_replicates == 44


WIDE = small(width=14)
SHARING = [
    small(),
    small(noise=(1.0, 0.0)),
    small(weight=(2.0, 1.0), ridge=0.2),
    small(ridge=0.3),
    small(weight=(1.0, 1.0)),
    replace(small(), sources=[replace(s, shift=None, teacher=RandomTeacher(2.0)) for s in small().sources]),
    small(fixed=True),
    small(n=(13, 9)),
    replace(small(), target="synthetic"),
    small(width=5),
    WIDE,
    replace(WIDE, activation="relu"),
    replace(WIDE, activation="tanh"),
    small(rotate=True),
]


def test_sweep_gives_each_problem_what_it_gets_alone():
    together = simulate_sweep(SHARING, n_replicates=40, seed=2)
    for problem, result in zip(SHARING, together, strict=True):
        alone = simulate(problem, n_replicates=40, seed=2)
        for name in ("excess_risk", *PARTS, "effective_ridge"):
            assert getattr(result, name) == pytest.approx(getattr(alone, name), rel=1e-9, abs=1e-12)
            assert result.stderr[name] == pytest.approx(alone.stderr[name], rel=1e-6, abs=1e-12)
        assert result.training_error == pytest.approx(alone.training_error, rel=1e-9)


def test_sweep_shares_draws_fits_and_components(monkeypatch):
    draws = []
    draw = mixture.draw_unit

    def counting(backend, randomness, design, fits):
        draws.append((len(fits), len(design.components)))
        return draw(backend, randomness, design, fits)

    monkeypatch.setattr(mixture, "draw_unit", counting)
    monkeypatch.setattr(scene, "n_cores", lambda: 1)
    simulate_sweep(SHARING[:3], n_replicates=4)  # noise, and a common factor of weights and ridge: one fit
    assert draws == [(1, 2)] * 2
    draws.clear()
    simulate_sweep(SHARING[:7], n_replicates=4)
    assert draws == [(3, 5)] * 2  # components: shared, shift, one for each source, and the known vectors
    draws.clear()
    simulate_sweep(SHARING[6:8], n_replicates=4)  # other counts: other inputs
    assert len(draws) == 4


def test_qualities_share_a_component():
    problems = [
        replace(small(), sources=[small().sources[0], replace(small().sources[1], shift=replace(SHIFT, quality=q))])
        for q in (0.1, 0.7, 3.0)
    ]
    assert len(engine.translate(problems).design.components) == 2
    collapses = [result.collapse for result in simulate_sweep(problems, n_replicates=40)]
    assert collapses[1] / collapses[0] == pytest.approx(7, rel=1e-9)
    assert collapses[2] / collapses[0] == pytest.approx(30, rel=1e-9)


SHIFT = small().sources[1].shift


@pytest.mark.parametrize(("n_samples", "width"), [(10, None), (9, None), (11, None), (6, 6), (7, 6)])
def test_threshold_has_infinite_risk(n_samples, width):
    result = simulate(one_source(n_samples, width=width), n_replicates=20)
    assert result.status is Status.INTERPOLATION_THRESHOLD
    assert (result.excess_risk, result.test_error, result.variance) == (np.inf, np.inf, np.inf)
    assert result.to_dict()["excess_risk"] is None


def test_threshold_is_that_of_the_rank_and_is_not_sampled_for_ever():
    source = replace(one_source(8, d=12).sources[0], spectrum=Spectrum.explicit([1.0] * 8 + [0.0] * 4))
    result = simulate(Mixture([source], ridge=0))
    assert (result.status, result.n_replicates) == (Status.INTERPOLATION_THRESHOLD, 2 * sampler.MIN_UNITS)
    with_others = simulate_sweep([Mixture([source], ridge=ridge) for ridge in (0.0, 0.1)], relative_stderr=0.01)
    assert with_others[0].status is Status.INTERPOLATION_THRESHOLD
    assert with_others[1].stderr["excess_risk"] <= 0.01 * with_others[1].excess_risk


@pytest.mark.parametrize(("n_samples", "warned"), [(7, True), (13, True), (14, False), (6, False)])
def test_heavy_tails_are_said(n_samples, warned):
    said = " ".join(simulate(one_source(n_samples), n_replicates=20).assumptions)
    assert ("no variance" in said) == warned


@pytest.mark.parametrize("name", ["few samples, no ridge", "few samples, rotated, no ridge"])
def test_interpolated_samples_have_no_training_error(name):
    result = simulate(KINDS[name], n_replicates=20)
    assert set(result.training_error.values()) == {0.0}
    unweighted = [KINDS[name].sources[0], replace(KINDS[name].sources[1], weight=0.0)]
    assert simulate(replace(KINDS[name], sources=unweighted), n_replicates=20).training_error["synthetic"] > 0.1


def test_source_without_samples_has_no_training_error():
    result = simulate(small(n=(12, 0)), n_replicates=20)
    assert np.isnan(result.training_error["synthetic"])
    assert result.to_dict()["training_error"]["synthetic"] is None
    assert np.isfinite(result.excess_risk)


def test_no_teacher_and_no_noise_has_no_risk():
    silent = Mixture([replace(one_source(20).sources[0], noise_var=0.0, teacher=RandomTeacher(0.0))], ridge=0.1)
    result = simulate(silent)
    assert (result.excess_risk, result.stderr["excess_risk"], result.status) == (0, 0, Status.OK)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_replicates": 3}, "`n_replicates` must be a whole number of at least 4; got 3"),
        ({"n_replicates": 4.5}, "`n_replicates` must be a whole number"),
        ({"relative_stderr": 0}, "`relative_stderr` must be a number in"),
        ({"relative_stderr": float("nan")}, "`relative_stderr` must be a number in"),
        ({"relative_stderr": 1.5}, "`relative_stderr` must be a number in"),
        ({"seed": -1}, "`seed` must be a whole number"),
        ({"device": "gpu"}, "`device` must be one of numpy, cpu, cuda"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        simulate(small(), **arguments)


def test_more_features_than_memory_are_refused():
    with pytest.raises(InputError, match=r"`n_features` must be a whole number in \[1, 16384\]; got 200000.* 298 GiB"):
        simulate(one_source(5, d=200_000))


def test_sweep_of_nothing_is_nothing():
    assert simulate_sweep([]) == []


@pytest.mark.parametrize("name", ["fixed teachers", "random teachers, rotated", "wide"])
def test_plain_mode_agrees_with_the_integrated_one_and_not_with_other_noise(name):
    plain, integrated = simulate(KINDS[name], plain=True, n_replicates=1000), simulate(KINDS[name], n_replicates=1000)
    noisier = replace(KINDS[name], sources=[replace(s, noise_var=3 * s.noise_var) for s in KINDS[name].sources])
    other = simulate(noisier, n_replicates=1000)

    def distance(one, two, key):
        return abs(getattr(one, key) - getattr(two, key)) / np.hypot(one.stderr[key], two.stderr[key])

    for key in ("excess_risk", "bias", "collapse"):
        assert distance(plain, integrated, key) < 5
    assert distance(plain, other, "excess_risk") > 5
    for source, value in integrated.training_error.items():
        stderr = np.hypot(plain.stderr["training_error"][source], integrated.stderr["training_error"][source])
        assert abs(plain.training_error[source] - value) < 5 * stderr
    if KINDS[name].width is not None:
        assert np.isnan(plain.projection_variance)
        assert plain.effective_ridge == pytest.approx(integrated.effective_ridge, rel=0.1)


def test_plain_mode_is_for_numpy_and_takes_sweeps_one_by_one():
    with pytest.raises(InputError, match="numpy when everything is drawn plainly"):
        simulate(small(), plain=True, device="cpu", n_replicates=4)
    alone = simulate(small(), plain=True, n_replicates=10)
    assert simulate_sweep([small(), small(ridge=1.0)], plain=True, n_replicates=10)[0] == alone
    assert "everything drawn" in " ".join(alone.assumptions)
    assert alone.n_replicates == 10


def test_identity_activation_is_a_random_projection():
    assert simulate(replace(small(width=5), activation="identity"), n_replicates=8) == simulate(
        small(width=5), n_replicates=8
    )


def test_networks_with_a_ridge_near_rounding_are_answered():
    problem = replace(small(width=40), activation="relu", ridge=1e-25)
    without = simulate(replace(problem, ridge=0.0), n_replicates=8)
    assert simulate(problem, n_replicates=8).excess_risk == pytest.approx(without.excess_risk, rel=1e-6)


STEEP = [
    (60, 0.0, 8), (60, 1e-25, 8), (60, 1e-14, 8), (400, 0.0, 8), (400, 1e-16, 8), (60, 0.0, 12), (400, 0.0, 12)
]  # fmt: skip


@pytest.mark.parametrize(("n_samples", "ridge", "exponent"), STEEP)
def test_steep_spectra_are_fitted_to_all_digits(n_samples, ridge, exponent):
    spectrum = Spectrum.power_law(100, exponent=exponent)
    source = Source("real", n_samples=n_samples, noise_var=0.5, spectrum=spectrum, teacher=RandomTeacher())
    problem = Mixture([source], ridge=ridge)
    result, theory = simulate(problem, n_replicates=40), solve(problem)
    assert result.excess_risk == pytest.approx(theory.excess_risk, rel=0.1)
    assert result.training_error["real"] == pytest.approx(theory.training_error["real"], rel=0.1, abs=1e-9)


def test_networks_of_dependent_features_are_fitted_on_their_range():
    few = replace(small(width=100, n=(80, 0)), activation=lambda x: x + x**2, ridge=0.0)
    result, plain = simulate(few, n_replicates=40), simulate(few, n_replicates=400, plain=True)
    for one, two in ((result.excess_risk, plain.excess_risk),):
        assert one == pytest.approx(two, abs=5 * np.hypot(result.stderr["excess_risk"], plain.stderr["excess_risk"]))
    assert result.training_error["real"] == pytest.approx(plain.training_error["real"], rel=0.1)
    assert result.training_error["real"] > 0.1
    assert np.isfinite(simulate(replace(few, activation="tanh", width=6), n_replicates=8).excess_risk)


def test_source_of_no_variance_is_answered():
    flat = replace(small().sources[1], spectrum=Spectrum.explicit(np.zeros(8)))
    problem = replace(small(), sources=[small().sources[0], replace(flat, shift=None)])
    result = simulate(problem, n_replicates=200)
    assert result.excess_risk == pytest.approx(solve(problem).excess_risk, rel=0.2)
    assert result.training_error["synthetic"] == pytest.approx(0.1)


@pytest.mark.parametrize("ridge", [1e14, 1e50, 1e160, 1e300])
def test_huge_ridges_learn_nothing(ridge):
    result = simulate(small(ridge=ridge), n_replicates=8)
    null = simulate(small(ridge=1e11), n_replicates=8)
    assert result.excess_risk == pytest.approx(null.excess_risk, rel=1e-9)
    assert result.training_error == pytest.approx(null.training_error, rel=1e-9)


def interrupting(monkeypatch, *, after):
    """Interrupt the given draw, counted over all problems."""
    draw, calls = mixture.draw_unit, []

    def counted(*arguments):
        calls.append(1)
        if len(calls) > after:
            raise KeyboardInterrupt
        return draw(*arguments)

    monkeypatch.setattr(mixture, "draw_unit", counted)
    monkeypatch.setattr(scene, "n_cores", lambda: 1)


def test_interrupt_before_two_units_gives_an_unknown_result(monkeypatch):
    interrupting(monkeypatch, after=1)
    result = simulate(small(), n_replicates=100)
    assert (result.status, result.n_replicates) == (Status.INTERRUPTED, 2)
    assert np.isnan([result.excess_risk, result.stderr["excess_risk"], *result.training_error.values()]).all()
    assert result.to_dict()["excess_risk"] is None


def test_interrupted_sweep_keeps_what_is_done_and_stops(monkeypatch):
    problems = [small(n=(12, count)) for count in (9, 10, 11, 12)]
    whole = simulate_sweep(problems, n_replicates=20)
    interrupting(monkeypatch, after=15)
    results = simulate_sweep(problems, n_replicates=20)
    assert [result.status for result in results] == [Status.OK, *[Status.INTERRUPTED] * 3]
    assert [result.n_replicates for result in results] == [20, 10, 0, 0]
    assert results[0] == whole[0]
    assert np.isfinite(results[1].excess_risk)
    assert np.isnan(results[2].excess_risk)


def test_matrix_that_is_singular_to_rounding_is_said(monkeypatch):
    def singular(*arguments):
        raise np.linalg.LinAlgError("the matrix is not positive definite")

    monkeypatch.setattr(mixture, "draw_unit", singular)
    with pytest.raises(NumericalError, match="not positive definite to rounding; use a larger ridge"):
        simulate(small())


def test_standard_errors_that_single_replicates_decide_are_said():
    wild = one_source(14)  # a variance, but no fourth moment
    assert "single replicates" in " ".join(simulate(wild, n_replicates=2000).assumptions)
    assert "single replicates" not in " ".join(simulate(small(), n_replicates=2000).assumptions)


def test_effective_ridge_without_a_mean_is_said():
    full = simulate(small(width=8, ridge=0.0, n=(30, 20)), n_replicates=8)
    assert (full.effective_ridge, full.stderr["effective_ridge"]) == (0.0, 0.0)
    assert np.isnan(simulate(small(width=7, ridge=0.0, n=(30, 20)), n_replicates=8).effective_ridge)
    assert simulate(small(width=6, ridge=0.0, n=(30, 20)), n_replicates=8).effective_ridge > 0


@pytest.mark.parametrize(("n_samples", "capped"), [(13, True), (15, False)])
def test_standard_error_that_does_not_exist_is_not_waited_for(n_samples, capped):
    result = simulate(one_source(n_samples), relative_stderr=1e-9 if capped else 0.05)
    assert (result.status is Status.NOT_CONVERGED) == capped
    assert result.n_replicates <= scene.ENOUGH_WITHOUT_VARIANCE


def test_interrupt_on_a_threshold_is_an_interrupt(monkeypatch):
    interrupting(monkeypatch, after=3)
    result = simulate(one_source(10), n_replicates=100)
    assert (result.status, result.excess_risk) == (Status.INTERRUPTED, np.inf)


@pytest.mark.parametrize("ratio", [1e9, 1e12, 1e16])
@pytest.mark.parametrize(("n", "ridge", "width"), [((2, 20), 0.0, None), ((1, 3), 1e-6, None), ((3, 30), 0.0, 6)])
def test_weights_as_unlike_as_may_be_are_fitted_to_all_digits(ratio, n, ridge, width):
    problem = small(n=n, ridge=ridge, width=width, weight=(ratio, 1.0))
    result, plain = simulate(problem, n_replicates=200), simulate(problem, n_replicates=400, plain=True)
    stderr = np.hypot(result.stderr["excess_risk"], plain.stderr["excess_risk"])
    assert result.status is Status.OK
    assert abs(result.excess_risk - plain.excess_risk) < 5 * stderr
    assert stderr < 0.3 * result.excess_risk


def test_weights_lost_to_rounding_in_a_network_are_said():
    network = replace(small(weight=(1e9, 1.0), width=6), activation="relu")
    result = simulate(network, n_replicates=8)
    assert result.status is Status.NOT_CONVERGED
    assert "weights this unlike" in " ".join(result.assumptions)
    assert simulate(replace(network, sources=small().sources), n_replicates=8).status is Status.OK


def test_ridgeless_projection_of_a_steep_spectrum_is_answered():
    spectrum = Spectrum.power_law(40, exponent=10)
    source = Source("real", n_samples=100, noise_var=0.1, spectrum=spectrum, teacher=RandomTeacher())
    wide = simulate(Mixture([source], ridge=0, width=60), n_replicates=40)
    linear = simulate(Mixture([source], ridge=0), n_replicates=40)
    assert wide.excess_risk == pytest.approx(linear.excess_risk, rel=0.05)  # as many features as inputs: the same fit


@pytest.mark.parametrize("ridge", [1e-14, 1e-20, 1e-28])
def test_effective_ridge_is_positive_however_wild_the_trace(ridge):
    spectrum = Spectrum.explicit([1, 0.1, 0.01, 0.001, 0.0001])
    source = Source("a", n_samples=13, noise_var=1.0, spectrum=spectrum, teacher=RandomTeacher())
    result = simulate(Mixture([source], ridge=ridge, width=12, activation="relu"), n_replicates=24)
    assert result.effective_ridge > 0
    assert result.stderr["effective_ridge"] >= 0


@pytest.mark.parametrize("ridge", [1e-6, 1e-7, 1e-12])
def test_training_errors_of_interpolated_samples_are_not_negative(ridge):
    source = Source("a", n_samples=5, noise_var=1.0, spectrum=Spectrum.isotropic(20), teacher=RandomTeacher())
    result = simulate(Mixture([source], ridge=ridge, width=60, activation="relu"), n_replicates=8)
    assert 0 <= result.training_error["a"] < 1e-9


def test_common_factor_of_weights_and_ridge_multiplies_the_effective_ridge_only():
    one, twice = small(width=5), small(width=5, weight=(2.0, 1.0), ridge=0.2)
    left, right = simulate(one, n_replicates=8), simulate(twice, n_replicates=8)
    assert right.effective_ridge == pytest.approx(2 * left.effective_ridge, rel=1e-12)
    assert right.excess_risk == left.excess_risk


def test_sweep_does_not_wait_for_a_problem_without_variance():
    near = one_source(12)
    results = simulate_sweep([replace(near, ridge=0.1), near], relative_stderr=0.003)
    assert results[0].stderr["excess_risk"] <= 0.003 * results[0].excess_risk
    assert results[0].n_replicates == simulate(replace(near, ridge=0.1), relative_stderr=0.003).n_replicates
    alone = simulate(near, relative_stderr=1e-9)
    assert alone.n_replicates == scene.ENOUGH_WITHOUT_VARIANCE
