"""Which texts are audits tried on? Documents with topics of their own, and what recursion and cuts make of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
N_TYPES = 8000


def documents(n: int, *, length: int, seed: int, topical: float = 0.3) -> list[Ids]:
    """Return texts by Zipf's law; a share of the words comes from a topic of 60 words, new in each document."""
    generator = np.random.default_rng(seed)
    ends = np.cumsum(1 / np.arange(1, N_TYPES + 1) ** 1.1)
    texts = []
    for _ in range(n):
        common = np.searchsorted(ends, generator.random(length) * ends[-1])
        topic = generator.integers(N_TYPES, size=60)
        texts.append(np.where(generator.random(length) < topical, generator.choice(topic, size=length), common))
    return texts


def written(ids: Ids) -> str:
    """Return the words of a text."""
    return " ".join(map("w{}".format, ids.tolist()))


def bigram(ids: Ids, *, n: int, seed: int, top_k: int | None = None) -> Ids:
    """Return a walk on a circular text: every word is followed by one of those that follow it there."""
    generator = np.random.default_rng(seed)
    follows: dict[int, list[int]] = {}
    for word, after in zip(ids.tolist(), np.roll(ids, -1).tolist(), strict=True):
        follows.setdefault(word, []).append(after)
    if top_k is not None:
        follows = {word: _commonest(after, top_k) for word, after in follows.items()}
    word, walk = int(ids[0]), []
    for share in generator.random(n).tolist():
        after = follows[word]
        word = after[int(share * len(after))]
        walk.append(word)
    return np.array(walk)


def _commonest(words: list[int], k: int) -> list[int]:
    kinds, counts = np.unique(words, return_counts=True)
    best = np.argsort(-counts, kind="stable")[:k]
    return [int(word) for word in np.repeat(kinds[best], counts[best])]


def cut(ids: Ids, *, rank: int) -> Ids:
    """Return a text without the words beyond a rank."""
    counts = np.bincount(ids)
    kept = np.zeros(len(counts), dtype=bool)
    kept[np.argsort(-counts, kind="stable")[:rank]] = True
    return ids[kept[ids]]
