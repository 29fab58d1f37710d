"""Do figures draw their tables: all of the numbers, nothing that is not known, and SVG that can share a page?"""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.text import Text

from audit_fixture import audit_result, two_sources, unknown
from modelcollapse.decisions.audit_result import AuditResult
from modelcollapse.figures.curves import draw_forecast_curves, forecast_curves_data
from modelcollapse.figures.damage import damage_data, draw_damage
from modelcollapse.figures.exchange import draw_exchange_rate, exchange_rate_data
from modelcollapse.figures.inline import svg
from modelcollapse.figures.spectrum import draw_spectrum, spectrum_data
from modelcollapse.figures.style import round_counts
from modelcollapse.figures.surface import draw_surface, surface_data
from modelcollapse.figures.validation import draw_validation, validation_data

Draw = Callable[[AuditResult, Axes | None], Axes]
FIGURES: dict[str, Draw] = {
    "curves": lambda result, axes: draw_forecast_curves(forecast_curves_data(result), axes=axes),
    "validation": lambda result, axes: draw_validation(validation_data(result), axes=axes),
    "surface": lambda result, axes: draw_surface(surface_data(result, result.surfaces[-1]), axes=axes),
    "exchange": lambda result, axes: draw_exchange_rate(exchange_rate_data(result), axes=axes),
    "damage": lambda result, axes: draw_damage(damage_data(result), axes=axes),
    "spectrum": lambda result, axes: draw_spectrum(spectrum_data(result), axes=axes),
}


def words(axes: Axes) -> str:
    """Return every text of a figure."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return "\n".join(text.get_text() for text in figure.findobj(Text))


def drawn(axes: Axes, label: str) -> np.ndarray[Any, Any]:
    """Return the points of the line with a label, shape (n, 2)."""
    (line,) = [line for line in axes.get_lines() if line.get_label() == label]
    return np.asarray(line.get_xydata())


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("result", [audit_result(), two_sources()], ids=["one", "two"])
def test_figures_draw_and_label_both_axes(name: str, result: AuditResult) -> None:
    axes = FIGURES[name](result, None)
    svg(axes.figure)
    assert axes.get_xlabel()
    assert axes.get_ylabel() or list(axes.get_yticklabels())


@pytest.mark.parametrize("name", FIGURES)
def test_figures_say_when_the_data_cannot_tell(name: str) -> None:
    axes = FIGURES[name](unknown(), None)
    svg(axes.figure)
    assert "not enough data to tell" in words(axes)
    assert name == "surface" or "not enough data to tell" not in words(FIGURES[name](audit_result(), None))


@pytest.mark.parametrize("name", FIGURES)
def test_figures_draw_on_given_axes(name: str) -> None:
    axes = Figure().add_subplot()
    assert FIGURES[name](audit_result(), axes) is axes


def test_figures_need_no_pyplot() -> None:
    code = "import sys, test_figures as t; [f(t.audit_result(), None) for f in t.FIGURES.values()]; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parent
    )
    assert "matplotlib.figure" in done.stdout.split()
    assert "matplotlib.pyplot" not in done.stdout.split()


def test_forecast_curves_hold_every_known_point_and_none_unknown() -> None:
    result = audit_result()
    axes = draw_forecast_curves(forecast_curves_data(result))
    for curve in result.curves:
        known = [(sum(p.counts.values()), p.test_error) for p in curve.points if np.isfinite(p.test_error)]
        assert 0 < len(known) < len(curve.points)
        np.testing.assert_array_equal(drawn(axes, curve.label), np.array(known))
    measured = [(sum(point.counts.values()), point.forecast) for point in result.validation]
    np.testing.assert_array_equal(drawn(axes, "forecast for a measured mixture"), np.array(measured))


def test_validation_data_intervals_reach_one_exactly_when_forecast_and_measured_agree() -> None:
    data = validation_data(audit_result())
    np.testing.assert_allclose((data["ratio"] - 1) / data["ratio_stderr"], data["deviation"], rtol=1e-12)


def test_validation_marks_disagreement() -> None:
    first = audit_result()
    wrong = replace(first, validation=(*first.validation, replace(first.validation[0], measured=0.4)))
    assert "disagrees" in words(draw_validation(validation_data(wrong)))
    assert "disagrees" not in words(draw_validation(validation_data(first)))


def test_surface_marks_the_audits_own_best_where_it_lies_on_the_surface() -> None:
    result = two_sources()  # its best mixture uses the first synthetic source only
    own, other, together = (surface_data(result, table) for table in result.surfaces)
    assert own.best == (600.0, 3000.0)
    assert own.at_hand == (600.0, 800.0)
    for table in (other, together):
        assert table.best is not None
        assert table.best[1] != 3000.0
        row = np.argmin(np.abs(table.real - 600))
        assert table.test_error[row][table.synthetic == table.best[1]] == np.nanmin(table.test_error[row])


def test_surface_marks_stand_at_their_counts() -> None:
    data = surface_data(audit_result(), audit_result().surfaces[0])
    axes = draw_surface(data)
    ((x, y),) = drawn(axes, "all rows at hand")
    assert np.interp(x, np.arange(len(data.synthetic)), data.synthetic) == pytest.approx(800, rel=0.1)
    assert np.interp(y, np.arange(len(data.real)), data.real) == pytest.approx(600, rel=0.1)


def test_surface_hatches_only_what_is_unknown() -> None:
    result = audit_result()
    assert "not enough data to tell" in words(draw_surface(surface_data(result, result.surfaces[0])))
    table = result.surfaces[0]
    known = replace(table, test_error=np.nan_to_num(table.test_error, nan=1.0))
    assert "not enough data to tell" not in words(draw_surface(surface_data(result, known)))


def test_exchange_rate_names_only_the_sides_in_sight() -> None:
    rate = audit_result().exchange_rate
    both = words(draw_exchange_rate(exchange_rate_data(audit_result())))
    helps = audit_result(exchange_rate=replace(rate, curve=np.abs(rate.curve) + 0.1))
    assert "synthetic rows hurt" in both
    assert "synthetic rows help" in both
    assert "synthetic rows hurt" not in words(draw_exchange_rate(exchange_rate_data(helps)))


def test_damage_bars_add_up_to_the_total() -> None:
    data = damage_data(two_sources())
    axes = draw_damage(data)
    labels, inputs = (container for container in axes.containers if isinstance(container, BarContainer))
    for row, first, second in zip(data.itertuples(), labels, inputs, strict=True):
        assert first.get_width() + second.get_width() == pytest.approx(row.total)
        apart = row.labels * row.inputs < 0
        assert second.get_x() == pytest.approx(0.0 if apart else row.labels)
    assert "c² = 0.051\n(0.043 to 0.058)" in words(axes)


def test_figures_put_the_power_of_large_numbers_into_the_label() -> None:
    data = forecast_curves_data(audit_result())
    for table in data.values():
        table[[name for name in table if name not in ("curve", "label", "n_samples")]] *= 1e10
    axes = draw_forecast_curves(
        {"curves": data["curves"][data["curves"]["n_samples"] > 500], "measured": data["measured"]}
    )
    damage = damage_data(audit_result())
    bars = draw_damage(damage.assign(**{name: 1e10 * damage[name] for name in ("labels", "inputs", "total", "stderr")}))
    result = audit_result()
    map_data = surface_data(result, result.surfaces[0])
    surface = draw_surface(replace(map_data, test_error=1e10 * map_data.test_error))
    for drawing, label in ((axes, "test error ×10⁹"), (bars, "as many real rows ×10⁶"), (surface, "test error ×10⁹")):
        svg(drawing.figure)
        assert label in words(drawing)
        assert "1e" not in words(drawing)
    assert "×10" not in words(draw_forecast_curves(forecast_curves_data(audit_result())))


def test_spectrum_leaves_rounding_errors_out() -> None:
    result = audit_result(spectrum={"real": np.array([1.0, 0.1, 1e-17, 0.0])})
    assert len(drawn(draw_spectrum(spectrum_data(result)), "real")) == 2


@pytest.mark.parametrize(
    ("counts", "ticks"),
    [
        ([20, 5000], [30, 100, 300, 1000, 3000]),
        ([0, 50, 90], [0, 50, 90]),
        ([7], [7]),
        ([1, 1e9], [10.0**k for k in range(10)]),
    ],
)
def test_round_counts_are_few_and_within_range(counts: list[float], ticks: list[float]) -> None:
    assert round_counts(np.array(counts, dtype=float)) == ticks


def test_svg_is_the_same_each_time_and_fetches_nothing() -> None:
    first, second = (
        svg(FIGURES["surface"](audit_result(), None).figure, name="a", description="<b>") for _ in range(2)
    )
    assert first == second
    root = ET.fromstring(first)
    assert root.attrib["aria-label"] == "<b>"
    for element in root.iter():
        for attribute, value in element.attrib.items():
            if attribute.endswith("href"):
                assert value.startswith(("#a-", "data:image/png;base64,"))
    assert "metadata" not in first
    assert "<script" not in first


def test_svg_ids_are_unique_across_figures_and_all_references_resolve() -> None:
    page = "".join(svg(FIGURES["curves"](audit_result(), None).figure, name=name) for name in ("a", "b"))
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids)) > 0
    references = set(re.findall(r'href="#([^"]+)"', page)) | set(re.findall(r"url\(#([^)]+)\)", page))
    assert references
    assert references <= set(ids)
    same = "".join(svg(FIGURES["curves"](audit_result(), None).figure, name="a") for _ in range(2))
    repeated = re.findall(r'\bid="([^"]+)"', same)
    assert len(repeated) != len(set(repeated))


def test_unknown_numbers_stay_unknown_in_the_tables() -> None:
    assert damage_data(unknown())["total"].isna().all()
    assert np.isnan(exchange_rate_data(unknown())["at_hand"]["exchange_rate"]).all()
