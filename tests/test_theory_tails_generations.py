"""How many real samples stand behind samples of samples: against chains of one item's count, and drawn ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from scipy.stats import binom

from modelcollapse.theory.ancestors import ancestors
from modelcollapse.theory.tail_generations import Generators, copies, known_samples
from modelcollapse.theory.tail_seen import sight
from modelcollapse.theory.tail_series import ranks

GENERATIONS = 6


def absences(sizes: list[int], generators: Generators, probability: float) -> np.ndarray:
    """Return P(item is missed), (generations, n_sizes)."""
    laws = copies(np.array(sizes, dtype=float), generators, generations=GENERATIONS)
    return np.exp([law.log_absence(np.array([probability]))[:, 0] for law in laws])


def followed_absences(sizes: list[int], generators: Generators, probability: float) -> Iterator[np.ndarray]:
    """Yield P(item is missed) by the Markov chain of how often it is in the training set of a generator, uncut."""
    total, real = generators.n_samples, generators.n_real
    counts = np.arange(total + 1)
    law = binom.pmf(counts, total, probability)
    fresh = binom.pmf(np.arange(real + 1), real, probability)
    copied = binom.pmf(np.arange(total - real + 1), total - real, counts[:, None] / total)
    for _ in range(GENERATIONS):
        yield np.array([law @ (1 - counts / total) ** size for size in sizes])
        law = np.convolve(fresh, law @ copied)


@pytest.mark.parametrize("real", [0, 3, 12])
def test_few_copies_are_those_of_a_markov_chain(real: int) -> None:
    generators, sizes = Generators(n_samples=20, n_real=real), [1, 2, 7, 64, 65, 500]
    for probability in (0.01, 0.2, 0.9):
        expected = np.array(list(followed_absences(sizes, generators, probability)))
        assert absences(sizes, generators, probability) == pytest.approx(expected, rel=1e-11, abs=1e-13)


@pytest.mark.parametrize(("n_samples", "real"), [(70, 0), (300, 0), (300, 60)])
def test_many_copies_are_those_of_a_markov_chain(n_samples: int, real: int) -> None:
    generators, sizes = Generators(n_samples=n_samples, n_real=real), [64, 100, 1000, 10**7]
    for probability in (1e-4, 3e-3, 0.02):
        expected = np.array(list(followed_absences(sizes, generators, probability)))
        assert absences(sizes, generators, probability) == pytest.approx(expected, abs=1e-4)


def test_copies_of_many_generations_are_those_of_all_ancestors() -> None:
    """Lines become few: they are followed number by number from then on."""
    laws = list(copies(np.array([5000.0]), Generators(n_samples=5000), generations=400))
    known = ancestors(5000, n_first=5000, generations=399)
    for generation in (1, 2, 50, 399):
        assert laws[generation - 1].mean[0] == pytest.approx(known[generation].mean, rel=1e-4)
        assert laws[generation - 1].variance[0] == pytest.approx(known[generation].variance, rel=1e-2)


def drawn_ancestors(size: int, generators: Generators, replicates: int, seed: int) -> np.ndarray:
    """Return how many real samples are behind so many of the last generator, drawn backwards."""
    rng, found = np.random.default_rng(seed), np.zeros(replicates)
    for r in range(replicates):
        lines = size
        for back in range(GENERATIONS - 1, -1, -1):
            real = generators.n_real if back else generators.n_samples
            kept = rng.binomial(real, generators.kept)
            boxes = np.unique(rng.integers(0, kept + generators.n_samples - real, lines))
            found[r] += (boxes < kept).sum()
            lines = int((boxes >= kept).sum())
    return found


@pytest.mark.parametrize(
    ("size", "generators"),
    [
        (40, Generators(n_samples=40, kept=0.7)),
        (500, Generators(n_samples=40, n_real=10, kept=0.7)),
        (200, Generators(n_samples=400, kept=0.8)),
        (1000, Generators(n_samples=300, n_real=100, kept=0.6)),
        (60, Generators(n_samples=2000, n_real=200, kept=0.5)),
    ],
)
def test_copies_of_cut_samples_are_those_drawn_and_not_those_of_uncut_ones(size: int, generators: Generators) -> None:
    replicates = 1500
    found = drawn_ancestors(size, generators, replicates, seed=size)
    *_, law = copies(np.array([float(size)]), generators, generations=GENERATIONS)
    probability = np.array([1 / law.mean[0]])
    drawn = (1 - probability[0]) ** found
    *_, uncut = copies(
        np.array([float(size)]), Generators(n_samples=generators.n_samples, n_real=generators.n_real),
        generations=GENERATIONS,
    )  # fmt: skip

    def far(expected: float, values: np.ndarray) -> float:
        return float(abs(expected - values.mean()) / (values.std() / np.sqrt(replicates)))

    assert far(law.mean[0], found) < 5
    assert far(law.variance[0], (found - law.mean[0]) ** 2) < 5
    assert far(float(np.exp(law.log_absence(probability))[0, 0]), drawn) < 5
    assert far(uncut.mean[0], found) > 5


def test_copies_of_copies_are_fewer_with_every_generation_and_real_samples_stop_that() -> None:
    alone = [law.mean[0] for law in copies(np.array([1e6]), Generators(n_samples=10**4), generations=30)]
    helped = [law.mean[0] for law in copies(np.array([1e6]), Generators(n_samples=10**4, n_real=1000), generations=30)]
    assert (np.diff(alone) < 0).all()
    assert alone[29] == pytest.approx(2 * 10**4 / 30, rel=0.1)  # 2 T0/g
    assert helped[29] > 3 * alone[29]


def test_known_samples_are_missed_as_independent_ones() -> None:
    law = known_samples(np.array([0.0, 1.0, 1e15]))
    probability = np.array([1e-16, 1e-3, 0.5])
    with np.errstate(under="ignore"):
        expected = np.array([0.0, 1.0, 1e15])[:, None] * np.log1p(-probability)
    assert law.log_absence(probability) == pytest.approx(expected, rel=1e-12)


def test_sight_of_independent_parts_multiplies_absences() -> None:
    nodes = ranks(2.0, active=10.0)
    first, second = np.full(len(nodes.logs), np.log(0.1)), np.full(len(nodes.logs), -np.inf)
    parts = [(known_samples(np.array([3.0])), first), (known_samples(np.array([5.0])), second)]
    assert np.exp(sight(parts).log_absence) == pytest.approx(0.9**3)
    assert sight(parts[:1]).presence == pytest.approx(1 - 0.9**3)
