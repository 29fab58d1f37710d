"""What does simulation answer to a chain of Gaussians? The one place where such chains become its arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from modelcollapse.checks import Array, integer
from modelcollapse.problems.gaussian import GaussianChain
from modelcollapse.result import ChainResult
from modelcollapse.simulation.chains_engine import Work, refits_of, solve_chain
from modelcollapse.simulation.gaussian import gaussian_chains
from modelcollapse.simulation.gaussian_subsets import TABLE, gaussian_subset_chains
from modelcollapse.simulation.kernels import kernel_chains
from modelcollapse.simulation.sampler import Report

MAX_NUMBERS = 2**27
"""Most numbers that the samples, or the moments, of a replicate may take: 1 GB."""

_RARE = (
    "mean variances from generation {} on (without bias, errors of means too) rest on replicates too rare to be drawn, "
    "and so do their standard errors; theory has them exactly"
)


def solve_gaussian(
    problem: GaussianChain,
    *,
    seed: int = 0,
    n_replicates: int | None = None,
    relative_stderr: float | None = None,
    report: Report | None = None,
) -> ChainResult:
    """Answer a chain of Gaussians by Monte Carlo.

    Mean and scatter of the samples are drawn (Bartlett's decomposition), at a cost that does not depend on how many
    there are. Kernel densities need the samples themselves, and so do subsets of accumulated samples, as far as they
    hold them.

    Parameters
    ----------
    problem : GaussianChain
    seed : int
        Same seed and machine: same bits.
    n_replicates : int, optional
        At least 4; with `relative_stderr`, at most so many. When neither is given, 100.
    relative_stderr : float, optional
        In (0, 1]: stop when the standard error of the variance ratio is at most this times it, in up to 16 generations
        from the first to the last.
    report : callable, optional
        Called with a `Reading` of the variance ratio as replicates come in.

    Returns
    -------
    ChainResult
        With standard errors; nothing in `numbers`, `limits` and `bounds`. `status` as in `solve_tokens`.

    Raises
    ------
    InputError
        When an argument is out of range, or the samples of a replicate would not fit into memory.

    Examples
    --------
    >>> from modelcollapse import Spectrum
    >>> from modelcollapse.problems.resampling import Resampling
    >>> chain = GaussianChain(Spectrum.isotropic(2), Resampling("replace", generations=1, n_samples=10**12))
    >>> round(solve_gaussian(chain, n_replicates=4).generations["variance_ratio"][1], 4)
    1.0
    """
    eigenvalues = problem.spectrum.directions[0]
    refits, d = refits_of(problem.workflow), len(eigenvalues)
    size = _numbers_kept(problem, d)
    hint = "Take fewer samples, dimensions or generations: such chains keep samples, or many covariances."
    integer("numbers kept", size, low=1, high=MAX_NUMBERS, hint=hint)
    chains: Callable[..., dict[str, Array]]
    if problem.bandwidth is not None:
        chains = partial(kernel_chains, bandwidth=problem.bandwidth)
    else:
        subsets = problem.workflow.kind == "accumulate-subsample"
        chains = partial(
            gaussian_subset_chains if subsets else gaussian_chains, unbiased=problem.estimator == "unbiased"
        )

    def draw(generator: np.random.Generator, n_replicates: int, count: Callable[[int], None]) -> dict[str, Array]:
        return chains(
            generator,
            eigenvalues,
            refits=refits,
            threshold=problem.threshold,
            n_replicates=n_replicates,
            tick=lambda: count(n_replicates),
        )

    work = Work(
        kind="gaussian",
        draw=draw,
        watch="variance_ratio",
        size=size,
        steps=refits.generations + 1,
    )
    result = solve_chain(work, seed=seed, n_replicates=n_replicates, relative_stderr=relative_stderr, report=report)
    told = told_generations(problem, result.n_replicates or 0)
    return (
        replace(result, assumptions=(*result.assumptions, _RARE.format(told))) if told <= refits.generations else result
    )


def told_generations(problem: GaussianChain, n_replicates: int, *, power: float = 1.0) -> int:
    """Return the number of generations whose mean variance, to a power, so many replicates can tell.

    Where models replace each other the variance is a product of factors χ²_{n−1}/(n − 1), nearly lognormal with
    s² = (t + 1) ln(1 + 2/(n − 1)). Its mean comes to rest on replicates too rare to be drawn, and the standard error
    with it: that of a lognormal is told from about e^{4 s²} replicates on, its kurtosis. Where real samples hold it, it
    is told unless they are so few that its fourth moment grows all the same.
    """
    workflow = problem.workflow
    n = workflow.n_samples + (workflow.n_real or 0)
    if workflow.kind not in ("replace", "recent", "mix") or problem.bandwidth is not None:
        return workflow.generations + 1
    divisor = n - (problem.estimator == "unbiased")
    growth = (workflow.n_samples / n / divisor) ** 4 * np.prod(n - 1 + 2.0 * np.arange(4))
    if workflow.kind == "mix" and growth < 1:
        return workflow.generations + 1
    factor = 4 * power**2 * np.log1p(2 / (n - 1))
    return int(min(np.log(max(n_replicates, 1)) / factor, workflow.generations + 1))


def _numbers_kept(problem: GaussianChain, d: int) -> int:
    """Return how many numbers a replicate holds, at most."""
    workflow = problem.workflow
    assert workflow.n_first is not None
    if problem.bandwidth is not None:
        models = workflow.generations if workflow.kind.startswith(("accumulate", "random")) else workflow.window or 1
        return d * (max(workflow.n_first, workflow.n_real or 0) + models * workflow.n_samples)
    if workflow.subsample is not None:
        return (d + TABLE) * workflow.generations * workflow.subsample
    models = workflow.generations if workflow.kind == "random-past" else workflow.window or 1
    return d**2 * (2 + models)
