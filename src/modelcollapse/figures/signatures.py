"""Do the runs depart from the clean law? How far each one is from it, along data, synthetic share or generation."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from modelcollapse.decisions.diagnosis import Signature
from modelcollapse.figures.run_curves import MARKERS
from modelcollapse.figures.style import INK, SERIES, finish, legend_above, new_axes, say_unknown, scale_counts


def signature_data(signature: Signature) -> pd.DataFrame:
    """Return how far each setting is from what is expected of it.

    Returns
    -------
    DataFrame
        group, run, x, percent (loss above the expected one; negative: below).
    """
    rows = [
        (row.group, row.run, row.x, 100 * (row.measured / row.expected - 1) if row.expected > 0 else np.nan)
        for row in signature.evidence
    ]
    return pd.DataFrame(rows, columns=["group", "run", "x", "percent"])


def draw_signature(data: pd.DataFrame, *, x_name: str, unit: str = "samples", axes: Axes | None = None) -> Axes:
    """Draw the distance from the expected loss, in percent of it; the line is the expected loss.

    Parameters
    ----------
    data : DataFrame
        What `signature_data` returns.
    x_name : {"data", "synthetic_fraction", "generation"}
        What x is.
    unit : str
        What data is counted in.
    """
    axes = new_axes() if axes is None else axes
    label = {"data": f"{unit}, real and synthetic", "synthetic_fraction": "synthetic share"}.get(x_name, x_name)
    finish(axes, x=label, y="% above the expected loss")
    shown = data.dropna()
    if not len(shown):
        return say_unknown(axes)
    axes.axhline(0.0, color=INK, linewidth=0.8)
    groups = list(dict.fromkeys(shown["group"]))
    for k, group in enumerate(groups):
        rows = shown[shown["group"] == group].sort_values("x")
        colour, marker = SERIES[k % len(SERIES)], MARKERS[k % len(MARKERS)]
        axes.plot(rows["x"], rows["percent"], marker, color=colour, markersize=4.5, label=group)
    if x_name == "data":
        scale_counts(axes, shown["x"].to_numpy(dtype=np.float64))
    elif x_name == "generation":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend_above(axes, columns=2)
    return axes
