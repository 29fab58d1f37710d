"""Which measures tell synthetic data from real data, and by how much? One dot for each measure, one line per topic."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator

from modelcollapse.decisions.distribution_result import DistributionAudit
from modelcollapse.digits import HALF_WIDTH_90
from modelcollapse.figures.style import (
    GRID,
    INK,
    QUIET,
    VERMILLION,
    finish,
    legend_above,
    new_axes,
    say_unknown,
    short_count,
)

_LINEAR = 10.0  # distances beyond are drawn on a logarithmic scale, where some are much farther
_MUCH_FARTHER = 30.0
_FARTHEST = 1e4  # what is farther is drawn here
_SMALLEST, _LARGEST, _INKED = 2.0, 12.0, 1200.0  # areas of a dot, and of all dots of a topic while none is smaller
_LANE = 0.7  # height over which the dots of a topic are spread


def findings_data(result: DistributionAudit) -> pd.DataFrame:
    """Return how far each measure is from what a second real sample gives.

    Returns
    -------
    DataFrame
        topic, name, distance (in standard deviations of the null), p_value, found.
    """
    rows = [(f.topic, f.name, f.distance, f.p_value, f.found) for f in result.findings]
    return pd.DataFrame(rows, columns=["topic", "name", "distance", "p_value", "found"])


def draw_findings(data: pd.DataFrame, *, axes: Axes | None = None) -> Axes:
    """Draw all measures by topic; those found are coloured, and shaded is where a measure of real data mostly lies."""
    topics = list(dict.fromkeys(data["topic"]))
    axes = new_axes(height=1.2 + 0.32 * max(len(topics), 1)) if axes is None else axes
    if not topics:
        return say_unknown(axes)
    finish(axes, x="standard deviations from a second real sample", y="")
    axes.grid(visible=False, axis="y")
    axes.axvspan(-HALF_WIDTH_90, HALF_WIDTH_90, color=GRID, zorder=0, label="90 % of real data")
    distance = data["distance"].clip(-_FARTHEST, _FARTHEST)
    lane = data["topic"].map({topic: k for k, topic in enumerate(topics)}).astype(float)
    lane += _LANE * ((data.groupby("topic").cumcount() * 0.618) % 1.0 - 0.5)  # spread evenly, the same every time
    found = data["found"].astype(bool)
    area = (_INKED / data.groupby("topic")["topic"].transform("size")).clip(_SMALLEST, _LARGEST)
    axes.scatter(distance[~found], lane[~found], s=area[~found], color=QUIET, linewidth=0, label="like real data")
    axes.scatter(distance[found], lane[found], s=20, color=VERMILLION, marker="D", label="told apart")
    _scale_distances(axes, farthest=float(distance.abs().max()))
    axes.axvline(0.0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(topics)), labels=topics)
    axes.set_ylim(len(topics) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    legend_above(axes, columns=3)
    return axes


def _scale_distances(axes: Axes, *, farthest: float) -> None:
    """Make room for the farthest distance, with a tick at or beyond it where the scale is logarithmic."""
    if farthest <= _MUCH_FARTHER:
        reach = max(1.2 * _LINEAR, 1.1 * farthest)
        ends = [end for end in (5.0, 10.0, 20.0, 30.0) if end <= reach]
    else:
        axes.set_xscale("symlog", linthresh=_LINEAR, linscale=1.5)
        ends = [5.0, *(10.0**k for k in range(1, int(np.ceil(np.log10(farthest))) + 1))]
        reach = 1.3 * ends[-1]
    axes.set_xlim(-reach, reach)
    axes.set_xticks([*(-end for end in reversed(ends)), 0.0, *ends], minor=False)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(_distance_text))


def _distance_text(distance: float, _: object) -> str:
    """Return a distance for the axis; the farthest stands for all beyond."""
    return f"{'−' if distance < 0 else ''}{short_count(abs(distance))}{'+' if abs(distance) >= _FARTHEST else ''}"
