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

LIMITS = (
    "What the small scale does not show: Charton's models, larger and trained for far longer with operands up to a "
    "million, master at most 38 of the outcomes 1 to 100 with even operands, products of divisors of the base too, and "
    "91 with operands and outcomes that are log-uniform; of outcomes that more than the last digit tells, such as 8, 9 "
    "or 25, none is learned here. Answers of a model that has learned all that its student can learn teach as well "
    "as real examples: that skills are lost from generation to "
    "generation is not seen in two generations at temperature 1. One cut, one base, one size of model and one "
    "learning rate were tried."
)


def run(data: Path | None, work: Path) -> str:
    """Train what is not trained yet, draw the picture, and return the section of the page; there are no data."""
    experiment: ArithmeticTraining = training_from_dict("arithmetic", {"preset": "small"})
    with Line() as line:
        result = train("arithmetic", experiment, out=work, resume=True, device="cpu", watch=line.show)
    _draw(result)
    return "\n\n".join(
        [
            _setting(experiment),
            "![Test error and mastered outcomes against training examples, and accuracy by outcome]"
            "(images/training-arithmetic.svg)",
            _table(result),
            _floor(result),
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


def _floor(result: TrainingResult) -> str:
    """Say what theory says of the cut, beside what was measured."""
    last = {point.setting["arm"]: point for point in _last(result)}
    cut, real = (last[name].values["test_error"] for name in ("cut", "real"))
    return (
        f"The mass of the outcomes above 5 is {rough_text(result.numbers['floor_cut'])}, and that of the Zipf law with "
        f"exponent 2 beyond rank 5 {rough_text(result.numbers['zipf_floor_cut'])}: no amount of cut examples leads "
        f"below it. The cut arm ends at {rough_text(cut)}. The real arm does not go to 0 either, but to "
        f"{rough_text(real)}: what it masters are divisors of the base, which the last digits of the operands tell."
    )


def _last(result: TrainingResult) -> list[TrainedPoint]:
    """Return the last point of each arm and generation."""
    return list({(point.setting["arm"], point.setting["generation"]): point for point in result.points}.values())
