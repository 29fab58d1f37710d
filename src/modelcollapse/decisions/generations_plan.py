"""How many generations stay within a factor of real samples only? How many real samples would keep them there."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from modelcollapse import __version__
from modelcollapse.checks import Array, number
from modelcollapse.decisions.adaptive_mixing import AdaptiveMixing, adaptive_mixing
from modelcollapse.decisions.advice import FACTOR, Advice
from modelcollapse.decisions.generations_words import advise
from modelcollapse.errors import InputError
from modelcollapse.problems.recursion import REAL, SYNTHETIC, Recursion
from modelcollapse.problems.workflow import MAX_GENERATIONS, Schedule
from modelcollapse.result import plain
from modelcollapse.theory.chains import tiled
from modelcollapse.theory.engine import solve
from modelcollapse.theory.generations import trajectory
from modelcollapse.theory.generations_engine import (
    solve_generations,
    translate_chain,
    unsupported,
    uses_inputs_once,
)

MOST_ADAPTIVE = {True: 20, False: 6}
"""Generations of a schedule of weights at most: inputs used once, and used again, where theory takes longer."""
MOST_REAL = 1e3
"""Real samples of a generation are sought up to this many times the samples of the problem."""
POINTS = 17
NOISE_FACTORS = (0.5, 1.5)


@dataclass(frozen=True, kw_only=True)
class GenerationsPlan:
    """How long a recursion can go on.

    Attributes
    ----------
    advice : Advice
    factor : float
    reference : float
        Excess risk of the real samples only: of generation 0 unless it is given.
    excess_risk : tuple of float
        Of the generations asked about.
    within : int
        Generations after the first that stay within the factor, before the first that does not.
    followed : int
        Generations that were looked at: more than asked about where inputs are used once and there is no schedule.
    within_by_noise : dict of float to int
        The same with the noise of all labels multiplied, among the generations that were followed.
    real_needed, real_needed_long : int or None
        Real samples that every generation needs, at the given weights and ridge, to stay within the factor for the
        generations asked about, and for a thousand: fresh ones, or with a mix that re-uses them, re-used ones. None: no
        number helps, or the workflow has no place for them; for a thousand also where theory follows fewer.
    n_synthetic : int
        Synthetic samples of generation 1.
    mixing : AdaptiveMixing or None
        Of a mix: best fixed weight against the best schedule.
    version : str
    """

    advice: Advice
    factor: float
    reference: float
    excess_risk: tuple[float, ...]
    within: int
    followed: int
    within_by_noise: dict[float, int]
    real_needed: int | None
    real_needed_long: int | None
    n_synthetic: int
    mixing: AdaptiveMixing | None
    version: str = __version__

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, strings and lists for JSON; a number that is not finite becomes None."""
        content = plain(asdict(self))
        assert isinstance(content, dict)
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
    reference = _reference(problem)
    if not 0 < reference < np.inf:
        raise InputError(f"real samples only have an excess risk of {reference:g}: no factor of it can be kept.")
    most = factor * reference * (1 + 1e-9)
    longer = _prolonged(problem)
    risk = np.array(solve_generations(longer).excess_risk)
    needed, needed_long = _real_needed(problem, most)
    found = GenerationsPlan(
        advice=Advice(recommendation="", reasons=(), uncertainty=(), changes=()),
        factor=factor,
        reference=reference,
        excess_risk=tuple(risk[: problem.n_fits].tolist()),
        within=_within(risk, most),
        followed=longer.workflow.generations,
        within_by_noise={scale: _within_at(longer, factor, noise=scale) for scale in NOISE_FACTORS},
        real_needed=needed,
        real_needed_long=needed_long,
        n_synthetic=int(problem.n_samples[1, SYNTHETIC]),
        mixing=_mixing(problem),
    )
    return replace(found, advice=advise(found, problem))


def _reference(problem: Recursion) -> float:
    """Return the excess risk of a fit on real samples only, as many as the first fit has that has some."""
    if not problem.given:
        return float(solve_generations(_shortened(problem, 1)).excess_risk[0])
    source = problem.mixture.sources[REAL]
    counts = problem.n_used[:, REAL]
    n_samples = int(counts[np.argmax(counts > 0)]) if counts.any() else source.n_samples
    return solve(replace(problem.mixture, sources=[replace(source, n_samples=n_samples, weight=1.0)])).excess_risk


def _within(risk: Array, most: float) -> int:
    """Return how many generations after the first stay within a risk before one does not."""
    above = ~(risk[1:] <= most)
    return int(np.argmax(above)) if above.any() else len(risk) - 1


def _within_at(problem: Recursion, factor: float, *, noise: float) -> int:
    """Return the same with the noise of all labels multiplied."""
    sources = [replace(source, noise_var=source.noise_var * noise) for source in problem.mixture.sources]
    schedule = problem.workflow.schedule
    scaled = {name: [noise * value for value in values] for name, values in schedule.noise_var.items()}
    workflow = replace(problem.workflow, schedule=replace(schedule, noise_var=scaled))
    changed = Recursion(replace(problem.mixture, sources=sources), workflow)
    return _within(np.array(solve_generations(changed).excess_risk), factor * _reference(changed) * (1 + 1e-9))


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
    asked = _fewest_fresh(problem, most)
    return asked, asked if longer is problem else _fewest_fresh(longer, most)


def _fewest_mixed(problem: Recursion, most: float) -> int | None:
    """Return how many real samples keep all generations of a mix within a risk; more are taken to help."""
    real, synthetic = problem.mixture.sources

    def stays(n_real: int) -> bool:
        mixture = replace(problem.mixture, sources=[replace(real, n_samples=n_real), synthetic])
        changed = Recursion(mixture, problem.workflow)
        return max(solve_generations(changed).excess_risk[int(problem.given) :]) <= most

    if real.name in problem.workflow.schedule.n_samples:
        return None
    low, high = 0, int(MOST_REAL * max(real.n_samples, synthetic.n_samples))
    if not stays(high):
        return None
    while high - low > 1:
        middle = int(np.sqrt((low + 1) * high))
        low, high = (low, middle) if stays(middle) else (middle, high)
    return high


def _fewest_fresh(problem: Recursion, most: float) -> int | None:
    """Return from how many fresh real samples a generation on no generation exceeds a risk."""
    chain, covariances = translate_chain(problem)

    def stays(n_real: Array) -> Array:
        many = tiled(chain, len(n_real))
        samples = many.n_samples.copy()
        samples[:, 1:, REAL] = n_real[:, None]
        risk = trajectory(replace(many, n_samples=samples), covariances=covariances).excess_risk
        return np.asarray((risk[:, 1:] <= most).all(axis=1))

    largest = MOST_REAL * float(max(chain.n_samples.max(), 1.0))
    points = np.unique(np.round(np.concatenate([[0.0], np.geomspace(1.0, largest, 3 * POINTS)])))
    while True:
        good = stays(points)
        if not good[-1]:
            return None
        if good.all():
            return int(points[0])
        first = len(points) - 1 - int(np.argmin(good[::-1]))  # the last that is not good
        if points[first + 1] - points[first] <= 1:
            return int(points[first + 1])
        points = np.unique(np.round(np.linspace(points[first], points[first + 1], POINTS)))


def _mixing(problem: Recursion) -> AdaptiveMixing | None:
    """Compare fixed and adaptive mixing, of as many generations as can be searched."""
    if problem.workflow.kind != "mix" or (problem.n_used[1:] <= 0).any():
        return None
    return adaptive_mixing(_shortened(problem, MOST_ADAPTIVE[uses_inputs_once(problem)]))
