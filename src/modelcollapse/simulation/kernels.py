"""How do chains of kernel densities go? Every sample is drawn: one of those before it, moved a little."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.simulation.gaussian import measured
from modelcollapse.simulation.multinomials import Counts, uniform_subsets
from modelcollapse.simulation.resampling import Refits, fitted_on

Tick = Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class Points:
    """Samples of each replicate, with room for more.

    Attributes
    ----------
    room : array of shape (n_replicates, at least n_samples, d)
    n_samples : int
    """

    room: Array
    n_samples: int

    @property
    def values(self) -> Array:
        """The samples, (n_replicates, n_samples, d)."""
        return self.room[:, : self.n_samples]


Past = tuple[Points, Counts]
"""The points of all models, one model after another, and where each of them begins and the last one ends."""


def kernel_chains(
    generator: np.random.Generator,
    eigenvalues: Array,
    *,
    refits: Refits,
    bandwidth: float,
    threshold: float | None,
    n_replicates: int,
    tick: Tick,
) -> dict[str, Array]:
    """Return what each replicate of a chain of kernel densities goes through, in the coordinates of the covariance.

    Parameters
    ----------
    generator, eigenvalues, refits, threshold, n_replicates, tick
        As in `modelcollapse.simulation.gaussian.gaussian_chains`.
    bandwidth : float
        Standard deviation of the kernel, in every direction.

    Returns
    -------
    dict of str to array, (n_replicates, n_generations)
        As there, of the covariance of the model, its kernel included; without `standard_deviation`.
    """
    world = _Kernels(generator, np.sqrt(eigenvalues), bandwidth=bandwidth, n_replicates=n_replicates)
    found: dict[str, list[Array]] = {}
    for data in fitted_on(world, refits):
        tick()
        mean = data.values.mean(axis=1)
        squares = np.square(data.values - mean[:, None]).sum(axis=(1, 2))
        variance = squares / data.n_samples + len(eigenvalues) * bandwidth**2
        for name, values in measured(variance, mean, eigenvalues, threshold=threshold).items():
            found.setdefault(name, []).append(values)
    found.pop("standard_deviation", None)
    return {name: np.array(values).T for name, values in found.items()}


class _Kernels:
    """Draws points; a model is the points, each of them moved by normal noise of the bandwidth when it is drawn."""

    def __init__(self, generator: np.random.Generator, scales: Array, *, bandwidth: float, n_replicates: int) -> None:
        self.generator, self.scales, self.n_replicates = generator, scales, n_replicates
        self.bandwidth = bandwidth

    def real(self, n_samples: Counts) -> Points:
        return _points(self.scales * self._normal(int(n_samples[0])))

    def synthetic(self, data: Points, n_samples: Counts) -> Points:
        place = self.generator.integers(data.n_samples, size=(self.n_replicates, int(n_samples[0])))
        return _points(self._moved(data, place))

    def together(self, parts: Sequence[Points]) -> Points:
        return _points(np.concatenate([part.values for part in parts], axis=1))

    def added(self, pool: Points, data: Points) -> Points:
        """Write the points behind the pool's, in twice the room where there is too little."""
        n_samples, room = pool.n_samples + data.n_samples, pool.room
        if n_samples > room.shape[1]:
            room = np.empty((self.n_replicates, 2 * n_samples, len(self.scales)))
            room[:, : pool.n_samples] = pool.values
        room[:, pool.n_samples : n_samples] = data.values
        return Points(room=room, n_samples=n_samples)

    def subset(self, data: Points, n_samples: Counts) -> Points:
        places = uniform_subsets(
            self.generator, n_items=data.n_samples, n_drawn=int(n_samples[0]), n_replicates=self.n_replicates
        )
        return _points(np.take_along_axis(data.values, places[..., None], axis=1))

    def beginning(self) -> Past:
        return _points(np.empty((self.n_replicates, 0, len(self.scales)))), np.zeros(1, dtype=np.int64)

    def remembered(self, past: Past, data: Points) -> Past:
        pool, ends = past
        return self.added(pool, data), np.append(ends, ends[-1] + data.n_samples)

    def from_past(self, past: Past, n_samples: Counts) -> Points:
        pool, ends = past
        shape = (self.n_replicates, int(n_samples[0]))
        model = self.generator.integers(len(ends), size=shape)  # the last number stands for the real law
        sizes = np.append(np.diff(ends), 1)
        place = ends[model] + (self.generator.random(shape) * sizes[model]).astype(np.int64)
        real = model == len(ends) - 1
        drawn = self._moved(pool, np.where(real, 0, place))
        drawn[real] = self.generator.standard_normal((int(real.sum()), len(self.scales))) * self.scales
        return _points(drawn)

    def kept(self, *data: Points) -> tuple[Points, ...]:
        return data

    def _moved(self, data: Points, place: Counts) -> Array:
        every = np.arange(self.n_replicates)[:, None]
        return np.asarray(data.room[every, place] + self.bandwidth * self._normal(place.shape[1]))

    def _normal(self, n_samples: int) -> Array:
        return self.generator.standard_normal((self.n_replicates, n_samples, len(self.scales)))


def _points(values: Array) -> Points:
    return Points(room=values, n_samples=values.shape[1])
