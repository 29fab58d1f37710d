"""Is theory of tails found right where it is, wrong where it is not, and left alone where it only approximates?"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from drawn_once import drawn_once
from modelcollapse import Generator, InputError, Memory, ZipfTask
from modelcollapse.decisions.comparison import compare
from modelcollapse.simulation import tails_engine as simulation
from modelcollapse.theory import tails_engine as theory

TASK = ZipfTask(1.5, [100, 10_000], generator=Generator(n_samples=1000, generations=3))


def test_compare_agrees_with_theory_of_tails_and_not_with_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "solve_tails", drawn_once(simulation.solve_tails))
    found = compare(TASK, n_replicates=100)
    assert found.agree, found.verdict
    assert list(found.simulations) == [1]
    assert found.verdict.startswith("Theory and simulation agree: all ")
    assert "test error at T = 100 of generation 3" in found.verdict
    assert "learned_items at T = 10000 of generation 2" in found.quantities
    json.dumps(found.to_dict(), allow_nan=False)
    right = theory.solve_tails
    monkeypatch.setattr(
        theory, "solve_tails", lambda task: right(replace(task, generator=Generator(n_samples=700, generations=3)))
    )
    wrongly = compare(TASK, n_replicates=100)
    assert wrongly.agree is False
    assert "test_error" in wrongly.verdict


@pytest.mark.parametrize("generator", [None, Generator(rank=5), Generator(top_p=0.9), Generator(n_samples=1)])
def test_compare_judges_tails_where_all_replicates_learn_the_same(generator: Generator | None) -> None:
    found = compare(ZipfTask(2.0, [10, 10**6], generator=generator), n_replicates=50)
    assert found.agree, found.verdict


def test_compare_does_not_judge_limited_memories() -> None:
    with pytest.raises(InputError, match=r"approximation|answer"):
        compare(ZipfTask(1.5, [100], memory=Memory(32)))


def test_compare_has_nothing_to_say_of_tails_that_only_theory_answers() -> None:
    with pytest.raises(InputError, match=r"nothing to compare.*`solve`"):
        compare(ZipfTask(1.5, [10**15]))
