"""Do named streams repeat, and stay apart?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelcollapse import InputError
from modelcollapse.streams import stream

paths = st.lists(st.one_of(st.text(max_size=8), st.integers(0, 2**31)), max_size=3)


@given(seed=st.integers(0, 2**64), path=paths)
def test_stream_repeats(seed: int, path: list[str | int]) -> None:
    np.testing.assert_array_equal(
        stream(seed, *path).integers(2**62, size=4), stream(seed, *path).integers(2**62, size=4)
    )


@pytest.mark.parametrize("other", [(1, "bootstrap", 3), (0, "bootstrap", 4), (0, "holdout", 3), (0, "bootstrap")])
def test_stream_differs_by_seed_and_name(other: tuple[Any, ...]) -> None:
    first = stream(0, "bootstrap", 3).integers(2**62, size=4)
    assert not (first == stream(*other).integers(2**62, size=4)).any()


def test_streams_are_uncorrelated() -> None:
    size = 4000
    draws = np.array([stream(0, "test", k).standard_normal(size) for k in range(10)])
    correlations = np.corrcoef(draws)[np.triu_indices(10, 1)]
    assert np.abs(correlations).max() * np.sqrt(size) < 5
    shifted = np.corrcoef(draws[0], draws[0] + draws[1])[0, 1]
    assert abs(shifted) * np.sqrt(size) > 5  # the check sees streams that share numbers


def test_stream_is_the_same_on_every_machine() -> None:
    assert stream(0, "bootstrap", 1).integers(1000, size=3).tolist() == [525, 703, 516]


@pytest.mark.parametrize("seed", [-1, 1.5, "0", None, True])
def test_stream_refuses_seed(seed: Any) -> None:
    with pytest.raises(InputError, match="seed"):
        stream(seed)
