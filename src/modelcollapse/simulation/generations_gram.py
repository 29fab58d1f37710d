"""How are generations drawn without their samples? From the Gram matrix of each batch, and the noise it passes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.simulation import lapack
from modelcollapse.simulation.backend import NumpyBackend, Randomness
from modelcollapse.simulation.chain import REAL, Batch, Chain, Columns, Path
from modelcollapse.simulation.fits import ROUNDING
from modelcollapse.simulation.mixture import draw_factor, draw_features, gram_of

BACKEND = NumpyBackend()

LOST = 1e-13
"""Pivots of Cholesky's factor below this times what they started from are rounding."""

Solver = Callable[[Array], Array]


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Inputs of a batch, as far as a fit can see them.

    Attributes
    ----------
    factor : array of shape (d, r)
        L with L Lᵀ = XᵀX.
    gram : array of shape (d, d)
        L Lᵀ.
    """

    factor: Array
    gram: Array


class _Sums:
    """Sums over batches of one source that enter a fit with the same weight: Gram matrices, and Xᵀy of each column."""

    def __init__(self) -> None:
        self.gram: Array | float = 0.0
        self.moment: Array | float = 0.0

    def add(self, gram: Array, moment: Array) -> None:
        self.gram = self.gram + gram
        self.moment = self.moment + moment


def follow(chain: Chain, columns: Columns, randomness: Randomness, generator: np.random.Generator) -> Path:
    """Follow all generations on one set of inputs.

    A batch with Gram matrix H = L Lᵀ, labelled by w, gives Xᵀy = L (Lᵀw + σz) with z standard normal: exact in law, at
    a cost that does not depend on its number of samples. A generation solves (Σ_b ω_b H_b + N·ridge) ŵ = Σ_b ω_b Xᵀy_b
    once for all columns. Random projections S enter through SᵀS only, whose cost does not depend on their width.

    Parameters
    ----------
    chain : Chain
        Without subsample and verifier: they need the samples.
    columns : Columns
    randomness : Randomness
    generator : numpy.random.Generator
        Not used: every number here is of `randomness`.

    Raises
    ------
    numpy.linalg.LinAlgError
        When a normal matrix is singular to rounding.
    """
    models = np.zeros((chain.n_fits, *columns.teachers.shape[1:]))
    if chain.given:
        models[0] = columns.teachers[1]
    shared: dict[int, Inputs] = {}
    staying = [_Sums(), _Sums()]
    solve: Solver | None = None
    for t, step in enumerate(chain.steps):
        passing = [_Sums(), _Sums()]
        for batch in step.labelled:
            inputs = shared.get(batch.inputs) or _draw_inputs(chain, batch, randomness)
            if batch.inputs in chain.shared_inputs:
                shared[batch.inputs] = inputs
            teacher = columns.teachers[REAL] if batch.source == REAL else models[t - 1]
            moment = _moment(inputs, teacher, np.sqrt(batch.noise_var) * columns.noisy, randomness)
            (staying if batch.last > t else passing)[batch.source].add(inputs.gram, moment)
        if t == 0 and chain.given:
            continue
        weight = chain.weight[t] / step.n_total
        if solve is None or not step.repeats:
            normal = sum(w * (s.gram + p.gram) for w, s, p in zip(weight, staying, passing, strict=True))
            solve = _solver(chain, t, np.asarray(normal), randomness)
        moments = sum(w * (s.moment + p.moment) for w, s, p in zip(weight, staying, passing, strict=True))
        models[t] = solve(np.asarray(moments))
    kept = np.where(np.arange(chain.n_fits) > 0, 1.0, np.nan)
    return Path(models=models, kept_share=kept)


def _draw_inputs(chain: Chain, batch: Batch, randomness: Randomness) -> Inputs:
    """Draw the inputs of a batch."""
    factor = draw_factor(BACKEND, randomness, chain.roots[batch.source], n_samples=batch.n_samples, n_total=1)
    return Inputs(factor=factor, gram=gram_of(BACKEND, factor))


def _moment(inputs: Inputs, teacher: Array, noise: Array, randomness: Randomness) -> Array:
    """Return Xᵀy of each column, (d, C), for labels Xw + noise of the given standard deviations, (C,)."""
    labels = BACKEND.transposed_times(inputs.factor, teacher)
    noisy = noise > 0
    labels[:, noisy] += noise[noisy] * randomness.normal(len(labels), int(noisy.sum()))
    return np.asarray(inputs.factor @ labels)


def _solver(chain: Chain, generation: int, normal: Array, randomness: Randomness) -> Solver:
    """Return the function from moments to models; random projections are drawn here."""
    ridge, step_rank = float(chain.ridge[generation]), chain.steps[generation].rank
    if chain.width is None:
        return _inverse(normal, ridge=ridge, rank=step_rank)
    width = chain.width[generation]
    features = draw_features(BACKEND, randomness, width, chain.n_features)
    inner = _inverse(features.T @ normal @ features, ridge=ridge, rank=min(step_rank, width))
    return lambda moments: np.asarray(features @ inner(features.T @ moments))


def _inverse(normal: Array, *, ridge: float, rank: int) -> Solver:
    """Return the function b ↦ (normal + ridge)⁻¹ b, and without ridge its limit, the solution of the least norm.

    Where the matrix is singular and the ridge near rounding, only as many eigenvalues count as the rank allows.
    """
    size = len(normal)
    if rank < size and ridge <= ROUNDING * normal.diagonal().max(initial=0.0):
        values, vectors = np.linalg.eigh(normal)
        kept, axes = values[size - rank :] + ridge, vectors[:, size - rank :]
        return lambda moments: np.asarray(axes @ ((axes.T @ moments) / kept[:, None]))
    factor = normal + ridge * np.eye(size)
    scale = factor.diagonal().copy()
    lapack.factor(factor)
    if (factor.diagonal() ** 2 < LOST * scale).any():
        raise np.linalg.LinAlgError("the matrix is singular")
    return lambda moments: lapack.solve_factored(factor, moments)
