"""What is one more synthetic token worth? Its price in real ones along the amount of synthetic data."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from modelcollapse.decisions.run_fit_result import RunFit
from modelcollapse.decisions.run_words import condition_text
from modelcollapse.digits import amount_text
from modelcollapse.figures.style import (
    QUIET,
    finish,
    legend_above,
    line_styles,
    new_axes,
    say_unknown,
    scale_counts,
)


def marginal_price_data(fit: RunFit) -> pd.DataFrame:
    """Return the price along the amount of synthetic data, the real data fixed.

    Returns
    -------
    DataFrame
        label, synthetic, price, low, high; one label for each amount of real data.
    """
    rows = [
        (f"{amount_text(curve.real)} real{condition_text(size=curve.size, generation=curve.generation)}", *point)
        for curve in fit.price_curves
        for point in zip(curve.synthetic, curve.price, curve.low, curve.high, strict=True)
    ]
    return pd.DataFrame(rows, columns=["label", "synthetic", "price", "low", "high"])


def draw_marginal_price(data: pd.DataFrame, *, unit: str = "samples", axes: Axes | None = None) -> Axes:
    """Draw real data per synthetic sample or token, with 90 % bands; below the zero line synthetic data hurt."""
    axes = new_axes() if axes is None else axes
    finish(axes, x=f"synthetic {unit}", y=f"real {unit} per synthetic one")
    shown = data.dropna()
    if not len(shown):
        return say_unknown(axes)
    axes.axhline(0.0, color=QUIET, linewidth=1)
    labels = list(dict.fromkeys(shown["label"]))
    for label, (colour, dash) in zip(labels, line_styles(len(labels)), strict=True):
        line = shown[shown["label"] == label].sort_values("synthetic")
        axes.fill_between(line["synthetic"], line["low"], line["high"], color=colour, alpha=0.15, linewidth=0)
        axes.plot(line["synthetic"], line["price"], color=colour, linestyle=dash, label=label)
    price = shown["price"].to_numpy(dtype=np.float64)
    spread = max(float(np.ptp(price)), 0.25 * float(np.abs(price).max()), 1e-12)
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, price.min() - spread), min(high, price.max() + spread))
    scale_counts(axes, shown["synthetic"].to_numpy(dtype=np.float64))
    legend_above(axes)
    return axes
