"""What does the money buy? The risk against the share of it that is spent on synthetic samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from modelcollapse.decisions.audit_plan import AuditPlan, spent_share
from modelcollapse.decisions.budget import BudgetPlan
from modelcollapse.figures.style import BLUE, GREEN, QUIET, VERMILLION, Tables, finish, legend_above, new_axes

ROOM = 1.6
"""Top of the axes in units of the error of real samples only: what is worse is out of sight."""


def spending_data(plan: BudgetPlan | AuditPlan) -> Tables:
    """Return the mixtures that cost the budget.

    Returns
    -------
    dict of DataFrame
        ``profile``: share (of the money, for synthetic samples), test_error. ``best``: those of what to buy.
        ``tempting``: those of a mixture that is not clearly better, no row where there is none. ``indifferent``: the
        ends of the shares within 1 % of the smallest error.
    """
    if isinstance(plan, BudgetPlan):
        noise = plan.best.test_error - plan.best.excess_risk
        error = noise + np.array(plan.profile["excess_risk"])
    else:
        error = np.array(plan.profile["test_error"], dtype=np.float64)
    low, high = plan.indifferent
    tempting = plan.mixture if isinstance(plan, AuditPlan) and not plan.best.mixed else None
    other = [] if tempting is None else [(spent_share(tempting, plan.prices), tempting.test_error)]
    return {
        "profile": pd.DataFrame({"share": plan.profile["share"], "test_error": error}, dtype=float),
        "best": pd.DataFrame({"share": [plan.share], "test_error": [plan.best.test_error]}),
        "tempting": pd.DataFrame(other, columns=["share", "test_error"], dtype=float),
        "indifferent": pd.DataFrame({"low": [low], "high": [high]}),
    }


def draw_spending(data: Tables, *, axes: Axes | None = None) -> Axes:
    """Draw the test error against the share of the money, with what to buy and what is about as good as the best."""
    axes = new_axes() if axes is None else axes
    profile, best, good = data["profile"].dropna(), data["best"].iloc[0], data["indifferent"].iloc[0]
    finish(axes, x="share of the money for synthetic samples", y="test error")
    axes.axvspan(good["low"], good["high"], color=GREEN, alpha=0.15, linewidth=0, label="within 1 % of the best")
    axes.plot(profile["share"], profile["test_error"], color=BLUE, label="best weight and ridge for each")
    axes.plot([best["share"]], [best["test_error"]], linestyle="none", marker="*", markersize=14, color=VERMILLION,
              markeredgecolor="white", clip_on=False, zorder=3, label="what to buy")  # fmt: skip
    if len(data["tempting"]):
        tempting = data["tempting"].iloc[0]
        axes.plot([tempting["share"]], [tempting["test_error"]], linestyle="none", marker="o", clip_on=False,
                  markerfacecolor="none", color=VERMILLION, label="tempting, not clearly better")  # fmt: skip
    if profile["share"].iloc[0] == 0:
        alone = float(profile["test_error"].iloc[0])
        axes.axhline(alone, color=QUIET, linewidth=1, linestyle="--", label="real samples only")
        least = min(float(profile["test_error"].min()), float(best["test_error"]))
        margin = 0.05 * (alone - least) + 0.01 * alone
        top = min(float(profile["test_error"].max()), ROOM * alone) + margin
        axes.set_ylim(least - margin, top)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    legend_above(axes, columns=2)
    return axes
