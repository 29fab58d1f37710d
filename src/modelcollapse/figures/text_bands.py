"""Are rare tokens lost? The share of real tokens that the synthetic text has, by how often real text has them."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from modelcollapse.decisions.text_result import TextAudit
from modelcollapse.figures.style import BLUE, QUIET, VERMILLION, finish, legend_above, new_axes, say_unknown

_BAND = re.compile(r"kept of those seen (.+)")


def text_bands_data(result: TextAudit) -> pd.DataFrame:
    """Return the kept shares by frequency.

    Returns
    -------
    DataFrame
        seen (how often, in words), synthetic, real (what a second real sample has), low, high, found; rarest first.
    """
    rows = [
        (match[1], f.synthetic, f.real, *f.band, f.found) for f in result.findings if (match := _BAND.search(f.name))
    ]
    data = pd.DataFrame(rows, columns=["seen", "synthetic", "real", "low", "high", "found"])
    return data.iloc[np.argsort([_first_number(text) for text in data["seen"]], kind="stable")].reset_index(drop=True)


def _first_number(text: str) -> int:
    return {"once": 1, "twice": 2}.get(text) or int(re.sub(r"\D.*", "", text))


def draw_text_bands(data: pd.DataFrame, *, axes: Axes | None = None) -> Axes:
    """Draw the kept share for each frequency, with the band of a second real sample."""
    axes = new_axes() if axes is None else axes
    finish(axes, x="occurrences in real text", y="share that is there as well")
    if not len(data):
        return say_unknown(axes)
    places = np.arange(len(data))
    axes.bar(places, data["high"] - data["low"], bottom=data["low"], width=0.6, color=BLUE, alpha=0.25, linewidth=0)
    axes.plot(places, data["real"], "_", color=BLUE, markersize=24, label="a second real sample, with 90 % band")
    found = data["found"].astype(bool).to_numpy()
    axes.plot(places[~found], data["synthetic"][~found], "o", color=QUIET, label="synthetic, not told apart")
    axes.plot(places[found], data["synthetic"][found], "D", color=VERMILLION, label="synthetic, told apart")
    axes.set_xticks(places, labels=[text.removesuffix(" times") for text in data["seen"]])
    axes.set_ylim(0, 1.02)
    legend_above(axes, columns=1)
    return axes
