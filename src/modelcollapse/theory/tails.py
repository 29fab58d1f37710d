"""How does the error of a learner of a Zipf law fall with its training set? Closed forms: incomplete beta functions.

Items 1, 2, ... have probabilities p_i = i^−β/ζ(β); the learner knows an item when T samples have one of it. With a
training law q that is made of pieces s i^−b of power laws, the error is

    E(T) = Σ_i p_i (1 − q_i)^T,      ∫ p(x) (1 − s x^−b)^T dx = s^−a/(b ζ(β)) B(y; a, T + 1),     a = (β − 1)/b,

with the incomplete beta function between the values y = s x^−b at the ends of the piece. The first ranks are added one
by one, and the sum is made of the integral of the others by the Euler-Maclaurin formula.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import beta as beta_function
from scipy.special import betainc, zeta

from modelcollapse.checks import Array

HEAD = 32
"""Ranks that are added one by one."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Ranks low < i ≤ high whose training probability is scale · i^−exponent.

    Attributes
    ----------
    low, high : float
        Whole; `high` may be inf.
    scale, exponent : float
    """

    low: float
    high: float
    scale: float
    exponent: float


def tail_mass(rank: ArrayLike, *, exponent: float) -> Array:
    """Return Σ_{i > k} p_i = ζ(β, k + 1)/ζ(β), about k^(1 − β)/((β − 1) ζ(β)).

    Parameters
    ----------
    rank : array
        k ≥ 0.
    exponent : float
        β > 1.
    """
    return np.asarray(zeta(exponent, np.asarray(rank, dtype=np.float64) + 1) / zeta(exponent))


def clean_error(n_samples: ArrayLike, *, exponent: float) -> Array:
    """Return the test error after T real samples: ζ(β)^(−1/β)/β · B(c, T + 1) ≈ Γ(c) T^−c ζ(β)^(−1/β)/β, c = 1 − 1/β.

    Parameters
    ----------
    n_samples : array
        T ≥ 0.
    exponent : float
        β > 1.

    References
    ----------
    Hutter (2021), arXiv 2102.04074; Dohmatob et al. (2024), arXiv 2402.07043, section 2.
    """
    whole = Piece(low=0, high=np.inf, scale=1 / zeta(exponent), exponent=exponent)
    return error(n_samples, pieces=[whole], exponent=exponent)


def cut_error(n_samples: ArrayLike, *, exponent: float, rank: float) -> Array:
    """Return the test error after T samples of the real law cut at rank k: the double law, T^−c and a floor k^(1 − β).

    Parameters
    ----------
    n_samples : array
        T ≥ 0.
    exponent : float
        β > 1.
    rank : float
        k.

    References
    ----------
    Dohmatob et al. (2024), arXiv 2402.07043, Theorem 2.1 (the exponents).
    """
    return mixed_error(n_samples, exponent=exponent, rank=rank, real_fraction=0.0)


def mixed_error(n_samples: ArrayLike, *, exponent: float, rank: float, real_fraction: float) -> Array:
    """Return the test error after T independent samples, each with probability π real, else of the law cut at rank k.

    Beyond T ≈ k^β the error waits at the floor of the cut law, until π T ≈ k^β, where real samples take over.

    Parameters
    ----------
    n_samples : array
        T ≥ 0.
    exponent : float
        β > 1.
    rank : float
        k.
    real_fraction : float
        π.

    References
    ----------
    Dohmatob et al. (2024), arXiv 2402.07043, Theorem 3.2.
    """
    norm, kept = zeta(exponent), 1 - float(tail_mass(rank, exponent=exponent))
    frequent = (real_fraction + (1 - real_fraction) / kept) / norm
    return error(
        n_samples,
        exponent=exponent,
        pieces=[
            Piece(low=0, high=rank, scale=frequent, exponent=exponent),
            Piece(low=rank, high=np.inf, scale=real_fraction / norm, exponent=exponent),
        ],
    )


def purchased_error(
    n_samples: ArrayLike, *, exponent: float, rank: float, purchased_fraction: float, purchased_rank: float
) -> Array:
    """Return the test error where the law cut at rank k is mixed with real samples of ranks ≥ N, N > k, alone.

    The ranks between are never seen: with N far beyond k the purchase is worthless.

    Parameters
    ----------
    n_samples : array
        T ≥ 0.
    exponent : float
        β > 1.
    rank, purchased_rank : float
        k and N.
    purchased_fraction : float
        π.

    References
    ----------
    Dohmatob et al. (2024), arXiv 2402.07043, Theorem 3.1.
    """
    norm, kept = zeta(exponent), 1 - float(tail_mass(rank, exponent=exponent))
    bought = purchased_fraction / float(tail_mass(purchased_rank - 1, exponent=exponent))
    return error(
        n_samples,
        exponent=exponent,
        pieces=[
            Piece(low=0, high=rank, scale=(1 - purchased_fraction) / kept / norm, exponent=exponent),
            Piece(low=rank, high=purchased_rank - 1, scale=0.0, exponent=exponent),
            Piece(low=purchased_rank - 1, high=np.inf, scale=bought / norm, exponent=exponent),
        ],
    )


def narrowed_error(n_samples: ArrayLike, *, exponent: float, temperature: float) -> Array:
    """Return the test error after T samples of the law raised to 1/τ: T^(−τ (β − 1)/β), without a floor.

    Parameters
    ----------
    n_samples : array
        T ≥ 0.
    exponent : float
        β > 1.
    temperature : float
        τ ≤ 1; that of g generations together is τ^g.
    """
    steeper = exponent / temperature
    whole = Piece(low=0, high=np.inf, scale=1 / zeta(steeper), exponent=steeper)
    return error(n_samples, pieces=[whole], exponent=exponent)


def learned_items(n_samples: ArrayLike, *, exponent: float) -> Array:
    """Return how many different items are among T real samples, Σ_i 1 − (1 − p_i)^T ≈ Γ(c) (T/ζ(β))^(1/β) − 1/2.

    Parameters
    ----------
    n_samples : array
        T ≥ 0.
    exponent : float
        β > 1.
    """
    size, norm, power = np.asarray(n_samples, dtype=np.float64), zeta(exponent), 1 - 1 / exponent
    first = np.arange(1, HEAD + 1.0) ** -exponent / norm
    start = (HEAD + 0.5) ** -exponent / norm
    present = -np.expm1(size * np.log1p(-start))
    integral = size * betainc(power, np.maximum(size, 1e-300), start) * beta_function(power, np.maximum(size, 1e-300))
    rest = norm ** (-1 / exponent) * integral - (HEAD + 0.5) * present
    slope = -size * np.exp((size - 1) * np.log1p(-start)) * exponent * start / (HEAD + 0.5)
    return np.asarray(-np.expm1(size[..., None] * np.log1p(-first)).sum(axis=-1) + rest + slope / 24)


def error(n_samples: ArrayLike, *, pieces: Sequence[Piece], exponent: float) -> Array:
    """Return Σ_i p_i (1 − q_i)^T for a training law of pieces of power laws.

    Parameters
    ----------
    n_samples : array of any shape
        T ≥ 0.
    pieces : sequence of Piece
        That follow each other, from rank 1 to infinity.
    exponent : float
        β > 1 of the real law.

    Returns
    -------
    array of the shape of `n_samples`
        To seven digits for β up to 3, and five at 10.
    """
    size = np.asarray(n_samples, dtype=np.float64)
    first = np.arange(1, HEAD + 1.0)
    training = np.zeros(HEAD)
    total = np.zeros(size.shape)
    for piece in pieces:
        inside = (first > piece.low) & (first <= piece.high)
        training[inside] = piece.scale * first[inside] ** -piece.exponent
        if piece.high > HEAD:
            total += _piece_error(size, piece, exponent)
    with np.errstate(divide="ignore", invalid="ignore"):  # one item has everything: −inf, or NaN without samples
        absent = np.exp(size[..., None] * np.log1p(-training))
    real = first**-exponent / zeta(exponent)
    return np.asarray(total + np.where(np.isnan(absent), 1.0, absent) @ real)


def _piece_error(size: Array, piece: Piece, exponent: float) -> Array:
    """Return Σ p_i (1 − q_i)^T over the ranks of a piece beyond the first, in closed form."""
    low, high = max(piece.low, HEAD), piece.high
    if piece.scale == 0:
        return np.broadcast_to(tail_mass(low, exponent=exponent) - tail_mass(high, exponent=exponent), size.shape)
    power = (exponent - 1) / piece.exponent
    ends = [piece.scale * (rank + 0.5) ** -piece.exponent for rank in (high, low)]
    share = betainc(power, size + 1, ends[1]) - betainc(power, size + 1, ends[0])
    scale = piece.scale**-power / (piece.exponent * zeta(exponent))
    integral = scale * beta_function(power, size + 1) * share
    return np.asarray(integral + _correction(size, piece, exponent, low) - _correction(size, piece, exponent, high))


def _correction(size: Array, piece: Piece, exponent: float, rank: float) -> Array:
    """Return f'(k + 1/2)/24, f(x) = p(x) (1 − q(x))^T, by which the sum up to k is below the integral up to k + 1/2."""
    if np.isinf(rank):
        return np.zeros(size.shape)
    x = rank + 0.5
    training = piece.scale * x**-piece.exponent
    value = x**-exponent / zeta(exponent) * np.exp(size * np.log1p(-training))
    slope = (size * piece.exponent * training / (1 - training) - exponent) / x
    return np.asarray(value * slope / 24)
