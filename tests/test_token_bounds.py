"""Published bounds on token chains: beside exact answers, at published numbers, and broken by wrong rates."""

from __future__ import annotations

import numpy as np
import pytest

from modelcollapse.theory.ancestors import ancestors, collapse_probabilities, collapse_time, surviving_tokens
from modelcollapse.theory.token_bounds import (
    collapse_probability_bounds,
    collapse_time_bounds,
    diffusion_collapse_time,
    rare_loss,
    survival_rates,
    vocabulary_bounds,
)


def zipf_mandelbrot(offset: float, exponent: float) -> np.ndarray:
    weights = (np.arange(1.0, 1001) + offset) ** -exponent
    return weights / weights.sum()


def test_survival_rates_are_the_published_ones() -> None:
    rates = survival_rates(500)
    fits = np.array([1, 2, 5, 10, 50, 100, 500])
    expected = [1, 1.264, 1.560, 1.723, 1.919, 1.954, 1.989]
    np.testing.assert_allclose((rates * np.arange(1, 501))[fits - 1], expected, atol=0.0051)
    assert (rates >= 1 / np.arange(1, 501)).all()
    assert (rates <= 3 / np.arange(1, 501)).all()


@pytest.mark.parametrize(("p", "n", "expected"), [(0.001, 10**4, {10: (0.8214, 0.8321), 50: (0.3187, 0.4413)}),
                                                  (0.01, 100, {1: (0.6321, 0.6542), 50: (0.0376, 1.0)})])  # fmt: skip
def test_survival_bounds_are_the_published_ones(p: float, n: int, expected: dict[int, tuple[float, float]]) -> None:
    lower, upper = vocabulary_bounds(np.array([p]), counts=np.ones(1), n_samples=n, fits=50)
    for fits, bounds in expected.items():
        np.testing.assert_allclose((lower[fits - 1], upper[fits - 1]), bounds, atol=1e-4)


def test_vocabulary_bounds_are_the_published_ones() -> None:
    law = zipf_mandelbrot(1, 2.7)
    lower, upper = vocabulary_bounds(law, counts=np.ones(1000), n_samples=1000, fits=10)
    shown = np.array([1, 2, 5, 10]) - 1
    np.testing.assert_allclose(lower[shown], [28.20, 23.56, 17.80, 13.99], atol=0.005)
    np.testing.assert_allclose(upper[shown], [28.25, 23.70, 18.28, 15.31], atol=0.005)


@pytest.mark.parametrize(("offset", "exponent"), [(1, 2.7), (2, 5)])
def test_exact_vocabulary_is_within_bounds(offset: float, exponent: float) -> None:
    law, counts = zipf_mandelbrot(offset, exponent), np.ones(1000)
    exact = surviving_tokens(law, ancestors(1000, n_first=1000, generations=9), counts=counts)
    lower, upper = vocabulary_bounds(law, counts=counts, n_samples=1000, fits=11)
    assert (lower[:-1] <= exact).all()
    assert (exact <= upper[:-1]).all()
    assert (exact > upper[1:]).any()  # bounds of one fit too many are broken


def test_exact_vocabulary_agrees_with_published_draws() -> None:
    law, counts = zipf_mandelbrot(2, 5), np.ones(1000)
    exact = surviving_tokens(law, ancestors(1000, n_first=1000, generations=5), counts=counts)
    for fits, mean, stderr in ((1, 10.556, 0.018), (5, 7.836, 0.016)):
        assert abs(exact[fits - 1] - mean) < 5 * stderr
        assert abs(exact[fits] - mean) > 5 * stderr


@pytest.mark.parametrize(("size", "n"), [(5, 10), (2, 7), (30, 200)])
def test_collapse_is_within_bounds(size: int, n: int) -> None:
    law, counts = np.full(size, 1 / size), np.ones(size)
    exact = collapse_probabilities(law, ancestors(n, n_first=n, generations=60), counts=counts)
    lower, upper = collapse_probability_bounds(1 / size, support=size, n_samples=n, fits=61)
    assert (lower <= exact + 1e-12).all()
    assert (exact <= upper + 1e-12).all()
    shortest, longest = collapse_time_bounds(1 / size, support=size, n_samples=n)
    assert shortest <= collapse_time(law, counts=counts, n_samples=n, n_first=n) <= longest


def test_collapse_bounds_are_the_published_ones() -> None:
    lower, upper = collapse_probability_bounds(0.2, support=5, n_samples=10, fits=31)
    np.testing.assert_allclose((lower[-1], upper[-1]), (0.695, 0.962), atol=5e-4)
    shown = [collapse_time_bounds(0.1, support=10, n_samples=n) for n in (10, 100, 1000)]
    assert [(round(low), round(high)) for low, high in shown] == [(10, 82), (100, 8911), (1000, 899101)]


def test_diffusion_time_is_the_published_one() -> None:
    for n, time in ((10, 18.96), (100, 189.7), (1000, 1896)):
        found = diffusion_collapse_time(np.array([0.1]), counts=np.array([10.0]), n_samples=n)
        assert found == pytest.approx(time, rel=5e-4)
    assert diffusion_collapse_time(np.array([1.0, 0.0]), counts=np.ones(2), n_samples=10) == 0


def test_rare_words_are_lost_after_2_89_generations_per_count() -> None:
    for count in (20, 100, 1000):
        assert rare_loss(count, fits=round(2.89 * count)) == pytest.approx(0.5, abs=0.03)
