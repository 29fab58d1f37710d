"""What does theory answer to a Poisson chain? The one place where such chains become its arrays."""

from __future__ import annotations

import numpy as np

from modelcollapse.problems.poisson import PoissonChain
from modelcollapse.result import ChainResult
from modelcollapse.theory.chain_moments import limiting_mean_variance
from modelcollapse.theory.chains_engine import moments_of, samples_of, written
from modelcollapse.theory.poisson import DUALS, survival_exponents, surviving_rates


def solve_poisson(problem: PoissonChain) -> ChainResult:
    """Answer a Poisson chain exactly.

    Parameters
    ----------
    problem : PoissonChain

    Returns
    -------
    ChainResult
        Without `surviving_rates` where each sample is drawn from a model at random (random-past).

    Examples
    --------
    >>> from modelcollapse.problems.resampling import Resampling
    >>> chain = PoissonChain([1.0], Resampling("replace", generations=19, n_samples=10))
    >>> round(solve_poisson(chain).generations["surviving_rates"][19], 4)
    0.6001
    """
    workflow, samples = problem.workflow, samples_of(problem.workflow)
    total, reused = float(problem.rates.sum()), workflow.real == "reused"
    generations = {"squared_error": total * moments_of(workflow, samples, family="poisson").mean_variance}
    limits = {}
    limit = limiting_mean_variance(workflow.kind, samples, family="poisson", reused=reused)
    if limit is not None:
        limits["squared_error"] = total * float(limit)
    if workflow.kind in DUALS:
        exponents = survival_exponents(
            workflow.kind, samples, generations=workflow.generations, reused=reused, window=workflow.window
        )
        generations["surviving_rates"] = surviving_rates(problem.rates, exponents)
        if workflow.kind == "accumulate" or reused:
            limits["surviving_rates"] = float(generations["surviving_rates"][0])
        elif workflow.kind != "mix":
            limits["surviving_rates"] = 0.0
    return written({name: np.asarray(values) for name, values in generations.items()}, limits=limits)
