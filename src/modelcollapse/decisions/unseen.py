"""What can replicates of a chain not tell? Means that rest on events too rare to be drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.problems.gaussian import GaussianChain
from modelcollapse.problems.poisson import PoissonChain
from modelcollapse.problems.resampling import Resampling
from modelcollapse.problems.schema import Chain
from modelcollapse.problems.tokens import TokenChain
from modelcollapse.result import ChainResult
from modelcollapse.simulation.gaussian_engine import told_generations

PROBABILITIES = ("collapse_probability", "alive")
"""Quantities of chains that a replicate changes by 1 or by nothing."""

COUNTED = (*PROBABILITIES, "vocabulary", "surviving_rates")
"""Quantities that a rare event changes by about 1."""

FEW = 10
"""Replicates that chance leaves out less than once in 20,000 times: e^−10."""

RARE = 30
"""Replicates that see a token, fewer than which do not tell what it adds: how long it stays differs widely."""


def told_by_replicates(name: str, problem: Chain, n_replicates: int | None) -> int | None:
    """Return the number of generations whose mean so many replicates can tell; None for all.

    The variance of a refitted Gaussian is nearly lognormal: its mean comes to rest on replicates too rare to be drawn.

    Parameters
    ----------
    name : str
        Of the quantity.
    problem : a chain
    n_replicates : int or None
        None for theory.
    """
    if n_replicates is None or not isinstance(problem, GaussianChain):
        return None
    powers = {"variance_ratio": 1.0, "standard_deviation": 0.5}
    if problem.estimator == "unbiased":
        powers["mean_error"] = 1.0
    return told_generations(problem, n_replicates, power=powers[name]) if name in powers else None


def unseen_by_replicates(expected: ChainResult, problem: Chain, n_replicates: int) -> Mapping[str, Array]:
    """Return what events too rare for so many replicates may add to quantities, by generation.

    Events that few replicates have seen show in the degrees of freedom of a standard error. Those that none has seen
    show nowhere: tokens, or Poisson rates, of which fewer than `RARE` replicates draw a sample where fits have least.

    Parameters
    ----------
    expected : ChainResult
        Of theory.
    problem : a chain
    n_replicates : int
        At least 1.

    Returns
    -------
    mapping of str to array, (generations + 1,)
        Nothing for a Gaussian's moments.
    """
    found = {
        name: np.full(len(values), FEW / max(n_replicates, 1))
        for name, values in expected.generations.items()
        if name in COUNTED
    }
    if not isinstance(problem, TokenChain | PoissonChain):
        return found
    rare_variance, rare_mass = _rare(problem, n_replicates)
    error = np.array(expected.generations["squared_error"])
    for name, values in expected.generations.items():
        if name == "squared_drift":
            found[name] = rare_variance * np.array(values)
        elif name in ("squared_error", "concentration"):
            found[name] = rare_variance * error
        elif name.startswith("absolute"):
            found[name] = np.full(len(values), 2 * rare_mass)
    return found


def unseen_of_tails(names: Iterable[str], n_replicates: int) -> Mapping[str, float]:
    """Return what events too rare for so many replicates may add to numbers of a Zipf task: an item more or less.

    Parameters
    ----------
    names : iterable of str
        Of all numbers.
    n_replicates : int
        At least 1.
    """
    counted = (name for name in names if name.startswith(("learned_items", "knowledge")))
    return dict.fromkeys(counted, FEW / max(n_replicates, 1))


def _rare(problem: TokenChain | PoissonChain, n_replicates: int) -> tuple[float, float]:
    """Return the share of the variance of samples that rare tokens, or rates, have, and how likely these are."""
    if isinstance(problem, PoissonChain):
        rates = problem.rates
        rare = n_replicates * _fewest(problem.workflow) * rates < RARE
        total = rates.sum()
        return float(rates[rare].sum() / total) if total else 0.0, 0.0
    variance, rare_variance, rare_mass = 0.0, 0.0, 0.0
    samples = problem.shared_out(_fewest(problem.workflow))
    for context, frequency, size in zip(problem.contexts, problem.frequencies, samples, strict=True):
        law = context.law.probabilities
        either = np.minimum(law, 1 - law)  # a token that is nearly sure varies by the others
        rare = n_replicates * size * either < RARE
        variance += frequency * float(law @ (1 - law))
        rare_variance += frequency * float(law[rare] @ (1 - law[rare]))
        rare_mass += frequency * float(either[rare].sum())
    return rare_variance / variance if variance else 0.0, rare_mass


def _fewest(workflow: Resampling) -> int:
    """Return the smallest number of samples that is drawn at a time."""
    sizes = (workflow.n_first, workflow.n_samples, workflow.n_real, workflow.subsample)
    return min(size for size in sizes if size is not None)
