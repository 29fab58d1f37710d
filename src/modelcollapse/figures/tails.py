"""What becomes of a scaling law? Error against data in every generation, what is known by rank, and how floors rise."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from modelcollapse.figures.style import (
    DASHES,
    FONT_SIZE,
    INK,
    QUIET,
    SERIES,
    SKY,
    VERMILLION,
    Dash,
    Tables,
    finish,
    legend_above,
    new_axes,
    say_unknown,
)
from modelcollapse.result import TailsResult

PANEL_WIDTH, PANEL_HEIGHT = 4.6, 3.6
LINES = len(SERIES)
"""Generations that are drawn at most: all of few; of many, the first two, the last, and those between in even steps of
their logarithm."""
PLAIN_BELOW = 10.0
"""Ratio of the ends of the axis of errors below which there is no power of ten to name."""
RISING = 3
"""Generations of generators from which on their floors have a panel of their own."""


def tails_data(result: TailsResult) -> Tables:
    """Return scaling curves, knowledge and floors as tables.

    Returns
    -------
    dict of DataFrame
        ``curves``: generation, n_samples, test_error, stderr. ``knowledge``: generation, rank, probability, stderr, at
        the largest size. ``floors``: generation, floor, stderr, linear_bound (NaN where none is reported).
    """
    generations = range(len(result.test_error))
    bound = result.bounds.get("floor")
    upper = math.nan if bound is None or bound.upper is None else np.asarray(bound.upper)
    floors = {"generation": generations, "floor": result.floor, "stderr": result.stderr["floor"],
              "linear_bound": np.broadcast_to(upper, len(generations))}  # fmt: skip
    return {
        "curves": _long("n_samples", result.n_samples, "test_error", result.test_error, result.stderr["test_error"]),
        "knowledge": _long("rank", result.ranks, "probability", result.knowledge, result.stderr["knowledge"]),
        "floors": pd.DataFrame(floors, dtype=float),
    }


def _long(x: str, along: object, y: str, values: object, stderr: object) -> pd.DataFrame:
    """Return a row for each generation and place."""
    table, places = np.array(values), np.array(along, dtype=float)
    return pd.DataFrame(
        {
            "generation": np.repeat(np.arange(len(table)), len(places)),
            x: np.tile(places, len(table)),
            y: table.ravel(),
            "stderr": np.array(stderr).ravel(),
        }
    )


def draw_tails(data: Tables) -> Figure:
    """Draw the scaling curves, what is known by rank, and with some generations how their floors rise."""
    rising = len(data["floors"]) > RISING and data["floors"]["floor"].gt(0).any()
    panels = 3 if rising else 2
    size = (PANEL_WIDTH * panels, PANEL_HEIGHT)
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    draw_scaling(data, axes=figure.add_subplot(1, panels, 1))
    draw_knowledge(data, axes=figure.add_subplot(1, panels, 2))
    if rising:
        draw_floors(data, axes=figure.add_subplot(1, panels, 3))
    return figure


def draw_scaling(data: Tables, *, axes: Axes | None = None) -> Axes:
    """Draw the test error against the size of the training set, with two standard errors, and the floors."""
    axes = new_axes() if axes is None else axes
    finish(axes, x="training samples T", y="test error")
    table, floors = data["curves"], data["floors"].set_index("generation")["floor"]
    if not table["test_error"].gt(0).any():
        return say_unknown(axes)
    axes.set(xscale="log", yscale="log")
    for generation, (colour, dash) in _styles(table).items():
        rows = table[(table["generation"] == generation) & table["test_error"].gt(0)]
        errors = 2 * rows["stderr"] if rows["stderr"].any() else None
        axes.errorbar(rows["n_samples"], rows["test_error"], yerr=errors, linestyle=dash, color=colour, marker="o",
                      markersize=3, capsize=2, linewidth=1.5, label=f"generation {generation}")  # fmt: skip
        if floors[generation] > 0:
            axes.axhline(floors[generation], color=colour, linewidth=0.8, alpha=0.6, zorder=1)
    if floors.gt(0).any():
        axes.annotate("thin lines: floors", (0.98, 0.98), xycoords="axes fraction", fontsize=FONT_SIZE - 1,
                      color=QUIET, horizontalalignment="right", verticalalignment="top")  # fmt: skip
    _quiet_minor_ticks(axes)
    low, high = axes.get_ylim()
    if high / low < PLAIN_BELOW:
        for set_formatter in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
            set_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    legend_above(axes, columns=2)
    return axes


def draw_knowledge(data: Tables, *, axes: Axes | None = None) -> Axes:
    """Draw the probability that an item is known at the largest size against its rank."""
    axes = new_axes() if axes is None else axes
    table = data["knowledge"]
    finish(axes, x="rank of an item", y="known at the largest T")
    if table["probability"].isna().all():
        return say_unknown(axes)
    axes.set_xscale("log")
    for generation, (colour, dash) in _styles(table).items():
        rows = table[table["generation"] == generation]
        errors = 2 * rows["stderr"] if rows["stderr"].any() else None
        axes.errorbar(rows["rank"], rows["probability"], yerr=errors, linestyle=dash, color=colour, marker="o",
                      markersize=3, capsize=2, linewidth=1.5, label=f"generation {generation}")  # fmt: skip
    axes.set_ylim(-0.03, 1.03)
    _quiet_minor_ticks(axes)
    legend_above(axes, columns=2)
    return axes


def draw_floors(data: Tables, *, axes: Axes | None = None) -> Axes:
    """Draw the floor of each generation, and the reported bound that grows in proportion to their number."""
    axes = new_axes() if axes is None else axes
    table = data["floors"]
    finish(axes, x="generation", y="floor of the test error")
    errors = 2 * table["stderr"] if table["stderr"].any() else None
    axes.errorbar(table["generation"], table["floor"], yerr=errors, fmt="o-", color=INK, markersize=3, capsize=2,
                  linewidth=1.5, label="floor")  # fmt: skip
    top = 1.1 * float(table["floor"].max())
    if table["linear_bound"].notna().any():
        axes.plot(
            table["generation"], table["linear_bound"], "--", color=VERMILLION, linewidth=1.2, label="linear bound"
        )
        axes.fill_between(table["generation"], 0, table["linear_bound"], color=SKY, alpha=0.15, linewidth=0)
        top = min(2.5 * top, max(top, 1.05 * float(table["linear_bound"].max())))
    axes.set_ylim(0, top)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend_above(axes, columns=2)
    return axes


def _styles(table: pd.DataFrame) -> dict[int, tuple[str, Dash]]:
    """Return the generations that are drawn, with a colour and a dash pattern for each."""
    last = int(table["generation"].max())
    steps = np.geomspace(1, last, LINES - 1).round().astype(int) if last else np.empty(0, dtype=int)
    drawn = sorted({0, *steps.tolist()}) if last >= LINES else range(last + 1)
    return {generation: (colour, dash) for generation, colour, dash in zip(drawn, SERIES, DASHES, strict=False)}


def _quiet_minor_ticks(axes: Axes) -> None:
    """Leave the ticks between powers of ten without labels; without marks where there are many powers."""
    low, high = axes.get_xlim()
    axes.xaxis.set_minor_formatter(NullFormatter())
    if high / low > 1e6:
        axes.xaxis.set_minor_locator(NullLocator())
