"""How is a purchase by an audit recommended? What to buy, why, how sure that is, and what would change it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from modelcollapse.checks import Array
from modelcollapse.decisions.advice import SAVED, WASTED, Advice, compared, shares_text
from modelcollapse.decisions.verdict import CHOSEN
from modelcollapse.digits import count_text, interval_text, money_text, number_text, rough_text, share_text

if TYPE_CHECKING:
    from modelcollapse.decisions.audit_file import AuditFile
    from modelcollapse.decisions.audit_plan import Affordable, AuditPlan


def advise(plan: AuditPlan, audit: AuditFile, *, table_ends: tuple[Array, float]) -> Advice:
    """Return the sentences of a plan; `table_ends`: fewest and most real rows of the table, most synthetic ones."""
    return Advice(
        recommendation=_recommendation(plan),
        reasons=tuple(_reasons(plan)),
        uncertainty=tuple(_uncertainty(plan, audit)),
        changes=tuple(_changes(plan, *table_ends)),
    )


def rows_text(bought: Affordable) -> str:
    """Return counts in words; sources without rows are left out."""
    counts = " and ".join(f"{count_text(count)} {name}" for name, count in bought.counts.items() if count)
    return f"{counts} row{'s' if sum(bought.counts.values()) > 1 else ''}"


def _recommendation(plan: AuditPlan) -> str:
    best = plan.best
    bought = f"Buy {rows_text(best)} for {money_text(best.cost)}"
    fitted = f"fit with ridge {rough_text(best.ridge)}."
    if best.mixed:
        return f"{bought}; weigh a synthetic row {rough_text(best.weight)} of a real one; {fitted}"
    clearly = "clearly " if plan.mixture is not None and plan.gain > 0 else ""
    return f"{bought} and no synthetic ones: no mixture that the audit can tell is {clearly}better; {fitted}"


def _reasons(plan: AuditPlan) -> list[str]:
    best, alone, mixture = plan.best, plan.real_only, plan.mixture
    reasons = [f"The forecast test error is {interval_text(best.test_error, best.band)}."]
    if plan.target_error is not None:
        kind = "mixture" if best.mixed else "number of real rows"
        reasons.append(f"It is the cheapest {kind} that is forecast to reach {plan.target_error:g}.")
    if plan.target_error is None and best.cost <= SAVED * plan.budget:
        reasons.append(
            f"The rest of the {money_text(plan.budget)} brings less than {share_text(WASTED - 1)} of the error in the "
            "audit's tables."
        )
    if mixture is None:
        return reasons
    difference = number_text(abs(plan.gain), plan.gain_stderr if math.isfinite(plan.gain_stderr) else 0.0)
    against = f"{rows_text(alone)}, which cost {money_text(alone.cost)}"
    if best.mixed:
        reasons.append(
            f"That is {compared(best.test_error, alone.test_error)} that of {against}, "
            f"{interval_text(alone.test_error, alone.band)}: a difference of {difference}."
        )
    elif plan.gain > 0:
        reasons.append(
            f"Tempting, but no more: {rows_text(mixture)} at weight {rough_text(mixture.weight)}, for "
            f"{money_text(mixture.cost)}, have a forecast {compared(mixture.test_error, alone.test_error)} that of "
            f"{against}. The difference, {difference}, is {plan.gain / plan.gain_stderr:.1f} standard errors; the best "
            f"of many mixtures looks good by luck too, and must show {CHOSEN:g}."
        )
    return reasons


def _uncertainty(plan: AuditPlan, audit: AuditFile) -> list[str]:
    said = [f"The audit says: {audit.verdict} Its confidence is {audit.confidence}: {audit.confidence_reason}."]
    if audit.mixes_in != plan.best.mixed:
        said.append("The audit speaks of the real rows at hand, the plan of those that the money buys.")
    said.append(
        "The interval (90 %) is that of the nearest mixture which the audit has forecast; errors are interpolated "
        "between those of its table."
    )
    if plan.best.mixed:
        said.append(
            f"{shares_text(*plan.indifferent)} of the cost for synthetic rows is within 1 % of the smallest error; the "
            f"plan spends {share_text(plan.share)}."
        )
    return said


def _changes(plan: AuditPlan, real: Array, synthetic: float) -> list[str]:
    changes = []
    if plan.at_edge:
        changes.append(
            f"What the audit's table can tell ends there (real rows {count_text(real[0])} to {count_text(real[-1])}, "
            f"synthetic ones up to {count_text(synthetic)}): a better mixture may lie beyond. Audit more rows."
        )
    asked = plan.best if plan.best.mixed or plan.mixture is None else plan.mixture
    counts = ",".join(f"{name}={count}" for name, count in asked.counts.items())
    this = "this very mixture" if asked is plan.best else "the tempting mixture"
    changes.append(f"`modelcollapse audit ... --at {counts},weight={asked.weight:g}` forecasts {this}.")
    return changes
