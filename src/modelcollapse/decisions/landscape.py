"""Which counts, weight and ridge are best? Searches over the surface of one real and one synthetic source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array, number
from modelcollapse.decisions.audit_result import Crossover, SurfaceTable
from modelcollapse.decisions.surface import Surface, surface
from modelcollapse.estimation.pool import Pool, least_ridge, pool_of, ridge_scale
from modelcollapse.estimation.rows import LabelledRows
from modelcollapse.estimation.tables import LARGEST

WEIGHTS = np.array([0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.5, 2.5])
"""Weights of synthetic samples that are tried; real samples weigh 1."""
MOST_AT_HAND = 4.0
"""The best mixture is sought with up to this many times the synthetic rows at hand."""
FARTHEST = 100.0
"""The crossover is sought up to this many times the synthetic rows at hand."""
EQUAL = 1.002
"""Errors within this factor count as equal when a ridge is chosen."""
INDIFFERENT = 1.005
"""Errors within this factor of the smallest count as equally good; the fewest synthetic rows are then preferred."""


@dataclass(frozen=True)
class Choice:
    """A mixture of the surface: counts, weight of synthetic samples, ridge, and its forecast test error."""

    real: float
    synthetic: float
    weight: float
    ridge: float
    test_error: float


@dataclass(frozen=True)
class Landscape:
    """The surface of the real source and some synthetic sources taken together in the pool's proportions.

    Attributes
    ----------
    members : tuple of int
        Indices of the synthetic sources.
    name : str
        Their names, joined by ``+``.
    counts : (float, float)
        Real and synthetic rows at hand.
    ridges : ndarray
        Ridges that may be chosen.
    """

    members: tuple[int, ...]
    name: str
    counts: tuple[float, float]
    ridges: Array
    readings: Surface

    def errors(self, *, real: Array, synthetic: Array, weights: Array, ridges: Array) -> Array:
        """Return the forecast test error on the grid of all four axes, shape (R, S, W, L)."""
        counts = np.stack(np.broadcast_arrays(real[:, None], synthetic[None, :]), axis=-1)[:, :, None, None, :]
        omega = np.stack([np.ones_like(weights), weights], axis=-1)[None, None, :, None, :]
        return self.readings.test_error(n_samples=counts, weights=omega, ridge=ridges)

    def best_errors(self, *, real: Array, synthetic: Array) -> Array:
        """Return the forecast test error of mixtures of weight 1 at the best ridge, (n,); NaN where it is not known."""
        counts = np.stack([real, synthetic], axis=-1)[:, None, :]
        errors = self.readings.test_error(n_samples=counts, weights=np.ones(2), ridge=self.ridges)
        least = np.where(np.isnan(errors), np.inf, errors).min(axis=1)
        return np.where(np.isfinite(least), least, np.nan)

    def choices(self, *, real: float, synthetic: Array, weights: Array = WEIGHTS) -> list[Choice]:
        """Return the best weight and ridge for each count of synthetic samples that the data can tell, best first."""
        table = self.errors(real=np.array([real]), synthetic=synthetic, weights=weights, ridges=self.ridges)[0]
        found = []
        for count, errors in zip(synthetic.tolist(), table, strict=True):
            if not np.isnan(errors).all():
                row, ridge = strongest_good(errors)
                weight = float(weights[row]) if count > 0 else 1.0
                found.append(Choice(real, count, weight, float(self.ridges[ridge]), float(errors[row, ridge])))
        return sorted(found, key=lambda choice: choice.test_error)

    def best(self, *, real: float, synthetic: Array, weights: Array = WEIGHTS) -> Choice | None:
        """Return the best mixture with the given real samples; None when the data can tell nothing about any."""
        return next(iter(self.choices(real=real, synthetic=synthetic, weights=weights)), None)

    def table(self) -> SurfaceTable:
        """Return the best error over weight and ridge for a grid of counts around the rows at hand."""
        real = around(self.counts[0])
        synthetic = np.concatenate([[0.0], around(self.counts[1])])
        errors = self.errors(real=real, synthetic=synthetic, weights=WEIGHTS, ridges=self.ridges)
        flat = np.where(np.isnan(errors), np.inf, errors).reshape(len(real), len(synthetic), -1)
        row, ridge = np.unravel_index(flat.argmin(axis=2), errors.shape[2:])
        known = np.isfinite(flat.min(axis=2))
        return SurfaceTable(
            source=self.name,
            real=real,
            synthetic=synthetic,
            test_error=np.where(known, flat.min(axis=2), np.nan),
            weight=np.where(known, WEIGHTS[row], np.nan),
            ridge=np.where(known, self.ridges[ridge], np.nan),
            n_mixtures=errors.size,
        )

    def crossover(self) -> Crossover:
        """Find where synthetic samples of weight 1 stop helping, and where they make the mixture worse than none.

        NaN where the data cannot tell what the real rows alone do.
        """
        counts = self.counts[1] * np.concatenate([[0.0], np.geomspace(0.01, FARTHEST, 81)])
        table = self.errors(real=np.array([self.counts[0]]), synthetic=counts, weights=np.ones(1), ridges=self.ridges)[
            0, :, 0
        ]
        known = np.asarray(np.isfinite(table).any(axis=1))
        if not known[0]:
            return Crossover(best_count=np.nan, harmful_count=None, largest_count=np.nan)
        counts, errors = counts[known], np.nanmin(table[known], axis=1)
        best = int(errors.argmin())
        worse = best + np.flatnonzero(errors[best:] > errors[0])
        return Crossover(
            best_count=float(counts[best]),
            harmful_count=crossing(counts, errors, int(worse[0])) if len(worse) else None,
            largest_count=float(counts[-1]),
        )

    def marginal_rates(self, synthetic: Array, *, ridge: float, weight: float = 1.0) -> Array:
        """Return ∂error/∂n of synthetic over that of real samples, the real rows at hand given, shape (S,).

        NaN where the data cannot tell, or where further real samples would not help either.
        """
        step = 0.05

        def error(real_factor: float, synthetic_factor: float) -> Array:
            real = np.array([self.counts[0] * real_factor])
            grid = self.errors(
                real=real, synthetic=synthetic * synthetic_factor, weights=np.array([weight]), ridges=np.array([ridge])
            )
            return np.asarray(grid[0, :, 0, 0])

        by_real = (error(1 + step, 1) - error(1 - step, 1)) / self.counts[0]
        by_synthetic = (error(1, 1 + step) - error(1, 1 - step)) / synthetic
        return np.asarray(by_synthetic / np.where(by_real < 0, by_real, np.nan))

    def equivalent_real(self, error: float) -> float:
        """Return how many real samples alone, at their best ridge, reach a test error.

        Infinity when `FARTHEST` times those at hand do not; NaN when the data cannot tell.
        """
        counts = np.geomspace(self.counts[0] / 20, self.counts[0] * FARTHEST, 121)
        table = self.errors(real=counts, synthetic=np.zeros(1), weights=np.ones(1), ridges=self.ridges)[:, 0, 0]
        known = np.asarray(np.isfinite(table).any(axis=1))
        if not known.any():
            return float("nan")
        errors = np.minimum.accumulate(np.nanmin(table[known], axis=1))
        if error < errors[-1]:
            return float("inf") if known[-1] else float("nan")
        return float(np.exp(np.interp(-error, -errors, np.log(counts[known]))))


def strongest_good(errors: Array) -> tuple[int, int]:
    """Return the weight of the least error, and the largest ridge that does as well within `EQUAL`, from (W, L).

    Small ridges are forecast less surely, so that the least of many errors is often a small one by chance.
    """
    row = int(np.nanargmin(np.nanmin(np.where(np.isnan(errors), np.inf, errors), axis=1)))
    return row, int(np.flatnonzero(errors[row] <= np.nanmin(errors[row]) * EQUAL)[-1])


def crossing(counts: Array, errors: Array, first: int) -> float:
    """Return where errors pass their first value, between `counts[first - 1]` and `counts[first]`."""
    below, above = errors[first - 1] - errors[0], errors[first] - errors[0]
    return float(counts[first - 1] + (counts[first] - counts[first - 1]) * below / (below - above))


def around(count: float) -> Array:
    """Return ten counts from a tenth of `count` to ten times as many, itself among them."""
    return count * np.concatenate([np.geomspace(0.1, 1.0, 5), np.geomspace(1.0, 10.0, 6)[1:]])


def landscape(pool: Pool, *, members: Sequence[int], ridges: Array) -> Landscape:
    """Read the surface of the real source and the given synthetic ones.

    Parameters
    ----------
    pool : Pool
        One sub-source per source.
    members : sequence of int
        Indices of synthetic sources, taken together in the pool's proportions.
    ridges : ndarray
        Ridges that may be chosen.
    """
    features = np.concatenate([pool.rows[k].features for k in members])
    targets = np.concatenate([pool.rows[k].targets for k in members])
    merged = pool.rows[members[0]] if len(members) == 1 else LabelledRows(features, targets)
    pair = pool_of([pool.rows[0], merged], holdout=pool.holdout)
    name = "+".join(pool.names[k] for k in members)
    counts = (float(len(pool.rows[0])), float(len(merged)))
    return Landscape(tuple(members), name, counts, ridges, surface(pair, ridges=ridges))


def candidate_ridges(pool: Pool, ridge: Sequence[float] | None) -> Array:
    """Return the user's ridges, or three a decade from 10⁻⁵ to 10 times the features' mean second moment.

    Raises
    ------
    InputError
        When a ridge is so small that rounding of the features hides it.
    """
    least = least_ridge(pool)
    if ridge is None:
        return np.unique(np.maximum(ridge_scale(pool) * np.logspace(-5, 1, 19), least))
    ridges = np.unique(np.asarray(ridge, dtype=np.float64))
    for value in ridges.tolist():
        number("ridge", value, low=least, high=LARGEST, hint="Smaller ones are lost in the rounding of the features.")
    return ridges
