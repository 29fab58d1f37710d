"""What should money be spent on, by an audit? The best affordable mixture on the surfaces that it has forecast."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse import __version__
from modelcollapse.checks import Array, known_keys, number
from modelcollapse.decisions.advice import Advice, compared
from modelcollapse.decisions.audit_surface import PricedSurface, SurfaceProfile, surface_profile
from modelcollapse.digits import count_text, interval_text, rough_text, share_text
from modelcollapse.errors import InputError
from modelcollapse.result import plain

EQUAL = 1.01
NEEDED = ("surfaces", "curves", "at_hand", "real_only", "best", "rows")
"""What must be in the JSON of an audit."""


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
        90 % interval: that of the nearest forecast of the audit, relative to it.
    """

    counts: dict[str, int]
    cost: float
    weight: float
    ridge: float
    test_error: float
    band: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class AuditPlan:
    """What to buy, by an audit.

    Attributes
    ----------
    advice : Advice
    prices : dict of str to float
    budget : float
    best : Affordable
    real_only : Affordable or None
        For the same budget; None where the audit's surfaces do not reach it.
    share : float
        Of the cost that goes to synthetic samples.
    indifferent : (float, float)
        Shares about it whose test error is within 1 % of the smallest.
    at_edge : bool
        Whether the surface ends at the best mixture, or before the budget does, so that a better one may lie beyond.
    profile : dict of str to tuple
        ``share`` and ``test_error`` of the mixtures that cost the budget, on the best surface; None outside of it.
    version : str
    """

    advice: Advice
    prices: dict[str, float]
    budget: float
    best: Affordable
    real_only: Affordable | None
    share: float
    indifferent: tuple[float, float]
    at_edge: bool
    profile: dict[str, tuple[float, ...]]
    version: str = __version__

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, strings and lists for JSON; a number that is not finite becomes None."""
        content = plain(asdict(self))
        assert isinstance(content, dict)
        return content


def is_audit(path: str | Path) -> bool:
    """Whether a file is what `modelcollapse audit --json` has printed."""
    if Path(path).suffix != ".json":
        return False
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and "verdict" in content and "kind" not in content


def load_audit(path: str | Path) -> dict[str, Any]:
    """Read the JSON of an audit.

    Raises
    ------
    InputError
        When a part that a plan needs is missing.
    """
    content: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    missing = [name for name in NEEDED if name not in content]
    if missing:
        raise InputError(f"{path}: the audit has no `{missing[0]}`. Make it again: modelcollapse audit ... --json.")
    return content


def plan_audit(audit: Mapping[str, Any], *, prices: Mapping[str, float], budget: float) -> AuditPlan:
    """Return the mixture of the smallest forecast test error that a budget buys.

    Parameters
    ----------
    audit : mapping
        What `modelcollapse audit --json` prints, `AuditResult.to_dict`.
    prices : mapping of str to float
        Of a sample of ``real`` and of each synthetic source that may be bought, above 0.
    budget : float

    Returns
    -------
    AuditPlan

    Raises
    ------
    InputError
        When a price does not fit, or the audit's surfaces hold no mixture that costs at most the budget.

    Notes
    -----
    Surfaces hold the best test error over weight and ridge for ten real counts and eleven synthetic ones, from a tenth
    to ten times the rows at hand. Errors are interpolated linearly in log counts, and below the smallest positive count
    in the count. Nothing is extrapolated: what a surface does not hold is not bought.
    """
    names = list(audit["rows"])
    known_keys("the prices", prices, names)
    costs = {name: number(f"price of {name}", price, low=0, open_low=True) for name, price in prices.items()}
    if "real" not in costs or len(costs) < 2:
        raise InputError("an audit's plan needs the price of `real` and of a synthetic source. Give both.")
    money = number("budget", budget, low=0, open_low=True)
    usable = [table for table in audit["surfaces"] if set(table["source"].split("+")) <= set(costs)]
    profiles = [surface_profile(PricedSurface.of(table, audit["rows"], costs), money) for table in usable]
    known = [profile for profile in profiles if np.isfinite(profile.test_error).any()]
    if not known:
        raise InputError(_out_of_reach(usable, audit["rows"], costs, money))
    return _plan(audit, min(known, key=lambda p: float(np.nanmin(p.test_error))), costs, money)


def _plan(audit: Mapping[str, Any], profile: SurfaceProfile, costs: dict[str, float], budget: float) -> AuditPlan:
    """Say what to buy along the best surface."""
    errors, surface = profile.test_error, profile.surface
    place = int(np.nanargmin(errors))
    counts = profile.counts[place]
    best = _affordable(audit, surface, counts, float(errors[place]))
    good = np.flatnonzero(errors <= EQUAL * errors[place])
    only_real = profile.counts[0] if np.isfinite(errors[0]) and profile.share[0] == 0 else None
    alone = None if only_real is None else _affordable(audit, surface, only_real, float(errors[0]))
    known = np.flatnonzero(np.isfinite(errors))
    capped = np.floor(np.array([surface.real[-1], surface.synthetic[-1]]))
    at_edge = bool((counts >= capped).any() or (place == known[0] and place > 0) or
                   (place == known[-1] and place < len(errors) - 1))  # fmt: skip
    share = float(counts[1] * surface.prices[1] / best.cost)
    indifferent = (float(profile.share[good[0]]), float(profile.share[good[-1]]))
    return AuditPlan(
        advice=_advise(best, alone, share, indifferent, at_edge=at_edge, surface=surface),
        prices=costs,
        budget=budget,
        best=best,
        real_only=alone,
        share=share,
        indifferent=indifferent,
        at_edge=at_edge,
        profile={"share": tuple(profile.share.tolist()), "test_error": tuple(errors.tolist())},
    )


def _affordable(audit: Mapping[str, Any], surface: PricedSurface, counts: Array, error: float) -> Affordable:
    """Return a mixture of a surface with its cost, its fit, and its band."""
    weight, ridge = surface.fit_near(counts)
    synthetic = {name: int(counts[1] * share) for name, share in surface.members.items()}
    low, high = _relative_band(audit, surface, counts)
    return Affordable(
        counts={"real": int(counts[0])} | synthetic,
        cost=float(counts @ surface.prices),
        weight=weight if counts[1] else 1.0,
        ridge=ridge,
        test_error=error,
        band=(low * error, high * error),
    )


def _relative_band(audit: Mapping[str, Any], surface: PricedSurface, counts: Array) -> tuple[float, float]:
    """Return the band of the nearest forecast of the audit as shares of its test error; NaN when there is none.

    The nearest in the logarithm of the size and in the synthetic fraction, together.
    """
    forecasts = [audit[name] for name in ("at_hand", "real_only", "best")]
    forecasts += [point for curve in audit["curves"] for point in curve["points"]]
    nearest, band = np.inf, (np.nan, np.nan)
    for told in forecasts:
        if told["test_error"] is None or told["band"][0] is None:
            continue
        synthetic = sum(told["counts"].get(name, 0.0) for name in surface.members)
        others = sum(told["counts"].values()) - told["counts"].get("real", 0.0) - synthetic
        total = told["counts"].get("real", 0.0) + synthetic
        size, mixed = np.log((1 + total) / (1 + counts.sum())), synthetic / total - counts[1] / counts.sum()
        distance = float(abs(size) + abs(mixed) + np.log1p(others)) if total else np.inf
        if distance < nearest:
            low, high = told["band"]
            nearest, band = distance, (low / told["test_error"], high / told["test_error"])
    return band


def _advise(
    best: Affordable,
    alone: Affordable | None,
    share: float,
    indifferent: tuple[float, float],
    *,
    at_edge: bool,
    surface: PricedSurface,
) -> Advice:
    bought = " and ".join(f"{count_text(count)} {name}" for name, count in best.counts.items() if count)
    weighed = f" weigh a synthetic row {rough_text(best.weight)} of a real one;" if share > 0 else ""
    reasons = [f"The forecast test error is {interval_text(best.test_error, best.band)}."]
    if alone is not None and share > 0:
        reasons.append(
            f"That is {compared(best.test_error, alone.test_error)} that of the {count_text(alone.counts['real'])} "
            f"real rows which the same money buys, {interval_text(alone.test_error, alone.band)}."
        )
    low, high = indifferent
    uncertainty = [
        "The interval (90 %) is that of the nearest mixture which the audit has forecast; errors are interpolated "
        "between those of its table.",
        f"Any share of the money for synthetic rows from {share_text(low)} to {share_text(high)} is within 1 % of the "
        f"smallest error; the plan spends {share_text(share)}.",
    ]
    if alone is not None and share > 0 and best.band[1] > alone.band[0]:
        uncertainty.append("The two intervals overlap: of a single pair of models, the other may turn out better.")
    changes = []
    if at_edge:
        changes.append(
            f"The audit's table ends there (real rows {count_text(surface.real[0])} to {count_text(surface.real[-1])}, "
            f"synthetic ones up to {count_text(surface.synthetic[-1])}): a better mixture may lie beyond. Audit more "
            "rows."
        )
    counts = ",".join(f"{name}={count}" for name, count in best.counts.items())
    changes.append(f"`modelcollapse audit ... --at {counts},weight={best.weight:g}` forecasts this very mixture.")
    fitted = f"fit with ridge {rough_text(best.ridge)}"
    return Advice(
        recommendation=f"Buy {bought} rows for {rough_text(best.cost)};{weighed} {fitted}.",
        reasons=tuple(reasons),
        uncertainty=tuple(uncertainty),
        changes=tuple(changes),
    )


def _out_of_reach(
    tables: list[Mapping[str, Any]], rows: Mapping[str, int], costs: Mapping[str, float], budget: float
) -> str:
    """Say why no mixture can be bought."""
    if not tables:
        return "the audit has no surface of the sources that have a price. Give prices of real and a synthetic source."
    cheapest = min(PricedSurface.of(table, rows, costs).real[0] * costs["real"] for table in tables)
    return (
        f"`budget` = {budget:g} buys no mixture that the audit can tell: its tables start at "
        f"{count_text(np.ceil(cheapest / costs['real']))} real rows, which cost {cheapest:g}. Give more."
    )
