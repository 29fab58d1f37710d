"""How do chains go that need the samples themselves? Kernel densities, and Gaussians refitted on subsets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.simulation.gaussian import measured, triangles
from modelcollapse.simulation.multinomials import Counts, distinct
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


def point_chains(
    generator: np.random.Generator,
    eigenvalues: Array,
    *,
    refits: Refits,
    unbiased: bool,
    bandwidth: float | None,
    threshold: float | None,
    n_replicates: int,
    tick: Tick,
) -> dict[str, Array]:
    """Return what `modelcollapse.simulation.gaussian.gaussian_chains` returns, by drawing every sample.

    Parameters
    ----------
    generator, eigenvalues, refits, unbiased, threshold, n_replicates, tick
        As there; only of a kernel density may a past be drawn from at random.
    bandwidth : float or None
        Of the kernel density that is the model; None for a Gaussian.

    Returns
    -------
    dict of str to array, (n_replicates, n_generations)
        Of a kernel density, the covariance is that of the model, with its bandwidth, and there is no
        `standard_deviation`.
    """
    drawing = (generator, np.sqrt(eigenvalues), n_replicates)
    world = _Gaussians(*drawing, unbiased=unbiased) if bandwidth is None else _Kernels(*drawing, bandwidth=bandwidth)
    found: dict[str, list[Array]] = {}
    for data in fitted_on(world, refits):
        tick()
        mean = data.values.mean(axis=1)
        squares = np.square(data.values - mean[:, None]).sum(axis=(1, 2))
        variance = squares / (data.n_samples - int(unbiased)) + len(eigenvalues) * (bandwidth or 0.0) ** 2
        for name, values in measured(variance, mean, eigenvalues, threshold=threshold).items():
            found.setdefault(name, []).append(values)
    if bandwidth is not None:
        found.pop("standard_deviation", None)
    return {name: np.stack(values, axis=1) for name, values in found.items()}


_Past = tuple[Points, Counts]
"""The points of all models, one model after another, and where each of them begins and the last one ends."""


class _Points:
    """Samples are points."""

    def __init__(self, generator: np.random.Generator, scales: Array, n_replicates: int) -> None:
        self.generator, self.scales, self.n_replicates = generator, scales, n_replicates

    def real(self, n_samples: Counts) -> Points:
        return self._points(self.scales * self._normal(int(n_samples[0])))

    def together(self, parts: Sequence[Points]) -> Points:
        return self._points(np.concatenate([part.values for part in parts], axis=1))

    def added(self, pool: Points, data: Points) -> Points:
        """Write the points behind the pool's, in twice the room where there is too little."""
        n_samples, room = pool.n_samples + data.n_samples, pool.room
        if n_samples > room.shape[1]:
            room = np.empty((self.n_replicates, 2 * n_samples, len(self.scales)))
            room[:, : pool.n_samples] = pool.values
        room[:, pool.n_samples : n_samples] = data.values
        return Points(room=room, n_samples=n_samples)

    def subset(self, data: Points, n_samples: Counts) -> Points:
        every = np.arange(self.n_replicates)
        sizes = np.full(self.n_replicates, data.n_samples)
        drawn = min(int(n_samples[0]), data.n_samples - int(n_samples[0]))
        places = distinct(self.generator, n_items=sizes, n_drawn=np.full(self.n_replicates, drawn))
        if drawn < n_samples[0]:  # the others
            inside = np.ones(data.n_samples * self.n_replicates, dtype=bool)
            inside[places] = False
            places = np.flatnonzero(inside)
        within = places.reshape(self.n_replicates, -1) - (every * data.n_samples)[:, None]
        return self._points(data.room[every[:, None], within])

    def kept(self, *data: Points) -> tuple[Points, ...]:
        return data

    def _normal(self, n_samples: int) -> Array:
        return self.generator.standard_normal((self.n_replicates, n_samples, len(self.scales)))

    def _points(self, values: Array) -> Points:
        return Points(room=values, n_samples=values.shape[1])


class _Gaussians(_Points):
    """A model is the Gaussian with mean and covariance of the points."""

    def __init__(self, generator: np.random.Generator, scales: Array, n_replicates: int, *, unbiased: bool) -> None:
        super().__init__(generator, scales, n_replicates)
        self.less = int(unbiased)

    def synthetic(self, data: Points, n_samples: Counts) -> Points:
        mean = data.values.mean(axis=1, keepdims=True)
        deviations = (data.values - mean) / np.sqrt(data.n_samples - self.less)
        upper = triangles(deviations)
        steps = self.generator.standard_normal((self.n_replicates, int(n_samples[0]), upper.shape[1]))
        return self._points(mean + steps @ upper)

    def beginning(self) -> _Past:
        raise NotImplementedError("a past of Gaussians is drawn from by their moments")

    def remembered(self, past: _Past, data: Points) -> _Past:
        raise NotImplementedError("a past of Gaussians is drawn from by their moments")

    def from_past(self, past: _Past, n_samples: Counts) -> Points:
        raise NotImplementedError("a past of Gaussians is drawn from by their moments")


class _Kernels(_Points):
    """A model is the points, each of them moved by normal noise of the bandwidth when it is drawn."""

    def __init__(self, generator: np.random.Generator, scales: Array, n_replicates: int, *, bandwidth: float) -> None:
        super().__init__(generator, scales, n_replicates)
        self.bandwidth = bandwidth

    def synthetic(self, data: Points, n_samples: Counts) -> Points:
        place = self.generator.integers(data.n_samples, size=(self.n_replicates, int(n_samples[0])))
        return self._points(self._moved(data, place))

    def beginning(self) -> _Past:
        return self._points(np.empty((self.n_replicates, 0, len(self.scales)))), np.zeros(1, dtype=np.int64)

    def remembered(self, past: _Past, data: Points) -> _Past:
        pool, ends = past
        return self.added(pool, data), np.append(ends, ends[-1] + data.n_samples)

    def from_past(self, past: _Past, n_samples: Counts) -> Points:
        pool, ends = past
        shape = (self.n_replicates, int(n_samples[0]))
        model = self.generator.integers(len(ends), size=shape)  # the last number stands for the real law
        sizes = np.append(np.diff(ends), 1)
        place = ends[model] + (self.generator.random(shape) * sizes[model]).astype(np.int64)
        real = model == len(ends) - 1
        drawn = self._moved(pool, np.where(real, 0, place))
        drawn[real] = self.generator.standard_normal((int(real.sum()), len(self.scales))) * self.scales
        return self._points(drawn)

    def _moved(self, data: Points, place: Counts) -> Array:
        every = np.arange(self.n_replicates)[:, None]
        return np.asarray(data.room[every, place] + self.bandwidth * self._normal(place.shape[1]))
