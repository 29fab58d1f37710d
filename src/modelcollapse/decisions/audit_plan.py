"""What should money be spent on, by an audit? The best affordable mixture of its tables, if it is clearly better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from modelcollapse import __version__
from modelcollapse.checks import Array, fail, integer, known_keys, number
from modelcollapse.decisions.advice import SAVED, WASTED, Advice, about_as_good
from modelcollapse.decisions.audit_file import AuditFile, Told
from modelcollapse.decisions.audit_surface import PricedSurface, surface_profile
from modelcollapse.decisions.audit_words import advise, rows_text
from modelcollapse.decisions.verdict import NOT_ENOUGH, gains_clearly
from modelcollapse.digits import count_text, money_text, rough_text
from modelcollapse.errors import InputError
from modelcollapse.problems.mixture import MAX_SAMPLES
from modelcollapse.result import Writable


@dataclass(frozen=True, kw_only=True)
class Affordable:
    """A mixture on a surface, and what it costs.

    Attributes
    ----------
    counts : dict of str to int
        By source.
    cost : float
    weight, ridge : float
        Of the nearest mixture that the audit has tried.
    test_error : float
        Interpolated.
    band : (float, float)
        90 % interval: that of the nearest point of the audit's curves, relative to it.
    """

    counts: dict[str, int]
    cost: float
    weight: float
    ridge: float
    test_error: float
    band: tuple[float, float]

    @property
    def mixed(self) -> bool:
        """Whether there are synthetic rows."""
        return sum(self.counts.values()) > self.counts["real"]


@dataclass(frozen=True, kw_only=True)
class AuditPlan(Writable):
    """What to buy, by an audit.

    Attributes
    ----------
    advice : Advice
    prices : dict of str to float
    budget : float
        The one given, or what the cheapest mixture costs that is forecast to reach the target error.
    target_error : float or None
        The test error that was asked for.
    best : Affordable
        What to buy: the mixture of the smallest error where it is clearly better than `real_only`, else real rows only.
    real_only : Affordable
        The best real rows alone for the same money.
    mixture : Affordable or None
        The mixture of the smallest error, or the cheapest that reaches the target; None: it has no synthetic rows.
    gain, gain_stderr : float
        Test error of `real_only` less that of `mixture`, and its standard error; 0 without a mixture.
    share : float
        Of the cost of `best` that goes to synthetic samples.
    indifferent : (float, float)
        Shares about the mixture of the smallest error whose test error is within 1 % of it.
    at_edge : bool
        Whether the surface ends within a tenth of `best`, so that a better one may lie beyond.
    profile : dict of str to tuple
        ``share`` of the cost and ``test_error`` of what the budget buys, on the best surface; None outside of it.
    version : str
    """

    advice: Advice
    prices: dict[str, float]
    budget: float
    target_error: float | None
    best: Affordable
    real_only: Affordable
    mixture: Affordable | None
    gain: float
    gain_stderr: float
    share: float
    indifferent: tuple[float, float]
    at_edge: bool
    profile: dict[str, tuple[float, ...]]
    version: str = __version__


def plan_audit(
    audit: AuditFile,
    *,
    prices: Mapping[str, float],
    budget: float | None = None,
    target_error: float | None = None,
    at_most: Mapping[str, float] | None = None,
) -> AuditPlan:
    """Return the mixture of the smallest forecast test error that a budget buys, or the cheapest that reaches an error.

    Parameters
    ----------
    audit : AuditFile
        From `load_audit`, or `read_audit` of what `AuditResult.to_dict` returns.
    prices : mapping of str to float
        Of a sample of ``real`` and of each synthetic source that may be bought, above 0.
    budget, target_error : float
        One of the two.
    at_most : mapping of str to whole numbers, optional
        How many rows of a source there are to buy.

    Returns
    -------
    AuditPlan

    Raises
    ------
    InputError
        When the audit failed its check or cannot tell what is better, a price or a limit does not fit, or its surfaces
        hold no mixture that is affordable or reaches the target.

    Notes
    -----
    Surfaces hold the best test error over weight and ridge for ten real counts and eleven synthetic ones, from a tenth
    to ten times the rows at hand. Errors are interpolated linearly in log counts, and below the smallest positive count
    in the count. Nothing is extrapolated: what a surface does not hold is not bought.

    The smallest of many forecast errors is small by luck too. Synthetic rows are recommended only where the difference
    to real rows for the same money exceeds 2.5 standard errors, as in the audit's own verdict. That standard error is
    put together from those of the nearest points of the audit's curves, each against the real rows at hand.
    """
    _check_audit(audit)
    if (budget is None) == (target_error is None):
        raise InputError("a plan needs a budget or a target error, one of the two.")
    surfaces = _surfaces(audit, prices, at_most or {})
    money = number("budget", budget, low=0, open_low=True) if target_error is None else None
    place, mixed = _cheapest(surfaces, target_error) if money is None else _best(surfaces, audit, money)
    return _plan(audit, place, mixed, prices, money=money, target_error=target_error)


def spent_share(bought: Affordable, prices: Mapping[str, float]) -> float:
    """Return the share of the cost that goes to synthetic rows."""
    return 1 - bought.counts["real"] * prices["real"] / bought.cost if bought.mixed else 0.0


def _check_audit(audit: AuditFile) -> None:
    """Refuse an audit whose forecasts failed their check, or had none."""
    if not audit.checked.holds:
        raise InputError(
            f"the audit says: {audit.verdict} Its forecasts cannot be planned with: {audit.confidence_reason}."
        )


def _surfaces(audit: AuditFile, prices: Mapping[str, float], at_most: Mapping[str, float]) -> list[PricedSurface]:
    """Return the surfaces of the sources that have a price."""
    known_keys("the prices", prices, audit.rows)
    known_keys("the limits", at_most, audit.rows)
    costs = {name: number(f"price of {name}", price, low=0, open_low=True) for name, price in prices.items()}
    limits = {name: float(integer(f"at_most of {name}", n, low=0, high=MAX_SAMPLES)) for name, n in at_most.items()}
    if "real" not in costs or len(costs) < 2:
        raise InputError("an audit's plan needs the price of `real` and of a synthetic source. Give both.")
    usable = [table for table in audit.surfaces if set(table.source.split("+")) <= costs.keys()]
    if not usable:
        raise InputError(f"the audit has no surface of {' and '.join(costs)}. Give prices of other sources.")
    return [PricedSurface.of(table, rows=audit.rows, costs=costs, at_most=limits) for table in usable]


def _best(surfaces: list[PricedSurface], audit: AuditFile, money: float) -> tuple[PricedSurface, Array]:
    """Return the best mixture that money buys, or one that is as good for much less."""
    profiles = [surface_profile(surface, money) for surface in surfaces]
    known = [profile for profile in profiles if np.isfinite(profile.test_error).any()]
    if not known:
        cheapest = min(np.ceil(surface.real[0]) * surface.prices[0] for surface in surfaces)
        raise InputError(
            f"`budget` = {money:g} buys no mixture that the audit can tell: its tables start at "
            f"{count_text(np.ceil(surfaces[0].real[0]))} real rows for {money_text(float(cheapest))}. Give more."
        )
    profile = min(known, key=lambda p: float(np.nanmin(p.test_error)))
    counts = profile.counts[int(np.nanargmin(profile.test_error))]
    saving = profile.surface.cheapest(WASTED * float(np.nanmin(profile.test_error)))
    prices = profile.surface.prices
    return profile.surface, counts if saving is None or saving @ prices > SAVED * (counts @ prices) else saving


def _cheapest(surfaces: list[PricedSurface], target_error: float | None) -> tuple[PricedSurface, Array]:
    """Return the cheapest mixture that is forecast to reach a test error."""
    wanted = number("target_error", target_error, low=0, open_low=True)
    found = [(surface, surface.cheapest(wanted)) for surface in surfaces]
    reached = [(surface, counts) for surface, counts in found if counts is not None]
    if not reached:
        least = min(float(np.nanmin(surface.test_error, initial=np.inf)) for surface in surfaces)
        raise fail("target_error", target_error, f"within the audit's tables, whose smallest is {rough_text(least, 4)}",
                   "Allow more rows, or audit more.")  # fmt: skip
    return min(reached, key=lambda pair: float(pair[1] @ pair[0].prices))


def _plan(
    audit: AuditFile,
    surface: PricedSurface,
    counts: Array,
    prices: Mapping[str, float],
    *,
    money: float | None,
    target_error: float | None,
) -> AuditPlan:
    """Hold the mixture against real rows for the same money, and say what to buy."""
    budget = float(counts @ surface.prices) if money is None else money
    alone = _real_only(surface, budget)
    real_only, mixture = (_affordable(audit, surface, bought, prices) for bought in (alone, counts))
    gain = real_only.test_error - mixture.test_error if mixture.mixed else 0.0
    stderr = _gain_stderr(audit, real_only, mixture) if mixture.mixed else 0.0
    if not (mixture.mixed and gains_clearly(gain, stderr)):
        if mixture.mixed and audit.verdict.startswith(NOT_ENOUGH):
            raise InputError(
                f"the audit says: {audit.verdict} Nor can it tell whether {rows_text(mixture)} are better than "
                f"{rows_text(real_only)}, for {money_text(budget)}. Audit more rows."
            )
        counts = alone if target_error is None else _real_only_for(surface, target_error, mixture)
    best = _affordable(audit, surface, counts, prices)
    profile = surface_profile(surface, budget)
    found = AuditPlan(
        advice=Advice(recommendation="", reasons=(), uncertainty=(), changes=()),
        prices=dict(prices),
        budget=budget,
        target_error=target_error,
        best=best,
        real_only=real_only,
        mixture=mixture if mixture.mixed else None,
        gain=gain,
        gain_stderr=stderr,
        share=spent_share(best, prices),
        indifferent=about_as_good(profile.share, profile.test_error),
        at_edge=_at_edge(surface, counts),
        profile={"share": tuple(profile.share.tolist()), "test_error": tuple(profile.test_error.tolist())},
    )
    return replace(found, advice=advise(found, audit, table_ends=(surface.real[[0, -1]], surface.synthetic[-1])))


def _real_only(surface: PricedSurface, budget: float) -> Array:
    """Return the best real rows alone (2,) that a budget buys, or fewer that are as good."""
    rows = surface.real_rows(budget)
    errors = surface.at(rows)
    if not np.isfinite(errors).any():
        raise InputError(
            f"the audit cannot tell what real rows alone do for {money_text(budget)}, and they are the standard: its "
            f"tables start at {count_text(np.ceil(surface.real[0]))} real rows. Give more money, or audit more rows."
        )
    best = int(np.nanargmin(errors))
    enough = int(np.argmax(errors <= WASTED * errors[best]))
    return np.asarray(rows[enough if rows[enough, 0] <= SAVED * rows[best, 0] else best])


def _real_only_for(surface: PricedSurface, target_error: float, mixture: Affordable) -> Array:
    """Return the fewest real rows alone (2,) that are forecast to reach a test error."""
    rows = surface.real_rows()
    reached = np.flatnonzero(surface.at(rows) <= target_error)
    if not len(reached):
        raise InputError(
            f"`target_error` = {target_error:g} is not reached by real rows alone in the audit's tables, and "
            f"{rows_text(mixture)}, which are forecast to reach it, are not clearly better than real rows for the same "
            "money. Audit more rows."
        )
    return np.asarray(rows[reached[0]])


def _affordable(audit: AuditFile, surface: PricedSurface, counts: Array, prices: Mapping[str, float]) -> Affordable:
    """Return a mixture of a surface with its cost, its fit, and its band."""
    weight, ridge = surface.fit_near(counts)
    error = float(surface.at(counts[None])[0])
    bought = {"real": int(counts[0])} | {name: int(counts[1] * share) for name, share in surface.members.items()}
    found = Affordable(
        counts=bought,
        cost=sum(count * prices[name] for name, count in bought.items()),
        weight=weight if counts[1] else 1.0,
        ridge=ridge,
        test_error=error,
        band=(np.nan, np.nan),
    )
    near = _nearest(audit, found)
    return found if near is None else replace(found, band=(near.band[0] / near.test_error * error,
                                                           near.band[1] / near.test_error * error))  # fmt: skip


def _nearest(audit: AuditFile, bought: Affordable) -> Told | None:
    """Return the forecast of the audit that is nearest in the logarithms of size and synthetic fraction.

    With synthetic rows only for a mixture with some, and the other way round: at the real rows at hand there is no
    difference from them.
    """
    here = Told(counts=dict(bought.counts), weight=bought.weight, test_error=bought.test_error, band=bought.band,
                difference_stderr=np.nan)  # fmt: skip

    def distance(told: Told) -> float:
        sizes = [sum(one.counts.values()) for one in (told, here)]
        fractions = [max(one.synthetic_fraction, 1e-12) for one in (told, here)]
        return abs(float(np.log(sizes[0] / sizes[1]))) + abs(float(np.log(fractions[0] / fractions[1])))

    same = [told for told in audit.told if (told.synthetic_fraction > 0) == (here.synthetic_fraction > 0)]
    return min(same, key=distance, default=None)


def _gain_stderr(audit: AuditFile, real_only: Affordable, mixture: Affordable) -> float:
    """Return the standard error of the difference of two mixtures, from those against the real rows at hand.

    Infinite where the audit has no forecast that is like one of the two.
    """
    total = 0.0
    for bought in (real_only, mixture):
        near = _nearest(audit, bought)
        total += np.inf if near is None else (near.difference_stderr / near.test_error * bought.test_error) ** 2
    return float(np.sqrt(total))


def _at_edge(surface: PricedSurface, counts: Array) -> bool:
    """Whether the audit cannot tell what a tenth more rows of a source would do."""
    more = counts + np.eye(2) * counts / 10
    return bool(np.isnan(surface.at(more)).any())
