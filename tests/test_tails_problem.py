"""Are the training sets of a Zipf task shared out as asked, and are enough ranks told?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from modelcollapse import Generator, InputError, Purchase, ZipfTask


def test_shares_of_a_training_set_add_up_and_are_within_one_sample() -> None:
    sizes = np.array([1, 2, 7, 100, 10**6 + 1, 10**15])
    task = ZipfTask(1.5, sizes, generator=Generator(), real_fraction=0.29, purchase=Purchase(0.31, rank=5))
    counts = task.composition
    np.testing.assert_array_equal(counts.sum(axis=0), sizes)
    assert (np.abs(counts - np.outer(task.shares, sizes)) < 1).all()
    np.testing.assert_array_equal(counts[:, 3], [29, 31, 40])
    np.testing.assert_array_equal(counts[:, 0], [0, 0, 1])


def test_shares_with_equal_remainders_favour_real_samples() -> None:
    task = ZipfTask(1.5, [1, 3], generator=Generator(), real_fraction=0.5)
    np.testing.assert_array_equal(task.composition, [[1, 2], [0, 0], [0, 1]])


def test_generator_has_as_many_real_samples_as_its_share_says() -> None:
    assert Generator(n_samples=10, generations=2, real_fraction=0.25).real_samples == 3
    assert Generator(n_samples=10, generations=2).real_samples == 0
    assert Generator(generations=2, real_fraction=0.25).real_samples == 0


@pytest.mark.parametrize("exponent", [1.01, 1.5, 3.0, 10.0])
@pytest.mark.parametrize("size", [1, 10**4, 10**15])
def test_ranks_that_are_told_are_few_and_end_beyond_what_is_seen(exponent: float, size: int) -> None:
    ranks = ZipfTask(exponent, [size]).told_ranks
    assert ranks[0] == 1
    assert len(ranks) <= 27
    assert (np.diff(ranks) > 0).all()
    assert size * float(ranks[-1]) ** -exponent <= 0.01


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: ZipfTask(1.5, [10, 10]), "must grow"),
        (lambda: ZipfTask(1.5, [10], generator=Generator(), real_fraction=1.0), r"\[0, 1\)"),
        (lambda: Generator(top_p=1.0), r"\(0, 1\)"),
        (lambda: Purchase(0.5, rank=1), "rank"),
        (lambda: ZipfTask(1.5, [10], generator=Generator(), real_fraction=0.5, purchase=Purchase(0.5, rank=2)), "room"),
        (lambda: ZipfTask(11, [10]), "beyond 10"),
    ],
)
def test_zipf_task_refuses_what_is_just_out_of_range(build: Callable[[], object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        build()
