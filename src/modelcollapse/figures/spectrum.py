"""Along how many directions do the inputs vary? Eigenvalues of each source's second moment."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from modelcollapse.decisions.audit_result import AuditResult
from modelcollapse.figures.style import finish, legend_above, line_styles, new_axes, say_unknown

_SMALLEST = 1e-10
"""Eigenvalues below this share of the largest are rounding errors."""


def spectrum_data(result: AuditResult) -> pd.DataFrame:
    """Return the eigenvalues of each source: source, direction (from 1), eigenvalue."""
    tables = [
        pd.DataFrame({"source": name, "direction": np.arange(1, len(values) + 1), "eigenvalue": values})
        for name, values in result.spectrum.items()
    ]
    return pd.concat(tables, ignore_index=True)


def draw_spectrum(data: pd.DataFrame, *, axes: Axes | None = None) -> Axes:
    """Draw eigenvalues against their number, both logarithmic."""
    axes = new_axes() if axes is None else axes
    shown = data[(data["eigenvalue"] > _SMALLEST * data["eigenvalue"].max())]
    finish(axes, x="direction", y="eigenvalue of the second moment")
    if not len(shown):
        return say_unknown(axes)
    sources = list(dict.fromkeys(shown["source"]))
    for source, (colour, dash) in zip(sources, line_styles(len(sources)), strict=True):
        rows = shown[shown["source"] == source]
        axes.plot(rows["direction"], rows["eigenvalue"], color=colour, linestyle=dash, label=source)
    axes.set(xscale="log", yscale="log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    legend_above(axes, columns=3)
    return axes
