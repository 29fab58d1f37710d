"""What becomes of skills? Error and mastered outcomes against examples, and the accuracy of each arm by outcome."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from modelcollapse.figures.style import (
    BLUE,
    DASHES,
    FONT_SIZE,
    INK,
    QUIET,
    SERIES,
    Tables,
    finish,
    scale_counts,
)
from modelcollapse.result import TrainingResult

DESCRIPTION = (
    "Test error and number of mastered outcomes against training examples for each arm, and accuracy by outcome in "
    "the end."
)
SIZE = (11.0, 3.9)
ROW = 0.3
"""Height of a row of the map in inches."""
LEGEND_COLUMNS = 7
SEEN = 0.5
"""Outcomes are shown that some arm answers rightly with at least this share."""
SHADES = LinearSegmentedColormap.from_list("shades", ["white", BLUE])


def arithmetic_training_data(result: TrainingResult) -> Tables:
    """Return what each arm can do as tables.

    Returns
    -------
    dict of DataFrame
        ``curves``: arm, n_samples, test_error, skills, each of these with its standard error (``..._stderr``).
        ``accuracy``: arm, outcome, accuracy, in the end. ``floors``: arm, floor.
    """
    curves, last = [], {}
    for point in result.points:
        arm = _words(point.setting["arm"], point.setting["generation"])
        numbers = [value for name in ("test_error", "skills") for value in (point.values[name], point.stderr[name])]
        curves.append((arm, point.setting["n_samples"], *numbers))
        last[arm] = point.values["accuracy"]
    columns = ["arm", "n_samples", "test_error", "test_error_stderr", "skills", "skills_stderr"]
    accuracy = [(arm, g, share) for arm, row in last.items() for g, share in enumerate(row, start=1)]
    floors = [(name[6:], value) for name, value in result.numbers.items() if name.startswith("floor_")]
    return {
        "curves": pd.DataFrame(curves, columns=columns),
        "accuracy": pd.DataFrame(accuracy, columns=["arm", "outcome", "accuracy"]),
        "floors": pd.DataFrame(floors, columns=["arm", "floor"]),
    }


def _words(arm: str, generation: int) -> str:
    return arm if generation < 2 else f"{arm}, generation {generation}"


def draw_arithmetic_training(data: Tables) -> Figure:
    """Draw error and skills along the training, and below them the accuracy of each arm by outcome."""
    n_arms = data["curves"]["arm"].nunique()
    below = 0.9 + ROW * n_arms
    figure = Figure(figsize=(SIZE[0], SIZE[1] + below), layout="constrained", facecolor="white")
    grid = figure.add_gridspec(2, 2, height_ratios=[SIZE[1], below])
    errors = figure.add_subplot(grid[0, 0])
    draw_errors(data, axes=errors)
    draw_skills(data, axes=figure.add_subplot(grid[0, 1]))
    draw_accuracy(data, axes=figure.add_subplot(grid[1, :]))
    handles, labels = errors.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper left", ncols=LEGEND_COLUMNS, frameon=False, fontsize=FONT_SIZE - 1,
        labelcolor=INK, handlelength=2.8,
    )  # fmt: skip
    return figure


def draw_errors(data: Tables, *, axes: Axes) -> Axes:
    """Draw test errors, with two standard errors, and dotted the mass of the outcomes that a cut arm never sees."""
    finish(axes, x="training examples", y="test error ± 2 standard errors")
    _draw_curves(data["curves"], "test_error", axes)
    for floor in data["floors"]["floor"].unique():
        axes.axhline(floor, color=QUIET, linestyle=":", linewidth=1.2)
        where = (0.02, floor)
        axes.annotate(
            "mass of the outcomes cut", where, xycoords=("axes fraction", "data"), xytext=(0, -3),
            textcoords="offset points", ha="left", va="top", fontsize=FONT_SIZE - 2, color=QUIET,
        )  # fmt: skip
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    return axes


def draw_skills(data: Tables, *, axes: Axes) -> Axes:
    """Draw how many of the graded outcomes are mastered, with two standard errors."""
    n_graded = int(data["accuracy"]["outcome"].max())
    finish(axes, x="training examples", y=f"mastered of {n_graded} ± 2 standard errors")
    _draw_curves(data["curves"], "skills", axes)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    return axes


def draw_accuracy(data: Tables, *, axes: Axes) -> Axes:
    """Draw the accuracy of each arm in the end, for the outcomes that some arm mostly gets right."""
    table = data["accuracy"].pivot(index="arm", columns="outcome", values="accuracy")
    table = table.loc[data["curves"]["arm"].unique()]
    shown = table.loc[:, (table >= SEEN).any()]
    finish(axes, x="outcome, the greatest common divisor: those that some arm mostly gets right in the end", y="")
    axes.grid(visible=False)
    image = axes.imshow(shown.to_numpy(), aspect="auto", cmap=SHADES, vmin=0, vmax=1, interpolation="none")
    axes.set_yticks(range(len(shown)), shown.index)
    axes.set_xticks(range(shown.shape[1]), [str(outcome) for outcome in shown.columns])
    axes.set_xticks(np.arange(shown.shape[1] - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(len(shown) - 1) + 0.5, minor=True)
    axes.grid(visible=True, which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="both", length=0)
    bar = axes.figure.colorbar(image, ax=axes, pad=0.01, aspect=10)
    bar.set_label("share right", fontsize=FONT_SIZE, color=INK)
    bar.outline.set_visible(False)
    return axes


def _draw_curves(curves: pd.DataFrame, name: str, axes: Axes) -> None:
    """Draw one quantity of all arms, with two standard errors as far as it can go."""
    most = 1.0 if name == "test_error" else math.inf
    arms = curves["arm"].unique()
    for number, arm in enumerate(arms):
        colour, dash = SERIES[number % len(SERIES)], DASHES[(number + number // len(SERIES)) % len(DASHES)]
        line = curves[curves["arm"] == arm]
        axes.plot(line["n_samples"], line[name], color=colour, linestyle=dash, linewidth=1.7, label=arm)
        low, high = (line[name] + sign * 2 * line[f"{name}_stderr"].fillna(0.0) for sign in (-1, 1))
        axes.fill_between(
            line["n_samples"],
            low.clip(lower=line[name] / 3 if name == "test_error" else 0.0),
            high.clip(upper=most),
            color=colour,
            alpha=0.15,
            linewidth=0,
        )
    scale_counts(axes, curves["n_samples"].to_numpy(dtype=np.float64))
