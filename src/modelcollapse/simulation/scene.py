"""How is one scene sampled? By the drawer that fits it, as many replicates side by side as the memory holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from modelcollapse.checks import Array, fail
from modelcollapse.errors import NumericalError
from modelcollapse.parallel import n_cores
from modelcollapse.simulation import mixture, networks, plain
from modelcollapse.simulation.backend import Backend, backend_for, batch_for
from modelcollapse.simulation.design import Design
from modelcollapse.simulation.estimates import Estimates, Question, answer, erratic, excess_risk, unknown
from modelcollapse.simulation.fits import Fit
from modelcollapse.simulation.meter import Meter
from modelcollapse.simulation.moments import Moments, concatenate, first, select, stack
from modelcollapse.simulation.neurons import Activation
from modelcollapse.simulation.sampler import MAX_REPLICATES, Goal, Report, sample
from modelcollapse.streams import stream

MEMORY = 2**30
"""Bytes that the matrices of all replicates at work may take together, before fewer are worked on side by side."""

NO_MEAN, NO_VARIANCE = 1, 3
"""Without ridge, samples that many or fewer from interpolation leave the excess risk without mean or variance."""

ENOUGH_WITHOUT_VARIANCE = 2_000
"""Replicates after which a standard error that does not exist is not waited for."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Problems with the same inputs, as arrays.

    Attributes
    ----------
    design : Design
        With the components of all problems.
    fits : tuple of Fits
        The different ones, all of the same width.
    questions : tuple of (int, Question)
        For each problem, the number of its fit and what is asked of its moments.
    activation : str or callable or None
        Makes random projections a network.
    """

    design: Design
    fits: tuple[Fit, ...]
    questions: tuple[tuple[int, Question], ...]
    activation: Activation | None

    @property
    def width(self) -> int | None:
        """Number of random features; None for the linear model."""
        return self.fits[0].width


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How a scene is sampled; see `engine.solve`."""

    seed: int
    goal: Goal
    device: str
    plain: bool
    report: Report | None


@dataclass(frozen=True, kw_only=True)
class SceneAnswer:
    """What sampling a scene gave.

    Attributes
    ----------
    n_replicates : int
    reached, interrupted : bool
        Whether the goal was reached; whether it was stopped from outside.
    estimates : list of Estimates
        For each problem; NaN when there are not two units.
    erratic : list of bool
        Whether single units decide the standard error of a problem's excess risk.
    """

    n_replicates: int
    reached: bool
    interrupted: bool
    estimates: list[Estimates]
    erratic: list[bool]


def sample_scene(scene: Scene, sampling: Sampling) -> SceneAnswer:
    """Sample a scene until the goal is reached.

    Parameters
    ----------
    scene : Scene
        Of one problem, when `sampling.plain`.
    sampling : Sampling

    Raises
    ------
    InputError
        When PyTorch is asked to draw plainly.
    NumericalError
        When a matrix is singular to rounding.
    """
    meter = Meter()
    if sampling.plain:
        draw, questions, per_unit, n_workers = _plainly(scene, sampling)
    else:
        per_unit = mixture.n_replicates(scene.width)
        backend, n_workers = _machinery(scene, sampling, per_unit)
        draw, questions = _drawer(scene, backend, sampling.seed, meter), scene.questions
    drawn = sample(
        draw,
        watch=lambda moments: _watched(moments, questions),
        goal=_goal(scene, sampling, per_unit),
        replicates_per_unit=per_unit,
        n_workers=n_workers,
        meter=meter,
        numbers_per_unit=_numbers_per_unit(scene),
        report=sampling.report,
    )
    n_units = drawn.n_replicates // per_unit
    if n_units < 2:
        return unsampled(scene, n_replicates=drawn.n_replicates)
    moments = first(concatenate(drawn.draws), n_units)
    parts = [(select(moments, fit), question) for fit, question in questions]
    return SceneAnswer(
        n_replicates=drawn.n_replicates,
        reached=drawn.reached,
        interrupted=drawn.interrupted,
        estimates=[answer(*part) for part in parts],
        erratic=[erratic(excess_risk(*part)) for part in parts],
    )


def unsampled(scene: Scene, *, n_replicates: int = 0) -> SceneAnswer:
    """Return the answer to a scene that was interrupted before there were two units."""
    n_problems, n_sources = len(scene.questions), len(scene.design.n_samples)
    return SceneAnswer(
        n_replicates=n_replicates,
        reached=False,
        interrupted=True,
        estimates=[unknown(n_sources) for _ in range(n_problems)],
        erratic=[False] * n_problems,
    )


def _goal(scene: Scene, sampling: Sampling, per_unit: int) -> Goal:
    """Return the goal in whole units, at least two; none waits long for a standard error that does not exist."""
    most = max(sampling.goal.n_replicates, 2 * per_unit)
    if most == MAX_REPLICATES and all(question.margin <= NO_VARIANCE for _, question in scene.questions):
        most = ENOUGH_WITHOUT_VARIANCE
    return replace(sampling.goal, n_replicates=most)


def _watched(moments: Moments, questions: Sequence[tuple[int, Question]]) -> Array:
    """Return the excess risks that have a variance, or where none has one, a mean: (units, watched)."""
    least = NO_VARIANCE if any(question.margin > NO_VARIANCE for _, question in questions) else NO_MEAN
    risks = [excess_risk(select(moments, fit), question) for fit, question in questions if question.margin > least]
    return np.stack(risks, axis=-1) if risks else np.zeros((len(moments.trace), 0))


def _numbers_per_unit(scene: Scene) -> float:
    """Return the random numbers of a unit, where forming the data makes it long."""
    if scene.activation is None or scene.width is None:
        return np.inf
    return (4.0 * scene.design.n_total + 2.0 * scene.width) * scene.design.n_features


def _drawer(scene: Scene, backend: Backend, seed: int, meter: Meter) -> Callable[[int], Moments]:
    """Return the function that makes a number into units of moments."""

    def draw(index: int) -> Moments:
        randomness = meter.attach(backend.randomness(seed, "simulation", index))
        try:
            if scene.activation is None or scene.width is None:
                moments = mixture.draw_unit(backend, randomness, scene.design, scene.fits)
            else:
                network = networks.Network(design=scene.design, width=scene.width, activation=scene.activation)
                moments = networks.draw_unit(backend, randomness, network, scene.fits)
        except np.linalg.LinAlgError as error:
            raise NumericalError(f"{error} to rounding; use a larger ridge.") from error
        return moments if backend.batch else stack([moments])

    return draw


def _machinery(scene: Scene, sampling: Sampling, per_unit: int) -> tuple[Backend, int]:
    """Return the backend, and how many draws work side by side within the memory."""
    size, n_sources = scene.design.n_features, len(scene.design.n_samples)
    if scene.activation is not None and scene.width is not None:
        size += scene.width
    if sampling.device == "numpy":
        each = 8 * size**2 * (4 * n_sources + 6)
        return backend_for(sampling.device), max(1, min(n_cores(), MEMORY // each))
    batch = batch_for(sampling.device, n_features=size, n_sources=n_sources)
    return backend_for(sampling.device, batch=min(batch, -(-sampling.goal.n_replicates // per_unit))), 1


def _plainly(
    scene: Scene, sampling: Sampling
) -> tuple[Callable[[int], Moments], tuple[tuple[int, Question], ...], int, int]:
    """Return drawer, questions, replicates a unit and draws side by side of the plain mode."""
    if sampling.device != "numpy":
        raise fail("device", sampling.device, "numpy when everything is drawn plainly")
    question = scene.questions[0][1]

    def draw(index: int) -> Moments:
        unit = plain.draw_unit(
            stream(sampling.seed, "simulation", "plain", index),
            scene.design,
            scene.fits[0],
            noise_var=question.noise_var,
            power=question.power,
            activation=scene.activation,
        )
        return stack([stack([plain.as_moments(unit, width=scene.width)])])

    asked = replace(question, noise_var=np.zeros(len(question.noise_var)), power=np.ones(1))
    each = 8 * scene.design.n_total * (4 * scene.design.n_features + 2 * (scene.width or 0))
    return draw, ((0, asked),), 2, max(1, min(n_cores(), MEMORY // each))
