"""Does a number get the digits that its uncertainty allows, and no more?"""

from __future__ import annotations

import math

import pytest

from modelcollapse.digits import (
    UNKNOWN,
    count_text,
    half_width_text,
    interval_text,
    number_text,
    percent_text,
    power_of_ten,
    rough_text,
    signed_share_text,
    stderr_interval_text,
)


def test_number_text_shows_digits_that_the_uncertainty_allows() -> None:
    assert number_text(0.123456789) == "0.123457"
    assert number_text(0.123456789, 0.00321) == "0.1235 ± 0.0032"
    assert number_text(1234.5, 5.6) == "1234.5 ± 5.6"
    assert number_text(float("inf")) == "inf"
    assert number_text(5.391e9, 1.2e8) == "(5.39 ± 0.12) ×10⁹"
    assert number_text(0.0763677585926380298, 1.4e-18) == "0.0763678"
    assert number_text(0.0, 0.1) == "0.00 ± 0.10"


def test_number_text_of_exact_numbers_has_a_power_of_ten_where_they_are_large_or_small() -> None:
    assert number_text(31622776.6) == "31.6228 ×10⁶"
    assert number_text(9.4156e-5) == "94.156 ×10⁻⁶"
    assert [number_text(value) for value in (999_999.9, 9.99999999e-7)] == ["1 ×10⁶", "1 ×10⁻⁶"]


def test_interval_texts_of_a_standard_error_reach_1645_of_them() -> None:
    assert stderr_interval_text(10.0, 1.0) == interval_text(10.0, (8.355, 11.645)) == "10.0 (8.4 to 11.6)"
    assert half_width_text(2.4e8, about=5.4e9) == "± 0.24 ×10⁹"
    assert half_width_text(math.nan, about=1.0) == UNKNOWN


@pytest.mark.parametrize("value", [1.0, -1e-4, 999_999.0, 1e6, -5.4e9, 9.99e-5, 1e-12, 3e300])
def test_power_of_ten_leaves_one_to_three_digits_before_the_point(value: float) -> None:
    power = power_of_ten(value)
    assert power % 3 == 0
    assert (power == 0) == (1e-4 <= abs(value) < 1e6)
    assert power == 0 or 1 <= abs(value) / 10.0**power < 1000


@pytest.mark.parametrize(
    ("value", "interval", "text"),
    [
        (0.41234, (0.38111, 0.44555), "0.412 (0.381 to 0.446)"),
        (0.41234, (0.41111, 0.41333), "0.4123 (0.4111 to 0.4133)"),
        (0.05112, (0.0431, 0.0581), "0.051 (0.043 to 0.058)"),
        (3012.7, (2801.2, 3208.9), "3,010 (2,800 to 3,210)"),
        (-0.02, (-0.3, 0.26), "−0.02 (−0.30 to 0.26)"),
        (-0.0001, (-0.3, 0.26), "0.00 (−0.30 to 0.26)"),
        (0.412, (0.412, 0.412), "0.412"),
        (0.41234, (math.nan, math.nan), "0.412"),
        (math.nan, (math.nan, math.nan), UNKNOWN),
        (5.391e9, (5.14e9, 5.62e9), "5.39 (5.14 to 5.62) ×10⁹"),
        (-2.1e7, (-2.9e8, 2.6e8), "−20 (−290 to 260) ×10⁶"),
        (3.1e-7, (2.9e-7, 3.3e-7), "310 (290 to 330) ×10⁻⁹"),
    ],
)
def test_interval_text_rounds_value_and_ends_alike(value: float, interval: tuple[float, float], text: str) -> None:
    assert interval_text(value, interval) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.012345, "0.0123"),
        (9.996, "10.0"),
        (123456.0, "123,000"),
        (-3.21, "−3.21"),
        (1.5e-7, "150 ×10⁻⁹"),
        (5.391e9, "5.39 ×10⁹"),
        (999_999.0, "1,000,000"),
    ],
)
def test_rough_text_shows_three_digits(value: float, text: str) -> None:
    assert rough_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(5.391e9, "5.39 ×10⁹"), (-73_400_000.0, "−73.4 ×10⁶"), (999_999.0, "1,000,000")]
)
def test_rough_text_shows_large_numbers_with_a_power(value: float, text: str) -> None:
    assert rough_text(value) == text


def test_count_and_percent_text() -> None:
    assert (count_text(12000.4), count_text(math.inf)) == ("12,000", "endless")
    assert (percent_text(0.91234, 0.012), percent_text(0.91234, 0.0), percent_text(math.nan, 0.1)) == (
        "91 %",
        "91.2 %",
        UNKNOWN,
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0523, "+5.2 %"),
        (-0.0999999, "−10 %"),
        (12.34, "+1234 %"),
        (0.00996, "+1.0 %"),
        (-0.00071, "−0.071 %"),
        (-0.0000311, "−0.0031 %"),
        (3e-9, "+300 ×10⁻⁹ %"),
        (-0.0, "0 %"),
    ],
)
def test_signed_share_text_shows_two_digits_of_small_shares(value: float, text: str) -> None:
    assert signed_share_text(value) == text
