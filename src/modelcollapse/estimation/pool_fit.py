"""What does one weighted ridge fit on the pool show? Leverages, sensitivities, and errors left out and held out.

Everything here is observed. `corrections.py` says what it means for the distributions behind the pool.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh

from modelcollapse.checks import Array
from modelcollapse.estimation.pool import Pool

LEAST_RETAINED = 1e-9
"""One minus a leverage is never taken to be less: below this, rounding decides even its sign."""


@dataclass(frozen=True)
class PoolFit:
    """A ridge fit on the pool with sub-source weights v and ridge λ, and what it shows.

    With P_s rows in sub-source s, P in all, B_s the mean of x xᵀ and A = λ + Σ_s (P_s/P) v_s B_s:

    Attributes
    ----------
    weights : ndarray (S,)
        v.
    ridge : float
        λ.
    coefficients : ndarray (n_features, n_outputs)
        The fit, in the eigenbasis of A.
    retained : ndarray (S,)
        e_s = 1 − v_s tr(B_s A⁻¹)/P, one minus the mean leverage.
    traces : ndarray (S,)
        tr(B_s A⁻¹).
    coupling : ndarray (S, S)
        D_sj = tr(B_s A⁻¹ B_j A⁻¹)/P.
    holdout_coupling : ndarray (S,)
        E_s = tr(Σ_t A⁻¹ B_s A⁻¹)/P with Σ_t the held-out rows' second moment.
    left_out : tuple of ndarray (rows of s, n_outputs)
        Leave-one-out residuals y − ŷ of the error rows of each sub-source.
    kept : tuple of ndarray (rows of s,)
        1 − h_i, the share of its own residual that each error row keeps.
    held_out : ndarray (rows held out, n_outputs)
        Residuals y − ŷ of the held-out rows.
    spectrum : PoolSpectrum
        Where the fit was read.
    """

    weights: Array
    ridge: float
    coefficients: Array
    retained: Array
    traces: Array
    coupling: Array
    holdout_coupling: Array
    left_out: tuple[Array, ...]
    kept: tuple[Array, ...]
    held_out: Array
    spectrum: PoolSpectrum

    @property
    def left_out_squares(self) -> tuple[Array, ...]:
        """Squared left-out error of each error row, summed over outputs, by sub-source.

        The leave-one-out square times (1 − h_i)/e_s: the geometric mean of the two forms that agree when leverages are
        alike, r²/(1 − h_i)² and r²/e_s² with r the residual in the fit. The first is what a fresh row would show, the
        second what the row adds to the fit's noise; where a few rows have leverages near one the first explodes.
        """
        return tuple(
            np.einsum("ic,ic->i", rows, rows) * share / retained
            for rows, share, retained in zip(self.left_out, self.kept, self.retained, strict=True)
        )

    @property
    def left_out_errors(self) -> Array:
        """Mean squared left-out error of each sub-source, summed over outputs, shape (S,)."""
        return np.array([squares.mean() for squares in self.left_out_squares])

    @property
    def held_out_error(self) -> float:
        """Mean squared error on the held-out rows, summed over outputs."""
        return float(np.einsum("ic,ic->", self.held_out, self.held_out) / len(self.held_out))

    @property
    def outputs(self) -> Array:
        """Predictions for the held-out rows, shape (rows held out, n_outputs)."""
        return self.spectrum.pool.holdout.targets - self.held_out


class PoolSpectrum:
    """The pool seen along one direction of weights: one eigendecomposition serves every ridge.

    Parameters
    ----------
    pool : Pool
    weights : ndarray (S,)
        v ≥ 0, not all zero.
    """

    def __init__(self, pool: Pool, weights: Array) -> None:
        self.pool = pool
        self.weights = np.asarray(weights, dtype=np.float64)
        shares = pool.counts / pool.total * self.weights
        values, self.vectors = eigh(np.tensordot(shares, pool.second_moments, axes=1), driver="evd", overwrite_a=True)
        self.eigenvalues = np.maximum(values, 0.0)
        self.moments = self.vectors.T @ pool.second_moments @ self.vectors
        self.cross = self.vectors.T @ pool.cross_moments
        self.holdout_moment = self.vectors.T @ pool.holdout_moment @ self.vectors
        self.rows = tuple(rows.features @ self.vectors for rows in pool.error_rows)
        self.holdout_rows = pool.holdout.features @ self.vectors

    def fits(self, ridges: Array) -> list[PoolFit]:
        """Return the fit at each ridge λ > 0 and what it shows, all ridges in the same matrix products."""
        pool, total = self.pool, self.pool.total
        resolvents = 1.0 / (self.eigenvalues[:, None] + ridges)
        shares = pool.counts / total * self.weights
        coefficients = resolvents.T[:, :, None] * np.tensordot(shares, self.cross, axes=1)
        traces = np.einsum("saa,ar->rs", self.moments, resolvents)
        coupling = np.empty((len(ridges), len(shares), len(shares)))
        for s, j in zip(*np.triu_indices(len(shares)), strict=True):
            forms = np.einsum("ar,ar->r", (self.moments[s] * self.moments[j]) @ resolvents, resolvents) / total
            coupling[:, s, j] = coupling[:, j, s] = forms
        holdout_coupling = np.stack(
            [np.einsum("ar,ar->r", (moment * self.holdout_moment) @ resolvents, resolvents) / total
             for moment in self.moments], axis=1
        )  # fmt: skip
        kept = [
            np.maximum(1.0 - weight / total * ((features * features) @ resolvents).T, LEAST_RETAINED)
            for weight, features in zip(self.weights, self.rows, strict=True)
        ]
        left_out = [
            (rows.targets - predictions(features, coefficients)) / share[:, :, None]
            for rows, features, share in zip(pool.error_rows, self.rows, kept, strict=True)
        ]
        held_out = pool.holdout.targets - predictions(self.holdout_rows, coefficients)
        return [
            PoolFit(
                weights=self.weights,
                ridge=float(ridge),
                coefficients=coefficients[r],
                retained=np.maximum(1.0 - self.weights * traces[r] / total, LEAST_RETAINED),
                traces=traces[r],
                coupling=coupling[r],
                holdout_coupling=holdout_coupling[r],
                left_out=tuple(residuals[r] for residuals in left_out),
                kept=tuple(share[r] for share in kept),
                held_out=held_out[r],
                spectrum=self,
            )
            for r, ridge in enumerate(ridges)
        ]


def predictions(features: Array, coefficients: Array) -> Array:
    """Apply several linear models at once: (n, d) and (models, d, outputs) to (models, n, outputs)."""
    models, n_features, outputs = coefficients.shape
    flat = features @ np.moveaxis(coefficients, 0, 1).reshape(n_features, models * outputs)
    return np.moveaxis(flat.reshape(len(features), models, outputs), 1, 0)


def fit_pool(pool: Pool, *, weights: Array, ridge: float) -> PoolFit:
    """Fit the pool once with sub-source weights v and ridge λ > 0, and read what the fit shows."""
    return PoolSpectrum(pool, weights).fits(np.array([ridge]))[0]


def inverse_traces(pool: Pool, *, weights: Array, ridge: float) -> Array:
    """Return tr(B_s A⁻¹) for each sub-source, shape (S,): all that matching needs, at the cost of one inverse."""
    matrix = np.tensordot(pool.counts / pool.total * weights, pool.second_moments, axes=1)
    matrix[np.diag_indices_from(matrix)] += ridge
    inverse = cho_solve(cho_factor(matrix, lower=True, overwrite_a=True), np.eye(pool.n_features))
    traces: Array = np.einsum("sab,ab->s", pool.second_moments, inverse, optimize=True)
    return traces
