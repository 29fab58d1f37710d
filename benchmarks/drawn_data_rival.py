"""How are such mixtures simulated today? Draw the data, form XᵀX, solve; one noise, one teacher for each replicate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray


@dataclass(frozen=True, kw_only=True)
class World:
    """K sources with the same diagonal covariance, x ~ N(0, diag(eigenvalues)), y = xᵀw_k + ε.

    Attributes
    ----------
    eigenvalues : array of shape (d,)
    n_samples, noise_var : K numbers each
    teachers : array of shape (K, d), or None
        None: w_1 ~ N(0, I/d) for each replicate, and w_k = w_1 + N(0, quality / tr Σ · I).
    quality : float
    ridge : float
        Of (1/N) Σ (xᵀw − y)² + ridge ‖w‖².
    """

    eigenvalues: Array
    n_samples: tuple[int, ...]
    noise_var: tuple[float, ...]
    teachers: Array | None
    quality: float
    ridge: float


def replicate(world: World, generator: np.random.Generator) -> Array:
    """Return the excess risk on the first source and the training error of each, (1 + K,), on one drawn data set."""
    d, n_total = len(world.eigenvalues), sum(world.n_samples)
    scales = np.sqrt(world.eigenvalues)
    teachers = _draw_teachers(world, generator) if world.teachers is None else world.teachers
    moment, target = np.zeros((d, d)), np.zeros(d)
    inputs, labels = [], []
    for n, noise_var, teacher in zip(world.n_samples, world.noise_var, teachers, strict=True):
        x = generator.standard_normal((n, d))
        x *= scales
        y = x @ teacher + np.sqrt(noise_var) * generator.standard_normal(n)
        moment += x.T @ x / n_total
        target += x.T @ y / n_total
        inputs.append(x)
        labels.append(y)
    moment.flat[:: d + 1] += world.ridge
    fitted = np.linalg.solve(moment, target)
    training = [np.mean((y - x @ fitted) ** 2) for x, y in zip(inputs, labels, strict=True)]
    return np.array([world.eigenvalues @ (fitted - teachers[0]) ** 2, *training])


def _draw_teachers(world: World, generator: np.random.Generator) -> Array:
    """Return one teacher of each source, (K, d)."""
    d = len(world.eigenvalues)
    teachers = np.tile(generator.standard_normal(d) / np.sqrt(d), (len(world.n_samples), 1))
    shift_var = world.quality / world.eigenvalues.sum()
    teachers[1:] += np.sqrt(shift_var) * generator.standard_normal((len(teachers) - 1, d))
    return teachers
