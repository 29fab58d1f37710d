"""Which numbers of the model that is really trained matter, and in which words? Rows for the page and the terminal."""

from __future__ import annotations

import math

from modelcollapse.decisions.own_model_result import Estimate, OwnForecast, OwnModel
from modelcollapse.digits import UNKNOWN, interval_text, rough_text, share_text
from modelcollapse.figures.words import mixture_text
from modelcollapse.report.summary import KeyNumber, Rows, rough_count
from modelcollapse.result import Status

_FLOORS = {
    "real_only": ("Floor, real rows", "a hundred times as many rows, all real"),
    "mixture": ("Floor, mixture", "a hundred times the rows of all sources"),
    "synthetic_only": ("Floor, synthetic rows", "a hundred times as many rows, all synthetic"),
}


def own_key_numbers(own: OwnModel) -> tuple[KeyNumber, ...]:
    """Return the key numbers of the model that is really trained, the most important first."""
    errors = {
        "Test error, all rows at hand": own.at_hand,
        "Test error, real rows only": own.real_only,
        "Test error, best mixture": own.best,
    }
    return (
        *(KeyNumber(name, _error(found), mixture_text(found.counts)) for name, found in errors.items()),
        *(KeyNumber(name, _estimate(own.floor[kind]), meaning) for kind, (name, meaning) in _FLOORS.items()),
        KeyNumber(
            "Exchange rate",
            _estimate(own.marginal),
            "real rows that one more synthetic row is worth now; below zero: it hurts",
        ),
        KeyNumber(
            "Synthetic rows in real ones",
            _count(own.equivalent_real),
            "extra real rows that would do what all synthetic rows at hand do",
        ),
        KeyNumber("Best number", _count(own.best_count), "synthetic rows from which on more do not help"),
        KeyNumber(
            "Crossover",
            _count(own.harmful_count),
            "synthetic rows beyond which the mixture is worse than the real rows alone; looked for up to "
            f"{rough_count(own.largest_count)}",
        ),
    )


def own_forecast_rows(own: OwnModel) -> Rows:
    """Return the forecasts that were asked for, in order, with those for ridge regression beside them."""
    rows = tuple(
        (mixture_text(found.counts), _error(found), rough_text(found.ridge_forecast)) for found in own.forecasts
    )
    return Rows(("mixture", "test error (90 % band)", "ridge"), rows)


def own_check_rows(own: OwnModel) -> Rows:
    """Return every trained model, and what the laws say of it when it is left out."""
    rows = tuple(
        (
            mixture_text({name: float(count) for name, count in check.counts.items()}),
            rough_text(check.forecast),
            rough_text(check.measured),
            f"{check.ratio:.3f}",
        )
        for check in own.validation
    )
    return Rows(("mixture", "forecast", "measured", "ratio"), rows)


def law_rows(own: OwnModel) -> Rows:
    """Return how each law fares."""
    rows = tuple(
        (law.name, _weight(law.weight), share_text(math.expm1(law.left_out)), _beyond(law.beyond)) for law in own.laws
    )
    return Rows(("law", "weight", "off, one model left out", "off, many rows from few"), rows)


def say_own_model(own: OwnModel) -> str:
    """Say how the forecast was made, and whether ridge regression helped."""
    reused = f", {own.n_reused} of them read from the file of fits" if own.n_reused else ""
    made = f"{own.estimator} was trained {len(own.fits)} times on mixtures of the rows at hand{reused}."
    return f"{made} {say_ridge_help(own)}"


def say_ridge_help(own: OwnModel) -> str:
    """Say whether leaning on the ridge forecast helped."""
    ridge = own.ridge
    if not ridge.used:
        return "Laws speak of counts alone: ridge regression cannot be forecast for every mixture that was trained."
    if not math.isfinite(ridge.beyond):
        return f"Laws that lean on the ridge forecast have {share_text(ridge.weight)} of the weight."
    return (
        f"Leaning on the ridge forecast {'helps' if ridge.helped else 'does not help'} here: from models of few rows, "
        f"those of many are foretold to {share_text(math.expm1(ridge.beyond))} with it and to "
        f"{share_text(math.expm1(ridge.beyond_without))} without."
    )


def _error(found: OwnForecast) -> str:
    return interval_text(found.test_error, found.band) if found.status is Status.OK else UNKNOWN


def _estimate(found: Estimate) -> str:
    return interval_text(found.value, found.interval)


def _count(found: Estimate) -> str:
    """Return a number of rows; any end may be more than was looked at."""
    value, low, high = (_end(end) for end in (found.value, *found.interval))
    return f"{value} ({low} to {high})"


def _end(count: float) -> str:
    return "more than looked at" if math.isinf(count) else rough_count(count)


def _weight(share: float) -> str:
    return share_text(share) if share >= 0.001 else "below 0.1 %"


def _beyond(missed: float) -> str:
    return share_text(math.expm1(missed)) if math.isfinite(missed) else UNKNOWN
