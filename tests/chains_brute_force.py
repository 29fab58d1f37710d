"""What would a script do? Chains of every workflow by samples that are drawn one by one, one replicate at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from modelcollapse.problems.resampling import Resampling

Draw = Callable[[int], np.ndarray]
"""From a number of samples to samples, along the first axis."""
Fit = Callable[[np.ndarray], Draw]
"""From samples to the model that is fitted on them."""


def fitted_on(workflow: Resampling, *, real: Draw, fit: Fit, rng: np.random.Generator) -> list[np.ndarray]:
    """Return the samples that each generation of one replicate is fitted on."""
    n = workflow.n_samples
    data = [real(workflow.n_first)]
    laws: list[Draw] = [real]
    pool = data[0]
    for _ in range(workflow.generations):
        laws.append(fit(data[-1]))
        if workflow.kind == "recent":
            new = np.concatenate(recent(laws[-workflow.window :], n))
        elif workflow.kind == "random-past":
            new = np.concatenate([laws[rng.integers(len(laws))](1) for _ in range(n)])
        else:
            new = laws[-1](n)
        if workflow.kind == "mix":
            new = np.concatenate([data[0] if workflow.real == "reused" else real(workflow.n_real), new])
        pool = np.concatenate([pool, new])
        if workflow.kind == "accumulate":
            new = pool
        if workflow.kind == "accumulate-subsample":
            new = pool[rng.permutation(len(pool))[: workflow.subsample]]
        data.append(new)
    return data


def doubled(workflow: Resampling) -> Resampling:
    """Return the workflow with twice as many samples of every sort: another chain."""
    names = ("n_first", "n_samples", "n_real", "subsample")
    given = {name: getattr(workflow, name) for name in names if getattr(workflow, name) is not None}
    return replace(workflow, **{name: 2 * number for name, number in given.items()})


def recent(laws: list[Draw], n: int) -> list[np.ndarray]:
    """Return equal parts of the laws, what is left over one each of the latest."""
    sizes = [n // len(laws)] * len(laws)
    for position in range(n % len(laws)):
        sizes[-1 - position] += 1
    return [law(size) for law, size in zip(laws, sizes, strict=True)]


def replicates(one: Callable[[np.random.Generator], dict[str, Any]], *, n: int, seed: int) -> dict[str, np.ndarray]:
    """Return values of independent replicates, (n, ...), by name."""
    rng = np.random.default_rng(seed)
    drawn = [one(rng) for _ in range(n)]
    return {name: np.array([values[name] for values in drawn]) for name in drawn[0]}


def furthest(plain: dict[str, np.ndarray], result: Any) -> float:
    """Return the largest difference between plain replicates and a result, in standard errors."""
    worst = 0.0
    for name, values in plain.items():
        found = np.array(result.generations[name])
        stderr = np.hypot(values.std(axis=0, ddof=1) / np.sqrt(len(values)), result.stderr["generations"][name])
        gap = np.abs(found - values.mean(axis=0))
        apart = gap > 1e-9 * np.abs(found).max()
        worst = max(worst, float(np.max(np.divide(gap, stderr, out=np.zeros_like(gap), where=apart))))
    return worst
