"""What does a language model learn? To predict the next token of sequences that a stream picks, step by step."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from modelcollapse.checks import Array
from modelcollapse.streams import stream
from modelcollapse.training.cross_entropy import mean_cross_entropy
from modelcollapse.training.gpt import drawn_from
from modelcollapse.training.place import Place

Tokens = NDArray[np.int64]
Batches = Callable[[int], Tokens]
"""Returns the sequences of a step, (batch_size, length): the same whenever it is asked for the same step."""

EVALUATED_AT_ONCE = 32


class NextToken:
    """Cross-entropy of the next token, an `Objective` of the training loop.

    Parameters
    ----------
    batches : callable
        Sequences of all processes for a step, (batch_size, length).
    shape : (int, int)
        Of these.
    place : Place
    n_given : int
        Tokens at the start of each sequence that are given and not learned, at least 1.
    dropout_seed : int, optional
        Of dropout, for a model that has it.
    """

    def __init__(
        self,
        batches: Batches,
        *,
        shape: tuple[int, int],
        place: Place,
        n_given: int = 1,
        dropout_seed: int | None = None,
    ) -> None:
        self._batches, self._place, self._n_given, self._dropout_seed = batches, place, n_given, dropout_seed
        self._own = place.share(shape[0])
        self.units_per_step = shape[0] * (shape[1] - n_given)

    def loss(self, model: nn.Module, step: int) -> Tensor:
        """Return the mean cross-entropy of this process's sequences."""
        ids = torch.from_numpy(self._batches(step)[self._own]).to(self._place.device)
        with self._dropout(step):
            logits = model(ids[:, :-1], use_cache=False).logits[:, self._n_given - 1 :]
        return mean_cross_entropy(logits.flatten(0, 1), ids[:, self._n_given :].flatten())

    def _dropout(self, step: int) -> drawn_from | nullcontext[None]:  # type: ignore[valid-type]
        if self._dropout_seed is None:
            return nullcontext()
        return drawn_from(stream(self._dropout_seed, "dropout", step, self._place.index), self._place.device)


def random_windows(ids: Tokens, *, length: int, batch_size: int, seed: int) -> Batches:
    """Return batches of windows that start anywhere in a text, each start as likely.

    Parameters
    ----------
    ids : int array, (n_tokens,)
        At least `length` tokens.
    length, batch_size : int
    seed : int
    """
    offsets = np.arange(length)

    def batch(step: int) -> Tokens:
        starts = stream(seed, "windows", step).integers(len(ids) - length + 1, size=batch_size)
        return np.asarray(ids[starts[:, None] + offsets], dtype=np.int64)

    return batch


@torch.no_grad()
def token_losses(model: nn.Module, sequences: Tokens, *, place: Place) -> Array:
    """Return the cross-entropy of every token but the first of each sequence, in nats.

    Parameters
    ----------
    sequences : int array, (n_sequences, length)

    Returns
    -------
    float array, (n_sequences, length − 1)
    """
    model.eval()
    found = []
    for start in range(0, len(sequences), EVALUATED_AT_ONCE):
        ids = torch.from_numpy(np.asarray(sequences[start : start + EVALUATED_AT_ONCE], dtype=np.int64))
        ids = ids.to(place.device)
        logits = model(ids[:, :-1], use_cache=False).logits
        losses = functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
        found.append(losses.view(len(ids), -1).double().cpu().numpy())
    return np.concatenate(found)


@torch.no_grad()
def next_token_laws(model: nn.Module, contexts: Tokens, *, place: Place) -> Array:
    """Return the law of the token that follows each context, (n_contexts, n_tokens); rows sum to one.

    Parameters
    ----------
    contexts : int array, (n_contexts, length)
    """
    model.eval()
    found = []
    for start in range(0, len(contexts), EVALUATED_AT_ONCE):
        ids = torch.from_numpy(np.asarray(contexts[start : start + EVALUATED_AT_ONCE], dtype=np.int64))
        logits = model(ids.to(place.device), use_cache=False, logits_to_keep=1).logits[:, -1]
        found.append(torch.softmax(logits.double(), dim=-1).cpu().numpy())
    return np.concatenate(found)
