"""Where is a function smallest that has several valleys? Scans and descents, many points at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter

from modelcollapse.checks import Array

Function = Callable[[Array], Array]
"""From points (Q, D) to values (Q,)."""

VALLEYS = 4
"""Valleys of a scan that are followed to their ground."""
OFFSETS = np.linspace(-1.0, 1.0, 5)
ROUNDS = 9
STEP = 1e-4
"""Of the differences that give a gradient."""
LENGTHS = np.array([4.0, 2.0, 1.0, 0.3, 0.1, 0.01, 1e-3])
"""Of a quasi-Newton step that are tried."""
LONGEST = 3.0
"""Coordinate of a quasi-Newton step at most."""
CURVED = 1e-10
"""Cosine between a step and the change of the gradient from which on they tell a curvature."""
SETTLED = 1e-9
"""Fall of the value that is not worth a step: a point that finds no more, not along its gradient either, stays."""


def lowest(function: Function, bounds: list[tuple[float, float]], scan: tuple[int, ...]) -> Array:
    """Return the minimiser in a box (D,): from the lowest valleys of a scan, by finer and finer grids."""
    low, high = np.array(bounds).T
    points = _grid([np.linspace(a, b, n) for (a, b), n in zip(bounds, scan, strict=True)])
    values = function(points)
    around = minimum_filter(values.reshape(scan), size=3, mode="nearest").ravel()
    valleys = np.flatnonzero(values <= around)
    best = points[valleys[np.argsort(values[valleys])][:VALLEYS]]
    width = (high - low) / (np.array(scan) - 1)
    moves = _grid([OFFSETS] * len(bounds))
    for _ in range(ROUNDS):
        closer = np.clip(best[:, None] + width * moves, low, high)
        found = function(closer.reshape(-1, len(bounds))).reshape(len(best), -1)
        best, width = closer[np.arange(len(best)), found.argmin(axis=1)], width / 2
    return np.asarray(best[int(np.argmin(found.min(axis=1)))])


def descended(function: Function, points: Array, bounds: Array, *, iterations: int) -> tuple[Array, Array]:
    """Return points (S, D) that lie lower, and their values (S,): quasi-Newton (BFGS) for all of them side by side.

    Parameters
    ----------
    function : Function
    points : array of shape (S, D)
    bounds : array of shape (D, 2)
    iterations : int
        At most.

    Notes
    -----
    Gradients are central differences. Of every step some lengths are tried, and the best is taken; a point that finds
    none tries its gradient once more, then stays. What would leave the box stays on its wall.
    """
    points = np.clip(points, *bounds.T)
    values, slopes = _slope(function, points)
    inverse = np.tile(np.eye(points.shape[1]), (len(points), 1, 1))
    moving = np.arange(len(points))
    for _ in range(iterations):
        steps, fresh = _steps(points[moving], slopes[moving], inverse[moving], bounds)
        tried = np.clip(points[moving, None] + LENGTHS[:, None] * steps[:, None], *bounds.T)
        found = function(tried.reshape(-1, points.shape[1])).reshape(len(moving), -1)
        best, row = found.argmin(axis=1), np.arange(len(moving))
        better = found[row, best] < values[moving] - SETTLED
        inverse[moving[~better]] = np.eye(points.shape[1])
        lower, moved = moving[better], tried[row, best][better]
        moving = moving[better | ~fresh]
        if len(lower):
            values[lower], after = _slope(function, moved)
            inverse[lower] = _updated(inverse[lower], moved - points[lower], after - slopes[lower])
            points[lower], slopes[lower] = moved, after
        if not len(moving):
            break
    return points, values


def _steps(points: Array, slopes: Array, inverse: Array, bounds: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return steps (S, D) that go down and stay in the box, and which of them go along the gradient."""
    low, high = bounds.T
    walled = ((points <= low) & (slopes > 0)) | ((points >= high) & (slopes < 0))
    pull = np.where(walled, 0.0, slopes)
    steps = -np.where(walled, 0.0, np.einsum("sij,sj->si", inverse, pull))
    uphill = np.einsum("si,si->s", steps, pull) >= 0
    along = uphill | (inverse == np.eye(points.shape[1])).all(axis=(1, 2))
    steps[uphill] = -pull[uphill]
    return steps * np.minimum(1.0, LONGEST / np.maximum(np.abs(steps).max(axis=1), LONGEST))[:, None], along


def _slope(function: Function, points: Array) -> tuple[Array, Array]:
    """Return values (S,) and gradients (S, D): all differences are one batch."""
    n_points, d = points.shape
    moves = STEP * np.concatenate([np.zeros((1, d)), np.eye(d), -np.eye(d)])
    values = function((points[:, None] + moves).reshape(-1, d)).reshape(n_points, -1)
    return values[:, 0], (values[:, 1 : d + 1] - values[:, d + 1 :]) / (2 * STEP)


def _updated(inverse: Array, step: Array, bend: Array) -> Array:
    """Return inverse Hessians (S, D, D) that know the curvature along a step."""
    along = np.einsum("si,si->s", step, bend)
    known = along > CURVED * np.linalg.norm(step, axis=1) * np.linalg.norm(bend, axis=1)
    rho = np.divide(1.0, along, out=np.zeros_like(along), where=known)
    left = np.eye(step.shape[1]) - rho[:, None, None] * step[:, :, None] * bend[:, None, :]
    return np.asarray(left @ inverse @ np.swapaxes(left, 1, 2) + rho[:, None, None] * step[:, :, None] * step[:, None])


def _grid(axes: list[Array]) -> Array:
    """Return all combinations, shape (Q, D)."""
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
