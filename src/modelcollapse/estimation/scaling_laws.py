"""How does loss depend on real and synthetic data, model size and generation? Laws with free parameters, and slopes.

Every law is a sum of positive terms, so that terms can be left out and laws are nested in each other:

    loss = irreducible + amplitude · (N_eff/N₀)^−exponent + floor + size_amplitude · (M/M₀)^−size_exponent

with the effective amount of data N_eff = real + worth · synthetic (worth 1 without an exchange of the two), and a floor
that synthetic data leave, which is one of

    fraction:   floor · p^floor_power · (M/M₀)^interaction · g^generation_power
    generator:  floor · p · (T₀/N₀)^−floor_exponent

where p is the synthetic share, M the model size, g the generation, and T₀ the real data that the generator was trained
on. N₀ and M₀ are geometric means over the runs. Positive parameters are held as their logarithms.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array

FLOORS = ("fraction", "generator")
"""What the floor of synthetic data depends on."""

RAW = ("interaction", "generation_power")
"""Parameters of either sign; the others are positive."""

SMALLEST_WORTH = np.exp(-12.0)
"""Worth of a synthetic sample below which it is as good as nothing."""


ROUNDING = 1e-6
"""Shares, and logarithms of amounts, that differ by less are the same number, rounded."""

NEARLY = 2e-3
"""Amounts that differ by less, relatively, are one: counts of tokens are rarely round."""

NOTHING = -700.0
"""Logarithm of what is as good as nothing."""


Term = tuple[Array, dict[str, Array | float]]
"""A term's value, (..., n), and its logarithm's derivative by each parameter."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Points:
    """Settings of training runs, without their losses.

    Attributes
    ----------
    real, synthetic : arrays of shape (n,)
        Amounts of data, not negative, of which one is positive.
    size : array of shape (n,), optional
        Parameters of the model.
    generation : array of shape (n,), optional
        0 for real data alone.
    generator : array of shape (n,), optional
        Real data that the generator of the synthetic data was trained on. Default: the real data of the run.
    """

    real: Array
    synthetic: Array
    size: Array | None = None
    generation: Array | None = None
    generator: Array | None = None

    @property
    def total(self) -> Array:
        """Amounts of data, (n,)."""
        return self.real + self.synthetic

    @property
    def fraction(self) -> Array:
        """Synthetic share p, (n,)."""
        return self.synthetic / self.total

    def select(self, chosen: NDArray[Any]) -> Points:
        """Return some of the settings, by a mask or by positions."""

        def part(values: Array | None) -> Array | None:
            return None if values is None else values[chosen]

        return Points(
            real=self.real[chosen],
            synthetic=self.synthetic[chosen],
            size=part(self.size),
            generation=part(self.generation),
            generator=part(self.generator),
        )


@dataclass(frozen=True, kw_only=True)
class Units:
    """Amounts in which a law measures: N₀, M₀.

    Attributes
    ----------
    data, size : float
    """

    data: float
    size: float = 1.0

    @classmethod
    def of(cls, points: Points) -> Units:
        """Return the geometric means of the runs."""
        size = 1.0 if points.size is None else float(np.exp(np.log(points.size).mean()))
        return cls(data=float(np.exp(np.log(points.total).mean())), size=size)


@dataclass(frozen=True, kw_only=True)
class ScalingLaw:
    """Which terms a law has.

    Attributes
    ----------
    irreducible : bool
        Whether there is a loss that no data removes.
    exchange : bool
        Whether a synthetic sample may be worth more or less than a real one.
    floor : str or None
        What the floor of synthetic data depends on, one of `FLOORS`; None without one.
    size : bool
        Whether there is a term for the model's size.
    interaction : bool
        Whether the floor depends on the model's size. With ``floor="fraction"`` only.
    generations : bool
        Whether the floor grows with generations. With ``floor="fraction"`` only.

    References
    ----------
    Hoffmann et al. (2022), arXiv 2203.15556, eq. 2 (size and data); Dohmatob et al. (2024), arXiv 2402.07043, Corollary
    2.2 (the floor that the generator's own data leave) and 2410.04840 (the floor in the synthetic fraction).

    Examples
    --------
    >>> ScalingLaw(irreducible=True, floor="fraction").parameters
    ('amplitude', 'exponent', 'irreducible', 'floor', 'floor_power')
    """

    irreducible: bool = False
    exchange: bool = False
    floor: str | None = None
    size: bool = False
    interaction: bool = False
    generations: bool = False

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters, in the order of their vector."""
        names = ["amplitude", "exponent"]
        names += ["irreducible"] * self.irreducible + ["worth"] * self.exchange
        if self.floor is not None:
            names += ["floor", "floor_power" if self.floor == "fraction" else "floor_exponent"]
        names += ["interaction"] * self.interaction + ["generation_power"] * self.generations
        names += ["size_amplitude", "size_exponent"] * self.size
        return tuple(names)

    def contains(self, other: ScalingLaw) -> bool:
        """Return whether another law is this one with terms left out."""
        floors = other.floor is None or other.floor == self.floor
        flags = ("irreducible", "exchange", "size", "interaction", "generations")
        return floors and all(getattr(self, flag) or not getattr(other, flag) for flag in flags)

    def without(self, *terms: str) -> ScalingLaw:
        """Return the law without terms: names of attributes."""
        left_out: dict[str, Any] = {term: None if term == "floor" else False for term in terms}
        return replace(self, **left_out)

    def adding(self, *terms: str) -> ScalingLaw:
        """Return the law with more terms: names of attributes that are true or false."""
        added: dict[str, Any] = dict.fromkeys(terms, True)
        return replace(self, **added)

    def log_losses(self, vectors: Array, points: Points, units: Units) -> Array:
        """Return log losses, (..., n), of parameter vectors, (..., P)."""
        losses = sum(value for value, _ in self.terms(vectors, points, units))
        return np.asarray(np.log(np.maximum(losses, np.exp(NOTHING))))

    def with_slopes(self, vectors: Array, points: Points, units: Units) -> tuple[Array, Array]:
        """Return log losses, (..., n), and their derivatives by the parameters, (..., n, P)."""
        terms = self.terms(vectors, points, units)
        losses = np.asarray(sum(value for value, _ in terms))
        names = self.parameters
        slopes = np.zeros((*losses.shape, len(names)))
        for value, factors in terms:
            share = value / losses
            for name, factor in factors.items():
                slopes[..., names.index(name)] += share * factor
        return np.log(losses), slopes

    def floors(self, vectors: Array, points: Points, units: Units) -> Array:
        """Return the losses, (..., n), that endless data of the settings' shares leave.

        0 where nothing is left. The floor of a generator that was trained on the run's own real data vanishes with
        them.
        """
        vanishing = ["amplitude"]
        if self.floor == "generator" and points.generator is None:
            vanishing.append("floor")
        given = np.array(vectors, dtype=np.float64)
        given[..., [self.parameters.index(name) for name in vanishing]] = NOTHING
        left = np.exp(self.log_losses(given, points, units))
        return np.where(left > np.exp(NOTHING / 2), left, 0.0)

    def terms(self, vectors: Array, points: Points, units: Units) -> list[Term]:
        """Return the terms that add up to the loss, that of the data first."""
        held = dict(zip(self.parameters, np.moveaxis(np.asarray(vectors), -1, 0)[..., None], strict=True))
        terms = [_data_term(held, points, units)]
        if self.irreducible:
            terms.append((np.exp(held["irreducible"]) + np.zeros_like(terms[0][0]), {"irreducible": 1.0}))
        if self.floor is not None:
            floor = _fraction_floor if self.floor == "fraction" else _generator_floor
            terms.append(floor(held, points, units))
        if self.size:
            assert points.size is not None, "a law with a size needs sizes"
            exponent, log_size = np.exp(held["size_exponent"]), np.log(points.size / units.size)
            value = np.exp(held["size_amplitude"] - exponent * log_size)
            terms.append((value, {"size_amplitude": 1.0, "size_exponent": -exponent * log_size}))
        return terms

    def values(self, vectors: Array) -> dict[str, Array]:
        """Return the parameters by name, (...), on their own scale, of their vectors (..., P)."""
        columns = zip(self.parameters, np.moveaxis(np.asarray(vectors), -1, 0), strict=True)
        return {name: column if name in RAW else np.exp(column) for name, column in columns}


def distinct(values: Array) -> int:
    """Return how many values, (n,), differ by more than rounding."""
    return int((np.diff(np.sort(values), prepend=-np.inf) > ROUNDING).sum())


def nearly_equal(amounts: Array) -> Array:
    """Return amounts, (n,), of which those that are nearly equal are replaced by the smallest of them.

    Examples
    --------
    >>> nearly_equal(np.array([1e7, 2e7, 1.0002e7, 0.0])).tolist()
    [10000000.0, 20000000.0, 10000000.0, 0.0]
    """
    order = np.argsort(amounts, kind="stable")
    ascending = amounts[order]
    starts = np.append(True, ascending[1:] > ascending[:-1] * (1 + NEARLY))
    found = np.empty_like(amounts)
    found[order] = ascending[starts][np.cumsum(starts) - 1]
    return found


def _data_term(held: dict[str, Array], points: Points, units: Units) -> Term:
    """Return amplitude · (N_eff/N₀)^−exponent."""
    exponent = np.exp(held["exponent"])
    worth = np.maximum(np.exp(held["worth"]), SMALLEST_WORTH) if "worth" in held else 1.0
    effective = np.maximum(points.real + worth * points.synthetic, SMALLEST_WORTH * points.total)
    log_data = np.log(effective / units.data)
    factors: dict[str, Array | float] = {"amplitude": 1.0, "exponent": -exponent * log_data}
    if "worth" in held:
        factors["worth"] = -exponent * worth * points.synthetic / effective
    return np.exp(held["amplitude"] - exponent * log_data), factors


def _fraction_floor(held: dict[str, Array], points: Points, units: Units) -> Term:
    """Return floor · p^floor_power · (M/M₀)^interaction · g^generation_power; 0 without synthetic data."""
    power = np.exp(held["floor_power"])
    some = points.fraction > 0
    log_share = np.log(np.where(some, points.fraction, 1.0))
    exponent = held["floor"] + power * log_share
    factors: dict[str, Array | float] = {"floor": 1.0, "floor_power": power * log_share}
    if "interaction" in held:
        assert points.size is not None, "an interaction with the size needs sizes"
        factors["interaction"] = np.log(points.size / units.size)
        exponent = exponent + held["interaction"] * factors["interaction"]
    if "generation_power" in held:
        assert points.generation is not None, "a law over generations needs generations"
        factors["generation_power"] = np.log(np.maximum(points.generation, 1.0))
        exponent = exponent + held["generation_power"] * factors["generation_power"]
    return np.where(some, np.exp(exponent), 0.0), factors


def _generator_floor(held: dict[str, Array], points: Points, units: Units) -> Term:
    """Return floor · p · (T₀/N₀)^−floor_exponent; T₀ is the run's real data where nothing else is known."""
    exponent = np.exp(held["floor_exponent"])
    seen = points.real if points.generator is None else points.generator
    some = points.fraction > 0
    log_seen = np.log(np.where(some, np.maximum(seen, SMALLEST_WORTH * units.data), units.data) / units.data)
    value = np.where(some, points.fraction * np.exp(held["floor"] - exponent * log_seen), 0.0)
    return value, {"floor": 1.0, "floor_exponent": -exponent * log_seen}
