"""Do figures of past runs draw what their tables say: curves, floors, runs, prices, and distances from a law?"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_hex

from modelcollapse.figures.marginal_price import draw_marginal_price, marginal_price_data
from modelcollapse.figures.run_curves import MOST_CURVES, draw_run_curves, run_curves_data
from modelcollapse.figures.signatures import draw_signature, signature_data
from run_examples import curve, not_enough, run_fit, signature


def test_run_curves_data_holds_curves_floors_and_runs() -> None:
    data = run_curves_data(run_fit())
    assert data["curves"]["label"].unique().tolist() == ["real data only", "50 % synthetic"]
    assert len(data["curves"]) == 10
    assert data["floors"]["floor"].tolist()[1] == 2.5
    assert math.isnan(data["floors"]["floor"].tolist()[0])
    assert data["observed"]["held_out"].tolist() == [False, False, True]


def test_run_curves_data_keeps_the_curves_of_the_largest_models() -> None:
    curves = tuple(curve(k / 10, size=size) for size in (1e6, 1e8, 1e7) for k in range(3))
    data = run_curves_data(run_fit(curves=curves))
    assert data["floors"]["curve"].tolist() == [3, 4, 5, 6, 7]
    assert data["floors"]["label"].tolist()[3:] == ["real data only, size 10 ×10⁶", "10 % synthetic, size 10 ×10⁶"]
    assert data["observed"].empty


def test_run_curves_data_spreads_over_curves_of_one_size() -> None:
    curves = tuple(curve(k / 10, generation=float(k > 4)) for k in range(9))
    runs = run_fit().observed
    observed = tuple(replace(runs[0], curve=k) for k in range(9))
    data = run_curves_data(run_fit(curves=curves, observed=observed))
    assert data["floors"]["curve"].tolist() == [0, 2, 4, 6, 8]
    assert len(data["floors"]) == MOST_CURVES
    assert data["floors"]["label"].tolist()[3] == "60 % synthetic, generation 1"
    assert set(data["observed"]["curve"]) == {0, 2, 4, 6, 8}


def test_draw_run_curves_draws_lines_floors_and_hollow_held_out_runs() -> None:
    axes = draw_run_curves(run_curves_data(run_fit()), unit="tokens")
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert axes.get_xlabel() == "tokens, real and synthetic"
    dashed = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert [float(np.asarray(line.get_ydata())[0]) for line in dashed] == [2.5]
    hollow = [line for line in axes.lines if to_hex(line.get_markerfacecolor()) == "#ffffff" and len(line.get_xdata())]
    assert [np.asarray(line.get_xdata()).tolist() for line in hollow] == [[1e10]]
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["real data only", "50 % synthetic"]


def test_draw_run_curves_keeps_runs_in_sight_of_wide_bands() -> None:
    data = run_curves_data(run_fit())
    data["curves"]["low"] = 1e-9
    data["curves"]["high"] = 1e9
    low, high = draw_run_curves(data).get_ylim()
    assert 0.5 < low < 2.0
    assert 4.0 < high < 10.0


def test_marginal_price_names_the_real_data_and_crosses_zero() -> None:
    data = marginal_price_data(run_fit())
    assert data["label"].unique().tolist() == ["1 ×10⁹ real, size 100 ×10⁶"]
    axes = draw_marginal_price(data, unit="tokens")
    low, high = axes.get_ylim()
    assert low < 0 < high
    assert axes.get_ylabel() == "real tokens per synthetic one"


def test_signature_data_is_the_distance_in_percent() -> None:
    data = signature_data(signature())
    np.testing.assert_allclose(data["percent"], [5.0, 10.0, 15.0, 20.0])
    axes = draw_signature(data, x_name="data", unit="tokens")
    assert axes.get_xscale() == "log"
    assert sum(len(line.get_xdata()) for line in axes.lines if line.get_linestyle() == "None") == 4


@pytest.mark.parametrize(("x_name", "label"), [("synthetic_fraction", "synthetic share"), ("generation", "generation")])
def test_draw_signature_labels_what_x_is(x_name: str, label: str) -> None:
    axes = draw_signature(signature_data(signature(x_name=x_name)), x_name=x_name)
    assert axes.get_xlabel() == label
    assert axes.get_xscale() == "linear"


def test_figures_without_answers_say_so() -> None:
    empty = not_enough()
    for axes in (
        draw_run_curves(run_curves_data(empty)),
        draw_marginal_price(marginal_price_data(empty)),
        draw_signature(signature_data(signature(status="not_enough_runs")), x_name="data"),
    ):
        assert [text.get_text() for text in axes.texts] == ["not enough data to tell"]
