"""Does the picture of arithmetic experiments show what was measured?"""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from modelcollapse.figures.arithmetic_training import arithmetic_training_data, draw_arithmetic_training
from modelcollapse.result import Status, TrainedPoint, TrainingResult

N_SAMPLES = (64, 640, 6400)
ARMS = {
    ("real", 0): ((0.4, 0.2, 0.1), (1, 2, 3)),
    ("cut", 1): ((0.4, 0.3, 0.3), (1, 2, 2)),
    ("answers", 2): ((0.4, 0.3, 0.2), (1, 1, 2)),
}


def measured() -> TrainingResult:
    """Return three arms at three steps, of four outcomes of which the last is never learned."""
    points = [
        TrainedPoint(
            setting={"arm": arm, "generation": generation, "step": n_samples // 64, "n_samples": n_samples},
            values={"test_error": errors[at], "skills": skills[at],
                    "accuracy": [float(outcome < skills[at]) for outcome in range(4)]},
            stderr={"test_error": 0.01, "skills": 0.5, "accuracy": [0.0] * 4},
            n_replicates=3,
        )
        for (arm, generation), (errors, skills) in ARMS.items()
        for at, n_samples in enumerate(N_SAMPLES)
    ]  # fmt: skip
    return TrainingResult(
        world="arithmetic", points=tuple(points), numbers={"floor_cut": 0.15, "zipf_floor_cut": 0.16},
        stderr={"floor_cut": 0.0, "zipf_floor_cut": 0.0}, status=Status.OK, engine="training", seed=0, n_replicates=3,
        version="0",
    )  # fmt: skip


def test_tables_hold_curves_last_accuracies_and_exact_floors() -> None:
    data = arithmetic_training_data(measured())
    curves = data["curves"]
    assert curves["arm"].unique().tolist() == ["real", "cut", "answers, generation 2"]
    assert curves[curves["arm"] == "cut"]["test_error"].tolist() == [0.4, 0.3, 0.3]
    assert (curves["skills_stderr"] == 0.5).all()
    real = data["accuracy"].query("arm == 'real'")
    assert real["accuracy"].tolist() == [1.0, 1.0, 1.0, 0.0]
    assert data["floors"].to_numpy().tolist() == [["cut", 0.15]]


def test_picture_has_a_line_for_each_arm_and_the_outcomes_that_some_arm_knows() -> None:
    figure = draw_arithmetic_training(arithmetic_training_data(measured()))
    errors, skills, accuracy = figure.axes[:3]
    assert [line.get_ydata().tolist() for line in errors.lines[:2]] == [[0.4, 0.2, 0.1], [0.4, 0.3, 0.3]]
    assert errors.lines[3].get_ydata() == [0.15, 0.15]
    assert errors.get_yscale() == "log"
    assert skills.get_ylabel() == "mastered of 4 ± 2 standard errors"
    assert [text.get_text() for text in accuracy.get_xticklabels()] == ["1", "2", "3"]
    assert [text.get_text() for text in accuracy.get_yticklabels()] == ["real", "cut", "answers, generation 2"]
    figure.draw_without_rendering()


def test_picture_is_drawn_without_standard_errors() -> None:
    result = measured()
    unknown = {"test_error": math.nan, "skills": math.nan, "accuracy": [math.nan] * 4}
    points = tuple(replace(point, stderr=unknown, n_replicates=1) for point in result.points)
    figure = draw_arithmetic_training(arithmetic_training_data(replace(result, points=points)))
    figure.draw_without_rendering()
    with pytest.raises(KeyError):
        arithmetic_training_data(replace(result, points=(replace(points[0], values={}),)))
