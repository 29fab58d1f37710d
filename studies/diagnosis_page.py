"""What does docs/diagnosis-evidence.md say? False alarms, power curves and intervals, made from the outcomes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, PercentFormatter
from scipy.stats import binomtest

from modelcollapse.decisions.diagnose import LEVEL, SIGNATURES
from modelcollapse.figures.inline import svg
from modelcollapse.figures.style import FONT_SIZE, INK, SERIES, finish
from studies.planted_runs import CLEAN, NOISE, PLANTS, Plant
from studies.words import mark

INTERVAL = 0.90
"""Of shares, and of the effects that a diagnosis tells."""
MARKERS = ("o", "s", "^", "D", "v", "P")
MEASURED = ("departure", "share")
"""Plants whose effect is the one that the signature of their name measures."""

HEAD = f"""# Evidence for the diagnosis of past runs

How often does [`modelcollapse diagnose`](past-runs.md) raise a false alarm, and what does it find? Written by

```console
$ python -m studies.diagnoses
```

from tables that are drawn, other ones than those that its constants were chosen with. Every outcome is a row of
[diagnoses.json](diagnoses.json); a study that was interrupted goes on from there, and one without that file starts
afresh. *Found*: the p-value, corrected for all signatures that were looked for, is at most {LEVEL:g}. Intervals of
shares are Clopper and Pearson's, {INTERVAL:.0%}.
"""


def write_page(rows: list[dict[str, Any]], docs: Path) -> None:
    """Write the page and its picture."""
    description = "Share of tables in which the planted signature is found, by its strength, for 16 and 48 runs."
    (docs / "images" / "diagnosis-power.svg").write_text(
        svg(draw(rows), name="diagnosis-power", description=description) + "\n", encoding="utf-8"
    )
    parts = [
        HEAD,
        "## False alarms\n",
        false_alarms(rows),
        "## What is found\n",
        f"The noise of the log loss has a standard deviation of {NOISE:.0%}. 16 runs and 48; 24 of the theories.\n",
        f"![{description}](images/diagnosis-power.svg)\n",
        power(rows),
        "## Intervals of the effect\n",
        coverage(rows),
    ]
    (docs / "diagnosis-evidence.md").write_text("\n".join(parts), encoding="utf-8")


def found(rows: Iterable[dict[str, Any]], signature: str) -> tuple[int, int]:
    """Return in how many tables a signature is found, or any of them, and in how many it was looked for."""
    looked = [row for row in rows if (row["p_value"] if signature == "any" else signature in row["p_value"])]
    if signature == "any":
        return sum(row["status"] == "signature" for row in looked), len(looked)
    return sum(row["p_value"][signature] <= LEVEL for row in looked), len(looked)


def _share(n_found: int, n: int) -> str:
    if not n:
        return "–"
    low, high = binomtest(n_found, n).proportion_ci(INTERVAL, method="exact")
    return f"{n_found} of {n}: {n_found / n:.1%} ({low:.1%} to {high:.1%})"


def _table(heads: list[str], body: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def false_alarms(rows: list[dict[str, Any]]) -> str:
    """Return the tables of false alarms, by kind of clean table and by signature."""
    clean = [row for row in rows if not row["runs"]]
    body = []
    for kind in CLEAN:
        of = [row for row in clean if row["table"] == kind.name]
        n_alarms, n_unsure = (sum(row["status"] == s for row in of) for s in ("signature", "not_enough_runs"))
        body.append([kind.name, kind.what, f"{n_alarms} of {len(of)}", str(n_unsure)])
    n_alarms = sum(row["status"] == "signature" for row in clean)
    body.append(["**all**", "", f"**{_share(n_alarms, len(clean))}**", ""])
    each = [
        [title.lower(), f"{mark(n_found <= LEVEL * max(n, 1))} {_share(n_found, n)}"]
        for name, (title, _) in SIGNATURES.items()
        for n_found, n in [found(clean, name)]
    ]
    return "\n".join(
        [
            "Tables of a clean law, of 12, 20 or 40 runs where nothing else is said, over 1 to 3 decades of data, with "
            "a noise of the log loss between 0.3 % and 3 %, and three fifths of the runs with synthetic data.\n",
            _table(["clean tables", "what they are", "any signature found", "not enough runs"], body),
            f"By signature, where it could be looked for; aim: at most {LEVEL:.0%}.\n",
            _table(["signature", "found"], each),
        ]
    )


def power(rows: list[dict[str, Any]]) -> str:
    """Return in how many tables each plant is found, by strength and number of runs."""
    lines = [f"- *{plant.name}* ({plant.signature}): {plant.what}." for plant in PLANTS]
    body = []
    for plant in PLANTS:
        for size in plant.sizes:
            of = [row for row in rows if row["table"] == plant.name and row["runs"] == size]
            cells = []
            for strength in plant.strengths:
                there = [row for row in of if row["strength"] == strength]
                n_any = sum(row["status"] == "signature" for row in there)
                cells.append(f"{strength:g}: {found(there, plant.signature)[0]}, {n_any} of {len(there)}")
            body.append([plant.name, str(size), *cells])
    heads = ["planted", "runs", "weakest", "weak", "strong", "strongest"]
    reading = "Strength: how often the signature is found, and any signature.\n"
    return "\n".join([*lines, "", reading, _table(heads, body)])


def coverage(rows: list[dict[str, Any]]) -> str:
    """Return how often the interval of the effect holds the planted one."""
    body = []
    for name in MEASURED:
        of = [row for row in rows if row["runs"] and row["table"] == name and name in row["effect"]]
        held = [low <= np.expm1(row["strength"]) <= high for row in of for _, low, high in [row["effect"][name]]]
        body.append([name, _share(int(sum(held)), len(held))])
    return (
        f"How often the {INTERVAL:.0%} interval of the effect holds the planted one, whether found or not.\n\n"
        + _table(["signature", "held"], body)
    )


def draw(rows: list[dict[str, Any]]) -> Figure:
    """Draw power against strength, for few runs and for many."""
    figure = Figure(figsize=(7.2, 3.6), layout="constrained", facecolor="white")
    panels = figure.subplots(1, 2, sharey=True)
    colours = (*SERIES, INK)
    drawn = [plant for plant in PLANTS if plant.signature != "any"]
    for axes, size in zip(panels, drawn[0].sizes, strict=True):
        for plant, colour, marker in zip(drawn, colours, MARKERS, strict=False):
            axes.plot(*_curve(rows, plant, size), color=colour, marker=marker, markersize=4.5, label=plant.name)
        axes.axhline(LEVEL, color=INK, linewidth=0.8, linestyle=":")
        finish(axes, x="planted excess", y="found" if axes is panels[0] else "")
        axes.set_xscale("log")
        axes.set_xticks([0.01, 0.02, 0.05, 0.1, 0.2])
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_title(f"{size} runs", fontsize=FONT_SIZE, loc="left", color=INK)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=6, frameon=False,
                  fontsize=FONT_SIZE - 1)  # fmt: skip
    return figure


def _curve(rows: list[dict[str, Any]], plant: Plant, size: int) -> tuple[list[float], list[float]]:
    """Return strengths, and how often the plant is found."""
    shares = []
    for strength in plant.strengths:
        there = [r for r in rows if (r["table"], r["runs"], r["strength"]) == (plant.name, size, strength)]
        shares.append(found(there, plant.signature)[0] / max(len(there), 1))
    return list(plant.strengths), shares
