"""How is one scene sampled? By the drawer that fits it, as many replicates side by side as the memory holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from modelcollapse.checks import Array, fail
from modelcollapse.parallel import n_cores
from modelcollapse.simulation import mixture, networks, plain
from modelcollapse.simulation.backend import Backend, backend_for, batch_for
from modelcollapse.simulation.design import Design
from modelcollapse.simulation.estimates import Estimates, Question, answer, excess_risk
from modelcollapse.simulation.moments import Moments, concatenate, select, stack
from modelcollapse.simulation.neurons import Activation
from modelcollapse.simulation.resolvent import Fit
from modelcollapse.simulation.sampler import Goal, Report, Sample, sample
from modelcollapse.streams import stream

MEMORY = 2**30
"""Bytes that the matrices of all replicates at work may take together, before fewer are worked on side by side."""


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


def sample_scene(scene: Scene, sampling: Sampling) -> tuple[Sample[Moments], list[Estimates]]:
    """Return the sample, and the estimates for each problem.

    Parameters
    ----------
    scene : Scene
        Of one problem, when `sampling.plain`.
    sampling : Sampling

    Raises
    ------
    InputError
        When the plain mode is asked of PyTorch.
    KeyboardInterrupt
        When it is interrupted before the second unit, without which there are no standard errors.
    """
    if sampling.plain:
        draw, questions, per_unit, n_workers = _plainly(scene, sampling)
    else:
        per_unit = mixture.n_replicates(scene.width)
        backend, n_workers = _machinery(scene, sampling, per_unit)
        draw, questions = _drawer(scene, backend, sampling.seed), scene.questions

    def watch(moments: Moments) -> Array:
        risks = [excess_risk(select(moments, fit), question) for fit, question in questions if question.margin > 1]
        return np.stack(risks, axis=-1) if risks else np.zeros((len(moments.trace), 1))  # no mean to wait for

    drawn = sample(
        draw,
        watch=watch,
        goal=replace(sampling.goal, n_replicates=max(sampling.goal.n_replicates, 2 * per_unit)),
        replicates_per_unit=per_unit,
        n_workers=n_workers,
        report=sampling.report,
    )
    if drawn.n_replicates < 2 * per_unit:
        raise KeyboardInterrupt
    moments = concatenate(drawn.draws)
    return drawn, [answer(select(moments, fit), question) for fit, question in questions]


def _drawer(scene: Scene, backend: Backend, seed: int) -> Callable[[int], Moments]:
    """Return the function that makes a number into units of moments."""

    def draw(index: int) -> Moments:
        randomness = backend.randomness(seed, "simulation", index)
        if scene.activation is None or scene.width is None:
            moments = mixture.draw_unit(backend, randomness, scene.design, scene.fits)
        else:
            network = networks.Network(design=scene.design, width=scene.width, activation=scene.activation)
            moments = networks.draw_unit(backend, randomness, network, scene.fits)
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
        raise fail("device", sampling.device, "numpy in the plain mode")
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
