"""How does the test error fall with more data? Forecast curves with their bands, and what was measured."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from modelcollapse.decisions.audit_result import AuditResult
from modelcollapse.digits import HALF_WIDTH_90
from modelcollapse.figures.style import (
    INK,
    QUIET,
    Tables,
    finish,
    legend_above,
    line_styles,
    new_axes,
    say_unknown,
    scale_counts,
    show_power,
)

_LARGEST_RATIO = 6.0
"""Errors that span more than this factor are drawn logarithmically, or the small ones would look alike."""


def forecast_curves_data(result: AuditResult) -> Tables:
    """Return the curves and the measured points.

    Returns
    -------
    dict of DataFrame
        ``curves``: curve, label, n_samples, test_error, low, high. ``measured``: n_samples, forecast, measured,
        stderr. Test errors that the data cannot tell are NaN.
    """
    curves = [
        (curve.name, curve.label, sum(point.counts.values()), point.test_error, *point.band)
        for curve in result.curves
        for point in curve.points
    ]
    measured = [
        (sum(point.counts.values()), point.forecast, point.measured, point.stderr) for point in result.validation
    ]
    return {
        "curves": pd.DataFrame(curves, columns=["curve", "label", "n_samples", "test_error", "low", "high"]),
        "measured": pd.DataFrame(measured, columns=["n_samples", "forecast", "measured", "stderr"], dtype=float),
    }


def draw_forecast_curves(data: Tables, *, axes: Axes | None = None) -> Axes:
    """Draw test error against total samples: lines with bands, dots measured, rings forecast alike."""
    axes = new_axes(height=4.4) if axes is None else axes
    curves, measured = data["curves"].dropna(), data["measured"]
    finish(axes, x="total samples", y="test error")
    if not len(curves):
        return say_unknown(axes)
    names = list(dict.fromkeys(curves["curve"]))
    for name, (colour, dash) in zip(names, line_styles(len(names)), strict=True):
        rows = curves[curves["curve"] == name].sort_values("n_samples")
        axes.fill_between(rows["n_samples"], rows["low"], rows["high"], color=colour, alpha=0.15, linewidth=0)
        axes.plot(rows["n_samples"], rows["test_error"], color=colour, linestyle=dash, label=rows["label"].iloc[0])
    if len(measured):
        axes.plot(
            measured["n_samples"],
            measured["forecast"],
            linestyle="none",
            marker="o",
            markersize=8,
            markerfacecolor="none",
            markeredgecolor=QUIET,
            label="forecast for a measured mixture",
        )
        axes.errorbar(
            measured["n_samples"],
            measured["measured"],
            yerr=HALF_WIDTH_90 * measured["stderr"],
            fmt="o",
            markersize=3.5,
            color=INK,
            capsize=2,
            linewidth=1,
            label="measured, 90 % interval",
        )
    scale_counts(axes, np.concatenate([curves["n_samples"], measured["n_samples"]]))
    errors = np.concatenate([curves["test_error"], measured["measured"]])
    if errors.min() > 0 and errors.max() > _LARGEST_RATIO * errors.min():
        axes.set_yscale("log")
    else:
        show_power(axes.yaxis)
    legend_above(axes)
    return axes
