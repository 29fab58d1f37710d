"""Does the simulation of generations stop, say how it went, and refuse what it cannot do?"""

from __future__ import annotations

from math import erf

import numpy as np
import pytest

from generation_examples import recursion
from modelcollapse import Curation, InputError, NumericalError, Schedule, Spectrum, simulate_generations
from modelcollapse.result import Status
from modelcollapse.simulation import engine, generations_engine, sampler
from modelcollapse.simulation.generations_engine import unsupported

TINY = Spectrum.isotropic(4)


def tiny(kind="replace", **given):
    wanted = {"spectrum": TINY, "n_real": 12, "n_synthetic": 12, "generations": 3, "noise": (0.5, 0.3), "ridge": 0.1}
    return recursion(kind, **{**wanted, **given})


CURATION = Curation(hit=0.9, false_keep=0.2, tolerance=0.5)
EVERY_WAY = [
    tiny(),
    tiny("mix", real="reused", width=3),
    tiny("accumulate-subsample", subsample=6),
    tiny("accumulate", curation=CURATION),
]


@pytest.mark.parametrize("problem", EVERY_WAY)
@pytest.mark.parametrize("plain", [False, True])
def test_same_seed_gives_the_same_bits_on_any_number_of_cores(problem, plain, monkeypatch):
    together = simulate_generations(problem, seed=3, n_replicates=60, plain=plain).to_dict()
    monkeypatch.setattr(generations_engine, "n_cores", lambda: 1)
    assert simulate_generations(problem, seed=3, n_replicates=60, plain=plain).to_dict() == together
    assert simulate_generations(problem, seed=4, n_replicates=60, plain=plain).to_dict() != together


def test_standard_errors_are_those_of_other_seeds():
    results = [simulate_generations(tiny(), n_replicates=40, seed=seed) for seed in range(100)]
    for name in ("excess_risk", "bias", "variance"):
        scatter = np.std([getattr(result, name) for result in results], axis=0, ddof=1)
        stated = np.sqrt(np.mean([np.square(result.stderr[name]) for result in results], axis=0))
        np.testing.assert_allclose(stated, scatter, rtol=5 / np.sqrt(2 * 100))


def test_parts_add_up_and_errors_have_the_keys_of_values():
    schedule = Schedule(noise_var={"real": [0.5, 0.6, 0.7, 0.8]})
    result = simulate_generations(tiny("mix", real="fresh", schedule=schedule), n_replicates=60, seed=5)
    np.testing.assert_allclose(np.add(result.bias, result.variance), result.excess_risk, rtol=1e-12)
    np.testing.assert_allclose(np.subtract(result.test_error, result.excess_risk), [0.5, 0.6, 0.7, 0.8], rtol=1e-12)
    assert set(result.stderr) == {"excess_risk", "test_error", "bias", "variance", "kept_share"}
    assert (result.engine, result.n_replicates, result.seed) == ("simulation", 60, 5)
    assert np.isnan(result.kept_share[0])
    assert result.kept_share[1:] == (1.0, 1.0, 1.0)


def test_default_stops_at_one_percent_of_every_generation():
    result = simulate_generations(tiny())
    assert result.status is Status.OK
    assert np.all(np.array(result.stderr["excess_risk"]) <= 0.01 * np.array(result.excess_risk))
    assert simulate_generations(tiny(), relative_stderr=0.9).n_replicates == 2 * sampler.MIN_UNITS
    assert simulate_generations(tiny(), n_replicates=5).n_replicates == 6


def test_goal_out_of_reach_is_said(monkeypatch):
    monkeypatch.setattr(engine, "MAX_REPLICATES", 50)
    assert simulate_generations(tiny(), relative_stderr=1e-6).status is Status.NOT_CONVERGED
    assert simulate_generations(tiny(), relative_stderr=1e-6, n_replicates=44).n_replicates == 44


@pytest.mark.parametrize("after", [0, 1, 30])
def test_interruption_gives_what_there_is(after):
    seen = []

    def report(reading):
        seen.append(reading.n_replicates)
        if reading.n_replicates >= 2 * after:
            raise KeyboardInterrupt

    result = simulate_generations(tiny(), n_replicates=10_000, report=report)
    assert result.status is Status.INTERRUPTED
    assert result.n_replicates == seen[-1] < 10_000
    assert np.isfinite(result.excess_risk).all() == (result.n_replicates >= 4)


@pytest.mark.parametrize("curation", [None, CURATION])
def test_readings_count_up_to_the_end(curation):
    readings = []
    simulate_generations(tiny(curation=curation), n_replicates=100, report=readings.append)
    assert [reading.n_replicates for reading in readings if reading.n_replicates][-1] == 100
    assert readings[-1].share == 1.0


def test_risk_without_noise_is_rounding_and_not_waited_for():
    result = simulate_generations(tiny(ridge=0, noise=(0.0, 0.0)))
    assert (result.status, result.n_replicates) == (Status.OK, 2 * sampler.MIN_UNITS)
    assert max(result.excess_risk) < 1e-20


def test_risk_beyond_all_numbers_is_not_waited_for():
    given = {"spectrum": Spectrum.isotropic(60), "width": 20, "n_synthetic": 24, "ridge": 0}  # residuals grow
    problem = tiny(generations=1000, **given)
    result = simulate_generations(problem, n_replicates=4)
    assert not np.isfinite(result.excess_risk[-1])
    assert result.to_dict()["excess_risk"][-1] is None


THRESHOLDS = {
    "generation 0 hands on what has no mean": (tiny(n_real=4, ridge=0), [True] * 4),
    "only where the ridge is 0": (
        tiny("mix", real="fresh", n_real=2, n_synthetic=2, schedule=Schedule(ridge=[0.1, 0, 0.1, 0.1])),
        [False, True, True, True],
    ),
    "not without noise and contradiction": (tiny(n_real=4, n_synthetic=4, ridge=0, noise=(0, 0)), [False] * 4),
    "contradicting teachers": (
        tiny("mix", real="fresh", n_real=2, n_synthetic=2, ridge=0, noise=(0, 0)),
        [False, True, True, True],
    ),
    "unused labels hand on nothing": (
        tiny("mix", real="fresh", n_real=9, n_synthetic=3, weight=0, ridge=0),
        [False] * 4,
    ),
    "repeated inputs count once": (tiny("accumulate", design="fixed", n_real=5, ridge=0, n_synthetic=5), [True] * 4),
    "accumulated inputs count all": (tiny("accumulate", n_real=9, ridge=0, n_synthetic=5), [False] * 4),
    "width": (tiny(width=3, n_real=12, n_synthetic=2, ridge=0), [False, True, True, True]),
}


@pytest.mark.parametrize("name", THRESHOLDS)
def test_threshold_has_infinite_risk(name):
    problem, endless = THRESHOLDS[name]
    result = simulate_generations(problem, n_replicates=20)
    assert np.isinf(result.excess_risk).tolist() == endless
    assert np.isinf(result.variance).tolist() == endless
    assert result.status is (Status.INTERPOLATION_THRESHOLD if any(endless) else Status.OK)


@pytest.mark.parametrize(("n_samples", "warned"), [(7, True), (8, False)])
def test_heavy_tails_are_said(n_samples, warned):
    said = " ".join(simulate_generations(tiny(n_synthetic=n_samples, ridge=0), n_replicates=20).assumptions)
    assert ("no variance" in said) == warned


def test_heavy_tails_are_not_waited_for():
    result = simulate_generations(tiny(n_real=7, n_synthetic=7, ridge=0, generations=1), relative_stderr=1e-6)
    assert result.n_replicates == generations_engine.ENOUGH_WITHOUT_VARIANCE


def test_kept_share_is_that_of_the_label_errors():
    problem = tiny(noise=(0.0, 0.3), ridge=0, curation=CURATION, n_synthetic=200, generations=1)
    result = simulate_generations(problem, n_replicates=400)
    right = erf(0.5 / np.sqrt(2 * 0.3))  # generation 0 is the teacher itself
    expected = 0.9 * right + 0.2 * (1 - right)
    assert abs(result.kept_share[1] - expected) < 5 * result.stderr["kept_share"][1]
    assert abs(result.kept_share[1] - 0.9 * right) > 5 * result.stderr["kept_share"][1]


def test_generation_that_keeps_nothing_has_the_model_0():
    nobody = Curation(hit=1.0, false_keep=0.0, tolerance=1e-12)
    result = simulate_generations(tiny(curation=nobody, ridge=0, n_real=20), n_replicates=400)
    assert result.kept_share[1:] == (0.0, 0.0, 0.0)
    assert result.excess_risk[1] == result.excess_risk[3] == pytest.approx(1.0, abs=5 * result.stderr["excess_risk"][1])


def test_networks_are_refused_and_projections_are_not():
    network = tiny(width=6, activation="relu")
    assert "not networks" in str(unsupported(network))
    with pytest.raises(InputError, match="Leave `activation` out"):
        simulate_generations(network)
    linear = tiny(width=6, activation="identity")
    assert unsupported(linear) is None
    risks = [simulate_generations(problem, n_replicates=4).excess_risk for problem in (linear, tiny(width=6))]
    assert risks[0] == risks[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_replicates": 3}, "`n_replicates` must be a whole number of at least 4; got 3"),
        ({"relative_stderr": 0}, "`relative_stderr` must be a number in"),
        ({"seed": -1}, "`seed` must be a whole number"),
        ({"plain": True}, "rows of one replicate take 18.6 GiB"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(arguments, message):
    problem = tiny(n_real=10**8)
    with pytest.raises(InputError, match=message):
        simulate_generations(problem, **arguments)


def test_too_many_features_are_refused():
    with pytest.raises(InputError, match="`n_features` must be a whole number in"):
        simulate_generations(tiny(spectrum=Spectrum.isotropic(20_000)))


def test_singular_matrix_is_said():
    steep = Spectrum.explicit([1.0, 1.0, 1e-200, 1e-200])
    with pytest.raises(NumericalError, match="use a larger ridge"):
        simulate_generations(tiny(spectrum=steep, width=3, ridge=0), n_replicates=4)


def test_sample_counts_and_widths_cost_nothing():
    counted = []

    class Counting(generations_engine.Meter):
        def stop(self):
            counted.append(self.n_drawn)
            super().stop()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generations_engine, "Meter", Counting)
        for n in (100, 10**12):
            problem = tiny(n_real=n, n_synthetic=n, width=n)
            assert np.isfinite(simulate_generations(problem, n_replicates=4).excess_risk).all()
    assert len(counted) == 2
    assert counted[0] == counted[1] > 0
