"""What has become of the skills of an arm? Mastered and un-learned outcomes, lost scaling, grokking, and its lag."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array
from modelcollapse.decisions.curve_bends import Curve, Lag, flat_end, flat_middle, lag
from modelcollapse.decisions.phenomena import HALF_A_DECADE, LOST
from modelcollapse.digits import amount_text, number_text, rough_text
from modelcollapse.experiments.replicates import stderr_of
from modelcollapse.problems.arithmetic_training import MASTERED, REAL
from modelcollapse.result import TrainedPoint
from modelcollapse.theory.tails import clean_error

LEARNING = 2
"""Outcomes that are mastered from where on curves are judged: the first is what is answered without reading."""
SURE = 2.0
"""Standard errors by which an arm is behind another when it is said to be."""
FEWEST_POINTS = 4
"""Measured points from which on a curve is judged."""
ZIPF_EXPONENT = 2.0
"""Of the natural law of outcomes."""
NO_LAW = "Curves are not held against a power law: real outcomes do not have the natural one."


@dataclass(frozen=True, kw_only=True)
class Arm:
    """What the models of an arm and generation can do along their training.

    Attributes
    ----------
    name : str
    generation : int
    errors : array, (n_replicates, n_measured)
    grading_stderr : array, (n_replicates, n_measured)
        Of errors, as far as it comes from the number of pairs that models are graded on.
    accuracy : array, (n_replicates, n_measured, n_graded)
    """

    name: str
    generation: int
    errors: Array
    grading_stderr: Array
    accuracy: Array

    @property
    def words(self) -> str:
        """What sentences call it."""
        return self.name if self.generation < 2 else f"{self.name}, generation {self.generation}"

    @property
    def skills(self) -> Array:
        """How many outcomes are mastered, (n_replicates, n_measured)."""
        return np.asarray((self.accuracy >= MASTERED).sum(axis=2), dtype=np.float64)

    @property
    def error_stderr(self) -> Array:
        """Standard errors of mean errors, (n_measured,): at least those of grading; NaN of one replicate."""
        grading = np.sqrt((self.grading_stderr**2).sum(axis=0)) / len(self.errors)
        return np.asarray(np.maximum(stderr_of(self.errors), grading))

    def curve(self, n_samples: Sequence[int], part: slice) -> Curve:
        """Return errors at some measured points."""
        return Curve(
            sizes=np.array(n_samples[part], dtype=np.float64),
            errors=self.errors[:, part].mean(axis=0),
            stderr=self.error_stderr[part],
            freedom=len(self.errors) - 1.0,
        )


def curve_points(arms: Sequence[Arm], *, steps: Sequence[int], n_samples: Sequence[int]) -> tuple[TrainedPoint, ...]:
    """Return a point for each arm, generation and measured step."""
    found = []
    for arm in arms:
        measured = {"test_error": arm.errors, "skills": arm.skills, "accuracy": arm.accuracy}
        for at, step in enumerate(steps):
            place = {"arm": arm.name, "generation": arm.generation, "step": step, "n_samples": n_samples[at]}
            values = {name: each[:, at].mean(axis=0).tolist() for name, each in measured.items()}
            stderr = {name: stderr_of(each[:, at]).tolist() for name, each in measured.items()}
            stderr["test_error"] = float(arm.error_stderr[at])
            found.append(TrainedPoint(setting=place, values=values, stderr=stderr, n_replicates=len(arm.errors)))
    return tuple(found)


def findings(arms: Sequence[Arm], *, n_samples: Sequence[int], natural: bool) -> tuple[str, ...]:
    """Say what each arm masters, what it un-learns beside real examples, and where its curve leaves the Zipf law.

    Curves are judged from the point on at which the real arm masters its second outcome; before, networks do not learn.
    They are held against the error of the Zipf law with exponent 2, the natural one, of which every item is learned as
    soon as it is seen: what is flat falls with less than half of its power, 1/2. What is said of curves is sure as in
    `modelcollapse.decisions.phenomena`, over all curves together; it takes replicates.

    Parameters
    ----------
    arms : sequence of Arm
        That of real examples first.
    n_samples : sequence of int
        Examples at each measured point.
    natural : bool
        Whether real outcomes have the natural law; else no power of the error is predicted, and curves are not judged
        by one.
    """
    real, *_ = arms
    said: list[str] = []
    for arm in arms:
        said += [mastered_sentence(arm)] if arm is real else [mastered_sentence(arm), unlearned_sentence(arm, real)]
        said += _curve_sentences(arm, real, n_samples=n_samples, n_tests=len(arms) if natural else 0)
    return (*said, *([] if natural else [NO_LAW]))


def mastered_sentence(arm: Arm) -> str:
    """Say which outcomes an arm masters in the end: on average over replicates."""
    mastered = np.flatnonzero(arm.accuracy[:, -1].mean(axis=0) >= MASTERED) + 1
    error = number_text(float(arm.errors[:, -1].mean()), float(arm.error_stderr[-1]))
    skills = f"{len(mastered)} of the outcomes 1 to {arm.accuracy.shape[2]} are mastered in the end"
    listed = f": {ranges_text(mastered.tolist())}" if len(mastered) else ""
    return f"{arm.words}: {skills}{listed}; test error {error}."


def unlearned_sentence(arm: Arm, real: Arm) -> str:
    """Say which outcomes are un-learned: beside real examples, and on the way."""
    beside, on_the_way = unlearned(arm, real)
    said = [
        f"{int(lost.sum())} that {whose}, {ranges_text((np.flatnonzero(lost) + 1).tolist())}"
        for lost, whose in ((beside, f"the {REAL} arm masters"), (on_the_way, "it had mastered itself"))
        if lost.any()
    ]
    if not said:
        return f"{arm.words}: no un-learned skills."
    return f"{arm.words}: un-learned skills: {'; '.join(said)}."


def unlearned(arm: Arm, real: Arm) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which outcomes an arm answers wrongly more often than not in the end, in every replicate.

    Returns
    -------
    beside, on_the_way : bool array, (n_graded,)
        Those that the real arm masters in the end, and those that the arm had mastered before, in every replicate.
    """
    lost = np.all(arm.accuracy[:, -1] < LOST, axis=0)
    known = np.all(real.accuracy[:, -1] >= MASTERED, axis=0)
    before = np.all(np.any(arm.accuracy >= MASTERED, axis=1), axis=0)
    return np.asarray(lost & known), np.asarray(lost & before)


def first_learned(real: Arm) -> int:
    """Return the first point at which the real arm masters two outcomes, on average; the last where it never does."""
    enough = np.flatnonzero(real.skills.mean(axis=0) >= LEARNING)
    return int(enough[0]) if len(enough) else real.errors.shape[1] - 1


def _curve_sentences(arm: Arm, real: Arm, *, n_samples: Sequence[int], n_tests: int) -> list[str]:
    """Say how a curve bends, as one of so many that are tested, 0 for not at all, and how far an arm is behind."""
    if len(arm.errors) < 2:
        return [f"{arm.words}: its curve cannot be judged with one replicate."]
    part = slice(first_learned(real), None)
    curve, clean = arm.curve(n_samples, part), real.curve(n_samples, part)
    if len(curve.sizes) < FEWEST_POINTS or not (curve.errors > 0).all():
        return [f"{arm.words}: its curve cannot be judged: too little is learned, or an error is 0."]
    said = _bend_sentences(arm, curve, n_tests=n_tests) if n_tests else []
    if arm is not real:
        said += _lag_sentences(arm, lag(curve, clean, len(curve.sizes) - 1))
    return said


def _bend_sentences(arm: Arm, curve: Curve, *, n_tests: int) -> list[str]:
    """Say whether scaling is lost, and whether learning starts again after a plateau, beside the Zipf law."""
    errors = clean_error(curve.sizes, exponent=ZIPF_EXPONENT)
    law = Curve(sizes=curve.sizes, errors=errors, stderr=np.zeros_like(curve.sizes))
    said = []
    if (flat := flat_end(curve, law, n_tests=n_tests)) is not None:
        start = amount_text(curve.sizes[flat.start])
        said.append(
            f"{arm.words}: loss of scaling from {start} examples on: the error stays near "
            f"{rough_text(curve.errors[flat.start :].mean())}, where it would fall as the root of the examples."
        )
    if (middle := flat_middle(curve, law, least=HALF_A_DECADE, n_tests=n_tests)) is not None:
        start, stop = (amount_text(curve.sizes[place]) for place in (middle.start, middle.end))
        said.append(
            f"{arm.words}: grokking: after a plateau from {start} to {stop} examples, at an error of "
            f"{rough_text(curve.errors[middle.end])}, learning starts again, down to {rough_text(curve.errors[-1])}."
        )
    if not said:
        said.append(f"{arm.words}: neither loss of scaling nor grokking is sure with {len(arm.errors)} replicates.")
    return said


def _lag_sentences(arm: Arm, behind: Lag) -> list[str]:
    """Say with how many of its examples the real arm had the same error, where it was seen there."""
    if not behind.inside or math.log(behind.factor) + SURE * behind.log_stderr >= 0:
        return []
    factor = rough_text(behind.factor, 2)
    return [f"{arm.words}: in the end its error is that of the {REAL} arm with {factor} times as many examples."]


def ranges_text(numbers: Sequence[int]) -> str:
    """Return numbers with runs of three or more drawn together.

    Examples
    --------
    >>> ranges_text([1, 2, 3, 4, 6, 10, 11])
    '1 to 4, 6, 10, 11'
    """
    runs = [[number for _, number in run] for _, run in groupby(enumerate(numbers), lambda item: item[1] - item[0])]
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)
