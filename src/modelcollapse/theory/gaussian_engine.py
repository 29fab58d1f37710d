"""What does theory answer to a chain of Gaussians or kernel densities? The one place where they become its arrays."""

from __future__ import annotations

import numpy as np

from modelcollapse.checks import Array, fail
from modelcollapse.problems.gaussian import GaussianChain
from modelcollapse.result import Bounds, ChainResult
from modelcollapse.theory.chain_moments import limiting_mean_variance
from modelcollapse.theory.chains_engine import moments_of, samples_of, upper_bound, written
from modelcollapse.theory.gaussian import Fits, exponential_bounds, mean_deviations, survival_probabilities

EXPONENTIAL = "Suresh, Thangaraj and Khandavally (2024), arXiv 2412.17646, Theorem 3"


def solve_gaussian(problem: GaussianChain) -> ChainResult:
    """Answer a chain of Gaussians or kernel densities exactly.

    Parameters
    ----------
    problem : GaussianChain

    Returns
    -------
    ChainResult
        In one dimension, and where each model replaces the one before, also `standard_deviation`, and `alive` with a
        threshold.

    Raises
    ------
    InputError
        When the real law has no variance.

    Examples
    --------
    >>> from modelcollapse import Spectrum
    >>> from modelcollapse.problems.resampling import Resampling
    >>> chain = GaussianChain(Spectrum.isotropic(10), Resampling("replace", generations=9, n_samples=100))
    >>> round(solve_gaussian(chain).generations["variance_ratio"][9], 4)  # 0.99¹⁰
    0.9044
    """
    workflow, samples = problem.workflow, samples_of(problem.workflow)
    eigenvalues = problem.spectrum.directions[0]
    trace = float(eigenvalues.sum())
    if not trace > 0:
        raise fail("spectrum", problem.spectrum, "a law that varies", "Relative to a variance of 0 there is nothing.")
    kernel_variance = problem.n_features * (problem.bandwidth or 0.0) ** 2 / trace
    moments = moments_of(workflow, samples, family=problem.estimator, kernel_variance=kernel_variance)
    generations = {"variance_ratio": moments.spread, "mean_error": moments.mean_variance}
    limits: dict[str, float] = {}
    bounds: dict[str, Bounds] = {}
    limit = limiting_mean_variance(workflow.kind, samples, family=problem.estimator, reused=workflow.real == "reused")
    if limit is not None and not problem.bandwidth:
        limits = {"variance_ratio": 1 - float(limit), "mean_error": float(limit)}
    if workflow.kind == "replace" and problem.n_features == 1 and problem.bandwidth is None:
        _add_walk(problem, float(np.sqrt(trace)), generations, limits, bounds)
    return written(generations, limits=limits, bounds=bounds)


def _add_walk(
    problem: GaussianChain,
    deviation: float,
    generations: dict[str, Array],
    limits: dict[str, float],
    bounds: dict[str, Bounds],
) -> None:
    """Add what follows from the walk of the log-variance in one dimension."""
    workflow = problem.workflow
    assert workflow.n_first is not None
    n_samples = np.array([float(workflow.n_first)] + workflow.generations * [float(workflow.n_samples)])
    fits = Fits(n_samples=n_samples, unbiased=problem.estimator == "unbiased")
    generations["standard_deviation"] = deviation * mean_deviations(fits)
    limits["standard_deviation"] = 0.0
    if problem.threshold is not None:
        threshold = problem.threshold / deviation
        generations["alive"] = survival_probabilities(threshold, fits)
        limits["alive"] = 0.0
        if workflow.n_first == workflow.n_samples:
            number = workflow.n_samples
            upper = exponential_bounds(threshold, n_samples=number, fits=workflow.generations + 1)
            bounds["alive"] = upper_bound(upper, EXPONENTIAL)
