"""Which items does a limited memory tell apart? Those whose strength is above the noise of all others.

M = Σ_i s_i e_i u_{y(i)}ᵀ with random unit embeddings in d dimensions; item i is known when argmax_j e_iᵀ M u_j is its
label. Its own strength stands against noise: e_iᵀ M u_j has variance (S_j (1 − 1/d) + S/d)/d, where S_j adds up the
squares of the strengths of all items with label j, and S those of all. (That labels' embeddings overlap multiplies the
lead of the right one over another by 1 − u_yᵀu_j, and does not turn it.) Items get their labels at random, so S_j is
random too: a few strong items make a few labels noisy. Outputs are taken as independent of each other, each with a law
of S_j in which the strongest items are told apart and all others make up a gamma law. This is a heuristic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.special import ndtr, ndtri, roots_genlaguerre

from modelcollapse.checks import Array
from modelcollapse.theory.binomial import chance
from modelcollapse.theory.tail_series import Ranks

STRONGEST = 6
"""Items that are told apart in the noise of an output."""

LAGUERRE = 4
"""Nodes for the noise of all other items."""

STEADY = 100.0
"""Shape of its gamma law from which on it is taken as constant."""

UNEVEN = 0.01
"""Smallest shape of that law."""

DROWNED = 200.0
"""Logarithm of a noise above which nothing is heard."""

HERMITE = 9
"""Nodes for the noise of the right output."""

STRENGTHS = np.geomspace(1e-3, 1e3, 61)
"""Strengths, in deviations of the mean noise, between which the chance of success is interpolated."""

POINTS = 400
"""Points between which the chance to be above all other outputs is interpolated."""

FEW = 30.0
"""Expected number of samples below which all numbers are gone through."""

VALUES = 72
"""Numbers of samples that are gone through, or quantiles of them that stand for all."""

RARE = 1e-8
"""Expected number of samples below which an item never comes twice."""

Success = Callable[[Array], Array]


@dataclass(frozen=True, kw_only=True)
class Memory:
    """A linear associative memory.

    Attributes
    ----------
    n_features, n_outputs : int
        d, and the number of labels.
    power : float or None
        ρ: an item with a share q of the samples is held with strength q^ρ. None: the d most frequent items are held
        with strength 1 each, and no other.
    """

    n_features: int
    n_outputs: int
    power: float | None

    def strength(self, share: Array) -> Array:
        """Return the strength of items that are held, and have such shares of the samples."""
        return np.ones_like(share) if self.power is None else np.asarray(share**self.power)


@dataclass(frozen=True, kw_only=True)
class Shares:
    """Laws of the share that each item has of the training set.

    Attributes
    ----------
    values, chances : arrays of shape (n_items, n_values)
    once : float
        Share of an item that comes once; 0 where training is endless.
    log_expected : array of shape (n_items,)
        ln of the expected number of samples; inf where training is endless.
    """

    values: Array
    chances: Array
    once: float
    log_expected: Array


def drawn_shares(log_probability: Array, size: float) -> Shares:
    """Return the shares in T samples of a law.

    Parameters
    ----------
    log_probability : array of shape (n_items,)
    size : float
        T.
    """
    probability = np.exp(log_probability)[:, None]
    mean = size * probability
    numbers = np.arange(float(VALUES))
    few = mean < FEW
    quantiles = ndtri((numbers + 0.5) / VALUES)
    values = np.where(
        few, numbers, np.maximum(mean + np.sqrt(mean * np.maximum(1 - probability, 0.0)) * quantiles, 0.0)
    )
    chances = np.where(few, chance(numbers, size, np.minimum(probability, 1.0)), 1 / VALUES)
    return Shares(values=values / size, chances=chances, once=1 / size, log_expected=np.log(size) + log_probability)


def endless_shares(log_probability: Array) -> Shares:
    """Return the shares that endless training gives, (n_items,) -> one value for each item."""
    values = np.exp(log_probability)[:, None]
    endless = np.where(log_probability > -np.inf, np.inf, -np.inf)
    return Shares(values=values, chances=np.ones_like(values), once=0.0, log_expected=endless)


def log_known(memory: Memory, nodes: Ranks, shares: Shares) -> Array:
    """Return ln P(item i is known), (n_items,), where the first items are the nodes.

    Parameters
    ----------
    memory : Memory
    nodes : Ranks
    shares : Shares
    """
    held = _held(memory, nodes, shares)
    chances = shares.chances * held(shares.values)
    strengths = memory.strength(shares.values)
    success = _success(memory, nodes, strengths, chances)
    once = np.array([shares.once])
    rare = shares.log_expected < np.log(RARE)
    with np.errstate(divide="ignore"):
        known = np.log((chances * success(strengths)).sum(axis=1))
        of_once = float(np.log(held(once) * success(memory.strength(once)))[0])
    return np.asarray(np.where(rare, np.minimum(shares.log_expected, 0.0) + of_once, known))


def _held(memory: Memory, nodes: Ranks, shares: Shares) -> Callable[[Array], Array]:
    """Return which share is held: any, or that of the d most frequent items, with what probability."""
    if memory.power is not None:
        return lambda share: np.asarray(share > 0, dtype=np.float64)
    n_nodes = len(nodes.logs)
    with np.errstate(divide="ignore", over="ignore"):
        items = np.exp(nodes.log_weights[:, None] + np.log(shares.chances[:n_nodes])).ravel()
    values = shares.values[:n_nodes].ravel()
    order = np.argsort(-values, kind="stable")
    order = order[values[order] > 0]
    held = np.cumsum(items[order])
    if held[-1] <= memory.n_features:
        return lambda share: np.asarray(share > 0, dtype=np.float64)
    last = float(values[order[np.searchsorted(held, memory.n_features)]])
    above, equal = items[values > last].sum(), items[values == last].sum()
    part = max(memory.n_features - above, 0.0) / equal
    return lambda share: np.asarray(np.where(share > last, 1.0, np.where(share == last, part, 0.0)))


def _success(memory: Memory, nodes: Ranks, strengths: Array, chances: Array) -> Success:
    """Return the chance of the right answer as a function of an item's strength."""
    noise, weights, total = _noise(memory, nodes, strengths, chances)
    d = memory.n_features
    variances = (noise * (1 - 1 / d) + total / d) / d
    scale = np.sqrt(total / d)
    points, normal = np.polynomial.hermite_e.hermegauss(HERMITE)
    own = np.sqrt(variances)[:, None] * points
    own_weights = (weights[:, None] * normal / normal.sum()).ravel()
    reached = STRENGTHS[:, None] * scale + own.ravel()
    unit = np.sqrt(variances.min())
    grid = unit * np.sinh(np.linspace(np.arcsinh(reached.min() / unit), np.arcsinh(reached.max() / unit), POINTS))
    above = (ndtr(grid[:, None] / np.sqrt(variances)) @ weights) ** (memory.n_outputs - 1)
    found = np.interp(reached, grid, above) @ own_weights
    logs = np.log(STRENGTHS * scale)

    def success(strength: Array) -> Array:
        with np.errstate(divide="ignore"):
            return np.asarray(np.interp(np.log(strength), logs, found))

    return success


def _noise(memory: Memory, nodes: Ranks, strengths: Array, chances: Array) -> tuple[Array, Array, float]:
    """Return values of S_j, their probabilities, and S."""
    n_nodes, share = len(nodes.logs), 1 / memory.n_outputs
    squares = (chances * strengths**2).sum(axis=1)[:n_nodes]
    fourths = (chances * strengths**4).sum(axis=1)[:n_nodes]
    rest = _rest(nodes, squares)
    spread = _rest(nodes, np.maximum(fourths * share - (squares * share) ** 2, 0.0))
    here = np.array(list(product((0.0, 1.0), repeat=STRONGEST)))
    strong, weights = here @ squares[:STRONGEST], np.prod(np.where(here == 1, share, 1 - share), axis=1)
    mean = rest * share
    shape = mean / (spread / mean) if mean > 0 and spread > 0 else np.inf
    if shape >= STEADY:
        values, shares = np.array([mean]), np.ones(1)
    else:
        values, shares = roots_genlaguerre(LAGUERRE, max(shape, UNEVEN) - 1)
        values, shares = values * mean / max(shape, UNEVEN), shares / shares.sum()
    noise = (strong[:, None] + values).ravel()
    return noise, np.outer(weights, shares).ravel(), rest + float(squares[:STRONGEST].sum())


def _rest(nodes: Ranks, terms: Array) -> float:
    """Return the sum over all items but the strongest, (n_nodes,) -> a number, large where there is no limit."""
    with np.errstate(divide="ignore"):
        logs = np.log(terms[STRONGEST:]) + nodes.log_weights[STRONGEST:]
    return float(np.exp(np.minimum(logs, DROWNED)).sum())
