"""How does text go that is written anew by n-gram models of itself? Token by token, on the positions of a circle."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array
from modelcollapse.simulation.multinomials import Counts
from modelcollapse.simulation.resampling import Refits, fitted_on

Tokens = NDArray[np.int32]
Tick = Callable[[int], None]

QUANTITIES = ("vocabulary", "distinct_ngrams", "entropy", "conditional_entropy")

STRETCH = 16_384
"""Tokens that are written between two ticks."""


def ngram_chain(
    generator: np.random.Generator, tokens: Tokens, *, order: int, refits: Refits, tick: Tick
) -> dict[str, Array]:
    """Return what one text goes through.

    Parameters
    ----------
    generator : numpy.random.Generator
    tokens : array of int, (n_tokens,)
        The real text: token numbers from 0 on, read as a circle.
    order : int
        Length of an n-gram, from 2.
    refits : Refits
        Of one context: replace, accumulate, or a mix with re-used real text. Texts that a model is fitted on together
        are strung together to one circle.
    tick : callable
        Called with the number of tokens that are written next.

    Returns
    -------
    dict of str to array, (1, n_generations)
        `QUANTITIES` of the text that each generation's model is fitted on: distinct tokens, distinct n-grams, bits a
        token, and bits a token given the tokens before it in the n-gram.
    """
    found: dict[str, list[float]] = {name: [] for name in QUANTITIES}
    for text in fitted_on(_Circles(generator, tokens, order=order, tick=tick), refits):
        for name, value in text_quantities(text, order=order).items():
            found[name].append(value)
    return {name: np.array([values], dtype=np.float64) for name, values in found.items()}


def text_quantities(text: Tokens, *, order: int) -> dict[str, float]:
    """Return the quantities of one circular text, by name.

    Examples
    --------
    >>> text_quantities(np.array([0, 1, 0, 2], dtype=np.int32), order=2)
    {'vocabulary': 3.0, 'distinct_ngrams': 4.0, 'entropy': 1.5, 'conditional_entropy': 0.5}
    """
    contexts = context_numbers(text, length=order - 1)
    ngrams = _numbered(contexts, np.roll(text, -1))
    tokens, of_contexts, of_ngrams = (np.unique(numbers, return_counts=True)[1] for numbers in (text, contexts, ngrams))
    return {
        "vocabulary": float(len(tokens)),
        "distinct_ngrams": float(len(of_ngrams)),
        "entropy": _entropy(tokens),
        "conditional_entropy": _entropy(of_ngrams) - _entropy(of_contexts),
    }


def context_numbers(text: Tokens, *, length: int) -> Counts:
    """Return a number from 0 on for the tokens that end at each position, (n_tokens,): the same for the same ones.

    Examples
    --------
    >>> context_numbers(np.array([0, 1, 0, 1], dtype=np.int32), length=2).tolist()
    [1, 0, 1, 0]
    """
    _, numbers = np.unique(text, return_inverse=True)
    for _ in range(length - 1):
        _, numbers = np.unique(_numbered(np.roll(numbers, 1), text), return_inverse=True)
    return numbers


def written(generator: np.random.Generator, text: Tokens, *, order: int, n_tokens: int, tick: Tick) -> Tokens:
    """Return new text by the model that is fitted on a circular text, (n_tokens,).

    It begins after a position at random. From each position, the next one stands behind a position at random of those
    with the same context; so tokens have the shares with which they follow it.
    """
    contexts = context_numbers(text, length=order - 1)
    by_context = np.argsort(contexts, kind="stable")
    counts = np.bincount(contexts)
    behind = array("q", ((by_context + 1) % len(text)).tobytes())
    begin = array("q", (np.cumsum(counts) - counts)[contexts].tobytes())
    choices = array("q", counts[contexts].tobytes())
    position = int(generator.integers(len(text)))
    positions = np.empty(n_tokens, dtype=np.int64)
    for start in range(0, n_tokens, STRETCH):
        stretch = positions[start : start + STRETCH]
        tick(len(stretch))
        walk = []
        for uniform in generator.random(len(stretch)).tolist():
            position = behind[begin[position] + int(uniform * choices[position])]
            walk.append(position)
        stretch[:] = walk
    return text[positions]


def _numbered(numbers: Counts, tokens: Tokens) -> Counts:
    """Return one number for each pair of a number and a token."""
    return numbers * (int(tokens.max()) + 1) + tokens


def _entropy(counts: Counts) -> float:
    """Return the entropy of the shares of counts, in bits."""
    shares = counts / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


class _Circles:
    """Samples are a circular text; a model is what follows what in it."""

    def __init__(self, generator: np.random.Generator, tokens: Tokens, *, order: int, tick: Tick) -> None:
        self.generator, self.tokens, self.order, self.tick = generator, tokens, order, tick

    def real(self, n_samples: Counts) -> Tokens:
        return self.tokens

    def synthetic(self, data: Tokens, n_samples: Counts) -> Tokens:
        return written(self.generator, data, order=self.order, n_tokens=int(n_samples[0]), tick=self.tick)

    def together(self, parts: Sequence[Tokens]) -> Tokens:
        return np.concatenate(parts)

    def added(self, pool: Tokens, data: Tokens) -> Tokens:
        return np.concatenate([pool, data])

    def subset(self, data: Tokens, n_samples: Counts) -> Tokens:
        raise NotImplementedError("a text has no samples that could be drawn")

    def beginning(self) -> None:
        raise NotImplementedError("texts are no mixture of laws")

    def remembered(self, past: None, data: Tokens) -> None:
        raise NotImplementedError("texts are no mixture of laws")

    def from_past(self, past: None, n_samples: Counts) -> Tokens:
        raise NotImplementedError("texts are no mixture of laws")

    def kept(self, *data: Tokens) -> tuple[Tokens, ...]:
        return data
