"""Do simulated chains reproduce what the field's own scripts printed, with their recipes, within Monte-Carlo error?

Generation t here is the papers' number t + 1, which counts fits. Published numbers are of few trajectories, whose error
is part of the comparison; each is also held against a recipe that is not theirs, which it must refute.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from modelcollapse import FixedTeacher, Mixture, Recursion, Source, Spectrum, Workflow, simulate_generations
from modelcollapse.problems.gaussian import GaussianChain
from modelcollapse.problems.laws import Law
from modelcollapse.problems.poisson import PoissonChain
from modelcollapse.problems.resampling import Resampling
from modelcollapse.problems.tokens import TokenChain
from modelcollapse.result import ChainResult
from modelcollapse.simulation.gaussian_engine import solve_gaussian
from modelcollapse.simulation.poisson_engine import solve_poisson
from modelcollapse.simulation.tokens_engine import solve_tokens

THRESHOLD = 5.0
"""Standard errors within which two numbers agree."""


def apart(
    result: ChainResult, name: str, published: Sequence[float], generations: Sequence[int], *, runs: int
) -> float:
    """Return the largest distance from numbers that are means over so many runs, in standard errors of the difference.

    One run scatters as much as one replicate.
    """
    values, errors = np.array(result.generations[name]), np.array(result.stderr["generations"][name])
    one = errors * np.sqrt(result.n_replicates or 0)
    stderr = np.hypot(errors, one / np.sqrt(runs))[list(generations)]
    return float(np.max(np.abs(values[list(generations)] - np.array(published)) / stderr))


def replace_on(n: int, generations: int) -> Resampling:
    return Resampling("replace", generations=generations, n_samples=n)


@pytest.mark.parametrize(("share", "n", "published"), [(0.001, 10_000, [0.818, 0.331]), (0.01, 100, [0.164, 0.037])])
def test_rare_tokens_survive_as_often_as_published(share: float, n: int, published: list[float]) -> None:
    """Suresh et al. (2024), notebook: P(P_k ≠ 0) at k = 10 and 50 of 5,000 trajectories; their bounds hold them too."""
    result = solve_tokens(TokenChain(Law.bernoulli(share), replace_on(n, 50)), n_replicates=5000)
    survivors = np.array(published) + 1.0  # the other token is there in nearly all trajectories
    assert apart(result, "vocabulary", survivors, [9, 49], runs=5000) < THRESHOLD
    half = solve_tokens(TokenChain(Law.bernoulli(share / 2), replace_on(n, 50)), n_replicates=5000)
    assert apart(half, "vocabulary", survivors, [9, 49], runs=5000) > THRESHOLD


def test_unbiased_gaussians_stay_wide_as_often_as_published() -> None:
    """Suresh et al. (2024), notebook: P(σ > 0.1) at k = 50, 100 and 200 of 1,000 trajectories on 10 samples."""
    chain = GaussianChain(Spectrum.isotropic(1), replace_on(10, 200), estimator="unbiased", threshold=0.1)
    published, generations = [0.378, 0.090, 0.007], [49, 99, 199]
    assert apart(solve_gaussian(chain, n_replicates=20_000), "alive", published, generations, runs=1000) < THRESHOLD
    more = GaussianChain(Spectrum.isotropic(1), replace_on(12, 200), estimator="unbiased", threshold=0.1)
    assert apart(solve_gaussian(more, n_replicates=20_000), "alive", published, generations, runs=1000) > THRESHOLD


@pytest.mark.parametrize(
    ("workflow", "published"),
    [
        (Resampling("replace", generations=99, n_samples=100), 0.4335),
        (Resampling("accumulate", generations=99, n_samples=100), 0.986),
        (Resampling("accumulate-subsample", generations=99, n_samples=100, subsample=100), 0.9715),
    ],
)
def test_gaussians_keep_as_much_variance_as_published(workflow: Resampling, published: float) -> None:
    """Kazdan et al. (2024), scripts: tr Σ / d after 100 fits of ten dimensions on 100 samples, biased, 100 seeds."""
    result = solve_gaussian(GaussianChain(Spectrum.isotropic(10), workflow), n_replicates=300)
    assert apart(result, "variance_ratio", [published], [99], runs=100) < THRESHOLD
    other = {"replace": 0.986, "accumulate": 0.4335, "accumulate-subsample": 0.4335}[workflow.kind]
    assert apart(result, "variance_ratio", [other], [99], runs=100) > THRESHOLD


@pytest.mark.parametrize(("exponent", "offset", "published"), [(1.0, 2.7, [0.453, 0.291]), (2.0, 5.0, [0.524, 0.383])])
def test_alphabets_survive_as_published(exponent: float, offset: float, published: list[float]) -> None:
    """Suresh et al. (2024), notebook: survivors of the alphabet at k = 5 and 10 of 200 trajectories on 1,000 samples.

    The trajectories share one first sample of 1,000, which counts as k = 1, and survivors are a share of the different
    tokens in it. So the error is that between first samples. They are no share of all 1,000 tokens.
    """
    law = Law.zipf_mandelbrot(1000, offset=offset, exponent=exponent).probabilities
    rng, survivors, first = np.random.default_rng(0), [], []
    for seed in range(30):
        counts = rng.multinomial(1000, law)
        chain = TokenChain(Law.from_counts(counts), replace_on(1000, 9))
        survivors.append(np.array(solve_tokens(chain, seed=seed, n_replicates=200).generations["vocabulary"])[[3, 8]])
        first.append(np.count_nonzero(counts))
    for alphabet, agree in ((np.array(first), True), (np.full(30, 1000), False)):
        shares = np.array(survivors) / alphabet[:, None]
        error = shares.std(axis=0, ddof=1) * math.sqrt(1 + 1 / len(shares))
        assert (np.abs((shares.mean(axis=0) - published) / error).max() < THRESHOLD) == agree


@pytest.mark.parametrize(("rate", "published"), [(1.0, {20: 0.6001, 200: 0.0940}), (10.0, {200: 0.6274})])
def test_poisson_rates_survive_as_often_as_proved(rate: float, published: dict[int, float]) -> None:
    """Suresh et al. (2024), Theorem 2, on 10 samples: P(Λ_k ≠ 0) = 1 − exp(−n λ g_k), g_(k + 1) = 1 − exp(−g_k)."""
    result = solve_poisson(PoissonChain([rate], replace_on(10, 200)), n_replicates=20_000)
    values, generations = list(published.values()), [k - 1 for k in published]
    assert apart(result, "surviving_rates", values, generations, runs=10**6) < THRESHOLD
    other = solve_poisson(PoissonChain([0.8 * rate], replace_on(10, 200)), n_replicates=20_000)
    assert apart(other, "surviving_rates", values, generations, runs=10**6) > THRESHOLD


@pytest.mark.parametrize(
    ("law", "n", "published", "error"),
    [
        (Law.uniform(10), 10, 17.54, 0.07),
        (Law.zipf(20, exponent=1.0), 50, 91.8, 0.6),
        (Law.bernoulli(0.3), 50, 59.7, 0.35),
    ],
)
def test_chains_collapse_as_late_as_measured(law: Law, n: int, published: float, error: float) -> None:
    """Draws beside the bounds of Seddik et al. (2024), Theorem 1: the mean number of fits until one token is left."""
    result = solve_tokens(TokenChain(law, replace_on(n, min(30 * n, 1000))), n_replicates=2000)
    stderr = math.hypot(result.stderr["numbers"]["collapse_time"], error)
    assert abs(result.numbers["collapse_time"] - published) < THRESHOLD * stderr
    assert abs(result.numbers["collapse_time"] - n) > THRESHOLD * stderr  # not their lower bound


@pytest.mark.parametrize(("kind", "published"), [("replace", 11.29), ("accumulate", 0.200)])
def test_regression_errs_as_much_as_published(kind: str, published: float) -> None:
    """Kazdan et al. (2024), scripts: excess risk after 100 fits of ten features on 100 samples, same inputs, 100 seeds.

    Noise has variance 1. The risk of one seed scatters by about √(2/d) of it, as a sum of d squares does.
    """
    d = 10
    real = Source(
        "real", n_samples=100, noise_var=1.0, spectrum=Spectrum.isotropic(d), teacher=FixedTeacher(np.ones(d))
    )
    mixture = Mixture([real, Source("synthetic", n_samples=100, noise_var=1.0)], ridge=0.0)
    for workflow, agree in ((kind, True), ("accumulate" if kind == "replace" else "replace", False)):
        chain = Recursion(mixture, Workflow(workflow, generations=99, design="fixed"))
        result = simulate_generations(chain, n_replicates=100)
        found, stderr = result.excess_risk[-1], result.stderr["excess_risk"][-1]
        error = math.hypot(stderr, found * math.sqrt(2 / d / 100))
        assert (abs(found - published) < THRESHOLD * error) == agree
