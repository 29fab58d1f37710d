"""How is a concave function maximised, many rows at a time? Damped Newton on log supply = log demand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.theory.equilibrium import Bools

MAX_ITERATIONS = 200
TOLERANCE = 1e-7  # of the last Newton step in the logarithms: the next error is its square
MAX_STEP = 20.0  # in the logarithms
OVERSHOOT = 0.5  # a step may end where the slope is minus this fraction of the slope at its start


def maximise(derivatives: Callable[[Array], tuple[Array, Array]], start: Array) -> tuple[Array, Bools, int]:
    """Return the maximiser of a concave function for each row.

    Parameters
    ----------
    derivatives : function of points (B, U)
        Returns the gradient and the step proposed, both (B, U). The step must be an ascent.
    start : array of shape (B, U)

    Returns
    -------
    point : array of shape (B, U)
    converged : bool array of shape (B,)
    iterations : int
        Evaluations of `derivatives`.

    Notes
    -----
    A step is halved while the slope along it has turned by more than half: on a concave function that means it has
    overshot the maximum, and no function value is needed to see it.
    """
    point, step, slope = start, np.zeros_like(start), np.zeros(len(start))
    converged, iterations = np.zeros(len(start), dtype=np.bool_), 0
    while iterations < MAX_ITERATIONS and not converged.all():
        trial = point + step
        gradient, proposal = derivatives(trial)
        accepted = (gradient * step).sum(axis=1) >= -OVERSHOOT * slope
        point = np.where(accepted[:, None], trial, point)
        step = np.where(accepted[:, None], proposal, step / 2)
        slope = np.where(accepted, (gradient * proposal).sum(axis=1), slope / 2)
        converged = np.abs(step).max(axis=1) < TOLERANCE
        iterations += 1
    return point + step, converged, iterations


def newton_step(hessian: Array, *, gradient: Array, supply: Array) -> Array:
    """Return the step for log demand = log supply, where gradient = supply − demand; plain Newton if it descends.

    Power-law spectra make the demand nearly a power of the gains: in logarithms the equations are nearly linear.

    Parameters
    ----------
    hessian : array of shape (B, U, U)
        Minus the second derivatives: positive definite.
    gradient, supply : arrays of shape (B, U)

    Returns
    -------
    array of shape (B, U)
    """
    step = _solve(hessian, -(supply - gradient) * np.log1p(-gradient / supply))
    ascent = (step * gradient).sum(axis=1, keepdims=True) >= 0
    if not ascent.all():
        step = np.where(ascent, step, _solve(hessian, gradient))
    longest = np.abs(step).max(axis=1, keepdims=True)
    return np.asarray(step * np.minimum(1.0, MAX_STEP / np.maximum(longest, MAX_STEP)))


def _solve(matrix: Array, vector: Array) -> Array:
    if matrix.shape[-1] == 1:
        return vector / np.maximum(matrix[:, :, 0], np.finfo(np.float64).tiny)
    return np.asarray(np.linalg.solve(matrix, vector[:, :, None]))[:, :, 0]
