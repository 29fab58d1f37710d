"""What can a model do? Its share of right answers to new pairs, by outcome, and its error under the natural law."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from transformers import GPT2LMHeadModel

from modelcollapse.checks import Array
from modelcollapse.problems.arithmetic_training import ArithmeticTraining
from modelcollapse.problems.training import Sampling
from modelcollapse.streams import stream
from modelcollapse.training.arithmetic import Notation, Whole, draw_operands, draw_outcomes, outcome_law
from modelcollapse.training.place import Place
from modelcollapse.training.writing import write

AT_ONCE = 4096
GREEDY = Sampling(top_k=1)


@dataclass(frozen=True, kw_only=True)
class Grade:
    """What a model can do.

    Attributes
    ----------
    test_error : float
        Probability that it is wrong about two numbers drawn evenly from 1 to the maximum.
    stderr : float
        Standard error of it, as far as it comes from the finite number of pairs; above 0 also where all answers are
        right or all wrong, by one right and one wrong answer more.
    accuracy : array, (n_graded,)
        Share of right answers where the outcome is 1, 2, ...
    """

    test_error: float
    stderr: float
    accuracy: Array


class Examination:
    """New pairs for each outcome, the same for all models of a replicate.

    The test error weighs each outcome by its exact probability under the natural law; those that are not looked at one
    by one are drawn by that law, and weighed together. Half of the pairs are shared out evenly among the outcomes, the
    others by that law, so that frequent outcomes are known as well as their weight asks for.

    Parameters
    ----------
    experiment : ArithmeticTraining
    replicate : int
    place : Place
    """

    def __init__(self, experiment: ArithmeticTraining, *, replicate: int, place: Place) -> None:
        self._place, self._n_graded = place, experiment.n_graded
        self._notation = notation_of(experiment)
        natural = outcome_law("natural", maximum=experiment.maximum, largest=experiment.maximum)
        rest = natural.copy()
        rest[: self._n_graded] = 0.0
        self._mass = np.append(natural[: self._n_graded], rest.sum())
        self._asked = experiment.n_pairs + np.floor(self._mass * experiment.n_pairs * self._n_graded).astype(int)
        random = stream(experiment.seed, "examination", replicate)
        outcomes = np.repeat(np.arange(1, self._n_graded + 1), self._asked[:-1])
        if rest.any():
            outcomes = np.append(outcomes, draw_outcomes(rest.cumsum(), int(self._asked[-1]), random=random))
        operands = draw_operands(outcomes, maximum=experiment.maximum, random=random)
        self._outcomes, self._examples = outcomes, self._notation.write(*operands, outcomes)

    def grade(self, model: GPT2LMHeadModel) -> Grade:
        """Grade a model, which always gives its likeliest digits."""
        answers = answered(model, self._examples, notation=self._notation, sampling=GREEDY,
                           random=np.random.default_rng(0), place=self._place)  # fmt: skip
        right = self._notation.read(answers) == self._outcomes
        group = np.minimum(self._outcomes, self._n_graded + 1) - 1
        n_right = np.bincount(group, weights=right, minlength=self._n_graded + 1)
        share, careful = n_right / self._asked, (n_right + 1) / (self._asked + 2)
        variance = self._mass**2 * careful * (1 - careful) / self._asked
        error = float(self._mass @ (1.0 - share))
        return Grade(test_error=error, stderr=math.sqrt(variance.sum()), accuracy=share[:-1])


def notation_of(experiment: ArithmeticTraining) -> Notation:
    """Return how the examples of an experiment are written."""
    return Notation(base=experiment.base, n_digits=experiment.n_digits)


def answered(
    model: GPT2LMHeadModel,
    examples: Whole,
    *,
    notation: Notation,
    sampling: Sampling,
    random: np.random.Generator,
    place: Place,
) -> Whole:
    """Return examples with the outcomes that a model writes in place of their own."""
    pieces = [
        write(
            model,
            examples[start : start + AT_ONCE, : notation.n_given],
            n_new=notation.n_digits,
            sampling=sampling,
            random=random,
            place=place,
        )
        for start in range(0, len(examples), AT_ONCE)
    ]
    return np.concatenate(pieces)
