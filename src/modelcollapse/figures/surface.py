"""How much of each is best? The test error over real and synthetic counts, each at its best weight and ridge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.patches import Patch, Rectangle

from modelcollapse.checks import Array
from modelcollapse.decisions.audit_result import AuditResult, SurfaceTable
from modelcollapse.digits import UNKNOWN, power_of_ten, rough_text, times_power
from modelcollapse.figures.style import (
    FONT_SIZE,
    INK,
    QUIET,
    VERMILLION,
    finish,
    new_axes,
    round_counts,
    short_count,
)

_UNKNOWN_LOOK: dict[str, Any] = {"facecolor": "#f0f0f0", "edgecolor": "#9aa1a9", "hatch": "////", "linewidth": 0}
_CONTOURS = 6
"""Lines of equal error, evenly spaced from the smallest to the largest error that has a colour of its own."""
_COLOURED = 0.95
"""Share of the table that has colours of its own; the largest errors share one, or they would blur all the others."""


@dataclass(frozen=True, kw_only=True)
class SurfaceData:
    """A surface with the two mixtures that are marked on it.

    Attributes
    ----------
    source : str
        The synthetic source, or several joined by ``+``.
    real, synthetic : ndarray (R,), (S,)
        Counts.
    test_error : ndarray (R, S)
        NaN where the data cannot tell.
    at_hand, best : (float, float) or None
        Real and synthetic count: all rows at hand, and the best count of synthetic rows beside the real ones at hand.
    best_weight : float
        Weight of the synthetic samples at `best`; NaN when there is none.
    """

    source: str
    real: Array
    synthetic: Array
    test_error: Array
    at_hand: tuple[float, float]
    best: tuple[float, float] | None
    best_weight: float


def surface_data(result: AuditResult, table: SurfaceTable) -> SurfaceData:
    """Return one surface of an audit with the marks on it.

    The mark of the best mixture is the audit's own when that uses just these synthetic sources, and else the smallest
    error of the table at the real rows at hand.
    """
    members = table.source.split("+")
    real = result.at_hand.counts.get("real", 0.0)
    best, weight = _best_of_row(table, real)
    used = {name for name, count in result.best.counts.items() if count > 0 and name != "real"}
    if np.isfinite(result.best.test_error) and used in (set(), set(members)):
        best, weight = (real, sum(result.best.counts.get(name, 0.0) for name in members)), result.best.weight
    return SurfaceData(
        source=table.source,
        real=table.real,
        synthetic=table.synthetic,
        test_error=table.test_error,
        at_hand=(real, sum(result.at_hand.counts.get(name, 0.0) for name in members)),
        best=best,
        best_weight=weight,
    )


def _best_of_row(table: SurfaceTable, real: float) -> tuple[tuple[float, float] | None, float]:
    """Return the smallest error of the table's row nearest to a real count, with its weight; None when unknown."""
    row = int(np.argmin(np.abs(table.real - real)))
    errors = table.test_error[row]
    if not np.isfinite(errors).any():
        return None, float("nan")
    column = int(np.nanargmin(errors))
    return (float(table.real[row]), float(table.synthetic[column])), float(table.weight[row, column])


def draw_surface(data: SurfaceData, *, axes: Axes | None = None) -> Axes:
    """Draw the surface as a heat map with contour lines; hatched where the data cannot tell."""
    axes = new_axes(height=4.4) if axes is None else axes
    errors = np.ma.masked_invalid(data.test_error)
    rows, columns = errors.shape
    edges = (-0.5, columns - 0.5, -0.5, rows - 0.5)
    if errors.mask.any():
        axes.add_patch(Rectangle(edges[::2], columns, rows, zorder=0, **_UNKNOWN_LOOK))
    if errors.count():
        largest = float(np.quantile(errors.compressed(), _COLOURED))
        image = axes.imshow(errors, origin="lower", aspect="auto", extent=edges, cmap="cividis", vmax=largest)
        bar = axes.figure.colorbar(image, ax=axes, pad=0.02, fraction=0.05, extend="max")
        power = power_of_ten(largest)
        bar.set_label(f"test error{times_power(power)}", fontsize=FONT_SIZE, color=INK)
        bar.ax.tick_params(labelsize=FONT_SIZE - 1, colors=QUIET, labelcolor=INK)
        bar.outline.set_visible(False)
        _draw_contours(axes, bar, errors, scale=10.0**power)
    finish(axes, x=f"{data.source} samples", y="real samples")
    axes.grid(visible=False)
    _place_counts(axes, data.synthetic, data.real)
    _mark(axes, data)
    return axes


def _draw_contours(axes: Axes, bar: Colorbar, errors: Any, *, scale: float) -> None:
    """Draw lines of equal error, and mark their values on the colour bar."""
    levels = np.linspace(*bar.mappable.get_clim(), _CONTOURS + 1)[1:]
    if min(errors.shape) > 1 and levels[-1] > errors.min():
        lines = axes.contour(errors, levels=levels, colors="white", linewidths=0.9)
        bar.add_lines(lines)
        bar.set_ticks(levels.tolist(), labels=[rough_text(level / scale) for level in levels])


def _place_counts(axes: Axes, x: Array, y: Array) -> None:
    """Label the axes with round counts; the table's own steps set the scale."""
    for counts, axis in ((x, axes.xaxis), (y, axes.yaxis)):
        ticks = round_counts(counts, most=6)
        axis.set_ticks(_position(counts, np.array(ticks)), labels=[short_count(tick) for tick in ticks])
    axes.set_xlim(-0.5, len(x) - 0.5)
    axes.set_ylim(-0.5, len(y) - 0.5)


def _mark(axes: Axes, data: SurfaceData) -> None:
    """Mark the mixture at hand and the best one, unless they lie outside of the table."""
    circle: dict[str, Any] = {"marker": "o", "markersize": 9, "color": "white", "markeredgecolor": INK}
    star: dict[str, Any] = {"marker": "*", "markersize": 17, "color": VERMILLION, "markeredgecolor": "white"}
    for mixture, label, look in (
        (data.at_hand, "all rows at hand", circle),
        (data.best, "best with the real rows at hand", star),
    ):
        if mixture is not None and mixture[0] <= data.real.max() and mixture[1] <= data.synthetic.max():
            place = _position(data.synthetic, mixture[1]), _position(data.real, mixture[0])
            axes.plot(*place, linestyle="none", label=label, **look)
    handles, labels = axes.get_legend_handles_labels()
    if np.isnan(data.test_error).any():
        handles.append(Patch(**_UNKNOWN_LOOK))
        labels.append(UNKNOWN)
    axes.legend(handles, labels, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, frameon=False,
                fontsize=FONT_SIZE - 1, labelcolor=INK, borderaxespad=0.2)  # fmt: skip


def _position(counts: Array, count: float | Array) -> Array:
    """Return where a count stands between the columns of the table, logarithmic between positive ones."""
    floor = counts[counts > 0].min() / 2
    places = np.interp(np.log(np.maximum(count, floor)), np.log(np.maximum(counts, floor)), np.arange(len(counts)))
    return np.asarray(places)
