"""Is the tail of the vocabulary still there? How often the tokens of each rank occur, in real and synthetic text."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from modelcollapse.decisions.text_result import TextAudit
from modelcollapse.figures.style import BLUE, VERMILLION, finish, legend_above, new_axes


def text_ranks_data(result: TextAudit) -> pd.DataFrame:
    """Return occurrences by rank.

    Returns
    -------
    DataFrame
        rank, real, low, high (between which halves of the real text lie), synthetic.
    """
    table = result.rank_frequencies
    columns = {"real": table.real, "low": table.low, "high": table.high, "synthetic": table.synthetic}
    return pd.DataFrame({"rank": table.ranks, **columns})


def draw_text_ranks(data: pd.DataFrame, *, axes: Axes | None = None) -> Axes:
    """Draw occurrences against rank on logarithmic axes; a line that ends early has lost its tail."""
    axes = new_axes() if axes is None else axes
    axes.set_xscale("log")
    axes.set_yscale("log")
    finish(axes, x="rank, from the commonest on", y="occurrences")
    seen = data["synthetic"] > 0
    axes.fill_between(data["rank"], data["low"], data["high"], color=BLUE, alpha=0.35, linewidth=0, label="its halves")
    axes.plot(data["rank"], data["real"], color=BLUE, linewidth=0.8, label="real text")
    axes.plot(
        data["rank"][seen],
        data["synthetic"][seen],
        color=VERMILLION,
        linewidth=1.2,
        linestyle="--",
        label="synthetic text",
    )
    axes.set_ylim(bottom=0.8)
    legend_above(axes, columns=3)
    return axes
