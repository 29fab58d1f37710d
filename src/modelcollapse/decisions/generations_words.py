"""How is a recursion advised on? How long to go on, why, how sure that is, and what would change it, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelcollapse.decisions.advice import Advice, compared, theory_error
from modelcollapse.digits import count_text, rough_text, share_text

if TYPE_CHECKING:
    from modelcollapse.decisions.adaptive_mixing import AdaptiveMixing
    from modelcollapse.decisions.generations_plan import GenerationsPlan
    from modelcollapse.problems.recursion import Recursion

LITTLE = 0.01
"""Gain of a schedule that is not worth its trouble."""


def advise(plan: GenerationsPlan, problem: Recursion) -> Advice:
    """Return the sentences of a plan."""
    smallest = int(problem.n_total[int(problem.given) :].min())
    changes = [] if plan.mixing is None else [_mixing_text(plan.mixing, problem)]
    if plan.real_needed is None:
        changes.append(_without_need(problem))
    return Advice(
        recommendation=_recommendation(plan, problem),
        reasons=tuple(_reasons(plan, problem)),
        uncertainty=(theory_error(smallest), _noise_text(plan)),
        changes=tuple(changes),
    )


def _recommendation(plan: GenerationsPlan, problem: Recursion) -> str:
    bound = f"{plan.factor:g} times the excess risk of real samples only"
    if plan.within >= plan.followed:
        return f"Go on: all {count_text(plan.followed)} generations that were followed stay within {bound}."
    stop = "Do not start" if plan.within == 0 else f"Stop after generation {plan.within}"
    needed = plan.real_needed
    if not needed:
        return f"{stop}: later ones exceed {bound}." if plan.within else f"{stop}: generation 1 exceeds {bound}."
    kind = "re-used" if problem.workflow.real == "reused" else "fresh"
    mixed = f"{count_text(needed)} {kind} real samples beside {count_text(plan.n_synthetic)} synthetic ones"
    return f"{stop}, or give every generation {mixed}: that keeps all {problem.workflow.generations} within {bound}."


def _reasons(plan: GenerationsPlan, problem: Recursion) -> list[str]:
    last = plan.excess_risk[-1]
    reasons = [
        f"Real samples only reach an excess risk of {rough_text(plan.reference)}; that of generation "
        f"{problem.workflow.generations} is {rough_text(last)}, {compared(last, plan.reference)} that."
    ]
    if plan.real_needed_long is not None and plan.followed > problem.workflow.generations:
        needed = f"{count_text(plan.real_needed_long)} fresh" if plan.real_needed_long else "no"
        reasons.append(
            f"To stay within the factor for {count_text(plan.followed)} generations, as good as for ever, each needs "
            f"{needed} real samples at these weights and this ridge."
        )
    return reasons


def _noise_text(plan: GenerationsPlan) -> str:
    found = plan.within_by_noise
    cases = " or ".join(dict.fromkeys("all" if n >= plan.followed else count_text(n) for n in found.values()))
    factors = " or ".join(f"{factor:g}" for factor in found)
    return f"With {factors} times the label noise, {cases} of {count_text(plan.followed)} generations stay within it."


def _without_need(problem: Recursion) -> str:
    if problem.workflow.kind == "mix":
        return "At these weights and this ridge, theory finds no number of real samples that keeps the risk there."
    return "Fresh real samples in every generation (a mix with `real` = fresh) would change the most."


def _mixing_text(mixing: AdaptiveMixing, problem: Recursion) -> str:
    """Say what the best weights of synthetic samples bring, fixed and changing."""
    generations = len(mixing.fixed.weight)
    share = share_text(mixing.fixed.synthetic_share[0])
    said = (
        f"At the best fixed weight, {rough_text(mixing.fixed.weight[0])} ({share} of all weight), and ridge, the risk "
        f"of generation {generations} is {rough_text(mixing.fixed.last)}"
    )
    if mixing.gain < LITTLE:
        return f"{said}; weights that change with the generation gain less than {share_text(LITTLE)}."
    first, last = (share_text(mixing.adaptive.synthetic_share[k]) for k in (0, -1))
    return (
        f"{said}; weights that change, from {first} of all weight in generation 1 to {last}, bring it to "
        f"{rough_text(mixing.adaptive.last)}, {share_text(mixing.gain)} less (choosing generation by generation: "
        f"{share_text(mixing.greedy_gap)} more than that)."
    )
