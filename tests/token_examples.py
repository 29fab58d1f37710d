"""Token chains that are small enough to write down: the exact law of the counts of all tokens, by enumeration."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import factorial, prod

import numpy as np

Law = dict[tuple[int, ...], float]


def count_vectors(n: int, n_tokens: int) -> Iterator[tuple[int, ...]]:
    """Yield all counts of so many tokens in n samples."""
    for head in product(range(n + 1), repeat=n_tokens - 1):
        if sum(head) <= n:
            yield (*head, n - sum(head))


def multinomial(counts: tuple[int, ...], probabilities: np.ndarray) -> float:
    """Return the probability of counts."""
    ways = factorial(sum(counts)) // prod(factorial(count) for count in counts)
    return ways * prod(float(p) ** count for p, count in zip(probabilities, counts, strict=True))


def drawn(n: int, probabilities: np.ndarray) -> Law:
    """Return the law of counts in n samples."""
    return {counts: multinomial(counts, probabilities) for counts in count_vectors(n, len(probabilities))}


def replaced(probabilities: np.ndarray, *, n_samples: int, n_first: int, generations: int) -> list[Law]:
    """Return the law of counts in each generation, when each is drawn from the one before."""
    laws = [drawn(n_first, probabilities)]
    for _ in range(generations):
        after: Law = {}
        for before, chance in laws[-1].items():
            for counts, given in drawn(n_samples, np.array(before) / sum(before)).items():
                after[counts] = after.get(counts, 0.0) + chance * given
        laws.append(after)
    return laws


def mixed(probabilities: np.ndarray, *, n_real: int, n_samples: int, generations: int) -> list[dict[tuple, float]]:
    """Return the law of (real counts, model) in each generation of a mix that re-uses its real samples."""
    laws: list[dict[tuple, float]] = [{}]
    for real, chance in drawn(n_real, probabilities).items():
        laws[0][real, tuple(count / n_real for count in real)] = chance
    for _ in range(generations):
        after: dict[tuple, float] = {}
        for (real, model), chance in laws[-1].items():
            for counts, given in drawn(n_samples, np.array(model)).items():
                new = tuple((r + c) / (n_real + n_samples) for r, c in zip(real, counts, strict=True))
                after[real, new] = after.get((real, new), 0.0) + chance * given
        laws.append(after)
    return laws


def accumulated(probabilities: np.ndarray, *, n_first: int, n_samples: int, generations: int) -> list[dict]:
    """Return the law of (real counts, counts in the pool) in each generation, when samples accumulate."""
    laws: list[dict] = [{(real, real): chance for real, chance in drawn(n_first, probabilities).items()}]
    for _ in range(generations):
        after: dict = {}
        for (real, pool), chance in laws[-1].items():
            for counts, given in drawn(n_samples, np.array(pool) / sum(pool)).items():
                new = tuple(p + c for p, c in zip(pool, counts, strict=True))
                after[real, new] = after.get((real, new), 0.0) + chance * given
        laws.append(after)
    return laws
