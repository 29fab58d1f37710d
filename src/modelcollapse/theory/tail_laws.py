"""What does a generator write that has learned its training law to perfection? A Zipf law, distorted again and again.

Everything is a logarithm at the logarithms of ranks, which may be larger than floats can hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import zeta

from modelcollapse.checks import Array
from modelcollapse.theory.tail_series import HEAD, NODES, Ranks, between, blocks, edge, ranks

HALVINGS = 60
"""Of an interval in which a cut is searched."""


@dataclass(frozen=True, kw_only=True)
class Distortion:
    """What every generation does to the law of its training set: (real_fraction p + (1 − real_fraction) q)^(1/τ), cut.

    Attributes
    ----------
    temperature : float
        τ.
    rank, top_p : float or None
        Where the tail is cut: at a rank, or at the smallest set of first ranks that has a mass of at least `top_p`.
    real_fraction : float
        Of the training sets from the second generation on.
    """

    temperature: float = 1.0
    rank: float | None = None
    top_p: float | None = None
    real_fraction: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Laws:
    """Laws of G generations of generators.

    Attributes
    ----------
    nodes : Ranks
        With an edge at every cut.
    edges : array of shape (G,)
        ln(k + 1/2) of the ranks k after which each law is cut; inf where it is not.
    recursion : Recursion
    """

    nodes: Ranks
    edges: Array
    recursion: Recursion

    def at(self, logs: Array) -> Array:
        """Return the logarithms of the laws at any logarithms of ranks, (G, n)."""
        return np.stack(list(self.recursion.laws(logs))[1:])


def log_zipf(logs: Array, exponent: float) -> Array:
    """Return ln p_i = −β ln i − ln ζ(β) at logarithms of ranks."""
    return np.asarray(-exponent * logs - np.log(zeta(exponent)))


@dataclass(frozen=True, kw_only=True)
class Recursion:
    """How the law of each generation follows from the one before.

    Attributes
    ----------
    exponent : float
        β.
    distortion : Distortion
    steps : tuple of (float, float)
        Of each generation: ln of the sum that it divides by, and the edge where it cuts.
    """

    exponent: float
    distortion: Distortion
    steps: tuple[tuple[float, float], ...] = ()

    def laws(self, logs: Array) -> Iterator[Array]:
        """Yield the logarithm of the real law and of those of all generations, at logarithms of ranks."""
        law = log_zipf(logs, self.exponent)
        yield law
        for log_norm, cut in self.steps:
            law = np.where(logs <= cut, self._distorted(law, logs) - log_norm, -np.inf)
            yield law

    def next_law(self, logs: Array) -> Array:
        """Return the logarithm of the next law, neither cut nor divided by its sum."""
        *_, law = self.laws(logs)
        return self._distorted(law, logs)

    def _distorted(self, law: Array, logs: Array) -> Array:
        share = self.distortion.real_fraction
        if share:
            law = np.logaddexp(np.log(share) + log_zipf(logs, self.exponent), np.log1p(-share) + law)
        return np.asarray(law / self.distortion.temperature)


def mixture(shares: ArrayLike, log_laws: Sequence[Array]) -> Array:
    """Return the logarithm of the mixture of laws in such shares, which add up to 1."""
    parts = [np.log(share) + law for share, law in zip(np.asarray(shares), log_laws, strict=True) if share > 0]
    return np.asarray(np.logaddexp.reduce(parts, axis=0))


def generator_laws(
    exponent: float, distortion: Distortion, *, generations: int, active: float, edges: tuple[float, ...] = ()
) -> Laws:
    """Return the laws of generators 1, ..., G.

    Parameters
    ----------
    exponent : float
        β of the real law.
    distortion : Distortion
    generations : int
        G.
    active : float
        ln of the rank up to which nodes are close: see `ranks`.
    edges : tuple of float
        Further edges that the nodes shall have.

    Returns
    -------
    Laws

    Notes
    -----
    Temperature alone makes a Zipf law of exponent β/τ^g in generation g. Cut at a rank, all generations are alike; by
    `top_p`, each cuts what the one before has left.
    """
    cut = np.inf if distortion.rank is None else edge(distortion.rank)
    edges = (*edges, cut) if np.isfinite(cut) else edges
    nodes = ranks(exponent, active=active, edges=edges)
    known = Recursion(exponent=exponent, distortion=distortion)
    for _ in range(generations):
        law = known.next_law(nodes.logs)
        if distortion.top_p is not None:
            cut = _top(distortion.top_p, nodes, law, known)
            if cut > edge(HEAD) and cut not in edges:
                edges = (*edges, cut)
                nodes = ranks(exponent, active=active, edges=edges)
                law = known.next_law(nodes.logs)
        norm = nodes.total(np.where(nodes.logs <= cut, law, -np.inf))
        known = replace(known, steps=(*known.steps, (float(np.log(norm)), cut)))
    return Laws(nodes=nodes, edges=np.array([cut for _, cut in known.steps]), recursion=known)


def _top(top_p: float, nodes: Ranks, law: Array, recursion: Recursion) -> float:
    """Return the edge after the smallest set of first ranks that has at least the share `top_p` of the next law.

    The block in which it lies is known from the sums up to the ends of blocks; there, the edge is found by halving.
    """
    masses = np.exp(law + nodes.log_weights)
    head, ends = np.cumsum(masses[:HEAD]), np.cumsum(masses[HEAD:].reshape(-1, NODES).sum(axis=1))
    wanted = top_p * masses.sum()
    if head[-1] >= wanted:
        return edge(1 + int(np.searchsorted(head, wanted)))
    block = min(int(np.searchsorted(ends, wanted - head[-1])), len(ends) - 1)
    before = head[-1] + (ends[block - 1] if block else 0.0)
    start, low, high = nodes.stops[block], nodes.stops[block], nodes.stops[block + 1]
    for _ in range(HALVINGS):
        middle = between(low, high)
        if middle in (low, high):
            break
        logs, log_weights = blocks(np.array([start, middle]))
        enough = before + np.exp(recursion.next_law(logs) + log_weights).sum() >= wanted
        low, high = (low, middle) if enough else (middle, high)
    return float(high)
