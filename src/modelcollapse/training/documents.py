"""How does a text become documents, and in which order are they learned? Equal stretches, one epoch after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modelcollapse.streams import stream

if TYPE_CHECKING:
    from modelcollapse.training.next_token import Batches

Ids = NDArray[np.int64]


def documents_of(ids: Ids, *, length: int, n_prompt: int) -> Ids:
    """Return a text in documents, (n_documents, length); the first tokens of each are the last of the one before.

    So every token but the first few is learned once an epoch, if the first `n_prompt` of each document are given.

    Parameters
    ----------
    ids : int array, (n_tokens,)
    length : int
    n_prompt : int
        From 1 to `length` − 1.

    Examples
    --------
    >>> documents_of(np.arange(8), length=4, n_prompt=1).tolist()
    [[0, 1, 2, 3], [3, 4, 5, 6]]
    """
    starts = np.arange(0, len(ids) - length + 1, length - n_prompt)
    return np.asarray(ids[starts[:, None] + np.arange(length)], dtype=np.int64)


def epochs(documents: Ids, *, batch_size: int, seed: int, names: tuple[str | int, ...]) -> Batches:
    """Return batches that go through all documents, each time in another order, before they come to one again.

    Parameters
    ----------
    documents : int array, (n_documents, length)
        At least one.
    batch_size : int
    seed : int
    names : tuple
        Of the stream that orders are drawn from.
    """
    order_of: dict[int, NDArray[np.intp]] = {}

    def order(epoch: int) -> NDArray[np.intp]:
        if epoch not in order_of:
            for old in [each for each in order_of if each < epoch - 1]:
                del order_of[old]
            order_of[epoch] = stream(seed, *names, "epoch", epoch).permutation(len(documents))
        return order_of[epoch]

    def batch(step: int) -> Ids:
        places = np.arange(step * batch_size, (step + 1) * batch_size)
        rows = [order(int(place // len(documents)))[place % len(documents)] for place in places]
        return documents[rows]

    return batch
