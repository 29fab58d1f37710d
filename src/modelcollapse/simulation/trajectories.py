"""What do several replicates of a chain amount to? Means over them, and how far they scatter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array

Replicates = Mapping[str, Array]
"""Values by name, the replicates along the first axis."""

WATCHED = 16
"""Generations, evenly spaced, whose standard errors are watched: those between hardly differ."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Means over replicates, and sums of squared deviations from them, by name.

    Attributes
    ----------
    n_replicates : int
    mean, squares : mapping of str to array
        Of shapes (n_generations,), and () for numbers that belong to no generation.
    watched : array of shape (n_replicates, at most `WATCHED`)
        Values of one of them, replicate by replicate.
    """

    n_replicates: int
    mean: Mapping[str, Array]
    squares: Mapping[str, Array]
    watched: Array


def summed_up(values: Replicates, *, watch: str) -> Summary:
    """Sum up values of replicates; those called `watch` are kept one by one."""
    mean = {name: array.mean(axis=0) for name, array in values.items()}
    every = values[watch]
    generations = np.unique(np.linspace(0, every.shape[1] - 1, WATCHED).round().astype(int))
    return Summary(
        n_replicates=len(every),
        mean=mean,
        squares={name: np.square(array - mean[name]).sum(axis=0) for name, array in values.items()},
        watched=every[:, generations],
    )


def merged(summaries: Sequence[Summary]) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return means and standard errors over all replicates, by name; NaN with fewer than two replicates."""
    total = sum(summary.n_replicates for summary in summaries)
    mean, stderr = {}, {}
    for name in summaries[0].mean:
        sizes = np.array([summary.n_replicates for summary in summaries])
        means = np.array([summary.mean[name] for summary in summaries])
        within = np.sum([summary.squares[name] for summary in summaries], axis=0)
        mean[name] = np.tensordot(sizes / total, means, axes=1)
        between = np.tensordot(sizes, np.square(means - mean[name]), axes=1)
        variance = (within + between) / (total - 1) if total > 1 else np.full_like(within, np.nan)
        stderr[name] = np.sqrt(variance / total)
    return mean, stderr
