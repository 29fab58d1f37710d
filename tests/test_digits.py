"""Does a number get the digits that its uncertainty allows, and no more?"""

from __future__ import annotations

import math

import pytest

from modelcollapse.digits import UNKNOWN, count_text, interval_text, number_text, percent_text, rough_text


def test_number_text_shows_digits_that_the_uncertainty_allows() -> None:
    assert number_text(0.123456789) == "0.123457"
    assert number_text(0.123456789, 0.00321) == "0.1235 ± 0.0032"
    assert number_text(1234.5, 5.6) == "1234.5 ± 5.6"
    assert number_text(float("inf")) == "inf"


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
    ],
)
def test_interval_text_rounds_value_and_ends_alike(value: float, interval: tuple[float, float], text: str) -> None:
    assert interval_text(value, interval) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.012345, "0.0123"), (9.996, "10.0"), (123456.0, "123,000"), (-3.21, "−3.21"), (1.5e-7, "1.5e−07")],
)
def test_rough_text_shows_three_digits(value: float, text: str) -> None:
    assert rough_text(value) == text


def test_count_and_percent_text() -> None:
    assert (count_text(12000.4), count_text(math.inf)) == ("12,000", "endless")
    assert (percent_text(0.91234, 0.012), percent_text(0.91234, 0.0), percent_text(math.nan, 0.1)) == (
        "91 %",
        "91.2 %",
        UNKNOWN,
    )
