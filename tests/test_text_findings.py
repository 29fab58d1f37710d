"""Do sentences on collapse name the right models, with the right signs, and say "surely" only of what is sure?"""

from __future__ import annotations

from typing import Any

import pytest
from scipy import stats

from modelcollapse.experiments.text_findings import Change, Measured, findings


def losses(*values: float) -> list[dict[str, Any]]:
    """Return what replicates measured that have these losses and nothing else of interest."""
    return [{"validation_loss": value, "tail_loss": 4.0, "entropy": 2.0, "distinct_words": 90.0} for value in values]


def generation(arm: str, number: int) -> Any:
    return (("workflow", arm), ("generation", number))


def student(fraction: float) -> Any:
    return (("student", "2x64"), ("n_tokens", 1000), ("synthetic_fraction", fraction))


def test_findings_hold_arms_against_each_other_where_both_end_and_students_against_real_data() -> None:
    found: Measured = {
        generation("replace", 0): losses(1.0, 1.0),
        generation("replace", 1): losses(2.0, 4.0),
        generation("replace", 2): losses(7.0, 9.0),
        generation("mix", 0): losses(1.0, 1.0),
        generation("mix", 1): losses(1.0, 2.0),
        student(0.5): losses(3.0, 3.5),
        student(1): losses(6.0, 8.0),
        student(0): losses(2.0, 3.0),
    }
    replace, mix, between, students, meaning = findings(found)
    assert replace.startswith("replace, from generation 0 to 2: validation loss +7.0 ± 1.0 nats (not surely), loss of")
    assert mix.startswith("mix, from generation 0 to 1: validation loss +0.50 ± 0.50 nats (not surely), loss of")
    assert between == "mix against replace, at generation 1: validation loss -1.50 ± 0.50 nats (not surely)."
    assert students == (
        "student 2x64 on 1,000 tokens, from a synthetic fraction of 0 to 1: validation loss +4.50 ± 0.50 nats "
        "(not surely)."
    )
    bound = stats.t.isf(0.01 / 2 / 10, 1)  # four changes of each arm, the arms, the students
    assert meaning.startswith(f'"surely" means beyond {bound:.1f} standard errors: 1 % for any of 10 changes')


def test_findings_say_what_cannot_be_measured() -> None:
    def measured(loss: float) -> dict[str, Any]:
        return {**losses(loss)[0], "tail_loss": None}

    found: Measured = {generation("replace", t): [measured(t), measured(t)] for t in (0, 1)}
    assert "loss of the tail's tokens unknown, entropy" in findings(found)[0]


@pytest.mark.parametrize("sign", [-1, 1])
def test_changes_are_sure_at_one_percent_for_all_tests_and_both_signs_together(sign: int) -> None:
    """The twin: a bound for one sign alone, or for one test alone, lies below both."""
    n_replicates, n_tests = 4, 9
    bound = float(stats.t.isf(0.01 / (2 * n_tests), n_replicates - 1))
    words = "surely up" if sign > 0 else "surely down"
    assert Change(sign * 1.01 * bound, 1.0, n_replicates).verdict(n_tests=n_tests) == f" ({words})"
    assert Change(sign * 0.99 * bound, 1.0, n_replicates).verdict(n_tests=n_tests) == " (not surely)"
    for looser in (0.01 / n_tests, 0.01 / 2):
        assert stats.t.isf(looser, n_replicates - 1) < 0.99 * bound
