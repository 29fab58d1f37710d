"""What does theory answer to a Zipf task? The one place where such tasks become its arrays."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from modelcollapse import __version__
from modelcollapse.checks import Array
from modelcollapse.problems.tails import Generator, ZipfTask
from modelcollapse.result import Bounds, Status, TailsResult
from modelcollapse.theory.tail_generations import FEW, Copies, Generators, copies, known_samples
from modelcollapse.theory.tail_laws import Distortion, generator_laws, log_zipf
from modelcollapse.theory.tail_seen import Part, sight
from modelcollapse.theory.tail_series import Ranks, edge
from modelcollapse.theory.tails import tail_mass

ENDLESS = 1e30
"""Samples that stand for endless training."""

QUIET = 12.0
"""By how much ln(rank^β) of the last rank of which anything is seen is taken beyond ln T, cuts and all."""

EMPTY = 1e-12
"""Probability that a cut may leave nothing of a training set."""

MANY_REAL = 50
"""Real samples of each training set with which their number may be taken as normal."""

SCAN = 25
"""Sizes among which an error is searched for, again and again between the two that enclose it."""

LARGEST = 1e25
"""Size up to which it is."""

LARGEST_LOG = 700.0
"""Logarithm of numbers beyond which none is told."""

Numbers = tuple[Copies, Copies, Copies]
"""Of real, bought and synthetic samples."""

_LINEAR = "the loss of the first generation times their number; linear as in Dohmatob et al. (2024), arXiv 2402.07043"


@dataclass(frozen=True, kw_only=True)
class _World:
    """Laws of a task: at the nodes of sums, then at the told ranks.

    Attributes
    ----------
    nodes : Ranks
    real, bought : arrays of shape (n_nodes + n_told,)
        Logarithms of the laws; −∞ where nothing is bought.
    synthetic : array of shape (G, n_nodes + n_told)
    edges : array of shape (G,)
        Of the cuts.
    """

    nodes: Ranks
    real: Array
    bought: Array
    synthetic: Array
    edges: Array

    def parts(self, generation: int, numbers: Numbers) -> list[Part]:
        """Return the training set of a generation."""
        synthetic = self.synthetic[generation - 1] if generation else np.full_like(self.real, -np.inf)
        laws = (self.real, self.bought, synthetic)
        return [(each, law) for each, law in zip(numbers, laws, strict=True) if each.mean.any()]

    def real_mass(self, which: Array) -> float:
        """Return the real mass of those nodes, (n_nodes,)."""
        return float(self.nodes.total(np.where(which, self.real[: len(which)], -np.inf)))


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """What is said of one generation: arrays (n_sizes,), (n_sizes,), (n_told,), and a number."""

    test_error: Array
    learned_items: Array
    knowledge: Array
    floor: float


def solve_tails(problem: ZipfTask) -> TailsResult:
    """Answer a Zipf task by exact sums over all ranks.

    Parameters
    ----------
    problem : ZipfTask

    Returns
    -------
    TailsResult
        Without randomness: standard errors and seed are 0 and None.

    Examples
    --------
    >>> from modelcollapse.problems.tails import Generator
    >>> result = solve_tails(ZipfTask(1.5, [10**4, 10**6], generator=Generator(rank=1000)))
    >>> [round(error, 6) for error in result.test_error[1]], round(result.floor[1], 4)
    ([0.044071, 0.024204], 0.0242)
    """
    world = _world(problem, problem.sizes[-1])
    answers = list(_answers(problem, world))
    errors = tuple(tuple(answer.test_error.tolist()) for answer in answers)
    items = tuple(tuple(answer.learned_items.tolist()) for answer in answers)
    knowledge = tuple(tuple(answer.knowledge.tolist()) for answer in answers)
    floor = tuple(answer.floor for answer in answers)
    of_sizes, of_ranks = ((0.0,) * len(errors[0]),) * len(errors), ((0.0,) * len(knowledge[0]),) * len(errors)
    return TailsResult(
        n_samples=tuple(problem.sizes.tolist()),
        test_error=errors,
        learned_items=items,
        ranks=problem.told_ranks,
        knowledge=knowledge,
        floor=floor,
        numbers=_numbers(problem, world),
        stderr={"test_error": of_sizes, "learned_items": of_sizes, "knowledge": of_ranks, "floor": (0.0,) * len(floor)},
        bounds=_bounds(problem, floor),
        status=Status.OK,
        engine="theory",
        seed=None,
        n_replicates=None,
        version=__version__,
        assumptions=_assumptions(problem),
    )


def unsupported(problem: ZipfTask) -> str | None:
    """Return why theory does not answer a task, as words that follow its name; None when it does.

    Parameters
    ----------
    problem : ZipfTask
    """
    generator = problem.generator
    if problem.memory is not None or problem.output == "bigram":
        return "has no answer yet to limited memories and bigrams"
    if generator is None or generator.n_samples is None:
        return None
    if generator.temperature < 1 or generator.top_p is not None:
        return "has no answer to generators of finite samples that change their probabilities or cut by `top_p`"
    kept = _kept(problem)
    if kept < 1 and generator.n_samples * np.log1p(-kept) > np.log(EMPTY):
        return "has no answer to generators whose cut may leave nothing of their samples"
    if 0 < generator.real_samples * kept < MANY_REAL and generator.n_samples > FEW:
        return f"has no answer to generators of more than {FEW} samples of which few are real"
    return None


def _kept(problem: ZipfTask) -> float:
    """Return the real mass that a cut at a rank leaves."""
    rank = problem.generator.rank if problem.generator else None
    return 1.0 if rank is None else 1 - float(tail_mass(rank, exponent=problem.zipf_exponent))


def _world(problem: ZipfTask, largest: float) -> _World:
    """Return the laws of a task, at nodes that are close as far as training sets up to the largest see."""
    generator, exponent = problem.generator or Generator(), problem.zipf_exponent
    endless = generator.n_samples is None
    first_bought = edge(problem.purchase.rank - 1) if problem.purchase else np.inf
    bought_mass = float(tail_mass(problem.purchase.rank - 1, exponent=exponent)) if problem.purchase else 1.0
    laws = generator_laws(
        exponent,
        Distortion(
            temperature=generator.temperature,
            rank=generator.rank,
            top_p=generator.top_p,
            real_fraction=generator.real_fraction if endless else 0.0,
        ),
        generations=generator.generations if endless else 1,
        active=(np.log(largest) + QUIET - np.log(bought_mass)) / exponent,
        edges=() if np.isinf(first_bought) else (first_bought,),
    )
    logs = np.concatenate([laws.nodes.logs, np.log(np.array(problem.told_ranks, dtype=np.float64))])
    real, synthetic = log_zipf(logs, exponent), laws.at(logs)
    missing = problem.n_generations - len(synthetic)  # of finite samples, generators share one law
    return _World(
        nodes=laws.nodes,
        real=real,
        bought=np.where(logs > first_bought, real - np.log(bought_mass), -np.inf),
        synthetic=np.concatenate([synthetic, np.repeat(synthetic[:1], max(missing, 0), axis=0)]),
        edges=laws.edges,
    )


def _training(problem: ZipfTask, composition: Array) -> Iterator[Numbers]:
    """Yield the numbers of samples of generations 0, ..., G.

    Parameters
    ----------
    problem : ZipfTask
    composition : array of shape (3, n_sizes)
        Real, bought and synthetic samples.
    """
    total, nothing = composition.sum(axis=0), known_samples(np.zeros(composition.shape[1]))
    yield known_samples(total), nothing, nothing
    generator, (real, bought, synthetic) = problem.generator, composition
    if generator is None:
        return
    if generator.n_samples is None:
        written = iter([known_samples(synthetic)] * generator.generations)
    else:
        sets = Generators(n_samples=generator.n_samples, n_real=generator.real_samples, kept=_kept(problem))
        written = copies(synthetic, sets, generations=generator.generations)
    for each in written:
        yield known_samples(real), known_samples(bought), each


def _answers(problem: ZipfTask, world: _World) -> Iterator[_Answer]:
    """Yield what is said of each generation whose learner has endless memory and learns labels."""
    n_nodes = len(world.nodes.logs)
    endless = _training(problem, problem.shares[:, None] * ENDLESS)
    for generation, numbers in enumerate(_training(problem, problem.composition)):
        seen = sight(world.parts(generation, numbers))
        yield _Answer(
            test_error=seen.missed_mass(world.real[:n_nodes], world.nodes),
            learned_items=seen.items(world.nodes),
            knowledge=seen.presence[-1, n_nodes:],
            floor=_lost_mass(problem, world, generation, next(endless)[2]),
        )


def _lost_mass(problem: ZipfTask, world: _World, generation: int, endless: Copies) -> float:
    """Return the real mass that even endless training does not see."""
    if generation == 0 or problem.real_fraction > 0:
        return 0.0
    n_nodes = len(world.nodes.logs)
    never = world.bought[:n_nodes] == -np.inf
    if problem.generator is None or problem.generator.n_samples is None:
        return world.real_mass(never & (world.synthetic[generation - 1, :n_nodes] == -np.inf))
    lost = sight([(endless, world.synthetic[generation - 1, :n_nodes])]).log_absence[0]
    return float(world.nodes.total(np.where(never, world.real[:n_nodes] + lost, -np.inf)))


def _numbers(problem: ZipfTask, world: _World) -> dict[str, float]:
    """Return what belongs to no single generation; where generations differ, it is that of the last one."""
    exponent, generator = problem.zipf_exponent, problem.generator
    found = {"scaling_exponent": 1 - 1 / exponent}
    if generator is None:
        return found
    cut = exponent * float(world.edges[-1])
    if cut < LARGEST_LOG:
        found["cut_rank"] = math.exp(cut / exponent) - 0.5
        found["plateau_start"] = math.exp(cut)
        if problem.real_fraction:
            found["grokking_time"] = math.exp(cut) / problem.real_fraction
    elif generator.n_samples is None and not generator.real_fraction and not problem.real_fraction:
        found["narrowed_exponent"] = (1 - 1 / exponent) * generator.temperature**generator.generations
    if generator.n_samples is not None:
        *_, (real, bought, written) = _training(problem, problem.composition[:, -1:])
        found["independent_samples"] = float(real.mean[0] + bought.mean[0] + written.mean[0])
    if problem.real_fraction and problem.output == "labels" and problem.memory is None:
        found |= _recovery(problem)
    return found


def _recovery(problem: ZipfTask) -> dict[str, float]:
    """Return where the last generation would stop without real samples, and the size at which it is at half of that.

    The size is enclosed by `SCAN` ones, three times.
    """
    world, plain = _world(problem, LARGEST), replace(problem, real_fraction=0.0)
    *_, (_, _, endless) = _training(plain, plain.shares[:, None] * ENDLESS)
    plateau = _lost_mass(plain, world, problem.n_generations, endless)
    if plateau == 0:
        return {}
    low, high = 1.0, LARGEST
    for _ in range(3):
        sizes = np.geomspace(low, high, SCAN)
        *_, numbers = _training(problem, np.floor(problem.shares[:, None] * sizes))
        seen = sight(world.parts(problem.n_generations, numbers))
        errors = seen.missed_mass(world.real[: len(world.nodes.logs)], world.nodes)
        if errors[0] <= plateau / 2 or errors[-1] > plateau / 2:
            return {"plateau_error": plateau}
        first = int(np.argmax(errors <= plateau / 2))
        low, high = float(sizes[first - 1]), float(sizes[first])
    return {"plateau_error": plateau, "recovery_time": math.sqrt(low * high)}


def _bounds(problem: ZipfTask, floor: tuple[float, ...]) -> dict[str, Bounds]:
    """Return the linear bound on the floors of generators of finite samples that see no real ones again."""
    generator = problem.generator
    if generator is None or generator.n_samples is None or generator.real_samples or problem.real_fraction:
        return {}
    upper = tuple(min(g * floor[1], 1.0) for g in range(len(floor)))
    return {"floor": Bounds(lower=None, upper=upper, source=_LINEAR)}


def _assumptions(problem: ZipfTask) -> tuple[str, ...]:
    return ("every item has one right label, and one sample of it is enough to know it",)
