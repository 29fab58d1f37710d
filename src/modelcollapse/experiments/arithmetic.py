"""What becomes of skills? Transformers learn greatest common divisors from real, cut and written examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from modelcollapse import __version__
from modelcollapse.checks import Array
from modelcollapse.experiments.arithmetic_findings import ZIPF_EXPONENT, Arm, curve_points, findings
from modelcollapse.experiments.arithmetic_grades import Examination, answered, notation_of
from modelcollapse.experiments.kinds import Watch
from modelcollapse.experiments.progress import told
from modelcollapse.experiments.run_folder import RunFolder
from modelcollapse.problems.arithmetic_training import REAL, ArithmeticArm, ArithmeticTraining
from modelcollapse.problems.training import Sampling
from modelcollapse.result import Status, TrainingResult
from modelcollapse.streams import stream
from modelcollapse.theory.tails import tail_mass
from modelcollapse.training.arithmetic import Whole, draw_examples, outcome_law
from modelcollapse.training.checkpoints import Checkpoints, read_weights
from modelcollapse.training.gpt import build_gpt
from modelcollapse.training.loop import train
from modelcollapse.training.next_token import NextToken
from modelcollapse.training.place import Place
from modelcollapse.training.recipes import adamw

SHOWN = ("test_error", "skills")

FIRST_MEASURED = 1 / 200
"""Share of the steps after which a model is graded first."""


def run(experiment: ArithmeticTraining, *, folder: RunFolder, place: Place, watch: Watch) -> TrainingResult:
    """Train the models of all arms, and say which skills they have on their way.

    Parameters
    ----------
    experiment : ArithmeticTraining
    folder : RunFolder
    place : Place
    watch : callable

    Returns
    -------
    TrainingResult
        A point for each arm, generation and measured step; ``test_error``: the probability of being wrong about two
        numbers drawn evenly from 1 to the maximum; ``skills``: how many of the graded outcomes are mastered;
        ``accuracy``: the share of right answers for each of them. ``numbers``: of each arm with cut outcomes,
        ``floor_<arm>``, the mass of the natural law that is cut, and ``zipf_floor_<arm>``, that of endless items of the
        Zipf law with exponent 2.

    References
    ----------
    Charton (2023), arXiv 2308.15594: the task. Dohmatob, Feng, Yang, Charton and Kempe (2024), arXiv 2402.07043: cut
    and synthetic outcomes.
    """
    planned = [
        _Model(experiment, arm, generation, replicate)
        for replicate in range(experiment.n_replicates)
        for arm in (None, *experiment.arms)
        for generation in ([0] if arm is None else range(1, arm.generations + 1))
    ]
    outcomes = {
        model.task: _trained(model, folder=folder, place=place, watch=watch, done=done, total=len(planned))
        for done, model in enumerate(planned)
    }
    arms = _collected(planned, outcomes)
    steps = measured_steps(experiment)
    n_samples = tuple(experiment.optimisation.batch_size * step for step in steps)
    floors = _floors(experiment)
    return TrainingResult(
        world="arithmetic",
        points=curve_points(arms, steps=steps, n_samples=n_samples),
        numbers=floors,
        stderr=dict.fromkeys(floors, 0.0),
        findings=findings(arms, n_samples=n_samples, natural=experiment.outcomes == "natural"),
        status=Status.OK,
        engine="training",
        seed=experiment.seed,
        n_replicates=experiment.n_replicates,
        version=__version__,
        assumptions=(
            "curves run along one training each, with its learning rate: not a training for each amount of data",
            "standard errors are over first weights and examples; arms of a replicate share weights and real examples",
        ),
    )


def measured_steps(experiment: ArithmeticTraining) -> tuple[int, ...]:
    """Return after how many steps models are graded."""
    last = experiment.optimisation.n_steps
    steps = np.geomspace(max(FIRST_MEASURED * last, 1), last, experiment.n_measured).round().astype(int)
    return tuple(np.unique(steps).tolist())


@dataclass(frozen=True)
class _Model:
    """One model to be trained; without an arm, that of real examples."""

    experiment: ArithmeticTraining
    arm: ArithmeticArm | None
    generation: int
    replicate: int

    @property
    def name(self) -> str:
        return REAL if self.arm is None else self.arm.name

    @property
    def task(self) -> str:
        return f"{self.name}/{self.replicate}/generation-{self.generation}"

    @property
    def teacher(self) -> _Model | None:
        """The model whose answers are learned."""
        if self.arm is None or self.arm.synthetic != "answers":
            return None
        arm = self.arm if self.generation > 1 else None
        return _Model(self.experiment, arm, self.generation - 1, self.replicate)


def _trained(model: _Model, *, folder: RunFolder, place: Place, watch: Watch, done: int, total: int) -> dict[str, Any]:
    """Train and grade a model, unless that is done already; return its grades along the way."""
    kept = folder.outcome(model.task)
    if kept is not None:
        return kept
    experiment, replicate = model.experiment, model.replicate
    examination = Examination(experiment, replicate=replicate, place=place)
    steps = measured_steps(experiment)
    network = _untrained(model, place=place)

    def grade(step: int) -> None:
        """Keep a grade as soon as it is there: checkpoints know nothing of it."""
        task = f"{model.task}/step-{step}"
        if step in steps and folder.outcome(task) is None:
            found = examination.grade(network)
            folder.finish(task, {"test_error": found.test_error, "stderr": found.stderr, "accuracy": found.accuracy})

    words = f"{model.name}, generation {model.generation}, replicate {replicate + 1}"
    notation, size = notation_of(experiment), experiment.optimisation.batch_size
    train(
        network,
        NextToken(
            _Lessons(model, answers=_answers(model, folder=folder, place=place)),
            shape=(size, notation.length),
            place=place,
            n_given=notation.n_given,
            dropout_seed=_dropout_seed(model),
        ),
        recipe=adamw(experiment.optimisation),
        place=place,
        checkpoints=_checkpoints(model, folder=folder, place=place),
        report=told(watch, words, done=done, total=total),
        after_step=grade,
    )
    grades = [folder.outcome(f"{model.task}/step-{step}") or {} for step in steps]
    curve = {name: [each[name] for each in grades] for name in ("test_error", "stderr", "accuracy")}
    return folder.finish(model.task, curve, weights=network.state_dict())


def _dropout_seed(model: _Model) -> int | None:
    """Return the seed of a model's masks, its own; None without dropout."""
    names = "dropout", model.name, model.replicate, model.generation
    return int(stream(model.experiment.seed, *names).integers(2**31)) if model.experiment.model.dropout else None


def _checkpoints(model: _Model, *, folder: RunFolder, place: Place) -> Checkpoints:
    """Return the checkpoints of a model; dropped where a grade of a step before them is gone, which takes all steps."""
    checkpoints = folder.checkpoints(model.task)
    found = checkpoints.latest()
    graded = [] if found is None else [step for step in measured_steps(model.experiment) if step <= found[0]]
    grades = [folder.outcome(f"{model.task}/step-{step}") for step in graded]
    place.wait()  # all have read them
    if None in grades and place.is_main:
        checkpoints.remove()
    place.wait()
    return checkpoints


def _untrained(model: _Model, *, place: Place) -> Any:
    """Return a network with the first weights of its replicate."""
    experiment = model.experiment
    random = stream(experiment.seed, "weights", model.replicate)
    network = build_gpt(experiment.model, n_tokens=notation_of(experiment).n_tokens, random=random)
    return network.to(place.device)


def _answers(model: _Model, *, folder: RunFolder, place: Place) -> Whole | None:
    """Return the examples that a model's teacher has answered; written once, and kept."""
    teacher = model.teacher
    if teacher is None or model.arm is None:
        return None
    task = f"{model.task}/answers"
    if folder.outcome(task) is None:
        experiment, notation = model.experiment, notation_of(model.experiment)
        network = _untrained(teacher, place=place)
        network.load_state_dict(read_weights(folder.weights_file(teacher.task)))
        random = stream(experiment.seed, "answers", model.name, model.replicate, model.generation)
        law = _cumulated_law(experiment)
        asked = draw_examples(notation, law, experiment.n_answers, maximum=experiment.maximum, random=random)
        sampling = Sampling(temperature=model.arm.temperature or 1.0)
        written = answered(network, asked, notation=notation, sampling=sampling, random=random, place=place)
        wrong = float((written != asked).any(axis=1).mean())
        folder.finish(task, {"wrong": wrong}, arrays={"examples": written.astype(np.int32)})
    return np.asarray(folder.arrays(task)["examples"], dtype=np.int64)


class _Lessons:
    """What a model learns from in each step."""

    def __init__(self, model: _Model, *, answers: Whole | None) -> None:
        self._model, self._answers, self._notation = model, answers, notation_of(model.experiment)
        self._law = _cumulated_law(model.experiment)

    def __call__(self, step: int) -> Whole:
        """Return the examples of a step, (batch_size, length)."""
        model, experiment = self._model, self._model.experiment
        size = experiment.optimisation.batch_size
        real = self._drawn(self._law, stream(experiment.seed, "real", model.replicate, step))
        if model.arm is None:
            return real
        random = stream(experiment.seed, "synthetic", model.replicate, model.generation, step)
        if self._answers is None:
            synthetic = self._drawn(self._law[: model.arm.largest], random)
        else:
            synthetic = self._answers[random.integers(len(self._answers), size=size)]
        is_real = random.random(size) < model.arm.real_fraction(step)
        return np.where(is_real[:, None], real, synthetic)

    def _drawn(self, law: Array, random: np.random.Generator) -> Whole:
        experiment = self._model.experiment
        size = experiment.optimisation.batch_size
        return draw_examples(self._notation, law, size, maximum=experiment.maximum, random=random)


def _cumulated_law(experiment: ArithmeticTraining) -> Array:
    """Return the probabilities that the outcome of a real example is at most 1, 2, ..."""
    largest = experiment.largest_outcome or experiment.maximum
    return outcome_law(experiment.outcomes, maximum=experiment.maximum, largest=largest).cumsum()


def _collected(planned: list[_Model], outcomes: dict[str, dict[str, Any]]) -> list[Arm]:
    """Return errors and accuracies of each arm and generation, replicate by replicate, in the order of training."""
    first = [model for model in planned if model.replicate == 0]
    found = []
    for model in first:
        kept = [
            outcomes[each.task] for each in planned if (each.name, each.generation) == (model.name, model.generation)
        ]
        found.append(
            Arm(
                name=model.name,
                generation=model.generation,
                errors=np.array([each["test_error"] for each in kept]),
                grading_stderr=np.array([each["stderr"] for each in kept]),
                accuracy=np.array([each["accuracy"] for each in kept]),
            )
        )
    return found


def _floors(experiment: ArithmeticTraining) -> dict[str, float]:
    """Return the mass that arms with cut outcomes never see: exactly, and of the Zipf law."""
    natural = outcome_law("natural", maximum=experiment.maximum, largest=experiment.maximum)
    floors = {}
    for arm in experiment.arms:
        if arm.largest is not None and not any(phase.real_fraction for phase in arm.phases):
            floors[f"floor_{arm.name}"] = float(natural[arm.largest :].sum())
            floors[f"zipf_floor_{arm.name}"] = float(tail_mass(arm.largest, exponent=ZIPF_EXPONENT))
    return floors
