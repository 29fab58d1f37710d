"""How many generations stay within a factor of real samples only? How many real samples would keep them there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelcollapse import __version__
from modelcollapse.checks import Array, number
from modelcollapse.decisions.adaptive_mixing import AdaptiveMixing, adaptive_mixing
from modelcollapse.decisions.advice import FACTOR, Advice
from modelcollapse.decisions.generations_what_if import (
    best_common_ridge,
    references,
    with_first_error_scaled,
    with_noise_scaled,
)
from modelcollapse.decisions.generations_words import advise
from modelcollapse.errors import InputError
from modelcollapse.problems.recursion import REAL, SYNTHETIC, Recursion
from modelcollapse.problems.workflow import MAX_GENERATIONS, Schedule
from modelcollapse.result import Writable
from modelcollapse.theory.chains import tiled
from modelcollapse.theory.generations import trajectory
from modelcollapse.theory.generations_engine import (
    solve_generations,
    translate_chain,
    unsupported,
    uses_inputs_once,
)

MOST_ADAPTIVE = {True: 8, False: 4}
"""Generations over which weights are sought at most: inputs used once, and used again, where theory takes longer."""
MOST_REAL = 1e3
"""Real samples of a generation are sought up to this many times the samples of the problem."""
POINTS = 17
FACTORS = (0.5, 1.5)
"""By which the noise of labels, and the error of a given first model, are multiplied."""


@dataclass(frozen=True, kw_only=True)
class GenerationsPlan(Writable):
    """How long a recursion can go on.

    Attributes
    ----------
    advice : Advice
    factor : float
    reference : float
        Excess risk of the real samples only, at the ridge of generation 0.
    best_reference, best_reference_ridge : float
        The same at the best ridge for real samples only, and this ridge.
    excess_risk : tuple of float
        Of the generations asked about.
    within : int
        Generations after the first that stay within the factor, before the first that does not.
    within_from : int or None
        First generation from which on all that were followed stay within it. None: the last of them does not.
    last_within : int
        Last generation that stays within it; 0: none after generation 0.
    followed : int
        Generations that were looked at: more than asked about where inputs are used once and there is no schedule.
    within_by_noise, within_by_first_error : dicts of float to int
        How many of the generations that were followed stay within it with the noise of all labels multiplied, and with
        the error of a given first model; the latter is empty when there is none.
    best_ridge, risk_at_best_ridge : float or None
        One ridge for all generations with the smallest last excess risk among those tried, and that risk.
    real_needed, real_needed_long : int or None
        Real samples that every generation needs, at the given weights and ridge, to stay within the factor for the
        generations asked about, and for a thousand: fresh ones, or with a mix that re-uses them, re-used ones. After a
        given first model only from the last generation asked about on. None: no number helps, or the workflow has no
        place for them; for a thousand also where theory follows fewer.
    n_synthetic : int
        Synthetic samples of generation 1.
    mixing : AdaptiveMixing or None
        Of a mix: best fixed weight against the best schedule.
    version : str
    """

    advice: Advice
    factor: float
    reference: float
    best_reference: float
    best_reference_ridge: float
    excess_risk: tuple[float, ...]
    within: int
    within_from: int | None
    last_within: int
    followed: int
    within_by_noise: dict[float, int]
    within_by_first_error: dict[float, int]
    best_ridge: float | None
    risk_at_best_ridge: float | None
    real_needed: int | None
    real_needed_long: int | None
    n_synthetic: int
    mixing: AdaptiveMixing | None
    version: str = __version__

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, strings and lists for JSON; a number that is not finite becomes None."""
        content = super().to_dict()
        if self.mixing is not None:
            content["mixing"] |= {"gain": self.mixing.gain, "greedy_gap": self.mixing.greedy_gap}
        return content


def plan_generations(problem: Recursion, *, factor: float = FACTOR) -> GenerationsPlan:
    """Return how many generations stay within a factor of real samples only, and what would keep them there.

    Parameters
    ----------
    problem : Recursion
    factor : float
        At least 1.

    Returns
    -------
    GenerationsPlan

    Raises
    ------
    InputError
        When theory has no formula for the problem, or real samples only have no finite risk.

    Examples
    --------
    >>> from modelcollapse import Mixture, RandomTeacher, Source, Spectrum
    >>> from modelcollapse.problems.workflow import Workflow
    >>> real = Source("real", n_samples=400, noise_var=0.5, spectrum=Spectrum.isotropic(100), teacher=RandomTeacher())
    >>> mixture = Mixture([real, Source("synthetic", n_samples=4000, noise_var=0.5)], ridge=0)
    >>> plan = plan_generations(Recursion(mixture, Workflow("replace", generations=5, design="fresh")), factor=1.25)
    >>> plan.within, plan.real_needed_long
    (3, 127)
    """
    factor = number("factor", factor, low=1)
    reason = unsupported(problem)
    if reason is not None:
        raise InputError(f"theory {reason}. A plan needs theory.")
    reference, best_reference, best_reference_ridge = references(problem)
    if not 0 < reference < np.inf:
        raise InputError(f"real samples only have an excess risk of {reference:g}: no factor of it can be kept.")
    most = factor * reference * (1 + 1e-9)
    longer = _prolonged(problem)
    risk = np.array(solve_generations(longer).excess_risk)
    inside = risk[1:] <= most
    needed, needed_long = _real_needed(problem, most)
    tuned = best_common_ridge(problem)
    found = GenerationsPlan(
        advice=Advice(recommendation="", reasons=(), uncertainty=(), changes=()),
        factor=factor,
        reference=reference,
        best_reference=best_reference,
        best_reference_ridge=best_reference_ridge,
        excess_risk=tuple(risk[: problem.n_fits].tolist()),
        within=len(inside) if inside.all() else int(np.argmin(inside)),
        within_from=_within_from(inside),
        last_within=int(np.max(np.flatnonzero(inside) + 1, initial=0)),
        followed=longer.workflow.generations,
        within_by_noise={scale: _count_within(with_noise_scaled(longer, scale), factor) for scale in FACTORS},
        within_by_first_error=_by_first_error(longer, factor),
        best_ridge=None if tuned is None else tuned[0],
        risk_at_best_ridge=None if tuned is None else tuned[1],
        real_needed=needed,
        real_needed_long=needed_long,
        n_synthetic=int(problem.n_samples[1, SYNTHETIC]),
        mixing=_mixing(problem),
    )
    return replace(found, advice=advise(found, problem))


def _within_from(inside: NDArray[np.bool_]) -> int | None:
    """Return the first generation from which on all are inside, from what holds of generations 1, 2, ..."""
    outside = np.flatnonzero(~inside) + 1
    last = int(np.max(outside, initial=0))
    return None if last == len(inside) else last + 1


def _count_within(problem: Recursion, factor: float) -> int:
    """Return how many generations after the first stay within a factor of real samples only."""
    risk = np.array(solve_generations(problem).excess_risk)
    return int(np.sum(risk[1:] <= factor * references(problem)[0] * (1 + 1e-9)))


def _by_first_error(problem: Recursion, factor: float) -> dict[float, int]:
    """Return the same with the error of a given first model multiplied."""
    changed = {scale: with_first_error_scaled(problem, scale) for scale in FACTORS}
    return {scale: _count_within(other, factor) for scale, other in changed.items() if other is not None}


def _prolonged(problem: Recursion) -> Recursion:
    """Return the problem with as many generations as can be followed."""
    if not uses_inputs_once(problem) or problem.workflow.schedule != Schedule():
        return problem
    return Recursion(problem.mixture, replace(problem.workflow, generations=MAX_GENERATIONS))


def _shortened(problem: Recursion, generations: int) -> Recursion:
    """Return the first generations of a problem."""
    if generations >= problem.workflow.generations:
        return problem
    schedule, end = problem.workflow.schedule, generations + 1
    tables = {
        key: {name: values[:end] for name, values in getattr(schedule, key).items()}
        for key in ("n_samples", "noise_var", "weight")
    }
    shorter = Schedule(
        ridge=None if schedule.ridge is None else schedule.ridge[:end],
        width=None if schedule.width is None else schedule.width[:end],
        **tables,
    )
    return Recursion(problem.mixture, replace(problem.workflow, generations=generations, schedule=shorter))


def _real_needed(problem: Recursion, most: float) -> tuple[int | None, int | None]:
    """Return the real samples of every generation that keep all of them within a risk: as asked, and long."""
    if not uses_inputs_once(problem):
        return (_fewest_mixed(problem, most) if problem.workflow.kind == "mix" else None), None
    longer = _prolonged(problem)
    first = _first_that_counts(problem)
    asked = _fewest_fresh(problem, most, first=first)
    return asked, asked if longer is problem else _fewest_fresh(longer, most, first=first)


def _first_that_counts(problem: Recursion) -> int:
    """Return from which generation on real samples must keep the risk: a given first model takes some to forget."""
    return problem.workflow.generations if problem.given else 1


def _fewest_mixed(problem: Recursion, most: float) -> int | None:
    """Return how many real samples keep all generations of a mix within a risk; more are taken to help."""
    real, synthetic = problem.mixture.sources
    first = _first_that_counts(problem) if problem.given else 0

    def stays(n_real: int) -> bool:
        mixture = replace(problem.mixture, sources=[replace(real, n_samples=n_real), synthetic])
        changed = Recursion(mixture, problem.workflow)
        return max(solve_generations(changed).excess_risk[first:]) <= most

    if real.name in problem.workflow.schedule.n_samples:
        return None
    low, high = 0, int(MOST_REAL * max(real.n_samples, synthetic.n_samples))
    if not stays(high):
        return None
    while high - low > 1:
        middle = int(np.sqrt((low + 1) * high))
        low, high = (low, middle) if stays(middle) else (middle, high)
    return high


def _fewest_fresh(problem: Recursion, most: float, *, first: int) -> int | None:
    """Return from how many fresh real samples a generation on no generation from `first` on exceeds a risk."""
    chain, covariances = translate_chain(problem)

    def stays(n_real: Array) -> Array:
        many = tiled(chain, len(n_real))
        samples = many.n_samples.copy()
        samples[:, 1:, REAL] = n_real[:, None]
        risk = trajectory(replace(many, n_samples=samples), covariances=covariances).excess_risk
        return np.asarray((risk[:, first:] <= most).all(axis=1))

    largest = MOST_REAL * float(max(chain.n_samples.max(), 1.0))
    points = np.unique(np.round(np.concatenate([[0.0], np.geomspace(1.0, largest, 3 * POINTS)])))
    while True:
        good = stays(points)
        if not good[-1]:
            return None
        if good.all():
            return int(points[0])
        bad = len(points) - 1 - int(np.argmin(good[::-1]))  # the last that is not good
        if points[bad + 1] - points[bad] <= 1:
            return int(points[bad + 1])
        points = np.unique(np.round(np.linspace(points[bad], points[bad + 1], POINTS)))


def _mixing(problem: Recursion) -> AdaptiveMixing | None:
    """Compare fixed and adaptive mixing, of as many generations as can be searched."""
    if problem.workflow.kind != "mix" or (problem.n_used[1:] <= 0).any():
        return None
    return adaptive_mixing(_shortened(problem, MOST_ADAPTIVE[uses_inputs_once(problem)]))
