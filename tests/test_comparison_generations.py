"""Is theory of generations found right where it is, wrong where it is not, and left alone where nothing can be said?"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from drawn_once import drawn_once
from generation_examples import recursion
from modelcollapse import Curation, InputError, Recursion, Schedule, Spectrum, solve_generations
from modelcollapse.decisions import comparison
from modelcollapse.decisions.comparison import compare
from modelcollapse.result import GenerationsResult, Status
from modelcollapse.simulation import generations_engine as simulation
from modelcollapse.theory import generations, memory
from modelcollapse.theory import generations_engine as theory

FLAT = Spectrum.isotropic(16)
VERIFIER = Curation(hit=0.9, false_keep=0.3, tolerance=0.5)
TWO = {"generations": 2, "spectrum": FLAT, "n_real": 30, "n_synthetic": 30, "ridge": 0.05}
CASES: dict[str, Recursion] = {
    "replace": recursion("replace", **TWO),
    "mix": recursion("mix", real="fresh", **TWO | {"n_real": 15, "n_synthetic": 15}),
    "iterative, narrow": recursion("mix", real="fresh", shift=0.5, width=10, **TWO),
    "accumulate": recursion("accumulate", **TWO),
    "fixed": recursion("replace", design="fixed", **TWO),
    "reused": recursion("mix", real="reused", **TWO),
    "curated": recursion("replace", curation=VERIFIER, **TWO | {"n_synthetic": 75}),
    "subsampled": recursion("accumulate-subsample", subsample=30, **TWO),
}
CHAINS = ("replace", "mix", "iterative, narrow", "curated")
"""Those that are followed as a chain; the others have memory."""
N_REPLICATES = {"curated": 400}


@pytest.fixture(autouse=True)
def smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take 32 features for many: the problems have 16, and are judged at two and four times their size."""
    monkeypatch.setattr(comparison, "LARGE", 32)


def names(problem: Recursion) -> list[str]:
    """Return what a comparison of a recursion holds, in its order."""
    last = problem.workflow.generations
    risks = [f"{name} of generation {t}" for name in ("excess_risk", "bias", "variance") for t in range(last + 1)]
    kept = [f"kept_share of generation {t}" for t in range(1, last + 1)]
    return risks + kept * (problem.workflow.curation is not None)


@pytest.mark.parametrize("name", CASES)
def test_compare_agrees_with_theory_of_generations_and_no_wrong_theory_does(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = N_REPLICATES.get(name, 120)
    monkeypatch.setattr(simulation, "solve_generations", drawn_once(simulation.solve_generations))
    found = compare(CASES[name], n_replicates=drawn)
    assert found.agree, found.verdict
    assert list(found.quantities) == names(CASES[name])
    assert list(found.simulations) == [1, 2, 4]
    assert f"all {len(names(CASES[name]))} quantities are within 5 standard errors" in found.verdict
    assert "the simulated excess risk of generation 2 is" in found.verdict
    module, formula = (generations, "_noise_profile") if name in CHAINS else (memory, "_taught_moments")
    right: Callable[..., Any] = getattr(module, formula)
    monkeypatch.setattr(module, formula, lambda *given: right(*given) / 2)  # half the noise
    wrong = compare(CASES[name], n_replicates=drawn)
    assert wrong.agree is False
    assert wrong.verdict.startswith("Theory and simulation disagree: ")


@pytest.mark.parametrize("wrong", ["variance of generation 1", "kept_share of generation 2"])
def test_compare_names_the_generation_of_which_theory_is_wrong(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quantity, generation = wrong.split(" of generation ")
    right = solve_generations(CASES["curated"])
    values = list(getattr(right, quantity))
    values[int(generation)] *= 1.5
    monkeypatch.setattr(theory, "solve_generations", lambda _: replace(right, **{quantity: tuple(values)}))
    found = compare(CASES["curated"], n_replicates=400)
    assert found.agree is False
    assert f"extrapolated to large sizes, {wrong} (by " in found.verdict
    assert [name for name, told in found.quantities.items() if not told.agree] == [wrong]


def test_compare_names_the_furthest_six_of_many_wrong_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    other = solve_generations(recursion("replace", **TWO | {"ridge": 0.5}))
    monkeypatch.setattr(theory, "solve_generations", lambda _: other)
    found = compare(CASES["replace"], n_replicates=40)
    wrong = sum(not told.agree for told in found.quantities.values())
    assert wrong > 6
    assert found.verdict.count("(by ") == 6
    assert found.verdict.endswith(f", and {wrong - 6} more.")


def planted(offset: float = 0.0) -> Callable[..., GenerationsResult]:
    """Return a simulation that has theory's numbers, and another excess risk in the end, almost without error."""

    def simulate(problem: Recursion, **_: object) -> GenerationsResult:
        result = solve_generations(problem)
        risk = (*result.excess_risk[:-1], result.excess_risk[-1] * (1 + offset))
        error = {**result.stderr, "excess_risk": tuple(1e-3 * value for value in risk)}
        return replace(result, excess_risk=risk, stderr=error, engine="simulation", seed=0, n_replicates=100_000)

    return simulate


def test_compare_sees_the_error_of_the_last_generation_that_it_says_it_would_have_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(simulation, "solve_generations", planted())
    told = compare(CASES["replace"]).quantities["excess_risk of generation 2"]
    share = told.visible_error / told.theory
    assert share == pytest.approx(7 * math.sqrt(5) * 1e-3, rel=1e-3)
    for offset in (share, -share):
        monkeypatch.setattr(simulation, "solve_generations", planted(offset))
        assert abs(compare(CASES["replace"]).quantities["excess_risk of generation 2"].deviation_in_stderr) > 6.5
    monkeypatch.setattr(simulation, "solve_generations", planted(share / 2))
    assert compare(CASES["replace"]).agree


@pytest.mark.parametrize(("name", "wanted"), [("replace", 0.005), ("subsampled", 0.005), ("curated", 0.01)])
def test_compare_asks_for_what_generations_cost(name: str, wanted: float, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, object]] = []

    def note(problem: Recursion, **given: Any) -> GenerationsResult:
        asked.append((given["n_replicates"], given["relative_stderr"]))
        return planted()(problem)

    monkeypatch.setattr(simulation, "solve_generations", note)
    compare(CASES[name])
    compare(CASES[name], n_replicates=50)
    assert asked == [(4000, wanted), (None, wanted), (None, wanted), (50, None), (50, None), (50, None)]


def test_compare_takes_rounding_for_the_risk_0_of_generations_without_noise() -> None:
    found = compare(recursion("replace", **TWO | {"ridge": 0, "noise": (0, 0)}), n_replicates=40)
    assert found.agree, found.verdict
    assert found.verdict.endswith(" The excess risk of generation 2 is 0 on both sides.")
    assert any(told.simulation for told in found.quantities.values())  # a few times 1e-31


def flat(n_samples: int, generations: int = 1, *, first: int | None = None, **changes: Any) -> Recursion:
    """Return a mix without ridge of which every generation, or all but the first, sees so many samples."""
    given = {
        "n_real": n_samples,
        "n_synthetic": 10,
        "schedule": Schedule(n_samples={"real": [first or n_samples, n_samples - 10]}),
    }
    return recursion("mix", real="fresh", **TWO | given | {"ridge": 0, "generations": generations} | changes)


def test_compare_cannot_judge_generations_from_the_threshold_on_and_does_not_try_for_long() -> None:
    later = recursion("mix", real="fresh", **TWO | {"ridge": 0, "n_real": 8, "n_synthetic": 8})
    found = compare(later)
    assert found.agree is None
    assert "interpolation threshold" in found.verdict
    assert {size: result.n_replicates for size, result in found.simulations.items()} == {1: 40}
    assert math.isfinite(found.quantities["excess_risk of generation 0"].simulation)
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize(("n_samples", "sizes"), [(17, [1, 4, 8]), (18, [1, 2, 4]), (20, [1, 2, 4])])
def test_compare_judges_sizes_at_which_every_generation_has_a_variance(n_samples: int, sizes: list[int]) -> None:
    found = compare(flat(n_samples), n_replicates=200)
    assert found.agree, found.verdict
    assert list(found.simulations) == sizes
    assert found.simulations[1].n_replicates == (200 if n_samples == 20 else 40)
    assert ("generation 1 has no finite mean" in found.verdict) == (n_samples == 17)


def test_compare_judges_sizes_at_which_the_generation_nearest_to_interpolation_has_a_variance() -> None:
    found = compare(flat(18, first=60), n_replicates=100)
    assert found.agree, found.verdict
    assert {size: result.n_replicates for size, result in found.simulations.items()} == {1: 40, 2: 100, 4: 100}


@pytest.mark.parametrize("stopped_at", [1, 2, 4])
def test_compare_keeps_what_there_is_of_interrupted_generations(stopped_at: int) -> None:
    def stop(size: int, reading: Any) -> None:
        if size == stopped_at and reading.n_replicates >= 8:
            raise KeyboardInterrupt

    found = compare(CASES["replace"], n_replicates=40, report=stop)
    assert found.interrupted
    assert found.agree is None
    assert found.verdict.startswith("Cannot be judged: the simulation was interrupted.")
    assert list(found.simulations)[-1] == stopped_at
    assert found.simulations[stopped_at].status is Status.INTERRUPTED
    shown = found.to_dict()["quantities"]["excess_risk of generation 2"]
    assert shown["simulation"] > 0
    assert (shown["extrapolated"] is None) == (stopped_at == 1)


@pytest.mark.parametrize(
    ("problem", "settings", "message"),
    [
        (
            recursion("replace", width=50, activation="relu"),
            {},
            "theory has no formula for networks .* nothing to compare",
        ),
        (
            recursion("accumulate-subsample", design="fixed", subsample=100),
            {},
            "theory has no formula for subsamples .*: there is nothing to compare. Use `solve`",
        ),
        (CASES["replace"], {"device": "cpu"}, "simulated with NumPy only. Leave out `device`."),
        (recursion("replace", **TWO | {"n_real": 10**15}), {}, r"`n_samples` .* 4 times its size"),
        (recursion("replace", **TWO | {"width": 10**15}), {}, r"`width` .* 4 times its size"),
        (
            recursion("replace", **TWO | {"schedule": Schedule(width=[9, 9, 10**15])}),
            {},
            r"`width` .* 4 times its size",
        ),
        (
            recursion("replace", curation=VERIFIER, n_synthetic=4 * 10**5),
            {},
            "the rows of one replicate take 6.0 GiB",  # of the double; its own would fit
        ),
    ],
    ids=["network", "no theory", "device", "samples", "width", "scheduled width", "rows"],
)
def test_compare_refuses_generations_before_it_draws(
    problem: Recursion, settings: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draw(*_: object, **__: object) -> GenerationsResult:
        raise AssertionError("nothing should be drawn")

    monkeypatch.setattr(simulation, "solve_generations", draw)
    with pytest.raises(InputError, match=message):
        compare(problem, **settings)


def test_compare_of_generations_is_one_json_object_that_repeats_itself() -> None:
    found, again = (compare(CASES["curated"], n_replicates=20, seed=3).to_dict() for _ in range(2))
    assert found == again
    assert list(found["quantities"]) == names(CASES["curated"])
    assert [result["seed"] for result in found["simulations"].values()] == [3, 4, 5]
    assert found["theory"]["excess_risk"] == list(solve_generations(CASES["curated"]).excess_risk)
    json.dumps(found, allow_nan=False)


def test_compare_of_generations_needs_the_extrapolation() -> None:
    found = compare(recursion("replace", **TWO | {"n_real": 20, "n_synthetic": 20, "ridge": 0.01}), n_replicates=600)
    own = [told.difference_in_stderr for told in found.quantities.values()]
    assert np.max(np.abs(own)) > 5  # at its own size theory is off, and the simulation sees it
    assert found.agree, found.verdict
