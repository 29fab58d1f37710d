"""What does a fit without ridge tend to? It interpolates, determines every direction, or diverges in between."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.errors import InputError
from modelcollapse.theory.covariances import Covariances
from modelcollapse.theory.equilibrium import Bools, Classes, Rows

MAX_GROUPS = 12
"""Largest number of different covariances, some singular, for which every set of groups is tried."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the ridgeless rows of a batch tend to.

    Attributes
    ----------
    ranged : bool array of shape (B,)
        The fit determines every direction that a sample reaches: κ = 0 while e > 0.
    threshold : bool array of shape (B,)
        As many samples as free directions: the risk diverges.
    rank : array of shape (B,)
        Number of directions that the samples reach; 0 in rows with a ridge.
    shift : 1.0 or array
        The identity; in ranged rows the projector on directions that no sample reaches.
    """

    ranged: Bools
    threshold: Bools
    rank: Array
    shift: Array | float

    def rows(self, rows: Rows) -> Limits:
        """Return some rows of the batch."""
        return replace(
            self,
            ranged=self.ranged[rows],
            threshold=self.threshold[rows],
            rank=self.rank[rows],
            shift=self.shift if isinstance(self.shift, float) else self.shift[rows],
        )


def ridgeless_limits(covariances: Covariances, classes: Classes) -> Limits:
    """Find the limit that rows without ridge tend to.

    A set S of groups interpolates when its samples are too few for the directions that only S reaches. The fit as a
    whole resolves min over S of n_S + rank(groups outside S) directions, or m if that is less. A tie is a threshold.

    Raises
    ------
    InputError
        When the minimum is at some of the groups but not all: then some e_k vanish and others do not, on two scales.
    """
    n_rows = len(classes.ridge)
    ridgeless = classes.ridge == 0
    ranged, threshold, rank = np.zeros(n_rows, np.bool_), np.zeros(n_rows, np.bool_), np.zeros(n_rows)
    shift: Array | float = 1.0
    if ridgeless.any() and classes.feature_noise.any():
        threshold = ridgeless & (classes.active_samples.sum(axis=1) == classes.width)
    elif ridgeless.any():
        samples, width = classes.active_samples @ classes.membership, classes.limit
        for pattern in np.unique(samples[ridgeless] > 0, axis=0):
            rows = ridgeless & ((samples > 0) == pattern).all(axis=1)
            groups = [int(g) for g in np.flatnonzero(pattern)]
            determined, tied = _resolved(covariances, groups, samples, width, rows)
            ranged |= rows & determined
            threshold |= rows & tied
            rank = np.where(rows, covariances.rank(groups), rank)
            if determined[rows].any():
                identity = np.broadcast_to(covariances.identity, (n_rows, *covariances.identity.shape))
                shift = identity.copy() if isinstance(shift, float) else shift
                shift[ranged & rows] = np.broadcast_to(covariances.null(groups), shift.shape)[ranged & rows]
    return Limits(ranged=ranged, threshold=threshold, rank=rank, shift=shift)


def _resolved(
    covariances: Covariances, groups: list[int], samples: Array, width: Array, rows: Bools
) -> tuple[Bools, Bools]:
    """Return which rows determine every direction that they reach, and which lie on a threshold; both (B,)."""
    subsets = _candidates(covariances, groups)
    counts = np.stack(
        [
            samples[:, subset].sum(axis=1) + covariances.rank([g for g in groups if g not in subset])
            for subset in subsets
        ]
    )
    fewest = counts.min(axis=0)
    unique = (counts == fewest).sum(axis=0) == 1
    best = counts.argmin(axis=0)
    nobody, everybody = best == 0, best == len(subsets) - 1
    if (rows & (width > fewest) & unique & ~nobody & ~everybody).any():
        raise InputError(
            "`ridge` = 0 makes some sources interpolate their samples and others not, because they reach different "
            "directions; got too few samples for the directions that only some sources reach. Use a small ridge."
        )
    determined = (width >= fewest) & unique & nobody
    return determined, (width >= fewest) & ~determined & ~((width > fewest) & unique & everybody)


def _candidates(covariances: Covariances, everyone: list[int]) -> list[list[int]]:
    """Return the sets of groups that may interpolate, from none to all."""
    ranks = [covariances.rank([g]) for g in everyone]
    if all(np.array_equal(rank, covariances.rank(everyone)) for rank in ranks):
        return [[], everyone]
    if len(everyone) > MAX_GROUPS:
        raise InputError(
            f"`ridge` = 0 is supported for at most {MAX_GROUPS} different covariances when some are singular; got "
            f"{len(everyone)}. Use a small ridge."
        )
    return [list(subset) for size in range(len(everyone) + 1) for subset in itertools.combinations(everyone, size)]
