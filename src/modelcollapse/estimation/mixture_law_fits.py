"""Which laws of mixtures do trained models follow? Fits, and what they say of models that they have not seen.

Every law is fitted to log errors; errors of few rows scatter more and count less. What a law says of models that it was
not fitted to gives its weight: each left out in turn, and all those of many rows at once. Draws from all laws by their
weights make the bands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array
from modelcollapse.estimation.law_fits import minimise
from modelcollapse.estimation.mixture_laws import MixtureLaw, Mixtures
from modelcollapse.estimation.scaling_laws import Units

N_STARTS = 12
"""Starting points of a fit."""

SMALLEST_SCALE = 2e-3
"""Smallest standard deviation of a log error: of models of the largest mixture, relative."""

FEWEST = 8
"""Models from which laws can be fitted."""

EVEN = 0.5
"""Share of the weight that all laws have alike."""

LARGE = 0.5
"""Mixtures with more than this share of the most rows of a source are held out to see how laws extrapolate."""


@dataclass(frozen=True, eq=False, kw_only=True)
class MixtureFit:
    """A law fitted to trained models.

    Attributes
    ----------
    law : MixtureLaw
    mixtures : Mixtures
        Of the models.
    log_error : array of shape (n,)
    units : Units
    vector : array of shape (P,)
        Best parameters.
    scale : float
        Standard deviation of the log error of a model of the largest mixture about the law.
    left_out : array of shape (n,)
        log measured − log said by the law when that model is left out, over its relative scatter.
    beyond : array of shape (m,)
        log measured − log said by the law for the models of many rows, when it is fitted to the others.
    """

    law: MixtureLaw
    mixtures: Mixtures
    log_error: Array
    units: Units
    vector: Array
    scale: float
    left_out: Array
    beyond: Array

    def log_errors(self, vectors: Array, mixtures: Mixtures) -> Array:
        """Return log errors, (..., n), of parameter vectors, (..., P)."""
        return self.law.log_losses(vectors, mixtures, self.units)

    @property
    def spread(self) -> Array:
        """Relative scatter of the models, (n,)."""
        return scatter(self.mixtures.total)

    def draws(self, n_draws: int, generator: np.random.Generator) -> Array:
        """Return parameter vectors, (n_draws, P), fitted to log errors and prior centres that are drawn anew."""
        freedom = max(len(self.log_error) - self.law.n_free, 1)
        noise = self.scale * self.spread * generator.standard_normal((n_draws, len(self.log_error)))
        target = self.log_error + noise * np.sqrt(freedom / generator.chisquare(freedom, size=(n_draws, 1)))
        vectors, _ = minimise(
            self.law,
            self.mixtures,
            self.units,
            target,
            start=np.tile(self.vector, (n_draws, 1)),
            prior=self.law.prior(self.log_error).drawn(n_draws, generator),
            scale=self.scale * self.spread,
        )
        return vectors


def scatter(totals: Array) -> Array:
    """Return the relative scatter of models of so many rows, 1 for the largest mixture.

    √((1 + N_max/N)/2): half of the variance is that of the draw of the rows, and half has nothing to do with it
    """
    return np.asarray(np.sqrt((1.0 + totals.max() / totals) / 2.0))


def fit_mixture_law(law: MixtureLaw, mixtures: Mixtures, error: Array) -> MixtureFit:
    """Fit a law to the errors, (n,), of models trained on mixtures."""
    units, log_error = Units.of(mixtures), np.log(error)
    spread, everyone = scatter(mixtures.total), np.ones(len(error), dtype=bool)
    prior = law.prior(log_error)
    vectors, scale = prior.starts(N_STARTS), max(float(np.std(log_error)) / 2, SMALLEST_SCALE)

    def fitted(kept: NDArray[np.bool_], starts: Array) -> Array:
        target = np.broadcast_to(log_error[kept], (len(starts), int(kept.sum())))
        some = mixtures.pick(kept)
        found, objectives = minimise(law, some, units, target, start=starts, prior=prior, scale=scale * spread[kept])
        return found[np.argsort(objectives)[:4]]

    def missed(kept: NDArray[np.bool_]) -> Array:
        others = mixtures.pick(~kept)
        return log_error[~kept] - law.log_losses(fitted(kept, vectors[:2])[0], others, units)

    for _ in range(3):
        vectors = fitted(everyone, vectors)
        scale = _scale((log_error - law.log_losses(vectors[0], mixtures, units)) / spread, n_parameters=law.n_free)
    left_out = np.concatenate([missed(np.arange(len(error)) != k) for k in range(len(error))]) / spread
    small = ~large(mixtures)
    beyond = missed(small) if FEWEST <= small.sum() < len(error) else np.empty(0)
    return MixtureFit(
        law=law,
        mixtures=mixtures,
        log_error=log_error,
        units=units,
        vector=vectors[0],
        scale=scale,
        left_out=left_out,
        beyond=beyond,
    )


def large(mixtures: Mixtures) -> NDArray[np.bool_]:
    """Return whether mixtures hold many of the rows of a source that any of them holds, (n,)."""
    many_real = mixtures.real > LARGE * mixtures.real.max()
    return np.asarray(many_real | (mixtures.synthetic > LARGE * mixtures.synthetic.max()))


def _scale(residuals: Array, *, n_parameters: int) -> float:
    """Return the standard deviation of residuals over their relative scatter."""
    spare = max(len(residuals) - n_parameters, 1)
    return max(float(np.sqrt((residuals**2).sum() / spare)), SMALLEST_SCALE)


def law_weights(fits: Sequence[MixtureFit]) -> Array:
    """Return the weights, (L,), of laws: half of them even, half by what laws say of models they were not fitted to.

        log merit = −(n/4) log(mean square of what is missed of models left out one by one)
                     −2 log(mean square of what is missed of models of many rows)

    Half of the likelihood of n models that are left out, as they overlap; models of many rows count as four. Within
    the rows at hand laws are hardly told apart that part company beyond them: hence the even half.
    """
    n = len(fits[0].log_error)
    logs = np.array([-n / 4 * np.log(np.mean(fit.left_out**2) + SMALLEST_SCALE**2) for fit in fits])
    if len(fits[0].beyond):
        logs += np.array([-2 * np.log(np.mean(fit.beyond**2) + SMALLEST_SCALE**2) for fit in fits])
    shares = np.exp(logs - logs.max())
    return np.asarray(EVEN / len(fits) + (1.0 - EVEN) * shares / shares.sum())
