"""What is the risk on a mixture of sources? The bias of the mean predictor, plus each source's amplified residual."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array
from modelcollapse.theory.covariances import Covariances
from modelcollapse.theory.fixed_point import solve_fixed_point
from modelcollapse.theory.reductions import Reductions, Sampling, reduce
from modelcollapse.theory.teachers import Components, Teachers


@dataclass(frozen=True, kw_only=True)
class MixtureRisk:
    """Risks on every source, and the parts of the risk on the target, over the batch.

    Attributes
    ----------
    excess_risk, training_error : arrays of shape (..., K)
        On each source; the training error is the mean squared residual on its own samples, unweighted.
    bias, variance, projection_variance, collapse : arrays of shape (...)
        Add up to the excess risk on the target.
    amplification : array of shape (..., K)
        c_k: by how much the risk on the target grows with the label noise of source k.
    shrinkage : array of shape (..., K)
        e: the factor by which a sample's residual is smaller than if it had been left out of the fit.
    effective_ridge : array of shape (...)
        κ.
    threshold, mixed, converged : bool arrays of shape (...)
        On a threshold the excess risk and the variance are infinite, and the other parts NaN. Mixed: without ridge some
        sources interpolate and others do not; answered at a ridge of 1e-8 of the mean variance of the inputs.
    iterations : int
        Newton iterations of the slowest point.
    """

    excess_risk: Array
    training_error: Array
    bias: Array
    variance: Array
    projection_variance: Array
    collapse: Array
    amplification: Array
    shrinkage: Array
    effective_ridge: Array
    threshold: NDArray[np.bool_]
    mixed: NDArray[np.bool_]
    converged: NDArray[np.bool_]
    iterations: int


def mixture_risk(sampling: Sampling, *, covariances: Covariances, teachers: Teachers, target: int = 0) -> MixtureRisk:
    """Return the risk on every source, and its parts on the target.

    The excess risk on source t is, with the mean predictor w̄ = R Σ_k p_k ω_k e_k Σ_k w_k,

        E‖w̄ − w_t‖²_{Σ_t} + π_t + Σ_k c_k(t) (E‖w̄ − w_k‖²_{Σ_k} + π_k + σ_k²)

    where π_k is the variance that the random features cause and c_k(t) the amplification of source k's residual.

    Parameters
    ----------
    sampling : Sampling
        K sources.
    covariances : Covariances
        G groups.
    teachers : Teachers
        Of K sources.
    target : int
        Source whose risk is taken apart.

    Returns
    -------
    MixtureRisk
        Leading axes: all those of `sampling`, `teachers.loadings` and `covariances`.

    Raises
    ------
    InputError
        Without ridge, with more than 12 different covariances of which some are singular.

    Notes
    -----
    Proportional limit (n_k, d and m large together), Gaussian inputs, fresh noise; errors are O(1/n) in practice.
    Sources with the same covariance and weight share an unknown, and the work on d-dimensional arrays is done once
    for all points that differ in shares, noise and loadings only.

    References
    ----------
    E. Dohmatob, Y. Feng, A. Subramonian, J. Kempe, Strong Model Collapse, 2024, arXiv 2410.04840, Theorems 1 and 2,
    are the case of two sources with equal covariances (with corrections: see the theory page).
    """
    components = teachers.relative_to(target)
    reductions = reduce(sampling, covariances=covariances, components=components, solver=solve_fixed_point)
    equilibrium = reductions.equilibrium
    spread = spreads(sampling, reductions, components, target)
    factor = amplification(sampling, reductions, covariances.n_features)
    excess_risk = spread.total + amplified(factor, spread.total + sampling.noise_var)
    shrinkage = equilibrium.scale[..., None] * equilibrium.gain[..., list(reductions.class_of)]
    at_target = factor[..., target]
    bias = spread.clean[..., target]
    variance = (at_target * (spread.clean + sampling.noise_var)).sum(axis=-1)
    projection_variance = spread.clean_projection[..., target] + (at_target * spread.clean_projection).sum(axis=-1)
    collapse = spread.extra[..., target] + (at_target * spread.extra).sum(axis=-1)
    lost = np.broadcast_to(equilibrium.threshold, excess_risk.shape[:-1])
    return MixtureRisk(
        excess_risk=np.where(lost[..., None], np.inf, excess_risk),
        training_error=np.where(lost[..., None], 0.0, shrinkage**2 * (excess_risk + sampling.noise_var)),
        bias=np.where(lost, np.nan, bias),
        variance=np.where(lost, np.inf, variance),
        projection_variance=np.where(lost, np.nan, projection_variance),
        collapse=np.where(lost, np.nan, collapse),
        amplification=np.where(lost[..., None], np.inf, at_target),
        shrinkage=np.where(lost[..., None], 0.0, shrinkage),
        effective_ridge=np.where(lost, 0.0, equilibrium.effective_ridge),
        threshold=lost,
        mixed=np.broadcast_to(equilibrium.mixed, lost.shape),
        converged=np.broadcast_to(equilibrium.converged, lost.shape),
        iterations=equilibrium.iterations,
    )


@dataclass(frozen=True, kw_only=True)
class Spreads:
    """How far the network's mean predictor is from each source's labels, about the point where all labels are clean.

    Attributes
    ----------
    clean, clean_projection : arrays of shape (..., K)
        E‖w̄ − w_t‖²_{Σ_k} and its π_k when every source is labelled by the target's teacher.
    extra : array of shape (..., K)
        E‖w̄ − w_k‖²_{Σ_k} + π_k with the true labels, less the two.
    """

    clean: Array
    clean_projection: Array
    extra: Array

    @property
    def total(self) -> Array:
        """Spread with the true labels, (..., K)."""
        return self.clean + self.clean_projection + self.extra


def spreads(sampling: Sampling, reductions: Reductions, components: Components, target: int) -> Spreads:
    """Return the mean squared distance between the network's mean and each source's teacher, in parts.

    The distance is a combination of filtered components, R Σ_g z_a, with the shift as group 0:
    w̄ − w_k = R (Σ_j γ_j Σ_j (w_j − w_k) − κ w_k), γ_j = p_j ω_j e_j. Clean labels have w_k = scale_k w_t / scale_t.
    """
    gain = sampling.n_samples * reductions.pull[..., list(reductions.class_of)]  # γ (..., K)
    by_group = gain[..., None] * np.eye(len(sampling.feature_noise))[list(sampling.group)]  # (..., K, G)
    scale = components.scale[:, None]
    ideal = scale * components.loadings[..., target, None, :]  # (..., K, J)
    shifted = scale * (components.loadings - components.loadings[..., target, None, :])
    start, away = _distances(by_group, ideal), _distances(by_group, shifted)
    weighted = reductions.moments[..., [1 + g for g in sampling.group], :, :]
    aimed, missed = _predictor(by_group, ideal), _predictor(by_group, shifted)
    plain = reductions.moments[..., :1, :, :]
    response = projection_response(sampling, reductions, components.n_features)[..., list(sampling.group)]
    return Spreads(
        clean=_form(start, weighted, start),
        clean_projection=response * _form(aimed, plain, aimed),
        extra=_form(2 * start + away, weighted, away) + response * _form(2 * aimed + missed, plain, missed),
    )


def _distances(by_group: Array, loadings: Array) -> Array:
    """Return the coefficients of w̄ − w_k on filtered components, shift first: (..., K, D)."""
    differences = loadings[..., None, :, :] - loadings[..., :, None, :]  # [k, j] is w_j − w_k
    learned = np.einsum("...jg,...kja->...kga", by_group, differences)
    return _with_shift(-loadings[..., None, :], learned)


def _predictor(by_group: Array, loadings: Array) -> Array:
    """Return the coefficients of w̄ on filtered components, shift first: (..., 1, D)."""
    learned = np.einsum("...jg,...ja->...ga", by_group, loadings)[..., None, :, :]
    return _with_shift(np.zeros((1, 1, loadings.shape[-1])), learned)


def _with_shift(shift: Array, learned: Array) -> Array:
    """Join coefficients on the shift (..., k, 1, a) and on the groups (..., k, g, a) into vectors (..., k, D)."""
    shift = np.broadcast_to(shift, (*learned.shape[:-2], 1, learned.shape[-1]))
    joined = np.concatenate([shift, learned], axis=-2)
    return joined.reshape((*joined.shape[:-2], -1))


def _form(left: Array, matrix: Array, right: Array) -> Array:
    """Return leftᵀ matrix right over the leading axes, (..., k)."""
    return np.asarray(np.einsum("...i,...ij,...j->...", left, matrix, right))


def projection_response(sampling: Sampling, reductions: Reductions, n_features: int) -> Array:
    """Return κ′ for a perturbation of the feature covariance by Σ_g and its feature noise, shape (..., G).

    κ′ = (d b + κ² tr(R Σ_g R))/(m − tr(A R)²); 0 in the linear model.
    """
    moved = n_features * sampling.feature_noise + reductions.second_traces[..., 0, 1:]
    if sampling.width is None:
        return np.zeros_like(moved)
    stiff = stiffness(sampling, reductions, n_features)[..., None]
    with np.errstate(divide="ignore"):  # infinite where directions without samples are seen through as many features
        return np.divide(moved, stiff, out=np.zeros_like(moved), where=moved > 0)


def stiffness(sampling: Sampling, reductions: Reductions, n_features: int) -> Array:
    """Return m − tr(A R)² as the positive sum d λ/κ + Σ_c g_c (d b_c + tr(Σ_c R Σ_0 R)), shape (...)."""
    group = list(reductions.class_group)
    gain = reductions.n_samples * reductions.pull
    reach = n_features * sampling.feature_noise[group] + reductions.second_traces[..., 0, [1 + g for g in group]]
    return np.asarray(reductions.equilibrium.spare_width + (gain * reach).sum(axis=-1))


def amplification(sampling: Sampling, reductions: Reductions, n_features: int) -> Array:
    """Return c_k(t), by which the residual of source k enters the risk on source t; shape (..., K, K), k first.

    With ρ_c(M) = tr(Σ_c R (M + κ′(M)) R) + d b_c κ′(M), c_k = n_k r_c y_c for k in class c, r_c = ω_c a_c/N, and
    y_c = r_c ρ_c(M) + Σ_c′ r_c ρ_c(Σ_c′) n_c′ r_c′ y_c′. The row sums of this system follow from the fixed point,
    e_c + r_c (d b_c + tr Σ_c R²) · (1, or d λ/κ over the stiffness with a width): they stay exact near the threshold.
    """
    pull = reductions.pull
    system, traces = coupling(sampling, reductions, n_features)
    source = pull[..., None] * traces
    settled = source / system if system.shape[-1] == 1 else np.linalg.solve(system, source)
    per_sample = (pull[..., None] * settled)[..., list(reductions.class_of), :][..., list(sampling.group)]
    return np.asarray(sampling.n_samples[..., None] * per_sample)


def coupling(sampling: Sampling, reductions: Reductions, n_features: int) -> tuple[Array, Array]:
    """Return how the classes amplify each other, and what each perturbation starts: the system of `amplification`.

    Returns
    -------
    system : array of shape (..., C, C)
        I − Q for y.
    traces : array of shape (..., C, G)
        ρ_c(Σ_g).
    """
    group = list(reductions.class_group)
    equilibrium, pull = reductions.equilibrium, reductions.pull
    response = projection_response(sampling, reductions, n_features)[..., None, :]
    noise = n_features * sampling.feature_noise[group]
    blur = reductions.square_traces[..., group] + noise
    traces = reductions.second_traces[..., [1 + g for g in group], 1:] + response * blur[..., None]
    coupled = pull[..., None] * traces[..., group] * (reductions.n_samples * pull)[..., None, :]
    slack = pull * (reductions.second_traces[..., 0, [1 + g for g in group]] + noise)
    if sampling.width is not None:
        spare, stiff = equilibrium.spare_width, stiffness(sampling, reductions, n_features)
        slack = slack * np.divide(spare, stiff, out=np.zeros_like(spare), where=stiff > 0)[..., None]
    slack = slack + equilibrium.scale[..., None] * equilibrium.gain
    coupled[..., np.arange(len(group)), np.arange(len(group))] = 0.0
    diagonal = slack + coupled.sum(axis=-1)
    system = np.where(diagonal > 0, diagonal, 1.0)[..., None] * np.eye(len(group)) - coupled  # 0: a class unseen
    return system, traces


def amplified(factor: Array, residual: Array) -> Array:
    """Return Σ_k c_k(t) residual_k for every source t, (..., K)."""
    return np.asarray(np.einsum("...kt,...k->...t", factor, residual))
