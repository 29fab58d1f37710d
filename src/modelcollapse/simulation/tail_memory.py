"""What does a memory of limited capacity recall? Associations of random vectors, summed up, and read one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array
from modelcollapse.simulation.multinomials import Counts
from modelcollapse.simulation.zipf import Counted

BLOCK = 2**22
"""Scores that are worked on at once: 32 MB."""


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """A memory M = Σ_i s_i e_i u_{label(i)}ᵀ, which answers argmax_j e_iᵀ M u_j.

    Attributes
    ----------
    n_features : int
        d, of the random unit vectors e_i and u_j.
    n_outputs : int
    update : str
        Strength s_i of an item of share q_i of the training set: ``"proportional"``, q_i; ``"power"``, q_i^power;
        ``"threshold"``, 1 for the `n_features` most frequent items, of equal ones for the first, and 0 for the others.
    power : float or None
    """

    n_features: int
    n_outputs: int
    update: str
    power: float | None


def recalled(generator: np.random.Generator, sets: Sequence[Counted], capacity: Capacity) -> list[NDArray[np.bool_]]:
    """Return of each training set which of its items are held and read with their own label.

    One draw of vectors and labels serves all training sets.

    Parameters
    ----------
    generator : numpy.random.Generator
    sets : sequence of Counted
    capacity : Capacity

    Returns
    -------
    list of bool array, (n_items of the training set,)
    """
    items = np.unique(np.concatenate([each.ranks for each in sets]))
    labels = generator.integers(capacity.n_outputs, size=len(items))
    vectors = _unit_vectors(generator, len(items), capacity.n_features)
    outputs = _unit_vectors(generator, capacity.n_outputs, capacity.n_features)
    alike = outputs @ outputs.T
    found = []
    for each in sets:
        strengths = _strengths(each.counts, capacity)
        held = np.flatnonzero(strengths)
        rows = np.searchsorted(items, each.ranks[held])
        known = np.zeros(len(each.ranks), dtype=bool)
        known[held] = _read(vectors, rows, labels[rows], strengths[held], alike)
        found.append(known)
    return found


def _strengths(counts: Counts, capacity: Capacity) -> Array:
    """Return the strengths of items that were seen so often, up to a common factor."""
    if capacity.update == "threshold":
        strengths = np.zeros(len(counts))
        strengths[np.argsort(-counts, kind="stable")[: capacity.n_features]] = 1.0
        return strengths
    return np.asarray((counts / counts.max()) ** (1.0 if capacity.power is None else capacity.power))


def _read(vectors: Array, rows: Counts, labels: Counts, strengths: Array, alike: Array) -> NDArray[np.bool_]:
    """Return whether the memory answers with the label of each item that it holds.

    Its score is e_iᵀ M u_j = Σ_m e_iᵀ c_m (u_mᵀ u_j), with c_m the sum of s_i e_i over the items of label m.
    """
    n_outputs = len(alike)
    contents = np.zeros((n_outputs, vectors.shape[1]))
    right = np.empty(len(rows), dtype=bool)
    blocks = np.array_split(np.arange(len(rows)), -(-len(rows) * max(vectors.shape[1], n_outputs) // BLOCK) or 1)
    for block in blocks:
        by_label = np.zeros((n_outputs, len(block)))
        by_label[labels[block], np.arange(len(block))] = strengths[block]
        contents += by_label @ vectors[rows[block]]
    directions = (alike @ contents).T
    for block in blocks:
        right[block] = (vectors[rows[block]] @ directions).argmax(axis=1) == labels[block]
    return right


def _unit_vectors(generator: np.random.Generator, n: int, n_features: int) -> Array:
    vectors = generator.standard_normal((n, n_features))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors
