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
from modelcollapse.theory.tail_bigram import copied_row_error, distance_to_mixture, kink_edges, kink_logs, row_error
from modelcollapse.theory.tail_generations import FEW, SURE, Copies, Generators, copies, known_samples
from modelcollapse.theory.tail_laws import Distortion, Laws, generator_laws, log_zipf, mixture
from modelcollapse.theory.tail_memory import Memory, drawn_shares, endless_shares, log_known
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

SAME = 1e-12
"""Difference of logarithms of probabilities that is rounding."""

SCAN = 25
"""Sizes among which an error is searched for, again and again between the two that enclose it."""

LARGEST = 1e25
"""Size up to which it is."""

LARGEST_LOG = 700.0
"""Logarithm of numbers beyond which none is told."""

Numbers = tuple[Copies, Copies, Copies]
"""Of real, bought and synthetic samples."""

_LINEAR = "n times the loss of generation 1; such growth is reported of Dohmatob et al. (2024), arXiv 2402.07043"


@dataclass(frozen=True, kw_only=True)
class _World:
    """Laws of a task at logarithms of ranks: those of the nodes of sums, then those that are told.

    Attributes
    ----------
    nodes : Ranks
    real, bought : arrays of shape (n_nodes + n_told,)
        Logarithms of the laws; −∞ where nothing is bought.
    synthetic : array of shape (G, n_nodes + n_told)
    """

    nodes: Ranks
    real: Array
    bought: Array
    synthetic: Array

    def laws(self, generation: int) -> tuple[Array, Array, Array]:
        """Return the laws of real, bought and synthetic samples of a generation; generation 0 has no synthetic ones."""
        synthetic = self.synthetic[generation - 1] if generation else np.full_like(self.real, -np.inf)
        return self.real, self.bought, synthetic

    def parts(self, generation: int, numbers: Numbers) -> list[Part]:
        """Return the training set of a generation."""
        return [(each, law) for each, law in zip(numbers, self.laws(generation), strict=True) if each.mean.any()]

    def repeats(self, generation: int) -> bool:
        """Return whether a generator writes what the one before did, as where all cut at the same rank."""
        if generation < 2:
            return False
        before, law = self.synthetic[generation - 2 : generation]
        return np.allclose(law, before, rtol=0.0, atol=SAME)

    def missed_mass(self, absence: Array) -> Array:
        """Return Σ_i p_i exp(absence_i), (..., n_nodes + n_told) -> (...)."""
        n_nodes = len(self.nodes.logs)
        return self.nodes.total(self.real[:n_nodes] + absence[..., :n_nodes])


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
    laws = _generator_laws(problem, problem.sizes[-1])
    world = _world(problem, laws)
    solver = _memories if problem.memory else _bigrams if problem.output == "bigram" else _labels
    answers = list(solver(problem, world))
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
        numbers=_numbers(problem, laws, floor[-1]),
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
    if generator is None or generator.n_samples is None:
        return None
    if problem.memory is not None:
        return "has no answer to a limited memory and generators of finite samples together"
    if generator.temperature < 1 or generator.top_p is not None:
        return "has no answer to generators of finite samples that change their probabilities or cut by `top_p`"
    mixed = generator.generations > 1 or generator.rank is not None or problem.shares[2] < 1
    if problem.output == "bigram" and mixed:
        return "answers bigrams of generators of finite samples for one generation only, without cut or other samples"
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


def _generator_laws(problem: ZipfTask, largest: float, edges: tuple[float, ...] = ()) -> Laws:
    """Return the laws of generators, at nodes that are close as far as training sets up to the largest see.

    Where there is no generator, it is one that changes nothing; of finite samples, all generators share one law.
    """
    generator, exponent = problem.generator or Generator(), problem.zipf_exponent
    endless = generator.n_samples is None
    bought = tail_mass(problem.purchase.rank - 1, exponent=exponent) if problem.purchase else 1.0
    first_bought = (edge(problem.purchase.rank - 1),) if problem.purchase else ()
    return generator_laws(
        exponent,
        Distortion(
            temperature=generator.temperature,
            rank=generator.rank,
            top_p=generator.top_p,
            real_fraction=generator.real_fraction if endless else 0.0,
        ),
        generations=generator.generations if endless else 1,
        active=(np.log(largest) + QUIET - np.log(float(bought))) / exponent,
        edges=(*first_bought, *edges),
    )


def _world(problem: ZipfTask, laws: Laws) -> _World:
    """Return the laws of a task at the nodes of those of its generators, and at the told ranks."""
    logs = np.concatenate([laws.nodes.logs, np.log(np.array(problem.told_ranks, dtype=np.float64))])
    real, synthetic = log_zipf(logs, problem.zipf_exponent), laws.at(logs)
    bought = np.full_like(real, -np.inf)
    if problem.purchase:
        before = problem.purchase.rank - 1
        log_mass = np.log(tail_mass(before, exponent=problem.zipf_exponent))
        bought = np.where(logs > edge(before), real - log_mass, -np.inf)
    missing = max(problem.n_generations - len(synthetic), 0)
    return _World(
        nodes=laws.nodes,
        real=real,
        bought=bought,
        synthetic=np.concatenate([synthetic, np.repeat(synthetic[:1], missing, axis=0)]),
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


def _labels(problem: ZipfTask, world: _World) -> Iterator[_Answer]:
    """Yield what is said of each generation of a learner that forgets nothing and learns labels."""
    n_nodes = len(world.nodes.logs)
    endless = _training(problem, problem.shares[:, None] * ENDLESS)
    for generation, numbers in enumerate(_training(problem, problem.composition)):
        seen = sight(world.parts(generation, numbers))
        yield _Answer(
            test_error=world.missed_mass(seen.log_absence),
            learned_items=seen.items(world.nodes),
            knowledge=seen.presence[-1, n_nodes:],
            floor=_lost_mass(problem, world, generation, next(endless)[2]),
        )


def _lost_mass(problem: ZipfTask, world: _World, generation: int, endless: Copies) -> float:
    """Return the real mass that even endless training does not see."""
    if generation == 0 or problem.real_fraction > 0:
        return 0.0
    _, bought, synthetic = world.laws(generation)
    if problem.generator is None or problem.generator.n_samples is None:
        lost = np.where(synthetic == -np.inf, 0.0, -np.inf)
    else:
        lost = sight([(endless, synthetic)]).log_absence[0]
    return float(world.missed_mass(np.where(bought == -np.inf, lost, -np.inf)))


def _bigrams(problem: ZipfTask, world: _World) -> Iterator[_Answer]:
    """Yield what is said of each generation of a learner of next-token probabilities."""
    n_generator = problem.generator.n_samples if problem.generator else None
    worlds = [_split_world(problem, size, n_generator) for size in problem.sizes]
    errors, floor = np.empty(0), 0.0
    for generation, answer in enumerate(_labels(problem, world)):
        if not world.repeats(generation):
            pairs = zip(worlds, problem.composition.T, strict=True)
            errors = np.array([_row_error(problem, each, generation, counts, n_generator) for each, counts in pairs])
            floor = _row_floor(problem, world, generation, n_generator)
        yield replace(answer, test_error=errors, floor=floor)


def _split_world(problem: ZipfTask, size: float, n_generator: int | None) -> _World:
    """Return the laws with nodes between the kinks of the mean deviations among so many samples."""
    logs = [kink_logs(each, problem.zipf_exponent) for each in (size, n_generator or 1)]
    return _world(problem, _generator_laws(problem, size, edges=kink_edges(np.concatenate(logs))))


def _row_error(problem: ZipfTask, world: _World, generation: int, counts: Array, n_generator: int | None) -> float:
    """Return the error after one training set of so many real, bought and synthetic samples."""
    n_nodes, size = len(world.nodes.logs), float(counts.sum())
    real, bought, synthetic = (law[:n_nodes] for law in world.laws(generation))
    if generation == 0:
        return row_error(world.nodes, real, [(size, real)])
    if n_generator is not None:
        return copied_row_error(world.nodes, real, size, n_generator=n_generator)
    return row_error(world.nodes, real, list(zip(counts.tolist(), (real, bought, synthetic), strict=True)))


def _row_floor(problem: ZipfTask, world: _World, generation: int, n_generator: int | None) -> float:
    """Return the error of endless training."""
    n_nodes = len(world.nodes.logs)
    if generation == 0:
        return 0.0
    if n_generator is not None:
        return _row_error(problem, _split_world(problem, n_generator, None), 0, np.array([n_generator]), None)
    laws = [law[:n_nodes] for law in world.laws(generation)]
    return distance_to_mixture(world.nodes, laws[0], list(zip(problem.shares.tolist(), laws, strict=True)))


def _memories(problem: ZipfTask, world: _World) -> Iterator[_Answer]:
    """Yield what is said of each generation of a learner of limited memory."""
    assert problem.memory is not None
    given = problem.memory
    power = {"proportional": 1.0, "power": given.power, "threshold": None}[given.update]
    memory = Memory(n_features=given.n_features, n_outputs=given.n_outputs, power=power)
    answer: _Answer | None = None
    for generation in range(problem.n_generations + 1):
        if answer is None or not world.repeats(generation):
            answer = _remembered(problem, world, memory, generation)
        yield answer


def _remembered(problem: ZipfTask, world: _World, memory: Memory, generation: int) -> _Answer:
    """Return what is said of one generation of a learner of limited memory."""
    n_nodes, real = len(world.nodes.logs), np.array([1.0, 0.0, 0.0])
    composition = problem.composition if generation else real[:, None] * problem.sizes
    laws = world.laws(generation)
    known = [
        log_known(memory, world.nodes, drawn_shares(mixture(counts / size, laws), size))
        for counts, size in zip(composition.T, problem.sizes, strict=True)
    ]
    last = log_known(memory, world.nodes, endless_shares(mixture(problem.shares if generation else real, laws)))
    errors = world.missed_mass(np.log1p(-np.minimum(np.exp([*known, last]), SURE)))
    return _Answer(
        test_error=errors[:-1],
        learned_items=world.nodes.total(np.array(known)[:, :n_nodes]),
        knowledge=np.exp(known[-1][n_nodes:]),
        floor=float(errors[-1]),
    )


def _numbers(problem: ZipfTask, laws: Laws, floor: float) -> dict[str, float]:
    """Return what belongs to no single generation; where generations differ, it is that of the last one."""
    exponent, generator = problem.zipf_exponent, problem.generator
    found = {"scaling_exponent": 1 - 1 / exponent}
    if generator is None:
        return found
    if generator.n_samples is not None:
        *_, (_, _, last) = _training(problem, problem.composition[:, -1:])
        found["real_ancestors"] = float(last.mean[0])
    if exponent * laws.edges[-1] < LARGEST_LOG:
        return found | _cut_numbers(problem, laws, floor)
    mixed = generator.real_fraction or problem.real_fraction
    if generator.temperature < 1 and generator.top_p is None and not mixed:
        found["narrowed_exponent"] = (1 - 1 / exponent) * generator.temperature**generator.generations
    return found | _recovery(problem)


def _cut_numbers(problem: ZipfTask, laws: Laws, floor: float) -> dict[str, float]:
    """Return the last rank that is written, where the curve bends as all up to it are seen, and where it bends back.

    It does not bend where real samples are beyond that rank before, or bought ones fill what is cut.
    """
    rank, generator = round(math.exp(laws.edges[-1]) - 0.5), problem.generator
    first, last = laws.at(np.log([1.0, rank]))[-1]
    start, limit = float(first - last), LARGEST_LOG
    if generator is not None and generator.n_samples is not None:
        limit = math.log(generator.n_samples)
    found, recovery, learns_again = {"cut_rank": float(rank)}, _recovery(problem), _learns_again(problem)
    again = problem.zipf_exponent * math.log(rank) - math.log(problem.real_fraction) if learns_again else math.inf
    if again <= start:
        return found
    if start <= limit and (recovery.get("plateau_error", 0.0) if learns_again else floor) > 0:
        found["plateau_start"] = math.exp(start)
        if learns_again:
            found["grokking_time"] = math.exp(again)
    return found | recovery


def _learns_again(problem: ZipfTask) -> bool:
    """Return whether real samples end a plateau of a learner that knows an item once it was seen."""
    return problem.real_fraction > 0 and problem.output == "labels" and problem.memory is None


def _recovery(problem: ZipfTask) -> dict[str, float]:
    """Return where the last generation would stop without real samples, and the size at which it is at half of that.

    The size is enclosed by `SCAN` ones, three times. Nothing where it does not stop, or no real samples end that.
    """
    if not _learns_again(problem):
        return {}
    world, plain = _world(problem, _generator_laws(problem, LARGEST)), replace(problem, real_fraction=0.0)
    *_, (_, _, endless) = _training(plain, plain.shares[:, None] * ENDLESS)
    plateau = _lost_mass(plain, world, problem.n_generations, endless)
    if plateau == 0:
        return {}
    low, high = 1.0, LARGEST
    for _ in range(3):
        sizes = np.geomspace(low, high, SCAN)
        *_, numbers = _training(problem, np.floor(problem.shares[:, None] * sizes))
        errors = world.missed_mass(sight(world.parts(problem.n_generations, numbers)).log_absence)
        if errors[0] <= plateau / 2 or errors[-1] > plateau / 2:
            return {"plateau_error": plateau}
        first = int(np.argmax(errors <= plateau / 2))
        low, high = float(sizes[first - 1]), float(sizes[first])
    return {"plateau_error": plateau, "recovery_time": math.sqrt(low * high)}


def _bounds(problem: ZipfTask, floor: tuple[float, ...]) -> dict[str, Bounds]:
    """Return the linear bound on the floors of generators of finite samples that see no real ones again."""
    generator = problem.generator
    mixed = generator is not None and (generator.real_samples or problem.real_fraction)
    if generator is None or generator.n_samples is None or mixed or problem.output == "bigram":
        return {}
    upper = tuple(min(g * floor[1], 1.0) for g in range(len(floor)))
    return {"floor": Bounds(lower=None, upper=upper, source=_LINEAR)}


def _assumptions(problem: ZipfTask) -> tuple[str, ...]:
    if problem.memory:
        return (
            "heuristic: independent Gaussian noise at every output, and counts of items independent of each other; "
            "with fewer than 16 features or an exponent above 2 it may be off by a factor: simulate",
        )
    if problem.output == "bigram":
        return ("mean deviations of frequent tokens by Edgeworth's expansion: errors to about 1e-4",)
    return ("every item has one right label, and one sample of it is enough to know it",)
