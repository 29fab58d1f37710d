"""How do the weights of transformers move? AdamW, a warm-up, and a cosine."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import nn

from modelcollapse.problems.training import Optimisation
from modelcollapse.training.loop import Recipe

LAST = 0.1
"""The learning rate of the last step, as a share of the highest."""


def adamw(optimisation: Optimisation) -> Recipe:
    """Return the recipe of a transformer: AdamW with (.9, .95), a ramp, then a cosine down to a tenth."""
    return Recipe(
        n_steps=optimisation.n_steps,
        optimiser=partial(_adamw, optimisation=optimisation),
        learning_rate=partial(learning_rate, optimisation=optimisation),
        clip=optimisation.clip,
        precision=optimisation.precision,
    )


def learning_rate(step: int, *, optimisation: Optimisation) -> float:
    """Return the learning rate of a step, counted from 0: a ramp, then a cosine down to a tenth.

    Examples
    --------
    >>> plan = Optimisation(n_steps=100, batch_size=8, learning_rate=1.0, warmup_steps=10)
    >>> [round(learning_rate(step, optimisation=plan), 2) for step in (0, 9, 10, 55, 100)]
    [0.1, 1.0, 1.0, 0.55, 0.1]
    """
    highest, warmup = optimisation.learning_rate, optimisation.warmup_steps
    if step < warmup:
        return highest * (step + 1) / warmup
    done = (step - warmup) / max(1, optimisation.n_steps - warmup)
    return highest * (LAST + (1 - LAST) * (1 + math.cos(math.pi * done)) / 2)


def _adamw(model: nn.Module, *, optimisation: Optimisation) -> torch.optim.AdamW:
    """Return the optimiser: matrices decay, biases and gains do not."""
    weights = [each for each in model.parameters() if each.requires_grad]
    groups = [
        {"params": [each for each in weights if each.dim() >= 2], "weight_decay": optimisation.weight_decay},
        {"params": [each for each in weights if each.dim() < 2], "weight_decay": 0.0},
    ]
    on_gpu = weights[0].device.type == "cuda"
    return torch.optim.AdamW(groups, lr=optimisation.learning_rate, betas=(0.9, 0.95), fused=on_gpu)
