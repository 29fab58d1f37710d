"""What does docs/validation.md say? Every number of the page comes from the records of the studies."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from studies.comparison import COUNTS, WEIGHTS
from studies.sets import STUDIES, Study
from studies.shortfalls import controls, not_met
from studies.store import Record
from studies.summary import (
    ACCURACY_AIM,
    COVERAGE_AIM,
    accuracy_differences,
    agreement,
    covered,
    passes,
    rivalry,
)
from studies.words import mark, percent

HEAD = """# Validation

How far are forecasts from models that were trained? Each study splits a table at random into a pool (real rows, rows
with labels of a weak labeller, rows with labels of a better one), held-out rows, and fresh rows that neither holds.
The error of each of 26 mixtures of the three sources, weights other than one among them, is forecast from the pool,
and measured by training ridge regression on fresh rows several times. Both use the same held-out rows. Training is on
fresh rows because only these are new draws; the forecast never sees them. Whether [audits of
distributions](#audits-of-distributions) find planted collapse stands at the end.

Written by

```console
$ make validation
```

or `python -m studies.validation [--data FOLDER] [--only NAME ...]`; the folder holds `mnist` and `california_housing`,
which are not bundled (`make validation DATA=FOLDER`, unless `../shared/data` is there). A study that is not run again
keeps its numbers. Every comparison is a row of [validation.json](validation.json).
"""

READING = f"""How to read the tables:

- *median* and *worst*: of |forecast/measured − 1|. *expected*: what the median would be if forecasts missed by as much
  as their own standard errors say; where it is near the median, the pool is the limit and not the method.
- *coverage*: share of the measured means inside the forecast's 90 % band. The band of a mean over R runs has the half
  width 1.645 √(standard error² + run-to-run²/R); draws overlap where the fresh rows are few, which lowers R. Aim:
  {COVERAGE_AIM[0]:.0%} to {COVERAGE_AIM[1]:.0%}. Comparisons on one split share its pool and so err together.
- *accuracy*: median of |forecast − measured| in points. Aim: at most {ACCURACY_AIM:g}.
- *run to run*: the standard deviation of single models about their mean, measured over forecast, corrected for the rows
  that draws share; sizes where they share more than half are left out.
- Times are processor seconds on one thread; splits run side by side in two processes. Training is timed with one Gram
  matrix for all ridges.
"""

MOST_SHARED = 0.5
RIVALS = {
    "forecast": ("forecast (ours)", "forecast", None),
    "mixture_law": ("law of Jain, Montanari and Sasoglu", "mixture_law", "mixture_law"),
    "power_law_total": ("real-only power law at all samples", "power_law", "power_law"),
    "power_law_real": ("real-only power law at the real samples", "power_law", "power_law"),
}

RIVALS_NOTE = """The rivals are fitted, on each split, to models trained inside the pool and measured on the same
held-out rows: a + b n^(−c) to seven sizes of real data, three models each; and the mixture law, as recalled from
[arXiv:2402.04376](https://arxiv.org/abs/2402.04376) with α the total weight of the synthetic part, to 56 pairs of sizes
and weights, three models each, with one exponent, from 30 starts. Their tables hold the mixtures beyond the pool (some
source larger than in the pool) that every method is defined for: with real rows, and no second synthetic source.
"""


def write_page(records: dict[str, Record]) -> str:
    """Return the whole page."""
    known = {name: record for name, record in records.items() if name in STUDIES}
    ordered = [(STUDIES[name], known[name]) for name in STUDIES if name in known]
    sections = [_section(study, record) for study, record in ordered]
    judged = [*not_met(ordered), *controls(ordered)]
    return "\n".join([HEAD, _overview(ordered), READING, RIVALS_NOTE, *judged, *sections])


def _overview(ordered: list[tuple[Study, Record]]) -> str:
    lines = [
        "| study | comparisons | median (aim) | coverage | accuracy, points | beyond the pool: ours, best rival |",
        "|---|---|---|---|---|---|",
    ]
    for study, record in ordered:
        rows = record.findings.rows
        found = agreement(rows, "forecast")
        far = rivalry(rows)
        ours, *theirs = (agreement(far, column, band="forecast").median for column in RIVALS)
        lines.append(
            f"| [{study.title}](#{study.name}) | {found.n} | {mark(found.median <= study.limit)} "
            f"{percent(found.median)} (≤ {percent(study.limit)}) | {mark(covered(found))} {found.coverage:.0%} | "
            f"{_accuracy(rows)} | {percent(ours)}, {percent(min(theirs))} |"
        )
    return "\n".join([*lines, ""])


def _section(study: Study, record: Record) -> str:
    found = record.findings
    rows = found.rows
    limit = percent(study.limit)
    pool = ", ".join(f"{n:,}" for n in study.pool)
    totals = rows[list(COUNTS)].sum(axis=1)
    pairs = len(rows[["ridge", *COUNTS, *WEIGHTS]].drop_duplicates())
    lines = [
        f"## {study.name}",
        "",
        f"{study.title}; {study.task}. Pool: {pool} rows; held out: {study.n_holdout:,}; labellers trained on "
        f"{study.n_label_train[0]} and {study.n_label_train[1]:,} rows. {len(_mixture_keys(rows))} mixtures of "
        f"{totals.min():,} to {totals.max():,} samples at ridges {study.ridges[0]:g} and {study.ridges[1]:g}, "
        f"{pairs} pairs, {len(rows)} comparisons on {rows['split'].nunique()} splits. Features: `{study.features}`, "
        f"scale: `{study.scale}`. Aim for the median: {limit}.",
        "",
        *([study.note, ""] if study.note else []),
        f"![Forecast over measured](images/validation-{study.name}.png)",
        "",
        *_agreement_table(study, rows),
        "",
        *_accuracy_line(rows),
        _run_to_run_line(rows),
        "",
        *_rival_table(record),
        "",
        _costs(record),
        "",
        *_mixture_table(rows),
        "",
        f"Seed {record.seed}, {record.elapsed:.0f} s. {record.machine}",
        "",
    ]
    return "\n".join(lines)


def _agreement_table(study: Study, rows: pd.DataFrame) -> list[str]:
    kinds = {
        "forecast": ("**forecast**, four strata of leverage per source", None),
        "one_stratum": ("forecast, one stratum", None),
        "shuffled": ("control: synthetic labels shuffled", None),
        "plug_in": ("control: pool taken for the truth", "forecast"),
    }
    lines = [
        "| | n | no answer | median | expected | bias | worst | coverage | meets the aims |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for column, (name, band) in kinds.items():
        tried = rows[rows["plug_in"].notna()] if column == "shuffled" else rows
        tried = tried[tried["plug_in"].notna()] if column == "plug_in" else tried
        found = agreement(tried, column, band=band)
        expected = percent(found.expected) if column in ("forecast", "one_stratum") else ""
        lines.append(
            f"| {name} | {found.n} | {found.n_unanswered} | {percent(found.median)} | {expected} | "
            f"{100 * found.bias:+.1f} % | {percent(found.worst)} | {found.coverage:.0%} | "
            f"{'yes' if passes(found, limit=study.limit) else 'no'} |"
        )
    return lines


def _rival_table(record: Record) -> list[str]:
    found = record.findings
    far = rivalry(found.rows)
    lines = [
        f"| beyond the pool, {len(far)} comparisons | median | worst | models trained | seconds |",
        "|---|---|---|---|---|",
    ]
    for column, (name, cost, trained) in RIVALS.items():
        result = agreement(far, column, band="forecast")
        models = found.models.get(trained, 0) if trained else 0
        lines.append(
            f"| {name} | {percent(result.median)} | {percent(result.worst)} | {models:,} | {found.seconds[cost]:.0f} |"
        )
    return lines


def _costs(record: Record) -> str:
    """Return what forecasts and training took, per model."""
    found = record.findings
    forecasts, trained = len(found.rows), found.models["training"]
    forecasting, training = found.seconds["forecast"], found.seconds["training"]
    return (
        f"{forecasts} forecasts took {forecasting:.1f} s ({1e3 * forecasting / forecasts:.1f} ms each); training "
        f"{trained:,} models on fresh rows took {training:.1f} s ({1e3 * training / trained:.1f} ms each). What a "
        "single forecast saves is not time but data: the fresh rows that a user does not have. Whole surfaces of "
        "mixtures are far cheaper than training them, see [Benchmarks](benchmarks.md)."
    )


def _mixture_table(rows: pd.DataFrame) -> list[str]:
    """Return one line per mixture: medians over splits and ridges."""
    lines = [
        "| real | weak synthetic | better synthetic | weights | measured | forecast/measured | median deviation |",
        "|---|---|---|---|---|---|---|",
    ]
    ratio = rows["forecast"] / rows["measured"]
    tried = rows.assign(ratio=ratio, deviation=(ratio - 1.0).abs())
    for key, group in tried.groupby([*COUNTS, *WEIGHTS]):
        numbers = np.asarray(key, dtype=np.float64)
        counts = " | ".join(f"{n:,.0f}" for n in numbers[:3])
        weights = ", ".join(f"{weight:g}" for weight in numbers[3:])
        lines.append(
            f"| {counts} | {weights} | {group['measured'].median():.4g} | {group['ratio'].median():.3f} | "
            f"{percent(group['deviation'].median())} |"
        )
    return lines


def _run_to_run_line(rows: pd.DataFrame) -> str:
    """Return how the scatter of single models compares with its forecast, by size of the mixture.

    Draws that share a part f of their rows scatter by √(1 − f) less about their own mean.
    """
    total = rows[list(COUNTS)].sum(axis=1).map(lambda n: float(f"{n:.2g}"))
    shared = (1 / rows["effective_runs"] - 1 / rows["runs"]) / (1 - 1 / rows["runs"])
    measured = rows["measured_sd"] ** 2 / (1 - shared.clip(upper=0.99))
    known = pd.DataFrame({"total": total, "measured": measured, "forecast": rows["forecast_spread"] ** 2})
    mean = known[(shared < MOST_SHARED) & rows["forecast"].notna()].groupby("total").mean()
    ratios = (mean["measured"] / mean["forecast"]) ** 0.5
    return (
        "Run to run, measured over forecast: "
        + ", ".join(f"{ratio:.2f} at {size:,.0f} samples" for size, ratio in ratios.items())
        + "."
    )


def _mixture_keys(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[[*COUNTS, *WEIGHTS]].drop_duplicates()


def _accuracy(rows: pd.DataFrame) -> str:
    points = accuracy_differences(rows).abs().median()
    return "–" if math.isnan(points) else f"{mark(points <= ACCURACY_AIM)} {points:.1f}"


def _accuracy_line(rows: pd.DataFrame) -> list[str]:
    """Return how far forecasts of accuracy are off, in classification."""
    points = accuracy_differences(rows)
    if not len(points):
        return []
    by_split = (points.groupby(rows["split"]).median()).map("{:+.1f}".format)
    return [
        f"Accuracy: median of |forecast − measured| {points.abs().median():.1f} points, 90 % within "
        f"{points.abs().quantile(0.9):.1f}; median of forecast − measured {points.median():+.1f}, by split "
        f"{', '.join(by_split)}.",
        "",
    ]
