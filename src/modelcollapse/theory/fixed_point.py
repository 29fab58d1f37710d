"""How strongly does each source pull, and how strong is the effective ridge? One concave maximisation.

In place of the leave-one-out factors e_k and the effective ridge κ the unknowns are the gains a_k = e_k/κ, which stay
finite where e and κ vanish together. With A = Σ_k p_k ω_k a_k Σ_k and R = (A + 1)⁻¹ all models maximise

    Σ_k n_k log a_k − logdet(A + 1) − d Σ_k p_k ω_k b_k a_k − h(Σ_k n_k a_k)

which is concave in log a (the log-determinant of a posynomial is convex in the logarithms), so that the solution is
unique and damped Newton steps reach it. h is linear for the linear model, and closed-form for models with a width.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array
from modelcollapse.errors import InputError
from modelcollapse.theory.covariances import Covariances, Resolvent

Bools = NDArray[np.bool_]

MAX_ITERATIONS = 200
TOLERANCE = 1e-7  # of the last Newton step in log a: the next error is its square
MAX_STEP = 20.0  # in log a
OVERSHOOT = 0.5  # a step may end where the slope is minus this fraction of the slope at its start
MAX_SUBSETS = 2**12


@dataclass(frozen=True, kw_only=True)
class Classes:
    """Sources with the same covariance and weight share one unknown: C classes in G groups of covariances, B rows.

    Attributes
    ----------
    group : tuple of C ints
        Which covariance a class has.
    n_samples, weight : arrays of shape (B, C)
    n_total : array of shape (B,)
        Divisor N of the loss; includes samples of weight zero.
    ridge : array of shape (B,)
        λ.
    width : array of shape (B,) or None
        m, or None for the linear model.
    feature_noise : array of shape (G,)
        Variance b that a non-linearity adds to each feature; zeros for linear features.
    """

    group: tuple[int, ...]
    n_samples: Array
    weight: Array
    n_total: Array
    ridge: Array
    width: Array | None
    feature_noise: Array

    @property
    def membership(self) -> Array:
        """Which class lies in which group: zeros and ones, shape (C, G)."""
        return np.eye(len(self.feature_noise))[list(self.group)]

    @property
    def active(self) -> Bools:
        """Which classes take part in the fit, shape (B, C)."""
        return np.asarray((self.n_samples > 0) & (self.weight > 0))

    @property
    def n_active(self) -> Array:
        """Samples that take part in the fit, shape (B,)."""
        return np.asarray(np.where(self.active, self.n_samples, 0.0).sum(axis=1))

    def rows(self, rows: range) -> Classes:
        """Return some rows of the batch."""
        some = slice(rows.start, rows.stop)
        return replace(
            self,
            n_samples=self.n_samples[some],
            weight=self.weight[some],
            n_total=self.n_total[some],
            ridge=self.ridge[some],
            width=None if self.width is None else self.width[some],
        )


@dataclass(frozen=True, kw_only=True)
class Equilibrium:
    """Solution of the fixed point, in gains that stay finite in every limit: e = scale · gain.

    Attributes
    ----------
    gain : array of shape (B, C)
        e/κ; or e itself where `shift` is a projector, a ridgeless fit with more samples than directions.
    scale : array of shape (B,)
        Effective ridge κ, zero for an interpolating fit; or 1 where the gains are e itself.
    shift : 1.0 or array
        What is added to A in R: the identity, or the projector on directions that no sample reaches.
    effective_ridge : array of shape (B,)
        κ.
    spare_width : array of shape (B,)
        m − tr(A R) − d Σ p ω b a = d λ/κ: features that the fit leaves unused. Zeros for the linear model.
    threshold, converged : bool arrays of shape (B,)
    iterations : int
        Newton iterations of the slowest row.
    """

    gain: Array
    scale: Array
    shift: Array | float
    effective_ridge: Array
    spare_width: Array
    threshold: Bools
    converged: Bools
    iterations: int

    @classmethod
    def join(cls, pieces: Sequence[Equilibrium], shape: tuple[int, ...]) -> Equilibrium:
        """Join consecutive rows into a batch of this shape; the shift, which differs between pieces, is left out."""

        def whole(name: str) -> Any:
            rows = np.concatenate([getattr(piece, name) for piece in pieces])
            return rows.reshape((*shape, *rows.shape[1:]))

        arrays = ("gain", "scale", "effective_ridge", "spare_width", "threshold", "converged")
        return cls(
            shift=1.0, iterations=max(piece.iterations for piece in pieces), **{name: whole(name) for name in arrays}
        )


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the ridgeless rows of a batch tend to: `ranged` rows determine every direction they reach (κ = 0, e > 0)."""

    ranged: Bools
    threshold: Bools
    rank: Array
    shift: Array | float


def solve_fixed_point(covariances: Covariances, classes: Classes) -> Equilibrium:
    """Solve for the gains of all classes, row by row of the batch.

    Parameters
    ----------
    covariances : Covariances
        G groups, d features.
    classes : Classes
        C classes, B rows.

    Returns
    -------
    Equilibrium
        Rows on the interpolation threshold hold no meaningful gains.

    Raises
    ------
    InputError
        When, without ridge, some sources interpolate and others do not (see `ridgeless_limits`).

    Notes
    -----
    e_k = 1/(1 + ω_k t_k/N), t_k = tr(Σ_k (Σ_j p_j ω_j e_j Σ_j + κ)⁻¹) + b_k d/κ, and κ = λ for the linear model, else
    κ = (λ + Σ_k p_k ω_k e_k b_k) d/m + κ tr(A R)/m. Each iteration solves the logarithm of these equations with the
    Hessian of the concave function, and halves a step that overshoots.
    """
    limits = ridgeless_limits(covariances, classes)
    classes = replace(classes, ridge=np.where(limits.threshold, 1.0, classes.ridge))  # no solution there: keep it tame
    active = classes.active
    n_samples = np.where(active, classes.n_samples, 1.0)
    pull = classes.n_samples * classes.weight / classes.n_total[:, None]  # p ω

    def derivatives(log_gain: Array) -> tuple[Array, Array]:
        """Return the gradient of the concave function and the step proposed, both (B, C)."""
        gain = np.exp(log_gain)
        resolvent = covariances.resolvent((pull * gain) @ classes.membership, limits.shift)
        price, curvature, _ = _price(classes, limits, gain, covariances.n_features)
        mass = np.where(active, classes.n_samples * gain, 0.0)
        data, hessian = _log_determinant(resolvent.first_traces(), resolvent.second_traces(), pull * gain, classes)
        noise = covariances.n_features * (pull * gain) * classes.feature_noise[list(classes.group)]
        demand = np.where(active, data + noise + price[:, None] * mass, 1.0)
        diagonal = np.where(active, noise + price[:, None] * mass, 1.0)
        hessian += diagonal[:, :, None] * np.eye(len(classes.group))
        hessian += curvature[:, None, None] * mass[:, :, None] * mass[:, None, :]
        return n_samples - demand, _newton_step(hessian, n_samples, demand)

    log_gain, converged, iterations = _maximise(derivatives, _start(covariances, classes, limits))
    gain = np.exp(log_gain)
    resolvent = covariances.resolvent((pull * gain) @ classes.membership, limits.shift)
    price, _, spare_width = _price(classes, limits, gain, covariances.n_features)
    if not active.all():
        gain = np.where(active, gain, _passive_gain(covariances, classes, limits, resolvent, price))
    return Equilibrium(
        gain=gain,
        scale=price,
        shift=limits.shift,
        effective_ridge=np.where(limits.ranged, 0.0, price),
        spare_width=spare_width,
        threshold=limits.threshold,
        converged=converged | limits.threshold,
        iterations=iterations,
    )


def _log_determinant(first: Array, second: Array, pull: Array, classes: Classes) -> tuple[Array, Array]:
    """Return gradient (B, C) and Hessian (B, C, C) of logdet(A + Σ_0) in log a, all entries sums of positive terms."""
    group = np.array(classes.group)
    couplings = pull[:, :, None] * pull[:, None, :] * second[:, group[:, None] + 1, group[None, :] + 1]
    couplings[:, np.arange(len(group)), np.arange(len(group))] = 0.0
    own = pull * second[:, 0, group + 1] + couplings.sum(axis=2)
    return pull * first[:, group], own[:, :, None] * np.eye(len(group)) - couplings


def _newton_step(hessian: Array, supply: Array, demand: Array) -> Array:
    """Return the Newton step for log demand = log supply, or for demand = supply where that is no ascent."""
    excess = demand * np.log(supply / demand)
    step = _solve(hessian, excess)
    ascent = (step * (supply - demand)).sum(axis=1, keepdims=True) >= 0
    if not ascent.all():
        step = np.where(ascent, step, _solve(hessian, supply - demand))
    longest = np.abs(step).max(axis=1, keepdims=True)
    return np.asarray(step * np.minimum(1.0, MAX_STEP / np.maximum(longest, MAX_STEP)))


def _solve(matrix: Array, vector: Array) -> Array:
    if matrix.shape[-1] == 1:
        return vector / np.maximum(matrix[:, :, 0], np.finfo(np.float64).tiny)
    return np.asarray(np.linalg.solve(matrix, vector[:, :, None]))[:, :, 0]


def _maximise(derivatives: Callable[[Array], tuple[Array, Array]], start: Array) -> tuple[Array, Bools, int]:
    """Return the maximiser of a concave function row by row, whether each row converged, and the iterations."""
    point, step, slope = start, np.zeros_like(start), np.zeros(len(start))
    converged = np.zeros(len(start), dtype=np.bool_)
    iteration = 0
    while iteration < MAX_ITERATIONS and not converged.all():
        iteration += 1
        trial = point + step
        gradient, proposal = derivatives(trial)
        accepted = (gradient * step).sum(axis=1) >= -OVERSHOOT * slope
        point = np.where(accepted[:, None], trial, point)
        step = np.where(accepted[:, None], proposal, step / 2)
        slope = np.where(accepted, (gradient * proposal).sum(axis=1), slope / 2)
        converged = np.abs(step).max(axis=1) < TOLERANCE
    return point + step, converged, iteration


def _price(classes: Classes, limits: Limits, gain: Array, n_features: int) -> tuple[Array, Array, Array]:
    """Return κ and dκ/ds at s = Σ n a, and the spare width d λ/κ; κ = 1 in ranged rows, whose gains are e itself.

    With a width, κ solves κ s − d λ/κ = N − m: both terms are roots of one quadratic, and the larger comes first.
    """
    if classes.width is None:
        zeros = np.zeros_like(classes.ridge)
        return np.where(limits.ranged, 1.0, classes.ridge), zeros, zeros
    mass = np.where(classes.active, classes.n_samples * gain, 0.0).sum(axis=1)
    surplus, pressure = classes.n_active - classes.width, n_features * classes.ridge
    root = np.sqrt(surplus**2 + 4 * mass * pressure)
    larger = (root + np.abs(surplus)) / 2
    smaller = _ratio(mass * pressure, larger)
    price = np.where(surplus > 0, larger, smaller) / mass
    curvature = -_ratio(price**2, root)
    spare = np.where(surplus > 0, smaller, larger)
    return (
        np.where(limits.ranged, 1.0, price),
        np.where(limits.ranged, 0.0, curvature),
        np.where(limits.ranged, classes.width - limits.rank, spare),
    )


def _ratio(numerator: Array, denominator: Array) -> Array:
    """Return numerator / denominator, and 0 where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


def _start(covariances: Covariances, classes: Classes, limits: Limits) -> Array:
    """Return log gains to start from, (B, C): the solution if no direction were learned."""
    group = list(classes.group)
    reach = covariances.traces()[..., group] + covariances.n_features * classes.feature_noise[group]
    penalty = classes.ridge if classes.width is None else classes.ridge * covariances.n_features / classes.width
    inverse = classes.weight * reach / classes.n_total[:, None] + penalty[:, None]
    inverse = np.where(limits.ranged[:, None], 2.0, inverse)
    return -np.log(np.where(classes.active & (inverse > 0), inverse, 1.0))


def _passive_gain(
    covariances: Covariances, classes: Classes, limits: Limits, resolvent: Resolvent, price: Array
) -> Array:
    """Return the gain of the first sample of a class that takes no part in the fit, (B, C)."""
    group = np.array(classes.group)
    pull = resolvent.first_traces() + covariances.n_features * classes.feature_noise
    inverse = price[:, None] + classes.weight * pull[:, group] / classes.n_total[:, None]
    unreached = limits.ranged[:, None] & (classes.weight > 0) & (resolvent.second_traces()[:, 0, group + 1] > 0)
    return np.where(unreached, 0.0, _ratio(np.ones_like(inverse), inverse))


def ridgeless_limits(covariances: Covariances, classes: Classes) -> Limits:
    """Find the limit that rows without ridge tend to.

    A set S of groups interpolates when its samples are too few for the directions that only S reaches. The fit as a
    whole resolves min over S of n_S + rank(groups outside S) directions, or m if that is less. A tie is a threshold.

    Raises
    ------
    InputError
        When the minimum is at some of the groups but not all: then some e_k vanish and others do not, on two scales.
    """
    n_rows = len(classes.ridge)
    ridgeless = classes.ridge == 0
    ranged, threshold, rank = np.zeros(n_rows, np.bool_), np.zeros(n_rows, np.bool_), np.zeros(n_rows)
    shift: Array | float = 1.0
    if ridgeless.any() and classes.feature_noise.any():
        threshold = ridgeless & (classes.n_active == classes.width)
    elif ridgeless.any():
        samples = np.where(classes.active, classes.n_samples, 0.0) @ classes.membership
        width = np.full(n_rows, np.inf) if classes.width is None else classes.width
        for pattern in np.unique(samples[ridgeless] > 0, axis=0):
            rows = ridgeless & ((samples > 0) == pattern).all(axis=1)
            groups = [int(g) for g in np.flatnonzero(pattern)]
            determined, tied = _resolved(covariances, groups, samples, width, rows)
            ranged |= rows & determined
            threshold |= rows & tied
            rank = np.where(rows, covariances.rank(groups), rank)
            if determined[rows].any():
                identity = np.broadcast_to(covariances.identity, (n_rows, *covariances.identity.shape))
                shift = identity.copy() if isinstance(shift, float) else shift
                shift[ranged & rows] = np.broadcast_to(covariances.null(groups), shift.shape)[ranged & rows]
    return Limits(ranged=ranged, threshold=threshold, rank=rank, shift=shift)


def _resolved(
    covariances: Covariances, groups: list[int], samples: Array, width: Array, rows: Bools
) -> tuple[Bools, Bools]:
    """Return which rows determine every direction that they reach, and which lie on a threshold; both (B,)."""
    subsets = _candidates(covariances, groups)
    counts = np.stack(
        [
            samples[:, subset].sum(axis=1) + covariances.rank([g for g in groups if g not in subset])
            for subset in subsets
        ]
    )
    fewest = counts.min(axis=0)
    unique = (counts == fewest).sum(axis=0) == 1
    best = counts.argmin(axis=0)
    nobody, everybody = best == 0, best == len(subsets) - 1
    if (rows & (width > fewest) & unique & ~nobody & ~everybody).any():
        raise InputError(
            "`ridge` = 0 makes some sources interpolate their samples and others not, because they reach different "
            "directions; got too few samples for the directions that only some sources reach. Use a small ridge."
        )
    determined = (width >= fewest) & unique & nobody
    return determined, (width >= fewest) & ~determined & ~((width > fewest) & unique & everybody)


def _candidates(covariances: Covariances, everyone: list[int]) -> list[list[int]]:
    """Return the sets of groups that may interpolate, from none to all."""
    ranks = [covariances.rank([g]) for g in everyone]
    if all(np.array_equal(rank, covariances.rank(everyone)) for rank in ranks):
        return [[], everyone]
    if 2 ** len(everyone) > MAX_SUBSETS:
        raise InputError(
            f"`ridge` = 0 with {len(everyone)} different covariances, some singular, is not supported; at most "
            f"{MAX_SUBSETS.bit_length() - 1} are. Use a small ridge."
        )
    return [list(subset) for size in range(len(everyone) + 1) for subset in itertools.combinations(everyone, size)]
