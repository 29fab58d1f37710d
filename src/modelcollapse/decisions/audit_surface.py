"""What does money buy on the surfaces of an audit? Mixtures between those of its tables, and none beyond them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.decisions.audit_result import SurfaceTable

POINTS = 401
"""Mixtures along a budget, and numbers of real rows alone."""
GRID = 121
"""Counts of each source among which the cheapest mixture is sought, then closer ones about it."""
CLOSER = (0.05, 0.003)
"""Relative half widths of the closer counts; the grid before steps by 4 %."""


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
    limits : array of shape (2,)
        Most rows that can be bought: the end of the table, or what there is.
    """

    members: dict[str, float]
    real: Array
    synthetic: Array
    test_error: Array
    weight: Array
    ridge: Array
    prices: Array
    limits: Array

    @classmethod
    def of(
        cls, table: SurfaceTable, *, rows: Mapping[str, int], costs: Mapping[str, float], at_most: Mapping[str, float]
    ) -> PricedSurface:
        """Put prices and limits on a table; a source of several members has them in the proportions at hand."""
        names = table.source.split("+")
        total = sum(rows[name] for name in names)
        members = {name: rows[name] / total for name in names}
        held = min(at_most.get(name, np.inf) / share for name, share in members.items())
        return cls(
            members=members,
            real=table.real,
            synthetic=table.synthetic,
            test_error=table.test_error,
            weight=table.weight,
            ridge=table.ridge,
            prices=np.array([costs["real"], sum(share * costs[name] for name, share in members.items())]),
            limits=np.floor(np.minimum([table.real[-1], table.synthetic[-1]], [at_most.get("real", np.inf), held])),
        )

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

    def real_rows(self, budget: float = np.inf) -> Array:
        """Return numbers of real rows alone that a budget buys as mixtures (P, 2), the largest last."""
        most = np.floor(min(budget / self.prices[0] * (1 + 1e-12), self.limits[0]))
        if most < self.real[0]:
            return np.empty((0, 2))
        counts = np.unique(np.ceil(np.append(np.geomspace(self.real[0], most, POINTS)[:-1], most)))
        return np.stack([counts, np.zeros(len(counts))], axis=-1)

    def cheapest(self, test_error: float) -> Array | None:
        """Return the cheapest whole counts (2,) that are forecast to reach an error; None when none of the table do."""
        few = np.linspace(0, self.synthetic[1], GRID // 10)[:-1]
        real = np.geomspace(self.real[0], self.real[-1], GRID)
        synthetic = np.concatenate([few, np.geomspace(self.synthetic[1], self.synthetic[-1], GRID)])
        found = self._cheapest_of(real, synthetic, test_error)
        for width in CLOSER:
            if found is None:
                return None
            closer = 1 + width * np.linspace(-1, 1, GRID // 3)
            found = self._cheapest_of(np.append(found[0] * closer, found[0]),
                                      np.append(found[1] * closer, found[1]), test_error)  # fmt: skip
        return found

    def _cheapest_of(self, real: Array, synthetic: Array, test_error: float) -> Array | None:
        """Return the cheapest of a grid of counts, made whole, that reach an error."""
        axes = [
            np.unique(np.floor(axis * (1 + 1e-12))) for axis in (np.maximum(real, np.ceil(self.real[0])), synthetic)
        ]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
        grid = grid[(grid <= self.limits).all(axis=1)]
        good = grid[self.at(grid) <= test_error]
        return np.asarray(good[int(np.argmin(good @ self.prices))]) if len(good) else None


@dataclass(frozen=True, kw_only=True)
class SurfaceProfile:
    """Mixtures that a budget buys on one surface, in the order of their synthetic share; NaN where it does not tell.

    Attributes
    ----------
    surface : PricedSurface
    share : array of shape (P,)
        Of the cost that goes to synthetic rows.
    counts : array of shape (P, 2)
    test_error : array of shape (P,)
    """

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
    """Return mixtures of whole counts that cost at most the budget; counts stop at the limits."""
    split = np.linspace(0, 1, POINTS)
    spent = np.stack([1 - split, split], axis=-1) * budget
    few = np.geomspace(surface.synthetic[1] / POINTS, surface.synthetic[-1], POINTS)  # cheap rows: a tiny share is many
    few = few[few * surface.prices[1] <= budget]
    beside = np.stack([budget - few * surface.prices[1], few * surface.prices[1]], axis=-1)
    spent = np.concatenate([spent, beside])
    counts = np.floor(np.minimum(spent / surface.prices * (1 + 1e-12), surface.limits))
    counts = counts[np.sort(np.unique(counts, axis=0, return_index=True)[1])]
    counts = counts[counts.sum(axis=1) > 0]
    cost = counts * surface.prices
    share = cost[:, 1] / cost.sum(axis=1)
    order = np.argsort(share, kind="stable")
    return SurfaceProfile(surface=surface, share=share[order], counts=counts[order],
                          test_error=surface.at(counts[order]))  # fmt: skip
