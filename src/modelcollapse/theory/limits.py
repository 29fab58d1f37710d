"""What does a fit without ridge tend to? It interpolates, determines every direction, or diverges in between."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.errors import InputError
from modelcollapse.theory.covariances import Covariances
from modelcollapse.theory.equilibrium import Bools, Classes, Rows

SMALL_RIDGE = 1e-8
"""Ridge of mixed rows relative to the mean variance of the weighted inputs; its effect is of the same order."""

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
    mixed : bool array of shape (B,)
        Some sources interpolate and others do not, on two scales of e.
    rank : array of shape (B,)
        Number of directions that the samples reach; 0 in rows with a ridge.
    shift : 1.0 or array
        The identity; in ranged rows the projector on directions that no sample reaches.
    ridge : array of shape (B,)
        λ; in mixed rows a small one, and on a threshold, where there is no solution, one that keeps numbers tame.
    """

    ranged: Bools
    threshold: Bools
    mixed: Bools
    rank: Array
    shift: Array | float
    ridge: Array

    def rows(self, rows: Rows) -> Limits:
        """Return some rows of the batch."""
        return replace(
            self,
            ranged=self.ranged[rows],
            threshold=self.threshold[rows],
            mixed=self.mixed[rows],
            rank=self.rank[rows],
            shift=self.shift if isinstance(self.shift, float) else self.shift[rows],
            ridge=self.ridge[rows],
        )


def ridgeless_limits(covariances: Covariances, classes: Classes) -> Limits:
    """Find the limit that rows without ridge tend to.

    A set S of groups interpolates when its samples are too few for the directions that only S reaches. The fit as a
    whole resolves min over S of n_S + rank(groups outside S) directions, or m if that is less. A tie is a threshold;
    a minimum at some of the groups but not all is mixed.

    Raises
    ------
    InputError
        With more than 12 different covariances of which some are singular: too many sets to try.
    """
    n_rows = len(classes.ridge)
    ridgeless = classes.ridge == 0
    ranged, threshold, mixed = (np.zeros(n_rows, np.bool_) for _ in range(3))
    rank = np.zeros(n_rows)
    shift: Array | float = 1.0
    if ridgeless.any() and classes.feature_noise.any():
        threshold = ridgeless & (classes.active_samples.sum(axis=1) == classes.width)
    elif ridgeless.any():
        samples, width = classes.active_samples @ classes.membership, classes.limit
        for pattern in np.unique(samples[ridgeless] > 0, axis=0):
            rows = ridgeless & ((samples > 0) == pattern).all(axis=1)
            groups = [int(g) for g in np.flatnonzero(pattern)]
            determined, everywhere, tied = _resolved(covariances, groups, samples, width)
            ranged |= rows & determined
            threshold |= rows & tied
            mixed |= rows & ~determined & ~everywhere & ~tied
            rank = np.where(rows, covariances.rank(groups), rank)
            if determined[rows].any():
                identity = np.broadcast_to(covariances.identity, (n_rows, *covariances.identity.shape))
                shift = identity.copy() if isinstance(shift, float) else shift
                shift[ranged & rows] = np.broadcast_to(covariances.null(groups), shift.shape)[ranged & rows]
    reach = (classes.force @ classes.membership * covariances.traces()).sum(axis=1) / covariances.n_features
    ridge = np.where(mixed, SMALL_RIDGE * reach, np.where(threshold, 1.0, classes.ridge))
    return Limits(ranged=ranged, threshold=threshold, mixed=mixed, rank=rank, shift=shift, ridge=ridge)


def _resolved(covariances: Covariances, groups: list[int], samples: Array, width: Array) -> tuple[Bools, Bools, Bools]:
    """Return which rows determine every direction that they reach, which have one regime, and which lie on a threshold.

    One regime: all groups interpolate, or the width is too small to interpolate.
    """
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
    determined = (width >= fewest) & unique & (best == 0)
    everywhere = (width < fewest) | ((width > fewest) & unique & (best == len(subsets) - 1))
    tied = ~determined & (width >= fewest) & (~unique | (width == fewest))
    return determined, everywhere, tied


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
