"""How is the answer of past runs said? The law, where it goes, where it stops, and what synthetic data is worth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from modelcollapse.digits import amount_text, interval_text, percent_text, rough_text, share_text

if TYPE_CHECKING:
    from modelcollapse.decisions.run_fit_result import (
        Candidate,
        HarmlessAmount,
        HarmlessShare,
        LossForecast,
        RunFit,
        ShareFloor,
        SyntheticPrice,
    )

FAR = 100
"""Multiple of the runs' data beyond which a forecast carries a warning."""

FEWEST_AMOUNTS = 3
"""Different amounts of data from which an irreducible loss can be seen, and other amounts be forecast."""

FEWEST_SETTINGS = 5
"""Fewest settings that a law is fitted to: a power law and an irreducible loss can be told apart."""

FEWEST_SHARED = 6
"""The same where synthetic shares vary: a floor in the share can be told from none."""

MOST_UNEXPLAINED = 0.5
"""Scatter about the law, as a share of that about the mean, from which on a warning is given."""

SMALLEST_CHANCE = 0.001
"""Chance of a misfit under the right law below which a warning is given."""

ASKED = {"loss": "forecast loss", "share": "largest harmless share", "price": "price of synthetic data"}
"""What may be asked, in words."""


def setting_text(setting: Mapping[str, float], *, unit: str) -> str:
    """Return the setting of a training run in words.

    Examples
    --------
    >>> setting_text({"real": 1e9, "synthetic": 2.5e8, "size": 1e8, "generation": 2.0}, unit="tokens")
    '1 ×10⁹ real + 250 ×10⁶ synthetic tokens, size 100 ×10⁶, generation 2'
    >>> setting_text({"real": 1000.0, "synthetic": 0.0, "generation": 0.0}, unit="samples")
    '1,000 real samples'
    """
    parts = [f"{amount_text(setting[kind])} {kind}" for kind in ("real", "synthetic") if setting.get(kind, 0.0) > 0]
    text = f"{' + '.join(parts)} {unit}"
    if "generator" in setting and setting.get("synthetic", 0.0) > 0:
        text += f", from a generator of {amount_text(setting['generator'])}"
    return text + condition_text(size=setting.get("size"), generation=setting.get("generation"))


def condition_text(*, size: float | None, generation: float | None) -> str:
    """Return what goes after a setting or a share: the model's size and the generation, where they are known.

    Examples
    --------
    >>> condition_text(size=1e6, generation=None), condition_text(size=None, generation=2.0)
    (', size 1 ×10⁶', ', generation 2')
    """
    words = f", size {amount_text(size)}" if size is not None else ""
    return words + (f", generation {generation:.0f}" if generation else "")


def sentences(fit: RunFit) -> tuple[str, ...]:
    """Return the answer in words."""
    said = [_law(fit), *_deviation(fit.deviation)]
    said += [_forecast(forecast, fit.unit) for forecast in fit.forecasts]
    said += _floors(fit.floors)
    said += [_harmless(harmless, fit.unit) for harmless in fit.harmless]
    said += [_added(amount, fit.unit) for amount in fit.amounts[:1]]
    said += [_price(price, fit.unit) for price in fit.prices[:1]]
    if not fit.prices:
        said.append(_unknown(told_of_shares=bool(fit.harmless)))
    if fit.next_run is not None:
        said.append(fit.next_run.sentence)
    return tuple(said)


def _unknown(*, told_of_shares: bool) -> str:
    """Say why there are no prices."""
    if told_of_shares:
        return f"The runs have fewer than {FEWEST_AMOUNTS} amounts of data: they do not tell what more of it does."
    return "All runs have the same synthetic share: they do not tell what synthetic data does."


def too_few(n_settings: int, n_amounts: int, *, shares_vary: bool) -> tuple[str, ...]:
    """Return what is said of too few runs; nothing of enough."""
    lacking, fewest = [], FEWEST_SHARED if shares_vary else FEWEST_SETTINGS
    if n_settings < fewest:
        lacking.append(f"{fewest} settings that differ, and there are {n_settings}")
    if n_amounts < FEWEST_AMOUNTS and not shares_vary:
        lacking.append(f"runs of {FEWEST_AMOUNTS} different amounts of data, and there are {n_amounts}")
    return (f"Not enough runs: a law needs {'; and '.join(lacking)}.",) if lacking else ()


def unexplained(noise: float, spread: float) -> tuple[str, ...]:
    """Return a warning when runs scatter about the law hardly less than about their mean, in log losses."""
    if noise < MOST_UNEXPLAINED * spread:
        return ()
    return (
        f"The runs hardly follow any law: they scatter by {share_text(noise)} about the chosen one, by "
        f"{share_text(spread)} about their mean. Laws fall with data; look for another reason why the losses differ.",
    )


def misfitting(chance: float) -> tuple[str, ...]:
    """Return a warning when settings lie farther from the law than their repeats say."""
    if chance >= SMALLEST_CHANCE:
        return ()
    return (
        "The settings lie farther from the chosen law than their repeats vary: the losses do not follow it exactly, or "
        "repeats of a setting share something. Forecasts far ahead may miss by more than their bands say.",
    )


def next_run_sentence(setting: Mapping[str, float], *, ask: str, width: float, expected: float, unit: str) -> str:
    """Say which run to do next, and what it brings."""
    whole = "of the loss" if ask == "loss" else "wide"
    left = f"from {rough_text(width, 2)} to {rough_text(expected, 2)}"
    if ask == "loss":
        left = f"from {share_text(width)} to {share_text(expected)} {whole}"
    return (
        f"To learn most about the {ASKED[ask]}, train next on {setting_text(setting, unit=unit)}: the interval is "
        f"expected to shrink {left}."
    )


def _law(fit: RunFit) -> str:
    """Say which law the runs follow."""
    chosen = next(candidate for candidate in fit.candidates if candidate.chosen)
    others = [candidate for candidate in fit.candidates if candidate.weight > 0 and not candidate.chosen]
    n_tried = sum(not candidate.reason for candidate in fit.candidates)
    error = percent_text(chosen.held_out_error, chosen.held_out_stderr)
    rest = f"; {len(others)} other law{'s' if len(others) > 1 else ''} may hold, and widen the bands" if others else ""
    first, last = ("smaller", f"{fit.n_held_out} largest") if fit.curves else ("other", f"{fit.n_held_out} held-out")
    return (
        f"The runs follow best, of {n_tried} laws tried: {chosen.name} (chance {share_text(chosen.weight)}{rest}). "
        f"Fitted to the {first} runs, it foretold the {last} settings within {error}.{_bend(fit.candidates)}"
    )


def _deviation(deviation: float) -> list[str]:
    """Say that no law holds."""
    if not deviation:
        return []
    return [
        f"No law of these holds: the runs lie off the best one in a pattern. All intervals are widened by its error of "
        f"{share_text(deviation)} on the largest runs, and more beyond them."
    ]


def _bend(candidates: tuple[Candidate, ...]) -> str:
    """Say whether synthetic data bends the law."""
    fitted = [candidate for candidate in candidates if not candidate.reason]
    floors = [candidate for candidate in fitted if "floor" in candidate.name or "double" in candidate.name]
    if not floors:
        return ""
    chance = sum(candidate.weight for candidate in floors)
    if chance > 0.95:
        return " Synthetic data bends it: a floor is left that grows with its share."
    if chance < 0.05:
        return " There is no sign that synthetic data bends it."
    return f" The chance that synthetic data bends it is {share_text(chance)}."


def floor_text(loss: float, band: tuple[float, float]) -> str:
    """Return a floor with its interval; that there is none to be seen, and how large it may be, where it is 0.

    Examples
    --------
    >>> floor_text(1.52, (1.48, 1.56)), floor_text(0.0, (0.0, 1.2)), floor_text(0.0, (0.0, 0.0))
    ('1.52 (1.48 to 1.56)', 'none to be seen (at most 1.20)', 'none to be seen')
    """
    if loss > 0:
        return interval_text(loss, band)
    return "none to be seen" + (f" (at most {rough_text(band[1])})" if band[1] > 0 else "")


def _forecast(forecast: LossForecast, unit: str) -> str:
    """Say what the loss will be."""
    where = setting_text(forecast.setting, unit=unit)
    if math.isnan(forecast.loss):
        return f"With {where}: no forecast, as {forecast.warning}."
    far = f" This is {forecast.warning}." if forecast.warning else ""
    return f"With {where}, the loss will be {interval_text(forecast.loss, forecast.band)}.{far}"


def _floors(floors: tuple[ShareFloor, ...]) -> list[str]:
    """Say what endless data leaves, without and with most synthetic data."""
    if not floors:
        return []
    last = floors[-1]
    kind = f"a synthetic share of {share_text(last.fraction)}" if last.fraction > 0 else "real data alone"
    first = next(floor for floor in floors if floor.size == last.size)  # of models as large
    beside = ""
    if first.fraction < last.fraction:
        kind_first = "real data alone" if first.fraction == 0 else f"a share of {share_text(first.fraction)}"
        beside = f", with {kind_first} {floor_text(first.loss, first.band)}"
    where = condition_text(size=last.size, generation=last.generation)
    return [
        f"Floor of the loss that endless data leaves{where}: with {kind} {floor_text(last.loss, last.band)}{beside}."
    ]


def _harmless(harmless: HarmlessShare, unit: str) -> str:
    """Say how much synthetic data does no harm."""
    low, high = harmless.interval
    where = condition_text(size=harmless.size, generation=harmless.generation)
    return (
        f"Of {amount_text(harmless.total)} {unit}{where}, {share_text(harmless.share)} ({share_text(low)} to "
        f"{share_text(high)}) may be synthetic at a cost of {share_text(harmless.tolerance)} of the loss."
    )


def _added(amount: HarmlessAmount, unit: str) -> str:
    """Say how much synthetic data may be added to the real data."""
    where = condition_text(size=amount.size, generation=amount.generation)
    beside = f"Beside {amount_text(amount.real)} real {unit}{where}, "
    if amount.most == 0:
        return f"{beside}any synthetic ones are worse than none, from the first on."
    up_to = most_text(amount.most, amount.most_interval, limit=amount.limit)
    best = most_text(amount.best, amount.best_interval, limit=amount.limit)
    return f"{beside}up to {up_to} synthetic ones are no worse than none; the best amount is {best}."


def most_text(amount: float, interval: tuple[float, float], *, limit: float) -> str:
    """Return an amount of synthetic data with its interval, where what is endless was not weighed beyond a limit.

    Examples
    --------
    >>> most_text(3e9, (1e9, math.inf), limit=8e9), most_text(math.inf, (math.inf, math.inf), limit=8e9)
    ('3 ×10⁹ (1 ×10⁹ to more than 8 ×10⁹)', 'more than 8 ×10⁹')
    """
    value, low, high = (
        amount_text(end) if end < math.inf else f"more than {amount_text(limit)}" for end in (amount, *interval)
    )
    return value if low == high else f"{value} ({low} to {high})"


def _price(price: SyntheticPrice, unit: str) -> str:
    """Say what synthetic data is worth."""
    if math.isnan(price.price):
        where = setting_text(price.setting, unit=unit)
        return f"What one more synthetic {unit.removesuffix('s')} is worth with {where}, the runs do not tell."
    harm = " More synthetic data does harm." if price.interval[1] < 0 else ""
    return (
        f"With {setting_text(price.setting, unit=unit)}, one more synthetic {unit.removesuffix('s')} is worth "
        f"{interval_text(price.price, price.interval)} real ones.{harm}"
    )
