"""Which few numbers of the d-dimensional problem does the risk need? Computed once for all points that share them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.parallel import side_by_side
from modelcollapse.theory.covariances import Covariances
from modelcollapse.theory.equilibrium import Classes, Equilibrium
from modelcollapse.theory.teachers import Components

Solver = Callable[[Covariances, Classes], Equilibrium]


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Who contributes how much, and how the model is fitted. Leading axes of all arrays broadcast.

    Attributes
    ----------
    group : tuple of K ints
        Which of the G covariances each source has.
    share : array of shape (..., K)
        p_k = n_k/N, adding up to 1.
    n_total : array of shape (...)
        N.
    noise_var, weight : arrays of shape (..., K)
        σ², ω.
    ridge : array of shape (...)
        λ.
    width : array of shape (...) or None
        m, or None for the linear model.
    feature_noise : array of shape (G,)
        Variance b that a non-linearity adds to each feature; zeros for linear features.
    """

    group: tuple[int, ...]
    share: Array
    n_total: Array
    noise_var: Array
    weight: Array
    ridge: Array
    width: Array | None
    feature_noise: Array

    @property
    def n_samples(self) -> Array:
        """Return n_k, shape (..., K)."""
        return np.asarray(self.share * self.n_total[..., None])


@dataclass(frozen=True, kw_only=True)
class Reductions:
    """Fixed point, traces and moments over the axes B that the d-dimensional work depends on (a part of the batch).

    Attributes
    ----------
    class_of : tuple of K ints
        Which class each source belongs to.
    class_group : tuple of C ints
        Which covariance each class has.
    n_samples : array of shape (B, C)
        Samples of each class.
    pull : array of shape (B, C)
        ω a/N: what one sample of the class adds to the gain of its covariance.
    equilibrium : Equilibrium
    second_traces : array of shape (B, G + 1, G + 1)
        tr(Σ_g R Σ_h R), with the shift as group 0.
    square_traces : array of shape (B, G)
        tr(Σ_g R²).
    moments : array of shape (B, G + 1, D, D)
        E z_aᵀ Σ_g R M R Σ_h z_b, D pairs (g, a), for M = I, Σ_1, ..., Σ_G.
    """

    class_of: tuple[int, ...]
    class_group: tuple[int, ...]
    n_samples: Array
    pull: Array
    equilibrium: Equilibrium
    second_traces: Array
    square_traces: Array
    moments: Array


def reduce(sampling: Sampling, *, covariances: Covariances, components: Components, solver: Solver) -> Reductions:
    """Solve the fixed point and take all traces and moments.

    A few points at a time, so that they stay in the cache; several such pieces are spread over the cores.
    """
    class_of, classes, shape = _classes(sampling, covariances.batch_shape)
    n_points = len(classes.ridge)

    def reduce_from(first: int) -> tuple[Equilibrium, Array, Array, Array, Array]:
        rows = np.arange(first, min(first + covariances.rows_at_once, n_points))
        piece = covariances.rows(rows, shape)
        some = classes.rows(rows)
        equilibrium = solver(piece, some)
        pull = some.weight * equilibrium.gain / some.n_total[:, None]
        resolvent = piece.resolvent((pull * some.n_samples) @ some.membership, equilibrium.shift)
        moments = resolvent.moments(components)
        size = moments.shape[2] * moments.shape[3]
        return (
            equilibrium,
            pull,
            resolvent.second_traces(),
            resolvent.square_traces(),
            moments.reshape(len(rows), moments.shape[1], size, size),
        )

    starts = range(0, n_points, covariances.rows_at_once)
    pieces = side_by_side(reduce_from, starts) if len(starts) > 1 else [reduce_from(first) for first in starts]
    equilibria, *arrays = zip(*pieces, strict=True)

    def unflatten(parts: tuple[Array, ...]) -> Array:
        whole = np.concatenate(parts)
        return whole.reshape((*shape, *whole.shape[1:]))

    pull, second_traces, square_traces, moments = (unflatten(parts) for parts in arrays)
    return Reductions(
        class_of=class_of,
        class_group=classes.group,
        n_samples=classes.n_samples.reshape((*shape, -1)),
        pull=pull,
        equilibrium=Equilibrium.join(equilibria, shape),
        second_traces=second_traces,
        square_traces=square_traces,
        moments=moments,
    )


def _classes(sampling: Sampling, batch: tuple[int, ...]) -> tuple[tuple[int, ...], Classes, tuple[int, ...]]:
    """Merge sources with the same covariance and weight; return classes over a flat batch, and its shape.

    When one class holds all sources its share is exactly 1, whatever their shares: the batch does not grow with them.
    """
    n_sources = len(sampling.group)
    class_of: list[int] = []
    founders: list[int] = []
    for k in range(n_sources):
        weight = sampling.weight[..., k]
        alike = (
            c
            for c, j in enumerate(founders)
            if sampling.group[j] == sampling.group[k] and np.array_equal(sampling.weight[..., j], weight)
        )
        class_of.append(next(alike, len(founders)))
        if class_of[-1] == len(founders):
            founders.append(k)
    share = np.ones(1) if len(founders) == 1 else sampling.share @ np.eye(len(founders))[class_of]
    weight = sampling.weight[..., founders]
    width = () if sampling.width is None else sampling.width.shape
    shape = np.broadcast_shapes(
        batch, share.shape[:-1], weight.shape[:-1], sampling.n_total.shape, sampling.ridge.shape, width
    )

    def flat(array: Array, *tail: int) -> Array:
        return np.broadcast_to(array, (*shape, *tail)).reshape(-1, *tail)

    classes = Classes(
        group=tuple(sampling.group[j] for j in founders),
        n_samples=flat(share * sampling.n_total[..., None], len(founders)),
        weight=flat(weight, len(founders)),
        n_total=flat(sampling.n_total),
        ridge=flat(sampling.ridge),
        width=None if sampling.width is None else flat(sampling.width),
        feature_noise=sampling.feature_noise,
    )
    return tuple(class_of), classes, shape
