"""What do synthetic labels do on images? Error against data, forecast and measured, and against label quality."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from modelcollapse.figures.style import DASHES, FONT_SIZE, INK, QUIET, SERIES, Tables, finish, new_axes, scale_counts
from modelcollapse.result import TrainingResult

DESCRIPTION = (
    "Test error against the size of the training set, measured on trained models and forecast, for each synthetic "
    "fraction; and against the measured quality of the synthetic labels."
)
PANEL_WIDTH, PANEL_HEIGHT = 5.0, 4.6
MOST_FRACTIONS = len(SERIES)
"""Fractions that are drawn; of more, an even selection with the first and the last."""
LEGEND_COLUMNS = 3
FEW_DIGITS = (1, 2, 3, 5, 7)
MANY_DIGITS = np.arange(2, 20) / 2
"""Where in a decade ticks stand; the second where the first gives fewer than `FEWEST_TICKS`."""
FEWEST_TICKS = 3
COLUMNS = ["model", "labeller", "synthetic_fraction", "n_samples", "width", "ridge"]
VALUES = ["test_error", "forecast", "forecast_low", "forecast_high"]


def image_training_data(result: TrainingResult) -> Tables:
    """Return what was measured and forecast, and how good each labeller is.

    Returns
    -------
    dict of DataFrame
        ``points``: model, labeller ("" for real labels alone), synthetic_fraction, n_samples, width, ridge (NaN for
        networks trained whole), test_error, stderr, forecast, forecast_low, forecast_high. ``labellers``: labeller,
        quality, quality_low, quality_high.
    """
    rows = [
        {
            **{name: point.setting.get(name, "" if name == "labeller" else math.nan) for name in COLUMNS},
            **{name: point.values.get(name, math.nan) for name in VALUES},
            "stderr": point.stderr["test_error"],
        }
        for point in result.points
    ]
    names = dict.fromkeys(key.split("/")[1] for key in result.numbers if key.startswith("labeller/"))
    qualities = ("quality", "quality_low", "quality_high")
    labellers = [
        {"labeller": name, **{key: result.numbers[f"labeller/{name}/{key}"] for key in qualities}} for name in names
    ]
    return {
        "points": pd.DataFrame(rows, columns=[*COLUMNS, *VALUES, "stderr"]),
        "labellers": pd.DataFrame(labellers, columns=["labeller", *qualities]),
    }


def draw_image_training(data: Tables) -> Figure:
    """Draw error against data for each kind of model, and against label quality where there are several labellers."""
    points, labellers = data["points"], data["labellers"]
    kinds = [rows for _, rows in points.groupby("model", sort=False)]
    shown = [_one_size(rows) for rows in kinds]
    several = labellers["quality"].gt(0).sum() > 1
    n_panels = len(shown) + several
    size = (PANEL_WIDTH * n_panels, PANEL_HEIGHT)
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    for place, rows in enumerate(shown, start=1):
        draw_error_against_data({**data, "points": rows}, axes=figure.add_subplot(1, n_panels, place))
    if several:
        draw_error_against_quality({**data, "points": shown[0]}, axes=figure.add_subplot(1, n_panels, n_panels))
    return figure


def draw_error_against_data(data: Tables, *, axes: Axes | None = None) -> Axes:
    """Draw, for each fraction of the first labeller's labels, what was measured, and the forecast with its band."""
    axes = new_axes() if axes is None else axes
    points = data["points"]
    labeller = data["labellers"]["labeller"].iloc[0]
    points = points[points["labeller"].isin(["", labeller])]
    axes.set(xscale="log", yscale="log")
    forecast = points["forecast"].notna().any()
    for fraction, (colour, dash) in _fractions(points).items():
        rows = points[points["synthetic_fraction"] == fraction].sort_values("n_samples")
        x = rows["n_samples"]
        axes.fill_between(x, rows["forecast_low"], rows["forecast_high"], color=colour, alpha=0.15, linewidth=0)
        axes.plot(x, rows["forecast"] if forecast else rows["test_error"], color=colour, linestyle=dash, linewidth=1.5)
        axes.errorbar(x, rows["test_error"], yerr=2 * rows["stderr"].fillna(0), fmt="o", color=colour, markersize=4,
                      capsize=2, label=f"{fraction:g} synthetic")  # fmt: skip
    finish(axes, x=f"training images n, labels of {labeller}", y="test error, summed over classes")
    axes.set_title(_title(points), fontsize=FONT_SIZE, color=INK, loc="left")
    scale_counts(axes, points["n_samples"].to_numpy(dtype=float))
    _plain_numbers(axes.yaxis)
    _legend(axes, forecast=bool(forecast))
    return axes


def draw_error_against_quality(data: Tables, *, axes: Axes | None = None) -> Axes:
    """Draw the error at the largest size against the measured c² of the labels, for each fraction."""
    axes = new_axes() if axes is None else axes
    points, labellers = data["points"], data["labellers"].set_index("labeller")
    points = points[points["n_samples"] == points["n_samples"].max()]
    mixed = points[points["labeller"] != ""].join(labellers, on="labeller")
    forecast = mixed["forecast"].notna().any()
    real = points[points["labeller"] == ""]
    axes.set(xscale="log", yscale="log")
    for fraction, (colour, dash) in _fractions(points).items():
        rows = mixed[(mixed["synthetic_fraction"] == fraction) & mixed["quality"].gt(0)].sort_values("quality")
        if not len(rows):
            continue
        low, high = rows["quality"] - rows["quality_low"], rows["quality_high"] - rows["quality"]
        axes.plot(rows["quality"], rows["forecast" if forecast else "test_error"], color=colour, linestyle=dash)
        axes.fill_between(rows["quality"], rows["forecast_low"], rows["forecast_high"], color=colour, alpha=0.15, lw=0)
        axes.errorbar(rows["quality"], rows["test_error"], xerr=np.maximum([low, high], 0.0),
                      yerr=2 * rows["stderr"].fillna(0), fmt="o", color=colour, markersize=4, capsize=2)  # fmt: skip
    if len(real):
        axes.axhline(float(real["test_error"].iloc[0]), color=SERIES[0], linewidth=1)
    finish(axes, x="measured label quality c² (smaller is better)", y="test error, summed over classes")
    size = f"{points['n_samples'].max():,.0f}"
    axes.set_title(f"{size} images, every labeller; thin line: no synthetic", fontsize=FONT_SIZE, color=INK, loc="left")
    for axis in (axes.xaxis, axes.yaxis):
        _plain_numbers(axis)
    return axes


def _one_size(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the points of the widest models with the first ridge."""
    widest = rows[rows["width"] == rows["width"].max()]
    first = widest["ridge"].fillna(0.0) == widest["ridge"].fillna(0.0).iloc[0]
    return pd.DataFrame(widest[first])


def _fractions(points: pd.DataFrame) -> dict[float, tuple[str, Any]]:
    """Return a colour and a dash pattern for each fraction that is drawn."""
    fractions = sorted(points["synthetic_fraction"].unique())
    places = np.unique(np.round(np.linspace(0, len(fractions) - 1, min(MOST_FRACTIONS, len(fractions)))).astype(int))
    return {float(fractions[k]): style for k, style in zip(places, zip(SERIES, DASHES, strict=True), strict=False)}


def _title(points: pd.DataFrame) -> str:
    """Return what models are drawn."""
    first = points.iloc[0]
    if first["model"] == "network":
        return f"networks of width {first['width']:,.0f}, trained whole"
    return f"{first['width']:,.0f} random features, ridge {first['ridge']:g}"


def _plain_numbers(axis: Axis) -> None:
    """Write plain numbers at a few places of each decade of a logarithmic axis."""
    low, high = axis.get_view_interval()
    for digits in (FEW_DIGITS, MANY_DIGITS):
        ticks = np.array([digit * 10.0**k for k in range(-6, 4) for digit in digits])
        ticks = ticks[(ticks >= low) & (ticks <= high)]
        if len(ticks) >= FEWEST_TICKS:
            break
    axis.set_ticks(ticks)
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _legend(axes: Axes, *, forecast: bool) -> None:
    """Name the fractions, and say what is line and what is point, below the axes: nothing is hidden."""
    handles, labels = axes.get_legend_handles_labels()
    note = "points: measured, ± 2 standard errors" + ("; lines: forecast, 90 % band of one model" if forecast else "")
    legend = axes.legend(
        handles, labels, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=LEGEND_COLUMNS, frameon=False,
        fontsize=FONT_SIZE - 1, labelcolor=INK, title=note, title_fontsize=FONT_SIZE - 2,
    )  # fmt: skip
    legend.get_title().set_color(QUIET)
