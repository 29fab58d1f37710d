"""What is asked about n-gram text? A text of which each generation re-estimates next-token laws and writes anew."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import fail, integer
from modelcollapse.errors import InputError
from modelcollapse.problems.resampling import Resampling
from modelcollapse.problems.values import ByValue

MAX_TOKENS = 10**8
"""Most tokens that a text may have: 400 MB."""


@dataclass(frozen=True, eq=False)
class NgramChain(ByValue):
    """An n-gram model over generations: each generation's model is fitted on text that the one before has written.

    Unlike in a `TokenChain`, how often a context occurs is up to the text that is written. Texts are circular: what
    follows the last token is the first.

    Parameters
    ----------
    tokens : array of int, (n_tokens,)
        The real text as token numbers from 0 on, read as a circle.
    order : int
        Length of an n-gram, from 2 to 8; the context is the `order` − 1 tokens before.
    workflow : Resampling
        Replace, accumulate, or mix with re-used real text; `n_samples` tokens are written for each generation, and
        the real samples are the text: `n_first` and, in a mix, `n_real` must be its length.

    Raises
    ------
    InputError
        When the tokens are no numbers, a value is out of range, or the workflow is another.
    """

    tokens: NDArray[np.int32]
    _: KW_ONLY
    order: int = 2
    workflow: Resampling

    def __post_init__(self) -> None:
        object.__setattr__(self, "tokens", _frozen_tokens(self.tokens))
        object.__setattr__(self, "order", integer("order", self.order, low=2, high=8))
        if not isinstance(self.workflow, Resampling):
            raise fail("workflow", self.workflow, "a Resampling")
        if self.workflow.kind not in ("replace", "accumulate", "mix") or self.workflow.real == "fresh":
            hint = "Take replace, accumulate, or mix with real = `reused`."
            raise InputError(
                f"n-gram text over generations has no workflow `{self.workflow.kind}` of this sort. {hint}"
            )
        if self.workflow.n_first != len(self.tokens):
            raise fail("n_first", self.workflow.n_first, f"the text's length, {len(self.tokens)} tokens")


def _frozen_tokens(value: Any) -> NDArray[np.int32]:
    """Return a read-only copy of token numbers."""
    given = np.asarray(value)
    if given.ndim != 1 or not 2 <= given.size <= MAX_TOKENS or given.dtype.kind not in "iu":
        raise fail("tokens", value, f"whole numbers, (n_tokens,), from 2 to {MAX_TOKENS} of them")
    if given.min() < 0 or given.max() >= MAX_TOKENS:
        raise fail("tokens", given.min() if given.min() < 0 else given.max(), f"numbers from 0 to {MAX_TOKENS - 1}")
    tokens = given.astype(np.int32)
    tokens.setflags(write=False)
    return tokens
