"""How does the error of the model that is really trained fall with more data? Its own errors, the laws, and ridge."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from modelcollapse.decisions.own_model_result import OwnModel
from modelcollapse.figures.style import (
    INK,
    QUIET,
    Tables,
    finish,
    legend_above,
    line_styles,
    new_axes,
    scale_counts,
    show_power,
)

_LARGEST_RATIO = 6.0
"""Errors that span more than this factor are drawn logarithmically, or the small ones would look alike."""


def own_model_data(own: OwnModel) -> Tables:
    """Return the curves with the ridge forecast beside them, and the trained models.

    Returns
    -------
    dict of DataFrame
        ``curves``: curve, label, n_samples, test_error, low, high, ridge_forecast (NaN where it is not known).
        ``measured``: n_samples, test_error.
    """
    curves = [
        (curve.name, curve.label, sum(point.counts.values()), point.test_error, *point.band, point.ridge_forecast)
        for curve in own.curves
        for point in curve.points
    ]
    measured = [(sum(fit.counts.values()), fit.test_error) for fit in own.fits]
    columns = ["curve", "label", "n_samples", "test_error", "low", "high", "ridge_forecast"]
    return {
        "curves": pd.DataFrame(curves, columns=columns),
        "measured": pd.DataFrame(measured, columns=["n_samples", "test_error"], dtype=float),
    }


def draw_own_model(data: Tables, *, axes: Axes | None = None) -> Axes:
    """Draw test error against total rows: laws with bands, trained models as dots, the ridge forecast as thin lines."""
    axes = new_axes(height=4.4) if axes is None else axes
    curves, measured = data["curves"], data["measured"]
    finish(axes, x="total samples", y="test error")
    names = list(dict.fromkeys(curves["curve"]))
    for name, (colour, dash) in zip(names, line_styles(len(names)), strict=True):
        rows = curves[curves["curve"] == name].sort_values("n_samples")
        axes.fill_between(rows["n_samples"], rows["low"], rows["high"], color=colour, alpha=0.15, linewidth=0)
        axes.plot(rows["n_samples"], rows["test_error"], color=colour, linestyle=dash, label=rows["label"].iloc[0])
        axes.plot(rows["n_samples"], rows["ridge_forecast"], color=colour, linestyle=dash, linewidth=0.7, alpha=0.7)
    axes.plot([], [], color=QUIET, linewidth=0.7, label="the same for ridge regression, forecast")
    axes.plot(
        measured["n_samples"],
        measured["test_error"],
        linestyle="none",
        marker="o",
        markersize=3.5,
        color=INK,
        label="a trained model, at a mixture of its own",
    )
    scale_counts(axes, np.concatenate([curves["n_samples"], measured["n_samples"]]))
    errors = np.concatenate([curves["test_error"], measured["test_error"], curves["ridge_forecast"].dropna()])
    if errors.min() > 0 and errors.max() > _LARGEST_RATIO * errors.min():
        axes.set_yscale("log")
    else:
        show_power(axes.yaxis)
    legend_above(axes)
    return axes
