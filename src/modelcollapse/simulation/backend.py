"""Which library computes? NumPy on the processor; PyTorch, if installed, on the processor or on a GPU."""

from __future__ import annotations

from typing import Any, Protocol

import array_api_compat.numpy as numpy_namespace
import numpy as np
from scipy.linalg.lapack import dtrtri

from modelcollapse.checks import Array, choice
from modelcollapse.errors import MissingExtraError
from modelcollapse.simulation import lapack
from modelcollapse.streams import stream

Matrix = Any
"""An array of the backend's own type."""

DEVICES = ("numpy", "cpu", "cuda")
"""NumPy, PyTorch on the processor, PyTorch on a GPU."""

BATCHES = {"numpy": (0, 1), "cpu": (2**27, 64), "cuda": (2**33, 1024)}
"""By device: bytes that the matrices of a batch may take, and most replicates in it. On the processor, larger batches
leave the cache and are slower."""


class Backend(Protocol):
    """What the simulation asks of an array library beyond the array-API standard, which is reached as `xp`."""

    xp: Any
    device: str
    batch: tuple[int, ...]

    def randomness(self, seed: int, *names: str | int) -> Randomness:
        """Return the source of random numbers that belongs to a seed and a path of names."""
        ...

    def asarray(self, array: Array) -> Matrix:
        """Return a NumPy array as this backend's."""
        ...

    def to_numpy(self, array: Matrix) -> Array:
        """Return an array of this backend as NumPy's."""
        ...

    def zeros(self, *shape: int) -> Matrix:
        """Return zeros, the batch axes in front."""
        ...

    def eye(self, size: int) -> Matrix:
        """Return the identity, without batch axes."""
        ...

    def gram(self, factor: Matrix) -> Matrix:
        """Return T Tᵀ, (..., d, d), for T of shape (..., d, r)."""
        ...

    def gram_of_triangular(self, factor: Matrix) -> Matrix:
        """Return T Tᵀ for an upper triangular T."""
        ...

    def transposed_times(self, factor: Matrix, matrix: Matrix) -> Matrix:
        """Return Tᵀ M for a trapezoidal T; a square one is upper triangular."""
        ...

    def inverse_of_triangle(self, triangle: Matrix) -> Matrix:
        """Return the inverse of an upper triangular matrix.

        Raises
        ------
        numpy.linalg.LinAlgError
            When it is singular.
        """
        ...

    def inverse(self, matrix: Matrix) -> Matrix:
        """Return the inverse of a symmetric positive definite matrix, which may be overwritten.

        Raises
        ------
        numpy.linalg.LinAlgError
            When the matrix is not positive definite.
        """
        ...


class Randomness(Protocol):
    """Random numbers with the backend's batch axes in front."""

    def normal(self, *shape: int) -> Matrix:
        """Return standard normal numbers."""
        ...

    def chi(self, dof: Array) -> Matrix:
        """Return square roots of chi-squared numbers with the given degrees of freedom, an array (r,)."""
        ...


class NumpyRandomness:
    """Random numbers of NumPy, one set at a time."""

    def __init__(self, generator: np.random.Generator) -> None:
        self.generator = generator

    def normal(self, *shape: int) -> Matrix:
        """Return standard normal numbers."""
        return self.generator.standard_normal(shape)

    def chi(self, dof: Array) -> Matrix:
        """Return square roots of chi-squared numbers."""
        return np.sqrt(self.generator.chisquare(dof))


class NumpyBackend:
    """NumPy and LAPACK on the processor, one replicate at a time; its caller spreads them over the cores."""

    xp: Any = numpy_namespace
    device = "numpy"
    batch: tuple[int, ...] = ()

    def randomness(self, seed: int, *names: str | int) -> NumpyRandomness:
        """Return the source of random numbers that belongs to a seed and a path of names."""
        return NumpyRandomness(stream(seed, *names))

    def asarray(self, array: Array) -> Matrix:
        """Return the array itself."""
        return array

    def to_numpy(self, array: Matrix) -> Array:
        """Return the array itself."""
        return np.asarray(array, dtype=np.float64)

    def zeros(self, *shape: int) -> Matrix:
        """Return zeros."""
        return np.zeros(shape)

    def eye(self, size: int) -> Matrix:
        """Return the identity."""
        return np.eye(size)

    def gram(self, factor: Matrix) -> Matrix:
        """Return T Tᵀ: half the work of a product, because both operands are one array."""
        return factor @ factor.T

    def gram_of_triangular(self, factor: Matrix) -> Matrix:
        """Return T Tᵀ in a third of the work of `gram`."""
        product = factor.copy(order="C")
        lapack.square_triangle(product)
        return _mirrored(product)

    def transposed_times(self, factor: Matrix, matrix: Matrix) -> Matrix:
        """Return Tᵀ M; for a triangle in half the work of a product."""
        if factor.shape[0] != factor.shape[1] or matrix.shape[1] == 1:
            return factor.T @ matrix
        return lapack.transposed_triangle_times(factor, matrix)

    def inverse_of_triangle(self, triangle: Matrix) -> Matrix:
        """Return the inverse of an upper triangular matrix."""
        inverse, failed = dtrtri(triangle)
        if failed:
            raise np.linalg.LinAlgError("the triangle is singular")
        return inverse

    def inverse(self, matrix: Matrix) -> Matrix:
        """Return the inverse through Cholesky's factor."""
        inverse = np.ascontiguousarray(matrix)
        lapack.invert(inverse)
        return _mirrored(inverse)


def _mirrored(matrix: Array) -> Array:
    """Copy the upper triangle of a matrix to the lower one, in place and by blocks; return the matrix."""
    block = 256
    for start in range(0, len(matrix), block):
        rows = slice(start, start + block)
        corner = np.triu(matrix[rows, rows])
        matrix[rows, rows] = corner + np.triu(corner, 1).T
        matrix[start + block :, rows] = matrix[rows, start + block :].T
    return matrix


def batch_for(device: str, *, n_features: int, n_sources: int) -> int:
    """Return how many replicates a device works on at once: as many as fit, few of large matrices.

    Parameters
    ----------
    device : str
        One of `DEVICES`.
    n_features : int
        d.
    n_sources : int
        K; a replicate holds up to about 6 K + 10 matrices (d, d) at its widest.

    Examples
    --------
    >>> [batch_for(device, n_features=500, n_sources=2) for device in DEVICES]
    [1, 3, 195]
    """
    memory, most = BATCHES[device]
    each = 8 * (6 * n_sources + 10) * n_features**2
    return max(1, min(most, memory // each))


def backend_for(device: str, *, batch: int = 1) -> Backend:
    """Return the backend of a device.

    Parameters
    ----------
    device : str
        ``"numpy"``, ``"cpu"`` (PyTorch on the processor) or ``"cuda"`` (PyTorch on a GPU).
    batch : int
        How many replicates PyTorch works on at once.

    Raises
    ------
    InputError
        For an unknown device, or a GPU that is not there.
    MissingExtraError
        When PyTorch is not installed.
    """
    if choice("device", device, DEVICES) == "numpy":
        return NumpyBackend()
    try:
        from modelcollapse.simulation.torch_backend import TorchBackend
    except ModuleNotFoundError:
        raise MissingExtraError(
            f"device `{device}` needs PyTorch, which is not installed. Run: pip install 'modelcollapse[torch]'."
        ) from None
    return TorchBackend(device, batch=batch)
