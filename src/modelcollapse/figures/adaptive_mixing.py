"""What does a share that changes with the generation bring? Risk and synthetic share of every generation."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from modelcollapse.decisions.adaptive_mixing import AdaptiveMixing
from modelcollapse.figures.style import HEIGHT, WIDTH, Tables, finish, legend_above, line_styles

WAYS = {"fixed": "best fixed share", "greedy": "greedy", "adaptive": "best schedule"}


def mixing_data(mixing: AdaptiveMixing) -> Tables:
    """Return the generations of the fixed weight, the greedy and the best schedule.

    Returns
    -------
    dict of DataFrame
        ``generations``: way, generation, excess_risk, weight and synthetic_share (NaN in generation 0).
    """
    tables = []
    for way in WAYS:
        found = getattr(mixing, way)
        tables.append(
            pd.DataFrame(
                {
                    "way": way,
                    "generation": range(len(found.excess_risk)),
                    "excess_risk": found.excess_risk,
                    "weight": [float("nan"), *found.weight],
                    "synthetic_share": [float("nan"), *found.synthetic_share],
                }
            )
        )
    return {"generations": pd.concat(tables, ignore_index=True)}


def draw_adaptive_mixing(data: Tables) -> Figure:
    """Draw the risk above, and the synthetic share of the whole weight below, against the generation."""
    figure = Figure(figsize=(WIDTH, 1.7 * HEIGHT), layout="constrained", facecolor="white")
    risk, share = figure.subplots(2, 1, sharex=True)
    _draw(data, "excess_risk", axes=risk, label="excess risk")
    _draw(data, "synthetic_share", axes=share, label="synthetic share of the weight")
    risk.set_yscale("log")
    risk.set_xlabel("")
    legend_above(risk, columns=len(WAYS))
    share.set_ylim(-0.02, 1.02)
    share.yaxis.set_major_formatter(PercentFormatter(1.0))
    share.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _draw(data: Tables, column: str, *, axes: Axes, label: str) -> None:
    table = data["generations"]
    for way, (colour, dash) in zip(WAYS, line_styles(len(WAYS)), strict=True):
        found = table[table["way"] == way]
        axes.plot(found["generation"], found[column], color=colour, linestyle=dash, marker="o", markersize=3,
                  label=WAYS[way])  # fmt: skip
    finish(axes, x="generation", y=label)
