"""Does a model in training lose the tail? Its losses on the rarest tokens of real text, beside the commonest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array, real_array
from modelcollapse.errors import InputError

TAIL_SHARE = 0.1
"""Most of the occurrences that the rarest tokens together have."""
HEAD_SHARE = 0.5
"""Least of the occurrences that the commonest tokens together have."""
LEAST_RISE = 0.02
"""Relative rise of the tail's loss, beyond that of the head, below which it is none: steps of an optimiser move it."""
FEWEST_SEQUENCES = 8


@dataclass(frozen=True, kw_only=True)
class BandLosses:
    """Losses on real text by how frequent the tokens are, as parts by sequence that add up to means.

    Attributes
    ----------
    tail, head : tuple of float, (n_sequences,)
        Losses of the rarest and of the commonest tokens of each sequence, over how many there are in all sequences.
    """

    tail: tuple[float, ...]
    head: tuple[float, ...]

    @property
    def tail_loss(self) -> float:
        """Mean loss of the rarest tokens."""
        return float(sum(self.tail))

    @property
    def head_loss(self) -> float:
        """Mean loss of the commonest tokens."""
        return float(sum(self.head))


def band_losses(losses: Any, *, tokens: Any) -> BandLosses:
    """Sort the losses of a model on held-out real text by how frequent the tokens are there.

    Parameters
    ----------
    losses : array, (n_sequences, n)
        Cross-entropy of every token.
    tokens : int array, (n_sequences, n)
        The tokens that were predicted; the same at every look.

    Returns
    -------
    BandLosses
        Rarest are the tokens that occur least and make up at most a tenth of these tokens; commonest are those that
        occur most and make up half of them.

    Raises
    ------
    InputError
        When shapes differ, there are fewer than 8 sequences, or too few different tokens.

    Examples
    --------
    >>> tokens = np.array([[0, 0, 0, 0, 0, 0, 1, 1, 1, 2]] * 8)
    >>> found = band_losses(np.where(tokens == 2, 5.0, 1.0), tokens=tokens)
    >>> found.tail_loss, found.head_loss
    (5.0, 1.0)
    """
    values, ids = real_array("losses", losses, ndim=2), np.asarray(tokens)
    if ids.shape != values.shape or len(values) < FEWEST_SEQUENCES:
        raise InputError(
            f"`tokens` and `losses` must have one shape, with at least {FEWEST_SEQUENCES} sequences; got {ids.shape} "
            f"and {values.shape}. Give the loss of each predicted token."
        )
    tail, head = _bands(ids)
    return BandLosses(tail=_parts(values, tail), head=_parts(values, head))


def _bands(ids: NDArray[Any]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which tokens are of the rarest, and which of the commonest."""
    _, place, counts = np.unique(ids, return_inverse=True, return_counts=True)
    order = np.argsort(counts, kind="stable")
    up_to = np.cumsum(counts[order]) / ids.size  # share of each type and all rarer ones
    rare, common = np.zeros(len(counts), dtype=bool), np.zeros(len(counts), dtype=bool)
    rare[order] = up_to <= TAIL_SHARE
    common[order] = up_to > 1 - HEAD_SHARE
    if not rare.any():
        raise InputError(f"`tokens` holds {len(counts)} different tokens, none of which is rare. Give more real text.")
    return rare[place].reshape(ids.shape), common[place].reshape(ids.shape)


def _parts(values: Array, chosen: NDArray[np.bool_]) -> tuple[float, ...]:
    return tuple((np.where(chosen, values, 0.0).sum(axis=1) / chosen.sum()).tolist())


def tail_growth(now: BandLosses, then: BandLosses) -> float:
    """Return how surely the tail has got worse since an earlier look, beyond the head, in standard errors.

    Parameters
    ----------
    now, then : BandLosses
        Of the same sequences.

    Returns
    -------
    float
        The smaller of two distances: of the rise of the tail's loss from 0, and of its relative rise from that of the
        head's. 0 when it is below `LEAST_RISE`.

    Notes
    -----
    The same sequences are scored at each look, so that only the spread of their differences counts. A model that
    over-fits a small text also loses the tail first: the measure says that it is lost, not why.
    """
    rise = np.subtract(now.tail, then.tail) / then.tail_loss
    beyond = rise - np.subtract(now.head, then.head) / then.head_loss
    if min(rise.sum(), beyond.sum()) < LEAST_RISE:
        return 0.0
    return min(_standard_errors(rise), _standard_errors(beyond))


def standard_error(now: BandLosses, then: BandLosses) -> float:
    """Return the standard error of the difference between two means of the tail's loss on the same sequences."""
    change = np.subtract(now.tail, then.tail)
    return float(np.sqrt(len(change)) * change.std(ddof=1))


def _standard_errors(parts: Array) -> float:
    """Return a sum over sequences in units of its own standard error."""
    spread = float(np.sqrt(len(parts)) * parts.std(ddof=1))
    return float(parts.sum()) / spread if spread > 0 else 0.0
