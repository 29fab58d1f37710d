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
UNKNOWN = "not enough data to tell"
"""What stands in place of a number that the data cannot give."""


def number_text(value: float, stderr: float = 0.0) -> str:
    """Return a number with two digits of its standard error, or six significant digits when it is exact.

    Examples
    --------
    >>> number_text(0.123456789), number_text(0.123456789, 0.00321), number_text(1234.5, 56.0)
    ('0.123457', '0.1235 ± 0.0032', '1234 ± 56')
    """
    if not math.isfinite(value) or not math.isfinite(stderr) or stderr <= 0:
        return f"{value:.{EXACT_DIGITS}g}"
    decimals = max(0, _decimals(stderr))
    return f"{value:.{decimals}f} ± {stderr:.{decimals}f}"


def interval_text(value: float, interval: Sequence[float]) -> str:
    """Return a number with its interval, with two digits of the interval's half width, or one when that is large.

    Examples
    --------
    >>> interval_text(0.123456, (0.1, 0.15)), interval_text(12345.6, (11000, 13900)), interval_text(-2.5, (-4.0, 1.0))
    ('0.123 (0.100 to 0.150)', '12,300 (11,000 to 13,900)', '−2.5 (−4.0 to 1.0)')
    """
    low, high = (float(end) for end in interval)
    if not math.isfinite(value):
        return UNKNOWN
    if not math.isfinite(low) or not math.isfinite(high) or high <= low:
        return rough_text(value)
    decimals = -math.floor(math.log10((high - low) / 2 / _ONE_DIGIT_FROM))
    shown = [_signed(f"{round(number, decimals):,.{max(0, decimals)}f}") for number in (value, low, high)]
    return f"{shown[0]} ({shown[1]} to {shown[2]})"


def rough_text(value: float, digits: int = ROUGH_DIGITS) -> str:
    """Return a number with a few significant digits, for a reading that carries no interval.

    Examples
    --------
    >>> rough_text(0.0123456), rough_text(123456.0), rough_text(float("nan"))
    ('0.0123', '123,000', 'not enough data to tell')
    """
    if not math.isfinite(value):
        return UNKNOWN
    if value == 0 or abs(value) < 1e-4 or abs(value) >= 1e9:
        return _signed(f"{value:.{digits}g}")
    rounded = float(f"{value:.{digits}g}")
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    return _signed(f"{rounded:,.{decimals}f}")


def count_text(count: float) -> str:
    """Return a number of rows: whole, with thousands set off.

    Examples
    --------
    >>> count_text(12000.0), count_text(float("inf"))
    ('12,000', 'endless')
    """
    return "endless" if math.isinf(count) else _signed(f"{count:,.0f}")


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
