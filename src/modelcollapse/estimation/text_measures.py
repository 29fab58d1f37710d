"""How wide is a text? Numbers about one part of a text, and about two parts of equal size; each is one measure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array
from modelcollapse.estimation.token_bags import SIZES, BaggedText, Bags, Codes, bits

Counts = NDArray[np.intp]

BANDS = ((1, 1), (2, 2), (3, 5), (6, 10), (11, 30), (31, 100), (101, 300))
"""Occurrences in a real part by which its tokens are grouped."""
COMMON = 20
"""Commonest tokens of a text, whose followers are counted."""
FEW_REPEATS = 10
"""Added to repeated n-grams, so that their logarithm does not tell none from a few."""
FIRST_RANK, MOST_RANKS = 10, 5000
"""Ranks over which the Zipf exponent is fitted, at the most."""
_FEWEST_IN_BAND = 10
_FEWEST_AT_LAST_RANK = 10
_FITTED_RANKS = 40
_HEAD = 4  # times as many types are kept as ranks are fitted, so that the ranks of every part are among them


@dataclass(frozen=True, kw_only=True, eq=False)
class Setting:
    """What is the same for all parts of an audit, taken from the real text.

    Attributes
    ----------
    bags : int
        In every part.
    length : int
        Tokens in every bag.
    last_rank : int
        Last rank of the Zipf fit; 0 where the text has too few types.
    bands : tuple of (int, int)
        Those of `BANDS` that hold at least ten types.
    types_in_band : tuple of float
        About how many types each of them holds.
    repeats : tuple of float
        About how many n-grams repeat an earlier one, for each of `SIZES`.
    """

    bags: int
    length: int
    last_rank: int
    bands: tuple[tuple[int, int], ...]
    types_in_band: tuple[float, ...]
    repeats: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """A text with what every part of it needs.

    Attributes
    ----------
    text : BaggedText
    setting : Setting
    compressed : array, (n_bags,)
        Bytes of each bag after compression, per byte before.
    types_in_bag : array, (n_bags,)
        Different tokens.
    head : int array
        Types among which the common ones of every part are.
    followers : (int array, uint64 array)
        Place among the commonest tokens of the text, and bags, of each different pair of one of them and its follower.
    """

    text: BaggedText
    setting: Setting
    compressed: Array
    types_in_bag: Array
    head: NDArray[np.intp]
    followers: tuple[NDArray[np.intp], Codes]


def setting_of(text: BaggedText, *, bags: int) -> Setting:
    """Return what all parts of `bags` bags have in common, read off the real text."""
    totals = np.asarray(text.counts.sum(axis=1)).ravel()
    expected = np.sort(totals)[::-1] * bags / text.n_bags
    last = min(MOST_RANKS, int(np.searchsorted(-expected, -_FEWEST_AT_LAST_RANK, side="right")))
    n_in_band = {band: float(((expected >= band[0] - 0.5) & (expected < band[1] + 0.5)).sum()) for band in BANDS}
    n_in_band = {band: n for band, n in n_in_band.items() if n >= _FEWEST_IN_BAND}
    return Setting(
        bags=bags,
        length=text.length,
        last_rank=last if last >= 2 * FIRST_RANK else 0,
        bands=tuple(n_in_band),
        types_in_band=tuple(n_in_band.values()),
        repeats=tuple(_repeats(text, np.arange(bags), size) for size in SIZES),
    )


def measured(text: BaggedText, *, setting: Setting, compressed: Array) -> Measured:
    """Prepare a text for the measures of its parts."""
    totals = np.asarray(text.counts.sum(axis=1)).ravel()
    n_head = min(len(totals), _HEAD * max(1, setting.last_rank))
    pairs = text.ngrams[2]
    place = np.full(len(totals), -1, dtype=np.intp)
    contexts = np.argsort(-totals, kind="stable")[:COMMON]
    place[contexts] = np.arange(len(contexts))
    context = place[pairs.heads]
    known = context >= 0
    return Measured(
        text=text,
        setting=setting,
        compressed=compressed,
        types_in_bag=np.bincount(text.counts.indices, minlength=text.n_bags).astype(np.float64),
        head=np.argpartition(-totals, n_head - 1)[:n_head],
        followers=(context[known], pairs.marks.masks[known]),
    )


def summaries(whole: Measured, bags: Bags, counts: Counts) -> Array:
    """Return the summaries of a part of a text, in the order of `summary_measures`.

    Parameters
    ----------
    whole : Measured
    bags : int array, (k,)
        Of the part; the type growth is that from its first half to the whole.
    counts : int array, (n_types,)
        Occurrences of each type in these bags.

    Notes
    -----
    With N tokens, V types, f_c types that occur c times: growth log₂ V(N)/V(N/2), Heaps' exponent at N; entropy
    −Σ (n_i/N) log₂ (n_i/N); Good and Turing's estimate f₁/N of the mass of the tokens not seen. Repeated n-grams:
    1 − different/all. The Zipf exponent is the slope of log count against log rank from rank 10 to the last one that
    occurs ten times (5,000 at the most), at ranks evenly spaced in their logarithm.

    References
    ----------
    I. J. Good, The population frequencies of species and the estimation of population parameters, Biometrika 40, 1953.
    H. S. Heaps, Information Retrieval: Computational and Theoretical Aspects, 1978, section 7.5.
    """
    n_tokens = len(bags) * whole.setting.length
    n_types = float(np.count_nonzero(counts))
    half = whole.text.types.distinct(bags[: len(bags) // 2])
    ngrams = whole.text.ngrams
    values = [
        n_types,
        np.log2(n_types / half) / np.log2(len(bags) / (len(bags) // 2)),
        whole.types_in_bag[bags].mean(),
        _entropy(counts, n_tokens),
        np.count_nonzero(counts == 1) / n_tokens,
    ]
    if whole.setting.last_rank:
        values.append(zipf_exponent(counts[whole.head], last_rank=whole.setting.last_rank))
    for size in SIZES:
        windows = max(1, len(bags) * ngrams[size].windows)
        values.append(np.log((_repeats(whole.text, bags, size) + FEW_REPEATS) / windows))
    context, masks = whole.followers
    present = context[(masks & bits(bags)) != 0]
    followers = np.bincount(present, minlength=COMMON)
    values += [float(np.exp(np.log1p(followers).mean())), whole.compressed[bags].mean()]
    return np.array(values)


def _repeats(text: BaggedText, bags: Bags, size: int) -> float:
    """Return how many n-grams of some bags repeat an earlier one."""
    return len(bags) * text.ngrams[size].windows - text.ngrams[size].marks.distinct(bags)


def zipf_exponent(counts: Counts, *, last_rank: int) -> float:
    """Return minus the slope of log count against log rank, from rank 10 to the last one; see `summaries`.

    Examples
    --------
    >>> round(zipf_exponent(np.round(1e6 / np.arange(1, 1001) ** 1.1).astype(np.intp), last_rank=1000), 2)
    1.1
    """
    top = np.sort(np.partition(counts, -min(last_rank, len(counts)))[-last_rank:])[::-1]
    ranks = np.unique(np.geomspace(FIRST_RANK, len(top), _FITTED_RANKS).round().astype(np.intp))
    x, y = np.log(ranks), np.log(np.maximum(top[ranks - 1], 0.5))
    x = x - x.mean()
    return float(-(x @ y) / (x @ x))


def counts_at_ranks(counts: Counts, ranks: NDArray[np.intp]) -> Array:
    """Return how often the types of some ranks occur, 0 beyond the last one.

    Examples
    --------
    >>> counts_at_ranks(np.array([3, 0, 5, 1]), np.array([1, 2, 3, 4])).tolist()
    [5.0, 3.0, 1.0, 0.0]
    """
    reached = np.cumsum(np.bincount(counts)[::-1])  # types that occur at least so often, from the commonest on
    return np.asarray(np.maximum(0.0, len(reached) - 1.0 - np.searchsorted(reached, ranks)))


def _entropy(counts: Counts, n_tokens: int) -> float:
    """Return the entropy of relative frequencies in bits."""
    return float((np.log(n_tokens) - log_sum(counts) / n_tokens) / np.log(2))


def log_sum(counts: Counts) -> float:
    """Return Σ n log n."""
    held = np.bincount(counts)
    sizes = np.flatnonzero(held)
    sizes = sizes[sizes > 0]
    return float(held[sizes] @ (sizes * np.log(sizes)))
