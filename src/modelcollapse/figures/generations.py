"""What becomes of the model from generation to generation? Its excess risk, and the parts of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from modelcollapse.figures.style import (
    BLUE,
    INK,
    QUIET,
    VERMILLION,
    Tables,
    finish,
    legend_above,
    new_axes,
    say_unknown,
)
from modelcollapse.result import GenerationsResult


def generations_data(result: GenerationsResult) -> Tables:
    """Return the trajectory as a table.

    Returns
    -------
    dict of DataFrame
        ``generations``: generation, and excess_risk, bias and variance, each with its standard error (``..._stderr``).
    """
    columns: dict[str, object] = {"generation": range(len(result.excess_risk))}
    for name in ("excess_risk", "bias", "variance"):
        columns[name] = getattr(result, name)
        columns[f"{name}_stderr"] = result.stderr[name]
    return {"generations": pd.DataFrame(columns, dtype=float)}


def draw_generations(data: Tables, *, axes: Axes | None = None) -> Axes:
    """Draw the excess risk and its parts against the generation, with two standard errors where there are some."""
    axes = new_axes() if axes is None else axes
    table = data["generations"].replace([np.inf, -np.inf], np.nan)
    finish(axes, x="generation", y="excess risk")
    if table["excess_risk"].notna().sum() < 2:
        return say_unknown(axes)
    lines = (("excess_risk", INK, "o-", "excess risk"), ("variance", BLUE, "s--", "variance"),
             ("bias", VERMILLION, "^:", "bias"))  # fmt: skip
    for name, colour, style, label in lines:
        axes.errorbar(
            table["generation"], table[name], yerr=2 * table[f"{name}_stderr"], fmt=style, color=colour, label=label,
            markersize=4, capsize=2,
        )  # fmt: skip
    axes.axhline(table["excess_risk"].iloc[0], color=QUIET, linewidth=1)
    axes.annotate(
        "generation 0", (1.0, table["excess_risk"].iloc[0]), xycoords=("axes fraction", "data"), xytext=(-2, 3),
        textcoords="offset points", ha="right", fontsize=9, color=QUIET,
    )  # fmt: skip
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend_above(axes, columns=3)
    return axes
