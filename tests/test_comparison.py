"""Is theory found right where it is, wrong where it is not, and left alone where nothing can be said?"""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from drawn_once import drawn_once
from modelcollapse import InputError, Mixture, RandomTeacher, Source, Spectrum, solve
from modelcollapse.decisions import comparison
from modelcollapse.decisions.comparison import compare
from modelcollapse.result import PARTS, Result, Status
from modelcollapse.simulation import engine as simulation
from modelcollapse.theory import engine as theory
from modelcollapse.theory import mixture as theory_mixture
from theory_examples import mixed

MODELS: list[dict[str, Any]] = [
    {"ridge": 1e-2, "d": 64},
    {"ridge": 0.0, "d": 64, "n": (150, 75, 50)},
    {"ridge": 0.0, "d": 64, "n": (25, 12, 6)},
    {"ridge": 1e-3, "d": 64, "width": 38},
    {"ridge": 1e-3, "width": 50, "activation": "relu", "d": 64, "n": (80, 40, 20)},
    {"ridge": 1e-3, "d": 6, "n": (4, 3, 2)},
]


def tiny(**changes: object) -> Mixture:
    """Return a problem at whose size theory is off by some percent."""
    real = Source("real", n_samples=20, noise_var=0.5, spectrum=Spectrum.isotropic(8), teacher=RandomTeacher())
    return replace(Mixture([real], ridge=0.05), **changes)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_compare_agrees_with_theory(model: dict[str, Any]) -> None:
    found = compare(mixed(**model), n_replicates=100)
    assert found.agree, found.verdict
    assert found.verdict.startswith("Theory and simulation agree")
    assert set(found.quantities) >= {*PARTS, "excess_risk", "test_error", "effective_ridge", "training_error of labels"}
    assert all(quantity.agree for quantity in found.quantities.values())


@pytest.mark.parametrize("model", [{"ridge": 1e-2, "d": 64}, {"ridge": 1e-3, "d": 64, "width": 38}], ids=str)
def test_compare_disagrees_with_wrong_amplification(model: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    right = theory_mixture.amplification
    monkeypatch.setattr(theory_mixture, "amplification", lambda *given: 1.1 * right(*given))
    found = compare(mixed(**model), n_replicates=200)
    assert found.agree is False
    assert found.verdict.startswith("Theory and simulation disagree")
    assert "variance (by " in found.verdict
    assert not found.quantities["variance"].agree
    assert found.quantities["bias"].agree  # which the amplification does not reach


def test_compare_disagrees_with_theory_of_other_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = mixed(d=64)
    noisier = replace(problem.sources[0], noise_var=1.03 * problem.sources[0].noise_var)
    answer = solve(replace(problem, sources=[noisier, *problem.sources[1:]]))
    monkeypatch.setattr(theory, "solve", lambda _: answer)
    found = compare(problem, n_replicates=200)
    assert found.agree is False
    assert "test_error" in found.verdict


def test_compare_disagrees_with_a_wrong_exact_number(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = replace(solve(tiny()), effective_ridge=0.05 * (1 + 1e-8))
    monkeypatch.setattr(theory, "solve", lambda _: wrong)
    found = compare(tiny(), n_replicates=40)
    assert found.agree is False
    assert "effective_ridge (an exact number)" in found.verdict
    assert found.to_dict()["quantities"]["effective_ridge"]["deviation_in_stderr"] is None


def test_compare_forgives_rounding_of_an_exact_number(monkeypatch: pytest.MonkeyPatch) -> None:
    rounded = replace(solve(tiny()), effective_ridge=0.05 * (1 + 1e-10))
    monkeypatch.setattr(theory, "solve", lambda _: rounded)
    assert compare(tiny(), n_replicates=40).agree


def test_compare_needs_the_extrapolation() -> None:
    found = compare(tiny(), n_replicates=800)
    risk = found.quantities["excess_risk"]
    assert list(found.simulations) == [1, 8, 16]
    assert abs(risk.difference_in_stderr) > 5  # at its own size theory is off, and the simulation sees it
    assert found.agree
    assert risk.finite_size_gap == pytest.approx((risk.simulation - risk.theory) / risk.theory)


def large(**changes: object) -> Mixture:
    """Return a problem that is judged at its own size and at twice it."""
    real = Source("real", n_samples=300, noise_var=0.5, spectrum=Spectrum.isotropic(128), teacher=RandomTeacher())
    return replace(Mixture([real], ridge=0.1), **changes)


def planted(offset: float, *, first: float = 0.0, second: float = 0.0, stderr: float = 1e-4) -> Any:
    """Return a simulation that has theory's numbers with errors of first and second order in 1/size and an offset."""

    def solve_exactly(problem: Mixture, **_: object) -> Result:
        size = problem.n_features / 128
        result = solve(problem)
        value = result.excess_risk * (1 + first / size + second / size**2 + offset)
        error = {**result.stderr, "excess_risk": stderr * value}
        return replace(result, excess_risk=value, stderr=error, engine="simulation", seed=0, n_replicates=100_000)

    return solve_exactly


@pytest.mark.parametrize(
    ("offset", "first", "second", "agree"),
    [
        (0.0, 0.0, 0.0, True),
        (0.0, 0.1, 0.0, True),  # what is of first order cancels
        (0.0, 0.1, 0.01, True),  # of second order, as large as the square of the first: in the remainder
        (0.02, 0.1, 0.0, False),
        (-0.02, 0.1, 0.0, False),
        (0.002, 0.0, 0.0, False),
        (0.0, 0.01, 0.01, False),  # of second order, larger than its share
    ],
)
def test_compare_sees_through_errors_of_size(
    offset: float, first: float, second: float, agree: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulation, "solve", planted(offset, first=first, second=second))
    found = compare(large())
    assert found.agree is agree
    risk = found.quantities["excess_risk"]
    assert risk.finite_size_gap == pytest.approx(first + second + offset, abs=1e-12)
    assert risk.extrapolated / risk.theory - 1 == pytest.approx(offset - second / 2, abs=1e-12)


@pytest.mark.parametrize("first_has_few", [True, False])
@pytest.mark.parametrize("n_units", [2, 10, 50, 500])
def test_compare_widens_standard_errors_by_the_fewest_replicates(
    n_units: int, first_has_few: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def solve_with(problem: Mixture, **_: object) -> Result:
        few_at_first = problem.n_features == large().n_features
        return replace(planted(0.0)(problem), n_replicates=2 * n_units if few_at_first == first_has_few else 100_000)

    monkeypatch.setattr(simulation, "solve", solve_with)
    risk = compare(large()).quantities["excess_risk"]
    widening = risk.extrapolated_stderr / (np.sqrt(5) * 1e-4 * risk.theory)
    assert stats.t.sf(5 * widening, df=n_units - 1) == pytest.approx(stats.norm.sf(5), rel=1e-6)
    assert widening > 1


def test_compare_does_not_widen_by_the_few_replicates_of_a_look() -> None:
    found = compare(flat(8, 9, ridge=0.0), n_replicates=200)
    assert [result.n_replicates for result in found.simulations.values()] == [40, 200, 200]
    single, twice = (found.simulations[size].stderr["excess_risk"] for size in (8, 16))
    widening = found.quantities["excess_risk"].extrapolated_stderr / np.hypot(2 * twice, single)
    assert stats.t.sf(5 * widening, df=100 - 1) == pytest.approx(stats.norm.sf(5), rel=1e-6)


def test_compare_takes_exact_zeros_for_agreement() -> None:
    found = compare(large(ridge=0.0), n_replicates=100)
    assert found.agree
    for name in ("bias", "collapse", "projection_variance"):
        assert found.quantities[name].theory == 0
        assert found.quantities[name].deviation_in_stderr == 0


def test_compare_leaves_out_what_the_simulation_cannot_give() -> None:
    found = compare(mixed(d=64, n=(120, 60, 0)), n_replicates=100)
    unseen = found.quantities["training_error of inputs"]
    assert math.isnan(unseen.simulation)
    assert unseen.agree is None
    assert found.agree


@pytest.mark.parametrize(
    "spectrum", [Spectrum.isotropic(8), Spectrum.explicit([1.0] * 8 + [0.0] * 4)], ids=["full rank", "singular"]
)
def test_compare_cannot_judge_the_interpolation_threshold_and_does_not_try_for_long(spectrum: Spectrum) -> None:
    real = replace(tiny().sources[0], n_samples=8, spectrum=spectrum)
    found = compare(tiny(ridge=0.0, sources=[real]))
    assert found.agree is None
    assert "interpolation threshold" in found.verdict
    assert {size: result.n_replicates for size, result in found.simulations.items()} == {1: 40}
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("n_features", "n_samples", "sizes"),
    [
        (8, 9, [1, 8, 16]),  # no mean at its own size
        (8, 10, [1, 8, 16]),  # a mean, no variance
        (8, 7, [1, 8, 16]),
        (16, 17, [1, 4, 8]),  # at twice the size no variance either
        (16, 19, [1, 2, 4]),
        (16, 20, [1, 2]),
    ],
)
def test_compare_judges_sizes_with_a_variance_near_interpolation(
    n_features: int, n_samples: int, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    if n_features == 16:
        monkeypatch.setattr(comparison, "LARGE", 16)  # only interpolation asks for larger sizes
    problem = flat(n_features, n_samples, ridge=0.0)
    found = compare(problem, n_replicates=400)
    assert found.agree, found.verdict
    assert list(found.simulations) == sizes
    has_mean = abs(n_samples - n_features) > 1
    assert ("the excess risk has no finite mean" in found.verdict) != has_mean
    assert ("own size the simulated excess risk is" in found.verdict) == has_mean
    settled = sizes[1:] if len(sizes) > 2 else sizes
    assert {size for size, result in found.simulations.items() if result.n_replicates == 400} == {*settled}
    json.dumps(found.to_dict(), allow_nan=False)


def test_compare_near_interpolation_still_disagrees_with_wrong_theory(monkeypatch: pytest.MonkeyPatch) -> None:
    right = theory_mixture.amplification
    monkeypatch.setattr(theory_mixture, "amplification", lambda *given: 3 * right(*given))
    assert compare(flat(8, 10, ridge=0.0), n_replicates=400).agree is False


@pytest.mark.parametrize("stopped_at", [1, 8, 16])
def test_compare_cannot_judge_what_was_interrupted(stopped_at: int) -> None:
    def stop(size: int, reading: Any) -> None:
        if size == stopped_at and reading.n_replicates >= 8:
            raise KeyboardInterrupt

    found = compare(tiny(), n_replicates=40, report=stop)
    assert found.interrupted
    assert found.agree is None
    assert "interrupted" in found.verdict
    assert list(found.simulations)[-1] == stopped_at
    assert found.simulations[stopped_at].status is Status.INTERRUPTED
    shown = found.to_dict()["quantities"]["excess_risk"]
    assert (shown["extrapolated"] is None) == (stopped_at < 16)
    assert (shown["agree"] is None) == (stopped_at < 16)


def test_compare_draws_each_size_from_its_own_seed_and_repeats_itself() -> None:
    found, again = (compare(tiny(), n_replicates=20, seed=3) for _ in range(2))
    assert [result.seed for result in found.simulations.values()] == [3, 4, 5]
    assert found == again
    assert found != compare(tiny(), n_replicates=20)


def test_compare_reports_each_size() -> None:
    seen: list[tuple[int, int]] = []
    compare(tiny(), n_replicates=20, report=lambda size, reading: seen.append((size, reading.n_replicates)))
    assert {size for size, _ in seen} == {1, 8, 16}
    assert max(count for _, count in seen) == 20


def test_compare_asks_for_its_own_precision_only_when_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, object, object]] = []

    def note(problem: Mixture, **given: Any) -> Result:
        asked.append((given["n_replicates"], given["relative_stderr"], given["device"]))
        return planted(0.0)(problem)

    monkeypatch.setattr(simulation, "solve", note)
    for given in ({}, {"n_replicates": 50}, {"relative_stderr": 0.1, "device": "cpu"}):
        compare(large(), **given)
    assert asked[::2] == asked[1::2]
    assert asked[::2] == [(None, 0.002, "numpy"), (50, None, "numpy"), (None, 0.1, "cpu")]


def flat(n_features: int, n_samples: int, **model: Any) -> Mixture:
    """Return one source of isotropic inputs."""
    spectrum = Spectrum.isotropic(n_features)
    real = Source("real", n_samples=n_samples, noise_var=0.5, spectrum=spectrum, teacher=RandomTeacher())
    return Mixture([real], **model)


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (
            flat(8, 10**15, ridge=0.05),
            r"`n_samples` .*\[0, 62500000000000\]; got 1000000000000000\..* 16 times its size",
        ),
        (flat(8, 20, ridge=0.05, width=10**15), r"`width` .*\[0, 62500000000000\]; got 1000000000000000\..* 16 times"),
        (
            flat(8193, 9000, ridge=0.05),
            r"`n_features` .*\[0, 8192\]; got 8193\. To compare, this problem is .* 2 times",
        ),
        (
            flat(2049, 2050, ridge=0.0),
            r"`n_features` .*\[0, 2048\]; got 2049\..* 1 samples from interpolation, is .* 8",
        ),
    ],
    ids=["samples", "width", "features", "near interpolation"],
)
def test_compare_refuses_what_is_too_large_before_it_draws(
    problem: Mixture, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draw(*_: object, **__: object) -> Result:
        raise AssertionError("nothing should be drawn")

    monkeypatch.setattr(simulation, "solve", draw)
    with pytest.raises(InputError, match=message):
        compare(problem)
    with pytest.raises(AssertionError, match="nothing should be drawn"):
        compare(flat(8192, 9000, ridge=0.05))


def test_compare_leaves_at_most_the_first_order_to_the_remainder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "solve", planted(0.0, first=-0.8))  # 0.2 and 0.6 of the limit
    risk = compare(large()).quantities["excess_risk"]
    assert risk.remainder / risk.theory == pytest.approx(0.8, rel=1e-9)
    monkeypatch.setattr(simulation, "solve", planted(0.0, first=-0.4))  # 0.6 and 0.8
    risk = compare(large()).quantities["excess_risk"]
    assert risk.remainder / risk.theory == pytest.approx(0.4**2 / 0.8, rel=1e-9)


@pytest.mark.parametrize(("first", "said"), [(0.1, "10 % above theory"), (-0.1, "10 % below theory")])
def test_compare_says_on_which_side_of_theory_the_problem_is(
    first: float, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulation, "solve", planted(0.0, first=first))
    assert f"the simulated excess risk is {said}." in compare(large()).verdict


def visible_error(verdict: str) -> float:
    """Return which error of theory a verdict says would have been seen."""
    said = re.search(r"An error of theory of (\S+) % would have been seen\.", verdict)
    assert said, verdict
    return float(said[1]) / 100


@pytest.mark.parametrize(("first", "second"), [(0.0, 0.0), (0.1, 0.0), (0.1, 0.01), (-0.1, -0.01), (-0.1, 0.01)])
def test_compare_sees_the_error_that_it_says_it_would_have_seen(
    first: float, second: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deviation(offset: float) -> float:
        monkeypatch.setattr(simulation, "solve", planted(offset, first=first, second=second))
        return abs(compare(large()).quantities["excess_risk"].deviation_in_stderr)

    monkeypatch.setattr(simulation, "solve", planted(0.0, first=first, second=second))
    visible = visible_error(compare(large()).verdict)
    assert min(deviation(visible), deviation(-visible)) > 6.5  # 7, as far as two digits say it
    if first == 0:
        assert max(deviation(visible), deviation(-visible)) < 7.5
        assert max(deviation(visible / 2), deviation(-visible / 2)) < 5


def test_compare_sees_that_error_with_97_percent(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)

    def noisy(problem: Mixture, **given: Any) -> Result:
        result = exact(problem, **given)
        error = result.stderr["excess_risk"] * rng.standard_normal()
        return replace(result, excess_risk=result.excess_risk + error)

    monkeypatch.setattr(simulation, "solve", planted(0.0))
    visible = visible_error(compare(large()).verdict)
    monkeypatch.setattr(simulation, "solve", noisy)
    seen = {}
    for offset in (visible, visible * 5 / 7):
        exact = drawn_once(planted(offset))
        seen[offset] = np.mean([compare(large()).agree is False for _ in range(400)])
    assert seen[visible] > 0.97 - 5 * np.sqrt(0.97 * 0.03 / 400)
    assert 0.5 - 5 * 0.5 / 20 < seen[visible * 5 / 7] < 0.5 + 5 * 0.5 / 20  # at 5 standard errors it is a coin


@pytest.mark.parametrize("stopped_at", [1, 8, 16])
def test_compare_keeps_finished_sizes_when_interrupted_at_the_first_unit(
    stopped_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(problem: Mixture, **given: Any) -> Result:
        result = right(problem, **given)
        if problem.n_features < 8 * stopped_at:
            return result
        numbers = dict.fromkeys((*PARTS, "excess_risk", "test_error", "effective_ridge"), math.nan)
        training = dict.fromkeys(result.training_error, math.nan)
        stderr = {**numbers, "training_error": training}
        status = Status.INTERRUPTED
        return replace(result, **numbers, training_error=training, stderr=stderr, status=status, n_replicates=0)

    right = simulation.solve
    monkeypatch.setattr(simulation, "solve", stopped)
    found = compare(tiny(), n_replicates=40)
    assert list(found.simulations) == [size for size in (1, 8, 16) if size <= stopped_at]
    assert found.interrupted
    assert found.agree is None
    assert found.verdict.startswith("Cannot be judged: the simulation was interrupted.")
    known = stopped_at > 1
    assert math.isfinite(found.quantities["excess_risk"].finite_size_gap) == known
    assert ("own size the simulated excess risk is" in found.verdict) == known
    assert all(quantity.agree is None for quantity in found.quantities.values())
    json.dumps(found.to_dict(), allow_nan=False)


def test_verdict_leaves_rounding_unnumbered() -> None:
    flat = compare(mixed(d=64, ridge=1e15))
    assert flat.agree
    assert "that of theory, to rounding. Any error of theory above rounding would have been seen." in flat.verdict
