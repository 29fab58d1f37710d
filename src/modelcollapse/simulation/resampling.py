"""What is each generation of a simulated chain fitted on? Workflows, written once for all worlds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np

from modelcollapse.simulation.multinomials import Counts

Data = TypeVar("Data")
Past = TypeVar("Past")


@dataclass(frozen=True, kw_only=True)
class Refits:
    """How many samples each generation is fitted on, and whose they are; see `modelcollapse.problems.resampling`.

    Attributes
    ----------
    kind : str
    generations : int
        After generation 0.
    n_first, n_samples : arrays of int, (n_contexts,)
    n_real, subsample : arrays of int, (n_contexts,), or None
    reused : bool
        Whether the real samples of a mix are the same in every generation.
    window : int or None
    """

    kind: str
    generations: int
    n_first: Counts
    n_samples: Counts
    n_real: Counts | None = None
    reused: bool = False
    subsample: Counts | None = None
    window: int | None = None

    def of(self, contexts: slice) -> Refits:
        """Return the workflow of some of the contexts."""
        sizes = ("n_first", "n_samples", "n_real", "subsample")
        given = {name: getattr(self, name) for name in sizes if getattr(self, name) is not None}
        return replace(self, **{name: counts[contexts] for name, counts in given.items()})


class World(Protocol[Data, Past]):
    """What can be drawn, for several replicates at once. A model is given by the samples that it is fitted on."""

    def real(self, n_samples: Counts) -> Data:
        """Return samples of the real law."""
        ...

    def synthetic(self, data: Data, n_samples: Counts) -> Data:
        """Return samples of the model that is fitted on `data`."""
        ...

    def together(self, parts: Sequence[Data]) -> Data:
        """Return the samples of all parts."""
        ...

    def added(self, pool: Data, data: Data) -> Data:
        """Return the pool with more samples; the one that is given is not used again."""
        ...

    def subset(self, data: Data, n_samples: Counts) -> Data:
        """Return so many of the samples, drawn without replacement."""
        ...

    def beginning(self) -> Past:
        """Return a past that holds the real law only."""
        ...

    def remembered(self, past: Past, data: Data) -> Past:
        """Return the past with one more model; the one that is given is not used again."""
        ...

    def from_past(self, past: Past, n_samples: Counts) -> Data:
        """Return samples, each of a law of the past that is chosen at random."""
        ...

    def kept(self, *data: Data) -> tuple[Data, ...]:
        """Return what is still needed, without what is in none of it: nothing else will be drawn from again."""
        ...


def fitted_on(world: World[Data, Past], refits: Refits) -> Iterator[Data]:
    """Yield the samples that each generation is fitted on, from generation 0 on."""
    if refits.kind == "recent":
        yield from _recent(world, refits)
    elif refits.kind == "random-past":
        yield from _random_past(world, refits)
    elif refits.kind in ("accumulate", "accumulate-subsample"):
        yield from _accumulated(world, refits)
    else:
        yield from _replaced(world, refits)


def _replaced(world: World[Data, Past], refits: Refits) -> Iterator[Data]:
    """Yield the samples of the model before, alone or with real ones: replace and mix."""
    real = data = world.real(refits.n_first)
    yield data
    for _ in range(refits.generations):
        if refits.n_real is None:
            (data,) = world.kept(data)
            data = world.synthetic(data, refits.n_samples)
        else:
            if refits.reused:
                real, data = world.kept(real, data)
            else:
                real = world.real(refits.n_real)
            data = world.together([real, world.synthetic(data, refits.n_samples)])
        yield data


def _accumulated(world: World[Data, Past], refits: Refits) -> Iterator[Data]:
    """Yield all samples so far, or a subset of them."""
    pool = data = world.real(refits.n_first)
    yield data
    for _ in range(refits.generations):
        pool, data = world.kept(pool, data)
        pool = data = world.added(pool, world.synthetic(data, refits.n_samples))
        if refits.subsample is not None:
            data = world.subset(pool, refits.subsample)
        yield data


def _recent(world: World[Data, Past], refits: Refits) -> Iterator[Data]:
    """Yield equal parts of the last models, what is left over one each of the latest; the real law stands first."""
    assert refits.window is not None
    data = world.real(refits.n_first)
    yield data
    models: list[Data] = [data]
    for generation in range(1, refits.generations + 1):
        with_real = refits.window > generation
        if not with_real:
            models = list(world.kept(*models[-refits.window :]))
        n_laws = len(models) + with_real
        each, more = np.divmod(refits.n_samples, n_laws)
        sizes = [each + (n_laws - position <= more) for position in range(n_laws)]
        parts = [world.real(sizes[0])] if with_real else []
        models_sizes = sizes[with_real:]
        parts += [world.synthetic(model, size) for model, size in zip(models, models_sizes, strict=True)]
        data = world.together(parts)
        yield data
        models.append(data)


def _random_past(world: World[Data, Past], refits: Refits) -> Iterator[Data]:
    """Yield samples each of which is of the real law or of any earlier model."""
    data = world.real(refits.n_first)
    yield data
    past = world.beginning()
    for _ in range(refits.generations):
        past = world.remembered(past, data)
        data = world.from_past(past, refits.n_samples)
        yield data
