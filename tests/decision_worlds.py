"""In which worlds are the decisions tested? Two sources whose labels, inputs and noise differ by known amounts."""

from __future__ import annotations

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.estimation.pool import Pool, pool_of
from modelcollapse.estimation.rows import LabelledRows
from modelcollapse.streams import stream
from planted import World

N_FEATURES = 20


def pair_world(*, quality: float = 0.0, spread: float = 1.0, n_features: int = N_FEATURES) -> World:
    """Real inputs N(0, I); synthetic ones N(0, spread I), with labels that are off by c² = `quality` on real inputs."""
    rng = stream(5, "pair world", n_features)
    real, shift = rng.standard_normal((2, n_features, 1))
    real, shift = real / np.linalg.norm(real), np.sqrt(quality) * shift / np.linalg.norm(shift)
    identity = np.eye(n_features)
    return World(np.stack([identity, spread * identity]), np.stack([real, real + shift]), np.array([0.3, 0.2]))


def drawn_pool(world: World, counts: tuple[int, ...], seed: int, *, n_holdout: int = 400) -> Pool:
    """Draw a pool with held-out rows that are a sample too, as an audit has them."""
    rng = stream(seed, "drawn pool")
    return pool_of([world.draw(k, n, rng) for k, n in enumerate(counts)], holdout=world.draw(0, n_holdout, rng))


def coin_classes(n_rows: int, rng: np.random.Generator, *, slope: Array) -> LabelledRows:
    """Draw x in {−1, 1}^d and a constant, and one of two classes with probability ½ ± slopeᵀx: linear exactly."""
    signs = rng.choice([-1.0, 1.0], size=(n_rows, len(slope)))
    first = rng.random(n_rows) < 0.5 + signs @ slope
    return LabelledRows(np.column_stack([signs, np.ones(n_rows)]), np.column_stack([first, ~first]).astype(float))


def scored_classes(n_rows: int, rng: np.random.Generator, *, shift: float) -> LabelledRows:
    """Draw 30 Gaussian features and a constant, and the class of the largest of 3 noisy scores, off by `shift`."""
    fixed = stream(5, "scored classes")
    scores, wrong = fixed.standard_normal((2, 30, 3)) / np.sqrt(30)
    features = rng.standard_normal((n_rows, 30))
    noisy = features @ (scores + shift * wrong) + 0.5 * rng.standard_normal((n_rows, 3))
    return LabelledRows(np.column_stack([features, np.ones(n_rows)]), np.eye(3)[noisy.argmax(axis=1)])


def standard_errors(values: Array, expected: float) -> float:
    """Return how far the mean of independent values lies from what is expected, in its standard errors."""
    return float((values.mean() - expected) / (values.std(ddof=1) / np.sqrt(len(values))))
