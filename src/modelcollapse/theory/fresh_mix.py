"""What becomes of one token in a mix with fresh real samples? The exact law of its count, generation by generation.

A token's count in a fit is that among the fresh real samples plus that among the synthetic ones, which depends on its
count in the fit before: a Markov chain of its own for each probability.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.signal import fftconvolve

from modelcollapse.checks import Array
from modelcollapse.theory.token_errors import BUDGET, ENTRIES, binomial_laws


@dataclass(frozen=True, kw_only=True)
class FreshMix:
    """Samples of the fits.

    Attributes
    ----------
    n_first : int
        Real samples of generation 0.
    n_real, n_samples : int
        Fresh real and synthetic samples of each generation after it.
    """

    n_first: int
    n_real: int
    n_samples: int


@dataclass(frozen=True, kw_only=True)
class FreshMixAnswers:
    """Quantities of all tokens together, by generation, each of shape (generations + 1,).

    Attributes
    ----------
    absolute_error : array
        Σ_i E|p_t,i − p_i|.
    vocabulary : array
        E #{tokens of positive probability}.
    collapse_probability : array
        P(all samples are one token).
    """

    absolute_error: Array
    vocabulary: Array
    collapse_probability: Array


def affordable_fresh(mix: FreshMix, *, generations: int, n_tokens: int) -> bool:
    """Return whether the laws of so many different tokens can be followed: a hundred of a thousand samples."""
    total = mix.n_real + mix.n_samples
    fits = max(mix.n_first, total) * max(n_tokens, mix.n_samples) <= 4 * ENTRIES
    return fits and n_tokens * float(total) * mix.n_samples * generations <= BUDGET


def fresh_mix_answers(probabilities: Array, *, counts: Array, mix: FreshMix, generations: int) -> FreshMixAnswers:
    """Return what follows from the law of each token's count.

    Parameters
    ----------
    probabilities, counts : arrays of shape (n_tokens,)
        Of tokens in the real law, and how many tokens each entry stands for.
    mix : FreshMix
    generations : int
    """
    error, vocabulary, collapsed = np.empty((3, generations + 1))
    for t, laws in enumerate(_laws(probabilities, mix, generations)):
        shares = np.arange(laws.shape[1]) / (laws.shape[1] - 1)
        error[t] = counts @ (laws * np.abs(shares - probabilities[:, None])).sum(axis=1)
        vocabulary[t] = counts @ (1 - laws[:, 0])
        collapsed[t] = counts @ laws[:, -1]
    return FreshMixAnswers(absolute_error=error, vocabulary=vocabulary, collapse_probability=collapsed)


def _laws(probabilities: Array, mix: FreshMix, generations: int) -> Iterator[Array]:
    """Yield P(count) of each token in the fits of generations 0, ..., T, (n_tokens, samples of the fit + 1)."""
    laws = binomial_laws(mix.n_first, probabilities)
    yield laws
    real = binomial_laws(mix.n_real, probabilities)
    for _ in range(generations):
        samples = laws.shape[1] - 1
        synthetic = laws @ binomial_laws(mix.n_samples, np.arange(samples + 1) / samples)
        laws = np.clip(fftconvolve(real, synthetic, axes=1), 0.0, 1.0)
        yield laws
