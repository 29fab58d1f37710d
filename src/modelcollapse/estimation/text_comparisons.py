"""What does one part of a text have that another one lacks? Measures of two parts of equal size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.estimation.text_measures import Counts, Measured, log_sum
from modelcollapse.estimation.token_bags import SIZES, Bags, Codes, bits

NOVEL = (2, 3, 4)
"""Lengths of the n-grams whose novelty is measured."""
COPIED = 8
"""Length of the n-grams that pass for copied."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Common:
    """The n-grams that occur in two texts, by length: which bags of the first and of the second hold each."""

    masks: Mapping[int, tuple[Codes, Codes]]

    def overlap(self, size: int, first: Bags, second: Bags) -> int:
        """Return the number of different n-grams that occur both in bags of the first and in bags of the second."""
        of_first, of_second = self.masks[size]
        return int(np.count_nonzero(((of_first & bits(first)) != 0) & ((of_second & bits(second)) != 0)))


def common_ngrams(first: Measured, second: Measured) -> Common:
    """Return the n-grams that two texts have in common; of a text and itself, those in several bags."""
    masks = {}
    for size in SIZES:
        one, other = first.text.ngrams[size], second.text.ngrams[size]
        if first is second:
            masks[size] = (one.marks.shared, one.marks.shared)
            continue
        _, in_one, in_other = np.intersect1d(one.codes, other.codes, assume_unique=True, return_indices=True)
        masks[size] = (one.marks.masks[in_one], other.marks.masks[in_other])
    return Common(masks=masks)


def comparisons(
    first: tuple[Measured, Bags, Counts], second: tuple[Measured, Bags, Counts], *, common: Common
) -> Array:
    """Return what the second part lacks of the first and has besides, in the order of `comparison_measures`.

    Parameters
    ----------
    first, second : (Measured, int array (k,), int array (n_types,))
        A text, the bags of it that make the part, and the occurrences of each type in these. The first is real.
    common : Common
        n-grams that the two texts have in common.

    Notes
    -----
    The divergence of the frequencies p and q is that of Jensen and Shannon in bits, (D(p|r) + D(q|r))/2 about their
    mean r.

    References
    ----------
    J. Lin, Divergence measures based on the Shannon entropy, IEEE Transactions on Information Theory 37, 1991.
    """
    setting = first[0].setting
    real, other = first[2], second[2]
    n_tokens = len(first[1]) * setting.length
    together = log_sum(real + other) - 2 * n_tokens * np.log(2)
    divergence = (log_sum(real) + log_sum(other) - together) / (2 * n_tokens * np.log(2))
    kept = other > 0
    values = [
        divergence,
        real[~kept].sum() / n_tokens,
        other[real == 0].sum() / n_tokens,
        np.count_nonzero(kept & (real > 0)) / np.count_nonzero(real),
    ]
    most = setting.bands[-1][1] if setting.bands else 0
    clipped = np.minimum(real, most + 1)
    all_types = np.bincount(clipped, minlength=most + 2)
    kept_types = np.bincount(clipped[kept], minlength=most + 2)
    for low, high in setting.bands:
        values.append(kept_types[low : high + 1].sum() / max(1, all_types[low : high + 1].sum()))
    for size in (*NOVEL, COPIED):
        distinct = max(1.0, second[0].text.ngrams[size].marks.distinct(second[1]))
        found = common.overlap(size, first[1], second[1]) / distinct
        values.append(found if size == COPIED else 1 - found)
    return np.array(values)
