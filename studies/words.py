"""How do numbers read on the page? Shares in percent, and marks for what is met."""

from __future__ import annotations

import math


def percent(value: float) -> str:
    """Return a share in percent with one decimal; a dash when it is unknown."""
    return "–" if math.isnan(value) else f"{100 * value:.1f} %"


def mark(met: bool) -> str:
    """Return a tick or a cross."""
    return "✓" if met else "✗"
