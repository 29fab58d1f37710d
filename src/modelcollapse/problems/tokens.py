"""What is asked about token chains? Next-token laws, each refitted on samples of its own earlier fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array, fail, number
from modelcollapse.errors import InputError
from modelcollapse.problems.laws import Law
from modelcollapse.problems.resampling import Resampling
from modelcollapse.problems.values import ByValue

Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Context(ByValue):
    """A context, how frequent it is, and the law of the token that comes next.

    Parameters
    ----------
    law : Law
    frequency : float
        Above 0; frequencies of all contexts are divided by their sum.

    Raises
    ------
    InputError
        When `law` is none, or the frequency is not positive.
    """

    law: Law
    _: KW_ONLY
    frequency: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.law, Law):
            raise fail("law", self.law, "a Law")
        object.__setattr__(self, "frequency", number("frequency", self.frequency, low=0, open_low=True))


@dataclass(frozen=True, eq=False)
class TokenChain(ByValue):
    """Next-token laws over generations: each generation's model is the frequencies of tokens in its samples.

    Samples are shared out to contexts in proportion to their frequencies, the same numbers in every generation, so
    that each context is a chain of its own.

    Parameters
    ----------
    contexts : sequence of Context, Context or Law
        At least one; kept as a tuple.
    workflow : Resampling
        Its numbers of samples are those of all contexts together.

    Raises
    ------
    InputError
        When a context would get no sample.

    References
    ----------
    Seddik, Chen, Hayou, Youssef and Debbah (2024), arXiv 2404.05090, eqs. 1 to 5: the softmax classifier on one-hot
    contexts has these frequencies as the minimiser of its cross-entropy.

    Examples
    --------
    >>> chain = TokenChain(Law.uniform(10), Resampling("replace", generations=5, n_samples=100))
    >>> chain.shared_out(100).tolist()
    [100]
    """

    contexts: Sequence[Context]
    workflow: Resampling

    def __post_init__(self) -> None:
        given = [self.contexts] if isinstance(self.contexts, Context | Law) else list(self.contexts)
        contexts = tuple(Context(item) if isinstance(item, Law) else item for item in given)
        if not contexts:
            raise InputError("`contexts` must hold at least one context; got none.")
        for context in contexts:
            if not isinstance(context, Context):
                raise fail("contexts", context, "a Context")
        if not isinstance(self.workflow, Resampling):
            raise fail("workflow", self.workflow, "a Resampling")
        object.__setattr__(self, "contexts", contexts)
        for key in ("n_samples", "n_first", "n_real", "subsample"):
            self._check_shared_out(key, getattr(self.workflow, key))

    @property
    def frequencies(self) -> Array:
        """Shares of the contexts, (n_contexts,), adding up to 1."""
        shares = np.array([context.frequency for context in self.contexts], dtype=np.float64)
        shares /= shares.sum()
        return shares

    def shared_out(self, total: int) -> Counts:
        """Return how many of so many samples each context gets, (n_contexts,), by largest remainders."""
        exact = self.frequencies * total
        counts = np.floor(exact).astype(np.int64)
        missing = int(total - counts.sum())
        counts[np.argsort(counts - exact, kind="stable")[:missing]] += 1
        return counts

    def _check_shared_out(self, key: str, total: int | None) -> None:
        """Refuse numbers of samples that leave a context without any, or subsample more than its pool."""
        if total is None:
            return
        counts = self.shared_out(total)
        if not counts.all():
            message = f"`{key}` = {total} leaves {(counts == 0).sum()} of {len(counts)} contexts without a sample."
            raise InputError(f"{message} Raise it, or leave out the rarest contexts.")
        if key == "subsample":
            assert self.workflow.n_first is not None
            pool = self.shared_out(self.workflow.n_first) + self.shared_out(self.workflow.n_samples)
            if (counts > pool).any():
                raise InputError(f"`subsample` = {total} is more than the pool of a context holds. Lower it.")
