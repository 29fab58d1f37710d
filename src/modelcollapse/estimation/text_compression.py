"""How predictable is a text? The size to which each of its bags can be compressed."""

from __future__ import annotations

import zlib

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.estimation.token_bags import Ids
from modelcollapse.estimation.token_ids import Vocabulary
from modelcollapse.parallel import side_by_side

MOST_TOKENS = 1 << 14
"""Tokens at the start of every bag that are compressed."""
_LEVEL = 6


def compressed_sizes(tokens: Ids, vocabulary: Vocabulary, *, separator: str) -> Array:
    """Return the bytes of each bag after compression, per byte before, (n_bags,).

    Parameters
    ----------
    tokens : int32 array, (n_bags, length)
    vocabulary : Vocabulary
        Names of the tokens.
    separator : str
        What is put between two of them.
    """
    looked_at = tokens[:, :MOST_TOKENS]
    used, places = np.unique(looked_at, return_inverse=True)
    names = np.array(vocabulary.names(used), dtype=object)

    def size(bag: Ids) -> float:
        text = separator.join(names[bag]).encode()
        return len(zlib.compress(text, _LEVEL)) / max(1, len(text))

    return np.array(side_by_side(size, places.reshape(looked_at.shape)))
