"""How is a purchase recommended? What to buy, why, how sure that is, and what would change it, in sentences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from modelcollapse.decisions.advice import SAVED, WASTED, Advice, compared, shares_text, theory_error
from modelcollapse.digits import count_text, money_text, rough_text, share_text

if TYPE_CHECKING:
    from modelcollapse.decisions.budget import BudgetPlan, Purchase
    from modelcollapse.decisions.what_if import WhatIf

WORDS = {"quality": "quality", "noise_var": "label noise"}


def advise(plan: BudgetPlan, *, real: str, synthetic: str) -> Advice:
    """Return the sentences of a plan."""
    return Advice(
        recommendation=_recommendation(plan, real, synthetic),
        reasons=tuple(_reasons(plan, real, synthetic)),
        uncertainty=tuple(_uncertainty(plan, synthetic)),
        changes=tuple(_changes(plan, real, synthetic)),
    )


def samples_text(purchase: Purchase) -> str:
    """Return counts in words; sources without samples are left out."""
    counts = " and ".join(f"{count_text(count)} {name}" for name, count in purchase.counts.items() if count)
    return f"{counts} sample{'s' if sum(purchase.counts.values()) > 1 else ''}"


def _recommendation(plan: BudgetPlan, real: str, synthetic: str) -> str:
    best = plan.best
    fitted = f"ridge {rough_text(best.ridge)}" + (f", width {best.width}" if best.width is not None else "")
    weighed = ""
    if best.counts[real] and best.counts[synthetic]:
        weighed = f" weigh a {synthetic} one {rough_text(best.weight)} of a {real} one;"
    in_all = "" if plan.target_error is None else " in all"
    return f"Buy {samples_text(best)} for {money_text(best.cost)}{in_all};{weighed} fit with {fitted}."


def _reasons(plan: BudgetPlan, real: str, synthetic: str) -> list[str]:
    best, reasons = plan.best, []
    told = f"The excess risk is {rough_text(best.excess_risk)}, the test error {rough_text(best.test_error)}"
    alone = plan.alternatives.get("real_only")
    if alone is not None and best.counts[synthetic]:
        reasons.append(
            f"{told}: the risk is {compared(best.excess_risk, alone.excess_risk)} that of {samples_text(alone)} alone, "
            f"which cost {money_text(alone.cost)}."
        )
        reasons.append(
            f"No number of {real} samples alone that can be bought does as well."
            if plan.real_only_budget is None
            else f"{real.capitalize()} samples alone would have to cost {rough_text(plan.real_only_budget)} to do as "
            f"well, instead of {money_text(best.cost)}."
        )
    else:
        reasons.append(f"{told}.")
    if plan.target_error is None and best.cost <= SAVED * plan.budget:
        limits = f": there are no more than {_limits_text(plan)} samples to buy" if plan.exhausted else ""
        rest = f"The rest of the {money_text(plan.budget)} would lower the risk by less than"
        reasons.append(f"{rest} {share_text(WASTED - 1)}{limits}.")
    by_real, by_synthetic = plan.marginal_values[real], plan.marginal_values[synthetic]
    if best.counts[real] and best.counts[synthetic] and by_real < 0 and not plan.exhausted:
        ratio = rough_text(plan.prices[synthetic] / plan.prices[real])
        reasons.append(
            f"One more {synthetic} sample is worth {rough_text(by_synthetic / by_real)} {real} ones, at {ratio} of the "
            "price."
        )
    reasons.append(f"With endless data in these shares, weights and ridge, a risk of {rough_text(plan.floor)} is left.")
    return reasons


def _uncertainty(plan: BudgetPlan, synthetic: str) -> list[str]:
    said = [theory_error(sum(plan.best.counts.values()))]
    said.append(
        f"{shares_text(*plan.indifferent)} of the {_whole(plan)} for {synthetic} samples is within 1 % of the smallest "
        f"risk; the plan spends {share_text(plan.share)}."
    )
    for what, word in WORDS.items():
        cases = [case for case in plan.what_ifs if case.what == what]
        if cases:
            said.append(_if_text(word, cases))
    return said


def _if_text(word: str, cases: list[WhatIf]) -> str:
    shares = " or ".join(share_text(case.share) for case in cases)
    risks = " or ".join(rough_text(case.excess_risk) for case in cases)
    worst = max(case.regret for case in cases)
    factors = " or ".join(f"{case.factor:g}" for case in cases)
    return (
        f"With {factors} times the {word}, a share of {shares} would be best and reach a risk of {risks}; these counts "
        f"would then be at most {share_text(worst)} worse than the best."
    )


def _whole(plan: BudgetPlan) -> str:
    """Return what shares are shares of: where samples run out, mixtures differ in what they cost."""
    return "cost" if plan.exhausted else "money"


def _limits_text(plan: BudgetPlan) -> str:
    return " and ".join(f"{count_text(plan.best.counts[name])} {name}" for name in plan.exhausted)


def _changes(plan: BudgetPlan, real: str, synthetic: str) -> list[str]:
    changes = []
    if plan.exhausted:
        changes.append(f"The plan takes all {_limits_text(plan)} samples that there are: more of them would change it.")
    if plan.price_without is not None and 0 < plan.price_without < math.inf:
        changes.append(
            f"From a price of {rough_text(plan.price_without)} on, not even the first {synthetic} sample pays beside "
            f"{real} ones."
        )
    if plan.prices_alone is not None:
        low, high = plan.prices_alone
        where = f"Between prices of {rough_text(low)} and" if low > 0 else "Below a price of"
        changes.append(f"{where} {rough_text(high)}, all the money should go to {synthetic} ones.")
    if plan.quality_without is not None:
        changes.append(
            f"From a quality c² of {rough_text(plan.quality_without)} on (smaller is better), no {synthetic} sample is "
            "worth its price."
        )
    if plan.harmful_share is not None:
        changes.append(
            f"From {share_text(plan.harmful_share)} of the {_whole(plan)} on, {synthetic} samples do worse than none "
            "at all."
        )
    return changes
