"""What does simulation answer to a Zipf task? The one place where such tasks become its arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.special import gamma, zeta

from modelcollapse import __version__
from modelcollapse.checks import Array
from modelcollapse.digits import amount_text, rough_text
from modelcollapse.problems.tails import Generator, ZipfTask
from modelcollapse.result import Status, TailsResult
from modelcollapse.simulation.chains_engine import EXACT, NUMBERS, Work, drawn_for
from modelcollapse.simulation.sampler import Report, Sample
from modelcollapse.simulation.tail_generators import Distortion, endless_laws
from modelcollapse.simulation.tail_memory import Capacity
from modelcollapse.simulation.tails import Lesson, Writers, learning_curves
from modelcollapse.simulation.trajectories import Estimate, Summary, merged
from modelcollapse.simulation.zipf import ZipfLaw

MAX_ITEMS = 10**7
"""Most distinct items of a training set."""

MAX_COORDINATES = 2**25
"""Most coordinates of all items that a limited memory has seen: 256 MB."""

NUMBERS_EACH = 16
"""Numbers that an item takes, of all sizes together."""

AT_ONCE = 32
"""Replicates that are drawn before the next look, however small they are: they are drawn one by one."""


def unsupported(problem: ZipfTask) -> str | None:
    """Say which tasks the simulation does not answer: those with too many items, and powers of mixtures.

    Returns
    -------
    str or None
        Words that follow ``"simulation"``.
    """
    makers = problem.generator
    mixed = makers is not None and makers.n_samples is None and makers.real_fraction > 0 and makers.generations > 1
    if makers is not None and mixed and makers.temperature < 1:
        return "does not draw from a law that a temperature has changed after real data were mixed in"
    key, what, items = _most_items(problem)
    if items > MAX_ITEMS:
        limit = rough_text(_largest(problem.zipf_exponent), 2)
        return (
            f"draws sets of at most {MAX_ITEMS:,} distinct items, and {what} has about {rough_text(items, 2)} (sets of "
            f"real data have so few up to about {limit} samples): lower {key}"
        )
    memory = problem.memory
    if memory is not None and items * memory.n_features > MAX_COORDINATES:
        return (
            f"holds vectors of at most {MAX_COORDINATES:,} coordinates in all, and {what} has about "
            f"{rough_text(items, 2)} items of {memory.n_features:,} each: lower `n_features` or {key}"
        )
    return None


def solve_tails(
    problem: ZipfTask,
    *,
    seed: int = 0,
    n_replicates: int | None = None,
    relative_stderr: float | None = None,
    report: Report | None = None,
) -> TailsResult:
    """Answer a Zipf task by Monte Carlo: training sets are drawn, item by item only where items are rare.

    Parameters
    ----------
    problem : ZipfTask
    seed : int
        Same seed: same bits.
    n_replicates : int, optional
        At least 4; with `relative_stderr`, at most so many. When neither is given, 100.
    relative_stderr : float, optional
        In (0, 1]: stop when the standard error of the test error is at most this times it, at up to 16 points of all
        generations and sizes.
    report : callable, optional
        Called with a `Reading` of the test error as replicates come in.

    Returns
    -------
    TailsResult
        With standard errors; nothing in `numbers` and `bounds`. `floor` is NaN with a memory of limited capacity.
        `status` says when it was stopped (Ctrl-C: ``interrupted``), and when 100,000 replicates did not reach the
        standard error (``not_converged``).

    Raises
    ------
    InputError
        When an argument is out of range.

    Notes
    -----
    Sizes of one replicate share their samples: the smaller training sets are the beginning of the larger ones. Samples
    of a generator that itself has seen a finite number of them are not drawn where labels are learned without limit:
    given its law q, item i is missing from n of them with probability (1 − q_i)^n.

    Examples
    --------
    >>> result = solve_tails(ZipfTask(2.0, [100, 10_000], generator=Generator(rank=10)), n_replicates=100)
    >>> [round(error[1], 3) for error in result.test_error]
    [0.007, 0.058]
    """
    lesson = _lesson(problem)

    def draw(generator: np.random.Generator, n_replicates: int, count: Callable[[int], None]) -> dict[str, Array]:
        every = [learning_curves(generator, lesson, tick=lambda: count(1)) for _ in range(n_replicates)]
        return {name: np.stack([one[name].ravel() for one in every]) for name in every[0]}

    integrated = lesson.has_chances and problem.generator is not None and problem.generator.n_samples is not None
    note = "; synthetic samples are averaged over, given their generator" if integrated else ""
    work = Work(
        kind="tails",
        draw=draw,
        watch="test_error",
        size=_size(problem),
        steps=problem.n_generations + 1,
        assumptions=(EXACT + note,),
    )
    drawn = drawn_for(work, seed=seed, n_replicates=n_replicates, relative_stderr=relative_stderr, report=report)
    return _result(problem, work, drawn, seed=seed)


def _lesson(problem: ZipfTask) -> Lesson:
    """Write a task as arrays."""
    memory = problem.memory
    return Lesson(
        exponent=problem.zipf_exponent,
        sizes=problem.sizes.astype(np.int64),
        composition=problem.composition.astype(np.int64),
        shares=tuple(problem.shares.tolist()),
        bought_from=None if problem.purchase is None else float(problem.purchase.rank),
        writers=None if problem.generator is None else _writers(problem.generator),
        ranks=np.array(problem.told_ranks, dtype=np.float64),
        bigram=problem.output == "bigram",
        capacity=None
        if memory is None
        else Capacity(
            n_features=memory.n_features, n_outputs=memory.n_outputs, update=memory.update, power=memory.power
        ),
    )


def _writers(generator: Generator) -> Writers:
    """Write generators as numbers."""
    rank = None if generator.rank is None else float(generator.rank)
    return Writers(
        distortion=Distortion(temperature=generator.temperature, rank=rank, top_p=generator.top_p),
        generations=generator.generations,
        n_samples=generator.n_samples,
        n_real=generator.real_samples,
        real_fraction=generator.real_fraction,
    )


def _size(problem: ZipfTask) -> int:
    """Return the numbers that a replicate holds, or what makes replicates be drawn a few at a time."""
    n_features = 0 if problem.memory is None else problem.memory.n_features
    return int(max((NUMBERS_EACH + n_features) * _most_items(problem)[2], NUMBERS // AT_ONCE))


def _most_items(problem: ZipfTask) -> tuple[str, str, float]:
    """Return which key makes the training set that has most distinct items, the set, and about how many it has."""
    return max(_items(problem), key=lambda entry: entry[2])


def _items(problem: ZipfTask) -> Iterator[tuple[str, str, float]]:
    """Yield the training sets: the key that makes them large, they in words, and about how many distinct items."""
    real, makers = ZipfLaw(exponent=problem.zipf_exponent), problem.generator
    largest = problem.sizes[-1]
    yield "`n_samples`", f"a set of {amount_text(largest)} samples", real.n_distinct(largest)
    if makers is None:
        return
    _, n_bought, n_synthetic = problem.composition[:, -1]
    if problem.purchase is not None:
        law = ZipfLaw(exponent=problem.zipf_exponent, first=float(problem.purchase.rank))
        yield "`n_samples`", f"a set of {amount_text(n_bought)} bought samples", law.n_distinct(n_bought)
    if makers.n_samples is not None:
        what = f"a generator's set of {amount_text(makers.n_samples)} samples"
        yield "`n_samples` of the generator", what, real.n_distinct(makers.n_samples)
        return
    (first,) = endless_laws(problem.zipf_exponent, _writers(makers).distortion, generations=1)
    yield "`n_samples`", f"a set of {amount_text(n_synthetic)} synthetic samples", first.n_distinct(n_synthetic)


def _largest(exponent: float) -> float:
    """Return how many real samples have as many distinct items as can be drawn."""
    return max(float(zeta(exponent) * (MAX_ITEMS / gamma(1 - 1 / exponent)) ** exponent), float(MAX_ITEMS))


def _result(problem: ZipfTask, work: Work, drawn: Sample[Summary], *, seed: int) -> TailsResult:
    """Turn replicates into a result; without any, there are no numbers."""
    found = merged(drawn.draws) if drawn.draws else {}
    n_rows, sizes, ranks = problem.n_generations + 1, problem.sizes, problem.told_ranks
    shapes: dict[str, tuple[int, ...]] = {
        "test_error": (n_rows, len(sizes)),
        "learned_items": (n_rows, len(sizes)),
        "knowledge": (n_rows, len(ranks)),
        "floor": (n_rows,),
    }
    status = Status.OK if drawn.reached else Status.NOT_CONVERGED
    values = {name: _nested(found.get(name), "mean", shape) for name, shape in shapes.items()}
    return TailsResult(
        n_samples=tuple(sizes.tolist()),
        **values,
        ranks=ranks,
        numbers={},
        stderr={name: _nested(found.get(name), "stderr", shape) for name, shape in shapes.items()},
        freedom={name: _nested(found.get(name), "freedom", shape) for name, shape in shapes.items()},
        status=Status.INTERRUPTED if drawn.interrupted else status,
        engine="simulation",
        seed=seed,
        n_replicates=drawn.n_replicates,
        version=__version__,
        assumptions=work.assumptions,
    )


def _nested(estimate: Estimate | None, name: str, shape: tuple[int, ...]) -> Any:
    """Return one array of an estimate as tuples; NaN where there is no estimate."""
    array = np.full(math.prod(shape), math.nan) if estimate is None else getattr(estimate, name)
    if len(shape) == 1:
        return tuple(array.tolist())
    return tuple(tuple(row) for row in array.reshape(shape).tolist())
