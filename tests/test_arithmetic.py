"""Are examples of arithmetic written as they are read, and drawn with exactly the law that is promised?"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelcollapse.problems.arithmetic_training import OUTCOMES
from modelcollapse.streams import stream
from modelcollapse.training.arithmetic import (
    Notation,
    coprime_pairs,
    draw_examples,
    draw_operands,
    draw_outcomes,
    outcome_law,
)

MAXIMUM, N_DRAWN, THRESHOLD = 30, 200_000, 5.0


@given(st.integers(2, 2000), st.lists(st.tuples(*[st.integers(1, 10**6)] * 3), min_size=1, max_size=5))
def test_examples_read_as_they_are_written(base: int, rows: list[tuple[int, int, int]]) -> None:
    numbers = np.array(rows, dtype=np.int64).T
    digits = 1 + max(int(math.log(number, base)) + 1 for row in rows for number in row)
    notation = Notation(base=base, n_digits=digits)
    examples = notation.write(*numbers)
    assert examples.shape == (len(rows), notation.length)
    assert examples.min() >= 0
    assert examples.max() < notation.n_tokens
    np.testing.assert_array_equal(notation.read(examples), numbers[2])


def test_examples_are_operands_then_the_outcome_and_signs_are_no_digits() -> None:
    notation = Notation(base=60, n_digits=2)
    example = notation.write(np.array([3599]), np.array([61]), np.array([1]))
    assert example.tolist() == [[59, 59, 60, 1, 1, 61, 0, 1]]
    example[0, -1] = 60
    assert notation.read(example).tolist() == [-1]


def test_coprime_pairs_agree_with_counting() -> None:
    numbers = np.arange(1, MAXIMUM + 1)
    coprime = np.gcd.outer(numbers, numbers) == 1
    counted = [0, *(int(coprime[:n, :n].sum()) for n in numbers)]
    assert coprime_pairs(MAXIMUM).tolist() == counted


def test_natural_law_is_that_of_all_pairs_of_operands() -> None:
    numbers = np.arange(1, MAXIMUM + 1)
    counted = np.bincount(np.gcd.outer(numbers, numbers).ravel(), minlength=MAXIMUM + 1)[1:] / MAXIMUM**2
    np.testing.assert_allclose(outcome_law("natural", maximum=MAXIMUM, largest=MAXIMUM), counted, rtol=1e-12)
    cut = outcome_law("natural", maximum=MAXIMUM, largest=4)
    np.testing.assert_allclose(cut, counted[:4] / counted[:4].sum(), rtol=1e-12)


def test_natural_law_is_nearly_inverse_square_with_large_operands() -> None:
    outcomes = np.arange(1, 21)
    law = outcome_law("natural", maximum=100_000, largest=100_000)[:20]
    np.testing.assert_allclose(law, 6 / (math.pi * outcomes) ** 2, rtol=1e-3)


def deviation(
    drawn: np.ndarray[tuple[int], np.dtype[np.int64]], law: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> float:
    """Return by how many of its standard deviations the chi-square statistic of counts is off its mean."""
    counts = np.bincount(drawn, minlength=len(law))
    expected = law * len(drawn)
    statistic = ((counts - expected) ** 2 / expected).sum()
    freedom = len(law) - 1
    return float(abs(statistic - freedom) / math.sqrt(2 * freedom))


@pytest.mark.parametrize("kind", OUTCOMES)
def test_outcomes_have_their_law(kind: str) -> None:
    """Sees a law whose 12 probabilities are each off by 2 % or so; an exponent of 1.1 in place of 1 is one."""
    law = outcome_law(kind, maximum=MAXIMUM, largest=12)
    drawn = draw_outcomes(law.cumsum(), N_DRAWN, random=stream(1, kind)) - 1
    assert deviation(drawn, law) < THRESHOLD
    wrong = law * np.arange(1, 13) ** -0.1
    assert deviation(drawn, wrong / wrong.sum()) > THRESHOLD


def test_operands_are_all_pairs_that_have_the_outcome_evenly() -> None:
    first, second = draw_operands(np.full(N_DRAWN, 3), maximum=MAXIMUM, random=stream(1, "operands"))
    assert (np.gcd(first, second) == 3).all()
    assert max(first.max(), second.max()) <= MAXIMUM
    top = MAXIMUM // 3
    coprime = np.gcd.outer(np.arange(1, top + 1), np.arange(1, top + 1)) == 1
    place = np.cumsum(coprime.ravel()) - 1
    pairs = place[(first // 3 - 1) * top + second // 3 - 1]
    n_pairs = int(coprime.sum())
    assert deviation(pairs, np.full(n_pairs, 1 / n_pairs)) < THRESHOLD
    product = np.outer(1.0 + 0.1 * np.arange(top), np.ones(top))[coprime]  # twin: operands that are not even
    assert deviation(pairs, product / product.sum()) > THRESHOLD


def test_natural_examples_have_even_operands() -> None:
    """Outcomes by the natural law, then pairs that have them, are pairs of even numbers: all sums of digits agree."""
    notation = Notation(base=10, n_digits=2)
    law = outcome_law("natural", maximum=MAXIMUM, largest=MAXIMUM)
    examples = draw_examples(notation, law.cumsum(), N_DRAWN, maximum=MAXIMUM, random=stream(1, "examples"))
    first = examples[:, 0] * 10 + examples[:, 1] - 1
    assert deviation(first, np.full(MAXIMUM, 1 / MAXIMUM)) < THRESHOLD
    uneven = outcome_law("log-uniform", maximum=MAXIMUM, largest=MAXIMUM)
    other = draw_examples(notation, uneven.cumsum(), N_DRAWN, maximum=MAXIMUM, random=stream(1, "examples"))
    assert deviation(other[:, 0] * 10 + other[:, 1] - 1, np.full(MAXIMUM, 1 / MAXIMUM)) > THRESHOLD
