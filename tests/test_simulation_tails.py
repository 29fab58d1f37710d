"""Are tails simulated exactly: samples of Zipf laws, laws of generators, training sets, errors and floors?"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy import stats

from modelcollapse import Generator, Purchase, ZipfTask
from modelcollapse.result import TailsResult
from modelcollapse.simulation import tail_generators
from modelcollapse.simulation.tail_floors import unknown_mass
from modelcollapse.simulation.tail_generators import Distortion, endless_laws, sampled_law
from modelcollapse.simulation.tails_engine import solve_tails, unsupported
from modelcollapse.simulation.zipf import NOTHING, Counted, SampledLaw, ZipfLaw, growing, together
from tails_brute_force import N_ITEMS, generator_laws, one_run, zipf

LEVEL = 1e-6
"""Of a test that must pass; one that must fail is below it by far."""
THRESHOLD = 5.0
"""Standard errors."""


def p_value(law: ZipfLaw, drawn: Counted, n_samples: int) -> float:
    """Return the level of Pearson's test of counts: ranks one by one where they are frequent, the others together."""
    edges = law.first + np.unique(np.geomspace(1, 10**6, 60).round()) - 1
    edges = np.append(edges[edges <= law.last], min(law.last + 1, 1e300))
    cells = np.searchsorted(edges, drawn.ranks, side="right") - 1
    observed = np.bincount(cells, weights=drawn.counts, minlength=len(edges))[: len(edges) - 1]
    expected = n_samples * np.array([law.mass(low, high - 1) for low, high in pairwise(edges)])
    rest = n_samples - observed.sum(), n_samples - expected.sum()
    many = expected > 20
    observed = np.append(observed[many], observed[~many].sum() + rest[0])
    expected = np.append(expected[many], max(expected[~many].sum() + rest[1], 1e-9))
    return float(stats.chisquare(observed[expected > 1e-6], expected[expected > 1e-6], sum_check=False).pvalue)


LAWS = [
    ZipfLaw(exponent=1.5),
    ZipfLaw(exponent=1.05),
    ZipfLaw(exponent=4.0),
    ZipfLaw(exponent=1.5, last=100),
    ZipfLaw(exponent=1.2, last=1e7),
    ZipfLaw(exponent=2.0, first=50),
    ZipfLaw(exponent=1.3, first=10**6),
]


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("n_samples", [1000, 10**6])
def test_samples_of_a_zipf_law_have_its_probabilities(law: ZipfLaw, n_samples: int) -> None:
    drawn = law.draw(np.random.default_rng(1), n_samples)
    assert drawn.counts.sum() == n_samples
    assert (np.diff(drawn.ranks) > 0).all()
    assert (drawn.counts > 0).all()
    assert (drawn.ranks[0], drawn.ranks[-1]) >= (law.first, law.first)
    assert drawn.ranks[-1] <= law.last
    assert p_value(law, drawn, n_samples) > LEVEL
    if n_samples > 1000:
        assert p_value(replace(law, exponent=1.03 * law.exponent), drawn, n_samples) < LEVEL**2


@pytest.mark.parametrize("exponent", [1.05, 3.0, 8.0])
def test_rare_items_come_from_a_zipf_law_and_not_from_a_rounded_pareto_law(exponent: float) -> None:
    law, random = ZipfLaw(exponent=exponent, first=2), np.random.default_rng(0)
    n_samples = 300_000

    class Agreeable:
        """A generator whose numbers accept everything, every second time."""

        def __init__(self) -> None:
            self.turn = 0

        def random(self, size: int) -> Any:
            self.turn += 1
            return random.random(size) if self.turn % 3 == 1 else np.full(size, 0.0)

    for generator, right in ((random, True), (Agreeable(), False)):
        ranks, counts = np.unique(law._beyond(generator, 2.0, n_samples), return_counts=True)  # type: ignore[arg-type]
        level = p_value(law, Counted(ranks=ranks, counts=counts), n_samples)
        assert (level > LEVEL) is right or (exponent < 2 and not right)


def test_samples_of_a_law_without_end_are_distinct_where_ranks_overflow() -> None:
    drawn = ZipfLaw(exponent=1.01).draw(np.random.default_rng(0), 20_000)
    assert drawn.counts.sum() == 20_000
    assert np.isfinite(drawn.ranks).all()
    beyond = drawn.counts[drawn.ranks >= 1e300].sum()
    expected = 20_000 * 1e300**-0.01
    assert abs(beyond - expected) < 5 * math.sqrt(expected)
    assert (drawn.counts[drawn.ranks >= 1e300] == 1).all()


def test_number_of_distinct_items_is_foreseen() -> None:
    for law in LAWS:
        found = len(law.draw(np.random.default_rng(2), 10**5).ranks)
        assert 0.85 * found < law.n_distinct(10**5) < 1.5 * found


def test_growing_training_sets_hold_the_smaller_ones() -> None:
    law = ZipfLaw(exponent=1.5)
    sizes = np.array([100, 30, 30, 10_000, 0])
    sets = growing(law, np.random.default_rng(0), sizes)
    assert [each.counts.sum() for each in sets] == sizes.tolist()
    for smaller, larger in ((4, 1), (1, 0), (0, 3)):
        place = np.searchsorted(sets[larger].ranks, sets[smaller].ranks)
        assert (sets[larger].ranks[place] == sets[smaller].ranks).all()
        assert (sets[larger].counts[place] >= sets[smaller].counts).all()
    assert p_value(law, sets[3], 10_000) > LEVEL
    assert together() is NOTHING


def test_generators_of_endless_data_narrow_and_cut_one_after_another() -> None:
    narrowed = endless_laws(2.0, Distortion(temperature=0.8), generations=3)
    assert [law.laws[0].exponent for law in narrowed] == pytest.approx([2.5, 3.125, 3.90625])
    assert [law.last for law in endless_laws(2.0, Distortion(rank=7), generations=2)] == [7, 7]
    coldest = endless_laws(2.0, Distortion(temperature=0.01), generations=1000)[-1]
    assert coldest.mass(1, 1) == 1.0
    assert len(coldest.draw(np.random.default_rng(0), 1000).ranks) == 1


@pytest.mark.parametrize("real_fraction", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("top_p", [0.3, 0.9, 0.999])
def test_generators_of_endless_data_have_the_laws_of_a_plain_recursion(real_fraction: float, top_p: float) -> None:
    maker = Generator(top_p=top_p, generations=4, real_fraction=real_fraction)
    expected = generator_laws(np.random.default_rng(0), zipf(3.0), maker)
    laws = endless_laws(3.0, Distortion(top_p=top_p), generations=4, real_fraction=real_fraction)
    for law, plain in zip(laws, expected, strict=True):
        assert law.last == np.flatnonzero(plain)[-1] + 1
        for rank in (1, 2, 3, 10):
            assert law.mass(rank, rank) == pytest.approx(plain[rank - 1], abs=1e-5)
        drawn = law.draw(np.random.default_rng(0), 10**5)
        place = drawn.ranks.astype(int) - 1
        np.testing.assert_allclose(drawn.counts, 1e5 * plain[place], atol=6 * math.sqrt(1e5 * 0.25))


def test_cut_by_mass_keeps_the_fewest_items_with_that_mass_far_out_too() -> None:
    for exponent, top_p in ((1.5, 0.8), (1.5, 0.95), (1.2, 0.99), (1.05, 0.9)):
        (law,) = endless_laws(exponent, Distortion(top_p=top_p), generations=1)
        real = ZipfLaw(exponent=exponent)
        assert real.mass(1, law.last) >= top_p
        assert real.mass(1, law.last - 1) < top_p or law.last > 2.0**53
        assert real.mass(1, law.last) == pytest.approx(top_p, rel=0.02)


SEEN = Counted(ranks=np.array([1.0, 2, 4, 9, 20]), counts=np.array([6, 1, 1, 1, 1]))


@pytest.mark.parametrize(
    ("distortion", "ranks", "probabilities"),
    [
        (Distortion(), [1, 2, 4, 9, 20], [0.6, 0.1, 0.1, 0.1, 0.1]),
        (Distortion(temperature=0.5), [1, 2, 4, 9, 20], [0.9, 0.025, 0.025, 0.025, 0.025]),
        (Distortion(rank=4), [1, 2, 4], [0.75, 0.125, 0.125]),
        (Distortion(top_p=0.6), [1], [1.0]),
        (Distortion(top_p=0.7), [1, 2], [6 / 7, 1 / 7]),
        (Distortion(top_p=0.71), [1, 2, 4], [0.75, 0.125, 0.125]),
        (Distortion(temperature=0.5, top_p=0.95), [1, 2, 4], [0.9 / 0.95, 0.025 / 0.95, 0.025 / 0.95]),
    ],
)
def test_generators_of_samples_narrow_then_cut(distortion: Distortion, ranks: Any, probabilities: Any) -> None:
    """Of items that were seen as often, those of small rank are kept."""
    law = sampled_law(SEEN, distortion)
    np.testing.assert_array_equal(law.ranks, ranks)
    np.testing.assert_allclose(law.probabilities, probabilities)


def test_generators_of_samples_keep_their_most_frequent_item_where_a_cut_leaves_nothing() -> None:
    rare = Counted(ranks=np.array([7.0, 9, 30]), counts=np.array([1, 2, 2]))
    np.testing.assert_array_equal(sampled_law(rare, Distortion(rank=5)).ranks, [9])


def test_unknown_mass_keeps_the_digits_of_small_errors() -> None:
    real = ZipfLaw(exponent=5.0)
    ranks = np.arange(1.0, 1001)
    expected = float((np.arange(1001.0, 200_000) ** -5.0).sum() / 1.0369277551433699)
    assert unknown_mass(real, ranks, np.ones(1000)) == pytest.approx(expected, rel=1e-9)
    known = np.where(ranks == 900, 0.25, 1.0)
    missing = expected + 0.75 * 900**-5.0 / 1.0369277551433699
    assert unknown_mass(real, ranks, known) == pytest.approx(missing, rel=1e-9)
    few = np.array([3.0, 70.0])
    assert unknown_mass(real, few, np.ones(2)) == pytest.approx(1 - real.probability(few).sum(), rel=1e-12)
    assert unknown_mass(real, few, np.ones(2), until=10) == pytest.approx(real.mass(1, 10) - real.probability(few)[0])
    assert unknown_mass(real, np.empty(0), np.empty(0)) == pytest.approx(1.0)


BOUGHT = Purchase(0.3, rank=4)
TASKS = {
    "samples, narrowed": Generator(n_samples=60, temperature=0.6, generations=3),
    "samples, cut by mass": Generator(n_samples=60, top_p=0.9, generations=3),
    "samples, narrowed and cut by mass, some real": Generator(
        n_samples=60, temperature=0.7, top_p=0.95, generations=3, real_fraction=0.3
    ),
    "samples, narrowed and cut at a rank": Generator(n_samples=60, temperature=0.7, rank=3, generations=2),
    "endless, cut by mass, some real": Generator(top_p=0.9, generations=3, real_fraction=0.3),
}
MIXES: dict[str, dict[str, Any]] = {
    "labels": {},
    "labels, mixed": {"real_fraction": 0.1, "purchase": BOUGHT},
    "bigram": {"output": "bigram"},
    "bigram, mixed": {"output": "bigram", "real_fraction": 0.1, "purchase": BOUGHT},
}


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("name", TASKS)
def test_simulation_of_tails_is_that_of_plain_loops(name: str, mix: str) -> None:
    """Also where theory has no answer; a simulation that forgets one of the generator's distortions is found out."""
    task = ZipfTask(3.0, [5, 40, 300], generator=TASKS[name], **MIXES[mix])
    random = np.random.default_rng(0)
    runs = [one_run(random, task) for _ in range(100)]
    assert furthest(solve_tails(task, n_replicates=200), runs) < THRESHOLD
    changes = {"temperature": 1.0, "top_p": None, "rank": None}
    forgetful = replace(TASKS[name], **changes)
    assert furthest(solve_tails(replace(task, generator=forgetful), n_replicates=200), runs) > THRESHOLD


def furthest(result: TailsResult, runs: Any) -> float:
    """Return the largest difference in standard errors; exact numbers must be the same up to the plain law's end."""
    worst = 0.0
    for quantity in ("test_error", "learned_items", "floor"):
        plain = np.array([run[quantity] for run in runs])
        stderr = np.hypot(plain.std(axis=0, ddof=1) / math.sqrt(len(plain)), np.array(result.stderr[quantity]))
        gap = np.abs(np.array(getattr(result, quantity)) - plain.mean(axis=0))
        worst = max(worst, float((np.maximum(gap - 3 * N_ITEMS**-2, 0) / (stderr + 1e-12)).max()))
    return worst


@pytest.mark.parametrize("draws", [True, False])
def test_simulation_averages_over_samples_of_a_finite_generator(draws: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways have the same means, and averaging has the smaller standard errors; a bigram's samples are drawn."""
    from modelcollapse.simulation.tails import Lesson

    task = ZipfTask(1.5, [10, 100, 1000], generator=Generator(n_samples=100, generations=2))
    averaged = solve_tails(task, n_replicates=400)
    assert "averaged over" in averaged.assumptions[0]
    if draws:
        monkeypatch.setattr(Lesson, "has_chances", property(lambda self: False))
    other = solve_tails(task, seed=1, n_replicates=400)
    values, others = (np.array(each.test_error[1:]) for each in (averaged, other))
    stderr, other_stderr = (np.array(each.stderr["test_error"][1:]) for each in (averaged, other))
    assert (np.abs(values - others) < THRESHOLD * np.hypot(stderr, other_stderr)).all()
    assert bool((other_stderr[:, 0] > 2 * stderr[:, 0]).all()) is draws


def test_simulation_of_generations_gives_published_losses_and_no_linear_growth() -> None:
    """Lost mass after n resamplings of 3000 samples, means of 20 runs, given to four decimals or three digits."""
    published = {1: 0.0634, 2: 0.0749, 4: 0.0894, 8: 0.1086, 16: 0.131, 32: 0.1632}
    task = ZipfTask(1.5, [100], generator=Generator(n_samples=3000, generations=32))
    result = solve_tails(task, n_replicates=60)
    for n, value in published.items():
        stderr = result.stderr["floor"][n] * math.sqrt(1 + 60 / 20)
        assert abs(result.floor[n] - value) < THRESHOLD * stderr + 5e-4
    assert 32 * result.floor[1] > result.floor[32] + 100 * result.stderr["floor"][32]


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (ZipfTask(1.5, [10**15]), r"14 ×10⁹ .*19 ×10⁹ samples"),
        (ZipfTask(1.5, [100], generator=Generator(n_samples=10**12)), "a generator's set of 1 ×10¹² samples"),
        (ZipfTask(1.5, [10**9], generator=Generator(), purchase=Purchase(0.5, rank=10**8)), "bought samples"),
        (ZipfTask(1.5, [10], generator=Generator(temperature=0.5, generations=2, real_fraction=0.1)), "temperature"),
    ],
)
def test_simulation_says_which_tails_it_does_not_answer(task: ZipfTask, expected: str) -> None:
    import re

    reason = unsupported(task)
    assert reason is not None
    assert re.search(expected, reason)


def test_simulation_answers_tails_up_to_the_size_that_it_names() -> None:
    assert unsupported(ZipfTask(1.5, [18 * 10**9])) is None
    assert unsupported(ZipfTask(1.5, [20 * 10**9])) is not None
    assert unsupported(ZipfTask(3.0, [10**15], generator=Generator(rank=10**15))) is None


def test_simulation_of_tails_repeats_with_its_seed_and_not_with_another() -> None:
    task = ZipfTask(1.5, [10, 1000], generator=Generator(n_samples=50, generations=2))
    once, again, other = (solve_tails(task, seed=seed, n_replicates=50) for seed in (1, 1, 2))
    assert once == again
    assert once.test_error != other.test_error
    assert (once.seed, once.n_replicates, once.numbers, once.bounds) == (1, 50, {}, {})


def test_simulation_of_tails_stops_at_the_standard_error_that_is_wanted() -> None:
    task = ZipfTask(1.5, [1000, 10_000], generator=Generator(rank=10))
    result = solve_tails(task, relative_stderr=0.01)
    relative = np.array(result.stderr["test_error"]) / np.array(result.test_error)
    assert 0 < relative.max() <= 0.01
    assert result.status == "ok"


def test_simulation_of_tails_returns_what_there_is_when_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    from modelcollapse.simulation import chains_engine

    draws, right = iter(range(100)), chains_engine.summed_up

    def interrupted(*given: Any, **others: Any) -> Any:
        if next(draws) > 1:
            raise KeyboardInterrupt
        return right(*given, **others)

    monkeypatch.setattr(chains_engine, "summed_up", interrupted)
    result = solve_tails(ZipfTask(1.5, [10, 1000]), n_replicates=1000)
    assert result.status == "interrupted"
    assert result.n_replicates is not None
    assert 0 < result.n_replicates < 1000
    assert np.isfinite(np.array(result.test_error)).all()


def test_knowledge_is_the_share_of_replicates_in_which_an_item_is_seen() -> None:
    result = solve_tails(ZipfTask(2.0, [50]), n_replicates=2000)
    probabilities = ZipfLaw(exponent=2.0).probability(np.array(result.ranks, dtype=float))
    expected = 1 - (1 - probabilities) ** 50
    stderr = np.sqrt(expected * (1 - expected) / 2000)
    often = expected > 5e-3
    assert (np.abs(np.array(result.knowledge[0]) - expected) < THRESHOLD * stderr + 1e-12)[often].all()


def test_sampled_laws_are_drawn_with_their_probabilities() -> None:
    law = SampledLaw(ranks=np.array([2.0, 5, 6]), probabilities=np.array([0.5, 0.3, 0.2]))
    drawn = law.draw(np.random.default_rng(0), 10**6)
    np.testing.assert_array_equal(drawn.ranks, law.ranks)
    assert stats.chisquare(drawn.counts, 1e6 * law.probabilities).pvalue > LEVEL
    assert law.draw(np.random.default_rng(0), 0) is NOTHING


def test_last_rank_of_a_mass_that_no_rank_reaches_is_infinite() -> None:
    law = tail_generators.MixedLaw(shares=(1.0,), laws=(ZipfLaw(exponent=1.01),))
    assert tail_generators._last_of(law, 0.99999) == math.inf
