"""Does the best law hold at all? Patterns that it leaves in the runs, and the deviations that bands must hold then."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import f as f_law

from modelcollapse.checks import Array
from modelcollapse.estimation.law_fits import WIDTHS, LawFit
from modelcollapse.estimation.scaling_laws import Points

FEWEST_SPARE = 3
"""Settings beyond one for each parameter and each pattern from which patterns are looked for."""

LARGEST_RESIDUAL = 2.5
"""Residuals, in scales, beyond which runs are outliers and no part of a pattern."""

LENGTHS = np.array([np.log(10.0), 0.5])
"""Over how much log data, and how much synthetic share, a deviation changes."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Deviations:
    """Smooth departures of log losses from every law, one for each of B draws.

    Attributes
    ----------
    amplitude : float
        Their standard deviation up to `reach`; it grows by itself with each tenfold of data beyond.
    reach : float
        Amount of data of the largest run.
    frequencies : array of shape (B, 2)
        By log data and synthetic share.
    phases : array of shape (B,)

    Notes
    -----
    Random waves: together they have the mean 0 and the covariance amplitude² · exp(−d²/2) of a Gaussian process, d
    being the distance in units of `LENGTHS`.

    References
    ----------
    Rahimi and Recht (2007), NeurIPS 20 (random Fourier features); Kennedy and O'Hagan (2001), J. R. Stat. Soc. B 63,
    425 (a Gaussian process for what a model is wrong by).
    """

    amplitude: float
    reach: float
    frequencies: Array
    phases: Array

    @classmethod
    def drawn(cls, amplitude: float, n_draws: int, generator: np.random.Generator, *, reach: float) -> Deviations:
        """Draw departures of a standard deviation."""
        return cls(
            amplitude=amplitude,
            reach=reach,
            frequencies=generator.standard_normal((n_draws, 2)) / LENGTHS,
            phases=generator.uniform(0.0, 2 * np.pi, n_draws),
        )

    def at(self, points: Points) -> Array:
        """Return the departures, (B, n), at settings."""
        where = np.column_stack([np.log(points.total), points.fraction])
        amplitude = self.amplitude * (1 + np.maximum(0.0, np.log10(points.total / self.reach)))
        return np.asarray(np.sqrt(2.0) * amplitude * np.cos(self.frequencies @ where.T + self.phases[:, None]))


def misfit_chance(fit: LawFit) -> float:
    """Return the chance that settings leave such a pattern about the law that made them, in [0, 1].

    Parameters
    ----------
    fit : LawFit

    Returns
    -------
    float
        1 where there are too few settings to see a pattern.

    Notes
    -----
    An F test of whether residuals go along with powers of log data up to the fourth, and with the share times the first
    two, what parameters can take up left out: a score test, by the law's slopes.

    References
    ----------
    Davidson and MacKinnon (1993), Estimation and Inference in Econometrics, ch. 6 (Gauss-Newton regressions).
    """
    width = np.array([WIDTHS[name] for name in fit.law.parameters])
    _, slopes = fit.law.with_slopes(fit.vector, fit.points, fit.units)
    basis, _, _ = np.linalg.svd(np.vstack([slopes / fit.scale, np.diag(1 / width)]), full_matrices=False)

    def left_over(columns: Array) -> Array:
        """Return columns (n, k) without what the parameters take up, the prior's rows below."""
        padded = np.vstack([columns, np.zeros((len(width), columns.shape[1]))])
        return np.asarray(padded - basis @ (basis.T @ padded))

    residuals = np.clip(fit.residuals / fit.scale, -LARGEST_RESIDUAL, LARGEST_RESIDUAL)
    rest = left_over(residuals[:, None])[:, 0]
    patterns, sizes, _ = np.linalg.svd(left_over(_patterns(fit.points)), full_matrices=False)
    patterns = patterns[:, sizes > 1e-6]
    n_patterns = patterns.shape[1]
    spare = len(residuals) - len(width) - n_patterns
    if spare < FEWEST_SPARE or not n_patterns:
        return 1.0
    explained = float(((patterns.T @ rest) ** 2).sum())
    unexplained = max(float(rest @ rest) - explained, 1e-300)
    return float(f_law.sf((explained / n_patterns) / (unexplained / spare), n_patterns, spare))


def _patterns(points: Points) -> Array:
    """Return what losses may go along with that no law has: columns (n, 5) of length 1, or 0."""
    data, share = _standard(np.log(points.total)), _standard(points.fraction)
    columns = np.column_stack([data**2, data**3, data**4, data * share, data**2 * share])
    return np.asarray(columns / np.maximum(np.linalg.norm(columns, axis=0), 1e-300))


def _standard(values: Array) -> Array:
    spread = float(values.std())
    return np.asarray((values - values.mean()) / spread if spread > 1e-6 else np.zeros_like(values))
