"""What has a language model lost? Losses on held-out text by band of frequency, next-token laws, and what it writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array
from modelcollapse.estimation.absent_mass import absent_mass
from modelcollapse.experiments.text_data import RealText
from modelcollapse.experiments.text_pools import Documents
from modelcollapse.training.next_token import next_token_laws, token_losses
from modelcollapse.training.place import Place

BANDS = (0.5, 0.4, 0.1)
"""Shares of the real training text that the commonest tokens, the middle and the tail hold."""
N_CONTEXTS = 300
"""Held-out contexts after which next-token laws are compared, as many as Seddik et al. take."""
TOP = 5
"""Most likely next tokens whose mass is told."""
NGRAM = 3
"""Words of the n-grams whose repeats are counted."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Yardstick:
    """What every model of an experiment is measured on.

    Attributes
    ----------
    held_out : int array, (n_documents, context)
    band : int array, (n_tokens,)
        Of each token of the vocabulary: 0 for the commonest, 2 for the tail.
    contexts : int array, (n_contexts, length)
        Starts of held-out documents, all but their last token.
    n_prompt : int
    """

    held_out: Documents
    band: NDArray[np.int64]
    contexts: Documents
    n_prompt: int


def yardstick(text: RealText) -> Yardstick:
    """Return what all models trained on a text are measured on."""
    counts = np.bincount(text.training[:, text.n_prompt :].ravel(), minlength=text.tokeniser.n_tokens)
    return Yardstick(
        held_out=text.held_out,
        band=bands_of(counts),
        contexts=text.held_out[:N_CONTEXTS, :-1],
        n_prompt=text.n_prompt,
    )


def bands_of(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the band of each token: in falling order of counts, where the mass before it lies among `BANDS`.

    Examples
    --------
    >>> bands_of(np.array([5, 60, 30, 0, 5])).tolist()
    [2, 0, 1, 2, 2]
    """
    order = np.argsort(-counts, kind="stable")
    before = np.concatenate([[0], np.cumsum(counts[order])[:-1]]) / counts.sum()
    edges = np.cumsum(BANDS)[:-1]
    band = np.empty(len(counts), dtype=np.int64)
    band[order] = np.searchsorted(edges, before, side="right")
    return band


def measured(model: Any, on: Yardstick, *, place: Place) -> tuple[dict[str, Any], Array]:
    """Return what a model has to say of held-out text.

    Returns
    -------
    values : dict
        ``validation_loss``; ``band_loss``, by band from the commonest tokens to the tail, and ``tail_loss``, its last;
        ``entropy`` of next-token laws, means over contexts, all in nats; ``top_mass``, what the likeliest tokens hold.
    laws : array, (n_contexts, n_tokens)
        Next-token laws after the contexts.
    """
    losses = token_losses(model, on.held_out, place=place)[:, on.n_prompt - 1 :]
    band = on.band[on.held_out[:, on.n_prompt :]]
    by_band = [float(losses[band == number].mean()) if (band == number).any() else None for number in range(len(BANDS))]
    laws = next_token_laws(model, on.contexts, place=place)
    logs = np.log(laws, where=laws > 0, out=np.zeros_like(laws))
    top = np.partition(laws, -min(TOP, laws.shape[1]), axis=1)[:, -TOP:]
    values = {
        "validation_loss": float(losses.mean()),
        "band_loss": by_band,
        "tail_loss": by_band[-1],
        "entropy": float(-(laws * logs).sum(axis=1).mean()),
        "top_mass": float(top.sum(axis=1).mean()),
    }
    return values, laws


def deviation(laws: Array, reference: Array) -> float:
    """Return the mean over contexts of the L1 distance between next-token laws, in [0, 2].

    References
    ----------
    Seddik, Chen, Hayou, Youssef and Debbah (2024), arXiv 2404.05090.
    """
    return float(np.abs(laws - reference).sum(axis=1).mean())


def document_losses(model: Any, documents: Documents, *, n_prompt: int, place: Place) -> Array:
    """Return the mean loss a learned token of each document: the logarithm of its perplexity."""
    return np.asarray(token_losses(model, documents, place=place)[:, n_prompt - 1 :].mean(axis=1))


def written_measures(written: Sequence[str], real: Sequence[str]) -> dict[str, float]:
    """Return how wide written documents are, on as many words as half of the real ones hold.

    Parameters
    ----------
    written, real : sequence of str
        As many documents of one kind as of the other: the real ones held out.

    Returns
    -------
    dict
        ``distinct_words`` and ``repeated_ngrams``, the share of sequences of three words that occur before, of equally
        many words; ``absent_mass``, the share of real words whose like does not occur in what was written.
    """
    real_words, words = " ".join(real).split(), " ".join(written).split()
    taken = words[: max(NGRAM, len(real_words) // 2)]
    ngrams = list(zip(*(taken[shift:] for shift in range(NGRAM)), strict=False))
    number_of: dict[str, int] = {}
    known, other = (
        np.array([number_of.setdefault(word, len(number_of)) for word in each], dtype=np.int32)
        for each in (real_words, words)
    )
    return {
        "distinct_words": float(len(set(taken))),
        "repeated_ngrams": 1 - len(set(ngrams)) / len(ngrams) if ngrams else 0.0,
        "absent_mass": absent_mass(known, other).share if len(known) >= 16 and len(other) else float("nan"),
    }
