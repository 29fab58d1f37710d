"""How many units are enough? They are drawn on all cores until the standard error is small, or someone stops it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from modelcollapse.checks import Array
from modelcollapse.simulation.meter import Meter

MIN_UNITS, MAX_REPLICATES = 20, 100_000
"""Fewest units before a standard error is believed; most replicates when it does not become small enough."""

HEARTBEAT = 1.0
"""Seconds after which a draw that is still at work is reported."""

Drawn = TypeVar("Drawn")


@dataclass(frozen=True, kw_only=True)
class Goal:
    """When to stop.

    Attributes
    ----------
    n_replicates : int
        At most so many, rounded up to whole units.
    relative_stderr : float or None
        Stop earlier when the standard error of every watched mean is at most this times the mean.
    """

    n_replicates: int
    relative_stderr: float | None


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How far the sampling is.

    Attributes
    ----------
    n_replicates : int
        So far.
    estimate, stderr : float
        Of the watched mean that is least certain; NaN before the first draw, and where nothing is watched.
    share : float
        Estimated part of the work that is done, between 0 and 1.
    """

    n_replicates: int
    estimate: float
    stderr: float
    share: float


Report = Callable[[Reading], None]


@dataclass(frozen=True, kw_only=True)
class Sample(Generic[Drawn]):
    """What was drawn.

    Attributes
    ----------
    draws : list
        In the order of their numbers.
    n_replicates : int
    reached : bool
        Whether the goal was reached.
    interrupted : bool
        Whether it was stopped from outside (Ctrl-C).
    """

    draws: list[Drawn]
    n_replicates: int
    reached: bool
    interrupted: bool


def sample(
    draw: Callable[[int], Drawn],
    *,
    watch: Callable[[Drawn], Array],
    goal: Goal,
    replicates_per_unit: int,
    n_workers: int,
    meter: Meter,
    numbers_per_unit: float = np.inf,
    report: Report | None = None,
) -> Sample[Drawn]:
    """Draw until the goal is reached, looking at draws in the order of their numbers, whichever is ready first.

    Parameters
    ----------
    draw : callable
        From a number 0, 1, ... to one draw of one or more units; must depend on the number only.
    watch : callable
        From a draw to the watched values of its units, shape (units, watched); none, and the fewest units are enough.
    goal : Goal
    replicates_per_unit : int
    n_workers : int
        Draws at work side by side. One: BLAS may use all cores itself.
    meter : Meter
        Stops draws that nobody waits for any more.
    numbers_per_unit : float
        Random numbers of a unit, to know how far one is; infinite where nobody will wait for one.
    report : callable, optional
        Called with a `Reading` after each draw, and every second while there is none.
    """
    draws: list[Drawn] = []
    tally = _Tally(goal, replicates_per_unit)
    interrupted = False
    most = -(-goal.n_replicates // replicates_per_unit)
    ready = _in_order(draw, most=most, n_workers=n_workers, meter=meter)
    try:
        for drawn in ready:
            if drawn is not None:
                draws.append(drawn)
                tally.add(watch(drawn))
            if report:
                report(tally.reading(meter.n_drawn / numbers_per_unit))
            if tally.done():
                break
    except KeyboardInterrupt:
        interrupted = True
    finally:
        with suppress(KeyboardInterrupt):  # once more: what there is comes back all the same
            ready.close()
    return Sample(draws=draws, n_replicates=tally.n_replicates, reached=tally.reached(), interrupted=interrupted)


class _Tally:
    """Running means and squares of the watched values."""

    def __init__(self, goal: Goal, replicates_per_unit: int) -> None:
        self.goal, self.per_unit = goal, replicates_per_unit
        self.n_units = 0
        self.mean: Array = np.zeros(0)
        self.squares: Array = np.zeros(0)

    @property
    def n_replicates(self) -> int:
        return self.n_units * self.per_unit

    def add(self, values: Array) -> None:
        """Take in units (Chan, Golub and LeVeque), so that nothing is lost to rounding; no more than are wanted."""
        values = values[: -(-self.goal.n_replicates // self.per_unit) - self.n_units]
        if len(values) == 0:
            return
        if self.n_units == 0:
            self.mean, self.squares = np.zeros_like(values[0]), np.zeros_like(values[0])
        mean, total = values.mean(axis=0), self.n_units + len(values)
        difference, share = mean - self.mean, len(values) / total
        self.squares = self.squares + np.square(values - mean).sum(axis=0) + difference**2 * self.n_units * share
        self.mean = self.mean + difference * share
        self.n_units = total

    def stderr(self) -> Array:
        """Return the standard errors; infinite before the second unit."""
        if self.n_units < 2:
            return np.full_like(self.mean, np.inf)
        return np.asarray(np.sqrt(self.squares / (self.n_units - 1) / self.n_units))

    def _excess(self) -> Array:
        """Return the standard errors in units of the ones that are wanted."""
        assert self.goal.relative_stderr is not None
        stderr, wanted = self.stderr(), self.goal.relative_stderr * np.abs(self.mean)
        return np.divide(stderr, wanted, out=np.where(stderr > 0, np.inf, 0.0), where=wanted > 0)

    def precise(self) -> bool:
        """Whether the standard errors are as small as wanted."""
        if self.goal.relative_stderr is None or self.n_units < MIN_UNITS:
            return False
        return bool((self._excess() <= 1).all())

    def reached(self) -> bool:
        if self.goal.relative_stderr is None:
            return self.n_replicates >= self.goal.n_replicates
        return self.precise()

    def done(self) -> bool:
        return self.n_replicates >= self.goal.n_replicates or self.precise()

    def reading(self, units_underway: float) -> Reading:
        to_come = self.goal.n_replicates / self.per_unit
        if self.goal.relative_stderr is not None:
            squared = float(np.max(self._excess() ** 2, initial=0.0)) if self.n_units > 1 else 0.0
            to_come = min(to_come, max(MIN_UNITS, self.n_units * squared))
        estimate = stderr = np.nan
        if self.n_units > 0 and self.mean.size > 0:
            errors = self.stderr()
            worst = int(np.argmax(errors / np.maximum(np.abs(self.mean), np.finfo(float).tiny)))
            estimate, stderr = float(self.mean[worst]), float(errors[worst])
        return Reading(
            n_replicates=self.n_replicates,
            estimate=estimate,
            stderr=stderr,
            share=min(1.0, max(self.n_units, units_underway) / to_come),
        )


def _in_order(
    draw: Callable[[int], Drawn], *, most: int, n_workers: int, meter: Meter
) -> Generator[Drawn | None, None, None]:
    """Yield draw(0), ..., draw(most − 1), `n_workers` at work ahead of the consumer; None after a second without."""
    with threadpool_limits(limits=1) if n_workers > 1 else nullcontext():
        workers = ThreadPoolExecutor(n_workers)
        numbers = iter(range(most))
        ahead = 2 * n_workers if n_workers > 1 else 1
        try:
            queue = [workers.submit(draw, index) for index in islice(numbers, ahead)]
            while queue:
                wait(queue[:1], timeout=HEARTBEAT)
                if not queue[0].done():
                    yield None
                    continue
                yield queue.pop(0).result()
                queue += [workers.submit(draw, index) for index in islice(numbers, 1)]
        finally:
            meter.stop()
            workers.shutdown(wait=True, cancel_futures=True)
