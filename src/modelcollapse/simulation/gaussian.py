"""How do chains of Gaussian refits go? Mean and scatter of each generation's samples are drawn, not the samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.simulation.multinomials import Counts
from modelcollapse.simulation.resampling import Refits, fitted_on

Tick = Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class Moments:
    """What a Gaussian's fit needs of samples, replicate by replicate.

    Attributes
    ----------
    n_samples : array of int, (n_replicates,)
    mean : array of shape (n_replicates, d)
    factor : array of shape (n_replicates, d, r)
        F Fᵀ is the sum of the squared deviations from the mean. As a factor it keeps its digits, however close to
        singular the chain has become.
    """

    n_samples: Counts
    mean: Array
    factor: Array


def gaussian_chains(
    generator: np.random.Generator,
    eigenvalues: Array,
    *,
    refits: Refits,
    unbiased: bool,
    threshold: float | None,
    n_replicates: int,
    tick: Tick,
) -> dict[str, Array]:
    """Return what each replicate of a chain of Gaussians goes through, in the coordinates of the real covariance.

    Parameters
    ----------
    generator : numpy.random.Generator
    eigenvalues : array of shape (d,)
        Of the real covariance; the real mean is 0.
    refits : Refits
        Of one context; not accumulate-subsample, which needs the samples themselves.
    unbiased : bool
        Whether the scatter is divided by n − 1 rather than by n.
    threshold : float or None
        Standard deviation above which a chain of one dimension is alive.
    n_replicates : int
    tick : callable
        Called once for each generation.

    Returns
    -------
    dict of str to array, (n_replicates, n_generations)
        `variance_ratio` tr Σ_t / tr Σ and `mean_error` ‖μ_t − μ‖² / tr Σ; in one dimension `standard_deviation`, and
        with a threshold `alive`.
    """
    world = GaussianDraws(generator, np.sqrt(eigenvalues), unbiased=unbiased, n_replicates=n_replicates)
    found: dict[str, list[Array]] = {}
    for data in fitted_on(world, refits):
        tick()
        variance = np.square(data.factor).sum(axis=(1, 2)) / world.divisor(data)
        for name, values in measured(variance, data.mean, eigenvalues, threshold=threshold).items():
            found.setdefault(name, []).append(values)
    return {name: np.array(values).T for name, values in found.items()}


def measured(variance: Array, mean: Array, eigenvalues: Array, *, threshold: float | None) -> dict[str, Array]:
    """Return the quantities of one generation, (n_replicates,), from the trace of the covariance and the mean."""
    total = eigenvalues.sum()
    found = {"variance_ratio": variance / total, "mean_error": np.square(mean).sum(axis=1) / total}
    if len(eigenvalues) == 1:
        found["standard_deviation"] = np.sqrt(variance)
        if threshold is not None:
            found["alive"] = (found["standard_deviation"] > threshold).astype(np.float64)
    return found


def bartlett_factors(generator: np.random.Generator, dof: Counts, *, n_features: int) -> Array:
    """Return factors T of Wishart matrices T Tᵀ, one for each number of degrees of freedom, from 0.

    T is lower trapezoidal: standard normal below the diagonal, on it the roots of chi-squared numbers with dof,
    dof − 1, ... degrees of freedom, and 0 in columns from `dof` on.

    Returns
    -------
    array of shape (len(dof), n_features, min(n_features, largest dof))

    References
    ----------
    M. S. Bartlett, On the theory of statistical regression, Proc. R. Soc. Edinburgh 53, 1933; with few degrees of
    freedom M. S. Srivastava, Singular Wishart and multivariate beta distributions, Ann. Statist. 31, 2003.

    Examples
    --------
    >>> factor = bartlett_factors(np.random.default_rng(0), np.array([10**12]), n_features=2)[0]
    >>> (factor @ factor.T / 10**12).round(3).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    columns = np.arange(min(n_features, int(dof.max())))
    factors = np.tril(generator.standard_normal((len(dof), n_features, len(columns))), k=-1)
    left = np.maximum(dof[:, None] - columns, 0)
    factors *= (left > 0)[:, None, :]
    factors[:, columns, columns] = np.sqrt(2.0 * generator.standard_gamma(left / 2.0))
    return factors


def triangles(rows: Array) -> Array:
    """Return R with RᵀR = AᵀA for each matrix A, (..., n, d); of shape (..., min(n, d), d)."""
    upper: Array = np.asarray(np.linalg.qr(rows, mode="r"))
    return upper


class GaussianDraws:
    """Samples are their moments; a model is the Gaussian that has them."""

    def __init__(self, generator: np.random.Generator, scales: Array, *, unbiased: bool, n_replicates: int) -> None:
        self.generator, self.scales, self.n_replicates = generator, scales, n_replicates
        self.less = int(unbiased)

    def divisor(self, data: Moments) -> Counts:
        """Return what the scatter is divided by, (n_replicates,)."""
        return data.n_samples - self.less

    def real(self, n_samples: Counts) -> Moments:
        """Return moments of samples of the real law."""
        d = len(self.scales)
        sizes = np.broadcast_to(n_samples, (self.n_replicates,))
        factor = np.broadcast_to(np.diag(self.scales), (self.n_replicates, d, d))
        return self._drawn(np.zeros((self.n_replicates, d)), factor, sizes)

    def synthetic(self, data: Moments, n_samples: Counts) -> Moments:
        """Return moments of samples of the Gaussian that is fitted on samples with these."""
        sizes = np.broadcast_to(n_samples, (self.n_replicates,))
        return self._drawn(data.mean, data.factor / np.sqrt(self.divisor(data))[:, None, None], sizes)

    def together(self, parts: Sequence[Moments]) -> Moments:
        """Return the moments of the samples of all parts."""
        sizes = np.array([part.n_samples for part in parts])
        n_samples = sizes.sum(axis=0)
        shares = sizes / np.maximum(n_samples, 1)
        mean = np.einsum("kr,krd->rd", shares, [part.mean for part in parts])
        between = [np.sqrt(size)[:, None] * (part.mean - mean) for size, part in zip(sizes, parts, strict=True)]
        factor = np.concatenate([*(part.factor for part in parts), np.stack(between, axis=2)], axis=2)
        if factor.shape[2] > len(self.scales):
            factor = triangles(factor.swapaxes(1, 2)).swapaxes(1, 2)
        return Moments(n_samples=n_samples, mean=mean, factor=factor)

    def added(self, pool: Moments, data: Moments) -> Moments:
        """Return the moments of both."""
        return self.together([pool, data])

    def subset(self, data: Moments, n_samples: Counts) -> Moments:
        """Refuse: moments do not tell those of a part of the samples."""
        raise NotImplementedError

    def beginning(self) -> list[Moments]:
        """Return no model."""
        return []

    def remembered(self, past: list[Moments], data: Moments) -> list[Moments]:
        """Return the models with one more."""
        return [*past, data]

    def from_past(self, past: list[Moments], n_samples: Counts) -> Moments:
        """Share the samples out to the real law and all models at random, and draw each share."""
        laws = len(past) + 1
        shares = self.generator.multinomial(int(n_samples[0]), np.full(laws, 1 / laws), size=self.n_replicates)
        drawn = self.real(shares[:, 0])
        for model, share in zip(past, shares.T[1:], strict=True):
            drawn = self.together([drawn, self.synthetic(model, share)])
        return drawn

    def kept(self, *data: Moments) -> tuple[Moments, ...]:
        """Return all: nothing is ever dropped."""
        return data

    def _drawn(self, mean: Array, factor: Array, n_samples: Counts) -> Moments:
        """Return moments of samples of N(mean, factor factorᵀ); mean and scatter of samples are independent."""
        spread = self.generator.standard_normal((self.n_replicates, factor.shape[2]))
        spread /= np.sqrt(np.maximum(n_samples, 1))[:, None]
        scatter = bartlett_factors(self.generator, np.maximum(n_samples - 1, 0), n_features=factor.shape[2])
        moved = np.einsum("rdk,rk->rd", factor, spread)
        return Moments(n_samples=n_samples, mean=mean + moved, factor=factor @ scatter)
