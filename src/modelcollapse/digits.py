"""How many digits does a number deserve? As many as its uncertainty allows, in tables, pages and sentences alike."""

from __future__ import annotations

import math
from collections.abc import Sequence

EXACT_DIGITS = 6
"""Significant digits of a number that carries no uncertainty."""
ROUGH_DIGITS = 3
"""Significant digits of a number whose uncertainty is not known."""
_ONE_DIGIT_FROM = 3.55
"""An uncertainty whose digits start with this or more is shown with one, as the Particle Data Group does."""
HALF_WIDTH_90 = 1.645
"""Half width of a 90 % interval in standard errors."""
_PLAIN = (1e-4, 1e6)
"""Sizes that are written plainly; others with a power of ten."""
UNKNOWN = "not enough data to tell"
"""What stands in place of a number that the data cannot give."""


def number_text(value: float, stderr: float = 0.0) -> str:
    """Return a number with two digits of its standard error, or six significant digits when it is exact.

    A standard error that is below the rounding of the number is none.

    Examples
    --------
    >>> number_text(0.123456789), number_text(0.123456789, 0.00321), number_text(1234.5, 56.0)
    ('0.123457', '0.1235 ± 0.0032', '1234 ± 56')
    >>> number_text(9.4156e-5), number_text(31622776.6), number_text(0.25, 1e-17)
    ('94.156 ×10⁻⁶', '31.6228 ×10⁶', '0.25')
    """
    if not math.isfinite(value):
        return f"{value:.{EXACT_DIGITS}g}"
    if not math.isfinite(stderr) or stderr <= math.ulp(value) * (value != 0):
        rounded = float(f"{value:.{EXACT_DIGITS}g}")  # 999,999.9 is a million
        power = power_of_ten(rounded)
        return f"{rounded / 10.0**power:.{EXACT_DIGITS}g}{times_power(power)}"
    power = power_of_ten(value, stderr)
    if power:
        return f"({number_text(value / 10.0**power, stderr / 10.0**power)}){times_power(power)}"
    decimals = max(0, _decimals(stderr))
    return f"{value:.{decimals}f} ± {stderr:.{decimals}f}"


def interval_text(value: float, interval: Sequence[float]) -> str:
    """Return a number with its interval, with two digits of the interval's half width, or one when that is large.

    Examples
    --------
    >>> interval_text(0.123456, (0.1, 0.15)), interval_text(12345.6, (11000, 13900)), interval_text(-2.5, (-4.0, 1.0))
    ('0.123 (0.100 to 0.150)', '12,300 (11,000 to 13,900)', '−2.5 (−4.0 to 1.0)')
    >>> interval_text(5.391e9, (5.14e9, 5.62e9))
    '5.39 (5.14 to 5.62) ×10⁹'
    """
    low, high = (float(end) for end in interval)
    if not math.isfinite(value):
        return UNKNOWN
    if not math.isfinite(low) or not math.isfinite(high) or high <= low:
        return rough_text(value)
    power = power_of_ten(value, low, high)
    value, low, high = (number / 10.0**power for number in (value, low, high))
    decimals = -math.floor(math.log10((high - low) / 2 / _ONE_DIGIT_FROM))
    shown = [_signed(f"{round(number, decimals):,.{max(0, decimals)}f}") for number in (value, low, high)]
    return f"{shown[0]} ({shown[1]} to {shown[2]}){times_power(power)}"


def stderr_interval_text(value: float, stderr: float) -> str:
    """Return a number with its 90 % interval.

    Examples
    --------
    >>> stderr_interval_text(0.291, 0.003)
    '0.291 (0.286 to 0.296)'
    """
    return interval_text(value, (value - HALF_WIDTH_90 * stderr, value + HALF_WIDTH_90 * stderr))


def half_width_text(half_width: float, *, about: float) -> str:
    """Return the half width of an interval about a number, with two digits, at that number's power of ten.

    Examples
    --------
    >>> half_width_text(0.01234, about=0.4), half_width_text(2.4e8, about=5.4e9)
    ('± 0.012', '± 0.24 ×10⁹')
    """
    if not math.isfinite(half_width) or not math.isfinite(about):
        return UNKNOWN
    power = power_of_ten(about, half_width)
    return f"± {rough_text(half_width / 10.0**power, 2)}{times_power(power)}"


def rough_text(value: float, digits: int = ROUGH_DIGITS) -> str:
    """Return a number with a few significant digits, for a reading that carries no interval.

    Examples
    --------
    >>> rough_text(0.0123456), rough_text(123456.0), rough_text(float("nan"))
    ('0.0123', '123,000', 'not enough data to tell')
    """
    if not math.isfinite(value):
        return UNKNOWN
    power = power_of_ten(value)
    rounded = float(f"{value / 10.0**power:.{digits}g}")
    if rounded == 0:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    return _signed(f"{rounded:,.{decimals}f}") + times_power(power)


def power_of_ten(*numbers: float) -> int:
    """Return the power of ten, a multiple of three, at which the largest of some numbers reads well; 0: plainly.

    Examples
    --------
    >>> power_of_ten(5.4e9, 1e8), power_of_ten(-2e-7), power_of_ten(0.01, 73_400.0), power_of_ten(0.0)
    (9, -9, 0, 0)
    """
    largest = max((abs(number) for number in numbers if math.isfinite(number)), default=0.0)
    if largest == 0 or _PLAIN[0] <= largest < _PLAIN[1]:
        return 0
    return 3 * math.floor(math.log10(largest) / 3)


def times_power(power: int) -> str:
    """Return what follows a number that was divided by a power of ten.

    Examples
    --------
    >>> times_power(9), times_power(-6), times_power(0)
    (' ×10⁹', ' ×10⁻⁶', '')
    """
    return f" ×10{str(power).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}" if power else ""


def count_text(count: float) -> str:
    """Return a number of rows: whole, with thousands set off.

    Examples
    --------
    >>> count_text(12000.0), count_text(float("inf"))
    ('12,000', 'endless')
    """
    return "endless" if math.isinf(count) else _signed(f"{count:,.0f}")


def amount_text(amount: float) -> str:
    """Return an amount of data or a model's size, which may be large, with at most three significant digits.

    Examples
    --------
    >>> amount_text(1e9), amount_text(250_000), amount_text(1.2345e7), amount_text(float("inf"))
    ('1 ×10⁹', '250,000', '12.3 ×10⁶', 'endless')
    """
    if not math.isfinite(amount):
        return UNKNOWN if math.isnan(amount) else "endless"
    power = power_of_ten(amount)
    rounded = float(f"{amount / 10.0**power:.{ROUGH_DIGITS}g}")
    return f"{rounded:,.15g}{times_power(power)}"


def money_text(amount: float) -> str:
    """Return an amount of money to the cent, or with six digits where cents are too coarse.

    Examples
    --------
    >>> money_text(1676.14), money_text(1000.0), money_text(0.0123), money_text(12345678.5)
    ('1,676.14', '1,000', '0.0123', '12,345,678.50')
    """
    decimals = 2 if amount >= 1 or amount <= 0 else EXACT_DIGITS - 1 - math.floor(math.log10(amount))
    whole, _, cents = f"{amount:,.{decimals}f}".partition(".")
    cents = cents if decimals == 2 and cents.strip("0") else cents.rstrip("0")
    return f"{whole}.{cents}" if cents else whole


def percent_text(share: float, stderr: float) -> str:
    """Return a share in percent, with one digit of its standard error.

    Examples
    --------
    >>> percent_text(0.91234, 0.012), percent_text(0.91234, 0.0004)
    ('91 %', '91.23 %')
    """
    if not math.isfinite(share):
        return UNKNOWN
    decimals = max(0, _decimals(100 * stderr) - 1) if stderr > 0 else 1
    return _signed(f"{100 * share:.{decimals}f}") + " %"


def _decimals(uncertainty: float) -> int:
    """Return the decimals that show two digits of an uncertainty; negative: tens, hundreds, ..."""
    return 1 - math.floor(math.log10(uncertainty))


def _signed(text: str) -> str:
    """Return a number with a proper minus sign, and none before zero."""
    if not text.strip("-0.,"):
        text = text.removeprefix("-")
    return text.replace("-", "−")


def share_text(value: float) -> str:
    """Return a share as a percentage with two significant digits, and at least whole percents.

    Examples
    --------
    >>> share_text(0.0523), share_text(0.5), share_text(-7.923), share_text(0.0000123)
    ('5.2 %', '50 %', '792 %', '0.0012 %')
    """
    size = abs(value) * 100
    return f"{size:.0f} %" if size >= 9.95 else f"{rough_text(size, 2)} %"


def signed_share_text(value: float) -> str:
    """Return a share as a percentage with two significant digits and its sign, which zero has not.

    Examples
    --------
    >>> signed_share_text(0.0523), signed_share_text(-0.5), signed_share_text(-0.0000123), signed_share_text(0.0)
    ('+5.2 %', '−50 %', '−0.0012 %', '0 %')
    """
    sign = "−" if value < 0 else "+" if value > 0 else ""
    return sign + share_text(value)


def rows_text(count: float) -> str:
    """Return a count of rows with at most three significant digits and thousands separators."""
    if count >= 1000:
        unit = 10 ** (math.floor(math.log10(count)) - 2)
        count = round(count / unit) * unit
    return f"{round(count):,}"
