"""What is drawn over generations? Batches of samples, who labels them, and what each generation makes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.simulation.backend import Randomness
from modelcollapse.simulation.coordinates import rank_of_sum
from modelcollapse.simulation.design import Component

REAL, SYNTHETIC = 0, 1
"""Positions of the two sources."""

N_COLUMNS = 8
"""Draws of random teachers, and draws of all label noise, that see the same inputs."""

MOST_COLUMNS = 1 + 2 * N_COLUMNS
"""With the known teachers."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Samples that are labelled together.

    Attributes
    ----------
    source : int
        `REAL` or `SYNTHETIC`: whose covariance the inputs have. Real ones are labelled by the first teacher, synthetic
        ones by the model of the generation before.
    inputs : int
        Batches of the same number have the same inputs.
    labelled : int
        Generation in which they get their labels.
    first, last : int
        Generations in whose fits they take part, both included.
    n_samples : int
        Before curation.
    noise_var : float
        Of their labels.
    """

    source: int
    inputs: int
    labelled: int
    first: int
    last: int
    n_samples: int
    noise_var: float


@dataclass(frozen=True, kw_only=True)
class Verifier:
    """Keeps a sample with probability `hit` when its label error is at most `tolerance`, else with `false_keep`."""

    hit: float
    false_keep: float
    tolerance: float

    def keeps(self, errors: Array, generator: np.random.Generator) -> Array:
        """Return which samples are kept, by their label errors, shape (n,)."""
        probability = np.where(np.abs(errors) <= self.tolerance, self.hit, self.false_keep)
        return np.asarray(generator.random(len(errors)) < probability)


@dataclass(frozen=True, kw_only=True)
class Step:
    """What happens in one generation.

    Attributes
    ----------
    labelled : tuple of Batches
        That get their labels.
    n_total : int
        Samples that the fit can draw on.
    n_rows : int
        Different inputs of positive weight among them.
    rank : int
        That their second moment almost surely has.
    repeats : bool
        Whether the fit has the normal matrix of the generation before: same inputs, shares, weights and ridge.
    """

    labelled: tuple[Batch, ...]
    n_total: int
    n_rows: int
    rank: int
    repeats: bool


@dataclass(frozen=True, kw_only=True)
class Chain:
    """A recursion as arrays, in coordinates in which the real source's covariance is diagonal.

    Attributes
    ----------
    batches : tuple of Batches
        In the order in which they are labelled.
    roots : two arrays of shape (d,) or (d, q)
        Σ = root rootᵀ of each source; see `coordinates.square_root`.
    target_var : array of shape (d,)
        Diagonal of the real source's covariance.
    weight : array of shape (generations + 1, 2)
        Of each source's samples in each fit.
    ridge : array of shape (generations + 1,)
    width : tuple of ints or None
        Of each generation's random projections; None: linear.
    given : bool
        Whether the model of generation 0 is the second teacher, and not fitted.
    components : tuple of Components
        Of the two teachers; the first is their known part, the others are random.
    subsample : int or None
        Samples of each fit after generation 0, drawn from those that could take part.
    verifier : Verifier or None
        Which synthetic samples are kept.
    """

    batches: tuple[Batch, ...]
    roots: tuple[Array, ...]
    target_var: Array
    weight: Array
    ridge: Array
    width: tuple[int, ...] | None
    given: bool
    components: tuple[Component, ...]
    subsample: int | None
    verifier: Verifier | None

    @property
    def n_features(self) -> int:
        """Input dimension d."""
        return len(self.target_var)

    @property
    def n_fits(self) -> int:
        """Generations, the first included."""
        return len(self.ridge)

    @property
    def linear(self) -> bool:
        """Whether each model is linear in teachers and label noise, given the inputs: not when labels decide."""
        return self.verifier is None

    def taking_part(self, generation: int) -> list[Batch]:
        """Return the batches that the fit of a generation can draw on."""
        return [batch for batch in self.batches if batch.first <= generation <= batch.last]

    def n_inner(self, generation: int) -> int:
        """Return the dimension of what a generation fits."""
        return self.n_features if self.width is None else min(self.width[generation], self.n_features)

    @cached_property
    def shared_inputs(self) -> set[int]:
        """Inputs that more than one batch has."""
        numbers = [batch.inputs for batch in self.batches]
        return {number for number in numbers if numbers.count(number) > 1}

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """What happens in each generation."""
        steps: list[Step] = []
        normal: tuple[object, ...] = ()
        for t in range(self.n_fits):
            fitted = self.taking_part(t)
            weights: dict[int, float] = {}
            rows: dict[int, tuple[int, int]] = {}
            for batch in fitted:
                weight = float(self.weight[t, batch.source])
                weights[batch.inputs] = weights.get(batch.inputs, 0.0) + weight
                if weight > 0:
                    rows[batch.inputs] = (batch.source, batch.n_samples)
            n_total = sum(batch.n_samples for batch in fitted)
            before, normal = normal, tuple((number, w / n_total) for number, w in sorted(weights.items()))
            counts = [sum(n for source, n in rows.values() if source == k) for k in (REAL, SYNTHETIC)]
            same = normal == before and self.width is None and bool(self.ridge[t] == self.ridge[t - 1])
            steps.append(
                Step(
                    labelled=tuple(batch for batch in self.batches if batch.labelled == t),
                    n_total=n_total,
                    n_rows=sum(counts),
                    rank=rank_of_sum(self.roots, counts),
                    repeats=same,
                )
            )
        return tuple(steps)


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Chains that see the same inputs; their squared errors, times their shares, add up to the excess risk.

    Attributes
    ----------
    teachers : array of shape (2, d, C)
        Of the two sources.
    noisy : array of shape (C,)
        1 where labels carry noise, 0 where not.
    share : array of shape (C,)
    bias_share : array of shape (C,)
        The same for products of errors on different inputs, which add up to the bias.
    """

    teachers: Array
    noisy: Array
    share: Array
    bias_share: Array


@dataclass(frozen=True, kw_only=True)
class Path:
    """What one set of inputs made of each column.

    Attributes
    ----------
    models : array of shape (generations + 1, d, C)
    kept_share : array of shape (generations + 1,)
        Share of the synthetic samples that was kept; NaN where there were none to be judged.
    """

    models: Array
    kept_share: Array


Follow = Callable[[Chain, Columns, Randomness, np.random.Generator], Path]


def draw_columns(chain: Chain, generator: np.random.Generator, *, together: bool) -> Columns:
    """Draw the teachers of each column.

    Apart: where the models are linear in teachers and noise, known teachers, random teachers and label noise add
    squares of their own to the risk, and each is followed alone. Random teachers are drawn as signs then: only their
    second moment counts. Together: one column with everything in it, Gaussian teachers.

    Parameters
    ----------
    chain : Chain
    generator : numpy.random.Generator
    together : bool
    """
    known = chain.components[0].loadings[:, :, None]
    if together:
        teachers = known + _random_teachers(chain, generator, 1, gaussian=True)
        return Columns(teachers=teachers, noisy=np.ones(1), share=np.ones(1), bias_share=np.ones(1))
    parts = [(known, 0.0, 1.0)]
    if len(chain.components) > 1:
        parts.append((_random_teachers(chain, generator, N_COLUMNS, gaussian=False), 0.0, 1.0))
    if any(batch.noise_var > 0 for batch in chain.batches):
        parts.append((np.zeros((*known.shape[:2], N_COLUMNS)), 1.0, 0.0))
    sizes = [teachers.shape[2] for teachers, _, _ in parts]
    share = np.repeat(1 / np.array(sizes), sizes)
    return Columns(
        teachers=np.concatenate([teachers for teachers, _, _ in parts], axis=2),
        noisy=np.repeat([noisy for _, noisy, _ in parts], sizes),
        share=share,
        bias_share=share * np.repeat([counts for _, _, counts in parts], sizes),
    )


def _random_teachers(chain: Chain, generator: np.random.Generator, size: int, *, gaussian: bool) -> Array:
    """Return draws of the random part of both teachers, (2, d, size)."""
    teachers = np.zeros((2, chain.n_features, size))
    for component in chain.components[1:]:
        n_axes = chain.n_features if component.root is None else component.root.shape[1]
        numbers = (
            generator.standard_normal((n_axes, size)) if gaussian else generator.choice([-1.0, 1.0], (n_axes, size))
        )
        drawn = numbers if component.root is None else component.root @ numbers
        teachers += component.loadings[:, :, None] * drawn
    return teachers
