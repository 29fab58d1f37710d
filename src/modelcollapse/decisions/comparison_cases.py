"""What must a comparison know about a problem? How it is doubled, where means exist, and the numbers of an answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelcollapse.checks import fail
from modelcollapse.decisions.agreement import ROUNDING, Number
from modelcollapse.decisions.unseen import PROBABILITIES, told_by_replicates, unseen_by_replicates, unseen_of_tails
from modelcollapse.errors import InputError
from modelcollapse.problems.classes import Classes
from modelcollapse.problems.doubling import doubled, doubled_classes, doubled_recursion
from modelcollapse.problems.gaussian import GaussianChain
from modelcollapse.problems.mixture import MAX_SAMPLES, Mixture
from modelcollapse.problems.recursion import Recursion
from modelcollapse.problems.schema import Chain, Problem
from modelcollapse.problems.tails import ZipfTask
from modelcollapse.result import PARTS, ChainResult, ClassesResult, GenerationsResult, Result, TailsResult
from modelcollapse.simulation import classes_engine, generations_engine, mixture
from modelcollapse.simulation import engine as simulation


@dataclass(frozen=True, kw_only=True)
class Case:
    """A problem as a comparison sees it; all that differs from one kind to another.

    Attributes
    ----------
    headline : str
        Name of the number that the verdict tells of.
    relative_stderr : float
        Standard error of each simulation, relative to what it watches, when nothing else is asked.
    replicates_per_unit : int
        Replicates that are not independent of each other.
    n_features : int
    margin : float
        How many samples the problem is from the interpolation threshold; doubling doubles it. Infinite with a ridge.
    largest : mapping of str to (int, int)
        What doubling doubles, and the most of it that can be simulated.
    doubled : callable
        From a problem to one of twice the size, of which theory says the same.
    check : callable
        Refuses a problem that the simulation cannot hold for another reason than those in `largest`.
    numbers : callable
        From a result to the numbers that are compared, by name.
    exact : bool
        Whether theory holds at every size, so that the problem is simulated at its own alone.
    unseen : callable
        From such a theory and a number of replicates to what these may not show, by name.
    """

    headline: str
    relative_stderr: float
    replicates_per_unit: int
    n_features: int
    margin: float
    largest: Mapping[str, tuple[int, int]]
    doubled: Callable[[Any], Problem]
    check: Callable[[Any], object]
    numbers: Callable[[Any], dict[str, Number]]
    exact: bool = False
    unseen: Callable[[Any, int], Mapping[str, float]] = lambda expected, n_replicates: {}


def case_of(problem: Problem) -> Case:
    """Return a problem as a comparison sees it.

    Raises
    ------
    InputError
        When it is no problem, has more features than can be simulated, or theory only approximates it.
    """
    if isinstance(problem, Mixture):
        return _of_mixture(problem)
    if isinstance(problem, Recursion):
        return _of_recursion(problem)
    if isinstance(problem, Classes):
        return _of_classes(problem)
    if isinstance(problem, Chain):
        return _of_chain(problem)
    if isinstance(problem, ZipfTask):
        return _of_tails(problem)
    raise fail("problem", problem, "a problem")


def _of_mixture(problem: Mixture) -> Case:
    _, question = simulation.translate([problem]).questions[0]
    return Case(
        headline="excess_risk",
        relative_stderr=0.002,
        replicates_per_unit=mixture.n_replicates(problem.width),
        n_features=problem.n_features,
        margin=question.margin,
        largest={
            "n_features": (problem.n_features, simulation.MAX_FEATURES),
            "n_samples": (max(source.n_samples for source in problem.sources), MAX_SAMPLES),
            "width": (problem.width or 0, MAX_SAMPLES),
        },
        doubled=doubled,
        check=_accept,
        numbers=_numbers_of_mixture,
    )


def _numbers_of_mixture(result: Result) -> dict[str, Number]:
    """Return every number of a result; the effective ridge, which is no error, is rounded relative to itself."""
    scale = abs(result.excess_risk)
    found = {
        name: Number(value := getattr(result, name), result.stderr[name], max(abs(value), scale))
        for name in (*PARTS, "excess_risk", "test_error")
    }
    ridge = result.effective_ridge
    found["effective_ridge"] = Number(ridge, result.stderr["effective_ridge"], abs(ridge))
    for source, value in result.training_error.items():
        stderr = result.stderr["training_error"][source]
        found[f"training_error of {source}"] = Number(value, stderr, max(abs(value), scale))
    return found


def _of_recursion(problem: Recursion) -> Case:
    chain = generations_engine.translate(problem)
    limits, width, curated = generations_engine.limits_of(chain), problem.width, problem.workflow.curation is not None

    def numbers(result: GenerationsResult) -> dict[str, Number]:
        return dict(_numbers_of_recursion(result, curated=curated, smallest=limits.smallest))

    return Case(
        headline=_of_generation("excess_risk", problem.workflow.generations),
        relative_stderr=0.01 if curated else 0.005,  # what a verifier judges is drawn sample by sample
        replicates_per_unit=generations_engine.PER_UNIT,
        n_features=problem.mixture.n_features,
        margin=float(limits.margin.min()),
        largest={
            "n_features": (problem.mixture.n_features, simulation.MAX_FEATURES),
            "n_samples": (int(problem.n_samples.max()), MAX_SAMPLES),
            "width": (0 if width is None else int(width.max()), MAX_SAMPLES),
        },
        doubled=doubled_recursion,
        check=lambda larger: generations_engine.memory_of(generations_engine.translate(larger)),
        numbers=numbers,
    )


def _numbers_of_recursion(result: GenerationsResult, *, curated: bool, smallest: float) -> Iterator[tuple[str, Number]]:
    """Yield the risks of all generations, then their parts, then what curation keeps; `smallest` is rounding."""
    for name in ("excess_risk", "bias", "variance"):
        for t, value in enumerate(getattr(result, name)):
            scale = max(abs(value), abs(result.excess_risk[t]), smallest / ROUNDING)
            yield _of_generation(name, t), Number(value, result.stderr[name][t], scale)
    if curated:
        for t, share in list(enumerate(result.kept_share))[1:]:
            yield _of_generation("kept_share", t), Number(share, result.stderr["kept_share"][t], share)


def _of_generation(name: str, generation: int) -> str:
    return f"{name} of generation {generation}"


def _of_classes(problem: Classes) -> Case:
    return Case(
        headline="accuracy",
        relative_stderr=0.002,
        replicates_per_unit=1,
        n_features=problem.n_features,
        margin=classes_engine.margin_of(problem),
        largest={
            "n_features": (problem.n_features, simulation.MAX_FEATURES),
            "n_samples": (max(source.n_samples for source in problem.sources), MAX_SAMPLES),
        },
        doubled=doubled_classes,
        check=_accept,
        numbers=_numbers_of_classes,
    )


def _numbers_of_classes(result: ClassesResult) -> dict[str, Number]:
    """Return the numbers that do not grow with the problem."""
    found = {
        name: Number(value := getattr(result, name), result.stderr[name], abs(value))
        for name in ("accuracy", "margin_mean", "margin_variance")
    }
    for source, share in result.kept_label_error.items():
        stderr = result.stderr["kept_label_error"][source]
        found[f"kept_label_error of {source}"] = Number(share, stderr, share)
    return found


def _accept(problem: Problem) -> None:
    """Refuse nothing."""


def _of_chain(problem: Chain) -> Case:
    last = problem.workflow.generations
    return Case(
        headline=_of_generation("mean_error", 0)
        if isinstance(problem, GaussianChain)
        else _of_generation("squared_error", last),
        relative_stderr=0.01,
        replicates_per_unit=1,
        n_features=1,
        margin=math.inf,
        largest={},
        doubled=lambda posed: posed,
        check=_accept,
        numbers=lambda result: _numbers_of_chain(result, problem),
        exact=True,
        unseen=lambda expected, n_replicates: _unseen_of_chain(expected, problem, n_replicates),
    )


def _numbers_of_chain(result: ChainResult, problem: Chain) -> dict[str, Number]:
    """Return every quantity of every generation, and what belongs to none; rounding is relative to the largest."""
    single, freedom = result.freedom.get("numbers", {}), result.freedom.get("generations", {})
    found = {
        name: Number(value, result.stderr["numbers"][name], abs(value), single.get(name, math.inf))
        for name, value in result.numbers.items()
    }
    for name, values in result.generations.items():
        scale = 1.0 if name in PROBABILITIES else max(map(abs, values))
        freedoms = freedom.get(name, (math.inf,) * len(values))
        for t, value in enumerate(values[: told_by_replicates(name, problem, result.n_replicates)]):
            found[_of_generation(name, t)] = Number(value, result.stderr["generations"][name][t], scale, freedoms[t])
    return found


def _unseen_of_chain(expected: ChainResult, problem: Chain, n_replicates: int) -> dict[str, float]:
    return {
        _of_generation(name, t): value
        for name, values in unseen_by_replicates(expected, problem, n_replicates).items()
        for t, value in enumerate(values)
    }


def _of_tails(problem: ZipfTask) -> Case:
    if problem.memory is not None:
        raise InputError(
            "theory of a limited memory is an approximation of unknown error, which no simulation can judge. Solve the "
            "problem with both engines instead (`solve`)."
        )
    return Case(
        headline=_of_generation(f"test_error at T = {problem.sizes[0]:.15g}", problem.n_generations),
        relative_stderr=0.01,
        replicates_per_unit=1,
        n_features=1,
        margin=math.inf,
        largest={},
        doubled=lambda posed: posed,
        check=_accept,
        numbers=_numbers_of_tails,
        exact=True,
        unseen=lambda expected, n_replicates: unseen_of_tails(_numbers_of_tails(expected), n_replicates),
    )


def _numbers_of_tails(result: TailsResult) -> dict[str, Number]:
    """Return errors and items at every size, what is known of every rank, and floors, of every generation."""
    sizes = [f" at T = {size:.15g}" for size in result.n_samples]
    places = {"test_error": sizes, "learned_items": sizes, "knowledge": [f" of rank {rank}" for rank in result.ranks]}
    found = {}
    for name in (*places, "floor"):
        values, stderr = np.array(getattr(result, name)), np.array(result.stderr[name])
        freedom = np.broadcast_to(result.freedom.get(name, math.inf), values.shape)
        for place, value in np.ndenumerate(values):
            where = name + (places[name][place[1]] if name in places else "")
            number = Number(float(value), float(stderr[place]), abs(float(value)), float(freedom[place]))
            found[_of_generation(where, place[0])] = number
    return found
