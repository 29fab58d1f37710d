"""What should money be spent on? The best counts of two sources for a budget, or the cheapest for a target error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from modelcollapse import __version__
from modelcollapse.checks import Array, fail, integer, known_keys, number
from modelcollapse.decisions.advice import SAVED, WASTED, Advice, about_as_good
from modelcollapse.decisions.budget_words import advise
from modelcollapse.decisions.first_sample import price_without, prices_alone
from modelcollapse.decisions.market import PLENTY, POLISH, Market, Profile, best_width, market
from modelcollapse.decisions.what_if import WhatIf, quality_without, what_ifs
from modelcollapse.digits import count_text
from modelcollapse.errors import InputError
from modelcollapse.problems.mixture import MAX_SAMPLES, Mixture
from modelcollapse.result import Writable
from modelcollapse.theory import engine

COUNTS, REFINEMENTS = 25, 4
"""Counts of real samples alone that are tried at once, and how often: the budget is then right to 0.01 %."""


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """Samples, and how to fit on them.

    Attributes
    ----------
    counts : dict of str to int
        By source.
    cost : float
    weight : float
        Of a synthetic sample; a real one weighs 1. So does a synthetic one that is alone.
    ridge : float
    width : int or None
    excess_risk, test_error : float
        On the real source.
    """

    counts: dict[str, int]
    cost: float
    weight: float
    ridge: float
    width: int | None
    excess_risk: float
    test_error: float


@dataclass(frozen=True, kw_only=True)
class BudgetPlan(Writable):
    """What to buy.

    Attributes
    ----------
    advice : Advice
    prices : dict of str to float
        Of a sample of each source.
    budget : float
        The one given, or the smallest that reaches the target error.
    target_error : float or None
        The test error that was asked for.
    best : Purchase
        Where a tenth less money is as good within 0.1 % of the risk, the cheapest that is.
    alternatives : dict of str to Purchase
        ``"real_only"`` and ``"synthetic_only"`` for the budget, ``"less"``: the best for 90 % of what `best` costs.
    real_only_budget : float or None
        What real samples alone would have to cost to reach the risk of `best`; None: no number of them does.
    share : float
        Of the cost that goes to synthetic samples.
    indifferent : (float, float)
        Shares about it whose risk is within 1 % of the smallest.
    exhausted : tuple of str
        Sources of which the best purchase takes all samples that there are.
    harmful_share : float or None
        Share beyond which the risk exceeds that of real samples only; None: there is none.
    marginal_values : dict of str to float
        ∂risk/∂n_k at `best`.
    floor : float
        Excess risk with endless data at the shares, weights and ridge of `best`.
    what_ifs : tuple of WhatIf
    price_without : float or None
        Price of a synthetic sample from which on not even the first one pays.
    prices_alone : (float, float) or None
        Prices of a synthetic sample between which not even the first real one pays; None: it always does.
    quality_without : float or None
        Quality from which on no synthetic sample is worth its price.
    profile : dict of str to tuple
        ``share`` of the cost, ``excess_risk`` and the counts of each source by name, for mixtures that cost as much as
        `best`, or less where there are no more samples.
    version : str
    """

    advice: Advice
    prices: dict[str, float]
    budget: float
    target_error: float | None
    best: Purchase
    alternatives: dict[str, Purchase]
    real_only_budget: float | None
    share: float
    indifferent: tuple[float, float]
    exhausted: tuple[str, ...]
    harmful_share: float | None
    marginal_values: dict[str, float]
    floor: float
    what_ifs: tuple[WhatIf, ...]
    price_without: float | None
    prices_alone: tuple[float, float] | None
    quality_without: float | None
    profile: dict[str, tuple[float, ...]]
    version: str = __version__


def plan_budget(
    problem: Mixture,
    *,
    prices: Mapping[str, float],
    budget: float | None = None,
    target_error: float | None = None,
    at_most: Mapping[str, float] | None = None,
) -> BudgetPlan:
    """Return the best counts that a budget buys, or the cheapest that reach a test error.

    Parameters
    ----------
    problem : Mixture
        Two sources, the target and a synthetic one. Its counts, weights and ridge play no part; its width, when it has
        one, is the largest that may be chosen.
    prices : mapping of str to float
        Of a sample of each source, above 0, in the unit of the budget.
    budget, target_error : float
        One of the two.
    at_most : mapping of str to whole numbers, optional
        How many samples of a source there are; any number of those left out.

    Returns
    -------
    BudgetPlan

    Raises
    ------
    InputError
        When the problem, a price or a limit does not fit, the budget does not buy a sample, or the target error is out
        of reach.

    Examples
    --------
    >>> from modelcollapse import RandomTeacher, Shift, Source, Spectrum
    >>> real = Source("real", n_samples=1, noise_var=0.5, spectrum=Spectrum.isotropic(100), teacher=RandomTeacher())
    >>> synthetic = Source("synthetic", n_samples=1, noise_var=0.5, shift=Shift(quality=0.5, shape="isotropic"))
    >>> plan = plan_budget(Mixture([real, synthetic], ridge=0), prices={"real": 1, "synthetic": 0.1}, budget=300)
    >>> plan.best.counts, round(plan.best.excess_risk, 3)
    ({'real': 267, 'synthetic': 330}, 0.158)
    """
    goods = market(problem, prices=_prices(problem, prices), limits=_limits(problem, at_most or {}))
    if (budget is None) == (target_error is None):
        raise InputError("a plan needs a budget or a target error, one of the two.")
    most = _budget(goods, budget) if target_error is None else _budget_for(problem, goods, target_error)
    if problem.width is None:
        profile = goods.profile(most)
    else:
        goods, profile = best_width(goods, most, max_width=problem.width)
    if target_error is None:
        offer = _worth_spending(goods, most, profile)
    else:
        counts = goods.cheapest(target_error - problem.sources[goods.real].noise_var, profile)
        offer = _Offer(money=most, profile=profile, counts=counts, less=_less(goods, most, profile))
    return _plan(problem, goods, most, offer, target_error)


@dataclass(frozen=True, kw_only=True)
class _Offer:
    """What is spent, the mixtures that cost so much, the best counts among them, and mixtures for a tenth less."""

    money: float
    profile: Profile
    counts: Array
    less: Profile | None


def _less(goods: Market, money: float, profile: Profile) -> Profile | None:
    """Return the mixtures that cost a tenth less; None where that does not buy a sample of each source."""
    less = SAVED * money
    return goods.profile(less, like=profile, zooms=1) if less >= goods.prices.max() else None


def _worth_spending(goods: Market, budget: float, profile: Profile) -> _Offer:
    """Spend the budget; or as little as is as good, where a tenth of it brings nothing."""
    less = _less(goods, budget, profile)
    enough = WASTED * float(profile.excess_risk.min())
    if less is not None and less.excess_risk.min() <= enough:
        money = goods.budget_for(enough)
        thrifty = goods.profile(money, like=profile)
        counts = goods.cheapest(enough, thrifty)
        if counts @ goods.prices <= SAVED * budget:
            return _Offer(money=money, profile=thrifty, counts=counts, less=_less(goods, money, thrifty))
    return _Offer(money=budget, profile=profile, counts=goods.whole(budget, profile), less=less)


def _plan(problem: Mixture, goods: Market, budget: float, offer: _Offer, target_error: float | None) -> BudgetPlan:
    """Work out everything that is said about the best counts."""
    money, profile, counts = offer.money, offer.profile, offer.counts
    share = goods.spent_share(profile.counts)
    best = _purchase(problem, goods, counts, start=profile.fits.point[profile.best])
    bought = _bought(problem, best)
    names = [source.name for source in problem.sources]
    found = BudgetPlan(
        advice=Advice(recommendation="", reasons=(), uncertainty=(), changes=()),
        prices=dict(zip(names, goods.prices.tolist(), strict=True)),
        budget=budget,
        target_error=target_error,
        best=best,
        alternatives=_alternatives(problem, goods, budget, offer),
        real_only_budget=_real_only_budget(goods, best.excess_risk),
        share=float(goods.spent_share(counts)),
        indifferent=about_as_good(share, profile.excess_risk),
        exhausted=tuple(np.array(names)[counts >= goods.limits].tolist()),
        harmful_share=_harmful(share, profile.excess_risk),
        marginal_values=engine.marginal_values(bought),
        floor=engine.infinite_data_floor(bought)[names[goods.real]],
        what_ifs=what_ifs(problem, goods, budget=money, profile=profile, counts=counts),
        price_without=price_without(goods, money),
        prices_alone=prices_alone(goods, money),
        quality_without=quality_without(problem, goods, budget=money),
        profile={"share": tuple(share.tolist()), "excess_risk": tuple(profile.excess_risk.tolist())}
        | {name: tuple(column) for name, column in zip(names, profile.counts.T.tolist(), strict=True)},
    )
    return replace(found, advice=advise(found, real=names[goods.real], synthetic=names[1 - goods.real]))


def _purchase(problem: Mixture, goods: Market, counts: Array, *, start: Array | None = None) -> Purchase:
    """Return what whole counts cost and reach."""
    fit = goods.fits(counts[None], start=start, rounds=POLISH)
    unit = goods.real if counts[goods.real] else 1 - goods.real
    weight = fit.weight[0] / fit.weight[0, unit]
    risk = float(fit.excess_risk[0])
    return Purchase(
        counts={source.name: int(count) for source, count in zip(problem.sources, counts.tolist(), strict=True)},
        cost=float(counts @ goods.prices),
        weight=float(weight[1 - goods.real]) if counts[1 - goods.real] else 1.0,
        ridge=float(fit.ridge[0] / fit.weight[0, unit]),
        width=None if goods.width is None else int(goods.width),
        excess_risk=risk,
        test_error=risk + problem.sources[goods.real].noise_var,
    )


def _bought(problem: Mixture, purchase: Purchase) -> Mixture:
    """Return the problem with the counts, weights, ridge and width of a purchase."""
    sources = [
        replace(s, n_samples=purchase.counts[s.name], weight=1.0 if s.name == problem.target else purchase.weight)
        for s in problem.sources
    ]
    return replace(problem, sources=sources, ridge=purchase.ridge, width=purchase.width)


def _alternatives(problem: Mixture, goods: Market, budget: float, offer: _Offer) -> dict[str, Purchase]:
    """Return real or synthetic samples only for the budget, and the best for a tenth less than what is spent."""
    alone = np.minimum(np.floor(budget / goods.prices * (1 + 1e-12)), goods.limits)
    choices = {"real_only": goods.real, "synthetic_only": 1 - goods.real}
    found = {
        name: _purchase(problem, goods, np.where(np.arange(2) == source, alone, 0.0))
        for name, source in choices.items()
        if alone[source] >= 1
    }
    if offer.less is not None:
        found["less"] = _purchase(problem, goods, goods.whole(SAVED * offer.money, offer.less))
    return found


def _real_only_budget(goods: Market, excess_risk: float) -> float | None:
    """Return what real samples alone cost that reach a risk."""
    most = min(PLENTY, goods.limits[goods.real])
    if most < 1 or excess_risk <= 0:
        return None
    low, high = 0.0, float(np.log(most))
    for _ in range(REFINEMENTS):
        log_counts = np.linspace(low, high, COUNTS)
        reached = goods.fits_alone(np.exp(log_counts), source=goods.real).excess_risk <= excess_risk
        if not reached.any():
            return None
        first = int(np.argmax(reached))
        low, high = log_counts[max(first - 1, 0)], log_counts[first]
    return float(np.exp(high) * goods.prices[goods.real])


def _harmful(share: Array, risk: Array) -> float | None:
    """Return the share (S,) from which on the risk (S,) exceeds that without synthetic samples."""
    excess = risk - risk[0]
    worse = np.flatnonzero(excess > 1e-3 * risk[0])
    if share[0] > 0 or not len(worse) or not (excess[worse[0] :] > 0).all():
        return None
    k = int(worse[0])
    return float(np.interp(0.0, [min(excess[k - 1], 0.0), excess[k]], share[[k - 1, k]]))


def _prices(problem: Mixture, prices: Mapping[str, float]) -> Array:
    names = [source.name for source in problem.sources]
    known_keys("the prices", prices, names)
    missing = [name for name in names if name not in prices]
    if missing:
        raise InputError(f"the price of `{missing[0]}` is missing. Give one for each source.")
    return np.array([number(f"price of {name}", prices[name], low=0, open_low=True) for name in names])


def _limits(problem: Mixture, at_most: Mapping[str, float]) -> Array:
    names = [source.name for source in problem.sources]
    known_keys("the limits", at_most, names)
    given = {name: integer(f"at_most of {name}", count, low=0, high=MAX_SAMPLES) for name, count in at_most.items()}
    limits = np.array([float(given.get(name, np.inf)) for name in names])
    if not limits.any():
        raise InputError("no samples of any source are left by the limits.")
    return limits


def _budget(goods: Market, budget: float | None) -> float:
    """Return a budget that buys at least one sample, and not more than a mixture may have."""
    cheapest = float(goods.prices[goods.limits > 0].min())
    most = float(goods.prices.min()) * MAX_SAMPLES
    hint = f"A single sample costs {cheapest:g}; a mixture may have {count_text(MAX_SAMPLES)} samples at most."
    return number("budget", budget, low=cheapest, high=most, hint=hint)


def _budget_for(problem: Mixture, goods: Market, target_error: float) -> float:
    """Return the smallest budget that reaches a test error."""
    noise = problem.sources[goods.real].noise_var
    asked = number("target_error", target_error, low=0, open_low=True)
    budget = goods.budget_for(asked - noise) if asked > noise else float("inf")
    if not np.isfinite(budget):
        floor = noise + goods.smallest_risk()
        raise fail("target_error", target_error, f"above {floor:.6g}, the floor with all samples that there are",
                   f"The label noise alone is {noise:g}.")  # fmt: skip
    return budget
