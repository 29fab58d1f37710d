"""What does a plan look like in a terminal? What to do, why, how sure that is, what would change it; the numbers."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from modelcollapse.decisions.allowance import MixturePlan
from modelcollapse.decisions.audit_plan import Affordable, AuditPlan
from modelcollapse.decisions.budget import BudgetPlan, Purchase
from modelcollapse.decisions.generations_plan import GenerationsPlan
from modelcollapse.digits import count_text, interval_text, money_text, rough_text, share_text

_NARROW = 80
"""Columns below which even numbers may be broken over lines."""
LABELS = {"real_only": "real only", "synthetic_only": "no real", "less": "10 % less"}


def print_plan(plan: MixturePlan | BudgetPlan | GenerationsPlan | AuditPlan) -> None:
    """Print a plan on stdout, as wide as the terminal."""
    console = Console(highlight=False, markup=False)
    console.print(plan.advice.recommendation, style="bold")
    for heading, sentences in (
        ("why", plan.advice.reasons),
        ("how sure", plan.advice.uncertainty),
        ("what would change it", plan.advice.changes),
    ):
        for sentence in sentences:
            console.print(f"{heading}: {sentence}")
    table = _table(plan)
    if table is not None:
        for column in table.columns[1:]:
            column.no_wrap = console.width >= _NARROW
        console.print(table)


def _table(plan: MixturePlan | BudgetPlan | GenerationsPlan | AuditPlan) -> Table | None:
    """Return the numbers of a plan."""
    if isinstance(plan, BudgetPlan):
        return _budget_table(plan)
    if isinstance(plan, MixturePlan):
        return _mixture_table(plan)
    if isinstance(plan, AuditPlan):
        return _audit_table(plan)
    return _mixing_table(plan)


def _budget_table(plan: BudgetPlan) -> Table:
    names = list(plan.best.counts)
    table = _empty("", *names, "cost", "weight", "ridge", "excess\nrisk", "test\nerror")
    for label, bought in {"best": plan.best, **plan.alternatives}.items():
        table.add_row(LABELS.get(label, label), *_counts(bought), money_text(bought.cost), *_fit(bought),
                      rough_text(bought.excess_risk, 4), rough_text(bought.test_error, 4))  # fmt: skip
    return table


def _audit_table(plan: AuditPlan) -> Table:
    table = _empty("", *plan.best.counts, "cost", "weight", "ridge", "test error\n(90 % band)")
    shown = {"best": plan.best, "real only": plan.real_only, "tempting": plan.mixture}
    for label, bought in shown.items():
        if bought is not None and (label == "best" or bought != plan.best):
            table.add_row(label, *_counts(bought), money_text(bought.cost), *_fit(bought),
                          interval_text(bought.test_error, bought.band))  # fmt: skip
    return table


def _counts(bought: Purchase | Affordable) -> list[str]:
    return [count_text(count) for count in bought.counts.values()]


def _fit(bought: Purchase | Affordable) -> list[str]:
    return [rough_text(bought.weight), rough_text(bought.ridge)]


def _mixture_table(plan: MixturePlan) -> Table:
    table = _empty("the same", "weights", "synthetic\nsamples", "synthetic\nfraction")
    for allowance in plan.allowances:
        n_synthetic, fraction = allowance.n_synthetic, allowance.synthetic_fraction
        table.add_row(
            "total" if allowance.fixed == "total" else "real samples",
            allowance.weights,
            "any" if n_synthetic is None else count_text(n_synthetic),
            "any" if fraction is None else share_text(fraction),
        )
    return table


def _mixing_table(plan: GenerationsPlan) -> Table | None:
    if plan.mixing is None:
        return None
    table = _empty("weight of synthetic samples", "first", "last", "ridge", "last risk", "mean risk")
    for label, mixing in (
        ("best fixed", plan.mixing.fixed),
        ("greedy", plan.mixing.greedy),
        ("best schedule", plan.mixing.adaptive),
    ):
        ends = (rough_text(mixing.weight[0]), rough_text(mixing.weight[-1]))
        table.add_row(label, *ends, rough_text(mixing.ridge), rough_text(mixing.last, 4), rough_text(mixing.mean, 4))
    return table


def _empty(*headings: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
