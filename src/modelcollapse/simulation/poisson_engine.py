"""What does simulation answer to a chain of Poisson rates? The one place where such chains become its arrays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.problems.poisson import PoissonChain
from modelcollapse.result import ChainResult
from modelcollapse.simulation.chains_engine import Work, refits_of, solve_chain
from modelcollapse.simulation.poisson import poisson_chains
from modelcollapse.simulation.sampler import Report


def solve_poisson(
    problem: PoissonChain,
    *,
    seed: int = 0,
    n_replicates: int | None = None,
    relative_stderr: float | None = None,
    report: Report | None = None,
) -> ChainResult:
    """Answer a chain of Poisson rates by Monte Carlo: sums of counts are drawn, at a cost that sizes do not change.

    Parameters
    ----------
    problem : PoissonChain
    seed : int
        Same seed: same bits.
    n_replicates : int, optional
        At least 4; with `relative_stderr`, at most so many. When neither is given, 100.
    relative_stderr : float, optional
        In (0, 1]: stop when the standard error of the squared error is at most this times it, in up to 16 generations
        from the first to the last.
    report : callable, optional
        Called with a `Reading` of the squared error as replicates come in.

    Returns
    -------
    ChainResult
        With standard errors; nothing in `numbers`, `limits` and `bounds`. `status` as in `solve_tokens`.

    Raises
    ------
    InputError
        When an argument is out of range.

    Examples
    --------
    >>> from modelcollapse.problems.resampling import Resampling
    >>> chain = PoissonChain([1.0, 10.0], Resampling("replace", generations=3, n_samples=10**12))
    >>> solve_poisson(chain, n_replicates=4).generations["surviving_rates"]
    (2.0, 2.0, 2.0, 2.0)
    """
    refits = refits_of(problem.workflow)
    models = {"random-past": refits.generations, "recent": refits.window or 1}

    def draw(generator: np.random.Generator, n_replicates: int, count: Callable[[int], None]) -> dict[str, Array]:
        return poisson_chains(
            generator, problem.rates, refits=refits, n_replicates=n_replicates, tick=lambda: count(n_replicates)
        )

    work = Work(
        kind="poisson",
        draw=draw,
        watch="squared_error",
        size=len(problem.rates) * (4 + models.get(refits.kind, 1)),
        steps=refits.generations + 1,
    )
    return solve_chain(work, seed=seed, n_replicates=n_replicates, relative_stderr=relative_stderr, report=report)
