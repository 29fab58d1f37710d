"""How would one simulate tails without thinking? Item by item, on a law that is cut off where nothing is left of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from modelcollapse import Generator, ZipfTask

Vector = np.ndarray[Any, Any]

N_ITEMS = 500
"""Ranks of the law; beyond, one with exponent 3 has a mass of 2e-6."""


def zipf(exponent: float) -> Vector:
    """Return the probabilities of a Zipf law."""
    weights = np.arange(1.0, N_ITEMS + 1) ** -exponent
    return np.asarray(weights / weights.sum())


def one_run(random: np.random.Generator, task: ZipfTask) -> Mapping[str, Vector]:
    """Return test errors, learned items and floors of one replicate, every training set drawn by itself."""
    real = zipf(task.zipf_exponent)
    laws = [real, *generator_laws(random, real, task.generator)]
    errors, items, floors = [], [], []
    for g, law in enumerate(laws):
        composition = task.composition if g else np.array([task.sizes, 0 * task.sizes, 0 * task.sizes])
        sets = [training_set(random, real, law, task, counts) for counts in composition.T.astype(int)]
        learned = [judge(counts, real, task) for counts in sets]
        errors.append([error for error, _ in learned])
        items.append([n for _, n in learned])
        mixed = mixture(real, law, task) if g else real
        floors.append(0.5 * np.abs(mixed - real).sum() if task.output == "bigram" else real[mixed == 0].sum())
    return {"test_error": np.array(errors), "learned_items": np.array(items), "floor": np.array(floors)}


def generator_laws(random: np.random.Generator, real: Vector, generator: Generator | None) -> list[Vector]:
    """Return the law of each generator."""
    laws: list[Vector] = []
    for g in range(0 if generator is None else generator.generations):
        assert generator is not None
        if generator.n_samples is None:
            learned = real if not g else generator.real_fraction * real + (1 - generator.real_fraction) * laws[-1]
        else:
            n_real = generator.real_samples if g else generator.n_samples
            counts = random.multinomial(n_real, real)
            if g:
                counts = counts + random.multinomial(generator.n_samples - n_real, laws[-1])
            learned = counts / generator.n_samples
        laws.append(distorted(learned, generator))
    return laws


def distorted(law: Vector, generator: Generator) -> Vector:
    """Return a law that a temperature narrows, and of which the most frequent items are kept."""
    narrow = law ** (1 / generator.temperature)
    kept = np.zeros(N_ITEMS, dtype=bool)
    if generator.rank is not None:
        kept[: generator.rank] = True
    elif generator.top_p is not None:
        mass = 0.0
        for item in sorted(range(N_ITEMS), key=lambda i: (-narrow[i], i)):
            if mass >= generator.top_p * narrow.sum() * (1 - 1e-12):
                break
            kept[item], mass = True, mass + narrow[item]
    else:
        kept[:] = True
    cut = np.where(kept, narrow, 0.0)
    return np.asarray(cut / cut.sum())


def bought(real: Vector, task: ZipfTask) -> Vector:
    """Return the law of bought data."""
    assert task.purchase is not None
    cut = np.where(np.arange(1, N_ITEMS + 1) >= task.purchase.rank, real, 0.0)
    return np.asarray(cut / cut.sum())


def training_set(random: np.random.Generator, real: Vector, law: Vector, task: ZipfTask, counts: Vector) -> Vector:
    """Return how often each item is in a training set."""
    n_real, n_bought, n_synthetic = counts
    drawn = random.multinomial(n_real, real) + random.multinomial(n_synthetic, law)
    return drawn + random.multinomial(n_bought, bought(real, task)) if n_bought else drawn


def mixture(real: Vector, law: Vector, task: ZipfTask) -> Vector:
    """Return the law of endless data."""
    n_real, n_bought, n_synthetic = task.shares
    mixed = n_real * real + n_synthetic * law
    return mixed + n_bought * bought(real, task) if n_bought else mixed


def judge(counts: Vector, real: Vector, task: ZipfTask) -> tuple[float, float]:
    """Return the error of a learner, and the items that it has seen."""
    if task.output == "bigram":
        return 0.5 * float(np.abs(counts / counts.sum() - real).sum()), float((counts > 0).sum())
    return float(real[counts == 0].sum()), float((counts > 0).sum())
