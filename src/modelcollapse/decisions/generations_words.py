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
"""Gain of a schedule, or of another ridge, that is not worth its trouble."""
POOR = 0.05
"""Share of the risk of real samples only that a better ridge saves from which on the ridge comes first."""


def advise(plan: GenerationsPlan, problem: Recursion) -> Advice:
    """Return the sentences of a plan."""
    smallest = int(problem.n_total[int(problem.given) :].min())
    changes = [] if plan.mixing is None else [_mixing_text(plan.mixing, problem)]
    if plan.best_ridge is not None:
        changes.append(_ridge_text(plan, problem))
    if plan.within_by_first_error:
        changes.append(_spread_text(plan.within_by_first_error, "the error c² of the given first model", plan.followed))
    if plan.real_needed is None:
        changes.append(_without_need(problem))
    return Advice(
        recommendation=_recommendation(plan, problem),
        reasons=tuple(_reasons(plan, problem)),
        uncertainty=(theory_error(smallest), _spread_text(plan.within_by_noise, "the label noise", plan.followed)),
        changes=tuple(changes),
    )


def _recommendation(plan: GenerationsPlan, problem: Recursion) -> str:
    said = _horizon(plan, problem)
    if plan.best_reference > (1 - POOR) * plan.reference:
        return said
    return (
        f"{said} But set the ridge first: at {rough_text(plan.best_reference_ridge)} real samples only have an excess "
        f"risk {compared(plan.best_reference, plan.reference)} that at the file's."
    )


def _horizon(plan: GenerationsPlan, problem: Recursion) -> str:
    """Say how long to go on: what counts is where the generations end up, not how they start."""
    bound = f"{plan.factor:g} times the excess risk of real samples only"
    followed, asked = count_text(plan.followed), problem.workflow.generations
    if plan.within >= plan.followed:
        return f"Go on: all {followed} generations that were followed stay within {bound}."
    if plan.within_from is not None:
        early = "generation 1 exceeds" if plan.within_from == 2 else f"generations 1 to {plan.within_from - 1} exceed"
        start = "Go on" if plan.within_from <= asked else f"Go on, at least to generation {plan.within_from}"
        warm = ", until the given first model is forgotten" if problem.given else ""
        return (
            f"{start}: from generation {plan.within_from} on, all of the {followed} that were followed stay within "
            f"{bound}; {early} it{warm}."
        )
    stop = f"Stop after generation {plan.last_within}" if plan.last_within else "Do not start"
    lasts = plan.last_within >= asked  # for as many generations as were asked about, and no more
    needed = plan.real_needed_long if lasts else plan.real_needed
    if not needed:
        later = "later ones exceed" if plan.last_within else "every generation exceeds"
        return f"{stop}: {later} {bound}."
    kind = "re-used" if problem.workflow.real == "reused" else "fresh"
    mixed = f"{count_text(needed)} {kind} real samples beside {count_text(plan.n_synthetic)} synthetic ones"
    if problem.given:
        kept = f"all from generation {asked} on" if lasts else f"generation {asked}"
    else:
        kept = f"all {followed if lasts else asked}"
    return f"{stop}, or give every generation {mixed}: that keeps {kept} within {bound}."


def _reasons(plan: GenerationsPlan, problem: Recursion) -> list[str]:
    last = plan.excess_risk[-1]
    said = (
        f"Real samples only reach an excess risk of {rough_text(plan.reference)}; that of generation "
        f"{problem.workflow.generations} is {rough_text(last)}, {compared(last, plan.reference)} that."
    )
    if plan.best_reference < (1 - LITTLE) * plan.reference:
        said += (
            f" At their best ridge, {rough_text(plan.best_reference_ridge)}, they reach "
            f"{rough_text(plan.best_reference)}: generation {problem.workflow.generations} is "
            f"{compared(last, plan.best_reference)} that."
        )
    reasons = [said]
    if plan.real_needed_long is not None and plan.followed > problem.workflow.generations:
        needed = f"{count_text(plan.real_needed_long)} fresh" if plan.real_needed_long else "no"
        reasons.append(
            f"To stay within the factor for {count_text(plan.followed)} generations, as good as for ever, each needs "
            f"{needed} real samples at these weights and this ridge."
        )
    return reasons


def _spread_text(found: dict[float, int], what: str, followed: int) -> str:
    """Say how many generations stay within the factor when a property is another."""
    cases = " or ".join(dict.fromkeys("all" if n >= followed else count_text(n) for n in found.values()))
    factors = " or ".join(f"{factor:g}" for factor in found)
    return f"With {factors} times {what}, {cases} of {count_text(followed)} generations stay within it."


def _ridge_text(plan: GenerationsPlan, problem: Recursion) -> str:
    """Say what another ridge would bring."""
    assert plan.best_ridge is not None
    assert plan.risk_at_best_ridge is not None
    last, end = plan.excess_risk[-1], f"generation {problem.workflow.generations}"
    if plan.risk_at_best_ridge > (1 - LITTLE) * last:
        return f"No other ridge, the same in all generations, lowers the risk of {end} by more than {LITTLE:.0%}."
    return (
        f"A ridge of about {rough_text(plan.best_ridge, 2)} in all generations would bring {end} to a risk of "
        f"{rough_text(plan.risk_at_best_ridge)}, {compared(plan.risk_at_best_ridge, last)} that at the file's ridge."
    )


def _without_need(problem: Recursion) -> str:
    if problem.workflow.kind == "mix":
        return "At these weights and this ridge, theory finds no number of real samples that keeps the risk there."
    return "Fresh real samples in every generation (a mix with `real` = fresh) would change the most."


def _mixing_text(mixing: AdaptiveMixing, problem: Recursion) -> str:
    """Say what the best weights of synthetic samples bring, fixed and changing."""
    generations, asked = len(mixing.fixed.weight), problem.workflow.generations
    looked = f" (weights are sought for the first {generations} of {asked} generations)" if generations < asked else ""
    said = (
        f"{_fixed_text(mixing)}; with it and its best ridge the risk of generation {generations} is "
        f"{rough_text(mixing.fixed.last)}{looked}"
    )
    if mixing.gain < LITTLE:
        return f"{said}; weights that change with the generation gain less than {share_text(LITTLE)}."
    first, last = (share_text(mixing.adaptive.synthetic_share[k]) for k in (0, -1))
    return (
        f"{said}; weights that change, from {first} of all weight in generation 1 to {last}, bring it to "
        f"{rough_text(mixing.adaptive.last)}, {share_text(mixing.gain)} less (choosing generation by generation: "
        f"{share_text(mixing.greedy_gap)} more than that)."
    )


def _fixed_text(mixing: AdaptiveMixing) -> str:
    """Say what the best fixed weight is, and what it comes to where it leaves one of the sources out."""
    share = mixing.fixed.synthetic_share[0]
    if share > 1 - LITTLE:
        return "The best fixed weight copies the model before, with next to no real samples"
    if share < LITTLE:
        return "The best fixed weight leaves the synthetic samples out"
    return f"The best fixed weight is {rough_text(mixing.fixed.weight[0])} ({share_text(share)} of all weight)"
