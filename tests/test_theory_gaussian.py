"""The log-variance of Gaussian refits: against closed laws, published numbers, draws, and wrong degrees of freedom."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from modelcollapse.theory.chain_moments import Samples, chain_moments
from modelcollapse.theory.gaussian import (
    Fits,
    chernoff_bounds,
    exponential_bounds,
    log_determinants,
    mean_deviations,
    survival_probabilities,
    typical_deviations,
)


def fits(n: float, number: int, *, unbiased: bool = True) -> Fits:
    return Fits(n_samples=np.full(number, float(n)), unbiased=unbiased)


@pytest.mark.parametrize("n", [2, 3, 10, 41, 1000, 10**6])
@pytest.mark.parametrize("threshold", [0.01, 0.5, 0.99, 1.0, 2.0])
def test_survival_of_one_fit_is_that_of_chi_square(n: int, threshold: float) -> None:
    for unbiased in (True, False):
        found = survival_probabilities(threshold, fits(n, 1, unbiased=unbiased))[0]
        expected = stats.chi2.sf(threshold**2 * (n - 1 if unbiased else n), n - 1)
        assert found == pytest.approx(expected, abs=1e-11)


@pytest.mark.parametrize("threshold", [0.1, 1.0, 2.0])
def test_survival_of_two_fits_on_three_samples_is_a_bessel_function(threshold: float) -> None:
    """The variance is a product of two exponential variables, larger than x with probability 2 √x K_1(2 √x)."""
    found = survival_probabilities(threshold, fits(3, 2))[1]
    assert found == pytest.approx(2 * threshold * special.k1(2 * threshold), abs=1e-13)
    assert abs(survival_probabilities(threshold, fits(4, 2))[1] - found) > 1e-3


def test_survival_agrees_with_draws_when_the_first_fit_has_other_samples() -> None:
    runs, chain = 20_000, Fits(n_samples=np.array([40.0, 6, 6, 6, 6]), unbiased=False)
    random = np.random.default_rng(5)
    variance = np.ones(runs)
    for n in chain.n_samples:
        variance = variance * random.chisquare(n - 1, size=runs) / n
    alive = np.mean(variance > 0.25)
    stderr = (alive * (1 - alive) / runs) ** 0.5
    assert abs(survival_probabilities(0.5, chain)[-1] - alive) < 5 * stderr
    assert abs(survival_probabilities(0.5, fits(6, 5, unbiased=False))[-1] - alive) > 5 * stderr
    assert abs(mean_deviations(chain)[-1] - np.sqrt(variance).mean()) < 5 * np.sqrt(variance).std() / runs**0.5
    logarithm = np.log(variance) / 2
    assert abs(np.log(typical_deviations(chain)[-1]) - logarithm.mean()) < 5 * logarithm.std() / runs**0.5


def test_survival_and_bounds_are_the_published_ones() -> None:
    chain = fits(10, 200)
    alive, optimised = survival_probabilities(0.1, chain), chernoff_bounds(0.1, chain)
    for k, drawn, of_theorem, markov, chernoff in ((100, 0.0805, 0.770, 0.625, 0.374),
                                                  (200, 0.0039, 0.0593, 0.0391, 0.0295)):  # fmt: skip
        assert abs(alive[k - 1] - drawn) < 5 * (drawn * (1 - drawn) / 1000) ** 0.5
        assert exponential_bounds(0.1, n_samples=10, fits=200)[k - 1] == pytest.approx(of_theorem, abs=5e-4)
        assert mean_deviations(chain)[k - 1] / 0.1 == pytest.approx(markov, abs=5e-4)
        assert optimised[k - 1] == pytest.approx(chernoff, abs=5e-4)
    assert abs(alive[74] - 0.0805) > 5 * (0.0805 * 0.9195 / 1000) ** 0.5
    assert (alive <= optimised + 1e-12).all()
    assert (optimised <= mean_deviations(chain) / 0.1 + 1e-12).all()
    assert (optimised <= exponential_bounds(0.1, n_samples=10, fits=200) + 1e-12).all()


def test_deviations_are_the_published_ones() -> None:
    found = mean_deviations(fits(10, 50))
    assert found[0] == pytest.approx(0.97266, abs=5e-6)
    assert found[49] == pytest.approx(0.2501, abs=5e-5)
    assert typical_deviations(fits(10, 100))[-1] == pytest.approx(0.00315, abs=5e-6)


@pytest.mark.parametrize("n", [20, 40, 42, 1000])
def test_deviations_do_not_change_where_stirling_takes_over(n: int) -> None:
    half = (n - 1) / 2
    expected = np.exp(special.gammaln(half + 0.5) - special.gammaln(half)) / half**0.5
    assert mean_deviations(fits(n, 1))[0] == pytest.approx(expected, rel=1e-12)


def test_very_many_samples_keep_their_digits() -> None:
    chain = fits(10**12, 1000)
    np.testing.assert_allclose(1 - mean_deviations(chain)[-1], 1000 / (4 * 10**12), atol=1e-13)
    # ln σ² is normal with variance 2 · 1000/n
    level = 2 * np.log1p(3e-5) / np.sqrt(2 * 1000 / 10**12)
    assert survival_probabilities(1 + 3e-5, chain)[-1] == pytest.approx(stats.norm.sf(level), abs=1e-4)
    assert survival_probabilities(0.5, chain)[-1] == 1
    assert survival_probabilities(2.0, chain)[-1] == 0


def test_log_determinants_are_those_of_draws() -> None:
    n, d, runs = 6, 3, 20_000
    random = np.random.default_rng(7)
    rows = random.standard_normal((runs, n, d))
    rows -= rows.mean(axis=1, keepdims=True)
    drawn = np.linalg.slogdet(np.swapaxes(rows, 1, 2) @ rows / n).logabsdet
    found = log_determinants(d, fits(n, 2, unbiased=False))
    stderr = drawn.std() / runs**0.5
    assert abs(found[0] - drawn.mean()) < 5 * stderr
    assert abs(log_determinants(d, fits(n, 2))[0] - drawn.mean()) > 5 * stderr
    assert found[1] == pytest.approx(2 * found[0], rel=1e-12)
    assert log_determinants(1, fits(n, 1))[0] == pytest.approx(2 * np.log(typical_deviations(fits(n, 1))[0]), rel=1e-12)
    assert log_determinants(6, fits(6, 1))[0] == -np.inf


def test_kernel_densities_grow_by_their_bandwidth() -> None:
    """With very many samples by h² in each generation, with accumulation by h² times the harmonic numbers."""
    samples = Samples(10**12, 10**12)
    fit = np.arange(1, 42)
    for kind, growth in (("replace", fit), ("accumulate", np.cumsum(1 / fit))):
        found = chain_moments(kind, samples, generations=40, kernel_variance=0.09).spread
        np.testing.assert_allclose(found, 1 + 0.09 * growth, rtol=1e-9)
