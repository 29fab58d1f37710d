"""Does the verdict say what the numbers say? Every sentence and confidence from numbers made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from audit_fixture import NAN, point, validation_point
from modelcollapse.decisions.audit_result import Crossover, MixtureForecast, ValidationPoint
from modelcollapse.decisions.verdict import Agreement, Verdict, agreement, judge
from modelcollapse.digits import rows_text, share_text
from modelcollapse.result import Status

GOOD = Agreement(holds=True, median_deviation=0.012, inflation=1.1, points=7)
LEAVE = "Leave the synthetic rows out"


def mixture(synthetic: float, test_error: float, *, weight: float = 1.0) -> MixtureForecast:
    return MixtureForecast(
        counts={"real": 300, "synthetic": synthetic},
        weight=weight,
        ridge=0.1,
        test_error=test_error,
        band=(test_error - 0.1, test_error + 0.1),
        stderr=0.01,
        run_to_run=0.01,
        holdout_stderr=0.01,
        training_error={},
        measures={},
        status=Status.OK if np.isfinite(test_error) else Status.NOT_ENOUGH_DATA,
    )


def verdict(**changes: Any) -> Verdict:
    """Judge numbers in which synthetic rows clearly help, with some of them replaced."""
    numbers: dict[str, Any] = {
        "real_only": mixture(0, 1.0),
        "at_hand": mixture(400, 0.9),
        "best": mixture(300, 0.8),
        "gain_stderr": 0.02,
        "harm_stderr": 0.02,
        "crossover": Crossover(best_count=300.0, harmful_count=None, largest_count=4e4),
        "checked": GOOD,
    }
    return judge(**{**numbers, **changes})


def test_verdict_says_how_much_help_to_take() -> None:
    assert verdict() == Verdict(
        sentence="Mix in 300 synthetic rows: the test error falls by 20 % against the real rows alone.",
        details="Adding all of them as they are lowers the error by 10 %.",
        confidence="high",
        reason="the forecast is within 1.2 % (median) of models trained on 7 mixtures and the difference is "
        "10 standard errors",
        mix_in=True,
    )


def test_verdict_names_the_weight_the_rows_to_be_made_and_where_harm_begins() -> None:
    harmful = Crossover(best_count=30.0, harmful_count=123.4, largest_count=4e4)
    told = verdict(best=mixture(1234, 0.8, weight=0.35), at_hand=mixture(400, 1.3), crossover=harmful)
    assert f"{told.sentence} {told.details}" == (
        "Mix in 1,230 synthetic rows (400 are at hand) at weight 0.35: the test error falls by 20 % against the real "
        "rows alone. Adding all of them as they are raises the error by 30 %. Beyond about 123 rows at full weight "
        "they do harm."
    )


def test_verdict_does_not_sell_a_gain_that_is_sure_but_small() -> None:
    told = verdict(best=mixture(300, 0.995), gain_stderr=0.001, at_hand=mixture(400, 0.999))
    assert told.sentence == (
        "The synthetic rows hardly matter: 300 synthetic rows lower the test error by 0.50 % only."
    )
    assert told.mix_in


def test_verdict_names_the_sources_to_take_when_there_are_several() -> None:
    def several(mixed: MixtureForecast, **counts: float) -> MixtureForecast:
        return replace(mixed, counts={"real": 300, "synthetic": 0, "synthetic2": 0} | counts)

    told = verdict(
        best=several(mixture(0, 0.8), synthetic2=250),
        at_hand=several(mixture(0, 0.9), synthetic=400, synthetic2=200),
        real_only=several(mixture(0, 1.0)),
    )
    assert f"{told.sentence} {told.details}" == (
        "Mix in 250 rows of synthetic2 (200 are at hand): the test error falls by 20 % against the real rows alone. "
        "Adding all synthetic rows as they are lowers the error by 10 %."
    )


def test_verdict_leaves_rows_out_that_only_harm() -> None:
    nothing = {"best": mixture(0, 1.0), "gain_stderr": 0.0, "at_hand": mixture(400, 1.5)}
    assert verdict(**nothing).sentence == f"{LEAVE}."
    assert verdict(**nothing).details == "Adding all of them as they are raises the error by 50 %."
    assert verdict(**nothing).confidence == "high"
    slight = {"best": mixture(20, 0.995), "at_hand": mixture(400, 1.5)}
    assert verdict(**slight).sentence == f"{LEAVE}: no mixture is clearly better than the real rows alone."


def test_verdict_says_when_rows_make_no_difference() -> None:
    told = verdict(best=mixture(0, 1.0), gain_stderr=0.0, at_hand=mixture(400, 1.004))
    assert f"{told.sentence} {told.details}" == (
        "The synthetic rows make no difference that shows. Adding all of them as they are changes the error by less "
        "than this data can tell (estimate: 0.40 % higher)."
    )
    assert told.confidence == "low"
    assert told.reason.endswith("the difference is only 0.2 standard errors")


def test_verdict_says_when_a_gain_may_be_chance() -> None:
    told = verdict(best=mixture(300, 0.99), at_hand=mixture(400, 0.98))
    assert f"{told.sentence} {told.details}" == (
        "There is not enough data to tell whether the synthetic rows help. Adding all of them as they are changes the "
        "error by less than this data can tell (estimate: 2.0 % lower)."
    )
    assert told.confidence == "low"


def test_verdict_knows_a_gain_too_small_to_matter_from_one_that_cannot_be_told() -> None:
    tiny = {"best": mixture(300, 0.999), "at_hand": mixture(400, 1.001), "harm_stderr": 0.002}
    assert verdict(**tiny, gain_stderr=0.002).sentence == "The synthetic rows make no difference that shows."
    assert verdict(**tiny, gain_stderr=0.02).sentence.startswith("There is not enough data to tell whether")


@pytest.mark.parametrize("unknown", ["real_only", "best"])
def test_verdict_says_when_the_data_cannot_tell(unknown: str) -> None:
    crossover = Crossover(best_count=30.0, harmful_count=100.0, largest_count=4e4)
    told = verdict(**{unknown: mixture(0, NAN)}, gain_stderr=NAN, crossover=crossover)
    assert told.sentence.startswith("There is not enough data to tell what the synthetic rows do.")
    assert "do harm" not in told.details
    assert told.confidence == "low"
    assert "cannot tell" in told.reason


def test_verdict_says_disagreement_first() -> None:
    told = verdict(checked=Agreement(holds=False, median_deviation=0.31, inflation=4.0, points=7))
    assert told.sentence == (
        "The forecast disagrees with models trained on the spot (typically by 31 %): do not rely on its numbers."
    )
    assert told.details.startswith("Mix in")
    assert (told.confidence, "outside" in told.reason) == ("low", True)


def test_verdict_says_first_that_nothing_was_checked() -> None:
    told = verdict(checked=agreement([]))
    assert told.sentence.startswith(
        "The forecast could not be checked against trained models: there is too little data."
    )
    assert (told.confidence, told.reason) == ("low", "no trained model could be compared")


@pytest.mark.parametrize(
    ("changes", "confidence"),
    [
        ({}, "high"),
        ({"gain_stderr": 0.07, "harm_stderr": 0.1}, "medium"),
        ({"gain_stderr": 0.1, "harm_stderr": 0.02}, "low"),  # a gain that may be luck, and no harm
        ({"gain_stderr": 0.1, "at_hand": mixture(400, 1.2)}, "high"),
        ({"gain_stderr": 0.1, "at_hand": mixture(400, 1.04)}, "medium"),
        ({"gain_stderr": 0.2, "harm_stderr": 0.2}, "low"),
        ({"checked": Agreement(holds=True, median_deviation=0.06, inflation=1.0, points=7)}, "medium"),
        ({"checked": Agreement(holds=True, median_deviation=0.01, inflation=1.0, points=1)}, "medium"),
    ],
)
def test_verdict_confidence_follows_difference_and_check(changes: dict[str, Any], confidence: str) -> None:
    assert verdict(**changes).confidence == confidence


@pytest.mark.parametrize(
    ("crossover", "harm", "spoken"),
    [
        (Crossover(best_count=30.0, harmful_count=900.0, largest_count=4e4), 0.9, True),
        (Crossover(best_count=30.0, harmful_count=100.0, largest_count=4e4), 0.9, False),
        (Crossover(best_count=0.0, harmful_count=100.0, largest_count=4e4), 1.5, False),
        (Crossover(best_count=30.0, harmful_count=None, largest_count=4e4), 1.5, False),
        (Crossover(best_count=NAN, harmful_count=None, largest_count=NAN), 1.5, False),
    ],
)
def test_verdict_names_a_limit_only_where_it_agrees_with_the_rest(
    crossover: Crossover, harm: float, spoken: bool
) -> None:
    told = verdict(crossover=crossover, at_hand=mixture(400, harm))
    assert ("do harm" in told.details) is spoken


def checks(*deviations: float) -> list[ValidationPoint]:
    return [validation_point(300.0, 100.0, off=off, classification=False) for off in deviations]


def test_agreement_holds_while_deviations_are_what_chance_gives() -> None:
    fine = agreement(checks(0.1, -0.5, 1.0, 2.1, -2.2, 0.3, 0.2))
    assert fine.holds
    assert fine.points == 7
    assert fine.inflation == 1.0
    assert agreement(checks(1.9, 1.8, 1.9)).holds  # one pool that deviates by chance


def test_agreement_enlarges_standard_errors_that_were_too_small() -> None:
    assert agreement(checks(1.9, -1.9, 1.9)).inflation == pytest.approx(1.9 / 1.645, rel=1e-6)


def test_agreement_fails_when_deviations_are_too_large_for_chance() -> None:
    assert not agreement(checks(2.1, -2.1, 2.1)).holds
    assert not agreement(checks(0.1, -0.5, 1.0, 7.0, 0.3, 0.2, 0.1)).holds


def test_agreement_without_points_does_not_hold() -> None:
    nothing = agreement([])
    assert (nothing.holds, nothing.points, nothing.inflation) == (False, 0, 1.0)


def test_deviation_of_numbers_that_are_sure_is_at_the_scale_of_rounding() -> None:
    sure = ValidationPoint(
        counts={},
        weight=1.0,
        ridge=1.0,
        forecast=2.0,
        forecast_stderr=0.0,
        measured=2.0 + 1e-15,
        stderr=0.0,
        repeats=1,
        measures={},
        measured_measures={},
    )
    assert abs(sure.deviation) < 1e-3
    assert point(300.0, 0.0).status is Status.OK


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0523, "5.2 %"),
        (0.0999999, "10 %"),
        (-0.0523, "5.2 %"),
        (0.5, "50 %"),
        (7.923, "792 %"),
        (0.00123, "0.12 %"),
        (0.0, "0 %"),
    ],
)
def test_percent_has_two_digits(value: float, text: str) -> None:
    assert share_text(value) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0.4, "0"), (37.6, "38"), (999.0, "999"), (1234.0, "1,230"), (98765.0, "98,800")],
)
def test_rows_have_three_digits_and_separators(count: float, text: str) -> None:
    assert rows_text(count) == text
