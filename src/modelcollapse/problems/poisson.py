"""What is asked about Poisson chains? Rates of rare events, each refitted as the mean of counts of its earlier fits."""

from __future__ import annotations

from dataclasses import dataclass

from modelcollapse.checks import Array, fail
from modelcollapse.errors import InputError
from modelcollapse.problems.resampling import Resampling
from modelcollapse.problems.values import ByValue, frozen_non_negative

LARGEST_RATE = 1e6
"""So that sums over 1e12 samples stay whole numbers."""


@dataclass(frozen=True, eq=False)
class PoissonChain(ByValue):
    """Independent Poisson laws over generations: each generation's rate is the mean of the counts in its samples.

    Parameters
    ----------
    rates : array of shape (n_rates,)
        Means of the real laws, from 0 to 1e6.
    workflow : Resampling
        Not accumulate-subsample.

    Raises
    ------
    InputError
        When a rate is out of range, or the workflow draws subsamples.

    References
    ----------
    Suresh, Thangaraj and Khandavally (2024), arXiv 2412.17646, Theorem 2.

    Examples
    --------
    >>> PoissonChain([1.0, 10.0], Resampling("replace", generations=5, n_samples=10)).rates.tolist()
    [1.0, 10.0]
    """

    rates: Array
    workflow: Resampling

    def __post_init__(self) -> None:
        rates = frozen_non_negative("rates", self.rates)
        if rates.max() > LARGEST_RATE:
            raise fail("rates", rates.max(), f"at most {LARGEST_RATE:g}")
        object.__setattr__(self, "rates", rates)
        if not isinstance(self.workflow, Resampling):
            raise fail("workflow", self.workflow, "a Resampling")
        if self.workflow.kind == "accumulate-subsample":
            raise InputError("a Poisson chain keeps sums, of which no subsample can be drawn. Take another workflow.")
