"""How far may a forecast be off? The pool is a sample, and so is every training set drawn from a mixture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.estimation.corrections import Population
from modelcollapse.estimation.pool_fit import PoolFit


@dataclass(frozen=True)
class Spread:
    """Standard deviations about a forecast.

    Attributes
    ----------
    stderr : float
        Of the forecast, from the pool being a sample of independent rows.
    run_to_run : float
        Of the error of single models trained on fresh draws of the mixture, about their mean.
    influence : tuple of ndarray (error rows of s,)
        How far each row of the pool moves the forecast, by sub-source.
    """

    stderr: float
    run_to_run: float
    influence: tuple[Array, ...]


def spread_of(
    seen: Population, *, amplification: Array, fresh_errors: Array, retained: Array, n_samples: Array, weights: Array
) -> Spread:
    """Return the spread of a forecast, by the infinitesimal jackknife on the pool's rows.

    Parameters
    ----------
    seen : Population
        What the matched pool fit showed.
    amplification : ndarray (S,)
        Factor of each sub-source's residuals in the forecast test error.
    fresh_errors : ndarray (S,)
        Error of models trained on the mixture on fresh rows of each sub-source.
    retained, n_samples, weights : ndarray (S,)
        Of the mixture.

    Notes
    -----
    The forecast is T_t + kᵀT, T_t the held-out and T the leave-one-out errors of the pool fit. Row i moves the fit by
    (v/P) A⁻¹ x_i r_i with r_i its leave-one-out residual (exactly, for the removal of one row), which moves T_t and T
    along their gradients; it also enters T itself. A training set of the mixture fluctuates by the same rows with the
    mixture's factors in place of the pool's, and residuals of the size that its own models leave on fresh rows. To both
    comes the variance of the quadratic fluctuation, 2 V² / (effective number of directions). Held-out rows are taken as
    given; `Forecast.row_errors` has what they add. With many more features than samples and hardly a ridge, the scatter
    of the inputs themselves, which is left out, makes single models vary up to twice as much as said.
    """
    fit = seen.fit
    pool = fit.spectrum.pool
    factors = np.linalg.solve(seen.error_map.T, amplification - seen.pool_amplification)
    target_gradient = -2.0 / len(fit.held_out) * fit.spectrum.holdout_rows.T @ fit.held_out
    gradient = target_gradient.copy()
    for factor, features, residuals in zip(factors, fit.spectrum.rows, fit.left_out, strict=True):
        gradient -= 2.0 * factor / len(residuals) * features.T @ residuals
    pool_moves = row_moves(fit, gradient, pull=fit.weights / pool.total)
    influence = tuple(
        move + factor * (squares - squares.mean()) / count
        for move, factor, squares, count in zip(pool_moves, factors, fit.left_out_squares, pool.counts, strict=True)
    )
    residual_growth = np.sqrt(fresh_errors / np.where(fit.left_out_errors > 0, fit.left_out_errors, 1.0))
    run_moves = row_moves(fit, target_gradient, pull=weights * retained / n_samples.sum() * residual_growth)
    errors = seen.mean_errors
    pool_noise = Fluctuation.of(fit, contributions=seen.pool_amplification * errors)
    run_noise = Fluctuation.of(fit, contributions=amplification * errors)
    pool_square, run_square = pool_noise.overlap(pool_noise), run_noise.overlap(run_noise)
    pool_variance = variance_of_sum(influence, pool.counts) - 2.0 * pool_square
    run_variance = variance_of_sum(run_moves, n_samples) + 2.0 * run_square - 4.0 * run_noise.overlap(pool_noise)
    return Spread(
        stderr=float(np.sqrt(max(pool_variance, 2.0 * pool_square))),
        run_to_run=float(np.sqrt(max(run_variance, 2.0 * run_square))),
        influence=influence,
    )


def row_moves(fit: PoolFit, gradient: Array, *, pull: Array) -> tuple[Array, ...]:
    """Return how far each row moves a quantity of known gradient in the fit; `pull` (S,) is its share of a residual."""
    resolvent = 1.0 / (fit.spectrum.eigenvalues + fit.ridge)
    step = resolvent[:, None] * gradient
    return tuple(
        weight * np.einsum("ic,ic->i", features @ step, residuals)
        for weight, features, residuals in zip(pull, fit.spectrum.rows, fit.left_out, strict=True)
    )


def variance_of_sum(influence: tuple[Array, ...], counts: Array) -> float:
    """Return the variance of a sum over independent rows, from the influence of some rows of each sub-source."""
    return float(sum(count * np.var(values) for count, values in zip(counts, influence, strict=True)))


@dataclass(frozen=True)
class Fluctuation:
    """A Gaussian fluctuation of a fit about its mean, as seen by the held-out rows.

    Attributes
    ----------
    inputs : ndarray (n_features, n_features)
        R (Σ_s c_s Σ_s) R Σ_t, scaled to trace one.
    outputs : ndarray (n_outputs, n_outputs)
        Covariance across outputs, scaled to trace one.
    size : float
        Mean squared length: what the fluctuation adds to the held-out error.
    """

    inputs: Array
    outputs: Array
    size: float

    @classmethod
    def of(cls, fit: PoolFit, *, contributions: Array) -> Fluctuation:
        """Build the fluctuation whose sub-sources add `contributions` (S,) to the held-out error."""
        spectrum = fit.spectrum
        shares = np.maximum(contributions, 0.0)
        resolvent = 1.0 / (spectrum.eigenvalues + fit.ridge)
        source = np.tensordot(shares, spectrum.moments, axes=1)
        moved = (resolvent[:, None] * source * resolvent) @ spectrum.holdout_moment
        outputs = np.tensordot(shares, output_covariances(fit), axes=1)
        return cls(moved / max(np.trace(moved), 1e-300), outputs / max(np.trace(outputs), 1e-300), float(shares.sum()))

    def overlap(self, other: Fluctuation) -> float:
        """Return tr(S₁S₂) over inputs and outputs: 2 overlap(self) is the variance of the squared length."""
        inputs = float(np.einsum("ab,ba->", self.inputs, other.inputs))
        outputs = float(np.sum(self.outputs * other.outputs))
        return self.size * other.size * inputs * outputs


def output_covariances(fit: PoolFit) -> Array:
    """Return the second moments of the leave-one-out residuals across outputs, shape (S, n_outputs, n_outputs)."""
    return np.stack([rows.T @ rows / len(rows) for rows in fit.left_out])
