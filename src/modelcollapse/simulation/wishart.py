"""How is the Gram matrix of any number of Gaussian samples drawn without the samples? Bartlett's decomposition."""

from __future__ import annotations

import numpy as np

from modelcollapse.simulation.backend import Backend, Matrix, Randomness

ROWS = 64
"""Rows that are drawn at once: below the diagonal at most this many numbers a row are drawn in vain."""


def bartlett_factor(backend: Backend, randomness: Randomness, *, n_samples: int, n_features: int) -> Matrix:
    """Return T such that T Tᵀ has the law of XᵀX for n_samples rows of X ~ N(0, I).

    T is the triangular factor of Xᵀ = T Q, Q with orthonormal rows: with r = min(n_samples, n_features) columns, it is
    upper trapezoidal; entries above the diagonal that ends in the lower right corner are standard normal, and the
    entry of column j on it is the root of a chi-squared number with n_samples − r + 1 + j degrees of freedom.

    Parameters
    ----------
    backend : Backend
    randomness : Randomness
    n_samples : int
        n, from 0; the cost does not depend on it beyond n_features.
    n_features : int
        d.

    Returns
    -------
    array of shape (..., d, r)

    References
    ----------
    M. S. Bartlett, On the theory of statistical regression, Proc. R. Soc. Edinburgh 53, 1933; for n < d the same
    decomposition gives a trapezoid (M. S. Srivastava, Singular Wishart and multivariate beta distributions, 2003).

    Examples
    --------
    >>> from modelcollapse.simulation.backend import NumpyBackend
    >>> numpy = NumpyBackend()
    >>> factor = bartlett_factor(numpy, numpy.randomness(0), n_samples=10**12, n_features=3)
    >>> abs(factor @ factor.T / 10**12).round(3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    xp, n_columns = backend.xp, min(n_samples, n_features)
    offset = n_features - n_columns
    factor = backend.zeros(n_features, n_columns)
    if n_columns == 0:
        return factor
    for start in range(0, n_features, ROWS):
        stop, left = min(start + ROWS, n_features), max(start - offset, 0)
        if left < n_columns:
            factor[..., start:stop, left:] = randomness.normal(stop - start, n_columns - left)
    chi = randomness.chi(n_samples - n_columns + 1 + np.arange(n_columns, dtype=np.float64))
    square = factor[..., offset:, :]  # a view of the triangle
    for start in range(0, n_columns, ROWS):  # the corners on the diagonal
        stop = min(start + ROWS, n_columns)
        corner = xp.triu(square[..., start:stop, start:stop], k=1)
        diagonal = chi[..., start:stop, None] * backend.eye(stop - start)
        square[..., start:stop, start:stop] = corner + diagonal
        square[..., stop:, start:stop] = 0.0
    return factor
