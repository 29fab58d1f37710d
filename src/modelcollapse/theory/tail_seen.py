"""Which items has a training set seen that is made of several laws' samples? Absence is a product over its parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.theory.tail_generations import SURE, Copies
from modelcollapse.theory.tail_series import Ranks

RARE = 1e-9
"""Expected number of copies below which an item is seen with just this probability."""

Part = tuple[Copies, Array]
"""Independent samples: their numbers (n_sizes,), and ln of their law (n_items,)."""


@dataclass(frozen=True, kw_only=True)
class Sight:
    """Which items are seen.

    Attributes
    ----------
    log_absence : array of shape (n_sizes, n_items)
        ln P(no sample is item i).
    log_expected : array of shape (n_sizes, n_items)
        ln of the expected number of samples that are item i.
    """

    log_absence: Array
    log_expected: Array

    @property
    def presence(self) -> Array:
        """P(some sample is item i), (n_sizes, n_items)."""
        return np.asarray(-np.expm1(self.log_absence))

    def items(self, nodes: Ranks) -> Array:
        """Return Σ_i P(some sample is item i), (n_sizes,), where the first items are the nodes."""
        rare = self.log_expected < np.log(RARE)
        with np.errstate(divide="ignore"):
            log_presence = np.where(rare, self.log_expected, np.log(self.presence))
        return nodes.total(log_presence[:, : len(nodes.logs)])


def sight(parts: Sequence[Part]) -> Sight:
    """Return what training sets of independent parts have seen."""
    absences = [copies.log_absence(np.minimum(np.exp(log_law), SURE)) for copies, log_law in parts]
    with np.errstate(divide="ignore"):
        expected = [np.log(copies.mean)[:, None] + log_law for copies, log_law in parts]
    return Sight(
        log_absence=np.asarray(np.sum(absences, axis=0)), log_expected=np.asarray(np.logaddexp.reduce(expected, axis=0))
    )
