"""How is a network trained? One loop for all, with the same numbers however often it stops."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from modelcollapse.errors import ModelCollapseError
from modelcollapse.training.checkpoints import Checkpoints
from modelcollapse.training.place import Place

N_LOGGED = 200
"""Losses that are kept of a run: each the mean of as many steps."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How weights move: the optimiser, and what it is told at each step.

    Attributes
    ----------
    n_steps : int
    optimiser : callable
        Makes the optimiser of a model's weights.
    learning_rate : callable
        Of a step, counted from 0.
    clip : float, optional
        Largest norm of the gradient.
    precision : str
        As in `modelcollapse.problems.training.PRECISIONS`.
    """

    n_steps: int
    optimiser: Callable[[nn.Module], torch.optim.Optimizer]
    learning_rate: Callable[[int], float]
    clip: float | None = None
    precision: str = "float32"


class Objective(Protocol):
    """What is learned, step by step: everything random in a step depends on its number alone."""

    units_per_step: int
    """Tokens or rows that a step goes through, over all processes."""

    def loss(self, model: nn.Module, step: int) -> Tensor:
        """Return this process's part of the loss of a step; the mean over processes is the loss of the whole batch."""
        ...


@dataclass(frozen=True)
class Progress:
    """How far a training run is.

    Attributes
    ----------
    step, n_steps : int
    loss : float
        Of the last steps.
    rate : float
        Tokens or rows a second, since this process began.
    seconds_left : float
    """

    step: int
    n_steps: int
    loss: float
    rate: float
    seconds_left: float


class DivergedError(ModelCollapseError, ArithmeticError):
    """The loss is no longer finite."""


Report = Callable[[Progress], None]


def train(
    model: nn.Module,
    objective: Objective,
    *,
    recipe: Recipe,
    place: Place,
    checkpoints: Checkpoints | None = None,
    report: Report | None = None,
    after_step: Callable[[int], None] | None = None,
) -> tuple[float, ...]:
    """Train a model in place, from its last checkpoint if there is one.

    A run that was stopped and goes on ends with the same bits as one that never stopped, on the same number of threads.

    Parameters
    ----------
    model : Module
    objective : Objective
    recipe : Recipe
    place : Place
    checkpoints : Checkpoints, optional
        Where states are kept, and found.
    report : callable, optional
        Called now and then with a `Progress`, by the first process.
    after_step : callable, optional
        Called with the number of steps that are done; must not change the weights.

    Returns
    -------
    tuple of float
        Losses along the way, `N_LOGGED` or fewer, each the mean of equally many steps.

    Raises
    ------
    DivergedError
        When the loss is no longer finite.
    CheckpointError
        When a checkpoint cannot be written or read.
    """
    run = _Run(model, objective, recipe, place)
    step = run.restore(checkpoints)
    started, first = time.monotonic(), step
    shown = started
    model.train()
    while step < recipe.n_steps:
        loss = run.step(step)
        step += 1
        if after_step is not None:
            after_step(step)
            model.train()  # what measures a model turns dropout off
        now = time.monotonic()
        if report is not None and place.is_main and (now - shown > 1 or step == recipe.n_steps):
            shown = now
            speed = (step - first) / max(now - started, 1e-9)
            left = (recipe.n_steps - step) / speed
            report(Progress(step, recipe.n_steps, float(loss), objective.units_per_step * speed, left))
        if checkpoints is not None and place.is_main and checkpoints.due:
            checkpoints.save(step, run.state())
    model.eval()
    return tuple(run.losses)


class _Run:
    """The state of a training run, and what a step does to it."""

    def __init__(self, model: nn.Module, objective: Objective, recipe: Recipe, place: Place) -> None:
        self._model, self._objective, self._recipe, self._place = model, objective, recipe, place
        self._wrapped = place.prepare(model)
        self._optimiser = recipe.optimiser(model)
        self._every = math.ceil(recipe.n_steps / N_LOGGED)
        self._sum, self._n_summed = torch.zeros((), device=place.device), 0
        self.losses: list[float] = []

    def step(self, step: int) -> Tensor:
        """Do one step; return its loss."""
        place, recipe = self._place, self._recipe
        for group in self._optimiser.param_groups:
            group["lr"] = recipe.learning_rate(step)
        with place.precision(recipe.precision):
            loss = self._objective.loss(self._wrapped, step)
        loss.backward()  # type: ignore[no-untyped-call]
        if recipe.clip is not None:
            nn.utils.clip_grad_norm_(self._model.parameters(), recipe.clip)
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        whole = place.mean(loss.detach())
        self._sum += whole
        self._n_summed += 1
        if (step + 1) % self._every == 0 or step + 1 == recipe.n_steps:
            self._log(step)
        return whole

    def _log(self, step: int) -> None:
        """Keep the mean loss of the last steps."""
        mean = float(self._sum) / self._n_summed
        if not math.isfinite(mean):
            raise DivergedError(
                f"the loss is no longer finite after {step + 1} of {self._recipe.n_steps} steps. "
                "Use a smaller `learning_rate`."
            )
        self.losses.append(mean)
        self._sum, self._n_summed = torch.zeros_like(self._sum), 0

    def state(self) -> dict[str, Any]:
        """Return all that the next step depends on."""
        return {
            "model": self._model.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "losses": self.losses,
            "sum": self._sum,
            "n_summed": self._n_summed,
        }

    def restore(self, checkpoints: Checkpoints | None) -> int:
        """Go back to the last checkpoint; return the number of steps that are done."""
        found = None if checkpoints is None else checkpoints.latest()
        self._place.wait()  # nobody writes the next before everybody has read this one
        if found is None:
            return 0
        step, state = found
        self._model.load_state_dict(state["model"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.losses = list(state["losses"])
        self._sum, self._n_summed = state["sum"].to(self._place.device), state["n_summed"]
        return step
