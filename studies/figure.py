"""What does agreement look like? Forecast over measured against the size of the mixture, rival and controls beside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

PANELS = {
    "forecast": "forecast",
    "mixture_law": "mixture law, fitted to trained models",
    "plug_in": "control: pool taken for the truth",
    "shuffled": "control: synthetic labels shuffled",
}
INSIDE, BEYOND = "#8a94a6", "#c2410c"
LIMITS = (0.45, 2.2)
DODGE = 0.08
"""Mixtures of the same size stand side by side: from real only, moved left by this share of the axis, to synthetic."""


def draw(rows: pd.DataFrame, path: Path) -> None:
    """Draw one panel per kind of forecast, and save it as PNG; points outside the axes sit on their edge."""
    figure = Figure(figsize=(8.0, 5.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 2, sharex=True, sharey=True)
    total = rows["n_real"] + rows["n_synthetic"] + rows["n_synthetic2"]
    dodge = DODGE * np.log(total.max() / total.min())
    place = total * np.exp(dodge * (1.0 - 2.0 * rows["n_real"] / total))
    sizes = sorted({float(f"{n:.2g}") for n in total})
    for axis, (column, title) in zip(axes.ravel(), PANELS.items(), strict=True):
        ratio = (rows[column] / rows["measured"]).clip(*LIMITS)
        axis.axhline(1.0, color="black", linewidth=0.8)
        for inside, colour in ((True, INSIDE), (False, BEYOND)):
            chosen = rows["beyond"] != inside
            label = "no source larger than in the pool" if inside else "beyond the pool"
            axis.scatter(place[chosen], ratio[chosen], s=9, color=colour, alpha=0.5, linewidths=0, label=label)
        axis.set_title(title, fontsize=10, loc="left")
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(FixedLocator(sizes))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axis.xaxis.set_minor_locator(NullLocator())
        axis.set_yscale("log")
        axis.set_ylim(LIMITS[0] * 0.97, LIMITS[1] * 1.03)
        axis.yaxis.set_major_locator(FixedLocator([0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0]))
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.yaxis.set_minor_locator(NullLocator())
        axis.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("samples in the mixture; side by side: real only (left) to synthetic only (right)", fontsize=10)
    figure.supylabel("forecast / measured", fontsize=10)
    axes[0, 0].legend(fontsize=8, frameon=False, loc="upper left", markerscale=1.8)
    figure.savefig(path, dpi=100, metadata={"Software": None})
