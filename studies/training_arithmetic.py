"""Which skills are un-learned? Small transformers that learn greatest common divisors, with rare ones and without."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from modelcollapse.cli._progress import Line
from modelcollapse.digits import number_text, rough_text
from modelcollapse.experiments.arithmetic_findings import ranges_text
from modelcollapse.experiments.kinds import train
from modelcollapse.figures.arithmetic_training import (
    DESCRIPTION,
    arithmetic_training_data,
    draw_arithmetic_training,
)
from modelcollapse.figures.inline import svg
from modelcollapse.problems.arithmetic_training import MASTERED, ArithmeticTraining
from modelcollapse.problems.training_files import training_from_dict
from modelcollapse.result import TrainedPoint, TrainingResult

IMAGES = Path(__file__).parent.parent / "docs" / "images"

ARMS = ("cut", "real")
"""Whose test errors stand beside the mass that is cut."""

LIMITS = (
    "What the small scale does not show: Charton's models, larger and trained for far longer with operands up to a "
    "million, master up to 38 of the outcomes 1 to 100 with even operands, and 91 with operands and outcomes that are "
    "log-uniform, as the abstract of his paper says. Two generations of answers at temperature 1 are few to "
    "lose skills in, and the teacher has learned for as long as its student. Curves are held against the root of the "
    "examples, which is what endless skills would give: an arm that ends flat where the real arm ends has lost what "
    "this model cannot learn, not what its data lack. One cut, one base, one size of model and one learning rate were "
    "tried."
)


def run(data: Path | None, work: Path) -> str:
    """Train what is not trained yet, draw the picture, and return the section of the page; there are no data."""
    experiment: ArithmeticTraining = training_from_dict("arithmetic", {"preset": "small", "n_replicates": 6})
    with Line() as line:
        result = train("arithmetic", experiment, out=work, resume=True, device="cpu", watch=line.show)
    _draw(result)
    return "\n\n".join(
        [
            _setting(experiment),
            "![Test error and mastered outcomes against training examples, and accuracy by outcome]"
            "(images/training-arithmetic.svg)",
            _table(result),
            _floor(result, base=experiment.base),
            "What the command itself says:",
            "\n".join(f"- {sentence}" for sentence in result.findings),
            LIMITS,
        ]
    )


def _draw(result: TrainingResult) -> None:
    IMAGES.mkdir(exist_ok=True)
    figure = draw_arithmetic_training(arithmetic_training_data(result))
    content = svg(figure, name="training-arithmetic", description=DESCRIPTION)
    (IMAGES / "training-arithmetic.svg").write_text(content + "\n", encoding="utf-8")


def _setting(experiment: ArithmeticTraining) -> str:
    """Say what was trained, and by which command."""
    model, plan = experiment.model, experiment.optimisation
    return (
        "By `python -m studies.training arithmetic`, the preset `small` on the CPU, float32: operands up to "
        f"{experiment.maximum:,} in base {experiment.base}, {model.n_layers} layers, {model.n_heads} heads, width "
        f"{model.width}, {plan.n_steps:,} steps of {plan.batch_size} examples that are never repeated. Cut arms have "
        "no outcome above 5; real examples are mixed in as 2 % from the start (mixed-early), 10 % from the middle on "
        "(mixed-late), or are all there is up to the middle (real-then-cut). Means of "
        f"{experiment.n_replicates} replicates ± standard error; the test error is the share of wrong answers about "
        "two numbers drawn evenly."
    )


def _table(result: TrainingResult) -> str:
    """Return what every arm can do in the end."""
    lines = ["| arm | generation | test error | mastered of 1 to 100 | which |", "|---|---|---|---|---|"]
    for point in _last(result):
        mastered = np.flatnonzero(np.array(point.values["accuracy"]) >= MASTERED) + 1
        numbers = [number_text(point.values[name], point.stderr[name]) for name in ("test_error", "skills")]
        place = [str(point.setting["arm"]), str(point.setting["generation"])]
        lines.append(f"| {' | '.join([*place, *numbers, ranges_text(mastered.tolist())])} |")
    return "\n".join(lines)


def _floor(result: TrainingResult, *, base: int) -> str:
    """Say what theory says of the cut, beside what was measured."""
    last = {point.setting["arm"]: point for point in _last(result)}
    cut, real = (number_text(last[name].values["test_error"], last[name].stderr["test_error"]) for name in ARMS)
    mastered = np.flatnonzero(np.array(last["real"].values["accuracy"]) >= MASTERED) + 1
    n_divisors = int((base % mastered == 0).sum())
    return (
        f"The mass of the outcomes above 5 is {rough_text(result.numbers['floor_cut'])}, and that of the Zipf law with "
        f"exponent 2 beyond rank 5 {rough_text(result.numbers['zipf_floor_cut'])}: no amount of cut examples leads "
        f"below it. The cut arm ends at {cut}, the real arm at {real}: {n_divisors} of the {len(mastered)} outcomes "
        "that it masters are divisors of the base, which the last digits of the operands tell."
    )


def _last(result: TrainingResult) -> list[TrainedPoint]:
    """Return the last point of each arm and generation."""
    return list({(point.setting["arm"], point.setting["generation"]): point for point in result.points}.values())
