"""Are phenomena of scaling laws found where they are, with their numbers, and seldom where they are not?"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from modelcollapse import Generator, Memory, ZipfTask
from modelcollapse.decisions import curve_bends
from modelcollapse.decisions.curve_bends import Curve, flat_end, flat_middle, lag, surely_positive
from modelcollapse.decisions.phenomena import (
    HALF_A_DECADE,
    Phenomenon,
    grokking,
    loss_of_scaling,
    phenomena,
    shifted_scaling,
    unlearned_skills,
)
from modelcollapse.engines import answer
from modelcollapse.result import TailsResult

BETA, C = 1.5, 1 / 3
SIZES = [round(10 ** (2 + k / 2)) for k in range(11)]
"""From 1e2 to 1e7, half a decade apart."""


def solved(task: ZipfTask, **settings: Any) -> TailsResult:
    result = answer(task, **settings)
    assert isinstance(result, TailsResult)
    return result


def theory(generator: Generator | None = None, **other: Any) -> TailsResult:
    return solved(ZipfTask(BETA, SIZES, generator=generator, **other))


CUT = theory(Generator(rank=100))
MIXED = theory(Generator(rank=100), real_fraction=0.003)
COPIED = theory(Generator(n_samples=3000, generations=32))
CLEAN = theory(Generator(generations=2))


def found(result: TailsResult) -> set[str]:
    return {each.name for each in phenomena(result) if each.found}


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (CUT, {"loss_of_scaling", "shifted_scaling", "unlearned_skills"}),
        (MIXED, {"shifted_scaling", "unlearned_skills", "grokking"}),
        (COPIED, {"loss_of_scaling", "shifted_scaling", "unlearned_skills"}),
        (theory(Generator(temperature=0.9, generations=2)), {"shifted_scaling", "unlearned_skills"}),
        (theory(Generator(rank=100, generations=3)), {"loss_of_scaling", "unlearned_skills"}),
        (CLEAN, set()),
        (theory(), set()),
    ],
    ids=["cut", "mixed", "copied", "narrowed", "the same in each generation", "clean", "real data alone"],
)
def test_phenomena_are_found_where_they_are_and_nowhere_else(result: TailsResult, expected: set[str]) -> None:
    assert found(result) == expected


def test_loss_of_scaling_tells_knee_slope_and_plateau() -> None:
    lost = loss_of_scaling(CUT)
    assert 0.3 < lost.values["knee"][0] / 100**BETA < 30
    assert 0 <= lost.values["slope"][0] < C / 2
    assert lost.values["plateau"][0] == pytest.approx(CUT.floor[1], rel=1e-3)
    assert "generation 1" in lost.sentence


def test_loss_of_scaling_needs_a_generation_that_learns() -> None:
    """The memory is full: generation 0 falls by less than 1 % over the last five decades, whatever the others do."""
    memory = Memory(n_features=128)
    full = loss_of_scaling(solved(ZipfTask(BETA, SIZES[4:], generator=Generator(rank=100), memory=memory)))
    assert not full.found
    assert all(math.isnan(knee) for knee in full.values["knee"])
    assert loss_of_scaling(solved(ZipfTask(BETA, SIZES[4:], generator=Generator(rank=100)))).found


def test_shifted_scaling_tells_how_much_data_a_generation_is_worth() -> None:
    """A mixture with a share π of real data ends where π T real data alone are; copies grow as a power near c."""
    shifted = shifted_scaling(theory(Generator(rank=10), real_fraction=0.01))
    assert shifted.values["data_factor"][0] == pytest.approx(0.01, rel=1e-3)
    assert shifted.values["effective_samples"][0] == pytest.approx(0.01 * SIZES[-1], rel=1e-3)
    growth = shifted_scaling(COPIED).values["growth"]
    assert 0.8 * C < growth < 1.05 * C
    linear = replace(COPIED, test_error=tuple(
        tuple((g or 1) * error for error in COPIED.test_error[min(g, 1)]) for g in range(33)))  # fmt: skip
    assert not shifted_scaling(linear).values["growth"] < 1.05 * C


def test_shifted_scaling_is_worth_a_share_of_the_data() -> None:
    """Held against the same law at less data, exactly: a lag of 2 parts in 100,000 is sure, and nothing to speak of."""
    clean = theory(Generator())
    for factor, expected in ((1 - 2e-5, False), (0.96, False), (0.94, True)):
        lagging = tuple((np.array(clean.test_error[0]) * factor**-C).tolist())
        shifted = shifted_scaling(replace(clean, test_error=(clean.test_error[0], lagging)))
        assert shifted.found is expected
        assert shifted.values["data_factor"][0] == pytest.approx(factor, rel=1e-3)
    assert not found(theory(Generator(top_p=0.999999)))


def test_shifted_scaling_is_told_at_a_single_size() -> None:
    shifted = shifted_scaling(solved(ZipfTask(BETA, [10**4], generator=Generator(rank=10))))
    assert shifted.found
    assert math.isnan(shifted.values["data_factor"][0])
    assert "at 5.40 times the error of generation 0" in shifted.sentence
    assert "5 % or more" in shifted_scaling(solved(ZipfTask(BETA, [10**4], generator=Generator()))).sentence
    assert shifted.to_dict()["values"]["data_factor"] == [None]


def test_unlearned_skills_names_what_each_generation_has_lost() -> None:
    skills = unlearned_skills(COPIED)
    lost = skills.values["lost_ranks"]
    assert len(lost) == 32
    assert skills.values["first_generation"] == 1
    assert set(lost[0]) < set(lost[-1])
    place = {rank: position for position, rank in enumerate(COPIED.ranks)}
    for rank in lost[-1]:
        assert COPIED.knowledge[0][place[rank]] >= 0.9
        assert COPIED.knowledge[-1][place[rank]] < 0.5
    assert f"lost {len(lost[-1])} of" in skills.sentence


def test_grokking_tells_where_the_plateau_starts_and_ends() -> None:
    grokked = grokking(MIXED).values
    knee, end = 100**BETA, 100**BETA / 0.003
    assert 0.3 < grokked["start"] / knee < 30
    assert 0.1 < grokked["end"] / end < 10
    assert grokked["slope_before"] < C / 2 < grokked["slope_after"]
    assert grokked["speedup"] == pytest.approx(grokked["slope_after"] / grokked["slope_before"])


def test_grokking_needs_half_a_decade() -> None:
    sizes = np.array([1.0, 2.0, 4.0, 8.0])
    curve, clean = (Curve(sizes=sizes, errors=np.array(e), stderr=np.zeros(4))
                    for e in ([1.0, 0.9, 0.4, 0.2], [1.0, 0.5, 0.25, 0.125]))  # fmt: skip
    assert flat_middle(curve, clean, least=2.0) is not None
    assert flat_middle(curve, clean, least=3.0) is None
    assert pytest.approx(10**0.5, rel=0.06) == HALF_A_DECADE  # as in 1, 3, 10


def test_phenomena_say_so_when_nothing_can_be_seen() -> None:
    alone = phenomena(theory())
    assert all("cannot be judged: all data are real" in each.sentence for each in alone)
    one_size = phenomena(solved(ZipfTask(BETA, [100], generator=Generator(rank=3))))
    assert [each.name for each in one_size if "at least" in each.sentence] == ["loss_of_scaling", "grokking"]
    nothing = replace(CUT, test_error=((math.nan,) * 11,) * 2, knowledge=((math.nan,) * len(CUT.ranks),) * 2)
    assert not found(nothing)


def test_phenomena_can_be_written_as_json() -> None:
    for result in (CUT, MIXED, COPIED, CLEAN, theory()):
        for each in phenomena(result):
            assert isinstance(each, Phenomenon)
            json.dumps(each.to_dict(), allow_nan=False)


@pytest.mark.parametrize("result", [CUT, MIXED, COPIED], ids=["cut", "mixed", "copied"])
def test_phenomena_of_the_simulation_are_those_of_theory(result: TailsResult) -> None:
    task = {id(CUT): ZipfTask(BETA, SIZES[:9], generator=Generator(rank=100)),
            id(MIXED): ZipfTask(BETA, SIZES, generator=Generator(rank=100), real_fraction=0.003),
            id(COPIED): ZipfTask(BETA, SIZES[:7], generator=Generator(n_samples=3000, generations=8))}  # fmt: skip
    simulated = solved(task[id(result)], engine="simulation", n_replicates=20)
    assert found(simulated) == found(result)


N_CLEAN = 40


def false_alarms(n_replicates: int, find: Callable[[TailsResult], Any] = found) -> int:
    """Return how many of simulated clean tasks show something."""
    task = ZipfTask(BETA, [100, 1000, 10_000], generator=Generator(generations=3))
    results = (solved(task, engine="simulation", seed=seed, n_replicates=n_replicates) for seed in range(N_CLEAN))
    return sum(bool(find(result)) for result in results)


@pytest.mark.parametrize("n_replicates", [4, 20])
def test_phenomena_are_seldom_found_in_clean_simulations(n_replicates: int) -> None:
    """At most four in forty: five would come by chance once in 50 times if each detector erred in 5 % by itself."""
    assert false_alarms(n_replicates) <= 4


def test_phenomena_would_often_be_found_in_clean_simulations_without_thresholds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(curve_bends, "student_quantile", lambda freedom, n_tests: 0.0)
    monkeypatch.setattr("modelcollapse.decisions.phenomena.NOTABLE", 0.0)
    assert false_alarms(4, shifted_scaling_is_found) > 8


def shifted_scaling_is_found(result: TailsResult) -> bool:
    return shifted_scaling(result).found


@pytest.mark.parametrize("power", [0.2, 0.7])
def test_lag_behind_a_power_law_is_the_factor_by_which_the_curve_is_moved(power: float) -> None:
    sizes = np.geomspace(1, 1e6, 7)
    clean = Curve(sizes=sizes, errors=sizes**-power, stderr=np.zeros(7))
    for factor in (0.3, 1.0, 1e-3):
        moved = replace(clean, errors=(factor * sizes) ** -power, stderr=0.01 * (factor * sizes) ** -power)
        behind = lag(moved, clean, 3)
        assert behind.factor == pytest.approx(factor)
        assert behind.log_stderr == pytest.approx(0.01 / power)
        assert behind.inside
    assert not lag(replace(clean, errors=2 * clean.errors), clean, 0).inside


def test_flat_end_is_judged_in_standard_errors() -> None:
    sizes = np.geomspace(1, 1000, 4)
    clean = Curve(sizes=sizes, errors=sizes**-0.5, stderr=np.zeros(4))
    flat = Curve(sizes=sizes, errors=np.array([1, 0.3, 0.29, 0.28]), stderr=np.zeros(4))
    end = flat_end(flat, clean)
    assert end is not None
    assert (end.start, end.end) == (1, 3)
    assert end.slope == pytest.approx(math.log(0.3 / 0.28) / math.log(100))
    assert flat_end(replace(flat, stderr=0.5 * flat.errors), clean) is None
    assert flat_end(clean, clean) is None


def test_surely_positive_has_the_promised_level() -> None:
    random = np.random.default_rng(0)
    draws = random.standard_normal((20_000, 5))
    means, stderr = draws.mean(axis=1), draws.std(axis=1, ddof=1) / math.sqrt(5)
    alarms = sum(surely_positive(m, s, freedom=4, n_tests=1) for m, s in zip(means, stderr, strict=True))
    expected = curve_bends.FALSE_ALARM * len(draws)
    assert abs(alarms - expected) < 5 * math.sqrt(expected)
    normal = sum(surely_positive(m, s, freedom=math.inf, n_tests=1) for m, s in zip(means, stderr, strict=True))
    assert normal - expected > 5 * math.sqrt(expected)
