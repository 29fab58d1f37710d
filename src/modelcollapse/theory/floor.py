"""What risk is left with infinite data? The bias of the mixture itself, and of the width."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.theory.covariances import Covariances
from modelcollapse.theory.equilibrium import Classes, Equilibrium
from modelcollapse.theory.fixed_point import solve_fixed_point
from modelcollapse.theory.limits import ridgeless_limits
from modelcollapse.theory.mixture import spreads
from modelcollapse.theory.reductions import Sampling, reduce
from modelcollapse.theory.teachers import Teachers

PLENTY = 1e300
"""More samples than any rank or width."""


@dataclass(frozen=True, kw_only=True)
class Floor:
    """Risk that more data will not pass, over the batch.

    Attributes
    ----------
    excess_risk : array of shape (..., K)
        On each source.
    bias, projection_variance, collapse : arrays of shape (...)
        Add up to the excess risk on the target; the variance is 0.
    effective_ridge : array of shape (...)
        κ.
    """

    excess_risk: Array
    bias: Array
    projection_variance: Array
    collapse: Array
    effective_ridge: Array


def infinite_data_floor(sampling: Sampling, *, covariances: Covariances, teachers: Teachers, target: int = 0) -> Floor:
    """Return the limit of the risk as N → ∞ at fixed shares, weights, ridge and width.

    Every e_k is 1 and every amplification 0, so that the risk on source t is E‖w̄ − w_t‖²_{Σ_t} + π_t.

    Parameters
    ----------
    sampling : Sampling
        Its `n_total` plays no part.
    covariances : Covariances
    teachers : Teachers
    target : int

    Returns
    -------
    Floor

    Notes
    -----
    A width m meeting infinite data is the mirror image of m samples meeting a linear model: κ/λ̃ solves the fixed
    point of one source with m samples of covariance Σ_k p_k ω_k Σ_k and ridge λ̃ d/m.
    """
    components = teachers.relative_to(target)
    reductions = reduce(sampling, covariances=covariances, components=components, solver=_solve)
    spread = spreads(sampling, reductions, components, target)
    shape = spread.total.shape[:-1]
    return Floor(
        excess_risk=spread.total,
        bias=np.broadcast_to(spread.clean[..., target], shape),
        projection_variance=np.broadcast_to(spread.clean_projection[..., target], shape),
        collapse=np.broadcast_to(spread.extra[..., target], shape),
        effective_ridge=np.broadcast_to(reductions.equilibrium.effective_ridge, shape),
    )


def _solve(covariances: Covariances, classes: Classes) -> Equilibrium:
    """Return the equilibrium where e = 1 for every class."""
    plenty = replace(classes, n_samples=np.where(classes.active, PLENTY, 0.0))
    limits = ridgeless_limits(covariances, plenty)
    share = np.where(classes.active, classes.n_samples * classes.weight, 0.0) / classes.n_total[:, None]
    by_group = share @ classes.membership
    ridge = np.where(limits.ranged, 1.0, classes.ridge + by_group @ classes.feature_noise)  # λ̃
    scale = ridge if classes.width is None else _mirrored(covariances.combined(by_group), classes.width, ridge)
    unused = np.zeros_like(ridge) if classes.width is None else classes.width - limits.rank
    pressed = np.zeros_like(ridge) if classes.width is None else covariances.n_features * classes.ridge / scale
    return Equilibrium(
        gain=np.where(limits.ranged[:, None], 1.0, 1 / scale[:, None]) * np.ones_like(share),
        scale=np.where(limits.ranged, 1.0, scale),
        shift=limits.shift,
        effective_ridge=np.where(limits.ranged, 0.0, scale),
        spare_width=np.where(limits.ranged, unused, pressed),
        threshold=limits.threshold,
        mixed=limits.mixed,
        converged=np.ones(len(ridge), dtype=np.bool_),
        iterations=0,
    )


def _mirrored(mixed: Covariances, width: Array, ridge: Array) -> Array:
    """Return κ of a width m on infinite data: 1/gain of one source with m samples of the mixed covariance."""
    mirror = Classes(
        group=(0,),
        n_samples=width[:, None],
        weight=np.ones((len(width), 1)),
        n_total=width,
        ridge=ridge * mixed.n_features / width,
        width=None,
        feature_noise=np.zeros(1),
    )
    return 1 / solve_fixed_point(mixed, mirror).gain[:, 0]
