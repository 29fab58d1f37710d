"""Can a share of synthetic data that changes with the generation beat the best fixed one? How much is gained.

Every generation gets real samples and samples that the model before has labelled. The control is the weight of the
latter. It is chosen once for all generations, generation by generation (greedy), or as a whole schedule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.decisions.valleys import Function, descended, lowest
from modelcollapse.errors import InputError
from modelcollapse.problems.recursion import REAL, SYNTHETIC, Recursion
from modelcollapse.streams import stream
from modelcollapse.theory.generations_engine import unsupported
from modelcollapse.theory.reweighed_engine import reweighed

LOG_WEIGHT = (-14.0, 14.0)
LOG_RIDGE = (-16.0, 4.0)
"""Range of the log weight over the real share of the samples, and of the log ridge over the inputs' mean variance."""
SCAN = (29, 21)
FIRST_ITERATIONS = 6
KEPT = 5
ITERATIONS = 60
"""All starts take so many steps; this many of them, the lowest, take so many more."""
RISKS = (1e-300, 1e300)
"""Range in which a risk has a logarithm."""

Follow = Callable[[Array, Array], Array]
"""From log weights (S, t) and log ridges (S,) of t generations to the excess risks (S, t + 1)."""


@dataclass(frozen=True, kw_only=True)
class Mixing:
    """How the generations weigh their synthetic samples, and what comes of it.

    Attributes
    ----------
    weight : tuple of T floats
        Of a synthetic sample in generations 1 to T; a real one weighs 1.
    synthetic_share : tuple of T floats
        Of the whole weight.
    ridge : float
        Of these generations; generation 0 has the best for itself.
    excess_risk : tuple of T + 1 floats
    """

    weight: tuple[float, ...]
    synthetic_share: tuple[float, ...]
    ridge: float
    excess_risk: tuple[float, ...]

    @property
    def last(self) -> float:
        """Excess risk of the last generation."""
        return self.excess_risk[-1]

    @property
    def mean(self) -> float:
        """Mean excess risk of generations 1 to T."""
        return float(np.mean(self.excess_risk[1:]))


@dataclass(frozen=True, kw_only=True)
class AdaptiveMixing:
    """The best fixed weight, the greedy schedule, and the best schedule that was found, for the last generation.

    Attributes
    ----------
    first_ridge : float
        Of generation 0 in all of them, the best for itself.
    fixed, greedy, adaptive : Mixing
    """

    first_ridge: float
    fixed: Mixing
    greedy: Mixing
    adaptive: Mixing

    @property
    def gain(self) -> float:
        """Share of the fixed weight's last excess risk that the schedule saves."""
        return 1 - self.adaptive.last / self.fixed.last

    @property
    def greedy_gap(self) -> float:
        """By which share the greedy schedule's last excess risk exceeds that of the whole schedule's."""
        return self.greedy.last / self.adaptive.last - 1


def adaptive_mixing(problem: Recursion) -> AdaptiveMixing:
    """Compare the best fixed weight of synthetic samples with the best schedule of weights.

    Parameters
    ----------
    problem : Recursion
        A mix with real and synthetic samples. All of them are used; the weights and the ridge are what is chosen, one
        ridge for all generations after the first.

    Returns
    -------
    AdaptiveMixing
        All for the excess risk of the last generation.

    Raises
    ------
    InputError
        When the workflow is no mix, one source has no samples, or theory has no formula.

    Notes
    -----
    The fixed weight and its ridge are scanned and refined. The greedy schedule minimises the risk of each generation in
    turn, at that ridge. The last risk has several valleys in the weights and the ridge: the schedule descends from the
    two, and from constant weights, ramps, averages, and changes between copying the model before, mixing, and starting
    anew; each from its best ridge. It is a local optimum, at least as good as either; `best_of_random_starts` checks
    how good. Where one number describes the model, as for isotropic inputs without ridge and fewer features than
    samples, greedy is optimal: a better model labels better.
    """
    sampler = _Sampler.of(problem)
    generations = problem.workflow.generations
    first_ridge = sampler.first_ridge()
    follow = sampler.follow(first_ridge)
    log_weight, log_ridge = _best_fixed(follow, generations)
    fixed = np.append(np.full(generations, log_weight), log_ridge)
    greedy = np.append(_greedy(follow, generations, log_ridge), log_ridge)
    adaptive = _best_schedule(follow, np.stack([greedy, fixed]))
    return AdaptiveMixing(
        first_ridge=first_ridge,
        fixed=sampler.mixing(follow, fixed),
        greedy=sampler.mixing(follow, greedy),
        adaptive=sampler.mixing(follow, adaptive),
    )


def best_of_random_starts(problem: Recursion, *, n_starts: int, seed: int = 0) -> float:
    """Return the smallest last risk of schedules that descend from random ones: a check on `adaptive_mixing`.

    Parameters
    ----------
    problem : Recursion
    n_starts : int
        Log weights and log ridge of each are uniform in the range of the search.
    seed : int

    Raises
    ------
    InputError
        As `adaptive_mixing`.
    """
    sampler = _Sampler.of(problem)
    bounds = _bounds(problem.workflow.generations)
    starts = stream(seed, "adaptive mixing", "starts").uniform(bounds[:, 0], bounds[:, 1], size=(n_starts, len(bounds)))
    _, values = descended(_last(sampler.follow(sampler.first_ridge())), starts, bounds, iterations=ITERATIONS)
    return float(np.exp(values.min()))


@dataclass(frozen=True, kw_only=True)
class _Sampler:
    """A mix whose weights and ridge can be set.

    Attributes
    ----------
    problem : Recursion
    unit : array of shape (T + 1,)
        Real share of the samples of each generation: what weights are relative to.
    scale : float
        Mean variance of the real inputs.
    """

    problem: Recursion
    unit: Array
    scale: float

    @classmethod
    def of(cls, problem: Recursion) -> _Sampler:
        """Check that there is something to choose."""
        if problem.workflow.kind != "mix":
            raise InputError(f"weights are chosen for a mix; got `{problem.workflow.kind}`. Mix in real samples.")
        used = problem.n_used[1:]
        if (used <= 0).any():
            raise InputError("every generation must have real and synthetic samples, or there is nothing to weigh.")
        schedule = replace(problem.workflow.schedule, ridge=None)
        shrunk = Recursion(replace(problem.mixture, ridge=1.0), replace(problem.workflow, schedule=schedule))
        reason = unsupported(shrunk)  # with some ridge: it is one of the things that are chosen
        if reason is not None:
            raise InputError(f"theory {reason}. There is no schedule without it.")
        unit = np.append(1.0, used[:, REAL] / used.sum(axis=1))
        eigenvalues, _ = problem.mixture.spectra[REAL].directions
        return cls(problem=problem, unit=unit, scale=float(np.mean(eigenvalues)))

    def first_ridge(self) -> float:
        """Return the ridge that is best for generation 0, a fit on real samples only."""
        if self.problem.given:
            return float(self.problem.ridge[0])
        risks = reweighed(self.problem)

        def risk(log_ridge: Array) -> Array:
            return risks(np.ones((len(log_ridge), 1, 2)), np.exp(log_ridge) * self.scale)[:, 0]

        return float(np.exp(lowest(risk, [LOG_RIDGE], (33,))[0])) * self.scale

    def follow(self, first_ridge: float) -> Follow:
        """Return the function from weights and ridge to risks, with the ridge of generation 0."""
        risks = reweighed(self.problem)

        def follow(log_weight: Array, log_ridge: Array) -> Array:
            rows, t = log_weight.shape
            weight = np.ones((rows, t + 1, 2))
            weight[:, 1:, SYNTHETIC] = self.weights(log_weight)
            ridge = np.full((rows, t + 1), first_ridge)
            ridge[:, 1:] = np.exp(log_ridge)[:, None] * self.scale
            return risks(weight, ridge)

        return follow

    def weights(self, log_weight: Array) -> Array:
        """Return the weights of synthetic samples in generations 1 to t, from (..., t) log weights."""
        return np.asarray(np.exp(log_weight) * self.unit[1 : 1 + log_weight.shape[-1]])

    def mixing(self, follow: Follow, point: Array) -> Mixing:
        """Return what comes of log weights and a log ridge (T + 1,)."""
        weight = self.weights(point[:-1])
        used = self.problem.n_used[1:]
        pull = weight * used[:, SYNTHETIC]
        return Mixing(
            weight=tuple(weight.tolist()),
            synthetic_share=tuple((pull / (pull + used[:, REAL])).tolist()),
            ridge=float(np.exp(point[-1])) * self.scale,
            excess_risk=tuple(follow(point[None, :-1], point[-1:])[0].tolist()),
        )


def _best_fixed(follow: Follow, generations: int) -> Array:
    """Return the log weight and log ridge (2,) that are best for all generations alike."""

    def last(points: Array) -> Array:
        return follow(np.repeat(points[:, :1], generations, axis=1), points[:, 1])[:, -1]

    return lowest(last, [LOG_WEIGHT, LOG_RIDGE], SCAN)


def _greedy(follow: Follow, generations: int, log_ridge: float) -> Array:
    """Return the log weights (T,) of which each makes the risk of its generation smallest."""
    chosen = np.zeros(0)
    for _ in range(generations):

        def last(points: Array, before: Array = chosen) -> Array:
            weights = np.concatenate([np.tile(before, (len(points), 1)), points], axis=1)
            return follow(weights, np.full(len(points), log_ridge))[:, -1]

        chosen = np.append(chosen, lowest(last, [LOG_WEIGHT], SCAN[:1])[0])
    return chosen


def _best_schedule(follow: Follow, known: Array) -> Array:
    """Return the log weights and the log ridge (T + 1,) of the best schedule found, from known ones (S, T + 1) too."""
    generations = known.shape[1] - 1
    last, bounds = _last(follow), _bounds(generations)
    patterns, ridges = _patterns(generations), np.linspace(*LOG_RIDGE, SCAN[1])
    grid = np.concatenate([np.repeat(patterns, SCAN[1], axis=0), np.tile(ridges, len(patterns))[:, None]], axis=1)
    at_best_ridge = last(grid).reshape(len(patterns), -1).argmin(axis=1)
    starts = np.concatenate([known, np.column_stack([patterns, ridges[at_best_ridge]])])
    points, values = descended(last, starts, bounds, iterations=FIRST_ITERATIONS)
    points, values = descended(last, points[np.argsort(values)[:KEPT]], bounds, iterations=ITERATIONS)
    return np.asarray(points[int(np.argmin(values))])


def _last(follow: Follow) -> Function:
    """Return the function from log weights and a log ridge (S, T + 1) to the log of the last risk."""
    return lambda points: np.log(np.clip(follow(points[:, :-1], points[:, -1])[:, -1], *RISKS))


def _bounds(generations: int) -> Array:
    return np.array([LOG_WEIGHT] * generations + [LOG_RIDGE])


def _patterns(generations: int) -> Array:
    """Return log weights (S, T) from which schedules descend: constant, rising and falling, two in turn, and averages.

    Copying weighs a lot, mixing about as much as the real samples, and starting anew next to nothing.
    """
    place = np.linspace(0.0, 1.0, generations)
    copy, mix, anew = 9.0, -1.0, -9.0
    constant = [np.full(generations, level) for level in (anew, -4.0, mix, 2.0, copy)]
    ramps = [a + (b - a) * place for a, b in ((-4.0, 2.0), (2.0, -4.0), (copy, mix), (mix, copy), (anew, copy))]
    order = np.arange(generations)
    turns = sorted({1, (generations + 1) // 2, generations - 1} - {0, generations})
    steps = [np.where(order < turn, a, b) for turn in turns for a, b in
             ((copy, mix), (mix, copy), (anew, mix), (mix, anew), (anew, copy))]  # fmt: skip
    return np.array([*constant, *ramps, *steps, np.log1p(order)])
