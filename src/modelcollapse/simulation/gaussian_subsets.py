"""How do Gaussians go that are refitted on subsets of all samples so far? Only what is ever looked at is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array
from modelcollapse.simulation.gaussian import GaussianDraws, Moments, measured, triangles
from modelcollapse.simulation.multinomials import Counts, sorted_once, uniform_subsets
from modelcollapse.simulation.resampling import Refits

Tick = Callable[[], None]

TABLE = 8
"""Samples of the pool, for each one of a subset, up to which a table of all is quicker than a sorted list."""


def gaussian_subset_chains(
    generator: np.random.Generator,
    eigenvalues: Array,
    *,
    refits: Refits,
    unbiased: bool,
    threshold: float | None,
    n_replicates: int,
    tick: Tick,
) -> dict[str, Array]:
    """Return what `modelcollapse.simulation.gaussian.gaussian_chains` returns, for accumulate-subsample.

    Which samples belong to which subsets does not depend on their values, and so is drawn first. Samples in none of the
    subsets are never drawn; real ones among them enter generation 0 by their moments. So the cost depends on the
    sizes of the subsets and not on that of the pool.

    Parameters
    ----------
    generator, eigenvalues, refits, unbiased, threshold, n_replicates, tick
        As there.

    Returns
    -------
    dict of str to array, (n_replicates, n_generations)
    """
    assert refits.subsample is not None
    scales, seen = np.sqrt(eigenvalues), _choose(generator, refits, n_replicates=n_replicates)
    draws = GaussianDraws(generator, scales, unbiased=unbiased, n_replicates=n_replicates)
    values = generator.standard_normal(
        (seen.edges[-1, -1], len(scales))
    )  # in units of their models, until it is theirs
    tick()
    filled, rows = seen.of_batch(0)
    values[rows[filled]] *= scales
    model = _with_others(draws, np.where(filled[..., None], values[rows], 0.0), filled, n_first=refits.n_first)
    found = {name: [array] for name, array in _measured(draws, model, eigenvalues, threshold).items()}
    for generation in range(1, refits.generations + 1):
        tick()
        filled, rows = seen.of_batch(generation)
        factor = model.factor / np.sqrt(draws.divisor(model))[:, None, None]
        steps = values.take(rows, axis=0)[..., : factor.shape[2]] @ factor.swapaxes(1, 2)
        values[rows[filled]] = (model.mean[:, None] + steps)[filled]
        model = _moments(values.take(seen.subsets[generation - 1], axis=0))
        for name, array in _measured(draws, model, eigenvalues, threshold).items():
            found[name].append(array)
    return {name: np.array(arrays).T for name, arrays in found.items()}


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """Which samples are in some subset; they have rows, in the order of replicates, batches and samples.

    Attributes
    ----------
    edges : array of int, (n_replicates, n_batches + 1)
        Row of the first sample of each batch, the real samples being batch 0, and where the last one ends.
    subsets : array of int, (generations, n_replicates, subsample)
        Rows of each generation's subset.
    """

    edges: Counts
    subsets: Counts

    def of_batch(self, batch: int) -> tuple[NDArray[np.bool_], Counts]:
        """Return which places of a rectangle of replicates and rows hold a row of the batch, and these rows."""
        first, sizes = self.edges[:, batch], self.edges[:, batch + 1] - self.edges[:, batch]
        places = np.arange(sizes.max())
        filled = places < sizes[:, None]
        return filled, np.where(filled, first[:, None] + places, 0)


def _choose(generator: np.random.Generator, refits: Refits, *, n_replicates: int) -> _Seen:
    """Draw the subsets of all generations."""
    assert refits.subsample is not None
    first, more, size = int(refits.n_first[0]), int(refits.n_samples[0]), int(refits.subsample[0])
    total = first + refits.generations * more
    begin = total * np.arange(n_replicates)
    samples = np.empty((refits.generations, n_replicates, size), dtype=np.int64)
    for generation in range(1, refits.generations + 1):
        within = uniform_subsets(generator, n_items=first + generation * more, n_drawn=size, n_replicates=n_replicates)
        samples[generation - 1] = begin[:, None] + within
    batches = np.concatenate([[0], first + more * np.arange(refits.generations + 1)])
    edges = begin[:, None] + batches
    if total * n_replicates <= TABLE * samples.size:
        seen = np.zeros(total * n_replicates + 1, dtype=bool)
        seen[samples] = True
        rows = np.cumsum(seen) - seen
        return _Seen(edges=rows[edges], subsets=rows[samples])
    ordered = sorted_once(samples.ravel())
    return _Seen(edges=np.searchsorted(ordered, edges), subsets=np.searchsorted(ordered, samples))


def _with_others(draws: GaussianDraws, values: Array, filled: NDArray[np.bool_], *, n_first: Counts) -> Moments:
    """Return the moments of the real samples: those that are seen again, and the others."""
    n_seen = filled.sum(axis=1)
    mean = values.sum(axis=1) / np.maximum(n_seen, 1)[:, None]
    deviations = np.where(filled[..., None], values - mean[:, None], 0.0)
    seen = Moments(n_samples=n_seen, mean=mean, factor=deviations.swapaxes(1, 2))
    return draws.together([seen, draws.real(n_first - n_seen)])


def _moments(values: Array) -> Moments:
    """Return the moments of points, (n_replicates, n_points, d)."""
    n_points = values.shape[1]
    mean = np.full(n_points, 1 / n_points) @ values  # faster than values.mean(axis=1)
    n_samples = np.full(len(values), n_points)
    deviations = values - mean[:, None]
    try:
        factor: Array = np.asarray(np.linalg.cholesky(deviations.swapaxes(1, 2) @ deviations))
    except np.linalg.LinAlgError:  # fewer points than dimensions, or no variance in some
        factor = triangles(deviations).swapaxes(1, 2)
    return Moments(n_samples=n_samples, mean=mean, factor=factor)


def _measured(draws: GaussianDraws, model: Moments, eigenvalues: Array, threshold: float | None) -> dict[str, Array]:
    variance = np.square(model.factor).sum(axis=(1, 2)) / draws.divisor(model)
    return measured(variance, model.mean, eigenvalues, threshold=threshold)
