"""Are mastered and un-learned skills, lost scaling and grokking found in curves that have them, and in no others?"""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'modelcollapse[train]'")

from modelcollapse.experiments.arithmetic_findings import (
    NO_LAW,
    Arm,
    curve_points,
    findings,
    first_learned,
    mastered_sentence,
    ranges_text,
    unlearned,
)

pytestmark = pytest.mark.torch
STEPS = tuple(2**k for k in range(12))
N_SAMPLES = tuple(64 * step for step in STEPS)
MASS = np.array([0.3, 0.3, 0.2, 0.15])
LEARNED = np.array([0, 2, 6, 11])
"""From which measured point on real examples have taught each outcome."""


def arm(name: str, learned: np.ndarray, *, lost_at: int | None = None, noise: float = 0.01) -> Arm:  # type: ignore[type-arg]
    """Return an arm of four replicates that masters outcomes at some points, and loses the last two at another."""
    at = np.arange(len(STEPS))[:, None]
    accuracy = (at >= learned).astype(float)
    if lost_at is not None:
        accuracy[lost_at:, 2:] = 0.0
    accuracy = np.repeat(accuracy[None], 4, axis=0)
    scatter = np.exp(noise * np.random.default_rng(len(name)).standard_normal(accuracy.shape[:2]))
    errors = (1 - accuracy @ MASS) * scatter
    return Arm(name=name, generation=1, errors=errors, grading_stderr=0.001 * errors, accuracy=accuracy)


REAL = arm("real", LEARNED)
NEVER = 99


def even_arm(accuracy: list[list[float]], *, grading: float = 0.1) -> Arm:
    """Return an arm whose replicates have the same errors, with given accuracies."""
    errors = np.tile([0.4, 0.2], (len(accuracy), 1))
    return Arm(name="a", generation=1, errors=errors, grading_stderr=np.full(errors.shape, grading),
               accuracy=np.array(accuracy, dtype=float)[:, None, :].repeat(2, axis=1))  # fmt: skip


def test_unlearned_takes_all_replicates_and_more_wrong_than_right() -> None:
    real = even_arm([[1, 1, 1, 0.9], [1, 1, 0.5, 0.9]])
    arm = even_arm([[0.1, 0.7, 0.1, 0.1], [0.1, 0.1, 0.1, 0.1]])
    assert unlearned(arm, real)[0].tolist() == [True, False, False, False]


def test_curves_are_as_unsure_as_their_grading() -> None:
    """Replicates that agree by chance do not make a curve exact: 4 of them, graded to 0.1, give 0.1/2."""
    curve = even_arm([[1.0]] * 4).curve((100, 200), slice(None))
    np.testing.assert_allclose(curve.stderr, 0.05)
    assert curve.freedom == 3


def test_errors_that_agree_by_chance_are_not_said_to_be_exact() -> None:
    even = even_arm([[1.0]] * 4)
    assert curve_points([even], steps=(1, 2), n_samples=(100, 200))[-1].stderr["test_error"] == pytest.approx(0.05)
    assert mastered_sentence(even).endswith("test error 0.200 ± 0.050.")


def test_mastered_outcomes_are_counted_and_listed() -> None:
    cut = arm("cut", np.array([0, 2, NEVER, NEVER]))
    assert mastered_sentence(cut).startswith("cut: 2 of the outcomes 1 to 4 are mastered in the end: 1, 2; test error")
    assert cut.skills[:, -1].tolist() == [2.0] * 4
    nearly = Arm(
        name="nearly", generation=1, errors=cut.errors, grading_stderr=cut.grading_stderr,
        accuracy=np.where(cut.accuracy == 1, 0.949, 0.0),
    )  # fmt: skip
    assert nearly.skills.max() == 0


def test_unlearned_outcomes_are_those_lost_beside_real_examples_or_on_the_way() -> None:
    beside, on_the_way = unlearned(arm("cut", np.array([0, 2, NEVER, NEVER])), REAL)
    assert beside.tolist() == [False, False, True, True]
    assert not on_the_way.any()
    beside, on_the_way = unlearned(arm("forgets", np.array([0, 2, 4, 6]), lost_at=9), REAL)
    assert beside.tolist() == on_the_way.tolist() == [False, False, True, True]
    assert not np.any(unlearned(REAL, REAL))


def test_scaling_is_lost_where_outcomes_are_cut_and_only_there() -> None:
    cut, same = arm("cut", np.array([0, 2, NEVER, NEVER])), arm("other", LEARNED)
    said = findings([REAL, cut, same], n_samples=N_SAMPLES, natural=True)
    assert any(each.startswith("cut: loss of scaling") for each in said)
    assert not any(each.startswith("other: loss of scaling") for each in said)
    assert "other: no un-learned skills." in said


def test_curves_are_held_against_the_law_of_natural_outcomes_only() -> None:
    cut = arm("cut", np.array([0, 2, NEVER, NEVER]))
    natural, other = (findings([REAL, cut], n_samples=N_SAMPLES, natural=each) for each in (True, False))
    assert any("loss of scaling" in each for each in natural)
    assert NO_LAW not in natural
    assert not any("loss of scaling" in each or "grokking" in each for each in other)
    assert other[-1] == NO_LAW


def test_curve_that_is_sure_alone_is_not_among_many() -> None:
    """A flat end a little surer than one test of one curve asks for: 300 curves would show some such by chance."""
    cut = arm("cut", np.array([0, 2, NEVER, NEVER]), noise=0.05)
    few, many = (findings([REAL, *n * [cut]], n_samples=N_SAMPLES, natural=True) for n in (1, 300))
    assert any(each.startswith("cut: loss of scaling") for each in few)
    assert not any(each.startswith("cut: loss of scaling") for each in many)


def test_grokking_is_a_fall_after_a_plateau_and_only_that() -> None:
    late, cut = arm("late", np.array([0, 2, 11, 11])), arm("cut", np.array([0, 2, NEVER, NEVER]))
    said = findings([REAL, late, cut], n_samples=N_SAMPLES, natural=True)
    assert any(each.startswith("late: grokking") for each in said)
    assert "late: neither loss of scaling nor grokking is sure with 4 replicates." not in said
    assert not any(each.startswith("cut: grokking") for each in said)


def test_arm_that_needs_four_times_the_examples_is_said_to_be_behind() -> None:
    def falling(name: str, factor: float) -> Arm:
        errors = 0.4 * (factor * np.array(STEPS, dtype=float)) ** -0.5 * np.array([[0.99], [1.0], [1.01]])
        accuracy = np.ones((3, len(STEPS), 4))
        return Arm(name=name, generation=1, errors=errors, grading_stderr=0 * errors, accuracy=accuracy)

    said = findings(
        [falling("real", 1.0), falling("slow", 0.25), falling("same", 1.0)], n_samples=N_SAMPLES, natural=True
    )
    assert "slow: neither loss of scaling nor grokking is sure with 3 replicates." in said
    assert "slow: in the end its error is that of the real arm with 0.25 times as many examples." in said
    assert not any(each.startswith("same: in the end") for each in said)


def test_arm_that_is_not_surely_behind_is_not_said_to_be() -> None:
    """The arm needs four times the examples, but its errors are uncertain by more than that is worth."""
    errors = 0.4 * np.array(STEPS, dtype=float) ** -0.5 * np.ones((3, 1))
    accuracy = np.ones((3, len(STEPS), 4))
    arms = [
        Arm(name=name, generation=1, errors=factor * errors, grading_stderr=2 * errors, accuracy=accuracy)
        for name, factor in (("real", 1.0), ("slow", 2.0))
    ]
    said = findings(arms, n_samples=N_SAMPLES, natural=True)
    assert not any(each.startswith("slow: in the end its") for each in said)


def test_curves_are_judged_from_the_second_outcome_on() -> None:
    assert first_learned(REAL) == 2
    assert first_learned(arm("never", np.array([0, NEVER, NEVER, NEVER]))) == len(STEPS) - 1


def test_curves_of_one_replicate_are_not_judged() -> None:
    def first(whole: Arm) -> Arm:
        return Arm(
            name=whole.name, generation=1, errors=whole.errors[:1], grading_stderr=whole.grading_stderr[:1],
            accuracy=whole.accuracy[:1],
        )  # fmt: skip

    said = findings([first(REAL), first(arm("cut", LEARNED))], n_samples=N_SAMPLES, natural=True)
    assert said[-1] == "cut: its curve cannot be judged with one replicate."


def test_points_hold_means_and_standard_errors() -> None:
    points = curve_points([REAL], steps=STEPS, n_samples=N_SAMPLES)
    last = points[-1]
    assert last.setting == {"arm": "real", "generation": 1, "step": STEPS[-1], "n_samples": N_SAMPLES[-1]}
    assert last.values["test_error"] == pytest.approx(REAL.errors[:, -1].mean())
    assert last.stderr["test_error"] == pytest.approx(REAL.errors[:, -1].std(ddof=1) / 2)
    assert last.values["accuracy"] == [1.0] * 4


@pytest.mark.parametrize(("numbers", "text"), [([], ""), ([7], "7"), ([1, 2, 4, 5, 6], "1, 2, 4 to 6")])
def test_ranges_draw_runs_together(numbers: list[int], text: str) -> None:
    assert ranges_text(numbers) == text
