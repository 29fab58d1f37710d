"""How well will a model trained on a mixture do? Read off one fit on the pool, without training on the mixture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from modelcollapse.checks import Array, number, real_array
from modelcollapse.decisions.matching import match, retained_factors
from modelcollapse.decisions.uncertainty import spread_of, variance_of_sum
from modelcollapse.errors import InputError
from modelcollapse.estimation.corrections import Population, population
from modelcollapse.estimation.pool import Pool
from modelcollapse.estimation.pool_fit import fit_pool
from modelcollapse.result import Status

BAND_LEVEL = 0.90
MAX_RELATIVE_STDERR = 0.5
"""A forecast whose standard error is larger than this share of it says nothing: not enough data."""


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """The forecast for one mixture.

    Attributes
    ----------
    n_samples, weights : ndarray (K,)
        Samples and per-sample weight of each source.
    ridge : float
        λ of (1/N) Σ ω (…)² + λ‖w‖².
    test_error : float
        Expected mean squared error on the held-out rows, summed over outputs, over draws of the training set.
    training_error : ndarray (K,)
        Expected mean squared residual on each source's own samples; NaN for a source without samples.
    stderr : float
        Standard error of `test_error`: the pool is a sample.
    run_to_run : float
        Standard deviation of the error of single trained models about their mean.
    status : Status
        `OK`, or `NOT_ENOUGH_DATA`: the mixture lies beyond what the pool can tell, by its leverage or by the standard
        error of what it says, and every number is NaN.
    amplification : ndarray (S,)
        Factor of each sub-source's residuals in the test error.
    population : Population or None
        What the matched pool fit showed.
    influence : tuple of ndarray (error rows of s,)
        How far each row of the pool moves the forecast; empty without a forecast.
    row_errors : ndarray (rows held out,)
        Squared error of the matched pool fit on each held-out row, summed over outputs; empty without a forecast.
    """

    n_samples: Array
    weights: Array
    ridge: float
    test_error: float
    training_error: Array
    stderr: float
    run_to_run: float
    status: Status
    amplification: Array
    population: Population | None
    influence: tuple[Array, ...]
    row_errors: Array

    @property
    def holdout_stderr(self) -> float:
        """Standard error of `test_error` as an error on all real rows: the held-out rows are a sample; NaN without."""
        return mean_stderr(self.row_errors)

    @property
    def band(self) -> tuple[float, float]:
        """Interval that holds the error of one model trained on such a mixture with probability `BAND_LEVEL`."""
        return band_of(self.test_error, stderr=self.stderr, run_to_run=self.run_to_run)


def band_of(test_error: float, *, stderr: float, run_to_run: float) -> tuple[float, float]:
    """Return the interval of level `BAND_LEVEL` for the error of one trained model; NaN without a forecast."""
    half = norm.ppf((1 + BAND_LEVEL) / 2) * np.hypot(stderr, run_to_run)
    return float(np.maximum(0.0, test_error - half)), float(test_error + half)


def amplifications(
    sensitivity: Array, target_sensitivity: Array, *, retained: Array, n_samples: Array, weights: Array
) -> Array:
    """Return c_s = (n_s/N) ω_s² e_s² q_s: how strongly residuals of each sub-source enter the error on a target.

    q = (I − Q)⁻¹ τ with τ = tr(Σ_s R Σ_t R)/N and Q_sj = (n_j/N) ω_j² e_j² tr(Σ_s R Σ_j R)/N.
    Broadcasts over leading axes: `sensitivity` (..., S, S), the rest (..., S).
    """
    total = n_samples.sum(axis=-1, keepdims=True)
    residual_shares = n_samples / total * weights**2 * retained**2
    matrix = np.eye(n_samples.shape[-1]) - sensitivity / total[..., None] * residual_shares[..., None, :]
    amplified = np.linalg.solve(matrix, (target_sensitivity / total)[..., None])[..., 0]
    return np.asarray(residual_shares * amplified)


def forecast(
    pool: Pool,
    *,
    n_samples: Sequence[float] | Array,
    ridge: float,
    weights: Sequence[float] | Array | None = None,
) -> Forecast:
    """Forecast the error of ridge regression trained on a mixture (form B: consistent with the pool being a sample).

    Parameters
    ----------
    pool : Pool
        The data at hand; counts asked for may exceed it.
    n_samples : sequence of float (K,)
        Samples of each source, in the pool's order; non-negative, not all zero.
    ridge : float
        λ > 0 per sample.
    weights : sequence of float (K,), optional
        Per-sample weight ω of each source; default 1.

    Returns
    -------
    Forecast

    Raises
    ------
    InputError
        When shapes or ranges are wrong.

    Notes
    -----
    Rests on the deterministic equivalent of ridge regression on independent rows: many rows and features, no few rows
    that carry the second moments. Labels and features need not be Gaussian, nor the truth linear. Derived on the
    documentation's forecast page.
    """
    source_samples, source_weights, ridge = checked_mixture(pool, n_samples, weights, ridge)
    samples, omega = pool.split_counts(source_samples), pool.spread(source_weights)
    found = match(pool, n_samples=samples, weights=omega, ridge=ridge)
    if not found.found:
        return _beyond(source_samples, source_weights, ridge, n_parts=len(samples))
    seen = population(fit_pool(pool, weights=found.weights, ridge=ridge))
    retained = retained_factors(seen.traces, n_samples=samples, weights=omega)
    terms = {"retained": retained, "n_samples": samples, "weights": omega}
    amplification = amplifications(seen.sensitivity, seen.target_sensitivity, **terms)
    errors = seen.mean_errors
    fresh_errors = np.stack([errors[s] + amplifications(seen.sensitivity, column, **terms) @ errors
                             for s, column in enumerate(seen.sensitivity.T)])  # fmt: skip
    spread = spread_of(seen, amplification=amplification, fresh_errors=np.maximum(fresh_errors, 0.0), **terms)
    test_error = float(seen.target_error + amplification @ errors)
    if not spread.stderr <= MAX_RELATIVE_STDERR * test_error:
        return _beyond(source_samples, source_weights, ridge, n_parts=len(samples))
    with np.errstate(invalid="ignore"):
        by_source = np.bincount(pool.parents, weights=samples * retained**2 * fresh_errors, minlength=pool.n_sources)
        training_error = by_source / np.where(source_samples > 0, source_samples, np.nan)
    return Forecast(
        n_samples=source_samples,
        weights=source_weights,
        ridge=ridge,
        test_error=test_error,
        training_error=training_error,
        stderr=spread.stderr,
        run_to_run=spread.run_to_run,
        status=Status.OK,
        amplification=amplification,
        population=seen,
        influence=spread.influence,
        row_errors=np.einsum("ic,ic->i", seen.fit.held_out, seen.fit.held_out),
    )


def mean_stderr(values: Array) -> float:
    """Return the standard error of the mean of independent values; NaN for fewer than two."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def difference_stderr(first: Forecast, second: Forecast, *, counts: Array) -> float:
    """Return the standard error of the difference of two forecasts from the same pool; NaN without forecasts.

    Both samples count: the pool's rows, and the held-out rows, on which the two are compared row by row.

    Parameters
    ----------
    first, second : Forecast
    counts : ndarray (S,)
        Rows of the pool by sub-source.
    """
    if not first.influence or not second.influence:
        return float("nan")
    apart = tuple(a - b for a, b in zip(first.influence, second.influence, strict=True))
    return float(np.hypot(np.sqrt(variance_of_sum(apart, counts)), mean_stderr(first.row_errors - second.row_errors)))


def checked_mixture(
    pool: Pool, n_samples: Sequence[float] | Array, weights: Sequence[float] | Array | None, ridge: float
) -> tuple[Array, Array, float]:
    """Check the arguments that describe a mixture."""
    samples = real_array("n_samples", n_samples, ndim=1)
    omega = real_array("weights", np.ones(len(samples)) if weights is None else weights, ndim=1)
    if len(samples) != pool.n_sources or len(omega) != pool.n_sources:
        raise InputError(
            f"`n_samples` and `weights` need one entry for each of {', '.join(pool.names)}; "
            f"got {len(samples)} and {len(omega)}."
        )
    if (samples < 0).any() or (omega < 0).any() or not (samples * omega > 0).any():
        raise InputError("`n_samples` and `weights` must be at least 0, with one source where both are positive.")
    hint = "Use a small positive ridge: the forecast needs an invertible fit."
    return samples, omega, number("ridge", ridge, low=0, open_low=True, hint=hint)


def _beyond(n_samples: Array, weights: Array, ridge: float, *, n_parts: int) -> Forecast:
    """Return the answer 'not enough data'."""
    return Forecast(
        n_samples=n_samples,
        weights=weights,
        ridge=ridge,
        test_error=np.nan,
        training_error=np.full(len(n_samples), np.nan),
        stderr=np.nan,
        run_to_run=np.nan,
        status=Status.NOT_ENOUGH_DATA,
        amplification=np.full(n_parts, np.nan),
        population=None,
        influence=(),
        row_errors=np.empty(0),
    )
