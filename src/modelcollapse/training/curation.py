"""Which documents should a model be trained on? Judges by likelihood and by n-grams, and weights from a detector."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array

Rows = NDArray[np.intp]

COPIES = 3
"""Times that one document may be drawn at most, after Drayson et al."""
N_FEATURES = 1 << 14
NGRAMS = (1, 5)
"""Sizes of the n-grams of characters that the classifier sees."""


def best(scores: Array, n: int) -> Rows:
    """Return the n documents with the highest scores, in their own order.

    Examples
    --------
    >>> best(np.array([0.1, 0.9, 0.5]), 2).tolist()
    [1, 2]
    """
    return np.sort(np.argsort(-scores, kind="stable")[:n])


class NgramClassifier:
    """Tells real documents from those that a model wrote: logistic regression on their n-grams of characters.

    Parameters
    ----------
    real, written : sequence of str
        Documents to learn from; as many of one kind as of the other, so that the answer presumes nothing.
    """

    def __init__(self, real: Sequence[str], written: Sequence[str]) -> None:
        from sklearn.feature_extraction.text import HashingVectorizer
        from sklearn.linear_model import LogisticRegression

        self._features = HashingVectorizer(
            analyzer="char", ngram_range=NGRAMS, n_features=N_FEATURES, lowercase=False, alternate_sign=False
        )
        labels = np.repeat([0, 1], [len(real), len(written)])
        self._law = LogisticRegression(C=10.0, max_iter=1000)
        self._law.fit(self._features.transform([*real, *written]), labels)

    def machine(self, texts: Sequence[str]) -> Array:
        """Return the probability of having been written by a model, for each document."""
        return np.asarray(self._law.predict_proba(self._features.transform(texts))[:, 1], dtype=np.float64)


def detector_weights(machine: Array, *, power: float) -> Array:
    """Return (1 − c)^power for each document, c its probability of having been written by a model.

    References
    ----------
    Drayson, Yilmaz and Lampos (2025), arXiv 2502.15654.
    """
    return np.asarray((1 - machine) ** power)


def drawn_by_weight(weights: Array, n: int, *, random: np.random.Generator) -> Rows:
    """Return n documents, drawn with probabilities in proportion to their weights, none more than `COPIES` times.

    Parameters
    ----------
    weights : array, (n_documents,)
        Not negative.
    n : int
        At most `COPIES` times the number of documents. Where too few have any weight, the others follow.
    random : numpy Generator

    Notes
    -----
    Drawing without replacement from `COPIES` of each, one after another, is taking the first arrivals of independent
    exponential clocks.
    """
    rates = np.repeat(weights, COPIES)
    clocks = np.log(random.exponential(size=len(rates))) - np.log(np.maximum(rates, np.finfo(np.float64).tiny))
    return np.sort(np.argsort(clocks, kind="stable")[:n] // COPIES)


def expected_human_share(share: float, *, human: float, machine: float) -> float:
    """Return the expected share of human documents among those drawn by weight, as long as no copies run out.

    Parameters
    ----------
    share : float
        h, of human documents before.
    human, machine : float
        Mean weights of both kinds: h w_h / (h w_h + (1 − h) w_a).

    Examples
    --------
    >>> expected_human_share(0.5, human=0.9, machine=0.1)
    0.9
    """
    return share * human / (share * human + (1 - share) * machine)
