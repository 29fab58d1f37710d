"""What does simulation answer to a chain of n-gram texts? The one place where such chains become its arrays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.problems.ngrams import NgramChain
from modelcollapse.result import ChainResult
from modelcollapse.simulation.chains_engine import EXACT, Work, refits_of, solve_chain
from modelcollapse.simulation.ngrams import QUANTITIES, ngram_chain
from modelcollapse.simulation.sampler import Report

N_REPLICATES = 20
"""Texts when nothing else is asked: they are written token by token."""

NUMBERS_EACH = 8
"""Numbers that a token takes while a text is written."""


def solve_ngrams(
    problem: NgramChain,
    *,
    seed: int = 0,
    n_replicates: int | None = None,
    relative_stderr: float | None = None,
    report: Report | None = None,
) -> ChainResult:
    """Answer a chain of n-gram texts by Monte Carlo: every text is written, more than a million tokens a second.

    Parameters
    ----------
    problem : NgramChain
    seed : int
        Same seed: same bits.
    n_replicates : int, optional
        At least 4; with `relative_stderr`, at most so many. When neither is given, 20.
    relative_stderr : float, optional
        In (0, 1]: stop when the standard error of the vocabulary is at most this times it, in up to 16 generations
        from the first to the last.
    report : callable, optional
        Called with a `Reading` of the vocabulary as texts come in.

    Returns
    -------
    ChainResult
        With standard errors; nothing in `numbers`, `limits` and `bounds`. `status` as in `solve_tokens`. The quantities
        of generation t are those of the text that its model is fitted on: generation 0's are of the real text, and
        have no standard error.

    Raises
    ------
    InputError
        When an argument is out of range.

    Examples
    --------
    >>> from modelcollapse.problems.resampling import Resampling
    >>> workflow = Resampling("replace", generations=1, n_samples=1000, n_first=4)
    >>> chain = NgramChain(np.array([0, 1, 0, 2]), workflow=workflow)
    >>> result = solve_ngrams(chain, n_replicates=4)
    >>> result.generations["vocabulary"], round(result.generations["conditional_entropy"][1], 2)
    ((3.0, 3.0), 0.5)
    """
    refits = refits_of(problem.workflow)
    texts = refits.generations if refits.kind == "accumulate" else 1
    if n_replicates is None and relative_stderr is None:
        n_replicates = N_REPLICATES

    def draw(generator: np.random.Generator, n_replicates: int, count: Callable[[int], None]) -> dict[str, Array]:
        texts = [
            ngram_chain(generator, problem.tokens, order=problem.order, refits=refits, tick=count)
            for _ in range(n_replicates)
        ]
        return {name: np.concatenate([text[name] for text in texts]) for name in QUANTITIES}

    work = Work(
        kind="ngrams",
        draw=draw,
        watch="vocabulary",
        size=NUMBERS_EACH * (len(problem.tokens) + texts * problem.workflow.n_samples),
        steps=refits.generations * problem.workflow.n_samples,
        assumptions=(f"{EXACT}; texts are circles",),
    )
    return solve_chain(work, seed=seed, n_replicates=n_replicates, relative_stderr=relative_stderr, report=report)
