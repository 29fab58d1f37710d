"""Which rare events has a Poisson chain seen last? The exact probability that a rate is not 0 after so many fits.

A rate that is fitted as 0 stays 0. E e^{−a λ'} of a rate λ' fitted on n counts of rate λ is e^{−n(1 − e^{−a/n}) λ}: so
the probability of no count is e^{−a λ} with a = n one generation back, n(1 − e^{−1}) two generations back, and so on.
"""

from __future__ import annotations

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.theory.chain_moments import Samples, source_shares

DUALS = ("replace", "accumulate", "mix", "recent")
"""Workflows for which the exponents are known: their models' samples are shared out, not drawn at random."""


def survival_exponents(
    kind: str, samples: Samples, *, generations: int, reused: bool = False, window: int | None = None
) -> Array:
    """Return a_t: a real rate λ is fitted as 0 in generation t with probability e^{−a_t λ}.

    Parameters
    ----------
    kind : str
        One of `DUALS`.
    samples : Samples
        Numbers, not arrays.
    generations : int
        Fits after generation 0.
    reused : bool
        Whether a mix has the same real samples in every generation.
    window : int, optional
        Of the workflow ``"recent"``.

    Returns
    -------
    array of shape (generations + 1,)

    Notes
    -----
    Where real samples are kept, what generation 0 has seen is seen for ever, and nothing else.

    References
    ----------
    A. T. Suresh, A. Thangaraj, A. N. K. Khandavally, Rate of Model Collapse in Recursive Training, 2024, arXiv
    2412.17646, Theorem 2 (replace: a_t = n g_{t+1}).

    Examples
    --------
    >>> exponents = survival_exponents("replace", Samples(10, 10), generations=20)
    >>> (1 - np.exp(-exponents[[0, 19]])).round(4).tolist()
    [1.0, 0.6001]
    """
    first, synthetic = float(np.asarray(samples.first)), np.asarray(samples.synthetic, dtype=np.float64)
    if kind == "accumulate" or reused:
        return np.full(generations + 1, first)
    real = float(np.asarray(samples.real)) if kind == "mix" else 0.0
    # entry (t, s): how often e^{−λ_s} stands in the probability that generation t has no count; column 0: the real law
    exponents = np.zeros((generations + 1, generations + 2))
    for s in range(generations, -1, -1):
        ahead = exponents[:, s + 1]
        size = synthetic + real if s else np.asarray(first)
        seen = -size * np.expm1(-ahead / size)
        seen[s] = size  # no count in generation s itself
        if s == 0:
            exponents[:, 0] += seen
            break
        shares, _ = source_shares(kind, s, window, synthetic)
        exponents[:, : s + 1] += seen[:, None] * shares * (synthetic / size)
        exponents[:, 0] += seen * (real / size)
    return np.asarray(exponents[:, 0])


def surviving_rates(rates: Array, exponents: Array) -> Array:
    """Return the expected number of rates that are not 0 in each generation, Σ_j 1 − e^{−a_t λ_j}, (T,).

    Parameters
    ----------
    rates : array of shape (n_rates,)
    exponents : array of shape (T,)
    """
    return np.array([-np.expm1(-exponent * rates).sum() for exponent in exponents])
