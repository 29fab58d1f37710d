"""How far does a chain of refits wander, and how narrow does it become? Exact second moments for every workflow.

One recursion serves token frequencies, Gaussians, kernel densities and Poisson rates alike: their fits keep means, and
given its model a sample has the model's mean and the model's variance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import polygamma, zeta

from modelcollapse.checks import Array

FAMILIES = ("biased", "unbiased", "poisson")
"""
What the variance of a fitted model is.

biased: that of its samples; token frequencies, Gaussians, and, with a kernel's variance added, kernel densities.
unbiased: that of its samples times n/(n − 1).
poisson: proportional to its mean, hence on average that of the real law.
"""


PRODUCT_TERMS = 50
"""Terms of the logarithm of an infinite product: each is at most half of the one before."""


class Samples(NamedTuple):
    """How many samples the fits of a chain have; arrays broadcast, e.g. over contexts.

    Attributes
    ----------
    first : array of shape (...)
        Real samples of generation 0.
    synthetic : array of shape (...)
        Synthetic samples drawn for each generation after it.
    real : array of shape (...), or None
        Real samples of each generation of a mix.
    subsample : array of shape (...), or None
        Samples of each fit on a subsample of the pool.
    """

    first: ArrayLike
    synthetic: ArrayLike
    real: ArrayLike | None = None
    subsample: ArrayLike | None = None


@dataclass(frozen=True)
class ChainMoments:
    """Second moments by generation, in units of the real law's variance (traces, where it has several coordinates).

    Attributes
    ----------
    mean_variance : array of shape (..., generations + 1)
        h_t = E‖m_t − m‖², of the model's mean m_t about the real law's mean m.
    drift : array of shape (..., generations + 1)
        E‖m_t − m_0‖², from the model of generation 0.
    spread : array of shape (..., generations + 1)
        The model's own variance, on average.
    """

    mean_variance: Array
    drift: Array
    spread: Array


def chain_moments(
    kind: str,
    samples: Samples,
    *,
    generations: int,
    family: str = "biased",
    kernel_variance: ArrayLike = 0.0,
    reused: bool = False,
    window: int | None = None,
) -> ChainMoments:
    """Return the second moments of a chain, exactly.

    Parameters
    ----------
    kind : str
        One of the workflows of `modelcollapse.problems.resampling`.
    samples : Samples
    generations : int
        Fits after generation 0.
    family : str
        One of `FAMILIES`.
    kernel_variance : array of shape (...)
        Variance of a kernel density's kernel, in units of the real law's; family ``"biased"``.
    reused : bool
        Whether a mix has the same real samples in every generation.
    window : int, optional
        Of the workflow ``"recent"``.

    Returns
    -------
    ChainMoments

    Notes
    -----
    A batch is a set of samples that are drawn together. Its mean x_s has, given the models before it, the mean of its
    models; hence Cov(x_s, x_u) = Cov(mean of its models, x_u) for every earlier batch u, and on the diagonal the
    variance of that mean plus what the batch's own samples add: (their variance given their models) / n. Models are
    averages over their batches. A subsample of size k from a pool of size M adds (1/k − 1/M) times the pool's variance.

    With replacement this is 1 − h_t = (1 − 1/n)^(t+1) [1, Theorem 1 there], with accumulation the product over k of
    1 − 1/(n k²), and with re-used real samples Theorem 2 of [1], its sign corrected; the recursion needs none of them.

    References
    ----------
    .. [1] Seddik, Chen, Hayou, Youssef and Debbah (2024), arXiv 2404.05090.

    Examples
    --------
    >>> moments = chain_moments("replace", Samples(first=10, synthetic=10), generations=2)
    >>> (1 - moments.mean_variance).round(3).tolist()  # 0.9, 0.9², 0.9³
    [0.9, 0.81, 0.729]
    """
    first, synthetic = np.broadcast_arrays(np.asarray(samples.first, float), np.asarray(samples.synthetic, float))
    fresh = kind == "mix" and not reused
    chain = _Chain(
        first.shape, 1 + generations * (1 + fresh), family=family, kernel_variance=np.asarray(kernel_variance)
    )
    chain.draw_real(first)
    chain.fit({0: first})
    for t in range(1, generations + 1):
        chain.draw(synthetic, *source_shares(kind, t, window, synthetic))
        newest = chain.n_batches - 1
        if fresh:
            chain.draw_real(np.asarray(samples.real, float))
        if kind == "mix":
            chain.fit({newest: synthetic, newest + 1 if fresh else 0: np.asarray(samples.real, float)})
        elif kind.startswith("accumulate"):
            pool = {0: first} | {batch: synthetic for batch in range(1, newest + 1)}
            chain.fit(pool, subsample=samples.subsample)
        else:
            chain.fit({newest: synthetic})
    return ChainMoments(*(np.stack(values, axis=-1) for values in (chain.mean_variance, chain.drift, chain.spread)))


def limiting_mean_variance(
    kind: str, samples: Samples, *, family: str = "biased", reused: bool = False
) -> Array | None:
    """Return where `mean_variance` goes after many generations; None where no closed form is known.

    Parameters
    ----------
    kind, samples, family, reused
        As in `chain_moments`; family ``"biased"`` or ``"poisson"``.

    Returns
    -------
    array of shape (...) or None

    Notes
    -----
    With n_first = n_samples = n, accumulation ends at 1 − sin(π/√n)/(π/√n), and for Poisson rates at π²/(6n).

    Examples
    --------
    >>> limit = limiting_mean_variance("accumulate", Samples(first=10, synthetic=10))
    >>> bool(np.isclose(1 - limit, np.sin(np.pi / 10**0.5) / (np.pi / 10**0.5)))
    True
    """
    saturates = {"biased": 1.0, "poisson": 0.0}.get(family)
    if saturates is None:
        return None
    first, synthetic = np.asarray(samples.first, float), np.asarray(samples.synthetic, float)
    if kind == "replace":
        return np.ones(np.broadcast_shapes(first.shape, synthetic.shape)) if saturates else None
    if kind == "accumulate":
        return _accumulated(first, synthetic, saturates=bool(saturates))
    if kind == "mix":
        real = np.asarray(samples.real, float)
        share, rest = synthetic / (real + synthetic), real / (real + synthetic)
        pull = rest * (1 + share)  # 1 − share²
        own = pull / real if reused else rest**2 / real
        return np.asarray((own + share**2 / synthetic) / (pull + saturates * share**2 / synthetic))
    return None


def _accumulated(first: Array, synthetic: Array, *, saturates: bool) -> Array:
    """Return 1 − (1 − 1/first) Π_k (1 − synthetic/(first + k synthetic)²); without saturation the sum in its place."""
    ratio = first / synthetic
    if not saturates:
        return np.asarray(1 / first + polygamma(1, 1 + ratio) / synthetic)
    powers = np.arange(1.0, PRODUCT_TERMS + 1)
    sums = zeta(2 * powers, 1 + ratio[..., None])  # Σ_k (first/synthetic + k)^(−2 powers), k ≥ 1
    logarithm = -(sums / powers * synthetic[..., None] ** -powers).sum(-1)
    return np.asarray(1 / first - (1 - 1 / first) * np.expm1(logarithm))


def source_shares(kind: str, t: int, window: int | None, synthetic: Array) -> tuple[Array, bool]:
    """Return the shares of a batch's samples by source, (..., t + 1), and whether each sample's source is random.

    Source 0 is the real law, source k + 1 the model of generation k.
    """
    shares = np.zeros((*synthetic.shape, t + 1))
    if kind == "random-past":
        return shares + 1 / (t + 1), True
    used = min(window or 1, t + 1)
    each, left = np.divmod(synthetic, used)
    for age in range(used):
        shares[..., t - age] = (each + (age < left)) / synthetic
    return shares, False


class _Chain:
    """Covariances between the means of all batches so far, and the models that were fitted on them."""

    def __init__(self, shape: tuple[int, ...], n_batches: int, *, family: str, kernel_variance: Array) -> None:
        self.family = family
        self.kernel_variance = kernel_variance
        self.n_batches = 0
        self.covariance = np.zeros((*shape, n_batches, n_batches))
        self.within = np.zeros((*shape, n_batches))  # variance of a batch's samples about their mean
        self.loadings: list[Array] = []  # of each model on the batches, (..., batches when it was fitted)
        self.mean_variance: list[Array] = []
        self.drift: list[Array] = []
        self.spread: list[Array] = []

    def draw_real(self, n: Array) -> None:
        """Add a batch of n real samples."""
        self._add(cross=np.zeros(self.n_batches), variance=1 / n, within=1 - 1 / n)

    def draw(self, n: Array, shares: Array, random: bool) -> None:
        """Add a batch of n samples of the given shares of the real law and of the models so far."""
        models = shares[..., 1:]
        loadings = np.zeros((*n.shape, self.n_batches))
        for k in np.flatnonzero(models.reshape(-1, models.shape[-1]).any(axis=0)):
            own = self.loadings[k]
            loadings[..., : own.shape[-1]] += models[..., k, None] * own
        cross = self._with_batches(loadings)
        mean_variances = np.stack(self.mean_variance, axis=-1)
        spreads = shares[..., 0] + (models * np.stack(self.spread, axis=-1)).sum(-1)
        about_real = (models * mean_variances).sum(-1)
        single = (shares == 1).any(-1)  # whose variance holds what its subsample has added, unlike the batches
        variance = np.where(single, about_real, (loadings * cross).sum(-1))
        apart = about_real - variance  # of the models' means
        own = (spreads + apart if random else spreads) / n
        self._add(cross=cross, variance=variance + own, within=spreads + apart - own)

    def fit(self, batches: dict[int, Array], *, subsample: ArrayLike | None = None) -> None:
        """Fit a model on batches, of the given numbers of samples, or on a subsample of them."""
        numbers = np.stack(np.broadcast_arrays(*batches.values()), axis=-1)
        n = numbers.sum(-1)
        loadings = np.zeros((*numbers.shape[:-1], self.n_batches))
        loadings[..., list(batches)] = numbers / n[..., None]
        cross = self._with_batches(loadings)
        variance = (loadings * cross).sum(-1)
        variances = np.diagonal(self.covariance, axis1=-2, axis2=-1)[..., : self.n_batches]
        between = (loadings * variances).sum(-1) - variance
        spread = (loadings * self.within[..., : self.n_batches]).sum(-1) + np.maximum(between, 0.0)
        moved = loadings.copy()  # from the first batch: what the others weigh, so that no digits of little are lost
        moved[..., 0] = -loadings[..., 1:].sum(-1)
        drift = np.maximum((moved * self._with_batches(moved)).sum(-1), 0.0)
        if subsample is not None:
            pool, n = n, np.asarray(subsample, float)
            added = (1 / n - 1 / pool) * spread * pool / (pool - 1)
            variance, drift, spread = variance + added, drift + added, spread - added
        self.loadings.append(loadings)
        self.mean_variance.append(variance)
        self.drift.append(drift)
        own = {"biased": spread + self.kernel_variance, "poisson": np.ones_like(spread)}
        self.spread.append(spread * n / (n - 1) if self.family == "unbiased" else own[self.family])

    def _with_batches(self, loadings: Array) -> Array:
        """Return the covariances of a combination of batch means with every batch mean."""
        used = np.flatnonzero(loadings.reshape(-1, self.n_batches).any(axis=0))
        if 2 * len(used) > self.n_batches:
            known, weights = self.covariance[..., : self.n_batches, : self.n_batches], loadings
        else:
            known, weights = self.covariance[..., used, : self.n_batches], loadings[..., used]
        return np.asarray((weights[..., None, :] @ known)[..., 0, :])

    def _add(self, *, cross: Array, variance: Array, within: Array) -> None:
        new = self.n_batches
        self.covariance[..., new, :new] = self.covariance[..., :new, new] = cross
        self.covariance[..., new, new] = variance
        self.within[..., new] = within
        self.n_batches += 1
