"""Was the forecast right? Forecast over measured for each mixture that was trained as a check."""

from __future__ import annotations

from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from modelcollapse.decisions.audit_result import AuditResult
from modelcollapse.digits import HALF_WIDTH_90
from modelcollapse.figures.style import BLUE, FONT_SIZE, QUIET, VERMILLION, finish, legend_above, new_axes, say_unknown
from modelcollapse.figures.words import mixture_text

_LABEL_WIDTH = 26
"""Letters after which the name of a mixture goes on in the next line."""


def validation_data(result: AuditResult) -> pd.DataFrame:
    """Return forecast against measured, one row for each check.

    Returns
    -------
    DataFrame
        mixture, weight, ridge, forecast, forecast_stderr, measured, stderr, ratio, ratio_stderr, deviation.
    """
    rows = [
        {
            "mixture": mixture_text(point.counts, weight=point.weight),
            "weight": point.weight,
            "ridge": point.ridge,
            "forecast": point.forecast,
            "forecast_stderr": point.forecast_stderr,
            "measured": point.measured,
            "stderr": point.stderr,
            "ratio": point.ratio,
            "ratio_stderr": np.hypot(point.forecast_stderr, point.stderr) / point.measured,
            "deviation": point.deviation,
        }
        for point in result.validation
    ]
    columns = ["mixture", "weight", "ridge", "forecast", "forecast_stderr", "measured", "stderr"]
    return pd.DataFrame(rows, columns=[*columns, "ratio", "ratio_stderr", "deviation"])


def draw_validation(data: pd.DataFrame, *, axes: Axes | None = None) -> Axes:
    """Draw forecast over measured with 90 % intervals, a line of its own for each mixture."""
    labels = [fill(text, _LABEL_WIDTH) for text in data["mixture"]]
    lines = sum(label.count("\n") + 1 for label in labels)
    axes = new_axes(height=1.3 + 0.15 * len(labels) + 0.17 * lines) if axes is None else axes
    axes.xaxis.set_major_locator(MaxNLocator(5))
    finish(axes, x="forecast / measured test error", y="")
    if not len(data):
        return say_unknown(axes)
    axes.axvline(1.0, color=QUIET, linewidth=1)
    for far, colour, marker, label in ((False, BLUE, "o", "agrees"), (True, VERMILLION, "D", "disagrees")):
        shown = np.flatnonzero((np.abs(data["deviation"]) > HALF_WIDTH_90) == far)
        if len(shown):
            axes.errorbar(
                data["ratio"].iloc[shown],
                shown,
                xerr=HALF_WIDTH_90 * data["ratio_stderr"].iloc[shown],
                fmt=marker,
                color=colour,
                capsize=3,
                markersize=5,
                label=label,
            )
    axes.set_yticks(range(len(data)), labels=labels)
    axes.set_ylim(len(data) - 0.5, -0.5)
    axes.tick_params(axis="y", labelsize=FONT_SIZE - 1, length=0)
    legend_above(axes, columns=2)
    return axes
