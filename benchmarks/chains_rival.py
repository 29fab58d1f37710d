"""How do the field's scripts simulate chains? A loop over trajectories and generations, over samples that are drawn.

Each function returns the values of its trajectories at the last generation. Generation 0, fitted on real samples, is
the first of `fits`.
"""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

Array = np.ndarray


def bernoulli(generator: np.random.Generator, *, share: float, n: int, fits: int, trajectories: int) -> Array:
    """Return whether the rare token is still there; each generation's samples are drawn at once."""
    alive = []
    for _ in range(trajectories):
        estimate = share
        for _ in range(fits):
            samples = generator.binomial(1, estimate, size=n)
            estimate = samples.mean()
        alive.append(estimate > 0)
    return np.array(alive)


def poisson(generator: np.random.Generator, *, rate: float, n: int, fits: int, trajectories: int) -> Array:
    """Return whether the rate is not 0; each generation's samples are drawn at once."""
    alive = []
    for _ in range(trajectories):
        estimate = rate
        for _ in range(fits):
            samples = generator.poisson(estimate, size=n)
            estimate = samples.mean()
        alive.append(estimate > 0)
    return np.array(alive)


def tokens_at_once(generator: np.random.Generator, law: Array, *, n: int, fits: int, trajectories: int) -> Array:
    """Return how many tokens are left; each generation's samples are drawn at once."""
    alphabet, left = np.arange(len(law)), []
    for _ in range(trajectories):
        estimate = law
        for _ in range(fits):
            samples = generator.choice(alphabet, size=n, p=estimate)
            estimate = np.bincount(samples, minlength=len(law)) / n
        left.append(np.count_nonzero(estimate))
    return np.array(left)


def tokens_one_by_one(generator: np.random.Generator, law: Array, *, n: int, fits: int, trajectories: int) -> Array:
    """Return how many tokens are left; samples are drawn one by one and counted in a dictionary."""
    left = []
    for _ in range(trajectories):
        alphabet, estimate = list(range(len(law))), law
        for _ in range(fits):
            counts = Counter(int(generator.choice(alphabet, p=estimate)) for _ in range(n))
            alphabet = list(counts)
            estimate = np.array([counts[token] / n for token in alphabet])
        left.append(len(alphabet))
    return np.array(left)


def gaussian(generator: np.random.Generator, *, workflow: str, d: int, n: int, fits: int, trajectories: int) -> Array:
    """Return tr Σ_t / d after replace, accumulate or accumulate-subsample, with the biased covariance."""
    ratios = []
    for _ in range(trajectories):
        pool = data = generator.multivariate_normal(np.zeros(d), np.eye(d), size=n)
        for _ in range(fits - 1):
            mean, covariance = data.mean(axis=0), np.cov(data, rowvar=False, bias=True)
            data = generator.multivariate_normal(mean, covariance, size=n)
            if workflow != "replace":
                data = pool = np.concatenate([pool, data])
            if workflow == "accumulate-subsample":
                data = pool[generator.choice(len(pool), size=n, replace=False)]
        ratios.append(np.trace(np.cov(data, rowvar=False, bias=True)) / d)
    return np.array(ratios)


def bigram_text(generator: np.random.Generator, text: list[int], *, n_tokens: int) -> list[int]:
    """Return a text written from lists of what follows each token, the first token following the last."""
    following = defaultdict(list)
    for token, after in zip(text, [*text[1:], text[0]], strict=True):
        following[token].append(after)
    token, written = text[generator.integers(len(text))], []
    for _ in range(n_tokens):
        choices = following[token]
        token = choices[int(generator.random() * len(choices))]
        written.append(token)
    return written


def multinomial_chain(generator: np.random.Generator, law: Array, *, n: int, fits: int, trajectories: int) -> Array:
    """Return how many tokens are left; each generation's counts are drawn by `numpy.random.Generator.multinomial`."""
    left = []
    for _ in range(trajectories):
        estimate = law
        for _ in range(fits):
            estimate = generator.multinomial(n, estimate) / n
        left.append(np.count_nonzero(estimate))
    return np.array(left)
