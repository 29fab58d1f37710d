"""How far is a draw that is still at work, and how is it stopped? Its random numbers are counted, and end when told."""

from __future__ import annotations

import threading

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.simulation.backend import Matrix, Randomness


class Stopped(Exception):  # noqa: N818  # no error: it ends a draw that nobody waits for any more
    """Raised in a draw that was told to stop."""


class Meter:
    """Counts what all draws of a sample have drawn, and stops them."""

    def __init__(self) -> None:
        self.n_drawn = 0
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End every draw at the next number that it asks for."""
        self._stopped.set()

    def attach(self, randomness: Randomness) -> Randomness:
        """Return the same random numbers, counted."""
        return _Metered(randomness, self)

    def count(self, shape: tuple[int, ...]) -> None:
        """Take note of numbers that are about to be drawn; threads may lose a few of each other's."""
        if self._stopped.is_set():
            raise Stopped
        self.n_drawn += int(np.prod(shape))


class _Metered:
    """A source of random numbers that tells its meter."""

    def __init__(self, randomness: Randomness, meter: Meter) -> None:
        self._randomness, self._meter = randomness, meter

    def normal(self, *shape: int) -> Matrix:
        """Return standard normal numbers."""
        self._meter.count(shape)
        return self._randomness.normal(*shape)

    def chi(self, dof: Array) -> Matrix:
        """Return square roots of chi-squared numbers."""
        self._meter.count(dof.shape)
        return self._randomness.chi(dof)
