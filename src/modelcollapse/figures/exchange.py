"""What is one more synthetic row worth? Its value in real rows, as more and more synthetic ones are added."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from modelcollapse.decisions.audit_result import AuditResult
from modelcollapse.figures.style import (
    FONT_SIZE,
    GREEN,
    INK,
    QUIET,
    VERMILLION,
    Tables,
    finish,
    new_axes,
    say_unknown,
    scale_counts,
)


def exchange_rate_data(result: AuditResult) -> Tables:
    """Return the exchange rate along the synthetic count, and at the mixture at hand.

    Returns
    -------
    dict of DataFrame
        ``curve``: n_samples (synthetic, at weight 1), exchange_rate. ``at_hand``: n_samples, exchange_rate, low, high.
    """
    rate = result.exchange_rate
    synthetic = sum(count for name, count in result.at_hand.counts.items() if name != "real")
    return {
        "curve": pd.DataFrame({"n_samples": rate.counts, "exchange_rate": rate.curve}, dtype=float),
        "at_hand": pd.DataFrame([(synthetic, rate.marginal, *rate.interval)],
                                columns=["n_samples", "exchange_rate", "low", "high"], dtype=float),
    }  # fmt: skip


def draw_exchange_rate(data: Tables, *, axes: Axes | None = None) -> Axes:
    """Draw real rows per synthetic row against synthetic samples; below the zero line synthetic rows hurt."""
    axes = new_axes() if axes is None else axes
    curve = data["curve"].dropna().sort_values("n_samples")
    at_hand = data["at_hand"].dropna()
    x, y = curve["n_samples"].to_numpy(dtype=np.float64), curve["exchange_rate"].to_numpy(dtype=np.float64)
    finish(axes, x="synthetic samples", y="real rows per synthetic row")
    if not len(curve):
        return say_unknown(axes)
    axes.axhline(0.0, color=QUIET, linewidth=1)
    axes.fill_between(x, y, 0, where=y > 0, interpolate=True, color=GREEN, alpha=0.15, linewidth=0)
    axes.fill_between(x, y, 0, where=y < 0, interpolate=True, color=VERMILLION, alpha=0.2, linewidth=0)
    axes.plot(x, y, color=INK)
    if len(at_hand):
        axes.errorbar(
            at_hand["n_samples"],
            at_hand["exchange_rate"],
            yerr=[at_hand["exchange_rate"] - at_hand["low"], at_hand["high"] - at_hand["exchange_rate"]],
            fmt="o",
            color=INK,
            capsize=3,
        )
        axes.annotate(
            "at hand",
            (at_hand["n_samples"].iloc[0], at_hand["high"].iloc[0]),
            xytext=(0, 5),
            textcoords="offset points",
            ha="center",
            fontsize=FONT_SIZE - 1,
            color=INK,
        )
    scale_counts(axes, np.concatenate([x, at_hand["n_samples"].to_numpy(dtype=np.float64)]))
    _name_sides(axes, falls=bool(y[0] >= y[-1]))
    return axes


def _name_sides(axes: Axes, *, falls: bool) -> None:
    """Write on each side of the zero line what it means, when that side is in sight, where the curve leaves room."""
    low, high = axes.get_ylim()
    margin = 0.1 * (high - low)
    axes.set_ylim(min(low, -margin), max(high, margin))
    sides: tuple[dict[str, Any], dict[str, Any]] = ({"x": 0.99, "ha": "right"}, {"x": 0.01, "ha": "left"})
    above, below = sides if falls else sides[::-1]
    style: dict[str, Any] = {"transform": axes.transAxes, "fontsize": FONT_SIZE - 1}
    if high > margin:
        axes.text(y=0.98, s="above zero: synthetic rows help", va="top", color=GREEN, **above, **style)
    if low < -margin:
        axes.text(y=0.02, s="below zero: synthetic rows hurt", va="bottom", color=VERMILLION, **below, **style)
