"""What becomes of a chain from generation to generation? Its quantities, each in a panel with its published bounds."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from modelcollapse.figures.style import BLUE, FONT_SIZE, INK, QUIET, SKY, VERMILLION, Tables, finish, new_axes
from modelcollapse.result import Bounds, ChainResult

PANEL_WIDTH, PANEL_HEIGHT = 3.6, 2.7
COLUMNS = 3
LOOSE = 3.0
"""How many times the range of a quantity its bounds may reach before they are cut off by the panel."""


def chain_data(result: ChainResult) -> Tables:
    """Return the quantities as a table.

    Returns
    -------
    dict of DataFrame
        ``quantities``: quantity, generation, value, stderr, lower, upper (NaN where nothing is proved), limit (NaN
        where none is known).
    """
    rows = []
    for name, values in result.generations.items():
        lower, upper = _sides(result.bounds.get(name), len(values))
        table = {"quantity": name, "generation": range(len(values)), "value": values,
                 "stderr": result.stderr["generations"][name], "lower": lower, "upper": upper,
                 "limit": result.limits.get(name, math.nan)}  # fmt: skip
        rows.append(pd.DataFrame(table))
    return {"quantities": pd.concat(rows, ignore_index=True)}


def _sides(bounds: Bounds | None, n: int) -> tuple[list[float], list[float]]:
    """Return the bounds of each generation, NaN where there is none."""
    sides = (None, None) if bounds is None else (bounds.lower, bounds.upper)
    lower, upper = (list(np.broadcast_to(math.nan if side is None else np.asarray(side), n)) for side in sides)
    return lower, upper


def draw_chain(data: Tables) -> Figure:
    """Draw a panel for each quantity, in rows of three."""
    groups = list(data["quantities"].groupby("quantity", sort=False))
    columns = min(COLUMNS, len(groups))
    rows = math.ceil(len(groups) / columns)
    size = (PANEL_WIDTH * columns, PANEL_HEIGHT * rows)
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    for position, (_, table) in enumerate(groups):
        draw_quantity(table, axes=figure.add_subplot(rows, columns, position + 1))
    return figure


def draw_quantity(table: pd.DataFrame, *, axes: Axes | None = None) -> Axes:
    """Draw one quantity with two standard errors, its limit (dashed) and its bounds (shaded)."""
    axes = new_axes() if axes is None else axes
    generation, value = table["generation"].to_numpy(), table["value"].to_numpy()
    finish(axes, x="generation", y=str(table["quantity"].iloc[0]).replace("_", " "))
    errors = 2 * table["stderr"] if table["stderr"].any() else None
    style = "o-" if len(value) <= 30 else "-"
    axes.errorbar(generation, value, yerr=errors, fmt=style, color=BLUE, markersize=3, capsize=2, linewidth=1.5)
    low, high = axes.get_ylim()
    reach = LOOSE * max(high - low, 1e-300)
    if table[["lower", "upper"]].notna().to_numpy().any():
        bottom, top = table["lower"].fillna(low), table["upper"].fillna(high)
        low, high = max(min(low, bottom.min()), low - reach), min(max(high, top.max()), high + reach)
        axes.fill_between(generation, bottom.clip(low, high), top.clip(low, high), color=SKY, alpha=0.25, linewidth=0)
    limit = float(table["limit"].iloc[0])
    if low - reach <= limit <= high + reach:
        low, high = min(low, limit), max(high, limit)
        axes.axhline(limit, color=VERMILLION, linestyle="--", linewidth=1)
        axes.annotate("limit", (1.0, limit), xycoords=("axes fraction", "data"), xytext=(-2, 3),
                      textcoords="offset points", ha="right", fontsize=FONT_SIZE - 1, color=QUIET)  # fmt: skip
    margin = 0.05 * (high - low)
    axes.set_ylim(low - margin, high + margin)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.label.set_color(INK)
    return axes
