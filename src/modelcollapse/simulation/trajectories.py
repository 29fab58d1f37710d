"""What do several replicates of a chain amount to? Means over them, their scatter, and how well that is known."""

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
    """Means over replicates, and sums of powers of deviations from them, by name.

    Attributes
    ----------
    n_replicates : int
    mean, squares, cubes, fourths : mapping of str to array
        Of shapes (n_generations,), and () for numbers that belong to no generation.
    watched : array of shape (n_replicates, at most `WATCHED`)
        Values of one of them, replicate by replicate.
    """

    n_replicates: int
    mean: Mapping[str, Array]
    squares: Mapping[str, Array]
    cubes: Mapping[str, Array]
    fourths: Mapping[str, Array]
    watched: Array


def summed_up(values: Replicates, *, watch: str) -> Summary:
    """Sum up values of replicates; those called `watch` are kept one by one."""
    mean = {name: array.mean(axis=0) for name, array in values.items()}
    gaps = {name: array - mean[name] for name, array in values.items()}
    squares = {name: np.square(gap) for name, gap in gaps.items()}
    every = values[watch]
    generations = np.unique(np.linspace(0, every.shape[1] - 1, WATCHED).round().astype(int))
    return Summary(
        n_replicates=len(every),
        mean=mean,
        squares={name: square.sum(axis=0) for name, square in squares.items()},
        cubes={name: _over_replicates(square, gaps[name]) for name, square in squares.items()},
        fourths={name: _over_replicates(square, square) for name, square in squares.items()},
        watched=every[:, generations],
    )


def _over_replicates(left: Array, right: Array) -> Array:
    """Return the sum of a product over the first axis."""
    return np.asarray(np.vecdot(left.T, right.T))


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean over all replicates.

    Attributes
    ----------
    mean, stderr : array
        As in `Summary`; the standard error is NaN with fewer than two replicates.
    freedom : array
        Degrees of freedom of the standard error, from 1: those of the χ² variable that is as uncertain as the sample
        variance, 2 n/(kurtosis − 1), and at most n − 1. When k replicates in very many decide, about 2 k.
    """

    mean: Array
    stderr: Array
    freedom: Array


def merged(summaries: Sequence[Summary]) -> dict[str, Estimate]:
    """Return estimates from all replicates, by name.

    References
    ----------
    F. E. Satterthwaite, An approximate distribution of estimates of variance components, Biometrics Bull. 2, 1946;
    sums of powers are merged as by P. Pébay, Sandia report SAND2008-6212, 2008.
    """
    return {name: _merged(summaries, name) for name in summaries[0].mean}


def _merged(summaries: Sequence[Summary], name: str) -> Estimate:
    sizes = np.array([summary.n_replicates for summary in summaries])
    total = int(sizes.sum())
    means = np.array([summary.mean[name] for summary in summaries])
    mean = np.tensordot(sizes / total, means, axes=1)
    squares, fourths = np.zeros_like(mean), np.zeros_like(mean)
    for summary, gap in zip(summaries, means - mean, strict=True):
        own, square = summary.squares[name], np.square(gap)
        squares += own + summary.n_replicates * square
        fourths += summary.fourths[name] + 4 * gap * summary.cubes[name]
        fourths += 6 * square * own + summary.n_replicates * np.square(square)
    variance = squares / (total - 1) if total > 1 else np.full_like(squares, np.nan)
    known = (fourths > 0) & (squares > 0)
    uncertainty = np.divide(fourths, np.square(squares), out=np.zeros_like(mean), where=known) - 1 / total
    most = max(total - 1.0, 1.0)
    freedom = np.divide(2.0, uncertainty, out=np.full_like(mean, most), where=uncertainty > 2 / most)
    return Estimate(mean=mean, stderr=np.sqrt(variance / total), freedom=np.maximum(freedom, 1.0))
