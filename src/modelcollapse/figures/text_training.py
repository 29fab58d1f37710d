"""What becomes of language models? Losses and what is written, by generation; losses of students by synthetic share."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

from modelcollapse.figures.style import (
    FONT_SIZE,
    HEIGHT,
    INK,
    WIDTH,
    Tables,
    finish,
    line_styles,
)
from modelcollapse.result import TrainingResult

DESCRIPTION = (
    "Lines: measures of language models against the generation, one line for each workflow, or validation loss against "
    "the synthetic fraction, one for each student, with two standard errors."
)
PANELS = {
    "validation_loss": "validation loss (nats a token)",
    "tail_loss": "loss of the tail's tokens (nats)",
    "distinct_words": "distinct words written",
    "deviation_from_0": "deviation from generation 0 (L1)",
}
"""Quantities that are drawn of recursions, and what their axes are called."""
WIDTH_OF_TWO = 1.6 * WIDTH
HEIGHTS = {"generations": 1.8 * HEIGHT, "mixtures": HEIGHT}


def text_training_data(result: TrainingResult) -> Tables:
    """Return what was measured as tables.

    Returns
    -------
    dict of DataFrame
        ``generations``: workflow, generation, and the quantities of `PANELS`, each with its standard error
        (``..._stderr``). ``mixtures``: student (its size and data), synthetic_fraction, validation_loss and its
        standard error. Either may be empty.
    """
    generations, mixtures = [], []
    for point in result.points:
        setting, row = point.setting, {}
        for name in PANELS:
            row[name], row[f"{name}_stderr"] = point.values.get(name), point.stderr.get(name)
        if "generation" in setting:
            generations.append({"workflow": setting["workflow"], "generation": setting["generation"], **row})
        else:
            student = f"{setting['student']}, {setting['n_tokens']:,} tokens"
            row = {name: row[name] for name in ("validation_loss", "validation_loss_stderr")}
            mixtures.append({"student": student, "synthetic_fraction": setting["synthetic_fraction"], **row})
    return {"generations": pd.DataFrame(generations), "mixtures": pd.DataFrame(mixtures)}


def draw_text_training(data: Tables) -> Figure:
    """Draw four measures against the generation, and losses of students against the synthetic fraction below."""
    parts = [(name, table) for name, table in data.items() if not table.empty]
    heights = [HEIGHTS[name] for name, _ in parts]
    figure = Figure(figsize=(WIDTH_OF_TWO, sum(heights)), layout="constrained", facecolor="white")
    rows = figure.subfigures(len(parts), height_ratios=heights, squeeze=False)[:, 0]
    for part, (name, table) in zip(rows, parts, strict=True):
        (_draw_generations if name == "generations" else _draw_mixtures)(part, table)
    return figure


def _draw_generations(part: SubFigure, table: pd.DataFrame) -> None:
    """Draw each quantity of `PANELS` against the generation, one line for each workflow."""
    for axes, (name, label) in zip(part.subplots(2, 2).flat, PANELS.items(), strict=True):
        _draw_lines(axes, table, by="workflow", x="generation", y=name)
        finish(axes, x="generation", y=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend(part, axes)


def _draw_mixtures(part: SubFigure, table: pd.DataFrame) -> None:
    """Draw the validation loss of each student against the synthetic fraction."""
    axes = part.subplots()
    _draw_lines(axes, table, by="student", x="synthetic_fraction", y="validation_loss")
    finish(axes, x="synthetic fraction", y=PANELS["validation_loss"])
    _legend(part, axes)


def _legend(part: SubFigure, axes: Axes) -> None:
    """Put one legend above all axes."""
    handles, labels = axes.get_legend_handles_labels()
    part.legend(
        handles,
        labels,
        title="bars: two standard errors",
        title_fontsize=FONT_SIZE - 1,
        alignment="left",
        loc="outside upper left",
        ncols=3,
        frameon=False,
        fontsize=FONT_SIZE - 1,
        labelcolor=INK,
    ).get_title().set_color(INK)


def _draw_lines(axes: Axes, table: pd.DataFrame, *, by: str, x: str, y: str) -> None:
    """Draw one line for each value of a column, with two standard errors where there are some."""
    groups = list(table.groupby(by, sort=False))
    for (name, rows), (colour, dash) in zip(groups, line_styles(len(groups)), strict=True):
        axes.errorbar(
            rows[x],
            rows[y],
            yerr=2 * rows[f"{y}_stderr"].fillna(0.0),
            color=colour,
            linestyle=dash,
            marker="o",
            markersize=4,
            capsize=2,
            label=str(name),
        )
