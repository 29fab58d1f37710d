"""Which documents say what another one says? Those most of whose word windows occur in another document."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modelcollapse.estimation.token_bags import Codes, ngram_codes
from modelcollapse.estimation.token_ids import TokenSequence

WINDOW = 8
"""Tokens in a window."""
MOST_TOKENS = 4_000_000
"""Tokens at the start of each text that are looked at."""
_HALF = 0.5


def near_duplicate_share(text: TokenSequence) -> float:
    """Return the share of documents half of whose windows, or more, occur in another document of the text.

    NaN when the text has fewer than two documents of eight tokens or more.
    """
    codes, document = _windows(text)
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))[: len(ordered)]
    if not len(first):
        return np.nan
    owner = document[order]
    several = np.minimum.reduceat(owner, first) != np.maximum.reduceat(owner, first)
    elsewhere = np.empty(len(codes), dtype=bool)
    elsewhere[order] = np.repeat(several, np.diff(np.append(first, len(ordered))))
    return _share(elsewhere, document)


def copied_share(text: TokenSequence, source: TokenSequence) -> float:
    """Return the share of documents half of whose windows, or more, occur in another text; NaN as above."""
    codes, document = _windows(text)
    return _share(np.isin(codes, _windows(source)[0]), document)


def _windows(text: TokenSequence) -> tuple[Codes, NDArray[np.intp]]:
    """Return the windows that lie within one document, and the number of the document."""
    ids = text.ids[:MOST_TOKENS]
    codes = ngram_codes(ids, WINDOW)
    places = np.arange(len(codes))
    document = np.searchsorted(text.starts, places, side="right")
    last = np.searchsorted(text.starts, places + WINDOW - 1, side="right")
    within = document == last
    return codes[within], document[within]


def _share(flags: NDArray[np.bool_], document: NDArray[np.intp]) -> float:
    """Return the share of documents half of whose windows, or more, are flagged."""
    windows = np.bincount(document)
    flagged = np.bincount(document, weights=flags)
    held = windows > 0
    if held.sum() < 2:
        return np.nan
    return float((flagged[held] >= _HALF * windows[held]).mean())
