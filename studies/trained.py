"""What do trained models reach? Ridge regression on rows drawn from the fresh ones, measured on the held-out rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from modelcollapse.decisions.measures import accuracy
from modelcollapse.estimation.rows import Array, LabelledRows
from studies.splits import Split

Sources = Sequence[tuple[Array, Array]]
"""Features and targets of each source's training rows."""


@dataclass(frozen=True)
class Measured:
    """Errors of models trained on independent draws of one mixture at one ridge.

    Attributes
    ----------
    errors : ndarray (n_runs,)
        Mean squared error on the held-out rows, summed over outputs.
    accuracies : ndarray (n_runs,)
        Share of held-out rows whose largest output is the right class; NaN in regression.
    effective_runs : float
        Independent draws that would average as well: draws from finitely many fresh rows overlap.
    """

    errors: Array
    accuracies: Array
    effective_runs: float


def train(sources: Sources, *, weights: Sequence[float], ridges: Sequence[float]) -> list[Array]:
    """Return argmin (1/N) Σ ω (y − xᵀw)² + λ‖w‖² for each ridge λ, shape (n_features, n_outputs).

    The ridges share one Gram matrix, which costs most: training is timed at its best.
    """
    total = sum(len(features) for features, _ in sources)
    used = [(*rows, weight) for rows, weight in zip(sources, weights, strict=True) if len(rows[0])]
    matrix = np.sum([weight / total * (features.T @ features) for features, _, weight in used], axis=0)
    cross = np.sum([weight / total * (features.T @ targets) for features, targets, weight in used], axis=0)
    identity = np.eye(len(matrix))
    return [cho_solve(cho_factor(matrix + ridge * identity, lower=True, overwrite_a=True), cross) for ridge in ridges]


def squared_error(coefficients: Array, rows: LabelledRows) -> float:
    """Return the mean squared error, summed over outputs."""
    residuals = rows.targets - rows.features @ coefficients
    return float(np.einsum("ic,ic->", residuals, residuals) / len(rows))


def measure(
    split: Split,
    *,
    n_samples: Sequence[int],
    weights: Sequence[float],
    ridges: Sequence[float],
    n_runs: int,
    generator: np.random.Generator,
) -> list[Measured]:
    """Train on `n_runs` random draws of fresh rows, for each ridge; within a draw no row serves two sources."""
    holdout = split.pool.holdout
    errors, accuracies = np.empty((len(ridges), n_runs)), np.full((len(ridges), n_runs), np.nan)
    for run in range(n_runs):
        order = generator.permutation(split.n_fresh)[: sum(n_samples)]
        parts = np.split(order, np.cumsum(n_samples)[:-1])
        sources = [
            (split.fresh_features[rows], targets[rows])
            for rows, targets in zip(parts, split.fresh_targets, strict=True)
        ]
        for r, model in enumerate(train(sources, weights=weights, ridges=ridges)):
            errors[r, run] = squared_error(model, holdout)
            if split.task == "classification":
                accuracies[r, run] = accuracy(holdout.features @ model, holdout.targets)
    shared = max(n_samples) / split.n_fresh
    effective_runs = 1.0 / (shared + (1.0 - shared) / n_runs)
    return [Measured(errors[r], accuracies[r], effective_runs) for r in range(len(ridges))]
