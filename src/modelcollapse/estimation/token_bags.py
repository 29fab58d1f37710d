"""How is a text cut into bags of equally many tokens? And which tokens and n-grams does each of them hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelcollapse.checks import Array

Ids = NDArray[np.int32]
Codes = NDArray[np.uint64]
Bags = NDArray[np.intp]

MOST_BAGS = 64
"""Bags of a text: as many as an unsigned integer has bits, each of which says whether an n-gram occurs in one bag."""
MOST_FOR_NGRAMS = 2_000_000
"""Tokens of a text whose n-grams are looked at: equally many at the start of every bag."""
SIZES = (2, 3, 4, 8)
"""Lengths of the n-grams."""
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd, with bits that look random: the golden ratio times 2^64


@dataclass(frozen=True, kw_only=True, eq=False)
class Marks:
    """Which of many things occur in which bags.

    Attributes
    ----------
    masks : uint64 array, (n_things,)
        Bit b is set when the thing occurs in bag b.
    alone : float array, (n_bags,)
        Things that occur in this bag only.
    shared : uint64 array
        Masks of those that occur in several bags.
    """

    masks: Codes
    alone: Array
    shared: Codes

    @classmethod
    def of(cls, masks: Codes, *, n_bags: int) -> Marks:
        """Sort things by whether they occur in one bag or in several."""
        single = (masks & (masks - np.uint64(1))) == 0
        places = np.frexp(masks[single].astype(np.float64))[1].astype(np.intp) - 1  # of the only bit that is set
        return cls(masks=masks, alone=np.bincount(places, minlength=n_bags).astype(np.float64), shared=masks[~single])

    def distinct(self, bags: Bags) -> float:
        """Return how many things occur in some bags."""
        return float(self.alone[bags].sum() + np.count_nonzero(self.shared & bits(bags)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Ngrams:
    """The different n-grams of a text in bags.

    Attributes
    ----------
    codes : uint64 array, (G,)
        A number for each, ascending.
    heads : int32 array, (G,)
        First token of each.
    windows : int
        n-grams in every bag, counted with repetition.
    marks : Marks
    """

    codes: Codes
    heads: Ids
    windows: int
    marks: Marks


@dataclass(frozen=True, kw_only=True, eq=False)
class BaggedText:
    """A text in bags.

    Attributes
    ----------
    tokens : int32 array, (n_bags, length)
    counts : sparse array, (n_types, n_bags)
        Occurrences of each token in each bag.
    types : Marks
        Which tokens occur in which bags; those that occur in none are left out.
    ngrams : mapping of int to Ngrams
        By length.
    """

    tokens: Ids
    counts: Any
    types: Marks
    ngrams: Mapping[int, Ngrams]

    @property
    def n_bags(self) -> int:
        """Bags."""
        return len(self.tokens)

    @property
    def length(self) -> int:
        """Tokens in every bag."""
        return int(self.tokens.shape[1])


def bag_text(ids: Ids, *, length: int, n_types: int) -> BaggedText:
    """Cut a text into bags of consecutive tokens, and count.

    Parameters
    ----------
    ids : int32 array, (N,)
    length : int
        Tokens in every bag, at most N.
    n_types : int
        Different tokens that there are.

    Returns
    -------
    BaggedText
        With as many bags as the text has room for, 64 at most, at even distances.
    """
    n_bags = min(MOST_BAGS, len(ids) // length)
    begins = np.linspace(0, len(ids) - length, n_bags).round().astype(np.intp)
    tokens = ids[begins[:, None] + np.arange(length)]
    counts = _counts(tokens, n_types)
    used = np.flatnonzero(np.diff(counts.indptr))
    masks = np.bitwise_or.reduceat(np.uint64(1) << counts.indices.astype(np.uint64), counts.indptr[used])
    looked_at = tokens[:, : max(1, MOST_FOR_NGRAMS // n_bags)]
    return BaggedText(
        tokens=tokens,
        counts=counts,
        types=Marks.of(masks, n_bags=n_bags),
        ngrams={size: _ngrams(looked_at, size) for size in SIZES},
    )


def bits(bags: Bags) -> np.uint64:
    """Return a mask with the bits of some bags."""
    return np.uint64(sum(1 << int(bag) for bag in bags))


def _counts(tokens: Ids, n_types: int) -> Any:
    """Return occurrences by type and bag as a sparse array of compressed rows."""
    columns = [np.bincount(bag, minlength=n_types) for bag in tokens]
    present = [np.flatnonzero(column) for column in columns]
    ends = np.cumsum([0] + [len(rows) for rows in present])
    values = np.concatenate([column[rows] for column, rows in zip(columns, present, strict=True)]).astype(np.float64)
    by_bag = sparse.csc_array((values, np.concatenate(present), ends), shape=(n_types, len(tokens)))
    return by_bag.tocsr()


def _ngrams(tokens: Ids, size: int) -> Ngrams:
    """Find the different n-grams, and the bags that each one occurs in."""
    n_bags, length = tokens.shape
    windows = max(0, length - size + 1)
    codes = ngram_codes(tokens, size).ravel()
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))[: len(ordered)]
    marks = np.uint64(1) << (order // max(1, windows)).astype(np.uint64)
    masks = np.bitwise_or.reduceat(marks, first) if len(first) else marks
    return Ngrams(
        codes=ordered[first],
        heads=tokens[:, :windows].ravel()[order[first]],
        windows=windows,
        marks=Marks.of(masks, n_bags=n_bags),
    )


def ngram_codes(tokens: Ids, size: int) -> Codes:
    """Return a number for every n-gram along the last axis, (..., length − size + 1).

    Different n-grams get the same number with probability 2⁻⁶⁴ or so.
    """
    last = max(0, tokens.shape[-1] - size + 1)
    codes = np.zeros((*tokens.shape[:-1], last), dtype=np.uint64)
    for place in range(size):
        codes = (codes ^ (codes >> np.uint64(29))) * _MULTIPLIER + tokens[..., place : place + last].astype(np.uint64)
    return codes
