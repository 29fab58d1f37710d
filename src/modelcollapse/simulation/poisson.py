"""How do chains of Poisson rates go? Sums of Poisson numbers are Poisson numbers, so no sample is drawn by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.simulation.multinomials import Counts
from modelcollapse.simulation.resampling import Refits, fitted_on

Tick = Callable[[], None]

LARGE = 1e12
"""Above it, Poisson numbers are rounded normal ones, from which they differ by less than a millionth in law."""


@dataclass(frozen=True, kw_only=True)
class Sums:
    """What the fit of rates needs of samples, replicate by replicate.

    Attributes
    ----------
    n_samples : array of shape (n_replicates, 1)
    total : array of shape (n_replicates, n_rates)
    """

    n_samples: Array
    total: Array

    @cached_property
    def rates(self) -> Array:
        """The fitted rates, (n_replicates, n_rates)."""
        return self.total / self.n_samples


def poisson_chains(
    generator: np.random.Generator, rates: Array, *, refits: Refits, n_replicates: int, tick: Tick
) -> dict[str, Array]:
    """Return what each replicate of a chain of Poisson rates goes through.

    Parameters
    ----------
    generator : numpy.random.Generator
    rates : array of shape (n_rates,)
        Of the real laws.
    refits : Refits
        Of one context; not accumulate-subsample.
    n_replicates : int
    tick : callable
        Called once for each generation.

    Returns
    -------
    dict of str to array, (n_replicates, n_generations)
        `squared_error` Σ_j (λ_t,j − λ_j)² and `surviving_rates`, the number of rates that are not 0.
    """
    world, each = _Sums(generator, rates, n_replicates=n_replicates), np.ones(len(rates))
    errors = np.full((refits.generations + 1, n_replicates), rates @ rates)
    survivors = np.zeros_like(errors)
    for generation, data in enumerate(fitted_on(world, refits)):
        tick()
        errors[generation, world.alive] = np.square(data.rates - rates) @ each  # faster than a sum over few rates
        survivors[generation, world.alive] = (data.total > 0) @ each
    return {"squared_error": errors.T, "surviving_rates": survivors.T}


def poisson_numbers(generator: np.random.Generator, means: Array) -> Array:
    """Return independent Poisson numbers as floats, of means from 0.

    Examples
    --------
    >>> (poisson_numbers(np.random.default_rng(0), np.array([0.0, 1e18])) / 1e18).round(6).tolist()
    [0.0, 1.0]
    """
    if means.max(initial=0.0) <= LARGE:
        return generator.poisson(means).astype(np.float64)
    large = means > LARGE
    numbers = generator.poisson(np.where(large, 0.0, means)).astype(np.float64)
    normal = generator.standard_normal(int(large.sum()))
    numbers[large] = np.rint(means[large] + np.sqrt(means[large]) * normal)
    return numbers


class _Sums:
    """Samples are their sums; a model is the mean. Replicates without any rate left are drawn no more."""

    def __init__(self, generator: np.random.Generator, rates: Array, *, n_replicates: int) -> None:
        self.generator, self.alive = generator, np.arange(n_replicates)
        self.rates = np.broadcast_to(rates, (n_replicates, len(rates)))

    def real(self, n_samples: Counts) -> Sums:
        return self._drawn(self.rates, n_samples)

    def synthetic(self, data: Sums, n_samples: Counts) -> Sums:
        return self._drawn(data.rates, n_samples)

    def together(self, parts: Sequence[Sums]) -> Sums:
        n_samples = np.sum([part.n_samples for part in parts], axis=0)
        return Sums(n_samples=n_samples, total=np.sum([part.total for part in parts], axis=0))

    def added(self, pool: Sums, data: Sums) -> Sums:
        return self.together([pool, data])

    def subset(self, data: Sums, n_samples: Counts) -> Sums:
        raise NotImplementedError("sums do not tell those of a part of the samples")

    def beginning(self) -> list[Array]:
        return [self.rates]

    def remembered(self, past: list[Array], data: Sums) -> list[Array]:
        return [*past, data.rates]

    def from_past(self, past: list[Array], n_samples: Counts) -> Sums:
        shares = self.generator.multinomial(int(n_samples[0]), np.full(len(past), 1 / len(past)), size=len(self.alive))
        means = np.einsum("rk,krj->rj", shares.astype(np.float64), past)
        return self._sums(means, n_samples)

    def kept(self, *data: Sums) -> tuple[Sums, ...]:
        alive = sum(samples.total @ np.ones(samples.total.shape[1]) for samples in data) > 0
        if np.all(alive):
            return data
        self.alive = self.alive[alive]
        return tuple(Sums(n_samples=samples.n_samples[alive], total=samples.total[alive]) for samples in data)

    def _drawn(self, rates: Array, n_samples: Counts) -> Sums:
        return self._sums(rates * float(n_samples[0]), n_samples)

    def _sums(self, means: Array, n_samples: Counts) -> Sums:
        sizes = np.full((len(self.alive), 1), float(n_samples[0]))
        return Sums(n_samples=sizes, total=poisson_numbers(self.generator, means))
