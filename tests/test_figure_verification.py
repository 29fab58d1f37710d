"""Does the figure of verification show the accuracies of its curves, and where they meet?"""

from __future__ import annotations

import numpy as np
import pytest

from modelcollapse import Classes, ClassSource, InputError, Spectrum, solve_classes
from modelcollapse.figures.inline import svg
from modelcollapse.figures.verification import draw_verification, verification_data


def test_verification_data_are_the_accuracies_of_the_problems() -> None:
    curves = verification_data(hit=0.8, false_keep=0.3, ridge=0.5, mean_norm=2.0)["curves"]
    for ratio in (0.1, 0.01):
        for label_error in (0.005, 0.5, 0.75):
            found = curves[(curves["features_per_sample"] == ratio) & np.isclose(curves["label_error"], label_error)]
            source = ClassSource(
                "synthetic",
                n_samples=round(200 / ratio),
                mean_norm=2.0,
                spectrum=Spectrum.isotropic(200),
                label_error=label_error,
                hit=0.8,
                false_keep=0.3,
            )
            expected = solve_classes(Classes([source], ridge=0.5)).accuracy
            assert found["accuracy"].tolist() == pytest.approx([expected], rel=1e-9)


def test_verification_figure_draws_all_curves_through_a_half_at_the_breakdown_point() -> None:
    data = verification_data(hit=0.8, false_keep=0.3, features_per_sample=[1.0, 1e-3])
    axes = draw_verification(data)
    point = data["breakdown"]["label_error"].iloc[0]
    lines = [line for line in axes.get_lines() if "features per sample" in str(line.get_label())]
    assert [line.get_label() for line in lines] == ["features per sample: 1", "features per sample: 0.001"]
    for line in lines:
        x, y = np.asarray(line.get_xydata()).T
        assert x[np.searchsorted(-y, -0.5)] == pytest.approx(point, abs=0.006)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("label error of the generator", "accuracy")
    assert svg(axes.figure).startswith("<svg")


@pytest.mark.parametrize(
    "given",
    [
        {"hit": 1.1},
        {"false_keep": -0.1},
        {"hit": 0.0, "false_keep": 0.0},
        {"ridge": 0.0},
        {"mean_norm": 0.0},
        {"features_per_sample": [0.0]},
    ],
)
def test_verification_data_refuse_values_out_of_range(given: dict[str, float]) -> None:
    with pytest.raises(InputError):
        verification_data(**{"hit": 0.8, "false_keep": 0.3, **given})
