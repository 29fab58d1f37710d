"""How do chains of any kind become arrays, and their replicates an answer? What their engines have in common."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from modelcollapse import __version__
from modelcollapse.checks import Array, integer
from modelcollapse.parallel import n_cores
from modelcollapse.problems.resampling import Resampling
from modelcollapse.result import ChainResult, Status
from modelcollapse.simulation.engine import goal_of
from modelcollapse.simulation.meter import Meter
from modelcollapse.simulation.multinomials import Counts
from modelcollapse.simulation.resampling import Refits
from modelcollapse.simulation.sampler import Report, Sample, sample
from modelcollapse.simulation.scene import MEMORY
from modelcollapse.simulation.trajectories import Summary, merged, summed_up
from modelcollapse.streams import stream

N_REPLICATES = 100
"""Replicates when nothing else is asked."""

NUMBERS = 2**22
"""Numbers that a draw holds, of as many replicates as go into them: 32 MB."""

MOST_AT_ONCE = 4_096
"""Replicates of a draw, however small they are: nobody waits for more than are wanted, and all cores have work."""

EXACT = "exact in law at this size"

Draw = Callable[[np.random.Generator, int, Callable[[int], None]], Mapping[str, Array]]
"""From random numbers and a number of replicates to their values; calls back with the steps that it takes next."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """How the replicates of a chain are drawn.

    Attributes
    ----------
    kind : str
        Of the problem: names the random streams.
    draw : callable
    watch : str
        The quantity whose standard errors are watched.
    size : int
        Numbers that a replicate holds.
    steps : int
        That a replicate takes.
    assumptions : tuple of str
    """

    kind: str
    draw: Draw
    watch: str
    size: int
    steps: int
    assumptions: tuple[str, ...] = (EXACT,)

    def at_once(self, n_replicates: int) -> int:
        """Return how many of the replicates are drawn at once: the same in each of the fewest draws."""
        most = max(1, min(MOST_AT_ONCE, NUMBERS // self.size))
        n_draws = -(-n_replicates // most)
        return -(-n_replicates // n_draws)


def refits_of(workflow: Resampling, shared_out: Callable[[int], Counts] | None = None) -> Refits:
    """Write a workflow as arrays; its numbers of samples are shared out to contexts, or belong to one."""
    share = shared_out or (lambda total: np.array([total]))

    def shared(total: int | None) -> Counts | None:
        return None if total is None else share(total)

    assert workflow.n_first is not None
    return Refits(
        kind=workflow.kind,
        generations=workflow.generations,
        n_first=share(workflow.n_first),
        n_samples=share(workflow.n_samples),
        n_real=shared(workflow.n_real),
        reused=workflow.real == "reused",
        subsample=shared(workflow.subsample),
        window=workflow.window,
    )


def solve_chain(
    work: Work,
    *,
    seed: int,
    n_replicates: int | None,
    relative_stderr: float | None,
    report: Report | None,
) -> ChainResult:
    """Draw replicates until there are enough, and sum them up.

    Raises
    ------
    InputError
        When an argument is out of range.
    """
    drawn = drawn_for(work, seed=seed, n_replicates=n_replicates, relative_stderr=relative_stderr, report=report)
    return _result(work, drawn, seed=seed)


def drawn_for(
    work: Work,
    *,
    seed: int,
    n_replicates: int | None,
    relative_stderr: float | None,
    report: Report | None,
) -> Sample[Summary]:
    """Draw replicates until there are enough.

    Raises
    ------
    InputError
        When an argument is out of range.
    """
    integer("seed", seed, low=0)
    if n_replicates is None and relative_stderr is None:
        n_replicates = N_REPLICATES
    goal, meter = goal_of(n_replicates, relative_stderr), Meter()
    at_once = work.at_once(goal.n_replicates)

    def draw(index: int) -> Summary:
        wanted = min(at_once, goal.n_replicates - index * at_once)
        generator = stream(seed, "simulation", work.kind, index)
        values = work.draw(generator, max(wanted, 1), lambda steps: meter.count((steps,)))
        return summed_up(values, watch=work.watch)

    return sample(
        draw,
        watch=lambda summary: summary.watched,
        goal=goal,
        replicates_per_unit=1,
        n_workers=max(1, min(n_cores(), MEMORY // (8 * work.size * at_once))),
        meter=meter,
        numbers_per_unit=work.steps,
        report=report,
    )


def _result(work: Work, drawn: Sample[Summary], *, seed: int) -> ChainResult:
    """Turn replicates into a result; without any, there are no numbers."""
    found = merged(drawn.draws) if drawn.draws else {}
    numbers = {name: each for name, each in found.items() if each.mean.ndim == 0 and math.isfinite(each.mean)}
    generations = {name: each for name, each in found.items() if each.mean.ndim == 1}
    status = Status.OK if drawn.reached else Status.NOT_CONVERGED
    return ChainResult(
        generations={name: tuple(each.mean.tolist()) for name, each in generations.items()},
        numbers={name: float(each.mean) for name, each in numbers.items()},
        stderr={
            "generations": {name: tuple(each.stderr.tolist()) for name, each in generations.items()},
            "numbers": {name: float(each.stderr) for name, each in numbers.items()},
        },
        freedom={
            "generations": {name: tuple(each.freedom.round(1).tolist()) for name, each in generations.items()},
            "numbers": {name: round(float(each.freedom), 1) for name, each in numbers.items()},
        },
        status=Status.INTERRUPTED if drawn.interrupted else status,
        engine="simulation",
        seed=seed,
        n_replicates=drawn.n_replicates,
        version=__version__,
        assumptions=work.assumptions,
    )
