"""What do laws that could have made the runs say? Draws of laws become forecasts, floors, shares, prices and curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.decisions.next_run import most_informative
from modelcollapse.decisions.run_fit_result import (
    HarmlessAmount,
    HarmlessShare,
    LossCurve,
    LossForecast,
    NextRun,
    PriceCurve,
    ShareFloor,
    SyntheticPrice,
)
from modelcollapse.decisions.run_quantities import (
    LEVELS,
    MOST_PRICE,
    harmless_amounts,
    harmless_shares,
    interval,
    median,
    prices,
    zero_crossings,
)
from modelcollapse.decisions.run_settings import Settings
from modelcollapse.decisions.run_words import FAR, FEWEST_AMOUNTS, next_run_sentence
from modelcollapse.estimation.law_choice import LawDraws

SHARES = np.linspace(0.0, 1.0, 201)
"""Synthetic shares among which the largest harmless one is sought."""

N_AMOUNTS = 80
"""Amounts of synthetic data among which the best is sought, and along curves of the price."""

NEXT_SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
"""Synthetic shares of runs that may be next."""

NEXT_TOTALS = (0.125, 0.25, 0.5, 1.0, 2.0)
"""Data of runs that may be next, as multiples of the most so far."""

MOST_COST = 2.0
"""Data times model size of runs that may be next, as a multiple of the most so far."""

CURVE_POINTS = 40
"""Amounts of data along a curve."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Answers:
    """Laws that could have made the runs, and the runs.

    Attributes
    ----------
    settings : Settings
    draws : LawDraws
        B laws.
    noise : float
        Standard deviation of a run's log loss.
    luck : array of shape (B,)
        Errors of one more run's log loss.
    """

    settings: Settings
    draws: LawDraws
    noise: float
    luck: Array

    def forecast(self, setting: Mapping[str, float]) -> LossForecast:
        """Forecast the loss at a complete setting."""
        seen = self.settings.points
        total = setting["real"] + setting["synthetic"]
        factor = total / float(seen.total.max())
        share, known = setting["synthetic"] / total, float(seen.fraction[0])
        why = ""
        if not self.settings.shares_vary and abs(share - known) > 1e-6:
            why = f"all runs have a synthetic share of {known:.3g}: nothing is known of another one"
        elif self.settings.n_amounts < FEWEST_AMOUNTS and not self.settings.knows_amount(total):
            why = f"it takes runs of {FEWEST_AMOUNTS} amounts of data to tell of another one"
        if why:
            nothing = (np.nan, np.nan)
            return LossForecast(
                setting=dict(setting), loss=np.nan, band=nothing, run_band=nothing, extrapolation=factor, warning=why
            )
        log_losses = self.draws.log_losses(self.settings.laid_out([setting]))[:, 0]
        return LossForecast(
            setting=dict(setting),
            loss=median(np.exp(log_losses)),
            band=interval(np.exp(log_losses)),
            run_band=interval(np.exp(log_losses + self.luck)),
            extrapolation=factor,
            warning=self._far(total),
        )

    def _far(self, total: float) -> str:
        """Return a warning of amounts of data far from those of all runs; empty within."""
        seen = self.settings.points.total
        if total > FAR * seen.max():
            return f"more than {FAR} times the data of any run"
        return f"less than 1/{FAR} of the data of any run" if total < seen.min() / FAR else ""

    def floor(self, group: Mapping[str, float]) -> ShareFloor:
        """Return what endless data of a share leave."""
        losses = self.draws.floors(self.settings.laid_out([group]))[:, 0]
        return ShareFloor(
            fraction=_share(group),
            size=group.get("size"),
            generation=_generation(group),
            loss=median(losses),
            band=interval(losses),
        )

    def harmless_draws(self, setting: Mapping[str, float], tolerance: float) -> Array:
        """Return the largest harmless shares, (B,), at a setting's total."""
        total = setting["real"] + setting["synthetic"]
        points = self.settings.along(setting, real=total * (1 - SHARES), synthetic=total * SHARES)
        return harmless_shares(self.draws.log_losses(points), SHARES, tolerance=tolerance)

    def harmless(self, setting: Mapping[str, float], tolerance: float) -> HarmlessShare:
        """Return the largest harmless share at a setting's total."""
        found = self.harmless_draws(setting, tolerance)
        return HarmlessShare(
            tolerance=tolerance,
            total=setting["real"] + setting["synthetic"],
            size=setting.get("size"),
            generation=self._mixed(setting).get("generation"),
            share=median(found),
            interval=interval(found),
        )

    def amount(self, setting: Mapping[str, float]) -> HarmlessAmount:
        """Return the best and the largest harmless amount of synthetic data beside a setting's real data."""
        real, amounts = setting["real"], self._amounts(setting["real"])
        weighed = np.concatenate([[0.0], amounts])
        points = self.settings.along(setting, real=np.full(len(weighed), real), synthetic=weighed)
        best, most = harmless_amounts(self.draws.log_losses(points), weighed)
        return HarmlessAmount(
            real=real,
            size=setting.get("size"),
            generation=self._mixed(setting).get("generation"),
            best=median(best),
            best_interval=interval(best),
            most=median(most),
            most_interval=interval(most),
            limit=float(amounts[-1]),
        )

    def addable(self, setting: Mapping[str, float]) -> bool:
        """Return whether the runs can tell of synthetic data beside a setting's real data."""
        least, most = self.settings.addable(setting["real"])
        return 0 < least < most

    def _amounts(self, real: float) -> Array:
        """Return amounts of synthetic data beside real data of which the runs can tell."""
        return np.geomspace(*self.settings.addable(real), N_AMOUNTS)

    def _mixed(self, setting: Mapping[str, float]) -> dict[str, float]:
        """Return a setting; of real data alone, with the least synthetic data of which the runs can tell."""
        if setting["synthetic"] > 0:
            return dict(setting)
        kept = {key: setting[key] for key in ("real", "size") if key in setting}
        return self.settings.completed({**kept, "synthetic": self.settings.addable(setting["real"])[0]})

    def price_draws(self, setting: Mapping[str, float]) -> Array:
        """Return prices, (B,), at a setting."""
        mixed = self._mixed(setting)
        real, synthetic = np.array([mixed["real"]]), np.array([mixed["synthetic"]])
        return prices(self.draws.log_losses, self.settings.along(mixed, real=real, synthetic=synthetic))[:, 0]

    def price(self, setting: Mapping[str, float]) -> SyntheticPrice:
        """Return the price of synthetic data at a setting."""
        found = self.price_draws(setting)
        low, high = interval(found)
        known = max(-low, high) < MOST_PRICE
        return SyntheticPrice(
            setting=self._mixed(setting),
            price=median(found) if known else np.nan,
            interval=(low, high) if known else (np.nan, np.nan),
        )

    def price_curve(self, setting: Mapping[str, float]) -> PriceCurve:
        """Return the price along the amount of synthetic data beside a setting's real data."""
        real, amounts = setting["real"], self._amounts(setting["real"])
        points = self.settings.along(setting, real=np.full(len(amounts), real), synthetic=amounts)
        found = prices(self.draws.log_losses, points)
        crossings = zero_crossings(found, amounts)
        low, middle, high = np.quantile(found, [LEVELS[0], 0.5, LEVELS[1]], axis=0)
        return PriceCurve(
            real=real,
            size=setting.get("size"),
            generation=self._mixed(setting).get("generation"),
            synthetic=tuple(amounts.tolist()),
            price=tuple(middle.tolist()),
            low=tuple(low.tolist()),
            high=tuple(high.tolist()),
            zero_at=median(crossings),
            zero_interval=interval(crossings),
        )

    def curve(self, group: Mapping[str, float], *, most: float) -> LossCurve:
        """Return the loss along the amount of data of a share, up to an amount."""
        total = np.geomspace(float(self.settings.points.total.min()), most, CURVE_POINTS)
        share = _share(group)
        points = self.settings.along(group, real=total * (1 - share), synthetic=total * share)
        losses = np.exp(self.draws.log_losses(points))
        low, middle, high = np.quantile(losses, [LEVELS[0], 0.5, LEVELS[1]], axis=0)
        return LossCurve(
            fraction=share,
            size=group.get("size"),
            generation=_generation(group),
            total=tuple(total.tolist()),
            loss=tuple(middle.tolist()),
            low=tuple(low.tolist()),
            high=tuple(high.tolist()),
            floor=self.floor(group).loss,
        )

    def next_run(self, setting: Mapping[str, float], *, ask: str, tolerance: float, unit: str) -> NextRun:
        """Return the run that would tell most of what is asked at a setting."""
        if ask == "loss":
            asked = self.draws.log_losses(self.settings.laid_out([setting]))[:, 0]
        else:
            asked = self.harmless_draws(setting, tolerance) if ask == "share" else self.price_draws(setting)
        grid = self._next_settings()
        design = most_informative(asked, self.draws.log_losses(self.settings.laid_out(grid)), noise=self.noise)
        low, high = interval(np.exp(asked)) if ask == "loss" else interval(asked)
        width = (high - low) / (median(np.exp(asked)) if ask == "loss" else 1.0)
        left = float(np.sqrt(design.expected[design.best] / design.variance)) if design.variance > 0 else 1.0
        found = grid[design.best]
        return NextRun(
            setting=found,
            ask=ask,
            width=width,
            expected_width=width * left,
            n_candidates=len(grid),
            sentence=next_run_sentence(found, ask=ask, width=width, expected=width * left, unit=unit),
        )

    def _next_settings(self) -> list[dict[str, float]]:
        """Return the settings of runs that may be next."""
        points = self.settings.points
        sizes = [1.0] if points.size is None else np.unique(points.size)[:: max(1, len(np.unique(points.size)) // 6)]
        costs = points.total * (1.0 if points.size is None else points.size)
        shares = NEXT_SHARES if self.settings.shares_vary else (float(points.fraction[0]),)
        return [
            self.settings.completed(
                {"real": float(np.round(total * (1 - share))), "synthetic": float(np.round(total * share))}
                | ({} if points.size is None else {"size": float(size)})
            )
            for total in float(points.total.max()) * np.array(NEXT_TOTALS)
            for size in sizes
            for share in shares
            if total * size <= MOST_COST * costs.max() * (1 + 1e-9)
        ]


def _share(setting: Mapping[str, float]) -> float:
    return setting["synthetic"] / (setting["real"] + setting["synthetic"])


def _generation(setting: Mapping[str, float]) -> float | None:
    return setting.get("generation") if setting["synthetic"] > 0 else None
