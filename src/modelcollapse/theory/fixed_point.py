"""How strongly does each source pull, and how strong is the effective ridge? One concave maximisation for all models.

With x_k = log e_k, y = −log κ, gains a_k = e_k/κ, A = Σ_k p_k ω_k a_k Σ_k and R = (A + 1)⁻¹ the fixed point is where

    Σ_k n_k (x_k − e_k) + m y − d λ e^y − logdet(A + 1) − d Σ_k p_k ω_k b_k a_k

is largest; in the linear model y = −log λ is given and the terms of y drop out. The function is concave in (x, y),
because the log-determinant of a posynomial is convex in the logarithms: the solution is unique, and Newton finds it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.theory.covariances import Covariances, Resolvent
from modelcollapse.theory.equilibrium import Bools, Classes, Equilibrium
from modelcollapse.theory.limits import Limits, ridgeless_limits
from modelcollapse.theory.newton import maximise, newton_step


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

    Raises
    ------
    InputError
        See `ridgeless_limits`.

    Notes
    -----
    e_k = 1/(1 + ω_k t_k/N), t_k = tr(Σ_k (Σ_j p_j ω_j e_j Σ_j + κ)⁻¹) + b_k d/κ, and κ = λ for the linear model, else
    κ = (λ + Σ_k p_k ω_k e_k b_k) d/m + κ tr(A R)/m.

    With more samples than width the unknowns are (x, y), which keeps the digits of 1 − e however many samples there
    are. Otherwise they are log a, which stay finite where e and κ vanish together; y then follows from a quadratic.
    """
    limits = ridgeless_limits(covariances, classes)
    classes = replace(classes, ridge=limits.ridge)
    abundant = (classes.active_samples.sum(axis=1) > classes.limit) & ~limits.ranged
    gain, price = np.empty_like(classes.n_samples), np.empty_like(classes.ridge)
    converged, iterations = np.zeros(len(price), dtype=np.bool_), 0
    for chosen, solver in ((abundant, _by_shrinkage), (~abundant, _by_gain)):
        if chosen.any():
            rows = np.flatnonzero(chosen)
            some = covariances.rows(rows, (len(price),)), classes.rows(rows), limits.rows(rows)
            gain[rows], price[rows], converged[rows], steps = solver(*some)
            iterations = max(iterations, steps)
    if not classes.active.all():
        gain = np.where(classes.active, gain, _passive_gain(covariances, classes, limits, gain, price))
    return Equilibrium(
        gain=gain,
        scale=price,
        effective_ridge=np.where(limits.ranged, 0.0, price),
        spare_width=_spare_width(covariances, classes, limits, gain, price),
        threshold=limits.threshold,
        mixed=limits.mixed,
        converged=converged | limits.threshold,
        iterations=iterations,
        shift=limits.shift,
    )


def _by_gain(covariances: Covariances, classes: Classes, limits: Limits) -> tuple[Array, Array, Bools, int]:
    """Solve n_k = κ n_k a_k + learned_k for log a. Returns gains (B, C), κ (B,), converged (B,), iterations."""
    active, samples, pressure = classes.active, classes.active_samples, covariances.n_features * classes.ridge
    supply = np.where(active, samples, 1.0)

    def derivatives(log_gain: Array) -> tuple[Array, Array]:
        gain = np.exp(log_gain)
        learned, hessian, _ = _learned(covariances, classes, limits, gain)
        price, root = _price(classes, limits, samples, gain, pressure)
        left = price[:, None] * samples * gain
        # diag(left) − left leftᵀ/root: the second part is how κ gives way when gains grow
        hessian -= left[:, :, None] * (left[:, None, :] / root[:, None, None])
        _add_diagonal(hessian, np.where(active, left, 1.0))
        gradient = np.where(active, samples - left - learned, 0.0)
        return gradient, newton_step(hessian, gradient=gradient, supply=supply)

    penalty = classes.ridge if classes.width is None else pressure / classes.width
    inverse = classes.weight * _reach(covariances, classes) / classes.n_total[:, None] + penalty[:, None]
    inverse = np.where(limits.ranged[:, None], 2.0, inverse)
    start = -np.log(np.where(active & (inverse > 0), inverse, 1.0))  # as if no direction were learned
    log_gain, converged, iterations = maximise(derivatives, start)
    gain = np.exp(log_gain)
    return gain, _price(classes, limits, samples, gain, pressure)[0], converged, iterations


def _price(classes: Classes, limits: Limits, samples: Array, gain: Array, pressure: Array) -> tuple[Array, Array]:
    """Return κ (1 in ranged rows, whose gains are e itself), and the root of its quadratic: infinite where κ is fixed.

    κ s − d λ/κ = N − m ≤ 0 with s = Σ n a.
    """
    if classes.width is None:
        return np.where(limits.ranged, 1.0, classes.ridge), np.full_like(pressure, np.inf)
    deficit = classes.width - samples.sum(axis=1)
    root = np.sqrt(deficit**2 + 4 * (samples * gain).sum(axis=1) * pressure)
    price = 2 * pressure / np.where(limits.ranged, 1.0, root + deficit)
    return np.where(limits.ranged, 1.0, price), np.where(limits.ranged, np.inf, root)


def _by_shrinkage(covariances: Covariances, classes: Classes, limits: Limits) -> tuple[Array, Array, Bools, int]:
    """Solve n_k = n_k e_k + learned_k and m = d λ/κ + Σ learned for (log e, −log κ); returns as `_by_gain`."""
    active, samples, pressure = classes.active, classes.active_samples, covariances.n_features * classes.ridge
    width = classes.limit
    supply = np.column_stack([np.where(active, samples, 1.0), width])

    def derivatives(point: Array) -> tuple[Array, Array]:
        shrinkage, gain = np.exp(point[:, :-1]), np.exp(point[:, :-1] + point[:, -1:])
        learned, hessian, grounding = _learned(covariances, classes, limits, gain)
        spare = pressure * np.exp(point[:, -1])
        bordered = np.empty((len(point), supply.shape[1], supply.shape[1]))
        bordered[:, :-1, :-1] = hessian
        bordered[:, -1, :-1] = bordered[:, :-1, -1] = grounding
        bordered[:, -1, -1] = grounding.sum(axis=1) + spare
        _add_diagonal(bordered[:, :-1, :-1], np.where(active, samples * shrinkage, 1.0))
        kept = np.where(active, -samples * np.expm1(point[:, :-1]) - learned, 0.0)  # expm1 keeps the digits of 1 − e
        gradient = np.column_stack([kept, width - spare - learned.sum(axis=1)])
        return gradient, newton_step(bordered, gradient=gradient, supply=supply)

    total = samples.sum(axis=1)
    shrinkage = 1 - width / total
    reach = (classes.force * _reach(covariances, classes)).sum(axis=1) * shrinkage
    start = np.column_stack([np.where(active, np.log(shrinkage)[:, None], 0.0), np.log(width / (reach + pressure))])
    point, converged, iterations = maximise(derivatives, start)
    return np.exp(point[:, :-1] + point[:, -1:]), np.exp(-point[:, -1]), converged, iterations


def _learned(covariances: Covariances, classes: Classes, limits: Limits, gain: Array) -> tuple[Array, Array, Array]:
    """Return what each class contributes to the degrees of freedom, and its derivatives in log a, by positive sums.

    Returns
    -------
    learned : array of shape (B, C)
        g_k (tr Σ_k R + d b_k), g = p ω a: the gradient of logdet(A + 1) + d Σ g b.
    hessian : array of shape (B, C, C)
        Its second derivatives.
    grounding : array of shape (B, C)
        Row sums of the Hessian: the derivative when all gains grow together.
    """
    pull, group = classes.force * gain, np.array(classes.group)
    resolvent = covariances.resolvent(pull @ classes.membership, limits.shift)
    second = resolvent.second_traces()
    noise = covariances.n_features * pull * classes.feature_noise[group]
    grounding = pull * second[:, 0, group + 1] + noise
    couplings = pull[:, :, None] * pull[:, None, :] * second[:, group[:, None] + 1, group[None, :] + 1]
    learned = grounding + couplings.sum(axis=2)  # tr Σ_k R = tr Σ_k R (A + shift) R
    couplings[:, np.arange(len(group)), np.arange(len(group))] = 0.0
    hessian = -couplings
    _add_diagonal(hessian, grounding + couplings.sum(axis=2))
    return learned, hessian, grounding


def _add_diagonal(matrices: Array, values: Array) -> None:
    """Add values (B, C) to the diagonals of matrices (B, C, C), in place."""
    index = np.arange(values.shape[1])
    matrices[:, index, index] += values


def _reach(covariances: Covariances, classes: Classes) -> Array:
    """Return tr Σ_k + d b_k, (C,) or (B, C)."""
    group = list(classes.group)
    return np.asarray(covariances.traces()[..., group] + covariances.n_features * classes.feature_noise[group])


def _spare_width(covariances: Covariances, classes: Classes, limits: Limits, gain: Array, price: Array) -> Array:
    """Return d λ/κ and its limits, in forms that do not cancel."""
    if classes.width is None:
        return np.zeros_like(price)
    pressure, samples = covariances.n_features * classes.ridge, classes.active_samples
    deficit = classes.width - samples.sum(axis=1)
    root = np.sqrt(deficit**2 + 4 * (samples * np.where(classes.active, gain, 0.0)).sum(axis=1) * pressure)
    spare = np.where(deficit >= 0, (deficit + root) / 2, pressure / np.where(price > 0, price, 1.0))
    return np.where(limits.ranged, classes.width - limits.rank, spare)


def _passive_gain(covariances: Covariances, classes: Classes, limits: Limits, gain: Array, price: Array) -> Array:
    """Return the gain of the first sample of a class that takes no part in the fit, (B, C)."""
    pull, group = classes.force * np.where(classes.active, gain, 0.0), np.array(classes.group)
    resolvent: Resolvent = covariances.resolvent(pull @ classes.membership, limits.shift)
    reach = resolvent.first_traces()[:, group] + covariances.n_features * classes.feature_noise[group]
    inverse = price[:, None] + classes.weight * reach / classes.n_total[:, None]
    unreached = limits.ranged[:, None] & (classes.weight > 0) & (resolvent.second_traces()[:, 0, group + 1] > 0)
    return np.where(unreached | (inverse == 0), 0.0, 1 / np.where(inverse == 0, 1.0, inverse))
