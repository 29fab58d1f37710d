"""Which answers about past runs are shown, and in which words? The tables of the pages and of the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from modelcollapse.decisions.diagnosis import Diagnosis
from modelcollapse.decisions.run_fit_result import Candidate, RunFit
from modelcollapse.decisions.run_words import condition_text, floor_text, most_text, setting_text
from modelcollapse.digits import UNKNOWN, amount_text, interval_text, number_text, rough_text, share_text
from modelcollapse.figures.words import synthetic_share_text
from modelcollapse.report.summary import Rows

LEAST_WEIGHT = 0.01
"""Laws of less weight are left out where there is little room."""
_POWER_LAW = 2  # parameters that no other law is so few of
STATES = {"found": "found", "not_found": "not found", "not_enough_runs": "not enough runs"}
"""What the states of a signature are called."""


@dataclass(frozen=True)
class TitledRows:
    """A table with the question it answers, and what its columns are."""

    title: str
    caption: str
    content: Rows


def fit_tables(fit: RunFit, *, every_law: bool = True) -> tuple[TitledRows, ...]:
    """Return the tables of a fit that have rows, the most important first.

    Parameters
    ----------
    fit : RunFit
    every_law : bool
        Whether to show all laws that were tried, or those that count and the plain power law.
    """
    laws = fit.candidates if every_law else [law for law in fit.candidates if _counts(law)]
    found = (
        TitledRows(
            "What loss will a run reach?",
            "Loss that the law expects, and where the loss of one more run lies in 90 of 100 cases; beyond: amount of "
            "data in units of the largest run.",
            Rows(("run", "loss (90 % band)", "one more run", "beyond"), tuple(_forecasts(fit))),
        ),
        TitledRows(
            "How much synthetic data does no harm?",
            "Largest synthetic share for which the loss stays within the tolerance of that of as much real data.",
            Rows(("data", "tolerance", "synthetic share (90 % interval)"), tuple(_harmless(fit))),
        ),
        TitledRows(
            "How much synthetic data may be added to the real data?",
            "With the real data fixed: the first amount of synthetic data from which on it is worse than none, and "
            "the best below it. Weighed: up to the largest synthetic share of the runs, and ten times their data.",
            Rows(("real", "best amount (90 % interval)", "no worse than none up to"), tuple(_amounts(fit))),
        ),
        TitledRows(
            f"What is one more synthetic {fit.unit.removesuffix('s')} worth?",
            f"In real {fit.unit}; below zero it hurts. Of real data alone: with half the smallest share of the runs.",
            Rows(("run", "price (90 % interval)"), tuple(_prices(fit))),
        ),
        TitledRows(
            "Where will it stop?",
            "Loss that is left with endless data of the same kind.",
            Rows(("data", "floor (90 % interval)"), tuple(_floors(fit))),
        ),
        TitledRows(
            "Which run would tell most?",
            "The one after which the interval of the asked quantity is narrowest, as far as the law can tell.",
            Rows(("run", "asked", "width of its interval", "after the run"), tuple(_next_run(fit))),
        ),
        TitledRows(
            "Which law?",
            "Held out: relative error of the law's forecast of the largest runs, which it had not seen; weight: share "
            "of the draws behind the intervals.",
            Rows(("law", "parameters", "held out", "weight", ""), tuple(_candidate(law) for law in laws)),
        ),
        TitledRows("Its parameters", fit.formula, Rows(("parameter", "value (90 % interval)", "what it is"),
                   tuple((p.name, interval_text(p.value, p.interval), p.meaning) for p in fit.parameters))),
    )  # fmt: skip
    return tuple(table for table in found if table.content.rows)


def _forecasts(fit: RunFit) -> Iterator[tuple[str, ...]]:
    for found in fit.forecasts:
        low, high = found.run_band
        yield (
            setting_text(found.setting, unit=fit.unit),
            interval_text(found.loss, found.band),
            f"{rough_text(low)} to {rough_text(high)}" if math.isfinite(low + high) else UNKNOWN,
            f"{rough_text(found.extrapolation, 2)} ×",
        )


def _harmless(fit: RunFit) -> Iterator[tuple[str, ...]]:
    for found in fit.harmless:
        yield (
            f"{amount_text(found.total)} {fit.unit}{condition_text(size=found.size, generation=found.generation)}",
            f"{100 * found.tolerance:g} %",
            _percent(found.share, found.interval),
        )


def _amounts(fit: RunFit) -> Iterator[tuple[str, ...]]:
    for found in fit.amounts:
        yield (
            f"{amount_text(found.real)} {fit.unit}{condition_text(size=found.size, generation=found.generation)}",
            most_text(found.best, found.best_interval, limit=found.limit),
            most_text(found.most, found.most_interval, limit=found.limit),
        )


def _prices(fit: RunFit) -> Iterator[tuple[str, ...]]:
    for found in fit.prices:
        yield setting_text(found.setting, unit=fit.unit), interval_text(found.price, found.interval)


def _floors(fit: RunFit) -> Iterator[tuple[str, ...]]:
    for found in fit.floors:
        data = synthetic_share_text(found.fraction) + condition_text(size=found.size, generation=found.generation)
        yield data, floor_text(found.loss, found.band)


def _next_run(fit: RunFit) -> Iterator[tuple[str, ...]]:
    found = fit.next_run
    if found is not None:
        widths = (found.width, found.expected_width)
        shown = [share_text(width) if found.ask == "loss" else rough_text(width, 2) for width in widths]
        yield setting_text(found.setting, unit=fit.unit), found.ask, *shown


def _counts(found: Candidate) -> bool:
    """Return whether a law is behind the intervals, or is the one that most people fit."""
    return found.weight >= LEAST_WEIGHT or found.chosen or found.n_parameters == _POWER_LAW


def _candidate(found: Candidate) -> tuple[str, ...]:
    """Return one law that was tried, or why it was not."""
    if found.reason:
        return found.name, "–", "–", "–", found.reason
    error = f"{number_text(100 * found.held_out_error, 100 * found.held_out_stderr)} %"
    held_out = error if math.isfinite(found.held_out_error) else "–"
    return found.name, str(found.n_parameters), held_out, share_text(found.weight), "chosen" if found.chosen else ""


def _percent(share: float, interval: Sequence[float]) -> str:
    """Return a share with its interval in percent; alone where the interval is a point."""
    low, high = interval
    if not low < high:
        return f"{rough_text(100 * share)} %" if math.isfinite(share) else UNKNOWN
    return interval_text(100 * share, (100 * low, 100 * high)) + " %"


def fit_notes(fit: RunFit) -> tuple[str, ...]:
    """Return what was done, and what the intervals stand for."""
    if not fit.law:
        return ()
    return (
        f"{fit.n_runs} runs at {fit.n_settings} settings; {'the' if fit.curves else 'any'} {fit.n_held_out} "
        f"{'largest ' if fit.curves else ''}were held out to choose a law.",
        f"a run's loss varies by {share_text(fit.noise)} about the law (one standard deviation).",
        f"intervals are 90 %, from {fit.n_replicates:,} replicates of the runs, refitted.",
    )


def laws_left_out(fit: RunFit) -> str:
    """Say how many laws are not among those that count."""
    others = sum(not _counts(law) for law in fit.candidates)
    return f"{others} more laws were tried or could not be: --report FILE.html and --json show them." if others else ""


def fit_warnings(fit: RunFit) -> tuple[str, ...]:
    """Return what to look at: of the table, and of each forecast."""
    forecasts = tuple(
        f"{setting_text(found.setting, unit=fit.unit)}: {found.warning}" for found in fit.forecasts if found.warning
    )
    return fit.warnings + forecasts


def signature_rows(diagnosis: Diagnosis, *, meanings: bool = True) -> Rows:
    """Return a row for each signature, whether found or not, and what its effect means."""
    rows = []
    for found in diagnosis.signatures:
        p_value = "–" if found.p_value is None else f"{found.p_value:.3f}"
        effect = "–" if found.effect is None else _percent(found.effect, found.interval or (0.0, 0.0))
        meaning = (found.effect_meaning,) if meanings else ()
        rows.append((found.title, STATES[found.status], p_value, effect, *meaning))
    return Rows(("signature", "", "p", "effect (90 % interval)") + ("of what",) * meanings, tuple(rows))
