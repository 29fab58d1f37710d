"""How do all figures look alike? One size, one set of colours that colour-blind readers can tell apart, quiet axes."""

from __future__ import annotations

from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from modelcollapse.checks import Array
from modelcollapse.digits import UNKNOWN, power_of_ten, times_power

Tables = dict[str, pd.DataFrame]

INK, QUIET, GRID = "#1b1f24", "#57606a", "#d8dee4"
BLUE, VERMILLION, GREEN, PURPLE, SKY = "#0072b2", "#d55e00", "#008562", "#aa4499", "#56b4e9"
SERIES = (BLUE, VERMILLION, GREEN, PURPLE, SKY)
"""After M. Okabe and K. Ito, Color Universal Design, 2008; green and purple darkened for contrast on white."""
Dash = str | tuple[int, tuple[int, ...]]
DASHES: tuple[Dash, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
"""Line styles beside the colours, so that a copy in grey still tells the lines apart."""
FONT_SIZE = 10
WIDTH, HEIGHT = 5.6, 3.6


def new_axes(*, height: float = HEIGHT) -> Axes:
    """Return empty axes on a figure of its own, without any window or global state."""
    return Figure(figsize=(WIDTH, height), layout="constrained", facecolor="white").add_subplot()


def finish(axes: Axes, *, x: str, y: str) -> Axes:
    """Label the axes and give them the common look."""
    axes.set_xlabel(x, fontsize=FONT_SIZE, color=INK)
    axes.set_ylabel(y, fontsize=FONT_SIZE, color=INK)
    axes.tick_params(labelsize=FONT_SIZE - 1, colors=QUIET, labelcolor=INK)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(QUIET)
    axes.grid(visible=True, color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    return axes


def say_unknown(axes: Axes) -> Axes:
    """Say in place of a drawing that the data cannot tell."""
    axes.set(xticks=[], yticks=[])
    axes.text(0.5, 0.5, UNKNOWN, transform=axes.transAxes, ha="center", va="center", fontsize=FONT_SIZE, color=QUIET)
    return axes


def legend_above(axes: Axes, *, columns: int = 1) -> None:
    """Put the legend above the axes, where it hides nothing."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        axes.legend(
            handles,
            labels,
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=columns,
            frameon=False,
            fontsize=FONT_SIZE - 1,
            labelcolor=INK,
            borderaxespad=0.2,
            handlelength=2.4,
        )


def line_styles(n: int) -> list[tuple[str, Dash]]:
    """Return a colour and a dash pattern for each of n lines."""
    return [style for style, _ in zip(cycle(zip(SERIES, DASHES, strict=True)), range(n), strict=False)]


def scale_counts(axes: Axes, counts: Array) -> None:
    """Make x logarithmic in numbers of samples, with round numbers as labels; linear close to a count of zero."""
    positive = counts[counts > 0]
    if not len(positive):
        return
    if (counts == 0).any():
        axes.set_xscale("symlog", linthresh=float(positive.min()), linscale=0.5)
    else:
        axes.set_xscale("log")
    axes.set_xticks(round_counts(counts))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_count(value)))
    low, high = float(counts.min()), float(positive.max())
    margin = max(1.02, (high / float(positive.min())) ** 0.03)
    axes.set_xlim(low / margin, high * margin)


def show_power(axis: Axis) -> None:
    """Put the power of ten of an axis of large or small numbers into its label, out of the way of everything else."""
    power = power_of_ten(*axis.get_view_interval())
    if power:
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 10.0**power:g}".replace("-", "−")))
        axis.set_label_text(f"{axis.get_label_text()}{times_power(power)}")


def round_counts(counts: Array, *, most: int = 7) -> list[float]:
    """Return 1, 3, 10, 30, ... within the range of some counts, and 0 when it is among them; at most `most` and 0.

    Examples
    --------
    >>> round_counts(np.array([20.0, 5000.0])), round_counts(np.array([0.0, 5.0, 20.0]))
    ([30.0, 100.0, 300.0, 1000.0, 3000.0], [0.0, 5.0, 20.0])
    """
    low, high = float(counts[counts > 0].min()), float(counts.max())
    decades = 10.0 ** np.arange(16)
    ticks = np.sort(np.concatenate([decades, 3 * decades]))
    ticks = ticks[(ticks >= low) & (ticks <= high)]
    if len(ticks) > most:
        ticks = decades[(decades >= low) & (decades <= high)]
    if len(ticks) < 2:
        ticks = np.unique([low, high])
    return [0.0] * bool((counts == 0).any()) + [float(tick) for tick in ticks]


def short_count(count: float) -> str:
    """Return a number of samples as short as an axis needs it.

    Examples
    --------
    >>> [short_count(n) for n in (0, 300, 3000, 12_500, 4_000_000)]
    ['0', '300', '3,000', '12.5k', '4M']
    """
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size and (size > 1e3 or count >= 1e4):
            return f"{count / size:.3g}{unit}"
    return f"{count:,.0f}"
