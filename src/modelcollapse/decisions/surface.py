"""What is the error of ten thousand mixtures? Interpolated from the pool fits of one real and one synthetic source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, spline_filter

from modelcollapse.checks import Array
from modelcollapse.decisions.forecast import amplifications
from modelcollapse.decisions.matching import MIN_RETAINED, pool_weights, retained_factors
from modelcollapse.errors import InputError
from modelcollapse.estimation.corrections import population
from modelcollapse.estimation.pool import Pool
from modelcollapse.estimation.pool_fit import PoolFit, PoolSpectrum
from modelcollapse.parallel import side_by_side

N_RATIOS = 21
CENTRE, EDGE = 3.0, 18.0
"""The grid of log(v₂/v₁) is even within ± CENTRE and widens towards ± EDGE, where a source no longer counts."""
LOG_RATIOS = CENTRE * np.sinh(np.linspace(-1.0, 1.0, N_RATIOS) * np.arcsinh(EDGE / CENTRE))
RIDGES_PER_DECADE = 3.0
REACH = 500.0
"""The grid of ridges extends beyond those asked for by this factor on either side: it holds λ over the sum of v."""
_ABSENT = 1e-12
"""Pool weight that stands for a source without samples, next to weights of order one."""
TOLERANCE = 1e-5
MAX_ITERATIONS = 80
LARGEST_STEP = 3.0
_PAIRS = ((0, 0), (0, 1), (1, 1))


@dataclass(frozen=True)
class Surface:
    """Readings of the pool on a grid over (log v₂/v₁, log λ) with v₁ + v₂ = 1, ready to be interpolated.

    Attributes
    ----------
    counts : ndarray (2,)
        Rows of the real and the synthetic source in the pool.
    log_ridges : ndarray
        Grid of log λ.
    coefficients : ndarray (10, len(LOG_RATIOS), len(log_ridges))
        Spline coefficients of the logarithms of two traces t; three sensitivities over t_s t_j and two of the target
        over t_s (t₁ + t₂); two errors of the mean predictor and its error on the target.
    n_fits : int
        Pool fits that were read.
    """

    counts: Array
    log_ridges: Array
    coefficients: Array
    n_fits: int

    def test_error(self, *, n_samples: Array, weights: Array, ridge: Array) -> Array:
        """Return the forecast test error of many mixtures at once; NaN where the pool cannot tell.

        Parameters
        ----------
        n_samples : ndarray (..., 2)
            Real and synthetic samples.
        weights : ndarray (..., 2)
            Per-sample weights.
        ridge : ndarray (...)
            λ > 0; all three broadcast.

        Returns
        -------
        ndarray (...)
        """
        shape = np.broadcast_shapes(n_samples.shape[:-1], weights.shape[:-1], np.shape(ridge))
        samples = np.broadcast_to(n_samples, (*shape, 2)).reshape(-1, 2)
        omega = np.broadcast_to(weights, (*shape, 2)).reshape(-1, 2)
        ridges = np.broadcast_to(ridge, shape).reshape(-1)
        log_ratio, scale, reachable = self._match(samples, omega, ridges)
        fields = self._interpolate(log_ratio, ridges / scale)
        traces = (np.exp(fields[:2]) / scale).T
        sensitivity = np.empty((len(samples), 2, 2))
        for value, (i, j) in zip(fields[2:5], _PAIRS, strict=True):
            sensitivity[:, i, j] = sensitivity[:, j, i] = value * traces[:, i] * traces[:, j]
        amplification = amplifications(
            sensitivity,
            fields[5:7].T * traces * traces.sum(axis=1, keepdims=True),
            retained=retained_factors(traces, n_samples=samples, weights=omega),
            n_samples=samples,
            weights=omega,
        )
        errors = fields[9] + np.einsum("bk,kb->b", amplification, fields[7:9])
        possible = reachable & (errors > 0) & (amplification >= 0).all(axis=1)
        return np.where(possible, errors, np.nan).reshape(shape)

    def _match(self, samples: Array, omega: Array, ridges: Array) -> tuple[Array, Array, NDArray[np.bool_]]:
        """Return log v₂/v₁, v₁ + v₂ and reachability for each mixture, by Anderson-accelerated iteration on log v."""
        present = samples * omega > 0
        guess = samples / samples.sum(axis=1, keepdims=True) * omega * self.counts.sum() / self.counts
        logs = np.log(np.where(present, guess, _ABSENT))
        residual = step = np.zeros_like(logs)
        for iteration in range(MAX_ITERATIONS):
            weights = np.exp(logs)
            scale, log_ratio = weights.sum(axis=1), logs[:, 1] - logs[:, 0]
            traces = (np.exp(self._interpolate(log_ratio, ridges / scale, fields=2)) / scale).T
            image, retained = pool_weights(traces, n_samples=samples, weights=omega, counts=self.counts)
            last, residual = residual, np.where(present, np.log(np.where(present, image, 1.0)) - logs, 0.0)
            if np.max(np.abs(residual)) < TOLERANCE:
                break
            change = residual - last
            mixing = (change * residual).sum(axis=1) / np.maximum((change**2).sum(axis=1), 1e-300)
            step = 0.5 * residual if iteration == 0 else residual - mixing[:, None] * (step + change)
            step = np.clip(step, -LARGEST_STEP, LARGEST_STEP)
            logs = logs + step
        low, high = np.exp(self.log_ridges[[0, -1]])
        reachable = (ridges / scale >= low) & (ridges / scale <= high) & (np.abs(residual) < TOLERANCE).all(axis=1)
        return log_ratio, scale, reachable & (np.where(present, retained, 1.0) > MIN_RETAINED).all(axis=1)

    def _interpolate(self, log_ratio: Array, ridge: Array, *, fields: int = 10) -> Array:
        """Return the first `fields` quantities at the given points, shape (fields, points)."""
        rows = (1.0 + np.arcsinh(log_ratio / CENTRE) / np.arcsinh(EDGE / CENTRE)) * (N_RATIOS - 1) / 2
        columns = (np.log(ridge) - self.log_ridges[0]) / (self.log_ridges[1] - self.log_ridges[0])
        points = np.stack([np.clip(rows, 0, N_RATIOS - 1), np.clip(columns, 0, len(self.log_ridges) - 1)])
        grids = self.coefficients[:fields]
        return np.stack([map_coordinates(grid, points, order=3, mode="nearest", prefilter=False) for grid in grids])


def surface(pool: Pool, *, ridges: Array) -> Surface:
    """Read the pool on a grid of weights and ridges, from which any mixture of its two sources can be forecast.

    Parameters
    ----------
    pool : Pool
        Two sources, one sub-source each.
    ridges : ndarray
        Ridges that mixtures will be asked at; their range sets the grid.

    Raises
    ------
    InputError
        When the pool does not have exactly two sub-sources.

    Notes
    -----
    A pool fit with weights v and ridge λ has the mean predictor of every mixture with the same ratios g₁ : g₂ : λ, so
    two coordinates cover all counts, weights and ridges. One eigendecomposition serves a whole row of the grid.
    """
    if len(pool.rows) != 2:
        raise InputError(f"a surface needs a pool with exactly 2 sub-sources; got {len(pool.rows)}.")
    low, high = np.log(np.min(ridges) / REACH), np.log(np.max(ridges) * REACH)
    log_ridges = np.linspace(low, high, int(np.ceil((high - low) / np.log(10) * RIDGES_PER_DECADE)) + 1)
    share = 1.0 / (1.0 + np.exp(-LOG_RATIOS))
    directions = np.stack([1.0 - share, share], axis=1)
    pool.prepare()
    table = side_by_side(lambda weights: _readings(pool, weights, np.exp(log_ridges)), directions)
    coefficients = np.stack([spline_filter(grid, order=3, mode="nearest") for grid in np.stack(table, axis=1)])
    return Surface(pool.counts, log_ridges, coefficients, len(LOG_RATIOS) * len(log_ridges))


def _readings(pool: Pool, weights: Array, ridges: Array) -> Array:
    """Return the quantities of `Surface.coefficients` along one direction of weights, shape (10, ridges)."""
    return np.stack([_reading(fit) for fit in PoolSpectrum(pool, weights).fits(ridges)], axis=1)


def _reading(fit: PoolFit) -> Array:
    """Return the ten quantities of `Surface.coefficients` at one pool fit: where signs may fail, no logarithm."""
    seen = population(fit)
    traces = seen.traces
    return np.concatenate([
        np.log(traces),
        [seen.sensitivity[i, j] / (traces[i] * traces[j]) for i, j in _PAIRS],
        seen.target_sensitivity / (traces * traces.sum()),
        seen.mean_errors,
        [seen.target_error],
    ])  # fmt: skip
