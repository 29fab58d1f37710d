"""What does a budget buy on the surfaces of an audit? Mixtures between those of its tables, and none beyond them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelcollapse.checks import Array

POINTS = 401
"""Mixtures along a budget."""


@dataclass(frozen=True, kw_only=True)
class PricedSurface:
    """A surface of an audit with the prices of its two axes.

    Attributes
    ----------
    members : dict of str to float
        Share of each synthetic source in the synthetic count.
    real, synthetic : arrays of shape (R,), (S,)
    test_error, weight, ridge : arrays of shape (R, S)
    prices : array of shape (2,)
        Real and synthetic.
    """

    members: dict[str, float]
    real: Array
    synthetic: Array
    test_error: Array
    weight: Array
    ridge: Array
    prices: Array

    @classmethod
    def of(cls, table: Mapping[str, Any], rows: Mapping[str, int], costs: Mapping[str, float]) -> PricedSurface:
        """Read a table of the audit; a source of several members has them in the proportions at hand."""
        names = table["source"].split("+")
        total = sum(rows[name] for name in names)
        members = {name: rows[name] / total for name in names}
        arrays = {key: np.array(table[key], dtype=np.float64) for key in ("real", "synthetic", "test_error", "weight")}
        synthetic_price = sum(share * costs[name] for name, share in members.items())
        return cls(members=members, ridge=np.array(table["ridge"], dtype=np.float64),
                   prices=np.array([costs["real"], synthetic_price]), **arrays)  # fmt: skip

    def at(self, counts: Array) -> Array:
        """Return the test error of mixtures (P, 2), NaN outside of the table or next to what it cannot tell."""
        row, column = _place(self.real, counts[:, 0]), _place(self.synthetic, counts[:, 1])
        inside = np.isfinite(row) & np.isfinite(column)
        row, column = np.where(inside, row, 0.0), np.where(inside, column, 0.0)
        low_row, low_column = (np.floor(place).astype(int) for place in (row, column))
        error = np.zeros(len(counts))
        for up, across in ((0, 0), (0, 1), (1, 0), (1, 1)):
            share = np.abs(1 - up - (row - low_row)) * np.abs(1 - across - (column - low_column))
            i, j = (
                np.minimum(low_row + up, len(self.real) - 1),
                np.minimum(low_column + across, len(self.synthetic) - 1),
            )
            error += np.where(share > 0, share * self.test_error[i, j], 0.0)
        return np.where(inside, error, np.nan)

    def fit_near(self, counts: Array) -> tuple[float, float]:
        """Return weight and ridge of the nearest mixture that was tried."""
        i, j = (round(float(_place(axis, counts[[k]])[0])) for k, axis in enumerate((self.real, self.synthetic)))
        return float(self.weight[i, j]), float(self.ridge[i, j])


@dataclass(frozen=True, kw_only=True)
class SurfaceProfile:
    """Mixtures along a budget on one surface; NaN where it does not tell."""

    surface: PricedSurface
    share: Array
    counts: Array
    test_error: Array


def _place(axis: Array, counts: Array) -> Array:
    """Return where counts stand between those of a table, in log counts; NaN outside."""
    floor = axis[axis > 0].min()

    def scale(count: Array) -> Array:  # linear below the smallest positive count, in steps that join smoothly
        return np.asarray(np.where(count > floor, 1 + np.log(np.maximum(count, floor) / floor), count / floor))

    place = np.interp(scale(counts), scale(axis), np.arange(len(axis)))
    inside = (counts >= axis[0] * (1 - 1e-9)) & (counts <= axis[-1] * (1 + 1e-9))
    return np.asarray(np.where(inside, place, np.nan))


def surface_profile(surface: PricedSurface, budget: float) -> SurfaceProfile:
    """Return mixtures of whole counts that cost at most the budget; counts beyond the table stop at its edge."""
    share = np.unique(np.concatenate([np.linspace(0, 1, POINTS), np.geomspace(1e-4, 0.5, POINTS // 2)]))
    spent = np.stack([1 - share, share], axis=-1) * budget
    counts = np.floor(np.minimum(spent / surface.prices, [surface.real[-1], surface.synthetic[-1]]) * (1 + 1e-12))
    return SurfaceProfile(surface=surface, share=share, counts=counts, test_error=surface.at(counts))
