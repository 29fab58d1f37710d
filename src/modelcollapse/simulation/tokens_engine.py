"""What does simulation answer to a chain of tokens? The one place where such chains become its arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.problems.tokens import TokenChain
from modelcollapse.result import ChainResult
from modelcollapse.simulation.chains_engine import NUMBERS, Work, refits_of, solve_chain
from modelcollapse.simulation.sampler import Report
from modelcollapse.simulation.tokens import token_chains

NUMBERS_EACH = 10
"""Numbers that a token takes, besides its frequencies in the models of a window."""


def solve_tokens(
    problem: TokenChain,
    *,
    seed: int = 0,
    n_replicates: int | None = None,
    relative_stderr: float | None = None,
    report: Report | None = None,
) -> ChainResult:
    """Answer a chain of tokens by Monte Carlo: counts of tokens are drawn, at a cost that sizes hardly change.

    Parameters
    ----------
    problem : TokenChain
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
        With standard errors; nothing in `limits` and `bounds`. `numbers` holds the `collapse_time` when every replicate
        has collapsed in every context. `status` says when it was stopped (Ctrl-C: ``interrupted``), and when 100,000
        replicates did not reach the standard error (``not_converged``).

    Raises
    ------
    InputError
        When an argument is out of range.

    Examples
    --------
    >>> from modelcollapse.problems.laws import Law
    >>> from modelcollapse.problems.resampling import Resampling
    >>> chain = TokenChain(Law.zipf(1000, exponent=1), Resampling("replace", generations=5, n_samples=10**12))
    >>> result = solve_tokens(chain, n_replicates=4)
    >>> result.generations["vocabulary"][5]  # none of them can be lost so soon
    1000.0
    """
    laws = [context.law.probabilities for context in problem.contexts]
    refits, frequencies = refits_of(problem.workflow, problem.shared_out), problem.frequencies
    sizes = [len(law) * (NUMBERS_EACH + (refits.window or 0)) for law in laws]
    blocks = _blocks(sizes)

    def draw(generator: np.random.Generator, n_replicates: int, count: Callable[[int], None]) -> dict[str, Array]:
        total: dict[str, Array] = {}
        for contexts in blocks:
            values = token_chains(
                generator,
                laws[contexts],
                frequencies=frequencies[contexts],
                refits=refits.of(contexts),
                n_replicates=n_replicates,
                tick=lambda: count(n_replicates),
            )
            total = {name: total.get(name, 0.0) + array for name, array in values.items()}
        return total

    work = Work(
        kind="tokens",
        draw=draw,
        watch="squared_error",
        size=max(sum(sizes[contexts]) for contexts in blocks),
        steps=(refits.generations + 1) * len(blocks),
    )
    return solve_chain(work, seed=seed, n_replicates=n_replicates, relative_stderr=relative_stderr, report=report)


def _blocks(sizes: Sequence[int]) -> list[slice]:
    """Return contexts that are drawn at once: each is a chain of its own."""
    block = (np.cumsum(sizes) - 1) // NUMBERS
    edges = [0, *(np.flatnonzero(np.diff(block)) + 1).tolist(), len(sizes)]
    return [slice(start, stop) for start, stop in pairwise(edges)]
