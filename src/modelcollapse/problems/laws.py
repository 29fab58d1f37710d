"""How likely is each token? A law over tokens, by recipe or by numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from modelcollapse.checks import Array, describe, fail, integer, number
from modelcollapse.errors import InputError
from modelcollapse.problems.values import ByValue, frozen_non_negative

MAX_TOKENS = 10**7
"""Most tokens that a recipe may ask for: 80 MB per law."""

TOLERANCE = 1e-6
"""How far from 1 given probabilities may add up; they are divided by their sum."""


@dataclass(frozen=True, eq=False, repr=False)
class Law(ByValue):
    """Probabilities of tokens; build one with the constructors `zipf`, `uniform`, and so on.

    Attributes
    ----------
    kind : str
        Name of the constructor.
    probabilities : array of shape (n_tokens,)
        Not negative, adding up to 1.
    parameters : tuple of (str, value) pairs
        What the constructor was given, enough to build the law again.

    Raises
    ------
    InputError
        When a probability is negative or not finite, or they do not add up to 1.

    Examples
    --------
    >>> Law.zipf(4, exponent=1.0).probabilities.round(2).tolist()
    [0.48, 0.24, 0.16, 0.12]
    >>> Law.bernoulli(0.25).probabilities.tolist()
    [0.75, 0.25]
    """

    kind: str
    probabilities: Array
    parameters: tuple[tuple[str, Any], ...] = field(compare=False)

    def __post_init__(self) -> None:
        given = frozen_non_negative("probabilities", self.probabilities)
        total = float(given.sum())
        if abs(total - 1) > TOLERANCE:
            raise InputError(f"`probabilities` must add up to 1; they add up to {total:g}. Divide by their sum.")
        object.__setattr__(self, "probabilities", frozen_non_negative("probabilities", given / total))

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={describe(value)}" for name, value in self.parameters)
        return f"Law.{self.kind}({given})"

    @property
    def n_tokens(self) -> int:
        """Size of the vocabulary, tokens of probability 0 included."""
        return len(self.probabilities)

    @classmethod
    def explicit(cls, probabilities: ArrayLike) -> Law:
        """Return the law with these probabilities, (n_tokens,)."""
        given = frozen_non_negative("probabilities", probabilities)
        return cls("explicit", given, (("probabilities", given),))

    @classmethod
    def uniform(cls, n_tokens: int) -> Law:
        """Return the law under which all tokens are equally likely."""
        size = _n_tokens(n_tokens)
        return cls("uniform", np.full(size, 1 / size), (("n_tokens", size),))

    @classmethod
    def bernoulli(cls, probability: float) -> Law:
        """Return the law of two tokens, the second of the given probability in [0, 1]."""
        share = number("probability", probability, low=0, high=1)
        return cls("bernoulli", np.array([1 - share, share]), (("probability", share),))

    @classmethod
    def zipf(cls, n_tokens: int, *, exponent: float) -> Law:
        """Return probabilities proportional to ``i**-exponent`` for i = 1 to n_tokens."""
        size, exponent = _n_tokens(n_tokens), _exponent(exponent)
        return cls("zipf", _power_law(size, 0.0, exponent), (("n_tokens", size), ("exponent", exponent)))

    @classmethod
    def zipf_mandelbrot(cls, n_tokens: int, *, offset: float, exponent: float) -> Law:
        """Return probabilities proportional to ``(i + offset)**-exponent`` for i = 1 to n_tokens (`offset` > −1)."""
        size, exponent = _n_tokens(n_tokens), _exponent(exponent)
        offset = number("offset", offset, low=-1, open_low=True)
        parameters = (("n_tokens", size), ("offset", offset), ("exponent", exponent))
        return cls("zipf_mandelbrot", _power_law(size, offset, exponent), parameters)

    @classmethod
    def from_counts(cls, counts: ArrayLike) -> Law:
        """Return the law of the shares of counts, (n_tokens,), not all of them 0."""
        given = frozen_non_negative("counts", counts)
        if not given.sum() > 0:
            raise fail("counts", given, "counts that are not all 0")
        return cls.explicit(given / given.sum())


def _n_tokens(value: int) -> int:
    return integer("n_tokens", value, low=1, high=MAX_TOKENS)


def _exponent(value: float) -> float:
    return number("exponent", value, low=0, high=100)


def _power_law(size: int, offset: float, exponent: float) -> Array:
    """Return (i + offset)^−exponent for i = 1 to size, divided by its sum; logarithms keep steep laws in range."""
    logarithms = -exponent * np.log(np.arange(1.0, size + 1.0) + offset)
    weights: Array = np.exp(logarithms - logarithms[0])
    weights /= weights.sum()
    return weights
