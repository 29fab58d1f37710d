"""What happens to language models trained on what language models wrote? Recursions, and students on mixtures."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import TYPE_CHECKING, Any

from modelcollapse import __version__
from modelcollapse.digits import share_text
from modelcollapse.errors import InputError
from modelcollapse.experiments.run_folder import RunFolder
from modelcollapse.experiments.text_audits import audits
from modelcollapse.experiments.text_data import FEWEST_JUDGED, RealText, documents_needed, real_text
from modelcollapse.experiments.text_findings import Measured, Setting, findings, summarised
from modelcollapse.experiments.text_measures import deviation, written_measures
from modelcollapse.experiments.text_models import Judge, Models
from modelcollapse.experiments.text_pools import (
    Documents,
    in_documents,
    n_documents,
    pool_of,
    pooled,
    student_documents,
)
from modelcollapse.problems.text_training import Arm, TextTraining
from modelcollapse.problems.training import Transformer
from modelcollapse.result import Status, TrainedPoint, TrainingResult
from modelcollapse.streams import stream
from modelcollapse.training.place import Place

if TYPE_CHECKING:
    from modelcollapse.experiments.kinds import Watch

SHOWN = (
    "validation_loss",
    "tail_loss",
    "entropy",
    "distinct_words",
)


def run(experiment: TextTraining, *, folder: RunFolder, place: Place, watch: Watch) -> TrainingResult:
    """Train all models of a text experiment, and return what was measured on them and on what they wrote.

    Parameters
    ----------
    experiment : TextTraining
    folder : RunFolder
        What is done already is read from it.
    place : Place
    watch : callable
        Told how far it is.

    Raises
    ------
    InputError
        When the text cannot be read, or is too short.
    """
    text = real_text(experiment)
    models = Models(experiment, text, folder=folder, place=place, watch=watch, total=n_models(experiment))
    found: Measured = {}
    for replicate in range(experiment.n_replicates):
        one = _Replicate(models, replicate)
        for arm in experiment.arms:
            _add(found, one.recursion(arm))
        if experiment.mixtures is not None:
            _add(found, one.mixtures())
    sentences = findings(found)
    if experiment.arms:
        watch("auditing the last generations", share=1.0)
        sentences += audits(experiment, text, folder=folder)
    numbers = _of_real_text(experiment, text)
    return TrainingResult(
        world="text",
        points=tuple(_point(setting, values) for setting, values in found.items()),
        numbers={name: mean for name, (mean, _) in numbers.items()},
        stderr={name: stderr for name, (_, stderr) in numbers.items()},
        findings=sentences,
        status=Status.OK,
        engine="training",
        seed=experiment.seed,
        n_replicates=experiment.n_replicates,
        version=__version__,
        assumptions=_assumptions(experiment, text),
    )


def _of_real_text(experiment: TextTraining, text: RealText) -> dict[str, tuple[float, float]]:
    """Return what models would reach that lost nothing, with standard errors: the width of other real documents."""
    numbers = {} if text.entropy_rate is None else {"entropy_rate": (text.entropy_rate, 0.0)}
    if not experiment.arms:
        return numbers
    found = [
        written_measures(text.texts(text.ordered(experiment.seed, replicate)[: text.n_compared]), text.compared)
        for replicate in range(experiment.n_replicates)
    ]
    return numbers | {f"{name}_of_real_text": summarised([one[name] for one in found]) for name in found[0]}


def n_models(experiment: TextTraining) -> int:
    """Return how many models an experiment trains."""
    mixtures = experiment.mixtures
    students = (
        0 if mixtures is None else len(experiment.students) * len(mixtures.n_tokens) * len(mixtures.synthetic_fractions)
    )
    return experiment.n_replicates * (1 + sum(arm.workflow.generations for arm in experiment.arms) + students)


class _Replicate:
    """One replicate of an experiment: its real documents in their order, and generation 0 on the first of them."""

    def __init__(self, models: Models, replicate: int) -> None:
        self._models, self._replicate = models, replicate
        self._experiment: TextTraining = models.experiment
        self._text: RealText = models.text
        self._real = self._text.ordered(self._experiment.seed, replicate)
        self._generation_0 = f"{replicate}/generation-0"
        first = self._real[: n_documents(self._experiment.n_real, learned=self._text.learned)]
        order = stream(self._experiment.seed, "prompts", replicate).permutation(len(first))
        self._prompts = first[:, : self._experiment.n_prompt][order]
        pool = pooled(first, [])
        names = ("generation", replicate, 0)
        self._values = models.trained(self._generation_0, pool, size=self._experiment.model, names=names)

    def recursion(self, arm: Arm) -> dict[Setting, dict[str, Any]]:
        """Return what was measured on each generation of an arm."""
        seed, replicate, models = self._experiment.seed, self._replicate, self._models
        workflow = in_documents(arm.workflow, learned=self._text.learned)
        judge = self._judge(arm)
        tasks = [self._generation_0]
        found = [dict(self._values)]
        written: list[Documents] = []
        for generation in range(workflow.generations + 1):
            if generation:
                random = stream(seed, "pool", replicate, generation)
                pool = pool_of(workflow, generation, real=self._real, written=written, random=random)
                if judge is not None:
                    pool = judge.drawn(pool, random=random)
                tasks.append(f"{replicate}/{arm.name}/generation-{generation}")
                names = ("generation", replicate, generation)
                found.append(dict(models.trained(tasks[-1], pool, size=self._experiment.model, names=names)))
            documents, wide = models.written(
                f"{replicate}/{arm.name}/written-by-{generation}",
                by=tasks[-1],
                prompts=self._prompts,
                n=workflow.n_samples,
                names=("written", replicate, generation),
                judge=judge,
            )
            written.append(documents)
            found[-1] |= wide
        for reference in (0, 1):
            laws = models.laws(tasks[reference])
            for values, task in zip(found[reference:], tasks[reference:], strict=True):
                values[f"deviation_from_{reference}"] = deviation(models.laws(task), laws)
        return {(("workflow", arm.name), ("generation", t)): values for t, values in enumerate(found)}

    def _judge(self, arm: Arm) -> Judge | None:
        if arm.curation is None:
            return None
        spare = self._real[documents_needed(self._experiment, learned=self._text.learned) :]
        if arm.curation.kind != "perplexity" and len(spare) < FEWEST_JUDGED:
            raise InputError(
                f"too little real text: judges learn from documents that no model is trained on; {len(spare)} are "
                f"left, and it takes {FEWEST_JUDGED}. Give more text, or lower `n_real`."
            )
        return self._models.judge(arm.curation, replicate=self._replicate, generation_0=self._generation_0, spare=spare)

    def mixtures(self) -> dict[Setting, dict[str, Any]]:
        """Return what was measured on each student."""
        mixtures = self._experiment.mixtures
        assert mixtures is not None
        settings = product(mixtures.n_tokens, mixtures.synthetic_fractions)
        n_most = max(student_documents(*setting, learned=self._text.learned)[1] for setting in settings)
        written, _ = self._models.written(
            f"{self._replicate}/written-for-students",
            by=self._generation_0,
            prompts=self._prompts,
            n=max(n_most, 1),
            names=("written for students", self._replicate),
        )
        found: dict[Setting, dict[str, Any]] = {}
        for size in self._experiment.students:
            for n_tokens in mixtures.n_tokens:
                for fraction in mixtures.synthetic_fractions:
                    setting = (
                        ("student", called(size)),
                        ("n_tokens", n_tokens),
                        ("synthetic_fraction", fraction),
                    )
                    found[setting] = self._student(size, n_tokens, fraction, written)
        return found

    def _student(self, size: Transformer, n_tokens: int, fraction: float, written: Documents) -> dict[str, Any]:
        n_real, n_written = student_documents(n_tokens, fraction, learned=self._text.learned)
        pool = pooled(self._real[:n_real], [written[:n_written]])
        task = f"{self._replicate}/students/{called(size)}-{n_tokens}-{fraction:g}"
        names = ("student", self._replicate, called(size))
        values = dict(self._models.trained(task, pool, size=size, names=names, writes=False))
        values["deviation_from_0"] = deviation(self._models.laws(task), self._models.laws(self._generation_0))
        return values


def called(size: Transformer) -> str:
    """Return a short name of a model's size.

    Examples
    --------
    >>> called(Transformer(n_layers=2, n_heads=4, width=128, context=64))
    '2x128'
    """
    return f"{size.n_layers}x{size.width}"


def _add(found: Measured, more: Mapping[Setting, dict[str, Any]]) -> None:
    """Add what one replicate has measured."""
    for setting, values in more.items():
        found.setdefault(setting, []).append(values)


def _point(setting: Setting, replicates: list[dict[str, Any]]) -> TrainedPoint:
    """Return means over replicates, with standard errors."""
    summary = {name: summarised([one[name] for one in replicates]) for name in replicates[0]}
    return TrainedPoint(
        setting=dict(setting),
        values={name: mean for name, (mean, _) in summary.items()},
        stderr={name: stderr for name, (_, stderr) in summary.items()},
        n_replicates=len(replicates),
    )


def _assumptions(experiment: TextTraining, text: RealText) -> tuple[str, ...]:
    """Say what the numbers rest on."""
    steps = (
        f"every model is trained from scratch for {experiment.optimisation.n_steps:,} steps, however much data it has"
    )
    given = f"the first {experiment.n_prompt} tokens" if experiment.n_prompt > 1 else "the first token"
    started = f"a model continues {given} of real documents that generation 0 was trained on"
    errors = "standard errors are over replicates: the held-out text is the same for all"
    shared = n_documents(experiment.n_real, learned=text.learned) / len(text.training)
    if experiment.n_replicates > 1 and text.n_parts == 1:
        errors += (
            f", and of the documents that generation 0 learns, two replicates share {share_text(shared)} on average, "
            "which makes standard errors too small"
        )
    return (steps, started, errors)
