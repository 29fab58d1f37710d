"""How does the loss fall with more data? The fitted law for each kind of run, its floor, and the runs themselves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from modelcollapse.decisions.run_fit_result import LossCurve, RunFit
from modelcollapse.decisions.run_words import condition_text
from modelcollapse.figures.style import SERIES, Tables, finish, legend_above, new_axes, say_unknown, scale_counts
from modelcollapse.figures.words import synthetic_share_text

MOST_CURVES = len(SERIES)
"""Curves that can be told apart."""
MARKERS = ("o", "s", "^", "D", "v")
"""Signs of the runs beside the colours, so that a copy in grey still tells them apart."""
_NARROW_RANGE = 8.0
"""Ratio of losses up to which evenly spaced numbers are written on the axis."""


def run_curves_data(fit: RunFit) -> Tables:
    """Return the curves, those of the largest models first, and their runs.

    Returns
    -------
    dict of DataFrame
        ``curves``: curve, label, total, loss, low, high. ``floors``: curve, label, floor. ``observed``: curve, name,
        total, loss, held_out.
    """
    shown = _shown(fit.curves)
    labels = _labels([fit.curves[k] for k in shown])
    curves = [
        (k, label, *point)
        for k, label in zip(shown, labels, strict=True)
        for point in zip(fit.curves[k].total, fit.curves[k].loss, fit.curves[k].low, fit.curves[k].high, strict=True)
    ]
    floors = [(k, label, fit.curves[k].floor) for k, label in zip(shown, labels, strict=True)]
    observed = [(run.curve, run.name, run.total, run.loss, run.held_out) for run in fit.observed if run.curve in shown]
    return {
        "curves": pd.DataFrame(curves, columns=["curve", "label", "total", "loss", "low", "high"]),
        "floors": pd.DataFrame(floors, columns=["curve", "label", "floor"]),
        "observed": pd.DataFrame(observed, columns=["curve", "name", "total", "loss", "held_out"]),
    }


def _shown(curves: Sequence[LossCurve]) -> list[int]:
    """Return the positions of the curves that are drawn: evenly chosen ones of the largest models, then of others."""
    order = sorted(range(len(curves)), key=lambda k: -(curves[k].size or 0.0))
    largest = [k for k in order if curves[k].size == curves[order[0]].size]
    if len(largest) > MOST_CURVES:
        return [largest[round(place)] for place in np.linspace(0, len(largest) - 1, MOST_CURVES)]
    return sorted(order[:MOST_CURVES])


def _labels(curves: list[LossCurve]) -> list[str]:
    """Return what the curves are called: the synthetic share, with size and generation where they differ."""
    sizes = len({curve.size for curve in curves}) > 1
    generations = len({curve.generation for curve in curves if curve.fraction > 0}) > 1
    return [
        synthetic_share_text(curve.fraction)
        + condition_text(
            size=curve.size if sizes else None,
            generation=curve.generation if generations and curve.fraction > 0 else None,
        )
        for curve in curves
    ]


def draw_run_curves(data: Tables, *, unit: str = "samples", axes: Axes | None = None) -> Axes:
    """Draw loss against data, both logarithmic: lines with 90 % bands, dashed floors, runs, hollow where held out."""
    axes = new_axes(height=4.4) if axes is None else axes
    curves, observed = data["curves"], data["observed"]
    finish(axes, x=f"{unit}, real and synthetic", y="loss")
    if not len(curves):
        return say_unknown(axes)
    for k, floor, colour, marker in zip(
        data["floors"]["curve"], data["floors"]["floor"], SERIES, MARKERS, strict=False
    ):
        line = curves[curves["curve"] == k].sort_values("total")
        axes.fill_between(line["total"], line["low"], line["high"], color=colour, alpha=0.15, linewidth=0)
        axes.plot(line["total"], line["loss"], color=colour, linewidth=1.5)
        axes.plot([], [], marker=marker, color=colour, label=line["label"].iloc[0], markersize=4.5)  # for the legend
        if np.isfinite(floor) and floor > 0:
            axes.axhline(floor, color=colour, linestyle="--", linewidth=0.9)
        runs = observed[observed["curve"] == k]
        for held_out in (False, True):
            some = runs[runs["held_out"] == held_out]
            face = "white" if held_out else colour
            axes.plot(some["total"], some["loss"], marker, color=colour, markerfacecolor=face, markersize=4.5)
    scale_counts(axes, np.concatenate([curves["total"], observed["total"]]).astype(np.float64))
    _scale_losses(axes, np.concatenate([curves["loss"], observed["loss"]]).astype(np.float64))
    legend_above(axes, columns=2)
    return axes


def _scale_losses(axes: Axes, losses: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    """Make y logarithmic, with round numbers as labels, and leave out what bands span beyond the losses."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    span = losses.max() / losses.min()
    margin = max(1.05, span**0.1)
    axes.set_ylim(max(low, losses.min() / span**0.5 / margin), min(high, losses.max() * margin))
    axes.yaxis.set_major_locator(MaxNLocator(6) if span < _NARROW_RANGE else LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
