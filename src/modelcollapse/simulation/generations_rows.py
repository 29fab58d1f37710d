"""What do generations say that are drawn row by row? The data formed, judged, drawn from and fitted as they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.simulation.backend import Randomness
from modelcollapse.simulation.chain import REAL, SYNTHETIC, Batch, Chain, Columns, Path

WELL_POSED = 1e-8
"""Pivots of Cholesky's factor from this times what they started from on leave the normal equations enough digits."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Labelled samples of one source.

    Attributes
    ----------
    source : int
    last : int
        Generation in whose fit they take part for the last time.
    inputs : array of shape (n, d)
    labels : array of shape (n, C)
    """

    source: int
    last: int
    inputs: Array
    labels: Array


def follow(chain: Chain, columns: Columns, randomness: Randomness, generator: np.random.Generator) -> Path:
    """Follow all generations on samples that are drawn one by one.

    A generation of which curation leaves nothing has the model 0, the limit of a ridge.

    Parameters
    ----------
    chain : Chain
    columns : Columns
        One, when there is a verifier: it judges labels.
    randomness : Randomness
        Of the normal numbers.
    generator : numpy.random.Generator
        Of what is kept and what is drawn from the pool.

    Notes
    -----
    Time and memory grow with the numbers of samples. Samples that curation drops count in the divisor of the loss, as
    samples of weight 0 do.
    """
    models = np.zeros((chain.n_fits, *columns.teachers.shape[1:]))
    if chain.given:
        models[0] = columns.teachers[SYNTHETIC]
    kept_share = np.where(np.arange(chain.n_fits) > 0, 1.0, np.nan)
    shared: dict[int, Array] = {}
    pool: list[Rows] = []
    for t, step in enumerate(chain.steps):
        pool = [rows for rows in pool if rows.last >= t]
        for batch in step.labelled:
            inputs = shared[batch.inputs] if batch.inputs in shared else _draw_inputs(chain, batch, randomness)
            if batch.inputs in chain.shared_inputs:
                shared[batch.inputs] = inputs
            teacher = columns.teachers[REAL] if batch.source == REAL else models[t - 1]
            labels = _draw_labels(inputs, teacher, np.sqrt(batch.noise_var) * columns.noisy, randomness)
            if chain.verifier is not None and batch.source == SYNTHETIC:
                errors = (labels - inputs @ columns.teachers[REAL])[:, 0]
                kept = chain.verifier.keeps(errors, generator)
                kept_share[t] = kept.mean() if batch.n_samples else np.nan
                inputs, labels = inputs[kept], labels[kept]
            pool.append(Rows(source=batch.source, last=batch.last, inputs=inputs, labels=labels))
        if t > 0 or not chain.given:
            models[t] = _fitted(chain, t, pool, randomness, generator)
    return Path(models=models, kept_share=kept_share)


def _draw_inputs(chain: Chain, batch: Batch, randomness: Randomness) -> Array:
    """Return the inputs of a batch, (n, d)."""
    root = chain.roots[batch.source]
    numbers = randomness.normal(batch.n_samples, root.shape[-1])
    return np.asarray(numbers * root if root.ndim == 1 else numbers @ root.T)


def _draw_labels(inputs: Array, teacher: Array, noise: Array, randomness: Randomness) -> Array:
    """Return the labels of each column, (n, C), with noise of the given standard deviations, (C,)."""
    labels = inputs @ teacher
    noisy = noise > 0
    labels[:, noisy] += noise[noisy] * randomness.normal(len(labels), int(noisy.sum()))
    return np.asarray(labels)


def _fitted(
    chain: Chain, generation: int, pool: list[Rows], randomness: Randomness, generator: np.random.Generator
) -> Array:
    """Return the model of each column that a generation fits to the pool, (d, C)."""
    inputs = np.concatenate([rows.inputs for rows in pool])
    labels = np.concatenate([rows.labels for rows in pool])
    weights = np.repeat([chain.weight[generation, rows.source] for rows in pool], [len(rows.inputs) for rows in pool])
    n_total = chain.steps[generation].n_total
    if chain.subsample is not None and generation > 0:
        n_total = chain.subsample
        chosen = generator.choice(len(inputs), size=min(chain.subsample, len(inputs)), replace=False)
        inputs, labels, weights = inputs[chosen], labels[chosen], weights[chosen]
    ridge = float(chain.ridge[generation]) * n_total / max(len(inputs), 1)
    if chain.width is None:
        return ridge_fit(inputs, labels, weights=weights, ridge=ridge)
    layer = randomness.normal(chain.width[generation], chain.n_features) / np.sqrt(chain.n_features)
    return np.asarray(layer.T @ ridge_fit(inputs @ layer.T, labels, weights=weights, ridge=ridge))


def ridge_fit(features: Array, labels: Array, *, weights: Array, ridge: float) -> Array:
    """Return the coefficients that minimise (1/n) Σ_i ω_i (z_iᵀv − y_i)² + ridge ‖v‖², without ridge of least norm.

    Parameters
    ----------
    features : array of shape (n, m)
    labels : array of shape (n, C)
    weights : array of shape (n,)
    ridge : float

    Returns
    -------
    array of shape (m, C)
        Zeros when there are no samples.
    """
    n, width = features.shape
    if n == 0:
        return np.zeros((width, labels.shape[1]))
    scale = np.sqrt(weights / n)[:, None]
    rows, targets = scale * features, scale * labels
    normal = rows.T @ rows + ridge * np.eye(width)
    if _well_posed(normal):
        return np.asarray(np.linalg.solve(normal, rows.T @ targets))
    if ridge > 0:
        rows = np.concatenate([rows, np.sqrt(ridge) * np.eye(width)])
        targets = np.concatenate([targets, np.zeros((width, labels.shape[1]))])
    return np.asarray(np.linalg.lstsq(rows, targets, rcond=None)[0])


def _well_posed(normal: Array) -> bool:
    """Whether a normal matrix keeps enough digits."""
    try:
        pivots = np.linalg.cholesky(normal).diagonal() ** 2
    except np.linalg.LinAlgError:
        return False
    return bool((pivots > WELL_POSED * normal.diagonal()).all())
