"""Does a simulated memory of limited capacity recall what its matrix recalls, and how much of that?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from modelcollapse import Generator, Memory, ZipfTask
from modelcollapse.simulation import tail_memory
from modelcollapse.simulation.tail_memory import Capacity, recalled
from modelcollapse.simulation.tails_engine import solve_tails, unsupported
from modelcollapse.simulation.zipf import Counted

THRESHOLD = 5.0
"""Standard errors."""
N_ITEMS = 4000
SEEN = Counted(ranks=np.arange(1.0, 61) ** 2, counts=np.floor(1e4 * np.arange(1.0, 61) ** -1.5).astype(np.int64))


def capacity(
    n_features: int, update: str = "proportional", *, n_outputs: int = 20, power: float | None = None
) -> Capacity:
    return Capacity(n_features=n_features, n_outputs=n_outputs, update=update, power=power)


def of_the_matrix(generator: np.random.Generator, seen: Counted, memory: Capacity) -> Any:
    """Return what the memory recalls, by the matrix that defines it, with the random numbers in the same order."""
    labels = generator.integers(memory.n_outputs, size=len(seen.ranks))
    vectors, outputs = (generator.standard_normal((n, memory.n_features)) for n in (len(seen.ranks), memory.n_outputs))
    vectors, outputs = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (vectors, outputs))
    share = seen.counts / seen.counts.sum()
    strengths = share if memory.update == "proportional" else share ** (memory.power or 1)
    if memory.update == "threshold":
        strengths = (np.arange(len(share)) < memory.n_features).astype(float)  # counts fall with the rank
    matrix = sum(s * np.outer(e, outputs[j]) for s, e, j in zip(strengths, vectors, labels, strict=True))
    return ((vectors @ matrix @ outputs.T).argmax(axis=1) == labels) & (strengths > 0)


@pytest.mark.parametrize(
    "memory",
    [capacity(8), capacity(32), capacity(8, "power", power=0.4), capacity(8, "threshold"), capacity(2, n_outputs=40)],
    ids=["small", "larger", "power", "threshold", "many outputs"],
)
def test_memory_recalls_what_its_matrix_recalls(memory: Capacity, monkeypatch: pytest.MonkeyPatch) -> None:
    for blocks in (2**22, 50):
        monkeypatch.setattr(tail_memory, "BLOCK", blocks)
        for seed in range(5):
            (found,) = recalled(np.random.default_rng(seed), [SEEN], memory)
            expected = of_the_matrix(np.random.default_rng(seed), SEEN, memory)
            np.testing.assert_array_equal(found, expected)
            assert found.sum() > 0
    assert not expected.all()


def test_memory_holds_the_most_frequent_items_and_of_equal_ones_the_first() -> None:
    seen = Counted(ranks=np.array([1.0, 5, 7, 9]), counts=np.array([1, 3, 1, 1]))
    (found,) = recalled(np.random.default_rng(0), [seen], capacity(2, "threshold", n_outputs=2))
    assert not found[2:].any()


def test_memory_of_many_features_knows_what_one_without_limit_knows() -> None:
    sizes, sets = [10, 100], 400
    limited = solve_tails(ZipfTask(2.0, sizes, memory=Memory(4096, n_outputs=3)), n_replicates=40)
    endless = solve_tails(ZipfTask(2.0, sizes), seed=1, n_replicates=sets)
    for name in ("test_error", "learned_items"):
        values, others = (np.array(getattr(each, name)) for each in (limited, endless))
        stderr = np.hypot(np.array(limited.stderr[name]), np.array(endless.stderr[name]))
        assert (np.abs(values - others) < THRESHOLD * stderr).all()
    assert all(math.isnan(floor) for floor in limited.floor)
    small = solve_tails(ZipfTask(2.0, sizes, memory=Memory(8, n_outputs=3)), n_replicates=100)
    gap = np.array(small.test_error) - np.array(endless.test_error)
    assert (
        gap > THRESHOLD * np.hypot(np.array(small.stderr["test_error"]), np.array(endless.stderr["test_error"]))
    ).all()


@pytest.mark.parametrize(
    ("exponent", "update", "power", "published"),
    [(1.5, "proportional", None, -0.17), (1.5, "power", 0.5, -0.41), (1.5, "threshold", None, -0.60),
     (2.0, "proportional", None, -0.20), (2.0, "power", 0.5, -0.54), (2.0, "threshold", None, -1.06)],
)  # fmt: skip
def test_errors_of_memories_fall_with_their_size_about_as_measured_elsewhere(
    exponent: float, update: str, power: float | None, published: float
) -> None:
    """Slopes from 32 to 512 features, 4000 items and 20 outputs, of a few runs: rough numbers, compared roughly.

    Medians: now and then one of the most frequent items is misread, and its mass decides the mean of a few runs.
    """
    shares = np.arange(1.0, N_ITEMS + 1) ** -exponent
    sizes, medians = [32, 512], []
    for n_features in sizes:
        n_held, n_runs = (n_features, 40) if update == "threshold" else (N_ITEMS, 6)
        counts = np.round(1e15 * shares[:n_held]).astype(np.int64)
        seen, memory = (
            Counted(ranks=np.arange(1.0, n_held + 1), counts=counts),
            capacity(n_features, update, power=power),
        )
        runs = (recalled(np.random.default_rng(seed), [seen], memory)[0] for seed in range(n_runs))
        medians.append(float(np.median([1 - shares[:n_held][known].sum() / shares.sum() for known in runs])))
    slope = math.log(medians[1] / medians[0]) / math.log(sizes[1] / sizes[0])
    assert slope == pytest.approx(published, abs=0.12)


def test_simulation_says_which_memories_are_too_large() -> None:
    reason = unsupported(ZipfTask(1.5, [10**6], memory=Memory(10_000)))
    assert reason is not None
    assert "14,000 items of 10,000" in reason
    assert unsupported(ZipfTask(1.5, [10**6], memory=Memory(1000))) is None


def test_memory_learns_no_more_from_cut_data_than_these_have() -> None:
    task = ZipfTask(1.5, [10**5], generator=Generator(rank=20), memory=Memory(512))
    result = solve_tails(task, n_replicates=20)
    assert result.learned_items[1][0] <= 20
    assert result.test_error[1][0] > result.test_error[0][0]
    assert [known for rank, known in zip(result.ranks, result.knowledge[1], strict=True) if rank > 20] == [0.0] * sum(
        rank > 20 for rank in result.ranks
    )
