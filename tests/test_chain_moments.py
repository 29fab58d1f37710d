"""Second moments of chains: against closed forms of the papers, against draws, and against wrong formulas."""

from __future__ import annotations

import numpy as np
import pytest

from modelcollapse.checks import Array
from modelcollapse.theory.chain_moments import Samples, chain_moments, limiting_mean_variance

LAW = np.array([0.5, 0.3, 0.2])
UNIT = 1 - (LAW**2).sum()


def test_replacement_shrinks_variance_by_one_sample_in_n():
    moments = chain_moments("replace", Samples(10, 10), generations=9)
    np.testing.assert_allclose(moments.spread, 0.9 ** np.arange(1, 11), rtol=1e-12)
    np.testing.assert_allclose(moments.mean_variance, 1 - moments.spread, rtol=1e-12)


@pytest.mark.parametrize("n", [2, 10, 1000])
def test_accumulation_is_the_product_over_squares(n):
    moments = chain_moments("accumulate", Samples(n, n), generations=50)
    np.testing.assert_allclose(moments.spread, np.cumprod(1 - 1 / (n * np.arange(1, 52) ** 2)), rtol=1e-12)


def test_accumulation_ends_at_the_sine():
    root = np.pi / np.sqrt(10)
    limit = limiting_mean_variance("accumulate", Samples(10, 10))
    assert np.isclose(1 - limit, np.sin(root) / root, rtol=1e-12)


@pytest.mark.parametrize(("first", "synthetic"), [(10, 10), (7, 100), (1000, 3)])
@pytest.mark.parametrize("family", ["biased", "poisson"])
def test_accumulation_approaches_its_limit_from_any_first_generation(first, synthetic, family):
    samples = Samples(first, synthetic)
    limit = limiting_mean_variance("accumulate", samples, family=family)
    errors = [limit - chain_moments("accumulate", samples, generations=t, family=family).mean_variance[-1]
              for t in (100, 200)]  # fmt: skip
    tail = [1 / (first / synthetic + t) / synthetic for t in (100.5, 200.5)]  # Σ 1/k² from t on, to first order
    saturation = 1 - limit if family == "biased" else 1.0
    np.testing.assert_allclose(errors, np.multiply(tail, saturation), rtol=0.02)


@pytest.mark.parametrize(("first", "synthetic"), [(1, 1), (1, 7), (3, 2), (10**9, 10), (10**12, 1), (10**12, 10**12)])
def test_accumulation_ends_at_the_product_whatever_the_sizes(first, synthetic):
    """Differences of large logarithms of gamma functions would leave no digit, and even a negative limit."""
    ratio, last = first / synthetic, 10**6
    factors = np.log1p(-1 / (synthetic * (ratio + np.arange(1.0, last + 1)) ** 2))
    rest = -1 / (synthetic * (ratio + last + 0.5))
    expected = 1 / first - (1 - 1 / first) * np.expm1(factors.sum() + rest)
    limit = limiting_mean_variance("accumulate", Samples(first, synthetic))
    assert limit == pytest.approx(expected, rel=1e-11, abs=0.0)
    assert limit != pytest.approx(-np.expm1(factors.sum() + rest), rel=1e-11, abs=0.0)


def test_replacement_knows_its_spread_to_the_last_digit():
    moments = chain_moments("replace", Samples(2, 2), generations=200)
    np.testing.assert_allclose(moments.spread, 0.5 ** np.arange(1, 202), rtol=1e-12)


@pytest.mark.parametrize("kind", ["accumulate", "accumulate-subsample", "recent", "random-past", "mix"])
def test_moments_of_one_sample_at_a_time_are_not_negative(kind):
    real, subsample = (1 if kind == "mix" else None), (1 if kind == "accumulate-subsample" else None)
    samples = Samples(1, 1, real=real, subsample=subsample)
    moments = chain_moments(kind, samples, generations=40, window=1, reused=True)
    assert min(moments.mean_variance.min(), moments.drift.min(), moments.spread.min()) >= 0


def test_poisson_accumulation_ends_at_a_sixth_of_pi_squared():
    limit = limiting_mean_variance("accumulate", Samples(100, 100), family="poisson")
    assert np.isclose(100 * limit, np.pi**2 / 6, rtol=1e-12)


@pytest.mark.parametrize(("generations", "inflation"), [(1, 1.75), (4, 2.391), (19, 2.789), (99, 2.905)])
def test_subsamples_inflate_as_published(generations, inflation):
    n = 10**9
    moments = chain_moments("accumulate-subsample", Samples(n, n, subsample=n), generations=generations)
    assert moments.mean_variance[-1] * n == pytest.approx(inflation, abs=1e-3)  # a unit of its last digit


@pytest.mark.parametrize(("n_real", "n"), [(100, 1000), (10, 10), (1000, 10), (10**12, 3)])
def test_reused_real_samples_follow_the_second_theorem_with_a_plus(n_real, n):
    concentration, drift = _published(n_real, n, 0.13, sign=+1), _published_drift(n_real, n, 0.13)
    moments = chain_moments("mix", Samples(n_real, n, real=n_real), generations=30, reused=True)
    np.testing.assert_allclose(0.13 + 0.87 * moments.mean_variance, concentration, rtol=1e-12)
    np.testing.assert_allclose(0.87 * moments.drift, drift, rtol=1e-11)


def test_reused_real_samples_do_not_follow_the_minus_that_is_printed():
    moments = chain_moments("mix", Samples(10, 10, real=10), generations=5, reused=True)
    printed = _published(10, 10, 0.13, sign=-1)[:6]
    assert not np.allclose(0.13 + 0.87 * moments.mean_variance, printed, rtol=1e-3)


def _published(n_real: int, n: int, clean: float, *, sign: int) -> Array:
    """Return S_1, S_2, ... of Theorem 2."""
    a = n / (n_real + n)
    b = a * ((1 + 1 / n_real) * a - 1 / n_real)
    decay = b ** np.arange(31)
    top = (1 + 2 * a - (1 - 1 / n_real) * a * decay) / n_real
    return (top + (1 - 1 / n_real) * clean * (1 + a + sign * a / n_real * decay)) / (1 + (1 + 1 / n_real) * a)


def _published_drift(n_real: int, n: int, clean: float) -> Array:
    a, drift = n / (n_real + n), [0.0]
    for concentration in _published(n_real, n, clean, sign=+1)[:-1]:
        drift.append(a**2 * ((1 - concentration) / n + drift[-1]))
    return np.array(drift)


@pytest.mark.parametrize(("real", "synthetic", "inflation"), [(20, 180, 1 / 0.19), (100, 100, 1 / 0.75)])
def test_fresh_real_samples_hold_the_error_at_the_plateau(real, synthetic, inflation):
    samples = Samples(200, synthetic, real=real)
    rates = chain_moments("mix", samples, generations=300, family="poisson").mean_variance
    assert 200 * rates[-1] == pytest.approx(inflation, rel=1e-9)
    for family in ("biased", "poisson"):
        end = chain_moments("mix", samples, generations=300, family=family).mean_variance[-1]
        assert end == pytest.approx(limiting_mean_variance("mix", samples, family=family), rel=1e-9)


def test_kernel_densities_widen_by_their_kernel_and_narrow_by_their_samples():
    replaced = chain_moments("replace", Samples(10**9, 10**9), generations=40, kernel_variance=0.09)
    np.testing.assert_allclose(replaced.spread, 1 + 0.09 * np.arange(1, 42), rtol=1e-6)
    pooled = chain_moments("accumulate", Samples(10**9, 10**9), generations=40, kernel_variance=0.09)
    np.testing.assert_allclose(pooled.spread, 1 + 0.09 * np.cumsum(1 / np.arange(1, 42)), rtol=1e-6)


def test_unbiased_variances_neither_shrink_nor_grow_under_replacement():
    moments = chain_moments("replace", Samples(10, 10), generations=20, family="unbiased")
    np.testing.assert_allclose(moments.spread, 1, rtol=1e-12)
    np.testing.assert_allclose(moments.mean_variance, np.arange(1, 22) / 10, rtol=1e-12)


def test_moments_broadcast_over_contexts():
    together = chain_moments("recent", Samples([10, 20], [30, 40]), generations=6, window=3)
    for k, (first, synthetic) in enumerate([(10, 30), (20, 40)]):
        alone = chain_moments("recent", Samples(first, synthetic), generations=6, window=3)
        np.testing.assert_allclose(together.drift[k], alone.drift, atol=1e-15)
        np.testing.assert_allclose(together.mean_variance[k], alone.mean_variance, rtol=1e-12)


@pytest.mark.parametrize(("kind", "window"), [("random-past", None), ("recent", 3)])
def test_past_models_agree_with_draws(kind, window):
    variance, drift = _drawn(kind, window)
    moments = chain_moments(kind, Samples(20, 20), generations=6, window=window)
    assert _worst(moments.mean_variance, variance) < 5
    assert _worst(moments.drift[1:], drift[1:]) < 5


def test_past_models_disagree_with_draws_when_the_real_law_is_forgotten():
    """The twin: a window that starts at generation 0 is the window of one sooner generation."""
    variance, _ = _drawn("recent", 3)
    assert _worst(chain_moments("recent", Samples(20, 20), generations=6, window=2).mean_variance, variance) > 5


def _drawn(kind: str, window: int | None) -> tuple[list[Array], list[Array]]:
    """Return squared errors and drifts of 20,000 chains by generation, in units of the law's variance."""
    random = np.random.default_rng(1)
    models = [np.tile(LAW, (20_000, 1))]
    models.append(random.multinomial(20, models[0]) / 20)
    for _ in range(6):
        if kind == "random-past":
            counts = random.multinomial(20, np.mean(models, axis=0))
        else:
            used = models[-window:]
            each, left = divmod(20, len(used))
            counts = sum(random.multinomial(each + (age < left), model) for age, model in enumerate(reversed(used)))
        models.append(counts / 20)
    return tuple([((model - origin) ** 2).sum(1) / UNIT for model in models[1:]] for origin in (LAW, models[1]))


def _worst(expected: Array, drawn: list[Array]) -> float:
    """Return the largest difference in standard errors."""
    return max(abs(e - d.mean()) / (d.std() / len(d) ** 0.5) for e, d in zip(expected, drawn, strict=True))


def test_small_pools_are_drawn_from_without_replacement() -> None:
    """Two real samples and two more each time, of which each fit takes three; other counts must fail."""
    random, n = np.random.default_rng(2), 100_000
    pool = (random.random((n, 2)) < 0.5).astype(float)
    models = [pool.mean(1)]
    for _ in range(3):
        pool = np.hstack([pool, random.random((n, 2)) < models[-1][:, None]])
        models.append(random.permuted(pool, axis=1)[:, :3].mean(1))
    drawn = [4 * (model - 0.5) ** 2 for model in models]
    moments = chain_moments("accumulate-subsample", Samples(2, 2, subsample=3), generations=3)
    assert _worst(moments.mean_variance, drawn) < 5
    with_replacement = chain_moments("replace", Samples(2, 3), generations=3)
    assert _worst(with_replacement.mean_variance, drawn) > 5
