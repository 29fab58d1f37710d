"""How are answers printed? As one JSON object, or as numbers with the digits that their uncertainty allows."""

from __future__ import annotations

import json
import math
from typing import Any

import typer

EXACT_DIGITS = 6
"""Significant digits of a number that carries no uncertainty."""


def print_json(content: dict[str, Any]) -> None:
    """Print one JSON object, without NaN or infinities."""
    typer.echo(json.dumps(content, allow_nan=False))


def number_text(value: float, stderr: float = 0.0) -> str:
    """Return a number with two digits of its standard error, or six significant digits when it is exact.

    Examples
    --------
    >>> number_text(0.123456789), number_text(0.123456789, 0.00321), number_text(1234.5, 56.0)
    ('0.123457', '0.1235 ± 0.0032', '1234 ± 56')
    """
    if not math.isfinite(value) or not math.isfinite(stderr) or stderr <= 0:
        return f"{value:.{EXACT_DIGITS}g}"
    decimals = max(0, 1 - math.floor(math.log10(stderr)))
    return f"{value:.{decimals}f} ± {stderr:.{decimals}f}"
