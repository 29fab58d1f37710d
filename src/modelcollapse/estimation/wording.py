"""What are sources called, and how are counts and names put into a sentence? Helpers for messages."""

from __future__ import annotations

from collections.abc import Sequence


def listing(names: Sequence[str], limit: int = 5) -> str:
    """Return the first few names for a message.

    Examples
    --------
    >>> listing(["a", "b", "c"], limit=2)
    '`a`, `b` and 1 more'
    """
    shown = ", ".join(f"`{name}`" for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> counted(1, "row"), counted(12000, "row")
    ('1 row', '12,000 rows')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def source_names(n_sources: int) -> tuple[str, ...]:
    """Return what sources of data are called, the real one first.

    Examples
    --------
    >>> source_names(3)
    ('real', 'synthetic', 'synthetic2')
    """
    return tuple("real" if k == 0 else "synthetic" if k == 1 else f"synthetic{k}" for k in range(n_sources))
