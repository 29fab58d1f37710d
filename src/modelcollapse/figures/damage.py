"""What do the synthetic labels cost, and what do the synthetic inputs cost? One bar for each source."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from modelcollapse.decisions.audit_result import AuditResult
from modelcollapse.digits import HALF_WIDTH_90, interval_text
from modelcollapse.figures.style import (
    INK,
    QUIET,
    SKY,
    VERMILLION,
    finish,
    legend_above,
    new_axes,
    say_unknown,
    show_power,
)


def damage_data(result: AuditResult) -> pd.DataFrame:
    """Return what each synthetic source costs.

    Returns
    -------
    DataFrame
        source, labels, inputs, total (test error above that of as many real rows), stderr (of the total), quality,
        quality_low, quality_high.
    """
    rows = [
        (name, damage.labels, damage.inputs, damage.total, damage.stderr["total"], quality.value, *quality.interval)
        for name, damage in result.damage.items()
        for quality in (result.quality[name],)
    ]
    columns = ["source", "labels", "inputs", "total", "stderr", "quality", "quality_low", "quality_high"]
    return pd.DataFrame(rows, columns=columns)


def draw_damage(data: pd.DataFrame, *, axes: Axes | None = None) -> Axes:
    """Draw the cost of labels and of inputs as bars that add up, or point apart when one of them helps."""
    axes = new_axes(height=1.5 + 0.7 * len(data)) if axes is None else axes
    axes.xaxis.set_major_locator(MaxNLocator(5))
    finish(axes, x="test error above that of as many real rows", y="")
    axes.grid(visible=False, axis="y")
    data = data.reset_index(drop=True)
    known = data.dropna(subset=["labels", "inputs", "total"])
    if not len(known):
        return say_unknown(axes)
    start = known["labels"].where(known["labels"] * known["inputs"] > 0, 0.0)
    style: dict[str, Any] = {"height": 0.5, "edgecolor": "white"}
    axes.barh(known.index, known["labels"], color=VERMILLION, label="labels", **style)
    axes.barh(known.index, known["inputs"], left=start, color=SKY, hatch="///", label="inputs", **style)
    half = HALF_WIDTH_90 * known["stderr"]
    axes.errorbar(known["total"], known.index, xerr=half, fmt="D", color=INK, markersize=6, label="together, 90 % band")
    axes.axvline(0.0, color=QUIET, linewidth=1)
    show_power(axes.xaxis)
    axes.set_yticks(data.index, labels=[_label(row) for row in data.itertuples()])
    axes.set_ylim(len(data) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    legend_above(axes, columns=3)
    return axes


def _label(row: Any) -> str:
    """Return the name of a source with its label quality below."""
    text = interval_text(row.quality, (row.quality_low, row.quality_high))
    return f"{row.source}\nc² = " + text.replace(" (", "\n(")
