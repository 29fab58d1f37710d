"""What would the forecast be if the pool were the truth? Form A: right where the pool dwarfs mixture and columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from modelcollapse.checks import Array
from modelcollapse.decisions.forecast import amplifications, checked_mixture
from modelcollapse.decisions.matching import TOLERANCE, accelerated, retained_factors
from modelcollapse.errors import NumericalError
from modelcollapse.estimation.pool import Pool
from modelcollapse.estimation.pool_fit import inverse_traces
from modelcollapse.estimation.rows import LabelledRows

MAX_ITERATIONS = 200


def plug_in_error(
    pool: Pool, *, n_samples: Sequence[float] | Array, ridge: float, weights: Sequence[float] | Array | None = None
) -> float:
    """Forecast the test error of a mixture with the pool's moments and errors taken for those of its sources (form A).

    Too pessimistic for mixtures of the pool's size and more, because the pool's own sampling noise is taken for truth;
    `forecast` corrects for that and is the default everywhere. This form needs no matching pool fit, so it answers at
    any size.

    Parameters
    ----------
    pool : Pool
    n_samples : sequence of float (K,)
        Samples of each source; non-negative, not all zero.
    ridge : float
        λ > 0 per sample.
    weights : sequence of float (K,), optional
        Per-sample weight of each source; default 1.

    Returns
    -------
    float
        Expected mean squared error on the held-out rows, summed over outputs.

    Raises
    ------
    InputError
        When shapes or ranges are wrong.
    NumericalError
        When the fixed point does not settle.
    """
    source_samples, source_weights, ridge = checked_mixture(pool, n_samples, weights, ridge)
    samples, omega = pool.split_counts(source_samples), pool.spread(source_weights)
    gains, traces = _gains(pool, samples=samples, omega=omega, ridge=ridge)
    matrix = np.tensordot(gains, pool.second_moments, axes=1) + ridge * np.eye(pool.n_features)
    factor = cho_factor(matrix, lower=True)
    mean_predictor = cho_solve(factor, np.tensordot(gains, pool.cross_moments, axes=1))
    smoothed = [cho_solve(factor, moment) for moment in (*pool.second_moments, pool.holdout_moment)]
    sensitivity = np.array([[np.sum(left * right.T) for right in smoothed[:-1]] for left in smoothed])
    amplification = amplifications(
        sensitivity[:-1],
        sensitivity[-1],
        retained=retained_factors(traces, n_samples=samples, weights=omega),
        n_samples=samples,
        weights=omega,
    )
    errors = np.array([_squared_error(mean_predictor, rows) for rows in pool.rows])
    return _squared_error(mean_predictor, pool.holdout) + float(amplification @ errors)


def _gains(pool: Pool, *, samples: Array, omega: Array, ridge: float) -> tuple[Array, Array]:
    """Return g_k = (n_k/N) ω_k e_k and t_k = tr(B_k R) at the fixed point R = (λ + Σ g_k B_k)⁻¹, on log t."""
    shares = samples / samples.sum() * omega
    per_row = pool.counts / pool.total
    points: list[Array] = []
    images: list[Array] = []
    logs: Array = np.log(np.full(len(samples), float(pool.n_features)))
    for _ in range(MAX_ITERATIONS):
        gains = shares * retained_factors(np.exp(logs), n_samples=samples, weights=omega)
        points.append(logs)
        images.append(np.log(inverse_traces(pool, weights=gains / per_row, ridge=ridge)))
        if np.max(np.abs(images[-1] - logs)) < TOLERANCE:
            return gains, np.exp(images[-1])
        logs = accelerated(points, images)
    raise NumericalError(f"the plug-in forecast did not settle in {MAX_ITERATIONS} iterations; use a larger ridge.")


def _squared_error(coefficients: Array, rows: LabelledRows) -> float:
    """Return the mean squared error of a linear model, summed over outputs."""
    residuals = rows.targets - rows.features @ coefficients
    return float(np.einsum("ic,ic->", residuals, residuals) / len(rows))
