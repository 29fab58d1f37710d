"""What does a network with a random first layer learn? Its second layer is solved exactly, features block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from modelcollapse.checks import Array
from modelcollapse.errors import InputError
from modelcollapse.streams import stream

BLOCK = 1024
"""Features, or rows, that are held at a time."""

Images = NDArray[np.float32]


@dataclass(frozen=True)
class FirstLayer:
    """A random first layer: features max(0, Wx)/√width, W of independent N(0, 1/d) entries for d pixels.

    Drawn block by block from a named stream, so that it is never held whole and always the same.

    Attributes
    ----------
    width : int
    seed : int
    names : tuple
        Of the stream.
    """

    width: int
    seed: int
    names: tuple[str | int, ...]

    def blocks(self, images: Tensor) -> Iterator[Tensor]:
        """Yield the features of all images (n, d), at most `BLOCK` of them at a time, as float32."""
        n_pixels = images.shape[1]
        scale = 1.0 / np.sqrt(n_pixels * self.width)
        for start in range(0, self.width, BLOCK):
            random = stream(self.seed, *self.names, start)
            weights = random.standard_normal((n_pixels, min(BLOCK, self.width - start)), dtype=np.float32)
            weights *= np.float32(scale)
            yield torch.relu_(images @ torch.from_numpy(weights).to(images.device))

    def features(self, images: Images) -> NDArray[np.float32]:
        """Return all features of some images at once, (n, width)."""
        return torch.cat(list(self.blocks(torch.from_numpy(images))), dim=1).numpy()


@dataclass(frozen=True)
class RidgeFits:
    """Second layers fitted to several columns of labels, at several ridges.

    Attributes
    ----------
    outputs : ndarray (ridges, test images, columns)
    training_error : ndarray (ridges, columns)
        Mean squared residual on the training images.
    """

    outputs: Array
    training_error: Array


def fit_random_features(
    images: Images, targets: Array, *, test_images: Images, layer: FirstLayer, ridges: tuple[float, ...], device: Any
) -> RidgeFits:
    """Solve ridge regression on random features for every column of labels and every ridge.

    The moments of width or n dimensions, whichever is smaller, are accumulated once; each ridge then takes one Cholesky
    factorisation, which is cheaper than a decomposition for all up to about ten ridges.

    Parameters
    ----------
    images : ndarray (n, pixels)
    targets : ndarray (n, columns)
    test_images : ndarray (test images, pixels)
    layer : FirstLayer
    ridges : tuple of float
        λ > 0 of (1/n) Σ (…)² + λ‖w‖².
    device : torch.device

    Raises
    ------
    InputError
        When a ridge is too small for the precision of the features.

    Notes
    -----
    Features and their products within a block are float32, sums over blocks and factorisations float64: errors of about
    1e-7 of the largest eigenvalue, which matter for ridges that come near. Memory: one block of features beside
    min(n, width)² numbers and the outputs; in the primal form one block of rows with all features.
    """
    rows, tests = (torch.from_numpy(part).to(device) for part in (images, test_images))
    labels = torch.from_numpy(targets).to(device)
    solve = _primal if layer.width < len(images) else _dual
    outputs, errors = solve(rows, labels, tests, layer=layer, ridges=ridges)
    return RidgeFits(outputs=outputs.cpu().numpy(), training_error=errors.cpu().numpy())


def gram(images: Tensor, others: Tensor, *, layer: FirstLayer) -> tuple[Tensor, Tensor]:
    """Return inner products of features (n, n), and with those of other images (others, n), as float64."""
    n = len(images)
    joint = torch.cat([images, others])
    products = torch.zeros((len(joint), n), dtype=torch.float64, device=images.device)
    for block in layer.blocks(joint):
        products += block @ block[:n].T
    return products[:n], products[n:]


def coordinates(images: Images, others: Images, *, layer: FirstLayer) -> tuple[Array, Array]:
    """Return few coordinates that stand for the features of some images: ridge fits to them are the same.

    Ridge regression on n rows only moves within their span. Where there are more features than rows, coordinates in
    that span have the same inner products, and no fit on these rows predicts anything else.

    Parameters
    ----------
    images : ndarray (n, pixels)
        On which is fitted.
    others : ndarray (others, pixels)
        On which is predicted.
    layer : FirstLayer

    Returns
    -------
    ndarray (n, k), ndarray (others, k)
        With k = min(n, width), or fewer where float32 holds no more.
    """
    if layer.width <= len(images):
        return layer.features(images).astype(np.float64), layer.features(others).astype(np.float64)
    within, across = gram(torch.from_numpy(images), torch.from_numpy(others), layer=layer)
    values, vectors = torch.linalg.eigh(within)
    kept = values > np.finfo(np.float32).eps * values[-1]
    roots, basis = values[kept].sqrt(), vectors[:, kept]
    return (basis * roots).numpy(), (across @ (basis / roots)).numpy()


def _dual(
    images: Tensor, targets: Tensor, tests: Tensor, *, layer: FirstLayer, ridges: tuple[float, ...]
) -> tuple[Tensor, Tensor]:
    """Solve in as many dimensions as there are images: residuals are nλ times the dual coefficients.

    Outputs need the features once more, and no inner products with test images.
    """
    n = len(images)
    within, _ = gram(images, images[:0], layer=layer)
    coefficients = torch.stack([_solved(within, targets, n * ridge) for ridge in ridges])
    residuals = n * coefficients * torch.tensor(ridges, device=images.device, dtype=torch.float64)[:, None, None]
    outputs = torch.zeros((len(ridges), len(tests), targets.shape[1]), dtype=torch.float64, device=images.device)
    for block in layer.blocks(torch.cat([images, tests])):
        features = block.double()
        outputs += features[n:] @ (features[:n].T @ coefficients)
    return outputs, residuals.square().mean(dim=1)


def _primal(
    images: Tensor, targets: Tensor, tests: Tensor, *, layer: FirstLayer, ridges: tuple[float, ...]
) -> tuple[Tensor, Tensor]:
    """Solve in as many dimensions as there are features, rows block by block."""
    n, width = len(images), layer.width
    moments = torch.zeros((width, width), dtype=torch.float64, device=images.device)
    cross = torch.zeros((width, targets.shape[1]), dtype=torch.float64, device=images.device)
    for start in range(0, n, BLOCK):
        features = torch.cat(list(layer.blocks(images[start : start + BLOCK])), dim=1)
        moments += features.T @ features
        cross += features.double().T @ targets[start : start + BLOCK]
    outputs, errors = [], []
    squares = targets.square().sum(dim=0)
    for ridge in ridges:
        weights = _solved(moments, cross, n * ridge)
        predicted = [
            torch.cat(list(layer.blocks(tests[start : start + BLOCK])), dim=1).double() @ weights
            for start in range(0, len(tests), BLOCK)
        ]
        outputs.append(torch.cat(predicted))
        residuals = squares - 2 * (weights * cross).sum(dim=0) + (weights * (moments @ weights)).sum(dim=0)
        errors.append(residuals / n)
    return torch.stack(outputs), torch.stack(errors)


def _solved(matrix: Tensor, right: Tensor, shift: float) -> Tensor:
    """Return (matrix + shift)⁻¹ right, by Cholesky."""
    shifted = matrix.clone()
    shifted.diagonal().add_(shift)
    factor, failed = torch.linalg.cholesky_ex(shifted)
    if failed:
        raise InputError("`ridges` go below what float32 features can tell from 0. Use a larger ridge.")
    return torch.cholesky_solve(right, factor)
