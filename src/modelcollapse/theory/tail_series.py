"""How is an endless sum over ranks taken? One by one at the head, then by Gauss quadrature of blocks, to 1e-10.

A block of N consecutive ranks is summed by the Gauss rule of the *discrete* uniform weight (its orthogonal polynomials
are Gram's): with `NODES` nodes it sums polynomials of degree 2 `NODES` − 1 exactly, and does not only integrate them,
so that no correction at the ends is needed and a law may jump between blocks. Beyond rank `SMOOTH`, where a sum is an
integral to 1e-12, blocks are integrated in ln(rank). They go on until nothing is left of the law, which for flat laws
is far beyond the largest float: ranks, weights and probabilities are all kept as logarithms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array

HEAD = 64
"""Ranks that are summed one by one."""

NODES = 16
"""Nodes of a block."""

LENGTH = 0.35
"""Logarithm of the ratio between the ends of a block, as long as anything may happen in it."""

GROWTH = 0.3
"""By how much longer blocks get with each unit of ln(rank) where nothing happens any more."""

SMOOTH = 1e6
"""Rank from which on sums are taken as integrals."""

LEFT = 36.0
"""Minus the logarithm of the share that is left out at the end."""


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """Nodes and weights of sums over all ranks: Σ_i f(i) = Σ_j weight_j f(rank_j).

    Attributes
    ----------
    logs, log_weights : arrays of shape (n_nodes,)
        ln(rank), growing, and ln(weight); first those of ranks 1 to `HEAD`, then `NODES` of each block.
    stops : array of shape (n_blocks + 1,)
        Edges between which the blocks lie.
    """

    logs: Array
    log_weights: Array
    stops: Array

    def total(self, log_terms: Array) -> Array:
        """Return Σ_i exp(log_terms_i) for terms at the nodes, (..., n_nodes) -> (...)."""
        return np.asarray(np.exp(log_terms + self.log_weights).sum(axis=-1))


def edge(rank: float) -> float:
    """Return ln(k + 1/2), between the ranks k and k + 1."""
    return float(np.log(rank + 0.5))


def ranks(exponent: float, *, active: float, edges: tuple[float, ...] = ()) -> Ranks:
    """Return the nodes for what falls like i^−exponent at the end.

    Parameters
    ----------
    exponent : float
        β > 1.
    active : float
        ln of the rank beyond which nothing happens but that powers of the rank fall.
    edges : tuple of float
        `edge` of the ranks after which a law jumps.

    Returns
    -------
    Ranks
        What is left out is e^−36 of what lies beyond `active`.
    """
    start = edge(HEAD)
    calm = max(active, np.log(SMOOTH))
    last = max(calm + LEFT / (exponent - 1), *edges) if edges else calm + LEFT / (exponent - 1)
    stops = [start]
    for mark in (*sorted(each for each in set(edges) if start < each < last), last):
        while stops[-1] < mark:
            stops.append(min(_next_stop(stops[-1], calm), mark))
    logs, log_weights = blocks(np.array(stops))
    return Ranks(
        logs=np.concatenate([np.log(np.arange(1, HEAD + 1.0)), logs]),
        log_weights=np.concatenate([np.zeros(HEAD), log_weights]),
        stops=np.array(stops),
    )


def blocks(stops: Array) -> tuple[Array, Array]:
    """Return ln(rank) and ln(weight) at the nodes between growing edges, each (n_blocks · NODES,)."""
    low, high = stops[:-1], stops[1:]
    discrete = low < np.log(SMOOTH)
    summed, integrated = _summed(low[discrete], high[discrete]), _integrated(low[~discrete], high[~discrete])
    return np.concatenate([summed[0], integrated[0]]), np.concatenate([summed[1], integrated[1]])


def between(low: float, high: float) -> float:
    """Return an edge in the middle of two; one of them where no rank lies between."""
    middle = (low + high) / 2
    return edge(np.floor(np.exp(middle))) if low < np.log(SMOOTH) else middle


def _next_stop(stop: float, calm: float) -> float:
    """Return where the block ends that starts here: between two ranks, as long as they can be told apart."""
    found = stop + LENGTH + GROWTH * max(stop - calm, 0.0)
    return edge(np.floor(np.exp(found))) if stop < np.log(SMOOTH) else float(found)


def _summed(low: Array, high: Array) -> tuple[Array, Array]:
    """Return nodes and weights, as logarithms, of sums over the ranks between such edges, each (n_blocks · NODES,)."""
    first, last = np.rint(np.exp(low) + 0.5), np.rint(np.exp(high) - 0.5)
    number = (last - first + 1)[:, None]
    order = np.arange(1, NODES)
    squares = order**2 * np.maximum(number**2 - order**2, 0.0) / (4 * (4 * order**2 - 1))
    matrices = np.zeros((len(number), NODES, NODES))
    matrices[:, order, order - 1] = np.sqrt(squares)  # the lower triangle is what `eigh` reads
    nodes, vectors = np.linalg.eigh(matrices)
    with np.errstate(divide="ignore"):  # fewer ranks than nodes: the other nodes get no weight
        log_weights = np.log(number * vectors[:, 0, :] ** 2)
    return np.log(((first + last) / 2)[:, None] + nodes).ravel(), log_weights.ravel()


def _integrated(low: Array, high: Array) -> tuple[Array, Array]:
    """Return nodes and weights, as logarithms, of integrals between such edges, each (n_blocks · NODES,)."""
    points, weights = np.polynomial.legendre.leggauss(NODES)
    half = ((high - low) / 2)[:, None]
    logs = ((high + low) / 2)[:, None] + half * points
    return logs.ravel(), (np.log(half * weights) + logs).ravel()
