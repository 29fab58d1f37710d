"""How far are the word frequencies of a model from those of real text? Freed of what samples of one law differ by."""

from __future__ import annotations

import numpy as np

from modelcollapse.decisions.text_draws import N_BAGS, bag_counts
from modelcollapse.estimation.text_measures import Counts, log_sum
from modelcollapse.estimation.token_bags import BaggedText, Bags
from modelcollapse.streams import stream

N_PAIRS = 20
"""Random choices of quarters over which the distance is averaged."""


def frequency_distance(real: BaggedText, model: BaggedText, *, seed: int) -> float:
    """Return the energy distance between the token frequencies of two texts.

    With A, A' quarters of the real text and S, S' halves of the model's, all equally long, and D the divergence of
    Jensen and Shannon in bits: the mean of D(A, S) − D(A, A')/2 − D(S, S')/2.

    Parameters
    ----------
    real : BaggedText
        Twice as many bags as a look has.
    model : BaggedText
        `modelcollapse.decisions.text_draws.N_BAGS` bags of the same length; its tokens may go beyond those of `real`.
    seed : int

    Returns
    -------
    float
        Its mean is 0 when both texts have one law, and positive otherwise; single values may be a little below 0.

    Notes
    -----
    The divergence itself will not do: of two samples it is the larger, the more rare words they have, so that it puts a
    text of common words only closer to real text than a second real sample. It is a squared distance in a Hilbert
    space, which makes the difference above an energy distance between the laws of the samples.

    References
    ----------
    B. Fuglede, F. Topsøe, Jensen-Shannon divergence and Hilbert space embedding, ISIT 2004.
    G. J. Székely, M. L. Rizzo, Energy statistics: a class of statistics based on distances, Journal of Statistical
    Planning and Inference 143, 2013.
    """
    random = stream(seed, "closeness")
    total = 0.0
    for _ in range(N_PAIRS):
        of_real, of_model = random.permutation(real.n_bags), random.permutation(model.n_bags)
        first, second = (_padded(real, of_real[half::2][: N_BAGS // 2], model) for half in range(2))
        one, other = (_padded(model, of_model[half::2], model) for half in range(2))
        between = (_divergence(first, one) + _divergence(second, other)) / 2
        total += between - _divergence(first, second) / 2 - _divergence(one, other) / 2
    return total / N_PAIRS


def _padded(text: BaggedText, bags: Bags, longest: BaggedText) -> Counts:
    """Return the occurrences of every type of the longest vocabulary in some bags."""
    counts = bag_counts(text, bags)
    return np.pad(counts, (0, longest.counts.shape[0] - len(counts)))


def _divergence(first: Counts, second: Counts) -> float:
    """Return the divergence of Jensen and Shannon of two texts of equal length, in bits."""
    n_tokens = float(first.sum())
    together = log_sum(first + second) - 2 * n_tokens * np.log(2)
    return float((log_sum(first) + log_sum(second) - together) / (2 * n_tokens * np.log(2)))
