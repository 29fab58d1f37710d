"""Can a share of synthetic data that changes with the generation beat the best fixed one? How much is gained.

Every generation gets real samples and samples that the model before has labelled. The control is the weight of the
latter. It is chosen once for all generations, generation by generation (greedy), or as a whole schedule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import minimum_filter
from scipy.optimize import minimize

from modelcollapse.checks import Array
from modelcollapse.errors import InputError
from modelcollapse.problems.recursion import REAL, SYNTHETIC, Recursion
from modelcollapse.problems.workflow import Schedule
from modelcollapse.theory.chains import cut, tiled
from modelcollapse.theory.commuting import CommutingCovariances
from modelcollapse.theory.generations import Chain, trajectory
from modelcollapse.theory.generations_engine import (
    solve_generations,
    translate_chain,
    unsupported,
    uses_inputs_once,
)

LOG_WEIGHT = (-10.0, 8.0)
LOG_RIDGE = (-16.0, 4.0)
"""Range of the log weight over the real share of the samples, and of the log ridge over the inputs' mean variance."""
SCAN = (13, 11)
VALLEYS = 3
"""Valleys of a scan that are followed to their ground."""
OFFSETS = np.linspace(-1.0, 1.0, 5)
ROUNDS = 6
STEP = 1e-3
"""Of the differences that give the gradient of a schedule."""
ITERATIONS = 60

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
    turn, at that ridge. The schedule descends from both by the gradient of the last risk in all weights and the ridge
    (L-BFGS): a local optimum at least as good as either. Where one number describes the model, as for isotropic inputs
    without ridge and fewer features than samples, greedy is optimal: a better model labels better.
    """
    sampler = _Sampler.of(problem)
    generations = problem.workflow.generations
    first_ridge = sampler.first_ridge()
    follow = sampler.follow(first_ridge)
    log_weight, log_ridge = _best_fixed(follow, generations)
    fixed = np.append(np.full(generations, log_weight), log_ridge)
    greedy = np.append(_greedy(follow, generations, log_ridge), log_ridge)
    candidates = [greedy, fixed, _descended(follow, greedy), _descended(follow, fixed)]
    adaptive = min(candidates, key=lambda point: _last(follow, point))
    return AdaptiveMixing(
        first_ridge=first_ridge,
        fixed=sampler.mixing(follow, fixed),
        greedy=sampler.mixing(follow, greedy),
        adaptive=sampler.mixing(follow, adaptive),
    )


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
        chain, covariances = self._chain()
        alone = cut(chain, 1)

        def risk(log_ridge: Array) -> Array:
            ridge = np.exp(log_ridge)[:, None] * self.scale
            many = replace(tiled(alone, len(log_ridge)), ridge=ridge)
            return trajectory(many, covariances=covariances).excess_risk[:, 0]

        return float(np.exp(_refined(lambda points: risk(points[:, 0]), [LOG_RIDGE], (33,))[0])) * self.scale

    def follow(self, first_ridge: float) -> Follow:
        """Return the function from weights and ridge to risks, with the ridge of generation 0."""
        if not uses_inputs_once(self.problem):
            return lambda weights, ridges: np.stack(
                [self._remembered(w, r, first_ridge) for w, r in zip(weights, ridges, strict=True)]
            )
        chain, covariances = self._chain()

        def follow(log_weight: Array, log_ridge: Array) -> Array:
            rows, t = log_weight.shape
            weight = np.ones((rows, t + 1, 2))
            weight[:, 1:, SYNTHETIC] = self.weights(log_weight)
            ridge = np.full((rows, t + 1), first_ridge)
            ridge[:, 1:] = np.exp(log_ridge)[:, None] * self.scale
            many = replace(tiled(cut(chain, t + 1), rows), weight=weight, ridge=ridge)
            return trajectory(many, covariances=covariances).excess_risk

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

    def _chain(self) -> tuple[Chain, CommutingCovariances]:
        return translate_chain(self.problem)

    def _remembered(self, log_weight: Array, log_ridge: float, first_ridge: float) -> Array:
        """Return the risks of one schedule (t + 1,) where inputs are used again."""
        t = len(log_weight)
        real, synthetic = (source.name for source in self.problem.mixture.sources)
        given = self.problem.workflow.schedule
        schedule = Schedule(
            ridge=[first_ridge] + [float(np.exp(log_ridge)) * self.scale] * t,
            n_samples={name: values[: t + 1] for name, values in given.n_samples.items()},
            noise_var={name: values[: t + 1] for name, values in given.noise_var.items()},
            weight={real: [1.0] * (t + 1), synthetic: [0.0, *self.weights(log_weight).tolist()]},
        )
        workflow = replace(self.problem.workflow, generations=t, schedule=schedule)
        return np.array(solve_generations(Recursion(self.problem.mixture, workflow)).excess_risk)


def _best_fixed(follow: Follow, generations: int) -> Array:
    """Return the log weight and log ridge (2,) that are best for all generations alike."""

    def last(points: Array) -> Array:
        return follow(np.repeat(points[:, :1], generations, axis=1), points[:, 1])[:, -1]

    return _refined(last, [LOG_WEIGHT, LOG_RIDGE], SCAN)


def _greedy(follow: Follow, generations: int, log_ridge: float) -> Array:
    """Return the log weights (T,) of which each makes the risk of its generation smallest."""
    chosen = np.zeros(0)
    for _ in range(generations):

        def last(points: Array, before: Array = chosen) -> Array:
            weights = np.concatenate([np.tile(before, (len(points), 1)), points], axis=1)
            return follow(weights, np.full(len(points), log_ridge))[:, -1]

        chosen = np.append(chosen, _refined(last, [LOG_WEIGHT], SCAN[:1])[0])
    return chosen


def _refined(function: Callable[[Array], Array], bounds: list[tuple[float, float]], scan: tuple[int, ...]) -> Array:
    """Return the minimiser in a box (D,): from the lowest valleys of a scan, by finer and finer grids."""
    low, high = np.array(bounds).T
    points = _grid([np.linspace(a, b, n) for (a, b), n in zip(bounds, scan, strict=True)])
    values = function(points)
    around = minimum_filter(values.reshape(scan), size=3, mode="nearest").ravel()
    valleys = np.flatnonzero(values <= around)
    ends = []
    for start in valleys[np.argsort(values[valleys])][:VALLEYS]:
        best, width = points[start], (high - low) / (np.array(scan) - 1)
        for _ in range(ROUNDS):
            closer = np.clip(best + width * _grid([OFFSETS] * len(bounds)), low, high)
            found = function(closer)
            best, width = closer[int(np.argmin(found))], width / 2
        ends.append((float(found.min()), best))
    return np.asarray(min(ends, key=lambda end: end[0])[1])


def _grid(axes: list[Array]) -> Array:
    """Return all combinations, shape (Q, D)."""
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))


def _last(follow: Follow, point: Array) -> float:
    """Return the last excess risk of log weights and a log ridge (T + 1,)."""
    return float(follow(point[None, :-1], point[-1:])[0, -1])


def _descended(follow: Follow, start: Array) -> Array:
    """Return a schedule (T + 1,) with a smaller last risk, by its gradient: all differences are one batch."""
    moves = STEP * np.concatenate([np.zeros((1, len(start))), np.eye(len(start)), -np.eye(len(start))])

    def slope(point: Array) -> tuple[float, Array]:
        at = point + moves
        risk = np.log(follow(at[:, :-1], at[:, -1])[:, -1])
        forward, backward = np.split(risk[1:], 2)
        return float(risk[0]), (forward - backward) / (2 * STEP)

    bounds = [LOG_WEIGHT] * (len(start) - 1) + [LOG_RIDGE]
    found = minimize(slope, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": ITERATIONS})
    return np.asarray(np.clip(found.x, *np.array(bounds).T))
