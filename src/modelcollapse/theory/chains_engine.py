"""What do all theories of chains share? How workflows become numbers of samples, and how answers are written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from modelcollapse import __version__
from modelcollapse.checks import Array
from modelcollapse.problems.resampling import Resampling
from modelcollapse.result import Bounds, ChainResult, Status
from modelcollapse.theory.chain_moments import ChainMoments, Samples, chain_moments


def samples_of(workflow: Resampling, shared_out: Callable[[int], ArrayLike] = float) -> Samples:
    """Return the numbers of samples of a workflow, by default of all contexts together."""

    def shared(total: int | None) -> Array:
        return np.asarray(shared_out(total or 0), dtype=np.float64)

    real = None if workflow.n_real is None else shared(workflow.n_real)
    subsample = None if workflow.subsample is None else shared(workflow.subsample)
    return Samples(shared(workflow.n_first), shared(workflow.n_samples), real=real, subsample=subsample)


def moments_of(
    workflow: Resampling, samples: Samples, *, family: str = "biased", kernel_variance: float = 0.0
) -> ChainMoments:
    """Return the second moments of a chain."""
    return chain_moments(
        workflow.kind,
        samples,
        generations=workflow.generations,
        family=family,
        kernel_variance=kernel_variance,
        reused=workflow.real == "reused",
        window=workflow.window,
    )


def written(
    generations: Mapping[str, Array],
    *,
    numbers: Mapping[str, Array | float] | None = None,
    limits: Mapping[str, Array | float] | None = None,
    bounds: Mapping[str, Bounds] | None = None,
    assumptions: tuple[str, ...] = (),
) -> ChainResult:
    """Return the answer of the theory, whose standard errors are 0."""
    by_generation = {name: tuple(values.tolist()) for name, values in generations.items()}
    single = {name: float(value) for name, value in (numbers or {}).items()}
    return ChainResult(
        generations=by_generation,
        numbers=single,
        stderr={
            "generations": {name: (0.0,) * len(values) for name, values in by_generation.items()},
            "numbers": dict.fromkeys(single, 0.0),
        },
        limits={name: float(value) for name, value in (limits or {}).items()},
        bounds=dict(bounds or {}),
        status=Status.OK,
        engine="theory",
        seed=None,
        n_replicates=None,
        version=__version__,
        assumptions=assumptions,
    )


def upper_bound(values: Array, source: str) -> Bounds:
    """Return bounds from above, one for each generation."""
    return Bounds(lower=None, upper=tuple(values.tolist()), source=source)
