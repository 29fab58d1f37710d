"""Theory's answers to Zipf tasks: what they go over into, numbers beside them, and what is refused."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from modelcollapse import InputError
from modelcollapse.engines import answer, engines_for, refusal
from modelcollapse.problems.tails import Generator, Memory, Purchase, ZipfTask
from modelcollapse.result import TailsResult
from modelcollapse.theory.tails import clean_error, narrowed_error, tail_mass
from modelcollapse.theory.tails_engine import solve_tails

SIZES = [1, 10, 1000, 10**6, 10**15]


def solved(exponent: float = 1.5, sizes: list[int] | None = None, **other: Any) -> TailsResult:
    return solve_tails(ZipfTask(exponent, SIZES if sizes is None else sizes, **other))


@pytest.mark.parametrize(
    ("other", "tolerance"),
    [
        ({}, 1e-9),
        ({"generator": Generator(generations=3)}, 1e-9),
        ({"generator": Generator(rank=10**15), "real_fraction": 0.3}, 1e-9),
        ({"generator": Generator(top_p=1 - 1e-13)}, 1e-9),
        ({"generator": Generator(n_samples=10**12)}, 1e-6),
        ({"generator": Generator(rank=20, real_fraction=1 - 1e-12, generations=5), "real_fraction": 1 - 1e-12}, 1e-9),
        ({"memory": Memory(n_features=10**6, update="threshold", n_outputs=2)}, 1e-2),
    ],
)
@pytest.mark.parametrize("exponent", [2.0, 3.0])
def test_tails_go_over_into_real_data(exponent: float, other: dict[str, Any], tolerance: float) -> None:
    sizes = [1, 10, 1000, 10**5]
    found = solved(exponent, sizes, **other)
    real = solved(exponent, sizes).test_error[0]
    assert real == pytest.approx(clean_error(sizes, exponent=exponent), rel=1e-6)
    for errors in found.test_error:
        assert errors == pytest.approx(real, rel=tolerance)
    assert found.knowledge[-1] == pytest.approx(found.knowledge[0], abs=tolerance)


def test_generations_of_perfect_generators_compound() -> None:
    narrowed = solved(generator=Generator(temperature=0.9, generations=4))
    assert narrowed.test_error[4] == pytest.approx(narrowed_error(SIZES, exponent=1.5, temperature=0.9**4), rel=1e-6)
    assert narrowed.numbers["narrowed_exponent"] == pytest.approx(0.9**4 / 3)
    assert narrowed.floor == (0.0,) * 5
    cut = solved(generator=Generator(top_p=0.9, generations=3))
    assert np.diff(cut.floor).min() > 0.05
    same = solved(generator=Generator(rank=100, generations=3))
    assert same.floor[1] == same.floor[3] == pytest.approx(tail_mass(100, exponent=1.5), rel=1e-10)


def test_floors_of_finite_samples_grow_slower_than_their_linear_bound() -> None:
    found = solved(generator=Generator(n_samples=3000, generations=10), sizes=[100])
    bound = found.bounds["floor"].upper
    assert isinstance(bound, tuple)
    assert bound[:2] == found.floor[:2]
    assert all(low < high for low, high in zip(found.floor[2:], bound[2:], strict=True))
    assert found.floor[10] < 3 * found.floor[1] < bound[10]
    assert found.numbers["real_ancestors"] < 100
    assert "floor" not in solved(generator=Generator(n_samples=3000, real_fraction=0.2)).bounds
    assert not solved(generator=Generator(n_samples=300), output="bigram", sizes=[100]).bounds


def test_recovery_is_where_the_error_is_half_of_the_plateau() -> None:
    task = {"generator": Generator(rank=100), "real_fraction": 0.01}
    numbers = solved(**task).numbers
    assert numbers["plateau_start"] == pytest.approx(1000)
    assert numbers["grokking_time"] == pytest.approx(10**5)
    at = round(numbers["recovery_time"])
    assert solved(sizes=[at], **task).test_error[1][0] == pytest.approx(numbers["plateau_error"] / 2, rel=1e-2)
    assert solved(generator=Generator(n_samples=500), real_fraction=0.01).numbers["recovery_time"] > 500
    assert "recovery_time" not in solved(generator=Generator(rank=100)).numbers


def test_curves_bend_where_the_last_item_that_is_written_is_seen() -> None:
    """Narrowed to β/τ^g, rank k comes k^(β/τ^g) times as rarely as the first; at 10 times that the curve is flat."""
    for generations, start in ((1, 100 ** (1.5 / 0.8)), (2, 100 ** (1.5 / 0.64))):
        found = solved(generator=Generator(rank=100, temperature=0.8, generations=generations))
        assert found.numbers["plateau_start"] == pytest.approx(start)
        at = [round(start / 10), round(10 * start)]
        errors = solved(sizes=at, generator=Generator(rank=100, temperature=0.8, generations=generations)).test_error
        assert errors[-1][0] > 1.05 * found.floor[-1]
        assert errors[-1][1] == pytest.approx(found.floor[-1], rel=1e-2)
    assert "plateau_start" not in solved(generator=Generator(rank=10**9, temperature=0.02)).numbers
    assert "plateau_start" not in solved(generator=Generator(rank=1000, n_samples=10_000)).numbers


def test_numbers_are_told_of_what_is_there() -> None:
    filled = solved(generator=Generator(rank=100), real_fraction=0.3, purchase=Purchase(0.1, rank=101)).numbers
    assert set(filled) == {"scaling_exponent", "cut_rank"}
    before = solved(generator=Generator(rank=100, temperature=0.5), real_fraction=0.1).numbers
    assert set(before) == {"scaling_exponent", "cut_rank"}
    deep = solved(generator=Generator(rank=100), real_fraction=0.01, purchase=Purchase(0.1, rank=1000)).numbers
    assert {"grokking_time", "recovery_time"} < set(deep)
    assert set(solved(1.01, generator=Generator(top_p=0.999999)).numbers) == {"scaling_exponent"}
    assert set(solved(generator=Generator()).numbers) == {"scaling_exponent"}


def test_purchases_close_to_the_cut_restore_learning_and_deep_ones_do_not() -> None:
    near = solved(generator=Generator(rank=100), purchase=Purchase(0.1, rank=101))
    deep = solved(generator=Generator(rank=100), purchase=Purchase(0.1, rank=10**6))
    assert near.floor[1] == 0
    assert near.test_error[1][-1] < 1e-4
    assert deep.floor[1] == pytest.approx(float(tail_mass(100, exponent=1.5) - tail_mass(10**6 - 1, exponent=1.5)))


@pytest.mark.parametrize("output", ["labels", "bigram"])
def test_one_sample_teaches_one_item(output: str) -> None:
    found = solved(output=output, generator=Generator(rank=50))
    assert [row[0] for row in found.learned_items] == pytest.approx([1, 1], rel=1e-9)
    assert found.learned_items[1][-1] == pytest.approx(50, rel=1e-9)
    assert found.knowledge[1][0] == pytest.approx(1, rel=1e-9)
    assert found.ranks[-1] >= 100 * 1e10


def test_floor_is_where_curves_end() -> None:
    for other in ({"output": "bigram", "generator": Generator(temperature=0.8)},
                  {"output": "bigram", "generator": Generator(rank=9), "real_fraction": 0.2},
                  {"output": "bigram", "generator": Generator(n_samples=100)},
                  {"generator": Generator(n_samples=100, generations=3)},
                  {"memory": Memory(n_features=16), "generator": Generator(rank=40)}):  # fmt: skip
        found = solved(2.0, [10**15], **other)
        for errors, floor in zip(found.test_error[1:], found.floor[1:], strict=True):
            assert errors[0] == pytest.approx(floor, rel=1e-3), other


@pytest.mark.parametrize(
    "problem",
    [
        ZipfTask(1.5, [10], generator=Generator(n_samples=100, temperature=0.9)),
        ZipfTask(1.5, [10], generator=Generator(n_samples=100, top_p=0.9)),
        ZipfTask(1.5, [10], generator=Generator(n_samples=3, rank=2)),
        ZipfTask(1.5, [10], generator=Generator(n_samples=1000, real_fraction=0.01, generations=2)),
        ZipfTask(1.5, [10], generator=Generator(n_samples=100), memory=Memory(n_features=8)),
        ZipfTask(1.5, [10], generator=Generator(n_samples=100, generations=2), output="bigram"),
    ],
)
def test_tails_say_what_theory_does_not_answer(problem: ZipfTask) -> None:
    assert refusal(problem, "theory")
    assert "simulation" in engines_for(problem)
    with pytest.raises(InputError, match="Use the simulation"):
        answer(problem)


def test_result_has_a_standard_error_of_zero_for_everything() -> None:
    found = solved(generator=Generator(rank=10, generations=2))
    assert np.shape(found.stderr["test_error"]) == np.shape(found.test_error) == (3, len(SIZES))
    assert np.shape(found.stderr["knowledge"]) == np.shape(found.knowledge) == (3, len(found.ranks))
    assert not np.any(found.stderr["learned_items"])
    assert len(found.stderr["floor"]) == 3


def test_many_sizes_and_generations_are_fast() -> None:
    start = time.perf_counter()
    sizes = np.unique(np.round(np.geomspace(1, 1e15, 60)))
    solved(1.1, sizes.tolist(), generator=Generator(n_samples=10**6, generations=100), real_fraction=0.0)
    solved(1.1, sizes.tolist(), generator=Generator(top_p=0.99, generations=30, real_fraction=0.1))
    assert time.perf_counter() - start < 20  # about 2 s
