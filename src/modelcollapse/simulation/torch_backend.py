"""How does the simulation run on PyTorch? A whole batch of replicates at once, on the processor or on a GPU."""

from __future__ import annotations

from typing import Any

import array_api_compat.torch as torch_namespace
import numpy as np
import torch

from modelcollapse.checks import Array, fail
from modelcollapse.simulation.backend import Matrix
from modelcollapse.streams import stream

BLOCK = 128
"""Triangles of this size are multiplied whole; larger ones by halves."""


class TorchRandomness:
    """Random numbers for a batch: normals of PyTorch, made on the device; the few chi numbers of NumPy, moved there."""

    def __init__(self, generator: np.random.Generator, *, batch: tuple[int, ...], device: str) -> None:
        self.batch, self.device = batch, device
        self.generator = generator
        self.on_device = torch.Generator(device).manual_seed(int(generator.integers(2**63)))

    def normal(self, *shape: int) -> Matrix:
        """Return standard normal numbers, the batch axes in front."""
        return torch.randn((*self.batch, *shape), generator=self.on_device, dtype=torch.float64, device=self.device)

    def chi(self, dof: Array) -> Matrix:
        """Return square roots of chi-squared numbers, the batch axes in front."""
        squares = self.generator.chisquare(dof, size=(*self.batch, *dof.shape))
        return torch.from_numpy(np.sqrt(squares)).to(self.device)


class TorchBackend:
    """PyTorch in float64.

    The standard functions come through array-api-compat, so that the same code runs on NumPy and here. Same device,
    same batch and same seed: same bits; another batch or device draws other numbers of the same law.

    Parameters
    ----------
    device : str
        ``"cpu"`` or ``"cuda"``.
    batch : int
        How many replicates are drawn and solved at once, from 1.

    Raises
    ------
    InputError
        For ``"cuda"`` where PyTorch finds no GPU.
    """

    xp: Any = torch_namespace

    def __init__(self, device: str, *, batch: int) -> None:
        if device == "cuda" and not torch.cuda.is_available():
            hint = "PyTorch finds no CUDA GPU here: check the driver and that PyTorch was installed with CUDA."
            raise fail("device", device, "numpy or cpu", hint)
        self.device = device
        self.batch: tuple[int, ...] = (batch,)

    def randomness(self, seed: int, *names: str | int) -> TorchRandomness:
        """Return the source of random numbers that belongs to a seed and a path of names."""
        return TorchRandomness(stream(seed, *names), batch=self.batch, device=self.device)

    def asarray(self, array: Array) -> Matrix:
        """Return a copy of a NumPy array as a tensor on the device."""
        return torch.tensor(np.ascontiguousarray(array), dtype=torch.float64, device=self.device)

    def to_numpy(self, array: Matrix) -> Array:
        """Return a tensor as a NumPy array."""
        moved: Array = array.cpu().numpy()
        return moved

    def zeros(self, *shape: int) -> Matrix:
        """Return zeros, the batch axes in front."""
        return torch.zeros((*self.batch, *shape), dtype=torch.float64, device=self.device)

    def eye(self, size: int) -> Matrix:
        """Return the identity, without batch axes."""
        return torch.eye(size, dtype=torch.float64, device=self.device)

    def gram(self, factor: Matrix) -> Matrix:
        """Return T Tᵀ."""
        return factor @ factor.mT

    def gram_of_triangular(self, factor: Matrix) -> Matrix:
        """Return T Tᵀ by halves, [A B; 0 C] ↦ [AAᵀ + BBᵀ, BCᵀ; CBᵀ, CCᵀ]: down to a third of the work of `gram`."""
        size = factor.shape[-1]
        if size <= BLOCK:
            return self.gram(factor)
        upper, lower = slice(size // 2), slice(size // 2, size)
        right, corner = factor[..., upper, lower], factor[..., lower, lower]
        product = torch.empty_like(factor)
        product[..., upper, upper] = self.gram_of_triangular(factor[..., upper, upper]) + self.gram(right)
        product[..., upper, lower] = right @ corner.mT
        product[..., lower, upper] = product[..., upper, lower].mT
        product[..., lower, lower] = self.gram_of_triangular(corner)
        return product

    def transposed_times(self, factor: Matrix, matrix: Matrix) -> Matrix:
        """Return Tᵀ M."""
        return factor.mT @ matrix

    def inverse_of_triangle(self, triangle: Matrix) -> Matrix:
        """Return the inverse of an upper triangular matrix."""
        if bool((torch.diagonal(triangle, dim1=-2, dim2=-1) == 0).any()):
            raise np.linalg.LinAlgError("a triangle of the batch is singular")
        whole = self.eye(triangle.shape[-1]).expand_as(triangle)
        return torch.linalg.solve_triangular(triangle, whole, upper=True)

    def inverse(self, matrix: Matrix) -> Matrix:
        """Return the inverse through Cholesky's factor."""
        factor, failed = torch.linalg.cholesky_ex(matrix)
        if bool(failed.any()):
            raise np.linalg.LinAlgError(f"{int((failed != 0).sum())} matrices of the batch are not positive definite")
        return torch.cholesky_inverse(factor)
