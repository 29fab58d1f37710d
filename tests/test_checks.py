"""Do checks let through what is usable, and name what, got, allowed and the next step otherwise?"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from modelcollapse import InputError
from modelcollapse.checks import choice, describe, integer, known_keys, number, real_array


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.int64(2), np.array(2.0)])
def test_number_returns_float(value: Any) -> None:
    result = number("ridge", value, low=0)
    assert (type(result), result) == (float, 2.0)


@pytest.mark.parametrize("value", ["2", b"2", None, True, [2.0], 1j, float("nan"), float("inf"), -1, 10**400])
def test_number_refuses(value: Any) -> None:
    with pytest.raises(InputError, match=r"^`ridge` must be a number in \[0, inf\); got .*\. Use 0\.$"):
        number("ridge", value, low=0, hint="Use 0.")


def test_number_keeps_its_bounds() -> None:
    assert number("x", 0.0, low=0, high=1) == 0.0
    assert number("x", 1.0, low=0, high=1) == 1.0
    with pytest.raises(InputError, match=r"\(0, 1\]"):
        number("x", 0.0, low=0, high=1, open_low=True)
    with pytest.raises(InputError, match=r"\[0, 1\]"):
        number("x", 1.5, low=0, high=1)


@pytest.mark.parametrize("value", [3, 3.0, np.int32(3), np.float64(3)])
def test_integer_returns_int(value: Any) -> None:
    result = integer("width", value, low=1)
    assert (type(result), result) == (int, 3)


@pytest.mark.parametrize("value", [0, 2.5, True, "3", None, float("inf"), 11])
def test_integer_refuses(value: Any) -> None:
    with pytest.raises(InputError, match=r"`width` must be a whole number in \[1, 10\]; got"):
        integer("width", value, low=1, high=10)


def test_choice_names_the_nearest_word() -> None:
    assert choice("kind", "power_law", ["isotropic", "power_law"]) == "power_law"
    with pytest.raises(InputError, match=r"one of isotropic, power_law; got 'powerlaw'. Did you mean `power_law`\?"):
        choice("kind", "powerlaw", ["isotropic", "power_law"])
    with pytest.raises(InputError, match="got 3"):
        choice("kind", 3, ["isotropic"])


def test_known_keys_names_key_place_and_nearest() -> None:
    known_keys("a source", ["name"], ["name", "weight"])
    with pytest.raises(InputError, match=r"unknown key `wieght` in a source; .* Did you mean `weight`\?"):
        known_keys("a source", ["name", "wieght"], ["name", "weight"])


@pytest.mark.parametrize("value", [[1, 2], (1.0, 2.0), np.array([1, 2], dtype=np.int8), np.array([1, 2], dtype=object)])
def test_real_array_returns_float64(value: Any) -> None:
    result = real_array("x", value, ndim=1)
    assert result.dtype == np.float64
    np.testing.assert_array_equal(result, [1.0, 2.0])


@pytest.mark.parametrize(
    "value",
    [
        ["1", "2"],
        np.array(["1", "2"]),
        [1j, 2.0],
        np.array([1j]),
        [date(2024, 1, 1)],
        np.array(["2024-01-01"], dtype="datetime64[D]"),
        [[1.0], [1.0, 2.0]],
        [None],
        [{}],
        [10**400],
        3.0,
        [[1.0]],
        [],
        [1.0, float("nan")],
        [float("inf")],
    ],
)
def test_real_array_refuses(value: Any) -> None:
    with pytest.raises(InputError, match=r"^`x` must be "):
        real_array("x", value, ndim=1)


def test_real_array_may_be_empty_when_allowed() -> None:
    assert real_array("x", [], ndim=1, allow_empty=True).shape == (0,)


def test_describe_is_one_short_line() -> None:
    assert describe(np.ones((2, 3))) == "an array of shape (2, 3) and type float64"
    assert len(describe("x" * 500)) == 60
    assert [describe(value) for value in (np.int64(-3), np.float64(0.1), np.bool_(True))] == ["-3", "0.1", "True"]
    assert "\n" not in describe([np.ones((2, 2))])
