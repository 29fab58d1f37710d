"""Which mixtures are trained? A fixed first part, then those that shrink the uncertainty of the verdict most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.decisions.next_run import most_informative

Cell = tuple[int, int]
"""Real and synthetic rows of a mixture inside the rows at hand."""

FIRST = (
    (1.0, 0.0), (1.0, 1.0), (0.5, 0.0), (0.5, 0.5), (0.25, 0.0), (0.0, 1.0), (0.25, 0.25), (0.0, 0.5), (1.0, 0.5),
    (0.5, 1.0), (0.5, 0.25), (0.25, 0.5), (0.125, 0.0), (0.0, 0.25),
)  # fmt: skip
"""Shares of the real and of the synthetic rows at hand, the most telling first: real only, synthetic only, mixtures."""

SHARES = (0.0, 0.125, 0.25, 0.5, 1.0)
"""Shares of each source among which further mixtures are chosen."""

ENOUGH = 2
"""Models of one mixture; further ones of all rows at hand would have the very same rows."""

FEWEST_ROWS = 20
"""Rows of the smallest mixture."""


def first_part(available: Cell, *, fewest: int = FEWEST_ROWS) -> list[Cell]:
    """Return the mixtures that are trained first.

    Examples
    --------
    >>> first_part((100, 200))[:4]
    [(100, 0), (100, 200), (50, 0), (50, 100)]
    """
    return _cells(FIRST, available, fewest=fewest)


def candidates(available: Cell, *, fewest: int = FEWEST_ROWS) -> list[Cell]:
    """Return the mixtures among which is chosen."""
    return _cells([(real, synthetic) for real in SHARES for synthetic in SHARES], available, fewest=fewest)


def _cells(shares: Iterable[tuple[float, float]], available: Cell, *, fewest: int) -> list[Cell]:
    """Return mixtures of some shares of the rows at hand that hold enough rows, each once."""
    found = [(int(real * available[0]), int(synthetic * available[1])) for real, synthetic in shares]
    return [cell for cell in dict.fromkeys(found) if sum(cell) >= min(fewest, max(available))]


def fresh(cells: Sequence[Cell], trained: Sequence[Cell]) -> list[Cell]:
    """Return the mixtures that were trained less than `ENOUGH` times, or, where there are none, least often.

    Examples
    --------
    >>> fresh([(10, 0), (5, 5)], [(10, 0), (10, 0), (5, 5)])
    [(5, 5)]
    """
    seen = Counter(trained)
    most = max(ENOUGH, 1 + min(seen[cell] for cell in cells))
    return [cell for cell in cells if seen[cell] < most]


def most_telling(asked: Array, told: Array, *, noise: Array, n_chosen: int) -> list[int]:
    """Return the places whose measurements together shrink the variance of an answer most, one after the other.

    Parameters
    ----------
    asked : array of shape (B,)
        Draws of the answer.
    told : array of shape (B, C)
        The same draws of what would be measured at each place.
    noise : array of shape (C,)
        Standard deviation of a measurement.
    n_chosen : int
        At most C.

    Notes
    -----
    After each choice, what its measurement will explain is taken away from the draws, as if all were jointly normal.
    """
    answer, places, noise = asked - asked.mean(), told - told.mean(axis=0), noise.copy()
    chosen: list[int] = []
    for _ in range(n_chosen):
        best = most_informative(answer, places, noise=noise).best
        chosen.append(best)
        seen = places[:, best]
        power = max(float(np.mean(seen**2)), 1e-300)
        explained = 1.0 - float(noise[best]) / np.sqrt(float(noise[best]) ** 2 + power)
        answer = answer - explained * seen * float(np.mean(answer * seen)) / power
        places = places - explained * seen[:, None] * (seen @ places / len(seen)) / power
        noise[best] = np.inf  # each place once
    return chosen


def repeats(trained: Sequence[Cell], planned: Sequence[Cell]) -> list[tuple[Cell, int]]:
    """Return planned mixtures with how often each was trained before.

    Examples
    --------
    >>> repeats([(10, 0)], [(10, 0), (10, 0), (5, 5)])
    [((10, 0), 1), ((10, 0), 2), ((5, 5), 0)]
    """
    seen = Counter(trained)
    numbered = []
    for cell in planned:
        numbered.append((cell, seen[cell]))
        seen[cell] += 1
    return numbered
