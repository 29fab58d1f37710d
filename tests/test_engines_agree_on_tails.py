"""Do theory and simulation give the same numbers to every kind of Zipf task, and no wrong theory?

Theory of Zipf tasks is exact at every size, so each is simulated at its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from modelcollapse import ZipfTask
from modelcollapse.decisions.agreement import widening
from modelcollapse.engines import answer, engines_for
from modelcollapse.result import Status, TailsResult
from tail_catalogue import BIGRAMS, LABELS, MEMORIES

N_REPLICATES = 100
THRESHOLD = 5.0
"""Standard errors, widened for few replicates, within which two numbers agree."""
ROUNDING = 1e-8
"""Differences below this, relative to the larger of a number and what it is taken from, are rounding."""
UNSEEN = 10 / N_REPLICATES
"""Share of replicates that chance leaves out less than once in 20,000 times: e^−10."""
WRONG = 0.7
"""A theory that takes 30 % of the data away is seen on every task."""
TASKS = {**{f"labels: {name}": task for name, task in LABELS.items()},
         **{f"bigram: {name}": task for name, task in BIGRAMS.items()}}  # fmt: skip


@pytest.fixture(scope="module")
def simulated() -> Callable[[str], TailsResult]:
    """Return what the simulation says about a task of the catalogue; drawn once for all tests of a worker."""
    known: dict[str, TailsResult] = {}

    def simulate(name: str) -> TailsResult:
        if name not in known:
            seed = list(TASKS).index(name)
            result = answer(TASKS[name], engine="simulation", seed=seed, n_replicates=N_REPLICATES)
            assert isinstance(result, TailsResult)
            known[name] = result
        return known[name]

    return simulate


@pytest.mark.parametrize("name", TASKS)
def test_theory_agrees_with_simulation_of_tails_and_no_wrong_theory_does(
    name: str, simulated: Callable[[str], TailsResult]
) -> None:
    task, drawn = TASKS[name], simulated(name)
    assert engines_for(task) == ("theory", "simulation")
    assert drawn.status is Status.OK
    assert furthest(solved(task), drawn) < THRESHOLD
    assert furthest(with_less_data(task), drawn) > THRESHOLD
    assert furthest(with_another_exponent(task), drawn) > THRESHOLD


@pytest.mark.parametrize("name", ["labels: many samples", "labels: samples of a steep law"])
def test_simulation_of_tails_disagrees_with_errors_linear_in_the_generations(
    name: str, simulated: Callable[[str], TailsResult]
) -> None:
    """The published bound: each generation loses as much as the first."""
    drawn, expected = simulated(name), solved(TASKS[name])
    bound = expected.bounds["floor"].upper
    assert isinstance(bound, tuple)
    assert furthest(replace(expected, floor=(*expected.floor[:2], *bound[2:])), drawn) > THRESHOLD
    assert all(low <= high for low, high in zip(expected.floor, bound, strict=True))


def test_simulation_of_tails_disagrees_with_a_sum_of_two_powers(simulated: Callable[[str], TailsResult]) -> None:
    """The published law E ≍ T^−c + k^−(β−1) is no equation: with the right factors it is too large at the knee."""
    name = "labels: cut at a rank"
    drawn, expected = simulated(name), solved(TASKS[name])
    summed = tuple(clean + expected.floor[1] for clean in expected.test_error[0])
    wrong = replace(expected, test_error=(expected.test_error[0], summed))
    assert furthest(wrong, drawn) > THRESHOLD


@pytest.mark.parametrize("name", MEMORIES)
def test_theory_of_limited_memories_is_near_their_simulation(name: str) -> None:
    """Within 10 % and 5 standard errors; theory of a memory of a quarter of the features is not."""
    task = MEMORIES[name]
    assert task.memory is not None
    drawn = answer(task, engine="simulation", n_replicates=N_REPLICATES)
    assert isinstance(drawn, TailsResult)
    smaller = replace(task, memory=replace(task.memory, n_features=task.memory.n_features // 4))
    assert is_near(solved(task), drawn)
    assert not is_near(solved(smaller), drawn)


def is_near(expected: TailsResult, drawn: TailsResult) -> bool:
    """Whether errors and items are about the same."""
    for name in ("test_error", "learned_items"):
        values, others = (np.array(getattr(each, name)) for each in (expected, drawn))
        if (np.abs(values - others) > 0.1 * others + THRESHOLD * np.array(drawn.stderr[name])).any():
            return False
    return True


def with_less_data(task: ZipfTask) -> TailsResult:
    """Return theory of a learner with 30 % fewer data."""
    fewer = replace(task, n_samples=np.maximum(1, np.round(WRONG * task.sizes)) + (task.sizes == 1))
    return replace(solved(fewer), ranks=task.told_ranks)


def with_another_exponent(task: ZipfTask) -> TailsResult:
    """Return theory of a law whose tail is thicker: β − 1 is 20 % smaller."""
    return solved(replace(task, zipf_exponent=1 + 0.8 * (task.zipf_exponent - 1)))


def solved(task: ZipfTask) -> TailsResult:
    result = answer(task)
    assert isinstance(result, TailsResult)
    return result


def furthest(expected: TailsResult, drawn: TailsResult) -> float:
    """Return the largest difference of any quantity at any generation and size, in standard errors."""
    return max(
        deviation(expected.test_error, drawn, "test_error"),
        deviation(expected.learned_items, drawn, "learned_items"),
        deviation([row[: len(drawn.ranks)] for row in expected.knowledge], drawn, "knowledge"),
        deviation(expected.floor, drawn, "floor"),
    )


def deviation(expected: Any, drawn: TailsResult, name: str) -> float:
    """Return the largest difference of one quantity.

    Where all replicates say the same they have no standard error; a few of them could then have missed an item, or
    seen one more, which changes errors by no more than themselves.
    """
    worst = 0.0
    rows = [np.ravel(each) for each in (expected, getattr(drawn, name), drawn.stderr[name], drawn.freedom[name])]
    for value, simulated, stderr, freedom in zip(*rows, strict=True):
        gap = abs(value - simulated) - ROUNDING * abs(value)
        if stderr > ROUNDING * abs(value):
            worst = max(worst, gap / (widening(1 + freedom) * stderr))
        elif gap > UNSEEN * {"test_error": abs(value), "floor": 0.0}.get(name, 1.0):
            worst = math.inf
    return worst


def test_catalogue_of_tails_has_every_generator_mix_and_output() -> None:
    tasks = list(TASKS.values())
    makers = [task.generator for task in tasks if task.generator is not None]
    assert {bool(task.real_fraction) for task in tasks} == {True, False}
    assert {task.purchase is None for task in tasks} == {True, False}
    for field in ("n_samples", "rank", "top_p"):
        assert {getattr(maker, field) is None for maker in makers} == {True, False}
    assert {maker.temperature < 1 for maker in makers} == {True, False}
    assert {maker.real_fraction > 0 for maker in makers} == {True, False}
    assert len(tasks) >= 30
