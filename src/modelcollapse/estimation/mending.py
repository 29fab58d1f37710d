"""What would synthetic inputs be without a defect? Moved onto real margins or correlations, or without strange rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array
from modelcollapse.estimation.table_neighbours import FAR, distances

FEW_VALUES = 10
"""Columns with at most so many different real values (indicators, constants) are not moved."""
MOST_REFERENCES = 10_000
"""Real rows to which distances are taken."""
_LEAST_VARIANCE = 1e-6  # of a direction of standardised columns, below which it is not stretched


def movable(real: Array) -> NDArray[np.bool_]:
    """Tell which columns of real rows (n, d) hold numbers rather than indicators, (d,)."""
    return np.array([len(np.unique(column)) > FEW_VALUES for column in real.T], dtype=bool)


def onto_real_margins(synthetic: Array, real: Array) -> Array:
    """Return synthetic rows whose every column has the real column's distribution, by quantiles.

    Spread, location and tails become the real ones; which row is above which other one stays, and with it most of how
    columns go together.

    Parameters
    ----------
    synthetic : array, (m, d)
    real : array, (n, d)

    Returns
    -------
    array, (m, d)

    Examples
    --------
    >>> onto_real_margins(np.arange(12.0)[:, None], 100 * np.arange(12.0)[:, None])[[0, 1, 11], 0].tolist()
    [0.0, 100.0, 1100.0]
    """
    moved = synthetic.copy()
    for k in np.flatnonzero(movable(real)):
        ends = np.sort(real[:, k])
        rank = np.argsort(np.argsort(synthetic[:, k], kind="stable"), kind="stable")
        moved[:, k] = np.interp((rank + 0.5) / len(synthetic), (np.arange(len(ends)) + 0.5) / len(ends), ends)
    return moved


def onto_real_correlations(synthetic: Array, real: Array) -> Array:
    """Return synthetic rows with the real correlations, each column's mean and variance as they were.

    Standardised columns z become z A with A = S^(−1/2) (S^(1/2) R S^(1/2))^(1/2) S^(−1/2), which moves rows with
    correlations S as little as possible to correlations R (optimal transport between Gaussians).

    Parameters
    ----------
    synthetic : array, (m, d)
    real : array, (n, d)

    Returns
    -------
    array, (m, d)

    References
    ----------
    I. Olkin, F. Pukelsheim, The distance between two random vectors with given dispersion matrices, Linear Algebra and
    its Applications 48, 1982.
    """
    chosen = movable(real) & (synthetic.std(axis=0) > 0)
    if chosen.sum() < 2:
        return synthetic.copy()
    rows = synthetic[:, chosen]
    center, scale = rows.mean(axis=0), rows.std(axis=0)
    start, goal = (np.atleast_2d(np.corrcoef(values[:, chosen], rowvar=False)) for values in (synthetic, real))
    root = _power(start, 0.5)
    inverse = _power(start, -0.5)
    transport = inverse @ _power(root @ goal @ root, 0.5) @ inverse
    moved = synthetic.copy()
    turned = (rows - center) / scale @ transport
    moved[:, chosen] = center + scale * turned / np.maximum(turned.std(axis=0), _LEAST_VARIANCE)
    return moved


def _power(matrix: Array, exponent: float) -> Array:
    """Return a power of a symmetric positive matrix; small eigenvalues are raised to what can be inverted."""
    variances, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.maximum(variances, _LEAST_VARIANCE) ** exponent) @ vectors.T)


def near_real_rows(synthetic: Array, real: Array) -> NDArray[np.bool_]:
    """Tell which synthetic rows (m,) are as close to a real one as 99 % of the real rows are to another."""
    references = real[:: -(-len(real) // MOST_REFERENCES)]
    usual = distances(references, references, own=np.arange(len(references)))
    return np.asarray(distances(synthetic, references, own=None) <= np.quantile(usual, 1 - FAR))
