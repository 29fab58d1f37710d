"""Closed forms of tails against exact sums, and exact sums against plain ones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gamma, gammaincc, zeta

from modelcollapse.theory.tail_laws import Distortion, generator_laws, log_zipf, mixture
from modelcollapse.theory.tail_series import HEAD, edge, ranks
from modelcollapse.theory.tails import (
    clean_error,
    cut_error,
    learned_items,
    mixed_error,
    narrowed_error,
    purchased_error,
    tail_mass,
)

EXPONENTS = (1.05, 1.3, 1.5, 2.0, 3.0, 5.0)
SIZES = 10.0 ** np.arange(2, 16)


def zipf(exponent: float, number: int) -> np.ndarray:
    return np.arange(1, number + 1.0) ** -exponent / zeta(exponent)


def active(exponent: float) -> float:
    return (np.log(SIZES[-1]) + 12) / exponent


def exact_error(exponent: float, law: np.ndarray, sizes: np.ndarray, **where: tuple[float, ...]) -> np.ndarray:
    """Return the sum over all ranks for a law at the nodes."""
    nodes = ranks(exponent, active=active(exponent), **where)
    terms = sizes[:, None] * np.log1p(-np.minimum(law, 1 - 2**-53))
    return nodes.total(log_zipf(nodes.logs, exponent) + terms)


@pytest.mark.parametrize("exponent", EXPONENTS)
@pytest.mark.parametrize("rank", [1, 40, HEAD, 3001, 200_000])
def test_series_is_that_of_a_plain_sum(exponent: float, rank: int) -> None:
    law, nodes = zipf(exponent, rank), ranks(exponent, active=active(exponent), edges=(edge(rank),))
    log_law = np.where(nodes.logs < edge(rank), log_zipf(nodes.logs, exponent), -np.inf)
    assert nodes.total(log_law) == pytest.approx(law.sum(), rel=1e-12)
    assert nodes.total(log_law) + tail_mass(rank, exponent=exponent) == pytest.approx(1, rel=1e-12)
    for size in (1, 100, 10**4, 10**7):
        terms = log_law + size * np.log1p(-np.exp(log_law))
        assert nodes.total(terms) == pytest.approx((law * np.exp(size * np.log1p(-law))).sum(), rel=1e-11, abs=1e-300)


@pytest.mark.parametrize("exponent", [1.01, 1.05, 2.0, 10.0])
def test_series_has_the_whole_mass(exponent: float) -> None:
    nodes = ranks(exponent, active=40.0)
    assert nodes.total(log_zipf(nodes.logs, exponent)) == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_clean_closed_form_is_the_exact_sum(exponent: float) -> None:
    nodes = ranks(exponent, active=active(exponent))
    exact = exact_error(exponent, np.exp(log_zipf(nodes.logs, exponent)), SIZES)
    assert clean_error(SIZES, exponent=exponent) == pytest.approx(exact, rel=1e-4 if exponent > 3 else 1e-7)
    power = zeta(exponent) ** (-1 / exponent) / exponent * gamma(1 - 1 / exponent) * SIZES ** (1 / exponent - 1)
    assert clean_error(SIZES[8:], exponent=exponent) == pytest.approx(power[8:], rel=1e-4)


@pytest.mark.parametrize("exponent", EXPONENTS)
@pytest.mark.parametrize("rank", [3, 100, 10**5])
@pytest.mark.parametrize("real_fraction", [0.0, 1e-3, 0.5])
def test_mixed_closed_form_is_the_exact_sum(exponent: float, rank: int, real_fraction: float) -> None:
    nodes = ranks(exponent, active=active(exponent), edges=(edge(rank),))
    real, kept = np.exp(log_zipf(nodes.logs, exponent)), 1 - tail_mass(rank, exponent=exponent)
    law = real * (real_fraction + (1 - real_fraction) / kept * (nodes.logs < edge(rank)))
    exact = exact_error(exponent, law, SIZES, edges=(edge(rank),))
    closed = mixed_error(SIZES, exponent=exponent, rank=rank, real_fraction=real_fraction)
    assert closed == pytest.approx(exact, rel=1e-4 if exponent > 3 else 2e-7)


def test_double_law_is_no_sum_of_two_powers() -> None:
    """The twin: where the two powers meet, their sum is too large by about 1.7."""
    exponent, rank = 1.5, 1000
    knee = rank**exponent
    summed = clean_error(knee, exponent=exponent) + tail_mass(rank, exponent=exponent)
    closed = cut_error(knee, exponent=exponent, rank=rank)
    assert summed / closed == pytest.approx(1.7, abs=0.05)
    kept = 1 - tail_mass(rank, exponent=exponent)
    front = zeta(exponent) ** (-1 / exponent) / exponent
    law = (rank + 0.5) ** -exponent / zeta(exponent)
    gammas = front * (knee / kept) ** -(1 / 3) * gamma(1 / 3) * gammaincc(1 / 3, knee / kept * law)
    assert closed == pytest.approx(gammas + tail_mass(rank, exponent=exponent), rel=1e-3)


@pytest.mark.parametrize("exponent", EXPONENTS)
@pytest.mark.parametrize("temperature", [0.9, 0.5, 0.1])
def test_narrowed_closed_form_is_the_exact_sum(exponent: float, temperature: float) -> None:
    nodes = ranks(exponent, active=active(exponent))
    exact = exact_error(exponent, np.exp(log_zipf(nodes.logs, exponent / temperature)), SIZES)
    closed = narrowed_error(SIZES, exponent=exponent, temperature=temperature)
    assert closed == pytest.approx(exact, rel=1e-5)
    if exponent / temperature < 4:
        slope = np.log(closed[-1] / closed[-3]) / np.log(SIZES[-1] / SIZES[-3])
        assert slope == pytest.approx(-(exponent - 1) * temperature / exponent, rel=1e-3)


@pytest.mark.parametrize("first_bought", [101, 150, 10**4])
def test_purchased_closed_form_is_the_exact_sum(first_bought: int) -> None:
    exponent, rank, share = 1.5, 100, 0.1
    edges = (edge(rank), edge(first_bought - 1))
    nodes = ranks(exponent, active=60.0, edges=edges)
    real = np.exp(log_zipf(nodes.logs, exponent))
    cut = (1 - share) / (1 - tail_mass(rank, exponent=exponent)) * (nodes.logs < edges[0])
    bought = share / tail_mass(first_bought - 1, exponent=exponent) * (nodes.logs > edges[1])
    terms = log_zipf(nodes.logs, exponent) + SIZES[:, None] * np.log1p(-real * (cut + bought))
    closed = purchased_error(SIZES, exponent=exponent, rank=rank, purchased_fraction=share, purchased_rank=first_bought)
    assert closed == pytest.approx(nodes.total(terms), rel=1e-6)


@pytest.mark.parametrize("exponent", [1.5, 2.0, 4.0])
def test_learned_items_are_those_of_a_plain_sum(exponent: float) -> None:
    number = 10**6
    law = zipf(exponent, number)
    for size in (1, 50, 1000):
        rare = size * tail_mass(number, exponent=exponent)  # of which hardly one comes twice
        plain = -np.expm1(size * np.log1p(-law)).sum() + rare
        assert learned_items(size, exponent=exponent) == pytest.approx(plain, rel=1e-6)
    power = gamma(1 - 1 / exponent) * (1e15 / zeta(exponent)) ** (1 / exponent) - 0.5
    assert learned_items(1e15, exponent=exponent) == pytest.approx(power, rel=1e-4)


def plain_generators(exponent: float, distortion: Distortion, generations: int, number: int) -> list[np.ndarray]:
    real = np.arange(1, number + 1.0) ** -exponent
    real /= real.sum()
    laws, law = [], real
    for g in range(generations):
        share = distortion.real_fraction if g else 0.0
        raw = (share * real + (1 - share) * law) ** (1 / distortion.temperature)
        law = raw / raw.sum()
        rank = distortion.rank or number
        if distortion.top_p:
            rank = int(np.searchsorted(np.cumsum(law), distortion.top_p)) + 1
        law = np.where(np.arange(number) < rank, law, 0)
        law = law / law.sum()
        laws.append(law)
    return laws


@pytest.mark.parametrize(
    "distortion",
    [
        Distortion(),
        Distortion(rank=30),
        Distortion(rank=3000, temperature=0.8, real_fraction=0.3),
        Distortion(top_p=0.7),
        Distortion(top_p=0.9999, real_fraction=0.2),
        Distortion(top_p=0.99999, temperature=0.9, real_fraction=0.4),
        Distortion(temperature=0.6),
    ],
)
def test_generators_write_the_laws_of_plain_recursions(distortion: Distortion) -> None:
    exponent, number = 3.0, 200_000  # whose tail has a mass of 1e-11
    laws = generator_laws(exponent, distortion, generations=4, active=20.0)
    told = np.array([1, 2, 7, 30, 31, 500, 5000])
    for found, plain in zip(laws.at(np.log(told)), plain_generators(exponent, distortion, 4, number), strict=True):
        assert np.exp(found) == pytest.approx(plain[told - 1], rel=1e-8, abs=1e-300)
    for law in laws.at(laws.nodes.logs):
        assert laws.nodes.total(law) == pytest.approx(1, rel=1e-11)


def test_temperatures_multiply() -> None:
    twice = generator_laws(1.3, Distortion(temperature=0.8), generations=2, active=20.0)
    once = generator_laws(1.3, Distortion(temperature=0.64), generations=1, active=20.0)
    at = np.log([1.0, 10.0, 1e6])
    assert twice.at(at)[1] == pytest.approx(once.at(at)[0], rel=1e-10)
    assert once.at(at)[0] == pytest.approx(log_zipf(at, 1.3 / 0.64), rel=1e-10)


def test_cuts_by_mass_keep_their_mass_of_what_the_one_before_left() -> None:
    laws = generator_laws(1.5, Distortion(top_p=0.999), generations=3, active=20.0)
    left = [1 - tail_mass(np.exp(cut) - 0.5, exponent=1.5) for cut in laws.edges]
    assert left == pytest.approx([0.999, 0.999**2, 0.999**3], rel=1e-8)
    assert left != pytest.approx([0.999] * 3, rel=1e-4)
    far = generator_laws(1.01, Distortion(top_p=0.9999), generations=1, active=20.0).edges[0]
    assert far == pytest.approx(-np.log(1e-4 * 0.01 * zeta(1.01)) / 0.01, rel=1e-3)


def test_mixtures_add_up() -> None:
    laws = [np.log([0.5, 0.5, 1e-300]), np.array([0.0, -np.inf, -np.inf])]
    assert np.exp(mixture([0.25, 0.75], laws))[:2] == pytest.approx([0.875, 0.125])
    assert np.exp(mixture([0.0, 1.0], laws)) == pytest.approx([1, 0, 0])
