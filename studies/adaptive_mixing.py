"""Can adaptive mixing beat static mixing? The best schedule against the best fixed share, over a grid of settings."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from modelcollapse import Mixture, RandomTeacher, Recursion, Shift, Source, Spectrum, Workflow
from modelcollapse.decisions.adaptive_mixing import adaptive_mixing, best_of_random_starts
from modelcollapse.figures.inline import svg
from modelcollapse.figures.style import BLUE, QUIET, VERMILLION, finish, legend_above

DOCS = Path(__file__).parent.parent / "docs"
N_FEATURES = 4
"""In theory only ratios count."""
SYNTHETIC_PER_REAL = 4
FEATURES_PER_SAMPLE = (0.1, 0.5, 2.0)
NOISE = (0.1, 1.0)
LABELS = {"clean": 0.0, "noisy": 1.0}
"""Noise of synthetic labels on top of the model's predictions, in units of the real labels'."""
FIRST = {"fitted": None, "poor": 1.0}
"""First model: fitted on real samples, or given with an error as large as the signal."""
HORIZONS = {"fresh": (5, 20), "reused": (5,)}
"""Generations T, by kind of real samples."""
SMALLEST_RIDGE = 1e-6
RANDOM_STARTS = 24
MARKERS = {"fitted": "o", "poor": "^"}

HEAD = """# Adaptive mixing

Can a share of synthetic data that changes with the generation beat the best fixed one? Written by

```console
$ python -m studies.adaptive_mixing
```
"""

READING = """
Every generation is fitted on real samples, fresh or the same ones again, and on four times as many fresh inputs that
the model before has labelled. *Fixed*: the weight of synthetic samples and the ridge that are best for the last
generation when both stay the same. *Schedule*: a weight for every generation and one ridge, best for the last
generation (`modelcollapse.decisions.adaptive_mixing`). *Gain*: the share of the fixed weight's last excess risk that
the schedule saves. *Greedy over schedule*: by which share the last risk is larger when each generation takes the weight
that is best for itself. *Missed*: the largest share by which a descent from {starts} random schedules ends below the
schedule. Inputs are isotropic with a signal of variance 1.

The grid: {features} features per real sample; label noise of variance {noise}; synthetic labels that are the
model's predictions (*clean*), or carry as much noise as the real ones (*noisy*); a first model that is fitted on real
samples, or given with an error as large as the signal (*poor*). A poor model still knows something of the labels, and
what it knows is best used when the last generation is fitted: with re-used real samples, which bring nothing new, and
noisy labels, the best schedules copy it until then.
"""


def problem(*, real: str, horizon: int, features_per_sample: float, noise: float, labels: str, first: str) -> Recursion:
    """Return one setting of the grid."""
    n_real = round(N_FEATURES / features_per_sample)
    quality = FIRST[first]
    shift = None if quality is None else Shift(quality=quality, shape="isotropic")
    sources = [
        Source("real", n_samples=n_real, noise_var=noise, spectrum=Spectrum.isotropic(N_FEATURES),
               teacher=RandomTeacher()),
        Source("synthetic", n_samples=SYNTHETIC_PER_REAL * n_real, noise_var=LABELS[labels] * noise, shift=shift),
    ]  # fmt: skip
    workflow = Workflow("mix", generations=horizon, design="fresh", real=real)
    return Recursion(Mixture(sources, ridge=SMALLEST_RIDGE), workflow)


def settings() -> list[dict[str, object]]:
    """Return the grid."""
    names = ("features_per_sample", "noise", "labels", "first")
    return [
        {"real": real, "horizon": horizon, **dict(zip(names, values, strict=True))}
        for real, horizons in HORIZONS.items()
        for horizon in horizons
        for values in itertools.product(FEATURES_PER_SAMPLE, NOISE, LABELS, FIRST)
    ]


def measure(grid: list[dict[str, object]]) -> pd.DataFrame:
    """Return one row for each setting: last risks in units of a single fit on real samples, and the gain."""
    rows = []
    for done, setting in enumerate(grid):
        print(f"\r{done} of {len(grid)}", end="", file=sys.stderr, flush=True)
        asked = problem(**setting)  # type: ignore[arg-type]
        found = adaptive_mixing(asked)
        at_random = best_of_random_starts(asked, n_starts=RANDOM_STARTS)
        rows.append(
            setting
            | {
                "fixed": found.fixed.last,
                "schedule": found.adaptive.last,
                "gain": found.gain,
                "greedy_gap": found.greedy_gap,
                "missed": max(1 - at_random / found.adaptive.last, 0.0),
                "mean_gain": 1 - found.adaptive.mean / found.fixed.mean,
            }
        )
    print(file=sys.stderr)
    return pd.DataFrame(rows)


def headline(rows: pd.DataFrame) -> str:
    """Return the answer in a sentence for fitted first models, and one for poor ones."""

    def told(real: str, labels: str, first: str) -> str:
        found = rows[(rows["real"] == real) & (rows["labels"] == labels) & (rows["first"] == first)]
        gain = 100 * found["gain"]
        return f"{gain.median():.1f} % (median; at most {gain.max():.1f} %)"

    fitted, poor = (
        {(real, labels): told(real, labels, first) for real in HORIZONS for labels in LABELS} for first in FIRST
    )
    return (
        "**Yes, when every generation gets fresh real samples and the synthetic labels carry no noise of their own: "
        f"the best schedule then saves {fitted['fresh', 'clean']} of the last excess risk; with noisy synthetic labels "
        f"it saves {fitted['fresh', 'noisy']}, and with re-used real samples {fitted['reused', 'clean']} when labels "
        f"are clean and {fitted['reused', 'noisy']} when they are noisy.** After a poor first model these are "
        f"{poor['fresh', 'clean']}, {poor['fresh', 'noisy']}, {poor['reused', 'clean']} and {poor['reused', 'noisy']}."
    )


def summary(rows: pd.DataFrame) -> str:
    """Return the gains by kind of real samples, synthetic labels, first model and horizon, as a table."""
    lines = [
        "| real samples | synthetic labels | first model | generations | settings | gain: median | smallest | "
        "largest | greedy over schedule: largest | missed |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for (real, labels, first, horizon), group in rows.groupby(["real", "labels", "first", "horizon"]):
        gain = 100 * group["gain"]
        lines.append(
            f"| {real} | {labels} | {first} | {horizon} | {len(group)} | {gain.median():.1f} % | {gain.min():.1f} % | "
            f"{gain.max():.1f} % | {100 * group['greedy_gap'].max():.1f} % | "
            f"{100 * group['missed'].max():.2f} % |"
        )
    return "\n".join(lines)


def every(rows: pd.DataFrame) -> str:
    """Return all settings as a table."""
    lines = [
        "| real | labels | generations | features per sample | noise | first model | fixed | schedule | gain |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r.real} | {r.labels} | {r.horizon} | {r.features_per_sample:g} | {r.noise:g} | {r.first} | "
        f"{r.fixed:.4g} | {r.schedule:.4g} | {100 * r.gain:.1f} % |"
        for r in rows.itertuples()
    ]
    return "\n".join(lines)


def draw(rows: pd.DataFrame) -> Figure:
    """Draw the gain of every setting, for each kind of real samples, labels, and number T of generations."""
    figure = Figure(figsize=(7.2, 3.8), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    groups = list(rows.groupby(["real", "horizon", "labels"]))
    colours = {"fitted": BLUE, "poor": VERMILLION}
    for place, (_, group) in enumerate(groups):
        for first, middle in (("fitted", place - 0.18), ("poor", place + 0.18)):
            gain = group.loc[group["first"] == first, "gain"]
            spread = middle + np.linspace(-0.1, 0.1, len(gain))
            axes.plot(spread, gain, MARKERS[first], color=colours[first], markersize=5, linestyle="none",
                      label=f"{first} first model" if place == 0 else None)  # fmt: skip
            axes.plot([middle - 0.14, middle + 0.14], [gain.median()] * 2, color=QUIET,
                      label="median" if (place, first) == (0, "poor") else None)  # fmt: skip
    finish(axes, x="real samples, number T of generations, and labels", y="gain of the best schedule")
    names = [f"{real}\nT = {horizon}\n{labels}" for (real, horizon, labels), _ in groups]
    axes.set_xticks(range(len(groups)), labels=names)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    legend_above(axes, columns=3)
    return figure


def write_page(rows: pd.DataFrame, docs: Path) -> None:
    """Write the page and its picture."""
    description = "Gain of the best schedule of T generations over the best fixed share, by setting."
    picture = svg(draw(rows), name="adaptive-mixing", description=description)
    (docs / "images" / "adaptive-mixing.svg").write_text(picture + "\n", encoding="utf-8")
    reading = READING.format(
        features=", ".join(f"{value:g}" for value in FEATURES_PER_SAMPLE),
        noise=" or ".join(f"{value:g}" for value in NOISE),
        starts=RANDOM_STARTS,
    )
    parts = [HEAD, headline(rows), f"\n![{description}](images/adaptive-mixing.svg)", reading, summary(rows),
             "\n## All settings\n", every(rows)]  # fmt: skip
    (docs / "adaptive-mixing.md").write_text("\n".join(parts) + "\n", encoding="utf-8")


def main() -> int:
    """Measure the grid and write the page."""
    write_page(measure(settings()), DOCS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
