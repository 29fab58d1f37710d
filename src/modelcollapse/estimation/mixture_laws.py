"""How does the error of any model depend on the mixture? Laws in counts, and laws that lean on the ridge forecast.

Beside the terms of `scaling_laws`, a law of mixtures of n real and m synthetic rows, N = n + m, p = m/N, may have

    variance_ratio:  data term × (1 − p + variance_ratio · p)^exponent
    floor_growth:    floor or damage × (N/N₀)^floor_growth: more data are imitated better, their errors too
    ridge_damage:    + ridge_damage · (ridge's error of the mixture − ridge's error of N real rows)₊

With the first, an irreducible error and a floor in p², this is the law of Jain, Montanari and Sasoglu for rows that all
weigh alike: their α is p, and [α² (B/m) + (1 − α)² (A/n)]^β is (A/N)^β (1 − p + p B/A)^β.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array
from modelcollapse.estimation.law_fits import Prior
from modelcollapse.estimation.scaling_laws import RAW, Points, ScalingLaw, Term, Units

EXTRA = ("variance_ratio", "floor_growth", "ridge_damage")
"""Parameters that laws of mixtures have beside those of scaling laws."""

RAW_EXTRA = ("floor_growth",)
"""Those of either sign."""

NARROW = 1e-3
"""Standard deviation of a prior that fixes its parameter."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Mixtures(Points):
    """Mixtures of real and synthetic rows, with what ridge regression is forecast to reach on them.

    Attributes
    ----------
    ridge_error : array of shape (n,)
        Forecast test error of ridge regression over that of all rows at hand; NaN where the data cannot tell.
    ridge_damage : array of shape (n,)
        What the synthetic rows cost it: its error less that of as many real rows, at least 0; NaN likewise.
    """

    ridge_error: Array
    ridge_damage: Array

    @property
    def told(self) -> NDArray[np.bool_]:
        """Whether the ridge forecast is known, (n,)."""
        return np.asarray(np.isfinite(self.ridge_error) & np.isfinite(self.ridge_damage))

    def pick(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> Mixtures:
        """Return some of the mixtures, by a mask or by positions."""
        return Mixtures(
            real=self.real[chosen],
            synthetic=self.synthetic[chosen],
            ridge_error=self.ridge_error[chosen],
            ridge_damage=self.ridge_damage[chosen],
        )


@dataclass(frozen=True, kw_only=True)
class MixtureLaw(ScalingLaw):
    """Which terms and factors a law of mixtures has.

    Attributes
    ----------
    name : str
        For people.
    variance_ratio : bool
        Whether a synthetic row adds more or less to the variance than a real one.
    square_floor : bool
        Whether the floor grows with the square of the synthetic share, and no other power.
    floor_growth : bool
        Whether what synthetic rows cost changes with the number of rows.
    ridge_damage : bool
        Whether the error grows with what the synthetic rows cost ridge regression.

    References
    ----------
    Jain, Montanari and Sasoglu (2024), arXiv 2402.04376 (`variance_ratio` and `square_floor`).
    """

    name: str = ""
    variance_ratio: bool = False
    square_floor: bool = False
    floor_growth: bool = False
    ridge_damage: bool = False

    @property
    def needs_ridge(self) -> bool:
        """Whether the law leans on the ridge forecast."""
        return self.ridge_damage

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters, in the order of their vector."""
        return (*super().parameters, *(name for name in EXTRA if getattr(self, name)))

    @property
    def n_free(self) -> int:
        """Number of parameters that are not fixed."""
        return len(self.parameters) - self.square_floor

    def prior(self, log_error: Array) -> Prior:
        """Return weak priors of the parameters' vector, from the log errors (n,) of trained models."""
        middle, low = float(np.median(log_error)), float(np.min(log_error))
        laws = {
            "amplitude": (middle - 0.5, 2.0),
            "exponent": (np.log(0.4), 0.7),
            "irreducible": (low - 3.0, 0.75),  # short curves look as if they ended sooner than they do
            "worth": (0.0, 1.0),
            "floor": (middle - 2.0, 2.0),
            "floor_power": (np.log(2.0), NARROW if self.square_floor else 0.5),
            "variance_ratio": (0.0, 1.0),
            "floor_growth": (0.0, 0.2),
            "ridge_damage": (0.0, 1.5),
        }
        chosen = np.array([laws[name] for name in self.parameters])
        return Prior(centre=chosen[:, 0], width=chosen[:, 1])

    def terms(self, vectors: Array, points: Points, units: Units) -> list[Term]:
        """Return the terms that add up to the error, that of the data first."""
        assert isinstance(points, Mixtures)
        held = dict(zip(self.parameters, np.moveaxis(np.asarray(vectors), -1, 0)[..., None], strict=True))
        terms = super().terms(vectors, points, units)
        if self.variance_ratio:
            terms[0] = _with_variance_ratio(terms[0], held, points.fraction)
        if self.ridge_damage:
            terms.append((np.exp(held["ridge_damage"]) * points.ridge_damage, {"ridge_damage": 1.0}))
        if self.floor_growth:
            log_total = np.log(points.total / units.data)
            terms[2:] = [_times_power(term, held, "floor_growth", log_total) for term in terms[2:]]
        return terms

    def values(self, vectors: Array) -> dict[str, Array]:
        """Return the parameters by name, (...), on their own scale, of their vectors (..., P)."""
        columns = zip(self.parameters, np.moveaxis(np.asarray(vectors), -1, 0), strict=True)
        return {name: column if name in RAW + RAW_EXTRA else np.exp(column) for name, column in columns}


def _times_power(term: Term, held: dict[str, Array], name: str, log: Array) -> Term:
    """Return a term times exp(parameter · log)."""
    value, factors = term
    return value * np.exp(held[name] * log), factors | {name: log}


def _with_variance_ratio(term: Term, held: dict[str, Array], share: Array) -> Term:
    """Return the data's term times (1 − p + c p)^exponent, which divides the rows that count by 1 − p + c p."""
    value, factors = term
    exponent, ratio = np.exp(held["exponent"]), np.exp(held["variance_ratio"])
    mean = 1.0 - share + ratio * share
    log = exponent * np.log(mean)
    return value * np.exp(log), factors | {
        "exponent": factors["exponent"] + log,
        "variance_ratio": exponent * ratio * share / mean,
    }


POWER_LAW = MixtureLaw(name="power law")
"""What people do today: all rows are alike."""

_EFFECTIVE = MixtureLaw(irreducible=True, exchange=True, floor="fraction")

COUNT_LAWS = (
    replace(_EFFECTIVE, name="effective rows and a floor"),
    replace(_EFFECTIVE, name="effective rows and a growing floor", floor_growth=True),
    MixtureLaw(
        name="Jain, Montanari and Sasoglu",
        irreducible=True,
        variance_ratio=True,
        floor="fraction",
        square_floor=True,
    ),
)
"""Laws in counts alone."""

RIDGE_LAWS = (
    replace(_EFFECTIVE, name="effective rows, growing floor and ridge's damage", floor_growth=True, ridge_damage=True),
)
"""Laws that lean on the ridge forecast."""
