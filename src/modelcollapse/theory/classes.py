"""How accurate is a linear classifier whose labels are partly wrong? Its margin on new samples, in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from modelcollapse.checks import Array, number
from modelcollapse.errors import InputError
from modelcollapse.theory.commuting import CommutingCovariances
from modelcollapse.theory.fixed_point import solve_fixed_point
from modelcollapse.theory.mixture import amplification
from modelcollapse.theory.reductions import Reductions, Sampling, reduce
from modelcollapse.theory.teachers import Components


@dataclass(frozen=True, kw_only=True)
class Labels:
    """How many samples the classifier is fitted on, and how. Leading axes of all arrays broadcast.

    Attributes
    ----------
    n_right, n_wrong : arrays of shape (..., K)
        Samples of each source that are kept with a right and with a wrong label; at least one of all is positive.
    n_total : array of shape (...)
        Divisor N of the loss; includes samples that are not kept.
    ridge : array of shape (...)
        λ.
    """

    n_right: Array
    n_wrong: Array
    n_total: Array
    ridge: Array


@dataclass(frozen=True, kw_only=True)
class Margin:
    """The margin y wᵀx on new samples of the first source, over the batch.

    Attributes
    ----------
    mean, variance : arrays of shape (...)
        On the interpolation threshold NaN and infinite.
    accuracy : array of shape (...)
        Share of new samples with a positive margin, Φ(mean / √variance).
    threshold, converged : bool arrays of shape (...)
    iterations : int
        Newton iterations of the slowest point.
    """

    mean: Array
    variance: Array
    accuracy: Array
    threshold: NDArray[np.bool_]
    converged: NDArray[np.bool_]
    iterations: int


def class_margin(labels: Labels, *, means: Array, eigenvalues: Array) -> Margin:
    """Return the margin of ridge least squares on labels ±1.

    With z = yx, a sample of source k is z ~ N(μ_k, Σ_k) regressed on +1 where its label is right and on −1 where it
    is wrong: a mixture whose second moments Σ_k + μ_k μ_kᵀ are a bulk and a rank-one part. The bulk alone decides the
    fixed point. With g_k = p_k e_k, b_k = (n_right − n_wrong)/n_k and q_k = w̄ᵀΣ_k w̄,

        w̄        = (Σ_k g_k (Σ_k + μ_k μ_kᵀ) + λ)⁻¹ Σ_k g_k b_k μ_k
        mean     = μ_1ᵀw̄
        variance = q_1 + Σ_k c_k (1 − 2 b_k μ_kᵀw̄ + (μ_kᵀw̄)² + q_k)

    where c_k is the amplification of source k's residual on the first source.

    Parameters
    ----------
    labels : Labels
        Of K sources.
    means, eigenvalues : arrays of shape (K, d)
        Centre μ of the class y = 1, and positive variances in the common eigenbasis.

    Returns
    -------
    Margin

    Notes
    -----
    Proportional limit (samples kept and d large together, K fixed), Gaussian classes. In this limit neither the
    rank-one parts nor the scatter of kept counts around their means change the fixed point, and μᵀw does not scatter.

    References
    ----------
    A. El Firdoussi, M. E. A. Seddik, S. Hayou, R. Alami, A. Alzubaidi, H. Hacid, Maximizing the Potential of Synthetic
    Data: Insights from Random Matrix Theory, 2024, arXiv 2410.08942 (two sources, the real one isotropic; their
    published code is exact where nothing is pruned: see the page on classes).
    """
    kept = labels.n_right + labels.n_wrong
    spectra, group = np.unique(eigenvalues, axis=0, return_inverse=True)
    sampling = _sampling(labels, kept, tuple(group.tolist()))
    n_features = eigenvalues.shape[-1]
    reductions = reduce(
        sampling,
        covariances=CommutingCovariances(spectra),
        components=_no_teachers(*eigenvalues.shape),
        solver=solve_fixed_point,
    )
    predictor = _mean_predictor(labels, reductions, means=means, eigenvalues=eigenvalues)
    margin, blur = predictor @ means.T, predictor**2 @ eigenvalues.T
    balance = np.divide(labels.n_right - labels.n_wrong, kept, out=np.zeros_like(kept), where=kept > 0)
    residual = 1 - 2 * balance * margin + margin**2 + blur
    factor = amplification(sampling, reductions, n_features)[..., 0]
    variance = blur[..., 0] + (factor * residual).sum(axis=-1)
    threshold = np.broadcast_to(reductions.equilibrium.threshold, variance.shape)
    mean = np.where(threshold, np.nan, margin[..., 0])
    return Margin(
        mean=mean,
        variance=np.where(threshold, np.inf, variance),
        accuracy=np.where(threshold, 0.5, ndtr(margin[..., 0] / np.sqrt(variance))),
        threshold=threshold,
        converged=np.broadcast_to(reductions.equilibrium.converged, variance.shape),
        iterations=reductions.equilibrium.iterations,
    )


def breakdown_point(*, hit: float, false_keep: float) -> float:
    """Return the share of wrong labels beyond which most of the labels that a verifier keeps are wrong.

    p* = 1/(1 + false_keep/hit): with far more samples than features, and no other data, a classifier is as good as it
    can be below it, and wrong as often as it could be right above it.

    Parameters
    ----------
    hit, false_keep : float
        Probabilities, in [0, 1] and not both 0, of keeping a sample whose label is right, and one whose label is wrong.

    Raises
    ------
    InputError
        When a value is out of range.

    References
    ----------
    Y. Feng, E. Dohmatob, P. Yang, F. Charton, J. Kempe, Beyond Model Collapse: Scaling Up with Synthesized Data
    Requires Verification, 2024, arXiv 2406.07515.

    Examples
    --------
    >>> round(breakdown_point(hit=0.8, false_keep=0.3), 4)
    0.7273
    """
    hit, false_keep = number("hit", hit, low=0, high=1), number("false_keep", false_keep, low=0, high=1)
    if hit == false_keep == 0:
        raise InputError("`hit` = `false_keep` = 0 keeps nothing. Raise one of them.")
    return hit / (hit + false_keep)


def _sampling(labels: Labels, kept: Array, group: tuple[int, ...]) -> Sampling:
    """Return the kept samples as a mixture of their own, whose ridge makes the same penalty: λ N = λ_kept n_kept."""
    total = kept.sum(axis=-1)
    return Sampling(
        group=group,
        share=kept / total[..., None],
        n_total=total,
        noise_var=np.zeros(len(group)),
        weight=np.ones(len(group)),
        ridge=np.asarray(labels.ridge * labels.n_total / total),
        width=None,
        feature_noise=np.zeros(max(group) + 1),
    )


def _no_teachers(n_sources: int, n_features: int) -> Components:
    """Return that no source has a teacher: only fixed point and traces are asked for."""
    nothing = np.zeros((0, n_features))
    return Components(loadings=np.zeros((n_sources, 0)), known=nothing, random=nothing, scale=np.ones(n_sources))


def _mean_predictor(labels: Labels, reductions: Reductions, *, means: Array, eigenvalues: Array) -> Array:
    """Return w̄, (..., d): with R the inverse of the bulk and M the means, w̄ = R Mᵀ (1 + g M R Mᵀ)⁻¹ g b (Woodbury)."""
    equilibrium, pull = reductions.equilibrium, reductions.pull[..., list(reductions.class_of)]
    gain, signed = (labels.n_right + labels.n_wrong) * pull, (labels.n_right - labels.n_wrong) * pull
    shift = np.where(equilibrium.scale > equilibrium.effective_ridge, 0.0, 1.0)  # 0: no ridge and many samples
    inverse = 1 / (gain @ eigenvalues + shift[..., None])
    overlap = np.einsum("kd,...d,jd->...kj", means, inverse, means)
    system = np.eye(len(means)) + gain[..., :, None] * overlap
    return np.asarray(inverse * (np.linalg.solve(system, signed[..., None])[..., 0] @ means))
