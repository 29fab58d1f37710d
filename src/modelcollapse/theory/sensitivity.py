"""What is one more sample of a source worth, and how bad can its teacher be? Derivatives and extreme errors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import eigh

from modelcollapse.checks import Array
from modelcollapse.errors import InputError
from modelcollapse.theory.commuting import CommutingCovariances, CommutingResolvent
from modelcollapse.theory.covariances import Covariances, Resolvent
from modelcollapse.theory.dense import DenseCovariances, DenseResolvent
from modelcollapse.theory.fixed_point import solve_fixed_point
from modelcollapse.theory.mixture import amplification, mixture_risk, projection_response
from modelcollapse.theory.reductions import Sampling, reduce
from modelcollapse.theory.teachers import Teachers

CENTRAL = (np.array([-2.0, -1.0, 1.0, 2.0]), np.array([1.0, -8.0, 8.0, -1.0]) / 12)
FORWARD = (np.array([0.0, 1.0, 2.0, 3.0, 4.0]), np.array([-25.0, 48.0, -36.0, 16.0, -3.0]) / 12)
"""Offsets in steps and weights of fourth-order first derivatives."""

RELATIVE_STEP = 1e-3  # of the distance to the interpolation threshold: the error is of the order of its fourth power


def marginal_values(sampling: Sampling, *, covariances: Covariances, teachers: Teachers, target: int = 0) -> Array:
    """Return how the risk on the target changes with the number of samples of each source, ∂risk/∂n_k.

    Negative where more data helps. The ratio of two values is the exchange rate between the sources.

    Parameters
    ----------
    sampling : Sampling
        At one point: without leading axes.
    covariances : Covariances
    teachers : Teachers
    target : int

    Returns
    -------
    array of shape (K,)
        Per sample; one-sided where the source has no samples yet. NaN on the interpolation threshold.

    Notes
    -----
    The ridge per sample stays as it is. Fourth-order differences of the closed form, over steps that shrink with the
    distance to the interpolation threshold: about nine digits.
    """
    here = mixture_risk(sampling, covariances=covariances, teachers=teachers, target=target)
    if here.threshold:
        return np.full(len(sampling.group), np.nan)
    step = RELATIVE_STEP * float(sampling.n_total) / (1.0 + float(here.amplification.sum()))
    values = []
    for k, n_samples in enumerate(sampling.n_samples):
        offsets, weights = CENTRAL if n_samples > 2 * step else FORWARD
        moved = sampling.n_samples + step * offsets[:, None] * np.eye(len(sampling.group))[k]
        total = moved.sum(axis=1)
        risk = mixture_risk(
            replace(sampling, share=moved / total[:, None], n_total=total),
            covariances=covariances,
            teachers=teachers,
            target=target,
        )
        values.append(weights @ risk.excess_risk[:, target] / step)
    return np.array(values)


@dataclass(frozen=True, kw_only=True)
class ExtremeShifts:
    """The worst and the mildest mean-zero error of a source's teacher of quality c² = 1 on the target.

    Attributes
    ----------
    worst, mildest : float
        Collapse that they add to the risk on the target; for other qualities multiply by c².
    worst_direction, mildest_direction : arrays of shape (d,)
        The errors, ‖δ‖²_{Σ_t} = 1, in the basis of the covariances.
    """

    worst: float
    mildest: float
    worst_direction: Array
    mildest_direction: Array


def extreme_shifts(
    sampling: Sampling,
    *,
    covariances: CommutingCovariances | DenseCovariances,
    teachers: Teachers,
    source: int,
    target: int = 0,
) -> ExtremeShifts:
    """Return which errors of given size of one source's teacher hurt the target most and least.

    The collapse caused by w_k = w_t + δ, E δ = 0, is a quadratic form in δ; with G_k = R p_k ω_k e_k Σ_k it is

        ‖G_k δ‖²_T + κ′(T) ‖G_k δ‖² + c_k ‖δ − G_k δ‖²_{Σ_k},   T = Σ_t + Σ_{j≠k} c_j Σ_j

    (κ′ counting source k too). Its extremes relative to ‖δ‖²_{Σ_t} are a generalised eigenproblem.

    Parameters
    ----------
    sampling : Sampling
        At one point: without leading axes.
    covariances : Covariances
    teachers : Teachers
        Only their scale matters.
    source, target : int
        Whose teacher errs, and where it is felt.

    Returns
    -------
    ExtremeShifts

    Raises
    ------
    InputError
        When the covariance of the target is singular: errors that the target does not see have no size.
    """
    if source == target:
        raise InputError("`source` must differ from the target: an error is one relative to the target's labels.")
    groups = list(sampling.group)
    if covariances.rank([groups[target]]) < covariances.n_features:
        raise InputError(
            "the target's covariance must not be singular: errors that it does not see have no size. Give every "
            "direction of the target some variance."
        )
    components = teachers.relative_to(target)
    reductions = reduce(sampling, covariances=covariances, components=components, solver=solve_fixed_point)
    factor = amplification(sampling, reductions, covariances.n_features)[:, target]
    response = projection_response(sampling, reductions, covariances.n_features)[groups]
    pull = sampling.n_samples * reductions.pull[list(reductions.class_of)]
    membership = np.eye(covariances.n_groups)[groups]
    felt = np.where(np.arange(len(groups)) == source, 0.0, factor)
    felt[target] += 1.0
    weights = np.concatenate([[response[target] + factor @ response], felt @ membership, [factor[source]]])
    resolvent = covariances.resolvent((pull @ membership)[None], reductions.equilibrium.shift)
    harm = _harm(covariances, resolvent, weights, groups[source], pull[source])
    size = covariances.eigenvalues if isinstance(covariances, CommutingCovariances) else covariances.matrices
    return _extremes(teachers.scale[source] ** 2 * harm, teachers.scale[target] ** 2 * size[groups[target]])


def _harm(covariances: Covariances, resolvent: Resolvent, weights: Array, group: int, pull: Array) -> Array:
    """Return the quadratic form of the collapse, as a diagonal (d,) or a matrix (d, d).

    `weights` of shape (G + 2,) go with the identity, each Σ_g, and the source's own residual.
    """
    if isinstance(covariances, CommutingCovariances) and isinstance(resolvent, CommutingResolvent):
        own = covariances.eigenvalues[group]
        learned = pull * resolvent.inverse[0] * own
        return np.asarray(
            learned**2 * (weights[:-1] @ covariances.with_identity) + weights[-1] * (1 - learned) ** 2 * own
        )
    assert isinstance(covariances, DenseCovariances)
    assert isinstance(resolvent, DenseResolvent)
    own = covariances.matrices[group]
    learned = pull * resolvent.inverse @ own
    missed = np.eye(len(own)) - learned
    felt = weights[0] * np.eye(len(own)) + np.tensordot(weights[1:-1], covariances.matrices, axes=1)
    return np.asarray(learned.T @ felt @ learned + weights[-1] * missed.T @ own @ missed)


def _extremes(harm: Array, size: Array) -> ExtremeShifts:
    """Return the extremes of δᵀ harm δ at δᵀ size δ = 1, both diagonals (d,) or both matrices (d, d)."""
    if harm.ndim == 1:
        ratio = harm / size
        low, high = int(np.argmin(ratio)), int(np.argmax(ratio))
        values = ratio[[low, high]]
        directions = np.eye(len(size))[[low, high]] / np.sqrt(size[[low, high]])[:, None]
    else:
        ratios, vectors = eigh((harm + harm.T) / 2, size)
        values, directions = ratios[[0, -1]], vectors[:, [0, -1]].T
    return ExtremeShifts(
        worst=float(values[1]), mildest=float(values[0]), worst_direction=directions[1], mildest_direction=directions[0]
    )
