"""What does a recursion become at other weights and ridges? Many of them at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.problems.recursion import REAL, Recursion
from modelcollapse.problems.workflow import Schedule
from modelcollapse.theory.chains import cut, tiled
from modelcollapse.theory.commuting import CommutingCovariances
from modelcollapse.theory.engine import translate
from modelcollapse.theory.generations import trajectory
from modelcollapse.theory.generations_engine import solve_generations, translate_chain, uses_inputs_once
from modelcollapse.theory.memory import Memory, remembered
from modelcollapse.theory.memory_engine import Verified, classes_of, fixed_points, memory_of, sets_of

MOST_NUMBERS = 2 * 10**6
"""In an array of memory of a batch; larger batches are taken in pieces."""

Follow = Callable[[Array, Array], Array]
"""From weights (S, t + 1, 2) and ridges (S, t + 1) of generations 0 to t to their excess risks (S, t + 1)."""


def reweighed(problem: Recursion) -> Follow:
    """Return the function from weights and ridges to the excess risks of a recursion that has these instead.

    Parameters
    ----------
    problem : Recursion
        One that theory answers, whatever its own weights and ridges.

    Returns
    -------
    Follow
        Up to any generation t of the problem: what comes later does not matter.

    Notes
    -----
    One batch for all weights and ridges; one recursion after the other where curation meets inputs that are used again.

    Examples
    --------
    >>> from modelcollapse import Mixture, RandomTeacher, Source, Spectrum
    >>> from modelcollapse.problems.workflow import Workflow
    >>> real = Source("real", n_samples=400, noise_var=0.5, spectrum=Spectrum.isotropic(100), teacher=RandomTeacher())
    >>> mixture = Mixture([real, Source("synthetic", n_samples=400, noise_var=0.5)], ridge=0)
    >>> follow = reweighed(Recursion(mixture, Workflow("mix", generations=9, design="fresh", real="reused")))
    >>> follow(np.array([[[1.0, 1.0], [1.0, 0.5]]]), np.array([[0.1, 0.1]])).round(4)
    array([[0.1383, 0.1518]])
    """
    if uses_inputs_once(problem):
        return _chained(problem)
    if problem.workflow.curation is None:
        return _with_memory(problem)
    return lambda weight, ridge: np.stack([_alone(problem, *own) for own in zip(weight, ridge, strict=True)])


def _chained(problem: Recursion) -> Follow:
    chain, covariances = translate_chain(problem)

    def follow(weight: Array, ridge: Array) -> Array:
        many = replace(tiled(cut(chain, weight.shape[1]), len(weight)), weight=weight, ridge=ridge)
        return trajectory(many, covariances=covariances).excess_risk

    return follow


def _with_memory(problem: Recursion) -> Follow:
    """Follow fits on inputs that are used again: only their forces and effective ridges differ."""
    names = [source.name for source in problem.mixture.sources]
    even = replace(problem.workflow.schedule, weight={name: [1.0] * problem.n_fits for name in names})
    unit = Recursion(problem.mixture, replace(problem.workflow, schedule=even))
    arrays, sets = translate(unit.mixture), sets_of(unit)
    assert isinstance(arrays.covariances, CommutingCovariances)
    covariances = arrays.covariances
    memory, _ = memory_of(unit, arrays, sets, Verified.all_kept(len(sets), unit.n_fits))
    classes = classes_of(unit, sets, arrays.sampling.group)
    source, start, group = [own.source for own in sets], int(unit.given), arrays.sampling.group[REAL]
    pull = np.stack([own.pull for own in sets])
    error = memory.roots[-1, -1] @ memory.eigenvalues[group]  # of a given first model

    def piece(weight: Array, ridge: Array) -> Array:
        rows, n_fits = ridge[:, start:].shape
        fits = slice(start, start + n_fits)
        many = replace(
            classes.rows(np.tile(np.arange(start, start + n_fits), rows)),
            weight=weight[:, start:].reshape(-1, 2),
            ridge=ridge[:, start:].ravel(),
        )
        solved = fixed_points(covariances, many)
        force = weight[:, start:] * (solved.scale[:, None] * solved.gain).reshape(rows, n_fits, 2)
        found = remembered(
            replace(
                _first(memory, n_fits),
                force=np.swapaxes(force, 1, 2)[:, source] * pull[:, fits],
                ridge=solved.effective_ridge.reshape(rows, n_fits),
            )
        )
        risk = np.diagonal(found.errors[:, group], axis1=1, axis2=2)
        lost = (solved.threshold | ~solved.converged).reshape(rows, n_fits).any(axis=1, keepdims=True)
        return np.concatenate([np.full((rows, start), error), np.where(lost, np.inf, risk)], axis=1)

    def follow(weight: Array, ridge: Array) -> Array:
        size = max(1, MOST_NUMBERS // (memory.eigenvalues.shape[1] * ridge.shape[1] ** 2))
        pieces = [piece(weight[a : a + size], ridge[a : a + size]) for a in range(0, len(ridge), size)]
        return np.concatenate(pieces)

    return follow


def _first(memory: Memory, n_fits: int) -> Memory:
    """Return what is remembered up to some fit."""
    square = {name: getattr(memory, name)[:, :n_fits, :n_fits] for name in ("copied", "noise", "slanted_copied")}
    rows = {name: getattr(memory, name)[:, :n_fits] for name in ("presence", "taught", "slanted_taught")}
    return replace(memory, **square, **rows, width=None if memory.width is None else memory.width[:n_fits])


def _alone(problem: Recursion, weight: Array, ridge: Array) -> Array:
    """Return the risks (t + 1,) of a single recursion."""
    n_fits, given = len(ridge), problem.workflow.schedule
    schedule = Schedule(
        ridge=ridge.tolist(),
        width=None if given.width is None else given.width[:n_fits],
        n_samples={name: values[:n_fits] for name, values in given.n_samples.items()},
        noise_var={name: values[:n_fits] for name, values in given.noise_var.items()},
        weight={own.name: column.tolist() for own, column in zip(problem.mixture.sources, weight.T, strict=True)},
    )
    workflow = replace(problem.workflow, generations=n_fits - 1, schedule=schedule)
    return np.array(solve_generations(Recursion(problem.mixture, workflow)).excess_risk)
