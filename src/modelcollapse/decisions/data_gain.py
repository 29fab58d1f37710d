"""Beyond which synthetic fraction does more data no longer help as much as wanted? A root, by bisection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array, number
from modelcollapse.decisions.model_size import log_centres, sized_model
from modelcollapse.problems.mixture import Mixture
from modelcollapse.result import Writable

FEATURES_PER_SAMPLE = (1e-4, 10.0)
CELLS_PER_DECADE = 12
SCAN = 65
"""Synthetic fractions from 0 to 1 between which the first change of sign is looked for."""
HALVINGS = 40
WIDE = 4
"""Width per feature of models with a width, where the problem has none."""


@dataclass(frozen=True, kw_only=True)
class DataGain(Writable):
    """The synthetic fraction beyond which `data_growth` times the samples divide the risk by less than `gain`.

    Attributes
    ----------
    model : str
    data_growth, gain : float
    quality : array of shape (Q,)
        c².
    features_per_sample : array of shape (F,)
        Before the data grow.
    clean_gain : array of shape (F,)
        Factor by which the excess risk falls without synthetic data.
    synthetic_fraction : array of shape (Q, F)
        The threshold: 1 where every fraction gains as much; NaN where not even real data do, or the risk diverges.
    regained : bool array of shape (Q, F)
        Whether some larger fraction gains as much again: the gain is not monotone there.
    """

    model: str
    data_growth: float
    gain: float
    quality: Array
    features_per_sample: Array
    clean_gain: Array
    synthetic_fraction: Array
    regained: NDArray[np.bool_]


def data_gain(
    problem: Mixture,
    *,
    model: str,
    qualities: Sequence[float],
    features_per_sample: Sequence[float] | None = None,
    data_growth: float = 10.0,
    gain: float = 2.0,
) -> DataGain:
    """Find the synthetic fraction beyond which more data of the same mix no longer divide the excess risk by `gain`.

    Parameters
    ----------
    problem : Mixture
        As for `sized_model`.
    model : str
        ``"linear"``: with all features; ``"projections"`` or ``"network"``: of the problem's width, or of 4 times
        the number of features where it has none. The model stays the same while the data grow.
    qualities : sequence of float
        Each positive.
    features_per_sample : sequence of float, optional
        Each positive, before the data grow; left out, a grid from 1e-4 to 10.
    data_growth, gain : float
        Both above 1.

    Returns
    -------
    DataGain

    Raises
    ------
    InputError
        When the problem does not fit or a number is out of range.

    Notes
    -----
    The threshold is the first root of risk(N) − gain · risk(data_growth · N) in the synthetic fraction: found on a grid
    of 65 fractions and halved down. For isotropic inputs, small features per sample φ and equal noise σ² it tends to
    √((1 − gain/data_growth) σ² φ / ((gain − 1) c²)): it falls with the root of the features per sample.
    """
    sized = sized_model(problem, model=model)
    data_growth = number("data_growth", data_growth, low=1, open_low=True)
    gain = number("gain", gain, low=1, open_low=True)
    quality = np.array([number("quality", q, low=0, open_low=True) for q in qualities])
    features = log_centres(*FEATURES_PER_SAMPLE, per_decade=CELLS_PER_DECADE)
    if features_per_sample is not None:
        features = np.array([number("features_per_sample", x, low=0, open_low=True) for x in features_per_sample])
    size = np.array(float(sized.n_features if model == "linear" else problem.width or WIDE * sized.n_features))

    def risk(growth: float, fraction: Array) -> Array:
        n_samples = growth * sized.n_features / features
        return sized.risk(n_samples=n_samples, synthetic_fraction=fraction, size=size).excess_risk(quality[:, None])

    def surplus(fraction: Array) -> Array:
        """Return by how much the risk falls beyond what is wanted, (..., Q, F); less than wanted where it diverges."""
        falls = risk(1.0, fraction) - gain * risk(data_growth, fraction)
        return np.where(np.isnan(falls), -np.inf, falls)

    fraction, regained = _first_root(surplus, shape=(len(quality), len(features)))
    none = np.zeros(1)
    return DataGain(
        model=model,
        data_growth=data_growth,
        gain=gain,
        quality=quality,
        features_per_sample=features,
        clean_gain=(risk(1.0, none) / risk(data_growth, none))[0],
        synthetic_fraction=fraction,
        regained=regained,
    )


def _first_root(surplus: Callable[[Array], Array], *, shape: tuple[int, ...]) -> tuple[Array, NDArray[np.bool_]]:
    """Return where a surplus first turns negative in [0, 1], and whether it is positive again beyond.

    1 where it never does, NaN where it is negative from the start.
    """
    grid = np.linspace(0.0, 1.0, SCAN)
    enough = surplus(np.broadcast_to(grid[:, None, None], (SCAN, *shape))) >= 0
    first = np.where(enough.all(axis=0), SCAN - 1, (~enough).argmax(axis=0))
    low, high = grid[np.maximum(first - 1, 0)], grid[first]
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        gains = surplus(middle) >= 0
        low, high = np.where(gains, middle, low), np.where(gains, high, middle)
    root = np.where(enough.all(axis=0), 1.0, np.where(enough[0], low, np.nan))
    regained = (enough[1:] & ~enough[:-1]).any(axis=0)
    return np.asarray(root), np.asarray(regained)
