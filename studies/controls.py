"""Would a wrong forecast be noticed? Two that must fail: labels shuffled, and the pool taken for the truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from modelcollapse.decisions.forecast import amplifications
from modelcollapse.decisions.matching import accelerated, retained_factors
from modelcollapse.estimation.pool import Pool, pool_of
from modelcollapse.estimation.pool_fit import inverse_traces
from modelcollapse.estimation.rows import Array, LabelledRows
from studies.training import squared_error

TOLERANCE = 1e-6
MAX_ITERATIONS = 200


def shuffled(pool: Pool, *, generator: np.random.Generator) -> Pool:
    """Return the pool with the targets of each synthetic source permuted over its rows."""
    rows = [
        pool.rows[0],
        *(LabelledRows(rows.features, generator.permutation(rows.targets)) for rows in pool.rows[1:]),
    ]
    return pool_of(rows, holdout=pool.holdout, names=pool.names)


def plug_in(pool: Pool, *, n_samples: Sequence[float], weights: Sequence[float], ridge: float) -> float:
    """Return the test error of a mixture when the pool's moments and errors are taken for those of its sources.

    The equations of the forecast page with Σ_k and E[xy]_k replaced by the pool's averages: no correction for the pool
    being a sample.
    """
    samples, omega = np.asarray(n_samples, dtype=np.float64), np.asarray(weights, dtype=np.float64)
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
    errors = np.array([squared_error(mean_predictor, rows) for rows in pool.rows])
    return squared_error(mean_predictor, pool.holdout) + float(amplification @ errors)


def _gains(pool: Pool, *, samples: Array, omega: Array, ridge: float) -> tuple[Array, Array]:
    """Return g_k = (n_k/N) ω_k e_k and t_k = tr(B_k R) at the fixed point R = (λ + Σ g_k B_k)⁻¹, on log t."""
    shares = samples / samples.sum() * omega
    per_row = pool.counts / pool.total
    points: list[Array] = []
    images: list[Array] = []
    logs = np.log(np.full(len(samples), float(pool.n_features)))
    for _ in range(MAX_ITERATIONS):
        gains = shares * retained_factors(np.exp(logs), n_samples=samples, weights=omega)
        points.append(logs)
        images.append(np.log(inverse_traces(pool, weights=gains / per_row, ridge=ridge)))
        if np.max(np.abs(images[-1] - logs)) < TOLERANCE:
            return gains, np.exp(images[-1])
        logs = accelerated(points, images)
    raise ArithmeticError(f"the plug-in forecast did not settle in {MAX_ITERATIONS} iterations.")
