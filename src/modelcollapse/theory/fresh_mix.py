"""What becomes of one token in a mix with fresh real samples? The exact law of its count, generation by generation.

A token's count in a fit is that among the fresh real samples plus that among the synthetic ones, which depends on its
count in the fit before: a Markov chain of its own for each probability. Where there are too many samples to follow it,
lines of descent tell what is lost: one that comes to a real sample ends there, and these samples are the ancestors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.signal import fftconvolve

from modelcollapse.checks import Array
from modelcollapse.theory.ancestors import FEW, Ancestors, EmptyBoxes
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


def many_ancestors(mix: FreshMix) -> bool:
    """Return whether `fresh_ancestors` are so many that mean and variance tell enough."""
    return min(mix.n_real, mix.n_first) >= FEW


def fresh_ancestors(mix: FreshMix, *, generations: int) -> tuple[Ancestors, ...]:
    """Return the law of the number of real samples, fresh or first ones, behind each generation.

    Parameters
    ----------
    mix : FreshMix
        Of at least `FEW` real samples at a time.
    generations : int
        Last generation T.

    Returns
    -------
    tuple of Ancestors
        Of generations 0, ..., T, by mean and variance.

    Notes
    -----
    All lines that go on and all ancestors found are followed with their covariance. The lines fall into the samples of
    the fit before; those that fall into a real one end.
    """
    found, found_variance, joint = float(mix.n_real), 0.0, 0.0
    lines, lines_variance = float(mix.n_samples), 0.0
    total = mix.n_real + mix.n_samples
    laws = [Ancestors(mean=mix.n_first, variance=0.0)]
    for _ in range(generations):
        first = EmptyBoxes.after(lines, lines_variance, mix.n_first)
        ended = first.covariance(mix.n_first) - 2 * mix.n_first * first.slope * joint
        laws.append(Ancestors(mean=found + first.occupied(mix.n_first), variance=found_variance + ended))
        empty = EmptyBoxes.after(lines, lines_variance, total)
        lines, lines_variance = empty.occupied(mix.n_samples), empty.covariance(mix.n_samples)
        found += empty.occupied(mix.n_real)
        found_variance += empty.covariance(mix.n_real) - 2 * mix.n_real * empty.slope * joint
        joint = empty.covariance(mix.n_samples, mix.n_real) - mix.n_samples * empty.slope * joint
    return tuple(laws)


def _laws(probabilities: Array, mix: FreshMix, generations: int) -> Iterator[Array]:
    """Yield P(count) of each token in the fits of generations 0, ..., T, (n_tokens, samples of the fit + 1)."""
    laws = binomial_laws(mix.n_first, probabilities)
    yield laws
    real = binomial_laws(mix.n_real, probabilities)
    table = np.empty((0, 0))
    for _ in range(generations):
        counts = laws.shape[1]
        if len(table) != counts:
            table = binomial_laws(mix.n_samples, np.arange(counts) / (counts - 1))
        laws = np.clip(fftconvolve(real, laws @ table, axes=1), 0.0, 1.0)
        yield laws
