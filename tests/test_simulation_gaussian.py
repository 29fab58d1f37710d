"""Do simulated chains of Gaussians and kernel densities have the law of samples drawn one by one?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from chains_brute_force import Draw, doubled, fitted_on, furthest, replicates
from modelcollapse import InputError, Spectrum
from modelcollapse.problems.gaussian import GaussianChain
from modelcollapse.problems.resampling import Resampling
from modelcollapse.simulation.gaussian import bartlett_factors
from modelcollapse.simulation.gaussian_engine import solve_gaussian

THRESHOLD = 5.0
"""Standard errors within which two numbers agree."""
N_PLAIN, N_REPLICATES = 500, 4000
COMMON = {"generations": 4, "n_samples": 6, "n_first": 7}
WORKFLOWS = {
    "replace": Resampling("replace", **COMMON),
    "accumulate": Resampling("accumulate", **COMMON),
    "subsample": Resampling("accumulate-subsample", subsample=9, **COMMON),
    "small subsample": Resampling("accumulate-subsample", subsample=4, **COMMON),
    "fresh": Resampling("mix", generations=4, n_samples=6, n_real=3, real="fresh"),
    "reused": Resampling("mix", generations=4, n_samples=6, n_real=3, real="reused"),
    "recent": Resampling("recent", window=3, **COMMON),
    "random past": Resampling("random-past", **COMMON),
}
EIGENVALUES = np.array([2.0, 1.0, 0.25])
MODELS = {
    "biased": {"spectrum": Spectrum.explicit(EIGENVALUES)},
    "unbiased": {"spectrum": Spectrum.isotropic(1), "estimator": "unbiased", "threshold": 0.9},
    "kernel": {"spectrum": Spectrum.explicit(EIGENVALUES), "bandwidth": 0.5},
}


def plain(chain: GaussianChain, *, seed: int) -> dict[str, np.ndarray]:
    scales, h = np.sqrt(chain.spectrum.directions[0]), chain.bandwidth
    total, d, less = (scales**2).sum(), len(scales), int(chain.estimator == "unbiased")

    def one(rng: np.random.Generator) -> dict[str, np.ndarray]:
        def fit(samples: np.ndarray) -> Draw:
            if h is not None:
                return lambda n: samples[rng.integers(len(samples), size=n)] + h * rng.standard_normal((n, d))
            covariance = np.atleast_2d(np.cov(samples.T, ddof=less))
            return lambda n: rng.multivariate_normal(samples.mean(axis=0), covariance, size=n)

        data = fitted_on(chain.workflow, real=lambda n: scales * rng.standard_normal((n, d)), fit=fit, rng=rng)
        variances = np.array([samples.var(axis=0, ddof=less).sum() for samples in data]) + d * (h or 0.0) ** 2
        found = {
            "variance_ratio": variances / total,
            "mean_error": np.array([(samples.mean(axis=0) ** 2).sum() for samples in data]) / total,
        }
        if chain.threshold is not None:
            found |= {"standard_deviation": np.sqrt(variances), "alive": np.sqrt(variances) > chain.threshold}
        return found

    return replicates(one, n=N_PLAIN, seed=seed)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", WORKFLOWS)
def test_gaussian_chains_have_the_law_of_samples_drawn_one_by_one(name: str, model: str) -> None:
    chain = GaussianChain(workflow=WORKFLOWS[name], **MODELS[model])
    drawn = plain(chain, seed=10 * list(WORKFLOWS).index(name) + list(MODELS).index(model))
    result = solve_gaussian(chain, n_replicates=N_REPLICATES)
    assert set(drawn) == set(result.generations)
    assert furthest(drawn, result) < THRESHOLD
    more = replace(chain, workflow=doubled(chain.workflow))
    assert furthest(drawn, solve_gaussian(more, n_replicates=N_REPLICATES)) > THRESHOLD


@pytest.mark.parametrize(("dof", "n_features"), [(7, 3), (3, 3), (2, 4), (1, 2), (40, 6)])
def test_bartlett_factors_have_the_law_of_wishart_matrices(dof: int, n_features: int) -> None:
    """Their moments, and the law of a quadratic form, which is chi-squared."""
    factors = bartlett_factors(np.random.default_rng(1), np.full(20_000, dof), n_features=n_features)
    matrices = factors @ factors.swapaxes(1, 2)
    direction = np.ones(n_features) / np.sqrt(n_features)
    forms = np.einsum("i,rij,j->r", direction, matrices, direction)
    assert stats.kstest(forms, stats.chi2(dof).cdf).pvalue > 1e-6
    assert stats.kstest(forms, stats.chi2(dof + 0.3).cdf).pvalue < 1e-6
    traces = np.trace(matrices, axis1=1, axis2=2)
    assert stats.kstest(traces, stats.chi2(dof * n_features).cdf).pvalue > 1e-6
    square = np.square(matrices).sum(axis=(1, 2))  # E tr W² = n d (n + d + 1)
    expected = dof * n_features * (dof + n_features + 1)
    assert abs(square.mean() - expected) < THRESHOLD * square.std() / np.sqrt(len(square))


def test_bartlett_factors_take_different_degrees_of_freedom_none_too() -> None:
    factors = bartlett_factors(np.random.default_rng(2), np.array([0, 1, 2, 9]), n_features=3)
    ranks = [int(np.linalg.matrix_rank(factor)) for factor in factors]
    assert ranks == [0, 1, 2, 3]


@pytest.mark.parametrize(("n_samples", "d"), [(10**12, 3), (2, 4), (300, 120)])
@pytest.mark.parametrize("kind", ["replace", "accumulate"])
def test_gaussian_chains_of_any_size_narrow_as_they_should(n_samples: int, d: int, kind: str) -> None:
    """E tr Σ_t / tr Σ is (1 − 1/n)^(t + 1), and with accumulation the product of 1 − 1/(n k²) up to t + 1."""
    chain = GaussianChain(Spectrum.isotropic(d), Resampling(kind, generations=3, n_samples=n_samples))
    result = solve_gaussian(chain, n_replicates=2000 if d < 100 else 20)
    fits = np.arange(1, 5)
    lost = 1 / n_samples if kind == "replace" else 1 / (n_samples * fits.astype(float) ** 2)
    for shift, agree in ((0, True), (1, False)):
        expected = np.cumsum(np.log1p(-lost * np.ones(4)))[: 4 - shift]
        gap = np.array(result.generations["mean_error"])[shift:] + np.expm1(expected)
        close = np.abs(gap) < THRESHOLD * np.array(result.stderr["generations"]["mean_error"])[shift:]
        if agree or kind == "replace":
            assert close.all() == agree
    narrow = np.array(result.generations["variance_ratio"]) - np.exp(np.cumsum(np.log1p(-lost * np.ones(4))))
    assert (np.abs(narrow) < THRESHOLD * np.array(result.stderr["generations"]["variance_ratio"])).all()


def test_gaussian_chains_on_subsets_cost_what_the_subsets_cost() -> None:
    """With a pool of 1e12 samples at a time, what a subset adds is forgotten: E tr Σ_t falls once, and no more."""
    workflow = Resampling("accumulate-subsample", generations=3, n_samples=10**12, subsample=20)
    result = solve_gaussian(GaussianChain(Spectrum.isotropic(2), workflow), n_replicates=4000)
    before = 1 - 1 / 20
    expected = [1.0, before, 0.5 * before + 0.5 * before**2]  # half of the second pool is of a model that narrowed
    values, errors = result.generations["variance_ratio"], result.stderr["generations"]["variance_ratio"]
    found, stderr = np.array(values[1:3]), np.array(errors[1:3])
    between = 0.25 * before / 20  # of the two means
    expected[2] += before * between
    assert (np.abs(found - expected[1:]) / stderr).max() < THRESHOLD
    assert (np.abs(found - [1.0, before]) / stderr).max() > THRESHOLD  # the twin: a subset later


def test_gaussian_chains_do_not_mind_units_nor_the_order_of_directions() -> None:
    workflow = WORKFLOWS["accumulate"]
    given = [EIGENVALUES, 4 * EIGENVALUES, EIGENVALUES[::-1]]
    first, scaled, turned = (
        solve_gaussian(GaussianChain(Spectrum.explicit(values), workflow), n_replicates=4000) for values in given
    )
    rotation = np.linalg.qr(np.random.default_rng(3).standard_normal((3, 3)))[0]
    full = GaussianChain(Spectrum.full(rotation @ np.diag(EIGENVALUES) @ rotation.T), workflow)
    for name, values in first.generations.items():
        assert scaled.generations[name] == pytest.approx(values, rel=1e-12)
        assert solve_gaussian(full, n_replicates=4000).generations[name] == pytest.approx(values, rel=1e-9)
        stderr = np.hypot(first.stderr["generations"][name], turned.stderr["generations"][name])
        assert (np.abs(np.array(turned.generations[name]) - values) < THRESHOLD * stderr).all()


def test_gaussian_chains_refuse_samples_that_do_not_fit_into_memory() -> None:
    workflow = Resampling("replace", generations=2, n_samples=10**12)
    with pytest.raises(InputError, match="numbers kept"):
        solve_gaussian(GaussianChain(Spectrum.isotropic(2), workflow, bandwidth=0.1))
