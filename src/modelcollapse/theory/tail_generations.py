"""How many real samples stand behind T samples of a generator of finite samples? Who trains on copies, trains on them.

A sample of generator g is a copy of one of the T0 samples that it was trained on, which was real or a copy of a sample
that generator g − 1 was trained on, and so on. Followed back, T samples come from A real ones, which are independent
draws of the real law, cut where generators cut. All T samples miss item i when all A do: training on T samples of
generation g is training on A real ones. The law of A depends on no probability but on how many samples cuts leave.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.theory.ancestors import EmptyBoxes
from modelcollapse.theory.binomial import chance

FEW = 64
"""Most samples whose ancestors are followed number by number; more of them by mean and variance."""

SWITCH = 38
"""Mean number of lines of descent from which on they are followed number by number: six deviations below `FEW`."""

ENOUGH = 50 * FEW
"""Balls that leave none of `FEW` boxes empty."""

SURE = float(np.nextafter(1.0, 0.0))
"""Probabilities are kept below 1, so that what is sure to come is missed with a probability of 1e-16."""

HERMITE = 5
"""Nodes for the number of samples that a cut leaves of many: exact for polynomials of degree 9."""


@dataclass(frozen=True, kw_only=True)
class Copies:
    """Law of the number A of real samples behind each of n_sizes training sets.

    Attributes
    ----------
    mean, variance : arrays of shape (n_sizes,)
    probabilities : array of shape (n_sizes, FEW + 1)
        Of A = 0, ..., `FEW`, where it is known; NaN elsewhere.
    """

    mean: Array
    variance: Array
    probabilities: Array

    def log_absence(self, probability: Array) -> Array:
        """Return ln E (1 − q)^A, (n_sizes, n_nodes), for probabilities q below 1, (n_nodes,).

        Where A is large it is taken as a binomial number of the same mean and variance: like numbers of occupied boxes,
        a sum of independent zeros and ones, and a number that is known, or what a cut leaves of it, exactly.
        """
        spread = (1 - self.variance / np.maximum(self.mean, np.finfo(float).tiny))[:, None]
        poisson = np.abs(spread) < 1e-9
        narrow = np.where(poisson, 1.0, spread)
        logs: Array = self.mean[:, None] * np.where(poisson, -probability, np.log1p(-narrow * probability) / narrow)
        few = np.isfinite(self.probabilities[:, 0])
        if few.any():
            lost = np.expm1(np.outer(np.arange(self.probabilities.shape[1]), np.log1p(-probability)))
            logs[few] = np.log1p(np.maximum(self.probabilities[few] @ lost, -SURE))
        return logs


@dataclass(frozen=True, kw_only=True)
class Generators:
    """Training sets of generators.

    Attributes
    ----------
    n_samples : int
        T0.
    n_real : int
        Real ones of those from the second generator on.
    kept : float
        Probability that a real sample is not cut.
    """

    n_samples: int
    n_real: int = 0
    kept: float = 1.0


def known_samples(sizes: Array) -> Copies:
    """Return the law of A where all samples are real, (n_sizes,)."""
    nothing = np.full((len(sizes), 1), np.nan)
    return Copies(mean=sizes, variance=np.zeros_like(sizes), probabilities=nothing)


def copies(sizes: Array, generators: Generators, *, generations: int) -> Iterator[Copies]:
    """Yield the law of A for training sets of samples of generators 1, ..., G.

    Parameters
    ----------
    sizes : array of shape (n_sizes,)
        T, whole numbers up to 1e30.
    generators : Generators
        That keep at least one sample but for 1e-12.
    generations : int
        G.

    Notes
    -----
    Exact to rounding where T or T0 is at most `FEW`. Else A is followed by the exact conditional mean and covariance of
    occupied boxes and met lines: probabilities to miss an item are wrong by less than 1e-4, by 3e-6 at T0 = 300.
    Without real samples after the first generation, lines are followed number by number once they are few.
    """
    few = (sizes <= FEW) | (generators.n_samples <= FEW)
    balls = np.concatenate([np.arange(FEW + 1.0), sizes[few & (sizes > FEW)]])
    rows = np.where(sizes <= FEW, sizes, FEW + np.cumsum(few & (sizes > FEW))).astype(int)
    tables = list(_tables(balls, generators, generations))
    paths = {j: _path(size, generators, generations) for j, size in enumerate(sizes) if not few[j]}
    numbers = np.arange(FEW + 1.0)
    for g in range(generations):
        laws = np.full((len(sizes), FEW + 1), np.nan)
        laws[few] = tables[g][rows[few]]
        mean, variance = laws @ numbers, np.empty(len(sizes))
        for j, path in paths.items():
            here = next(path)
            if isinstance(here, _Lines):
                mean[j], variance[j] = here.mean, here.variance
            else:
                depth, weights = here
                laws[j] = weights @ tables[g - depth][: FEW + 1]
                mean[j] = laws[j] @ numbers
        known = np.isfinite(laws[:, 0])
        variance[known] = laws[known] @ numbers**2 - mean[known] ** 2
        yield Copies(mean=mean, variance=variance, probabilities=laws)


@dataclass(frozen=True, kw_only=True)
class _Lines:
    """Lines of descent by mean and variance: those that go on, and the real samples that others have found.

    Attributes
    ----------
    mean, variance, found, found_variance, joint : float
        `joint` is the covariance of both.
    """

    mean: float
    variance: float = 0.0
    found: float = 0.0
    found_variance: float = 0.0
    joint: float = 0.0

    def fallen(self, real: float, synthetic: float) -> _Lines:
        """Return the lines after they have fallen into so many real and synthetic samples."""
        empty = EmptyBoxes.after(self.mean, self.variance, real + synthetic)
        slope = empty.slope * self.joint
        ended = empty.covariance(real) - 2 * real * slope if real else 0.0
        return _Lines(
            mean=empty.occupied(synthetic),
            variance=empty.covariance(synthetic),
            found=self.found + empty.occupied(real),
            found_variance=self.found_variance + ended,
            joint=empty.covariance(synthetic, real) - synthetic * slope,
        )

    @classmethod
    def mixed(cls, parts: list[_Lines], weights: Array) -> _Lines:
        """Return the lines of which it is unknown which of several they are."""
        mean, found = (weights @ np.array([getattr(part, name) for part in parts]) for name in ("mean", "found"))
        return cls(
            mean=float(mean),
            found=float(found),
            variance=_mean(weights, [part.variance + (part.mean - mean) ** 2 for part in parts]),
            found_variance=_mean(weights, [part.found_variance + (part.found - found) ** 2 for part in parts]),
            joint=_mean(weights, [part.joint + (part.mean - mean) * (part.found - found) for part in parts]),
        )


def _mean(weights: Array, values: list[float]) -> float:
    return float(weights @ np.array(values))


def _path(size: float, generators: Generators, generations: int) -> Iterator[_Lines | tuple[int, Array]]:
    """Yield A behind samples of generators 1, ..., G: as lines that have ended, or where lines have become few.

    Then it is by how many generations they have gone back, and the probability of each of their numbers.
    """
    lines = _Lines(mean=size)
    first, later = _kept(generators.n_samples, generators.kept), _kept(generators.n_real, generators.kept)
    for depth in range(generations):
        if lines.mean <= SWITCH and not generators.n_real:
            numbers = np.arange(FEW + 1.0)
            weights = np.exp(-((numbers - lines.mean) ** 2) / (2 * lines.variance))
            weights /= weights.sum()
            while True:
                yield depth, weights
        ended = _fallen(lines, first, 0)
        yield _Lines(mean=ended.found, variance=ended.found_variance)
        lines = _fallen(lines, later, generators.n_samples - generators.n_real)


def _fallen(lines: _Lines, real: tuple[Array, Array], synthetic: int) -> _Lines:
    """Return the lines after they have fallen into a training set of which a random number of real samples is kept."""
    numbers, weights = real
    return _Lines.mixed([lines.fallen(float(number), synthetic) for number in numbers], weights)


def _kept(n_samples: int, kept: float) -> tuple[Array, Array]:
    """Return numbers of real samples that a cut may leave, and their probabilities; by a Gauss rule if many."""
    if kept == 1 or n_samples == 0:
        return np.array([float(n_samples)]), np.ones(1)
    if n_samples <= FEW:
        numbers = np.arange(n_samples + 1.0)
        return numbers, chance(numbers, n_samples, kept)
    nodes, weights = np.polynomial.hermite_e.hermegauss(HERMITE)
    deviation = np.sqrt(n_samples * kept * (1 - kept))
    return n_samples * kept + deviation * nodes, weights / weights.sum()


def _tables(balls: Array, generators: Generators, generations: int) -> Iterator[Array]:
    """Yield the law of A behind so many samples of generators 1, ..., G, (n_balls, FEW + 1)."""
    real, weights = _kept(generators.n_samples, generators.kept)
    table = np.einsum("k,krj->rj", weights, _occupied(balls, real))
    yield table
    if generations == 1:
        return
    real, weights = _kept(generators.n_real, generators.kept)
    boxes = real + (generators.n_samples - generators.n_real)
    falls = np.einsum("k,krj,kja->rja", weights, _occupied(balls, boxes), _real_ones(real, boxes), optimize=True)
    for _ in range(1, generations):
        before, table = table, np.zeros_like(table)
        for a in range(1 if generators.n_real == 0 else FEW + 1):  # a of the j occupied boxes are real
            rest = FEW + 1 - a
            table[:, a:] += falls[:, a:, a] @ before[:rest, :rest]
        yield table


def _occupied(balls: Array, boxes: Array) -> Array:
    """Return the probability that balls, growing in number, occupy j = 0, ..., FEW boxes, (n_boxes, n_balls, FEW + 1).

    P_a(j) = P_{a−1}(j) j/n + P_{a−1}(j − 1) (n − j + 1)/n, with either few balls or few boxes.
    """
    order = np.argsort(balls, kind="stable")
    numbers = np.arange(FEW + 1)
    share = np.divide(numbers, boxes[:, None], out=np.ones((len(boxes), FEW + 1)), where=boxes[:, None] > 0)
    again = np.minimum(share, 1.0)
    law = np.zeros((len(boxes), FEW + 1))
    law[:, 0] = 1.0
    laws, thrown = np.empty((len(boxes), len(balls), FEW + 1)), 0
    for row in order:
        for _ in range(int(min(balls[row], ENOUGH)) - thrown):
            new = law[:, :-1] * (1 - again[:, :-1])
            law = law * again
            law[:, 1:] += new
            thrown += 1
        laws[:, row] = law
    return laws


def _real_ones(real: Array, boxes: Array) -> Array:
    """Return the probability that a = 0, ..., FEW of j occupied boxes are real ones, (n_boxes, j, a)."""
    law = np.zeros((len(boxes), FEW + 1, FEW + 1))
    law[:, 0, 0] = 1.0
    found = np.arange(FEW + 1)
    for j in range(FEW):
        left = np.maximum(boxes - j, 1e-300)[:, None]
        chance = np.clip((real[:, None] - found) / left, 0.0, 1.0)
        law[:, j + 1] = law[:, j] * (1 - chance)
        law[:, j + 1, 1:] += (law[:, j] * chance)[:, :-1]
    return law
