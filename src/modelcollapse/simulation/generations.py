"""What does one unit show of a recursion? Two independent runs through all generations that share the teachers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.simulation import generations_gram, generations_rows
from modelcollapse.simulation.backend import Randomness
from modelcollapse.simulation.chain import REAL, Chain, Follow, draw_columns


@dataclass(frozen=True, kw_only=True)
class Unit:
    """What a unit shows of each generation; arrays of shape (generations + 1,).

    Attributes
    ----------
    excess_risk : array
        Averages over the two runs.
    bias : array
        Products of the errors of the two, whose mean is the squared error of the mean model given the teachers.
    kept_share : array
    """

    excess_risk: Array
    bias: Array
    kept_share: Array


def draw_unit(chain: Chain, randomness: Randomness, generator: np.random.Generator, *, plain: bool = False) -> Unit:
    """Return what two runs show that share the teachers and nothing else.

    Parameters
    ----------
    chain : Chain
    randomness : Randomness
        Of the inputs, the features and the noise.
    generator : numpy.random.Generator
        Of everything else.
    plain : bool
        Draw all rows and all numbers, as a reference.

    Raises
    ------
    numpy.linalg.LinAlgError
        When a normal matrix is singular to rounding.
    """
    columns = draw_columns(chain, generator, together=plain or not chain.linear)
    follow: Follow = generations_rows.follow if plain or needs_rows(chain) else generations_gram.follow
    with np.errstate(over="ignore", invalid="ignore"):  # collapse may outgrow the numbers
        paths = [follow(chain, columns, randomness, generator) for _ in range(2)]
        one, two = (path.models for path in paths)
        for models in (one, two):
            models -= columns.teachers[REAL]
        squares = [_product(errors, errors, chain.target_var, columns.share) for errors in (one, two)]
        return Unit(
            excess_risk=(squares[0] + squares[1]) / 2,
            bias=_product(one, two, chain.target_var, columns.bias_share),
            kept_share=(paths[0].kept_share + paths[1].kept_share) / 2,
        )


def needs_rows(chain: Chain) -> bool:
    """Whether the samples themselves are needed: single ones are judged, or drawn from a pool."""
    return chain.verifier is not None or chain.subsample is not None


def _product(one: Array, two: Array, target_var: Array, share: Array) -> Array:
    """Return Σ_ic target_var_i share_c one_tic two_tic, shape (generations + 1,), without arrays of that many terms."""
    return np.asarray(np.einsum("tic,tic,i,c->t", one, two, target_var, share))
