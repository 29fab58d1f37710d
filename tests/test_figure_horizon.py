"""Does the picture of a plan hold the generations of the file, and the line that they should not cross?"""

from __future__ import annotations

import pytest

from modelcollapse.decisions.generations_plan import plan_generations
from modelcollapse.figures.horizon import draw_horizon, horizon_data
from test_adaptive_mixing import recursion


@pytest.mark.parametrize("kind", ["replace", "accumulate", "mix"])
def test_horizon_draws_generations_against_the_factor(kind):
    plan = plan_generations(recursion(kind=kind, generations=3, noise=(1.0, 1.0)), factor=1.5)
    data = horizon_data(plan)
    assert data["file"]["excess_risk"].tolist() == list(plan.excess_risk)
    assert data["lines"]["bound"].item() == pytest.approx(1.5 * plan.reference)
    figure = draw_horizon(data)
    assert len(figure.axes) == (2 if kind == "mix" else 1)
    drawn = {line.get_label(): line.get_ydata() for line in figure.axes[0].get_lines()}
    assert list(drawn["as in the file"]) == list(plan.excess_risk)
    assert drawn["1.5 times that"][0] == pytest.approx(1.5 * plan.reference)
