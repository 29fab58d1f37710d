"""Does the figure of the generations draw its table, and say when there is nothing to see?"""

from __future__ import annotations

import numpy as np

from generation_examples import recursion
from modelcollapse import simulate_generations, solve_generations
from modelcollapse.digits import UNKNOWN
from modelcollapse.figures.generations import draw_generations, generations_data


def test_generations_figure_draws_its_table():
    result = simulate_generations(recursion("replace"), n_replicates=8)
    data = generations_data(result)
    table = data["generations"]
    assert table["generation"].tolist() == [0, 1, 2, 3, 4]
    assert table["variance_stderr"].tolist() == list(result.stderr["variance"])
    axes = draw_generations(data)
    drawn = {container.get_label(): container.lines[0].get_ydata() for container in axes.containers}
    assert list(drawn) == ["excess risk", "variance", "bias"]
    for name, label in (("excess_risk", "excess risk"), ("variance", "variance"), ("bias", "bias")):
        assert np.array_equal(drawn[label], table[name])
    assert axes.get_ylim()[0] == 0


def test_generations_figure_leaves_out_what_is_infinite():
    data = generations_data(solve_generations(recursion("replace", n_real=150, n_synthetic=100, ridge=0)))
    assert UNKNOWN in [text.get_text() for text in draw_generations(data).texts]
