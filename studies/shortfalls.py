"""Where do the studies fall short, and what do their controls show? Aims missed, rivals ahead, costs, pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from studies.sets import Study
from studies.store import Record
from studies.summary import ACCURACY_AIM, accuracy_differences, agreement, closer, covered, rivalry
from studies.words import mark, percent

Studies = Sequence[tuple[Study, Record]]
Claim = Callable[[Study, Record], str | None]

RIVALS = ("mixture_law", "power_law_total", "power_law_real")


def not_met(studies: Studies) -> list[str]:
    """Return the section that says on which sets an aim is missed, or something else does better."""
    claims: dict[str, Claim] = {
        "The median misses its aim": _median_missed,
        "The coverage misses its aim": _coverage_missed,
        "The accuracy misses its aim in the median": _accuracy_missed,
        "Beyond the pool a rival is closer in the median, after training many models": _rival_ahead,
        "A single forecast takes longer than training one model, had one the rows": _slow,
        "Taking the pool for the truth meets the aim for the median all the same": _control_close,
    }
    lines = ["## What is not met", ""]
    for claim, case in claims.items():
        found = [f"{study.name} ({said})" for study, record in studies if (said := case(study, record))]
        lines.append(f"- {claim}: {', '.join(found) or 'on no set'}.")
    return [*lines, ""]


def _median_missed(study: Study, record: Record) -> str | None:
    found = agreement(record.findings.rows, "forecast")
    if found.median <= study.limit:
        return None
    return f"{percent(found.median)}; {sum(study.pool)} rows in the pool, {percent(found.expected)} expected from them"


def _coverage_missed(study: Study, record: Record) -> str | None:
    found = agreement(record.findings.rows, "forecast")
    return None if covered(found) else f"{found.coverage:.0%}"


def _accuracy_missed(study: Study, record: Record) -> str | None:
    points = float(accuracy_differences(record.findings.rows).abs().median())
    return f"{points:.1f} points" if points > ACCURACY_AIM else None


def _rival_ahead(study: Study, record: Record) -> str | None:
    far = rivalry(record.findings.rows)
    ours = agreement(far, "forecast").median
    best = min(agreement(far, rival, band="forecast").median for rival in RIVALS)
    return f"{percent(best)} against {percent(ours)}" if best < ours else None


def _slow(study: Study, record: Record) -> str | None:
    found = record.findings
    forecast = found.seconds["forecast"] / len(found.rows)
    training = found.seconds["training"] / found.models["training"]
    return f"{forecast / training:.0f} ×" if forecast > training else None


def _control_close(study: Study, record: Record) -> str | None:
    found = agreement(record.findings.rows, "plug_in", band="forecast")
    return f"{percent(found.median)}, coverage {found.coverage:.0%}" if found.median <= study.limit else None


def controls(studies: Studies) -> list[str]:
    """Return the section that pairs each control with the forecast of the same mixture."""
    lines = [
        "## Controls",
        "",
        "Two wrong forecasts of the same mixtures: *shuffled*, the synthetic labels permuted over their rows (mixtures",
        "with synthetic rows only; the others do not notice), and *plug-in*, the pool taken for the truth. *Closer*:",
        "the share of comparisons in which the forecast as meant is closer to the measured error than the control.",
        "",
        "| study | aim | shuffled: median | forecast closer | plug-in: median | forecast closer |",
        "|---|---|---|---|---|---|",
    ]
    for study, record in studies:
        rows = record.findings.rows
        mixed = rows[rows["n_synthetic"] + rows["n_synthetic2"] > 0]
        cells = []
        for column, tried in (("shuffled", mixed), ("plug_in", rows)):
            median = agreement(tried, column, band="forecast").median
            cells += [f"{mark(median > study.limit)} {percent(median)}", f"{closer(tried, 'forecast', column):.0%}"]
        lines.append(f"| {study.name} | {percent(study.limit)} | {' | '.join(cells)} |")
    return [*lines, "", "✓: the control misses the aim, as it should.", ""]
