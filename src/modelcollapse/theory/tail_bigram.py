"""How far are the frequencies of T samples from the law of an endless vocabulary? Mean deviations, token by token.

The error of a bigram row is the total variation distance ½ Σ_i E|X_i/T − p_i|. The number X_i of samples that are token
i is binomial, or a sum of such numbers where real samples are mixed with others, or binomial about the frequency that
the training set of a generator happens to have. Its mean deviation follows from what it is short of t = T p_i,

    E (t − X)⁺ = t P(X ≤ t) − E X P(X' ≤ t − 1),      E|X − t| = E X − t + 2 E (t − X)⁺,

where X' has one trial less: exact, as De Moivre found. Tokens that come often have Edgeworth's expansion instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammainc, gammaln, ndtr, zeta

from modelcollapse.checks import Array
from modelcollapse.theory.binomial import at_most, chance
from modelcollapse.theory.tail_series import HEAD, Ranks

OFTEN = 300
"""Variance of a number of samples from which on a token comes often, and does not come often: neither is rare."""

OFTEN_COPIED = 100
"""That in the training set of a generator from which on the number needs not be followed."""

UNLIKELY = 1e-3
"""Probability below which a sum of two binomial numbers is taken as one."""

HERMITE = 9
"""Nodes for the number of a frequent token in the training set of a generator."""

RARE = 1e-8
"""Expected number of samples below which a token never comes twice."""

TOKENS = 1000
"""Tokens that are added one by one in a sum that is continued beyond where it converges."""

POLE = 1e-4
"""Distance of β from 2 below which the mean of two exponents beside it is taken."""

BESIDE = 2e-4
"""How far they are, relative to β."""

WHOLE = 30.0
"""Logarithm of ranks beyond which nothing lies between two of them."""

NEGLIGIBLE = 1e-13
"""Probability of numbers of samples that are left out."""

SPREAD = 10.0
"""Standard deviations from the mean up to which a number is followed, and as many samples more."""


@dataclass(frozen=True, kw_only=True)
class Count:
    """Numbers of samples that are binomial, one for each token.

    Attributes
    ----------
    trials, probability : arrays of shape (n_tokens,)
        Trials need not be whole.
    """

    trials: Array
    probability: Array

    @property
    def mean(self) -> Array:
        """Expected numbers."""
        return np.asarray(self.trials * self.probability)

    @property
    def variance(self) -> Array:
        """Their variances."""
        return np.asarray(self.mean * (1 - self.probability))

    @property
    def cumulants(self) -> Array:
        """Mean, variance, third and fourth cumulant, (4, n_tokens)."""
        q, variance = self.probability, self.variance
        return np.stack([self.mean, variance, variance * (1 - 2 * q), variance * (1 - 6 * q * (1 - q))])

    def of(self, which: NDArray[np.bool_]) -> Count:
        """Return the numbers of some tokens."""
        return Count(trials=self.trials[which], probability=self.probability[which])

    def plus(self, other: Count) -> Count:
        """Return binomial numbers with the mean and variance of the sum."""
        mean = self.mean + other.mean
        squares = self.mean * self.probability + other.mean * other.probability
        probability = np.divide(squares, mean, out=np.zeros_like(mean), where=mean > 0)
        trials = np.divide(mean, probability, out=self.trials + other.trials, where=probability > 0)
        return Count(trials=trials, probability=probability)

    def law(self) -> tuple[Array, Array]:
        """Return the first number that is not too unlikely, (n_tokens,), and the chances from there, (n_tokens, n)."""
        reach = SPREAD * np.sqrt(self.variance) + SPREAD
        first = np.floor(np.maximum(self.mean - reach, 0.0))
        numbers = first[:, None] + np.arange(int(2 * reach.max(initial=0.0)) + 2)
        return first, chance(numbers, self.trials[:, None], self.probability[:, None])

    def shortfall(self, target: Array) -> Array:
        """Return E (t − X)⁺ exactly, (n_tokens,)."""
        whole = np.floor(target)
        up_to = at_most(whole, self.trials, self.probability)
        before = at_most(whole - 1, self.trials - 1, self.probability)
        return np.maximum(target * up_to - self.mean * before, 0.0)


def clean_row_error(n_samples: ArrayLike, *, exponent: float) -> Array:
    """Return the error of a row after T real samples, K T^(−1/2) + C T^−c with c = 1 − 1/β.

    Tokens that come often have mean deviations √(2 p(1 − p)/(π T)), and those that are rare that of Poisson's law:

        K = Σ_i √(p_i(1 − p_i))/√(2π),     C = ζ(β)^(−1/β)/(2β) ∫_0^∞ D(λ) λ^(−1 − 1/β) dλ,

    D(λ) = 2 e^−λ λ^(⌊λ⌋ + 1)/⌊λ⌋!. Where the sum (β < 2) or the integral (β > 2) diverges it means its continuation
    in β, as of a zeta function, and is negative. At β = 2, K and −C together make a logarithm.

    Parameters
    ----------
    n_samples : array
        T, from about 100 on.
    exponent : float
        β > 1.
    """
    size = np.asarray(n_samples, dtype=np.float64)
    beside = (exponent * (1 - BESIDE), exponent * (1 + BESIDE)) if abs(exponent - 2) < POLE else (exponent,)
    laws = [_two_powers(each) for each in beside]
    return np.asarray(np.mean([a * size**-0.5 + b * size ** (1 / beta - 1) for a, b, beta in laws], axis=0))


def _two_powers(exponent: float) -> tuple[float, float, float]:
    """Return K, C and β."""
    norm, power = float(zeta(exponent)), 1 / exponent
    first = np.arange(1.0, TOKENS + 1) ** -exponent / norm
    often = (
        np.sum(np.sqrt(first * (1 - first))) + _rest(exponent / 2) / norm**0.5 - _rest(1.5 * exponent) / 2 / norm**1.5
    )
    m = np.arange(OFTEN)
    inside = gammainc(m + 1 - power, m + 1) - gammainc(m + 1 - power, m)
    rare = 2 * np.sum(inside * np.exp(gammaln(m + 1 - power) - gammaln(m + 1)))
    rare += np.sqrt(2 / np.pi) * OFTEN ** (0.5 - power) / (power - 0.5)
    return float(often / np.sqrt(2 * np.pi)), float(norm**-power * power * rare / 2), exponent


def _rest(power: float) -> float:
    """Return Σ i^−s over the tokens beyond the first `TOKENS`, continued to s < 1."""
    start = TOKENS + 0.5
    return float(start ** (1 - power) / (power - 1) - power * start ** (-power - 1) / 24)


def kink_logs(size: float, exponent: float) -> Array:
    """Return ln of the ranks at which T i^−β/ζ(β) = 1, 2, ..., `OFTEN`: there, mean deviations have a kink."""
    return np.asarray((np.log(size / np.arange(1.0, OFTEN + 1)) - np.log(zeta(exponent))) / exponent)


def kink_edges(logs: Array) -> tuple[float, ...]:
    """Return the edges after such ranks, for nodes on either side."""
    near = np.log(np.floor(np.exp(np.minimum(logs, WHOLE))) + 0.5)
    return tuple(np.where(logs < WHOLE, near, logs)[logs > 0].tolist())


def row_error(nodes: Ranks, log_real: Array, parts: Sequence[tuple[float, Array]]) -> float:
    """Return ½ Σ_i E|X_i/T − p_i| for samples that are drawn independently from known laws.

    Parameters
    ----------
    nodes : Ranks
        With the `kink_edges` of T.
    log_real : array of shape (n_nodes,)
        ln p_i.
    parts : sequence of (float, array of shape (n_nodes,))
        Numbers of samples, which add up to T, and ln of their laws.

    Returns
    -------
    float
        To about 1e-5.
    """
    size = sum(number for number, _ in parts)
    counts = [
        Count(trials=np.full(len(law), float(number)), probability=np.exp(law)) for number, law in parts if number > 0
    ]
    target = size * np.exp(log_real)
    total, merged = np.sum([count.cumulants for count in counts], axis=0), counts[0]
    for count in counts[1:]:
        merged = merged.plus(count)
    often = total[1] >= OFTEN
    short = np.empty_like(target)
    short[often] = _edgeworth(total[:, often], target[often], lattice=_on_lattice(len(target))[often])
    few = ~often
    short[few] = merged.of(few).shortfall(target[few])
    likely = few & (merged.probability > UNLIKELY)
    if len(counts) > 1 and likely.any():
        short[likely] = _sum_shortfall([count.of(likely) for count in counts], target[likely])
    return _distance(nodes, total[0] - target + 2 * short, size, _log_expected(log_real, parts, size))


def copied_row_error(nodes: Ranks, log_real: Array, size: float, *, n_generator: float) -> float:
    """Return ½ Σ_i E|X_i/T − p_i| for T samples of a generator that has the frequencies of T0 real samples.

    Parameters
    ----------
    nodes : Ranks
        With the `kink_edges` of T and of T0.
    log_real : array of shape (n_nodes,)
        ln p_i.
    size, n_generator : float
        T and T0.

    Returns
    -------
    float
        To about 1e-4.
    """
    real = np.exp(log_real)
    target, first = size * real, Count(trials=np.full(len(real), n_generator), probability=real)
    often, many = first.variance >= OFTEN_COPIED, target * (1 - real) >= OFTEN
    smooth, normal = often & many, often & ~many
    short = np.empty_like(target)
    short[smooth] = _edgeworth(
        _copied_cumulants(real[smooth], size, n_generator), target[smooth], lattice=_on_lattice(len(target))[smooth]
    )
    short[normal] = _normal_shortfall(first.of(normal), target[normal], size)
    short[~often] = _copied_shortfall(first.of(~often), target[~often], size)
    return _distance(nodes, 2 * short, size, np.log(2 * size) + log_real)


def distance_to_mixture(nodes: Ranks, log_real: Array, parts: Sequence[tuple[float, Array]]) -> float:
    """Return ½ Σ_i |q_i − p_i| for a mixture q of laws.

    Parameters
    ----------
    nodes : Ranks
    log_real : array of shape (n_nodes,)
    parts : sequence of (float, array of shape (n_nodes,))
        Shares, which add up to 1, and ln of the laws.
    """
    there = log_real > -np.inf
    ratio = sum(share * np.exp(law[there] - log_real[there]) for share, law in parts)
    logs = np.full_like(log_real, -np.inf)
    with np.errstate(divide="ignore"):
        logs[there] = log_real[there] + np.log(np.abs(ratio - 1))
    return float(nodes.total(logs) / 2)


def _on_lattice(n_nodes: int) -> Array:
    """Return for which nodes the fraction of t is that of a rank, and not one of many."""
    return np.asarray(np.arange(n_nodes) < HEAD, dtype=np.float64)


def _edgeworth(cumulants: Array, target: Array, *, lattice: Array) -> Array:
    """Return E (t − X)⁺ to the second order, with the term of the lattice where `lattice` is 1; on average it is 0."""
    mean, variance, third, fourth = cumulants
    deviation = np.sqrt(np.maximum(variance, 1e-12))
    z = (target - mean) / deviation
    skewness, excess = third / deviation**3, fourth / deviation**4
    density = np.exp(-(np.minimum(np.abs(z), 38.0) ** 2) / 2) / np.sqrt(2 * np.pi)
    fraction = target - np.floor(target)
    waves = lattice * (fraction * (1 - fraction) / 2 - 1 / 12) / deviation**2
    polynomial = skewness * z / 6 + excess * (z**2 - 1) / 24 + skewness**2 * (z**4 - 6 * z**2 + 3) / 72
    return np.asarray(np.maximum(deviation * (z * ndtr(z) + density * (1 + polynomial + waves)), 0.0))


def _sum_shortfall(counts: Sequence[Count], target: Array) -> Array:
    """Return E (t − X − Y − ...)⁺ exactly, (n_tokens,), by the law of the sum of all numbers but the last."""
    *others, last = counts
    start, chances = others[0].law()
    for count in others[1:]:
        first, more = count.law()
        start, chances = start + first, np.array([np.convolve(*pair) for pair in zip(chances, more, strict=True)])
    short = np.zeros_like(target)
    for place in range(chances.shape[1]):
        which = chances[:, place] > NEGLIGIBLE
        rest = target[which] - start[which] - place
        short[which] += chances[which, place] * last.of(which).shortfall(rest)
    return short


def _copied_shortfall(first: Count, target: Array, size: float) -> Array:
    """Return E (t − X)⁺, (n_tokens,), where X is binomial about the frequency that a first number has."""
    short = np.zeros_like(target)
    start, chances = first.law()
    for place in range(chances.shape[1]):
        likely = chances[:, place]
        share = np.minimum((start + place) / first.trials, 1.0)
        copied = Count(trials=np.full(len(target), size), probability=share)
        often, which = copied.variance >= OFTEN, likely > NEGLIGIBLE
        exact, smooth = which & ~often, which & often
        short[exact] += likely[exact] * copied.of(exact).shortfall(target[exact])
        nothing = np.zeros(int(smooth.sum()))
        short[smooth] += likely[smooth] * _edgeworth(copied.of(smooth).cumulants, target[smooth], lattice=nothing)
    return short


def _normal_shortfall(first: Count, target: Array, size: float) -> Array:
    """Return E (t − X)⁺, (n_tokens,), where X is binomial about the frequency that a large first number has."""
    mean, variance, *_ = first.cumulants
    nodes, weights = np.polynomial.hermite_e.hermegauss(HERMITE)
    short = np.zeros_like(target)
    for node, weight in zip(nodes, weights / weights.sum(), strict=True):
        share = np.clip((mean + np.sqrt(variance) * node) / first.trials, 0.0, 1.0)
        short += weight * Count(trials=np.full(len(target), size), probability=share).shortfall(target)
    return short


def _copied_cumulants(real: Array, size: float, n_generator: float) -> Array:
    """Return cumulants of X, (4, n_tokens): the variance exactly, the others as if both numbers were Poisson's."""
    mean, ratio = size * real, size / n_generator
    variance = mean * (1 - real) * (1 + (size - 1) / n_generator)
    third, fourth = 1 + 3 * ratio + ratio**2, 1 + 7 * ratio + 6 * ratio**2 + ratio**3
    return np.stack([mean, variance, mean * third, mean * fourth])


def _log_expected(log_real: Array, parts: Sequence[tuple[float, Array]], size: float) -> Array:
    """Return ln(E X + t), the mean deviation of a token that comes once at most."""
    logs = [np.log(number) + law for number, law in parts if number > 0]
    return np.asarray(np.logaddexp.reduce([*logs, np.log(size) + log_real], axis=0))


def _distance(nodes: Ranks, deviation: Array, size: float, log_expected: Array) -> float:
    """Return half of the sum of mean deviations over the number of samples."""
    with np.errstate(divide="ignore"):
        logs = np.where(log_expected < np.log(RARE), log_expected, np.log(np.maximum(deviation, 0.0)))
    return float(nodes.total(logs) / (2 * size))
