"""Does the monitor warn when a run collapses, and hold its peace when it does not? Writes the evidence into its page.

`python -m studies.monitoring [--work FOLDER]` repeats the example run with several seeds, with data that turn into the
model's own text and with data that stay real, and lets the gauge look at real text over and over. Runs that are in the
folder are not run again.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from examples import monitor_trainer
from matplotlib.figure import Figure
from scipy import stats

from modelcollapse.figures.style import BLUE, FONT_SIZE, INK, QUIET, VERMILLION, finish
from modelcollapse.monitoring.gauge import Gauge
from modelcollapse.monitoring.reading import SIGNATURES, Reading
from modelcollapse.streams import stream
from studies.training import with_section

DOCS = Path(__file__).parent.parent / "docs"
PICTURE = "images/monitoring.svg"
SHOWN = {
    "entropy": "entropy of words, bits",
    "repeated_4_grams": "4-grams that are repeated",
    "lost_mass": "real text in words not written",
    "tail_loss": "loss of rarest tokens, nats",
}


@dataclass(frozen=True, kw_only=True)
class Arm:
    """Runs that differ in their seed only."""

    title: str
    steps: int
    real_steps: int
    n_runs: int


ARMS = {
    "real": Arm(title="real throughout", steps=600, real_steps=600, n_runs=6),
    "own": Arm(title="its own text from step 300 on", steps=600, real_steps=300, n_runs=6),
    "long": Arm(title="real throughout, four times as long", steps=2400, real_steps=2400, n_runs=2),
}
NULL_RUNS, NULL_LOOKS, NULL_SAMPLES, NULL_WORDS = 50, 20, 256, 17


def main() -> None:
    """Run what is missing, and write the section and its picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("training-runs/monitoring"), help="where runs are kept")
    work = parser.parse_args().work
    work.mkdir(parents=True, exist_ok=True)
    null = [_kept(work / f"null-{seed}.json", lambda seed=seed: look_at_real_text(seed)) for seed in range(NULL_RUNS)]
    runs = {
        name: [
            _kept(work / f"{name}-{seed}.json", lambda n=name, s=seed: train(n, s, work)) for seed in range(arm.n_runs)
        ]
        for name, arm in ARMS.items()
    }
    page = DOCS / "monitoring.md"
    page.write_text(with_section(page.read_text(), "evidence", section(null, runs)))
    draw(runs).savefig(DOCS / PICTURE)


def _kept(path: Path, run: object) -> list[Reading]:
    """Return the readings of a run, from its file if it is there."""
    if not path.exists():
        path.write_text(json.dumps([reading.to_dict() for reading in run()]))  # type: ignore[operator]
    return [Reading.from_dict(each) for each in json.loads(path.read_text())]


def train(name: str, seed: int, work: Path) -> list[Reading]:
    """Train one model with the monitor on it."""
    arm = ARMS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = work / f"{name}-{seed}"
        return monitor_trainer.run(folder, steps=arm.steps, real_steps=arm.real_steps, seed=seed).readings


def look_at_real_text(seed: int) -> list[Reading]:
    """Let a gauge look at paragraphs that are as real as those that it holds them against."""
    random = stream(seed, "real text as samples")
    paragraphs = [part for half in monitor_trainer.real_text() for part in half]
    order = random.permutation(len(paragraphs))
    reference, others = (" ".join(paragraphs[k] for k in order[half::2]).split() for half in range(2))
    gauge = Gauge([" ".join(reference)], n_samples=NULL_SAMPLES, n_tokens=NULL_SAMPLES * NULL_WORDS, seed=seed)
    for step in range(NULL_LOOKS):
        starts = random.integers(len(others) - NULL_WORDS, size=NULL_SAMPLES)
        gauge.look([" ".join(others[start : start + NULL_WORDS]) for start in starts], step=step)
    return gauge.readings


def section(null: Sequence[list[Reading]], runs: dict[str, Sequence[list[Reading]]]) -> str:
    """Return the evidence in Markdown."""
    lines = [
        "| what the model is trained on | runs | looks in a run | runs with a warning | "
        + " | ".join(f"`{name}`" for name in SIGNATURES)
        + " |",
        "|---|---|---|---|" + "---|" * len(SIGNATURES),
        _row("no model: real text in place of its samples", null, since=0),
        *(_row(arm.title, runs[name], since=arm.real_steps % arm.steps) for name, arm in ARMS.items()),
    ]
    before = [reading for run in runs["own"] for reading in run if reading.step <= ARMS["own"].real_steps]
    early = sum(bool(reading.warnings) for reading in before)
    final = [run[-1] for run in runs["real"]]
    narrow = sum(bool(reading.outside) for reading in final)
    clean = [*runs["real"], *runs["long"]]
    return "\n".join(
        [
            *lines,
            "",
            "Under each signature stands in how many runs it was warned of, and the median number of steps from the "
            f"change of the data to the first warning. Before the change, {early} of {len(before)} looks warned. At "
            f"the end of the runs on real text, {narrow} of {len(final)} models wrote text that is narrower than real "
            "text by some signature (`outside`).",
            "",
            f"What was seen leaves room for a rate of warned runs of up to {_room(null):.0%} in the {len(null)} runs "
            f"without a model, and of up to {_room(clean):.0%} in the {len(clean)} runs on real text (95 % limits).",
            "",
            f"![Four measures of the first run of two kinds, with the bands of real text]({PICTURE})",
        ]
    )


def _room(runs: Sequence[list[Reading]]) -> float:
    """Return the largest rate of runs with a warning at which as few as were seen are not rare, at 95 %."""
    warned = sum(any(reading.warnings for reading in run) for run in runs)
    return float(stats.beta.ppf(0.95, warned + 1, len(runs) - warned))


def _row(title: str, runs: Sequence[list[Reading]], *, since: int) -> str:
    """Return one kind of runs as a row of the table."""
    warned = sum(any(reading.warnings for reading in run) for run in runs)
    cells = [_cell([_first(run, name) for run in runs], since) for name in SIGNATURES]
    return f"| {title} | {len(runs)} | {len(runs[0])} | {warned} | {' | '.join(cells)} |"


def _cell(firsts: list[int | None], since: int) -> str:
    """Return how many runs warned, and when."""
    steps = [step - since for step in firsts if step is not None]
    when = f", after {median(steps):g}" if steps and since else ""
    return f"{len(steps)}{when}"


def _first(run: list[Reading], signature: str) -> int | None:
    """Return the step at which a signature was first warned of."""
    return next((reading.step for reading in run if signature in reading.warnings), None)


def draw(runs: dict[str, Sequence[list[Reading]]]) -> Figure:
    """Draw four measures of the first run of two kinds."""
    figure = Figure(figsize=(8.0, 5.2), layout="constrained", facecolor="white")
    for axes, (name, title) in zip(figure.subplots(2, 2, sharex=True).ravel(), SHOWN.items(), strict=True):
        for arm, colour in (("real", BLUE), ("own", VERMILLION)):
            seen = [reading for reading in runs[arm][0] if any(each.name == name for each in reading.measurements)]
            values = [reading.measurement(name) for reading in seen]
            axes.plot([r.step for r in seen], [each.value for each in values], color=colour, label=ARMS[arm].title)
            warned = [(r.step, v.value) for r, v in zip(seen, values, strict=True) if v.growth >= r.threshold]
            axes.plot(*np.array(warned).reshape(-1, 2).T, "o", color=colour, label="warned" if warned else None)
        if name != "tail_loss":
            axes.axhspan(*values[0].band, color=QUIET, alpha=0.25, linewidth=0, label="90 % of real samples")
        finish(axes, x="step", y=title)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper center", ncols=4, frameon=False, fontsize=FONT_SIZE - 1, labelcolor=INK
    )
    return figure


if __name__ == "__main__":
    main()
