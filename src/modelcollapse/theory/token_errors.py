"""How far is a model of tokens from the truth in absolute error? From the exact chain of one token's count.

Σ_i E|p_t,i − p_i| needs the law of each token's count alone, which is a Markov chain: that among the samples of a fit
where a generation replaces the one before or samples accumulate, and given the count among the real samples also where
these are re-used. Tokens differ in how this chain starts and in what their count is held against, and |y − x| is linear
in x between whole numbers: so all tokens together need one law for each count in generation 0, however many there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice

import numpy as np
from scipy.sparse import csr_array
from scipy.special import gammaln, xlog1py, xlogy

from modelcollapse.checks import Array

REFITS = ("replace", "mix-reused", "accumulate")
"""Workflows in which one token's count is a Markov chain."""

BUDGET = 5e10
"""Most multiplications for the laws of all generations: about two seconds."""

ENTRIES = 5e6
"""Most entries of a table of binomial laws: 40 MB. Samples of generation 0 times those of a fit may be 4 times as many,
tokens times samples of generation 0, which are taken in turn, 20 times."""

SPARSE = 30
"""How many times longer a multiplication takes where a pool of samples grows."""

TINY = 1e-60
"""Probabilities that are taken as 0: processors are slow where products of them leave the range of normal numbers."""

NEGLIGIBLE = 1e-16
"""Weight of a count in generation 0, relative to all, below which it is left out."""


@dataclass(frozen=True, kw_only=True)
class Refit:
    """How each generation after the first is fitted.

    Attributes
    ----------
    kind : str
        One of `REFITS`.
    n_first : int
        Real samples of generation 0.
    n_samples : int
        Synthetic samples of each generation after it.
    """

    kind: str
    n_first: int
    n_samples: int

    def n_total(self, t: int) -> int:
        """Return the samples of the fit of generation t > 0."""
        real = 0 if self.kind == "replace" else self.n_first
        return real + self.n_samples * (t if self.kind == "accumulate" else 1)


def affordable(probabilities: Array, *, refit: Refit, generations: int) -> bool:
    """Return whether absolute errors can be computed exactly: for about a thousand samples, or a few hundred.

    Parameters
    ----------
    probabilities : array of shape (n_tokens,)
        Different probabilities of tokens in the real law.
    refit : Refit
    generations : int
    """
    total, grows = refit.n_total(generations) + 1, refit.kind == "accumulate"
    table = total * (refit.n_samples + 1)
    starts = (refit.n_first + 1) * len(probabilities) * (generations if grows else 1)
    if table > ENTRIES or (refit.n_first + 1) * total > 4 * ENTRIES or starts > 20 * ENTRIES:
        return False
    each = SPARSE / 2 if grows else 1  # the pool is half as large on average
    return each * table * _likely_counts(probabilities, refit.n_first) * generations <= BUDGET


def absolute_errors(probabilities: Array, *, counts: Array, refit: Refit, generations: int) -> tuple[Array, Array]:
    """Return Σ_i E|p_t,i − p_i| and Σ_i E|p_t,i − p_0,i| in each generation.

    Parameters
    ----------
    probabilities, counts : arrays of shape (n_tokens,)
        Of tokens in the real law, and how many tokens each entry stands for.
    refit : Refit
    generations : int

    Returns
    -------
    error, drift : arrays of shape (generations + 1,)

    Notes
    -----
    Exact to rounding. The cost grows with the product of all samples of a fit, and of real and synthetic ones.
    """
    pairs = list(islice(iterate_errors(probabilities, counts=counts, refit=refit), generations))
    first = mean_absolute_deviations(probabilities, n_samples=refit.n_first) @ counts
    error, drift = np.array([(first, 0.0), *pairs]).T
    return error, drift


def iterate_errors(probabilities: Array, *, counts: Array, refit: Refit) -> Iterator[tuple[float, float]]:
    """Yield the error and the drift of generations 1, 2, ..., as `absolute_errors` has them."""
    against, first = _start(probabilities, counts, refit, n_total=refit.n_total(1))
    weights = against.sum(axis=1)
    kept = np.zeros_like(first) if refit.kind == "replace" else first
    laws = _shifted(binomial_laws(refit.n_samples, first / refit.n_first), kept, refit.n_total(1))
    table = binomial_laws(refit.n_samples, _shares(refit.n_total(1)))
    for t in count(1):
        n_total = refit.n_total(t)
        if t > 1 and refit.kind == "accumulate":
            laws = _grown(laws, refit.n_samples)
            against, _ = _start(probabilities, counts, refit, n_total=n_total)
        elif t > 1:
            laws = _shifted(without_tiny(laws @ table), kept, n_total)
        apart = np.abs(_shares(n_total) - first[:, None] / refit.n_first)
        error = (against * _mean_distances(laws)).sum() / n_total
        yield float(error), float(weights @ (laws * apart).sum(axis=1))


def mean_absolute_deviations(probabilities: Array, *, n_samples: int) -> Array:
    """Return E|x/n − p| of each token's share in n real samples, (n_tokens,).

    2 (1 − p)^{n−m} p^{m+1} (m + 1) C(n, m + 1)/n with m = ⌊np⌋, by De Moivre; loses digits beyond 1e8 samples.
    """
    n = float(n_samples)
    above = np.minimum(np.floor(n * probabilities) + 1, n)
    logarithm = (
        gammaln(n + 1) - gammaln(above + 1) - gammaln(n - above + 1)
        + xlogy(above, probabilities) + xlog1py(n - above + 1, -probabilities)
    )  # fmt: skip
    return np.asarray(2 * above / n * np.exp(logarithm))


def deviation_bound(probabilities: Array, *, counts: Array, variances: Array) -> Array:
    """Return Σ_i √(p_i(1 − p_i) h), at most 2, which no expected absolute error exceeds (Cauchy, Schwarz); (T,).

    Parameters
    ----------
    probabilities, counts : arrays of shape (n_tokens,)
        Of tokens in the real law, and how many tokens each entry stands for.
    variances : array of shape (T,)
        h, the variance of the model (or of its drift) in units of p(1 − p): see `chain_moments`.
    """
    return np.minimum(np.sqrt(variances) * (counts @ np.sqrt(probabilities * (1 - probabilities))), 2.0)


def binomial_laws(n: int, probabilities: Array) -> Array:
    """Return P(x successes in n trials) for x = 0, ..., n in columns, one row for each probability."""
    x = np.arange(n + 1.0)
    ways = gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)
    p = probabilities[:, None]
    return without_tiny(np.exp(ways + xlogy(x, p) + xlog1py(n - x, -p)))


def without_tiny(laws: Array) -> Array:
    """Return laws, changed in place, without probabilities below `TINY`."""
    laws[laws < TINY] = 0.0
    return laws


def _start(probabilities: Array, counts: Array, refit: Refit, *, n_total: int) -> tuple[Array, Array]:
    """Return how much each count in generation 0 weighs against each whole number, and those counts that weigh.

    Token i, of n_total · p_i = m + θ, weighs 1 − θ against m and θ against m + 1.
    """
    scaled = n_total * probabilities
    below = np.minimum(np.floor(scaled), n_total - 1).astype(int)
    above = scaled - below
    against = np.zeros((refit.n_first + 1, n_total + 1))
    size = max(int(ENTRIES) // (refit.n_first + 1), 1)
    for start in range(0, len(probabilities), size):
        part = slice(start, start + size)
        laws = binomial_laws(refit.n_first, probabilities[part])
        rows = np.arange(len(laws))
        values = np.concatenate([counts[part] * (1 - above[part]), counts[part] * above[part]])
        columns = np.concatenate([below[part], below[part] + 1])
        held = csr_array((values, (columns, np.tile(rows, 2))), shape=(n_total + 1, len(rows)))
        against += (held @ laws).T
    weights = against.sum(axis=1)
    weighing = weights > NEGLIGIBLE * weights.sum()
    return against[weighing], np.flatnonzero(weighing).astype(np.float64)


def _likely_counts(probabilities: Array, n: int) -> int:
    """Return about how many numbers some token's count in n real samples may be."""
    reach = 9 * np.sqrt(n * probabilities * (1 - probabilities)) + 40
    edges = np.clip([n * probabilities - reach, n * probabilities + reach], 0, n).astype(int)
    changes = np.bincount(edges[0], minlength=n + 2) - np.bincount(edges[1] + 1, minlength=n + 2)
    return int(np.count_nonzero(np.cumsum(changes)))


def _shares(n: int) -> Array:
    return np.arange(n + 1) / n


def _shifted(laws: Array, kept: Array, n_total: int) -> Array:
    """Return the laws of the counts in all samples of a fit, from those in its synthetic ones and what is `kept`."""
    shifted = np.zeros((len(laws), n_total + 1))
    for row, shift in enumerate(kept.astype(int)):
        shifted[row, shift : shift + laws.shape[1]] = laws[row]
    return shifted


def _grown(laws: Array, n_samples: int) -> Array:
    """Return the laws of a pool's counts after so many samples have been drawn from it and added to it."""
    n = laws.shape[1] - 1
    table = binomial_laws(n_samples, _shares(n))
    columns = np.arange(n + 1)[:, None] + np.arange(n_samples + 1)
    starts = np.arange(n + 2) * (n_samples + 1)
    added = csr_array((table.ravel(), columns.ravel(), starts), shape=(n + 1, n + n_samples + 1))
    return without_tiny(np.asarray(laws @ added))


def _mean_distances(laws: Array) -> Array:
    """Return E|y − m| for y of each law and each whole number m: E y at 0, and 2 P(y ≤ m) − 1 more at m + 1."""
    steps = 2 * np.cumsum(laws[:, :-1], axis=1) - 1
    means = laws @ np.arange(laws.shape[1])
    return np.concatenate([means[:, None], means[:, None] + np.cumsum(steps, axis=1)], axis=1)
