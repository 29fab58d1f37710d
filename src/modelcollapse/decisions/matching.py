"""Which pool fit has the effective matrix of a mixture? The one whose weights solve v_s = g_s P/(P_s − g_s t_s)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.linalg import LinAlgError

from modelcollapse.checks import Array
from modelcollapse.estimation.pool import Pool
from modelcollapse.estimation.pool_fit import inverse_traces

TOLERANCE = 1e-6
MAX_ITERATIONS = 60
MIN_RETAINED = 0.05
"""Below this share of a residual retained, the pool's own leverage leaves too little to read: not enough data."""


@dataclass(frozen=True)
class Match:
    """Pool weights that stand for a mixture.

    Attributes
    ----------
    weights : ndarray (S,)
        v.
    found : bool
        False when the mixture lies beyond what the pool can tell.
    iterations : int
        Inverses computed.
    retained : ndarray (S,)
        Share of a residual that the pool retains, e^P_s; 1 for sub-sources without samples, NaN when nothing was found.
    """

    weights: Array
    found: bool
    iterations: int
    retained: Array


def retained_factors(traces: Array, *, n_samples: Array, weights: Array) -> Array:
    """Return e_s = 1/(1 + ω_s t_s/N): how much leaving a sample of sub-source s out shrinks its residual.

    Broadcasts over leading axes; the last axis runs over sub-sources, N is the sum of `n_samples` along it.
    """
    total = n_samples.sum(axis=-1, keepdims=True)
    factors: Array = 1.0 / (1.0 + weights * traces / total)
    return factors


def pool_weights(traces: Array, *, n_samples: Array, weights: Array, counts: Array) -> tuple[Array, Array]:
    """Return the pool weights v_s that give a mixture's effective matrix, and the factors e_s the pool then retains.

    With g_s = (n_s/N) ω_s e_s the pool of `counts` P_s rows retains e^P_s = 1 − g_s t_s/P_s and needs
    v_s = g_s P/(P_s e^P_s). Where e^P_s falls under `MIN_RETAINED` the mixture is out of reach; v_s is then given for
    that bound. Broadcasts over leading axes.
    """
    shares = n_samples / n_samples.sum(axis=-1, keepdims=True)
    gains = shares * weights * retained_factors(traces, n_samples=n_samples, weights=weights)
    retained = 1.0 - gains * traces / counts
    return gains * counts.sum() / (counts * np.maximum(retained, MIN_RETAINED)), retained


def match(pool: Pool, *, n_samples: Array, weights: Array, ridge: float) -> Match:
    """Find the pool weights that stand for a mixture, by Anderson-accelerated iteration on log v.

    Parameters
    ----------
    pool : Pool
    n_samples, weights : ndarray (S,)
        Of the mixture, per sub-source.
    ridge : float
        λ > 0.
    """
    active = n_samples * weights > 0
    shares = n_samples / n_samples.sum()
    guess = shares * weights * pool.total / pool.counts
    points: list[Array] = []
    images: list[Array] = []
    current = np.where(active, guess, 0.0)
    for iteration in range(1, MAX_ITERATIONS + 1):
        try:
            traces = inverse_traces(pool, weights=current, ridge=ridge)
        except LinAlgError:  # a ridge below rounding, on features that repeat each other
            return Match(current, False, iteration, np.full_like(current, np.nan))
        pool_retained = np.maximum(1.0 - current * traces / pool.total, MIN_RETAINED / 10)
        image, retained = pool_weights(traces / pool_retained, n_samples=n_samples, weights=weights, counts=pool.counts)
        points.append(np.log(current[active]))
        images.append(np.log(image[active]))
        if np.max(np.abs(images[-1] - points[-1])) < TOLERANCE:
            kept = np.where(active, retained, 1.0)
            return Match(np.where(active, image, 0.0), bool((kept > MIN_RETAINED).all()), iteration, kept)
        current = np.zeros_like(current)
        current[active] = np.exp(accelerated(points, images))
    return Match(current, False, MAX_ITERATIONS, np.full_like(current, np.nan))


def accelerated(points: list[Array], images: list[Array], *, memory: int = 2, largest: float = 3.0) -> Array:
    """Return the next point of Anderson acceleration, kept within `largest` of the last one.

    Minimises the residual over affine combinations of the last `memory` points (Walker and Ni 2011).
    """
    if len(points) == 1:
        step = 0.5 * (images[-1] - points[-1])
    else:
        recent = slice(-memory - 1, None)
        residuals = np.array(images[recent]) - np.array(points[recent])
        changes = np.diff(residuals, axis=0).T
        moves = np.diff(np.array(images[recent]), axis=0).T
        coefficients = np.linalg.lstsq(changes, residuals[-1], rcond=1e-8)[0]
        step = images[-1] - moves @ coefficients - points[-1]
    size = np.max(np.abs(step))
    accelerated_point: Array = points[-1] + step * min(1.0, largest / max(size, 1e-300))
    return accelerated_point
