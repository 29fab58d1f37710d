"""What do the distributions behind the pool look like? One pool fit, corrected for the pool being a sample.

Notation of the forecast page: e_s = 1/(1 + v_s t_s/P), δ_s = t_s/P. Differentiating the deterministic equivalent of
tr(B_s A⁻¹)/P with respect to each weight gives what is observed in terms of what is wanted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.estimation.pool_fit import PoolFit


@dataclass(frozen=True)
class Population:
    """Estimates for the distributions behind the pool, at the effective matrix of one pool fit.

    Attributes
    ----------
    fit : PoolFit
        The fit from which everything was read.
    traces : ndarray (S,)
        t_s = tr(Σ_s R).
    sensitivity : ndarray (S, S)
        tr(Σ_s R Σ_j R).
    target_sensitivity : ndarray (S,)
        tr(Σ_s R Σ_t R), Σ_t of the held-out rows.
    pool_amplification : ndarray (S,)
        Factor by which residuals of sub-source s enter the held-out error of the pool fit.
    error_map : ndarray (S, S)
        Takes the mean predictor's error on each sub-source to the leave-one-out error that the pool shows.
    """

    fit: PoolFit
    traces: Array
    sensitivity: Array
    target_sensitivity: Array
    pool_amplification: Array
    error_map: Array

    @property
    def mean_errors(self) -> Array:
        """Error of the mean predictor on each sub-source, label noise included, shape (S,)."""
        return np.asarray(np.linalg.solve(self.error_map, self.fit.left_out_errors))

    @property
    def target_error(self) -> float:
        """Error of the mean predictor on the held-out rows."""
        return float(self.fit.held_out_error - self.pool_amplification @ self.mean_errors)


def population(fit: PoolFit) -> Population:
    """Correct a pool fit for the pool being a sample.

    Notes
    -----
    With W = diag(P_s e_s²/P), V = diag(v): Y_sj = D_sj P_j/(P e_s²) − 1{s=j} δ_s² is minus the derivative of δ_s in
    v_j, so that Y = τ W (I + V² Y), and τ = Y [W (I + V² Y)]⁻¹ estimates tr(Σ_s R Σ_j R)/P. Towards the held-out rows
    E_s/e_s² already is the amplification q. Right to first order in 1/P; leverages within a sub-source are taken to
    be alike.
    """
    pool = fit.spectrum.pool
    counts, total, weights = pool.counts, pool.total, fit.weights
    identity = np.eye(len(counts))
    retained = fit.retained
    traces = fit.traces / retained
    slopes = fit.coupling * counts / (total * retained[:, None] ** 2) - np.diag((traces / total) ** 2)
    variance_shares = counts / total * retained**2
    mixing = variance_shares[:, None] * (identity + weights[:, None] ** 2 * slopes)
    sensitivity = np.linalg.solve(mixing.T, slopes.T).T
    sensitivity = (sensitivity + sensitivity.T) / 2
    residual_shares = variance_shares * weights**2
    amplified = identity - sensitivity * residual_shares
    target_amplification = fit.holdout_coupling / retained**2
    per_source = np.linalg.solve(amplified, sensitivity)
    return Population(
        fit=fit,
        traces=traces,
        sensitivity=sensitivity * total,
        target_sensitivity=amplified @ target_amplification * total,
        pool_amplification=residual_shares * target_amplification,
        error_map=identity + (residual_shares[:, None] * per_source).T,
    )
