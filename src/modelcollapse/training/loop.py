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
from modelcollapse.problems.training import Optimisation
from modelcollapse.training.checkpoints import Checkpoints
from modelcollapse.training.place import Place

LAST = 0.1
"""The learning rate of the last step, as a share of the highest."""
N_LOGGED = 200
"""Losses that are kept of a run: each the mean of as many steps."""


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
    optimisation: Optimisation,
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
    optimisation : Optimisation
    place : Place
    checkpoints : Checkpoints, optional
        Where states are kept, and found.
    report : callable, optional
        Called now and then with a `Progress`, by the first process.
    after_step : callable, optional
        Called with the number of steps that are done; must not change the model.

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
    run = _Run(model, objective, optimisation, place)
    step = run.restore(checkpoints)
    started, first = time.monotonic(), step
    shown = started
    model.train()
    while step < optimisation.n_steps:
        loss = run.step(step)
        step += 1
        if after_step is not None:
            after_step(step)
        now = time.monotonic()
        if report is not None and place.is_main and (now - shown > 1 or step == optimisation.n_steps):
            shown = now
            speed = (step - first) / max(now - started, 1e-9)
            left = (optimisation.n_steps - step) / speed
            report(Progress(step, optimisation.n_steps, float(loss), objective.units_per_step * speed, left))
        if checkpoints is not None and place.is_main and checkpoints.due and step < optimisation.n_steps:
            checkpoints.save(step, run.state())
    model.eval()
    return tuple(run.losses)


def learning_rate(step: int, optimisation: Optimisation) -> float:
    """Return the learning rate of a step, counted from 0: a ramp, then a cosine down to a tenth.

    Examples
    --------
    >>> plan = Optimisation(n_steps=100, batch_size=8, learning_rate=1.0, warmup_steps=10)
    >>> [round(learning_rate(step, plan), 2) for step in (0, 9, 10, 55, 100)]
    [0.1, 1.0, 1.0, 0.55, 0.1]
    """
    highest, warmup = optimisation.learning_rate, optimisation.warmup_steps
    if step < warmup:
        return highest * (step + 1) / warmup
    done = (step - warmup) / max(1, optimisation.n_steps - warmup)
    return highest * (LAST + (1 - LAST) * (1 + math.cos(math.pi * done)) / 2)


class _Run:
    """The state of a training run, and what a step does to it."""

    def __init__(self, model: nn.Module, objective: Objective, optimisation: Optimisation, place: Place) -> None:
        self._model, self._objective, self._optimisation, self._place = model, objective, optimisation, place
        self._wrapped = place.prepare(model)
        self._optimiser = _adamw(model, optimisation)
        self._every = math.ceil(optimisation.n_steps / N_LOGGED)
        self._sum = torch.zeros((), device=place.device)
        self.losses: list[float] = []

    def step(self, step: int) -> Tensor:
        """Do one step; return this process's part of its loss."""
        place, plan = self._place, self._optimisation
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate(step, plan)
        with place.precision(plan.precision):
            loss = self._objective.loss(self._wrapped, step)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._model.parameters(), plan.clip)
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        self._sum += loss.detach()
        if (step + 1) % self._every == 0 or step + 1 == plan.n_steps:
            self._log(step)
        return loss.detach()

    def _log(self, step: int) -> None:
        """Keep the mean loss of the last steps."""
        n_steps = (step % self._every) + 1
        mean = self._place.mean(self._sum) / n_steps
        if not math.isfinite(mean):
            raise DivergedError(
                f"the loss is no longer finite after {step + 1} of {self._optimisation.n_steps} steps. "
                "Use a smaller `learning_rate`, or more `warmup_steps`."
            )
        self.losses.append(mean)
        self._sum = torch.zeros_like(self._sum)

    def state(self) -> dict[str, Any]:
        """Return all that the next step depends on."""
        return {
            "model": self._model.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "sum": self._sum,
            "losses": self.losses,
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
        self._sum = state["sum"].to(self._place.device)
        self.losses = list(state["losses"])
        return step


def _adamw(model: nn.Module, optimisation: Optimisation) -> torch.optim.AdamW:
    """Return the optimiser: matrices decay, biases and gains do not."""
    weights = [each for each in model.parameters() if each.requires_grad]
    groups = [
        {"params": [each for each in weights if each.dim() >= 2], "weight_decay": optimisation.weight_decay},
        {"params": [each for each in weights if each.dim() < 2], "weight_decay": 0.0},
    ]
    on_gpu = weights[0].device.type == "cuda"
    return torch.optim.AdamW(groups, lr=optimisation.learning_rate, betas=(0.9, 0.95), fused=on_gpu)
