"""Errors of bigram rows: against plain sums, drawn rows, and two powers that share no computation with them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import zeta
from scipy.stats import binom

from modelcollapse.checks import Array
from modelcollapse.theory.binomial import at_most, chance
from modelcollapse.theory.tail_bigram import (
    clean_row_error,
    copied_row_error,
    distance_to_mixture,
    kink_edges,
    kink_logs,
    row_error,
)
from modelcollapse.theory.tail_laws import log_zipf
from modelcollapse.theory.tail_series import Ranks, edge, ranks

VOCABULARY = 5000
"""Tokens of laws that are summed plainly."""


def row(exponent: float, *sizes: float, vocabulary: int | None = None) -> tuple[Ranks, Array]:
    """Return the nodes for training sets of these sizes, and the logarithm of a Zipf law, cut at a vocabulary."""
    edges = kink_edges(np.concatenate([kink_logs(size, exponent) for size in sizes]))
    cut = () if vocabulary is None else (edge(vocabulary),)
    nodes = ranks(exponent, active=(np.log(max(sizes)) + 12) / exponent, edges=(*edges, *cut))
    law = log_zipf(nodes.logs, exponent)
    if vocabulary is not None:
        law = np.where(nodes.logs < cut[0], law, -np.inf)
        law = law - np.log(nodes.total(law))
    return nodes, law


def plain_law(exponent: float, vocabulary: int = VOCABULARY) -> Array:
    weights = np.arange(1, vocabulary + 1.0) ** -exponent
    return weights / weights.sum()


def plain_deviations(size: int, training: Array, real: Array) -> Array:
    """Return E|X − T p| by the law of X, number by number where there are few, by De Moivre's trick else."""
    if size <= 200:
        numbers = np.arange(size + 1)
        laws = binom.pmf(numbers, size, training[:, None])
        return (laws * np.abs(numbers - size * real[:, None])).sum(axis=1)
    target = size * real
    below = np.floor(target)
    missing = target * binom.cdf(below, size, training)
    missing -= size * training * binom.cdf(below - 1, size - 1, training)
    return size * training - target + 2 * missing


@pytest.mark.parametrize("exponent", [1.1, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("size", [1, 10, 150, 1000, 10**5, 10**7])
def test_row_error_is_a_plain_sum(exponent: float, size: int) -> None:
    nodes, law = row(exponent, size, vocabulary=VOCABULARY)
    real = plain_law(exponent)
    expected = plain_deviations(size, real, real).sum() / (2 * size)
    assert row_error(nodes, law, [(size, law)]) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("size", [1, 40, 1000, 10**5])
def test_row_error_of_another_law_is_a_plain_sum(size: int) -> None:
    nodes, law = row(1.5, size, vocabulary=VOCABULARY)
    narrowed = log_zipf(nodes.logs, 2.0) + np.where(law > -np.inf, 0, -np.inf)
    narrowed = narrowed - np.log(nodes.total(narrowed))
    real, training = plain_law(1.5), plain_law(2.0)
    expected = plain_deviations(size, training, real).sum() / (2 * size)
    assert row_error(nodes, law, [(size, narrowed)]) == pytest.approx(expected, rel=1e-4)
    assert row_error(nodes, law, [(size, law)]) != pytest.approx(expected, rel=1e-2) or size == 1
    assert distance_to_mixture(nodes, law, [(1.0, narrowed)]) == pytest.approx(abs(real - training).sum() / 2, rel=1e-4)


@pytest.mark.parametrize(("exponent", "size"), [(10.0, 301), (10.0, 1000), (7.0, 320), (10.0, 10**5)])
def test_row_error_of_a_law_that_one_token_rules_is_a_plain_sum(exponent: float, size: int) -> None:
    """The first token comes nearly always: its number is as far from normal as that of the others."""
    nodes, law = row(exponent, size, vocabulary=VOCABULARY)
    real = plain_law(exponent)
    expected = plain_deviations(size, real, real).sum() / (2 * size)
    assert row_error(nodes, law, [(size, law)]) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("size", [100, 250])
def test_row_error_of_three_parts_is_that_of_a_convolution(size: int) -> None:
    """Real samples, bought ones of all tokens but the first, and those of a law that is cut."""
    cut, vocabulary = 20, 200
    counts = (round(0.7 * size), round(0.05 * size), size - round(0.7 * size) - round(0.05 * size))
    real = plain_law(5.0, vocabulary)
    ranks_, total = np.arange(1, vocabulary + 1), 0.0
    laws = [real, np.where(ranks_ > 1, real, 0) / real[1:].sum(), np.where(ranks_ <= cut, real, 0) / real[:cut].sum()]
    for token, p in enumerate(real):
        chances = np.ones(1)
        for count, law in zip(counts, laws, strict=True):
            chances = np.convolve(chances, binom.pmf(np.arange(count + 1), count, law[token]))
        total += (chances * np.abs(np.arange(size + 1) - size * p)).sum()
    nodes = ranks(5.0, active=20, edges=(*kink_edges(kink_logs(size, 5.0)), edge(cut), edge(vocabulary), edge(1)))
    parts = [np.where(nodes.logs < edge(vocabulary), log_zipf(nodes.logs, 5.0), -np.inf)]
    parts += [np.where(nodes.logs > edge(1), parts[0], -np.inf), np.where(nodes.logs < edge(cut), parts[0], -np.inf)]
    parts = [law - np.log(nodes.total(law)) for law in parts]
    found = row_error(nodes, parts[0], list(zip(map(float, counts), parts, strict=True)))
    assert found == pytest.approx(total / (2 * size), rel=1e-4)


@pytest.mark.parametrize("sizes", [(3, 2), (50, 10), (100, 900), (20_000, 5000)])
def test_row_error_of_a_mixture_is_that_of_a_convolution(sizes: tuple[int, int]) -> None:
    size, cut = sum(sizes), 50
    nodes, law = row(1.5, size, vocabulary=VOCABULARY)
    nodes = ranks(1.5, active=20, edges=(edge(cut), *(float(stop) for stop in nodes.stops)))
    law = np.where(nodes.logs < edge(VOCABULARY), log_zipf(nodes.logs, 1.5), -np.inf)
    law = law - np.log(nodes.total(law))
    shorter = np.where(nodes.logs < edge(cut), law, -np.inf)
    shorter = shorter - np.log(nodes.total(shorter))
    real = plain_law(1.5)
    training = np.where(np.arange(VOCABULARY) < cut, real, 0) / real[:cut].sum()
    total = 0.0
    for p, q in zip(real, training, strict=True):
        numbers = np.arange(int(size * (p + q) + 20 * np.sqrt(size * (p + q)) + 30))
        both = np.convolve(binom.pmf(numbers, sizes[0], p), binom.pmf(numbers, sizes[1], q))
        total += (both * np.abs(np.arange(len(both)) - size * p)).sum()
    found = row_error(nodes, law, [(sizes[0], law), (sizes[1], shorter)])
    assert found == pytest.approx(total / (2 * size), rel=1e-3)


def drawn_errors(n_generator: int, size: int, seed: int, replicates: int = 400) -> Array:
    rng, real = np.random.default_rng(seed), plain_law(1.5)
    first = rng.multinomial(n_generator, real, size=replicates) / n_generator
    return np.array([abs(rng.multinomial(size, each) / size - real).sum() / 2 for each in first])


@pytest.mark.parametrize(("n_generator", "size"), [(1, 100), (20, 30), (40, 1000), (1000, 300), (2000, 20_000)])
def test_copied_row_error_is_the_drawn_one_and_not_that_of_real_samples(n_generator: int, size: int) -> None:
    nodes, law = row(1.5, size, n_generator, vocabulary=VOCABULARY)
    drawn = drawn_errors(n_generator, size, seed=size)
    stderr = drawn.std() / np.sqrt(len(drawn))
    assert abs(copied_row_error(nodes, law, size, n_generator=n_generator) - drawn.mean()) < 5 * stderr
    assert abs(row_error(nodes, law, [(size, law)]) - drawn.mean()) > 5 * stderr


@pytest.mark.parametrize(
    ("exponent", "n_generator", "size"),
    [(1.5, 20, 30), (1.5, 100, 3000), (1.5, 1000, 300), (1.5, 2000, 5000), (8.0, 1000, 400)],
)
def test_copied_row_error_is_a_plain_sum_over_both_numbers(exponent: float, n_generator: int, size: int) -> None:
    """Number by number of the training set of the generator, of 300 tokens."""
    nodes, law = row(exponent, size, n_generator, vocabulary=300)
    real = plain_law(exponent, 300)
    total = 0.0
    for number in range(n_generator + 1):
        shares = np.full(300, number / n_generator)
        below, target = np.floor(size * real), size * real
        missing = target * binom.cdf(below, size, shares) - size * shares * binom.cdf(below - 1, size - 1, shares)
        deviations = size * shares - target + 2 * missing
        total += binom.pmf(number, n_generator, real) @ deviations
    expected = total / (2 * size)
    assert copied_row_error(nodes, law, size, n_generator=n_generator) == pytest.approx(expected, rel=1e-4)


def test_copied_row_error_has_the_right_ends() -> None:
    nodes, law = row(1.5, 1000)
    real = row_error(nodes, law, [(1000.0, law)])
    assert copied_row_error(nodes, law, 1000.0, n_generator=1e12) == pytest.approx(real, rel=1e-3)
    assert copied_row_error(nodes, law, 1e12, n_generator=1000) == pytest.approx(real, rel=1e-3)
    assert copied_row_error(nodes, law, 1.0, n_generator=1000) == pytest.approx(
        row_error(nodes, law, [(1.0, law)]), rel=1e-4
    )


@pytest.mark.parametrize("exponent", [1.1, 1.5, 1.99, 2.0, 2.5, 4.0])
def test_row_error_goes_over_into_two_powers(exponent: float) -> None:
    for size, tolerance in ((10**3, 5e-3), (10**6, 1e-4), (10**12, 1e-5), (10**15, 1e-5)):
        nodes, law = row(exponent, size)
        exact = row_error(nodes, law, [(float(size), law)])
        assert clean_row_error(size, exponent=exponent) == pytest.approx(exact, rel=tolerance)
        if size == 10**3:  # the leading power alone, with the factor that it has at last
            power = -min(0.5, 1 - 1 / exponent)
            leading = clean_row_error(1e15, exponent=exponent) * (size / 1e15) ** power
            assert leading != pytest.approx(exact, rel=tolerance)


def test_kinks_are_where_expected_numbers_are_whole() -> None:
    logs = kink_logs(1000.0, 1.5)
    expected = 1000 * np.exp(logs) ** -1.5 / zeta(1.5)
    assert expected == pytest.approx(np.arange(1, len(logs) + 1))
    assert kink_edges(np.array([-1.0, np.log(7.2), 50.0])) == pytest.approx((np.log(7.5), 50.0))


@pytest.mark.parametrize(("trials", "probability"), [(5, 0.3), (10**4, 1e-3), (10**6, 1e-5), (10, 1.0), (10, 0.0)])
def test_binomial_chances_are_those_of_scipy(trials: int, probability: float) -> None:
    numbers = np.arange(-1, 30)
    found = at_most(numbers, trials, probability)
    assert found == pytest.approx(binom.cdf(numbers, trials, probability), abs=1e-9)
    assert chance(numbers[1:], trials, probability) == pytest.approx(
        binom.pmf(numbers[1:], trials, probability), rel=1e-7, abs=1e-30
    )


def test_binomial_chances_of_many_trials_are_those_of_poisson() -> None:
    numbers = np.arange(40)
    factorials = np.cumprod(np.maximum(numbers, 1.0))
    poisson = np.exp(-5.0) * 5.0**numbers / factorials
    assert chance(numbers, 1e15, 5e-15) == pytest.approx(poisson, rel=1e-9)
    assert at_most(numbers, 1e15, 5e-15) == pytest.approx(np.cumsum(poisson), rel=1e-9)
