"""What does a learner know of a Zipf law after data whose tail a generator has cut? Training sets are drawn for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.simulation.multinomials import Counts
from modelcollapse.simulation.tail_floors import label_floor, total_variation_floor, unknown_mass
from modelcollapse.simulation.tail_generators import Distortion, MixedLaw, endless_laws, sampled_laws
from modelcollapse.simulation.tail_memory import Capacity, recalled
from modelcollapse.simulation.zipf import Counted, SampledLaw, ZipfLaw, by_rank, growing, together

QUANTITIES = ("test_error", "learned_items", "knowledge", "floor")
"""Names of what a replicate has."""


@dataclass(frozen=True, kw_only=True)
class Writers:
    """Who writes the synthetic data: one generator after another.

    Attributes
    ----------
    distortion : Distortion
    generations : int
    n_samples : int or None
        T0, the training set of each; None: endless.
    n_real : int
        Real samples among those of generators g > 1.
    real_fraction : float
        Their share.
    """

    distortion: Distortion
    generations: int
    n_samples: int | None = None
    n_real: int = 0
    real_fraction: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What is learned, from what.

    Attributes
    ----------
    exponent : float
        β of the real law.
    sizes : array of int, (n_sizes,)
        T.
    composition : array of int, (3, n_sizes)
        Real, bought and synthetic samples of generations g > 0.
    shares : tuple of float
        Of real, bought and synthetic samples.
    bought_from : float or None
        First rank that is bought.
    writers : Writers or None
        None: all data are real.
    ranks : array of shape (n_ranks,)
        Of which it is told whether they are known.
    bigram : bool
        Whether probabilities are learned; else labels.
    capacity : Capacity or None
        Of the memory for labels; None: without limit.
    """

    exponent: float
    sizes: Counts
    composition: Counts
    shares: tuple[float, float, float]
    bought_from: float | None
    writers: Writers | None
    ranks: Array
    bigram: bool
    capacity: Capacity | None

    @property
    def real(self) -> ZipfLaw:
        """The law of real data."""
        return ZipfLaw(exponent=self.exponent)

    @property
    def bought(self) -> ZipfLaw | None:
        """The law of bought data."""
        return None if self.bought_from is None else ZipfLaw(exponent=self.exponent, first=self.bought_from)

    @property
    def has_chances(self) -> bool:
        """Whether synthetic samples are left to chance: their law given, items are seen with known probabilities."""
        return not self.bigram and self.capacity is None


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """Samples, and more that are left to chance.

    Attributes
    ----------
    drawn : Counted
    law : SampledLaw or None
        Of those left to chance.
    n_more : int
        How many these are.
    """

    drawn: Counted
    law: SampledLaw | None = None
    n_more: int = 0


def learning_curves(generator: np.random.Generator, lesson: Lesson, *, tick: Callable[[], None]) -> dict[str, Array]:
    """Return what every generation learns in one replicate.

    Parameters
    ----------
    generator : numpy.random.Generator
    lesson : Lesson
    tick : callable
        Called before each generation.

    Returns
    -------
    dict of str to array
        ``test_error`` and ``learned_items``, (generations, n_sizes); ``knowledge``, (generations, n_ranks): 1 for an
        item that is known at the largest size, or the probability that it is; ``floor``, (generations,), left out
        with a memory of limited capacity.
    """
    rows = []
    for law, sets in _generations(generator, lesson):
        tick()
        error, learned, knowledge = _learned(generator, lesson, sets)
        row = {"test_error": error, "learned_items": learned, "knowledge": knowledge}
        if lesson.capacity is None:
            row["floor"] = np.array(0.0 if law is None else _floor(lesson, law))
        rows.append(row)
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def _generations(
    generator: np.random.Generator, lesson: Lesson
) -> Iterator[tuple[MixedLaw | SampledLaw | None, list[TrainingSet]]]:
    """Yield the law of the generator, None at first, and the training set of each size, generation by generation."""
    yield None, [TrainingSet(drawn=drawn) for drawn in growing(lesson.real, generator, lesson.sizes)]
    if lesson.writers is None:
        return
    n_real, n_bought, n_synthetic = lesson.composition
    drawn = growing(lesson.real, generator, n_real)
    if lesson.bought is not None:
        bought = growing(lesson.bought, generator, n_bought)
        drawn = tuple(together(*parts) for parts in zip(drawn, bought, strict=True))
    for law in _laws(generator, lesson.exponent, lesson.writers):
        if lesson.has_chances and isinstance(law, SampledLaw):
            more = zip(drawn, n_synthetic.tolist(), strict=True)
            yield law, [TrainingSet(drawn=part, law=law, n_more=n) for part, n in more]
        else:
            synthetic = growing(law, generator, n_synthetic)
            yield law, [TrainingSet(drawn=together(*parts)) for parts in zip(drawn, synthetic, strict=True)]


def _laws(generator: np.random.Generator, exponent: float, writers: Writers) -> Iterator[MixedLaw | SampledLaw]:
    """Yield the law of each generator."""
    distortion, generations = writers.distortion, writers.generations
    if writers.n_samples is None:
        yield from endless_laws(exponent, distortion, generations=generations, real_fraction=writers.real_fraction)
    else:
        yield from sampled_laws(
            generator,
            exponent,
            distortion,
            generations=generations,
            n_samples=writers.n_samples,
            n_real=writers.n_real,
        )


def _learned(generator: np.random.Generator, lesson: Lesson, sets: Sequence[TrainingSet]) -> tuple[Array, Array, Array]:
    """Return error and learned items at each size, and what is known of each rank at the largest."""
    known = [_known(each) for each in sets]
    if lesson.capacity is not None:
        held = recalled(generator, [each.drawn for each in sets], lesson.capacity)
        known = [(each.drawn.ranks, right.astype(float)) for each, right in zip(sets, held, strict=True)]
    if lesson.bigram:
        errors = [_total_variation(lesson.real, each.drawn) for each in sets]
    else:
        errors = [unknown_mass(lesson.real, ranks, chances) for ranks, chances in known]
    learned = [chances.sum() for _, chances in known]
    return np.array(errors), np.array(learned), _at(lesson.ranks, *known[-1])


def _known(training: TrainingSet) -> tuple[Array, Array]:
    """Return the ranks that may have been seen, and the probabilities that they were."""
    drawn, law = training.drawn.ranks, training.law
    if law is None or not training.n_more:
        return drawn, np.ones(len(drawn))
    with np.errstate(divide="ignore"):
        chances = -np.expm1(training.n_more * np.log1p(-law.probabilities))
    return by_rank([drawn, law.ranks], [np.ones(len(drawn)), chances], combine=np.maximum)


def _total_variation(real: ZipfLaw, drawn: Counted) -> float:
    """Return the total variation distance of frequencies to the real law."""
    frequencies = drawn.counts / drawn.counts.sum()
    seen = np.abs(frequencies - real.probability(drawn.ranks)).sum()
    return 0.5 * float(seen + unknown_mass(real, drawn.ranks, np.ones(len(drawn.ranks))))


def _at(asked: Array, ranks: Array, values: Array) -> Array:
    """Return the values of the ranks that are asked for, 0 where there is none."""
    if not len(ranks):
        return np.zeros(len(asked))
    place = np.minimum(np.searchsorted(ranks, asked), len(ranks) - 1)
    return np.where(ranks[place] == asked, values[place], 0.0)


def _floor(lesson: Lesson, law: MixedLaw | SampledLaw) -> float:
    """Return the error that is left when the training set grows without end."""
    if lesson.bigram:
        return total_variation_floor(lesson.real, law, shares=lesson.shares, bought=lesson.bought)
    if lesson.shares[0] > 0:
        return 0.0
    until = math.inf if lesson.bought_from is None else lesson.bought_from - 1
    return label_floor(lesson.real, law, until=until)
