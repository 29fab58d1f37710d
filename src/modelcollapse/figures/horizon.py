"""How long does a recursion stay within a factor of real samples only? Its risk against that line."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from modelcollapse.decisions.generations_plan import GenerationsPlan
from modelcollapse.figures.adaptive_mixing import draw_adaptive_mixing, mixing_data
from modelcollapse.figures.style import INK, QUIET, VERMILLION, Tables, finish, legend_above, new_axes


def horizon_data(plan: GenerationsPlan) -> Tables:
    """Return the generations of a plan, and what they are compared with.

    Returns
    -------
    dict of DataFrame
        ``file``: generation and excess_risk at the weights and the ridge of the problem. ``lines``: excess_risk of real
        samples only, and this times the factor (`bound`). ``generations``: those of a mix at its best weights, as
        `adaptive_mixing.mixing_data` has them; without a mix it is missing.
    """
    mixed = {} if plan.mixing is None else mixing_data(plan.mixing)
    generations = range(len(plan.excess_risk))
    return {
        "file": pd.DataFrame({"generation": generations, "excess_risk": plan.excess_risk}, dtype=float),
        "lines": pd.DataFrame({"reference": [plan.reference], "bound": [plan.factor * plan.reference]}),
        **mixed,
    }


def draw_horizon(data: Tables) -> Figure:
    """Draw the risk of every generation and the line not to cross; below, of a mix, the best shares."""
    if "generations" in data:
        figure = draw_adaptive_mixing(data)
        axes = figure.axes[0]
    else:
        axes = new_axes()
        assert isinstance(axes.figure, Figure)
        figure = axes.figure
        finish(axes, x="generation", y="excess risk")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    risk, lines = data["file"].replace([np.inf, -np.inf], np.nan), data["lines"].iloc[0]
    axes.plot(risk["generation"], risk["excess_risk"], "s-", color=INK, markersize=4, label="as in the file")
    axes.axhline(lines["reference"], color=QUIET, linewidth=1, label="real samples only")
    factor = lines["bound"] / lines["reference"]
    axes.axhline(lines["bound"], color=VERMILLION, linewidth=1, linestyle="--", label=f"{factor:g} times that")
    if "generations" not in data:
        axes.set_ylim(bottom=0)
    legend_above(axes, columns=3)
    return figure
