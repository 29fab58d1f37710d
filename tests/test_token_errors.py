"""Absolute errors of token models: against enumeration, draws and published bounds, and against wrong samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from modelcollapse.theory.ancestors import ancestors, surviving_tokens
from modelcollapse.theory.chain_moments import Samples, chain_moments
from modelcollapse.theory.fresh_mix import (
    FreshMix,
    affordable_fresh,
    fresh_ancestors,
    fresh_mix_answers,
    many_ancestors,
)
from modelcollapse.theory.reuse_bounds import deviation_bound as published_bound
from modelcollapse.theory.reuse_bounds import reused_concentration
from modelcollapse.theory.token_errors import (
    REFITS,
    Refit,
    absolute_errors,
    affordable,
    deviation_bound,
    mean_absolute_deviations,
)
from token_examples import accumulated, mixed, replaced

LAW = np.array([0.6, 0.3, 0.1])
ONES = np.ones(3)


def zipf(n_tokens: int) -> np.ndarray:
    weights = 1 / np.arange(1.0, n_tokens + 1)
    return weights / weights.sum()


@pytest.mark.parametrize(("n_first", "n_samples"), [(3, 4), (4, 4), (5, 2), (1, 3)])
def test_absolute_error_is_that_of_enumeration(n_first: int, n_samples: int) -> None:
    laws = replaced(LAW, n_samples=n_samples, n_first=n_first, generations=3)
    refit = Refit(kind="replace", n_first=n_first, n_samples=n_samples)
    error, _ = absolute_errors(LAW, counts=ONES, refit=refit, generations=3)
    expected = [sum(p * np.abs(np.array(c) / sum(c) - LAW).sum() for c, p in law.items()) for law in laws]
    np.testing.assert_allclose(error, expected, rtol=1e-12)


@pytest.mark.parametrize(("n_real", "n_samples"), [(3, 4), (4, 1), (1, 2)])
def test_absolute_errors_of_a_mix_are_those_of_enumeration(n_real: int, n_samples: int) -> None:
    laws = mixed(LAW, n_real=n_real, n_samples=n_samples, generations=3)
    refit = Refit(kind="mix-reused", n_first=n_real, n_samples=n_samples)
    error, drift = absolute_errors(LAW, counts=ONES, refit=refit, generations=3)
    wrong, _ = absolute_errors(LAW, counts=ONES, refit=replace(refit, kind="replace"), generations=3)
    errors = [sum(p * np.abs(np.array(model) - LAW).sum() for (_, model), p in law.items()) for law in laws]
    drifts = [sum(p * np.abs(np.array(model) - np.array(real) / n_real).sum() for (real, model), p in law.items())
              for law in laws]  # fmt: skip
    np.testing.assert_allclose(error, errors, rtol=1e-12)
    np.testing.assert_allclose(drift, drifts, rtol=1e-12, atol=1e-15)
    assert n_real == 1 or (np.abs(wrong[1:] - errors[1:]) > 1e-3).all()


@pytest.mark.parametrize(("n_first", "n_samples"), [(3, 4), (4, 1), (1, 2)])
def test_absolute_errors_of_accumulation_are_those_of_enumeration(n_first: int, n_samples: int) -> None:
    laws = accumulated(LAW, n_first=n_first, n_samples=n_samples, generations=3)
    refit = Refit(kind="accumulate", n_first=n_first, n_samples=n_samples)
    error, drift = absolute_errors(LAW, counts=ONES, refit=refit, generations=3)
    wrong, _ = absolute_errors(LAW, counts=ONES, refit=replace(refit, kind="mix-reused"), generations=3)
    errors = [sum(p * np.abs(np.array(pool) / sum(pool) - LAW).sum() for (_, pool), p in law.items()) for law in laws]
    drifts = [sum(p * np.abs(np.array(pool) / sum(pool) - np.array(real) / n_first).sum()
                  for (real, pool), p in law.items()) for law in laws]  # fmt: skip
    np.testing.assert_allclose(error, errors, rtol=1e-12)
    np.testing.assert_allclose(drift, drifts, rtol=1e-12, atol=1e-15)
    assert n_first == 1 or (np.abs(wrong[2:] - errors[2:]) > 1e-4).all()


def test_absolute_drift_of_replacement_agrees_with_draws() -> None:
    law, runs, n = zipf(30), 4000, 60
    random = np.random.default_rng(2)
    first = counts = random.multinomial(n, law, size=runs)
    for _ in range(6):
        counts = random.multinomial(n, counts / n)
    drifts = np.abs(counts - first).sum(axis=1) / n
    stderr = drifts.std() / runs**0.5
    refit = Refit(kind="replace", n_first=n, n_samples=n)
    _, drift = absolute_errors(law, counts=np.ones(30), refit=refit, generations=7)
    assert abs(drift[6] - drifts.mean()) < 5 * stderr
    assert abs(drift[7] - drifts.mean()) > 5 * stderr


def test_absolute_drift_of_a_mix_is_the_published_one() -> None:
    refit = Refit(kind="mix-reused", n_first=100, n_samples=1000)
    assert affordable(zipf(20), refit=refit, generations=40)
    _, drift = absolute_errors(zipf(20), counts=np.ones(20), refit=refit, generations=40)
    assert drift[-1] == pytest.approx(0.196, abs=0.001)
    assert published_bound(20, n_real=100, n_samples=1000) == pytest.approx(4e5, rel=0.1)


@pytest.mark.parametrize("n", [1, 7, 50, 10**6])
def test_mean_absolute_deviation_of_real_samples(n: int) -> None:
    law = np.array([0.0, 1e-9, 0.02, 0.1, 0.5, 0.86, 1.0])
    found = mean_absolute_deviations(law, n_samples=n)
    if n < 100:
        counts = np.arange(n + 1)
        expected = [binom.pmf(counts, n, p) @ np.abs(counts / n - p) for p in law]
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    else:
        np.testing.assert_allclose(found[2:-1], np.sqrt(2 / np.pi * (law * (1 - law))[2:-1] / n), rtol=1e-3)
    assert found[0] == found[-1] == 0


@pytest.mark.parametrize("kind", REFITS)
def test_no_absolute_error_exceeds_the_bound(kind: str) -> None:
    law, counts, n_first, n, generations = zipf(40), np.ones(40), 30, 50, 30
    reused = kind == "mix-reused"
    moments = chain_moments(kind[:3] if reused else kind, Samples(n_first, n, real=n_first), generations=generations,
                            reused=reused)  # fmt: skip
    refit = Refit(kind=kind, n_first=n_first, n_samples=n)
    error, drift = absolute_errors(law, counts=counts, refit=refit, generations=generations)
    for exact, variances in ((error, moments.mean_variance), (drift, moments.drift)):
        bound = deviation_bound(law, counts=counts, variances=variances)
        assert (exact <= bound + 1e-12).all()


def test_the_bound_with_less_variance_is_exceeded() -> None:
    """A token that is often seen is nearly normal, and E|z| = √(2/π) = 0.798 of its standard deviation."""
    law, n = np.array([0.5]), 200
    moments = chain_moments("replace", Samples(n, n), generations=5)
    refit = Refit(kind="replace", n_first=n, n_samples=n)
    error, _ = absolute_errors(law, counts=np.array([2.0]), refit=refit, generations=5)
    bound = deviation_bound(law, counts=np.array([2.0]), variances=0.75**2 * moments.mean_variance)
    assert (error > bound).all()


@pytest.mark.parametrize(("n_real", "n_samples"), [(10, 10), (100, 1000), (7, 3)])
def test_theorem_2_with_a_plus_is_exact(n_real: int, n_samples: int) -> None:
    law = zipf(20)
    concentration = law @ law
    samples = Samples(n_real, n_samples, real=n_real)
    moments = chain_moments("mix", samples, generations=9, reused=True)
    exact = concentration + (1 - concentration) * moments.mean_variance
    found = reused_concentration(concentration, n_real=n_real, n_samples=n_samples, fits=10)
    np.testing.assert_allclose(found, exact, rtol=1e-12)
    share = n_samples / (n_real + n_samples)
    slip = 2 * (1 - 1 / n_real) * concentration * share / n_real / (1 + (1 + 1 / n_real) * share)
    assert abs(found[0] - slip - exact[0]) > 1e-4  # what a minus would make of it


def test_theorem_2_is_the_published_one() -> None:
    law = zipf(20)
    found = reused_concentration(law @ law, n_real=10, n_samples=10, fits=2)
    assert found[0] == pytest.approx(0.21098, abs=5e-5)
    found = reused_concentration(law @ law, n_real=100, n_samples=1000, fits=2)
    np.testing.assert_allclose(found, [0.13208, 0.13280], atol=5e-5)


def test_theorem_4_is_theorem_3_at_an_even_balance() -> None:
    even = published_bound(65, n_real=10**4, n_samples=5)
    assert published_bound(65, n_real=10**4, n_samples=5, balance=0.1) < even
    assert even == pytest.approx(np.sqrt(np.pi * 5 / 2) / 1e4 * 6 * np.e / np.pi**1.5 * 65
                                 * np.exp(np.exp(3) / (2 * np.pi) * 5 / (2 * np.e)), rel=1e-12)  # fmt: skip
    assert published_bound(50_000, n_real=10, n_samples=10**6) == np.inf


def _drawn_fresh(law: np.ndarray, *, mix: FreshMix, generations: int, runs: int) -> list[np.ndarray]:
    """Return the shares of tokens in each generation, (runs, n_tokens) each."""
    random = np.random.default_rng(11)
    shares = [random.multinomial(mix.n_first, law, size=runs) / mix.n_first]
    for _ in range(generations):
        counts = random.multinomial(mix.n_real, law, size=runs) + random.multinomial(mix.n_samples, shares[-1])
        shares.append(counts / (mix.n_real + mix.n_samples))
    return shares


@pytest.mark.parametrize(
    "mix", [FreshMix(n_first=12, n_real=2, n_samples=10), FreshMix(n_first=5, n_real=8, n_samples=4)]
)
def test_fresh_mix_agrees_with_draws(mix: FreshMix) -> None:
    law, runs = np.array([0.8, 0.15, 0.03, 0.02]), 20_000
    drawn = _drawn_fresh(law, mix=mix, generations=5, runs=runs)
    found = fresh_mix_answers(law, counts=np.ones(4), mix=mix, generations=6)
    measures = {
        "absolute_error": [np.abs(shares - law).sum(axis=1) for shares in drawn],
        "vocabulary": [np.count_nonzero(shares, axis=1) for shares in drawn],
        "collapse_probability": [shares.max(axis=1) == 1 for shares in drawn],
    }
    for name, values in measures.items():
        means = np.array([np.mean(value) for value in values])
        stderr = np.array([np.std(value) for value in values]) / runs**0.5
        assert (np.abs(getattr(found, name)[:6] - means) < 5 * stderr).all(), name
        assert (np.abs(getattr(found, name)[1:] - means) > 5 * stderr).any(), name  # a generation late


def test_fresh_mix_has_the_exact_second_moments_and_as_many_tokens_as_replacement_with_no_real_samples() -> None:
    law, mix = zipf(30), FreshMix(n_first=40, n_real=1, n_samples=10**3)
    assert affordable_fresh(mix, generations=20, n_tokens=30)
    found = fresh_mix_answers(law, counts=np.ones(30), mix=mix, generations=3)
    kept = surviving_tokens(law, ancestors(10**3, n_first=40, generations=3), counts=np.ones(30))
    assert (found.vocabulary >= kept - 1e-12).all()
    assert (found.vocabulary < kept + 3).all()


@pytest.mark.parametrize("mix", [FreshMix(n_first=1500, n_real=1000, n_samples=600),
                                 FreshMix(n_first=1000, n_real=1000, n_samples=1500)])  # fmt: skip
def test_ancestors_in_a_fresh_mix_agree_with_exact_laws(mix: FreshMix) -> None:
    rare, counts = np.array([1e-5, 1e-4, 5e-4, 1e-3, 4e-3]), np.full(5, 100.0)
    exact = fresh_mix_answers(rare, counts=counts, mix=mix, generations=8).vocabulary
    found = surviving_tokens(rare, fresh_ancestors(mix, generations=8), counts=counts)
    np.testing.assert_allclose(found, exact, rtol=1e-6)
    uncertain = [replace(law, variance=2 * law.variance) for law in fresh_ancestors(mix, generations=8)]
    wrong = surviving_tokens(rare, uncertain, counts=counts)
    assert (np.abs(wrong[1:] / exact[1:] - 1) > 1e-6).all()


def test_what_costs_too_much_is_known() -> None:
    for kind, n, generations, known in (("replace", 10**3, 10, True), ("replace", 10**3, 10**3, False),
                                        ("replace", 10**4, 1, False), ("accumulate", 100, 50, True),
                                        ("accumulate", 10**3, 10, False)):  # fmt: skip
        refit = Refit(kind=kind, n_first=n, n_samples=n)
        assert affordable(zipf(10), refit=refit, generations=generations) == known
    for kind in ("mix-reused", "accumulate"):  # few samples, but a count in generation 0 against each in a later one
        assert not affordable(zipf(1), refit=Refit(kind=kind, n_first=70_000, n_samples=12), generations=16)
    assert not affordable(zipf(10), refit=Refit(kind="replace", n_first=10**12, n_samples=10), generations=1)
    assert not many_ancestors(FreshMix(n_first=10**6, n_real=10, n_samples=10**6))
    assert not affordable_fresh(FreshMix(n_first=10**5, n_real=10, n_samples=10), generations=1, n_tokens=10**4)
