"""Where does a larger model amplify collapse, and where does more data stop helping? A row of panels for each model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, NullLocator

from modelcollapse.checks import Array
from modelcollapse.decisions.data_gain import DataGain
from modelcollapse.decisions.phase_diagram import Effect, PhaseDiagram
from modelcollapse.figures.style import (
    FONT_SIZE,
    GREEN,
    INK,
    QUIET,
    SKY,
    VERMILLION,
    Tables,
    finish,
    line_styles,
    new_axes,
    say_unknown,
)

COLOURS = {
    Effect.AMPLIFIES: VERMILLION,
    Effect.OUTWEIGHED: "#f5c18a",
    Effect.MITIGATES: GREEN,
    Effect.IN_VAIN: SKY,
    Effect.NONE: "#e4e8ec",
    Effect.UNDEFINED: "white",
}
WORDS = {
    Effect.AMPLIFIES: "more collapse, larger error",
    Effect.OUTWEIGHED: "more collapse, smaller error",
    Effect.MITIGATES: "less collapse, smaller error",
    Effect.IN_VAIN: "less collapse, larger error",
    Effect.NONE: "no change",
    Effect.UNDEFINED: "no more features",
}
"""What a larger model brings."""
SIZES = {"linear": "features seen per sample", "projections": "width per sample", "network": "width per sample"}
PANEL_WIDTH, PANEL_HEIGHT, HEADROOM = 2.9, 2.7, 0.9


def phase_diagram_data(
    diagrams: Sequence[PhaseDiagram], gains: Sequence[DataGain], *, qualities: Sequence[float]
) -> Tables:
    """Return what is drawn.

    Parameters
    ----------
    diagrams : sequence of PhaseDiagram
        One for each model.
    gains : sequence of DataGain
        Of the same models.
    qualities : sequence of float
        Of which maps are drawn.

    Returns
    -------
    dict of DataFrame
        ``map``: model, quality, synthetic_fraction, features_per_sample, width_per_sample, collapse_slope,
        excess_risk_slope (derivatives with respect to log size), effect. ``gain``: model, data_growth, gain, quality,
        features_per_sample, synthetic_fraction (the threshold), regained.
    """
    return {
        "map": pd.concat([_map(diagram, quality) for diagram in diagrams for quality in qualities], ignore_index=True),
        "gain": pd.concat([_gain(found) for found in gains], ignore_index=True),
    }


def _map(diagram: PhaseDiagram, quality: float) -> pd.DataFrame:
    fraction, features, widths = np.meshgrid(
        diagram.synthetic_fraction, diagram.features_per_sample, diagram.width_per_sample, indexing="ij"
    )
    return pd.DataFrame(
        {
            "model": diagram.model,
            "quality": quality,
            "synthetic_fraction": fraction.ravel(),
            "features_per_sample": features.ravel(),
            "width_per_sample": widths.ravel(),
            "collapse_slope": quality * diagram.slope.collapse.ravel(),
            "excess_risk_slope": diagram.slope.excess_risk(quality).ravel(),
            "effect": diagram.effects(quality).ravel(),
        }
    )


def _gain(found: DataGain) -> pd.DataFrame:
    quality, features = np.meshgrid(found.quality, found.features_per_sample, indexing="ij")
    return pd.DataFrame(
        {
            "model": found.model,
            "data_growth": found.data_growth,
            "gain": found.gain,
            "quality": quality.ravel(),
            "features_per_sample": features.ravel(),
            "synthetic_fraction": found.synthetic_fraction.ravel(),
            "regained": found.regained.ravel(),
        }
    )


def draw_phase_diagram(data: Tables) -> Figure:
    """Draw a row for each model: a map for each quality and synthetic fraction, then the thresholds."""
    models = data["map"]["model"].unique().tolist()
    cases = data["map"][["quality", "synthetic_fraction"]].drop_duplicates()
    columns, rows = len(cases) + 1, len(models)
    size = (PANEL_WIDTH * columns, PANEL_HEIGHT * rows + HEADROOM)
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    panels = figure.subplots(rows, columns, squeeze=False)
    for model, row in zip(models, panels, strict=True):
        of_model = data["map"][data["map"]["model"] == model]
        for axes, case in zip(row, cases.itertuples(), strict=False):
            here = (of_model["quality"] == case.quality) & (of_model["synthetic_fraction"] == case.synthetic_fraction)
            draw_effects(of_model[here], axes=axes)
        draw_gain(data["gain"][data["gain"]["model"] == model], axes=row[-1])
        for axes in row[1:-1]:
            axes.set(ylabel="", yticklabels=[])
    for axes in panels[:-1].ravel():
        axes.set_xlabel("")
    effects = [effect for effect in Effect if (data["map"]["effect"] == effect).any()]
    figure.legend(
        handles=[Patch(facecolor=COLOURS[e], edgecolor=QUIET, linewidth=0.5, label=WORDS[e]) for e in effects],
        title="a larger model brings",
        loc="outside upper left",
        ncols=len(effects),
        frameon=False,
        fontsize=FONT_SIZE,
        alignment="left",
    )
    return figure


def draw_effects(table: pd.DataFrame, *, axes: Axes | None = None) -> Axes:
    """Draw one map: what a larger model brings, with the lines size = samples (solid) and size = features (dashed)."""
    axes = new_axes(height=4.4) if axes is None else axes
    grid = table.pivot(index="width_per_sample", columns="features_per_sample", values="effect")
    codes = np.vectorize(list(Effect).index)(grid.to_numpy())
    features, widths = grid.columns.to_numpy(dtype=np.float64), grid.index.to_numpy(dtype=np.float64)
    model, quality, fraction = table[["model", "quality", "synthetic_fraction"]].iloc[0]
    axes.set(xscale="log", yscale="log")
    colours = ListedColormap([COLOURS[effect] for effect in Effect])
    x, y = _edges(features), _edges(widths)
    axes.pcolormesh(x, y, codes, cmap=colours, vmin=-0.5, vmax=len(Effect) - 0.5, rasterized=True)
    axes.plot(x, x, color=INK, linestyle="--", linewidth=1)
    peaked = x if model == "network" else x[x >= 1]
    axes.plot(peaked, np.ones_like(peaked), color=INK, linewidth=1)
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(y[0], y[-1])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_locator(NullLocator())
    finish(axes, x="features per sample", y=SIZES[model])
    axes.grid(visible=False)
    axes.set_title(f"{model}: quality {quality:g}, {fraction:.0%} synthetic", fontsize=FONT_SIZE - 1, color=INK)
    return axes


def draw_gain(table: pd.DataFrame, *, axes: Axes | None = None) -> Axes:
    """Draw the thresholds: the synthetic fraction beyond which more data no longer gain as much, by quality."""
    axes = new_axes(height=4.4) if axes is None else axes
    model, growth, gain = table[["model", "data_growth", "gain"]].iloc[0]
    finish(axes, x="features per sample", y="synthetic fraction")
    axes.set_title(f"{model}: {growth:g} × data, risk / {gain:g}", fontsize=FONT_SIZE - 1, color=INK)
    if table["synthetic_fraction"].isna().all():
        return say_unknown(axes)
    axes.set(xscale="log", yscale="log")
    axes.minorticks_off()
    qualities = table["quality"].unique()
    for quality, (colour, dash) in zip(qualities, line_styles(len(qualities)), strict=True):
        curve = table[table["quality"] == quality]
        label = f"quality {quality:g}"
        axes.plot(curve["features_per_sample"], curve["synthetic_fraction"], color=colour, linestyle=dash, label=label)
    axes.set_xlim(table["features_per_sample"].min(), table["features_per_sample"].max())
    axes.legend(frameon=False, fontsize=FONT_SIZE - 2, labelcolor=INK, loc="best")
    return axes


def _edges(centres: Array) -> Array:
    """Return the edges of cells of equal size in the logarithm."""
    step = np.sqrt(centres[1] / centres[0])
    return np.append(centres / step, centres[-1] * step)
