"""How are encoded columns put on one scale? So that no single row decides the second moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from modelcollapse.checks import Array
from modelcollapse.estimation.wording import counted, listing

HEAVY_KURTOSIS = 6.0
"""Columns above this kurtosis are heavy-tailed: heavier than a Laplace law (normal: 3, uniform: 1.8)."""

SPARSE_SHARE = 0.5
"""A column is sparse when a single value fills at least this share of its rows."""

SPARSE_REACH = 4.0
"""No value of a sparse column ends up further than this from its most frequent value."""

PLAIN_REACH = 10.0
"""Values of other columns are clipped at this many standard deviations from the mean."""

_REACH_QUANTILE = 0.99
_MAX_KNOTS = 1000


@dataclass(frozen=True, eq=False, kw_only=True)
class Scaling:
    """Fitted scales of encoded columns.

    Attributes
    ----------
    keep : array of bool, (d_in,)
        False for columns that do not vary.
    low, high : array, (d,)
        Bounds at which values are clipped; infinite where they are not.
    mean, scale : array, (d,)
        Of the clipped (or rank-transformed) values; the result is (value − mean)/scale.
    scores : mapping of int to (knots, scores)
        For heavy-tailed columns: values and their normal scores, interpolated between and constant beyond.
    steps : tuple of str
        What is done, in plain sentences.
    """

    keep: np.ndarray[tuple[int], np.dtype[np.bool_]]
    low: Array
    high: Array
    mean: Array
    scale: Array
    scores: Mapping[int, tuple[Array, Array]]
    steps: tuple[str, ...]

    def apply(self, encoded: Array) -> Array:
        """Return the scaled columns, (n, d), of encoded ones, (n, d_in)."""
        scaled = encoded[:, self.keep]
        for column, (knots, scores) in self.scores.items():
            scaled[:, column] = np.interp(scaled[:, column], knots, scores)
        np.clip(scaled, self.low, self.high, out=scaled)
        scaled -= self.mean
        scaled /= self.scale
        return scaled


def fit_scaling(encoded: Array, *, names: Sequence[str]) -> Scaling:
    """Fit the scales on rows of the real training data.

    Every column is standardised, and three rules bound what a single row can do:

    - a sparse column (one value fills half of its rows: border pixels, rare categories) is clipped at the 99th
      percentile of the distance of its other values from that value, and divided by at least a quarter of this
      distance, since its standard deviation shrinks with the rarity of the other values;
    - a heavy-tailed column (kurtosis above 6) is replaced by the normal scores of its ranks;
    - any other column is clipped at 10 standard deviations.

    Parameters
    ----------
    encoded : array, (n, d_in)
        Without missing values.
    names : sequence of str
        Names of the columns, for the sentences in `steps`.

    Notes
    -----
    The kurtosis is what matters here: the squared coefficient of variation of the rows' shares in a column's second
    moment is its kurtosis minus one.
    """
    keep = np.ptp(encoded, axis=0) > 0
    kept = encoded[:, keep]
    kept_names = [name for name, varies in zip(names, keep, strict=True) if varies]
    d = kept.shape[1]
    low, high, floor = np.full(d, -np.inf), np.full(d, np.inf), np.zeros(d)
    mean, scale = np.zeros(d), np.ones(d)
    scores: dict[int, tuple[Array, Array]] = {}
    for k in range(d):
        values = np.ascontiguousarray(kept[:, k])
        low[k], high[k], floor[k] = _bounds(values)
        if floor[k] == 0 and kurtosis(values) > HEAVY_KURTOSIS:
            low[k], high[k], scores[k] = -np.inf, np.inf, normal_scores(values)
            values = np.interp(values, *scores[k])
        values = np.clip(values, low[k], high[k])
        mean[k], scale[k] = values.mean(), max(float(values.std()), floor[k])
    sparse = [kept_names[k] for k in np.flatnonzero(floor).tolist()]
    steps = _steps(sparse, [kept_names[k] for k in scores])
    return Scaling(keep=keep, low=low, high=high, mean=mean, scale=scale, scores=scores, steps=steps)


def _bounds(values: Array) -> tuple[float, float, float]:
    """Return where a column is clipped, and the least scale: 0 unless a single value fills half of the rows."""
    middle = values.size // 2
    frequent = float(np.partition(values, middle)[middle])  # a value that fills half of the rows is their median
    others = values[values != frequent]
    if others.size <= (1 - SPARSE_SHARE) * values.size:
        reach = float(np.quantile(np.abs(others - frequent), _REACH_QUANTILE))
        return frequent - reach, frequent + reach, reach / SPARSE_REACH
    spread = PLAIN_REACH * float(values.std())
    return float(values.mean()) - spread, float(values.mean()) + spread, 0.0


def kurtosis(values: Array) -> float:
    """Return the fourth standardised moment of finite values: 3 for a normal law, 0 where nothing varies."""
    centred = values - values.mean()
    spread = float(centred.std())
    return float(np.mean((centred / spread) ** 4)) if spread > 0 else 0.0


def normal_scores(values: Array) -> tuple[Array, Array]:
    """Return knots and their normal scores Φ⁻¹((mean rank − ½)/n), at most 1,000 of them, ties sharing one.

    Examples
    --------
    >>> knots, scores = normal_scores(np.array([1.0, 2.0, 2.0, 50.0]))
    >>> knots.tolist(), scores.round(3).tolist()
    ([1.0, 2.0, 50.0], [-1.15, 0.0, 1.15])
    """
    knots, counts = np.unique(values, return_counts=True)
    last = np.cumsum(counts)
    scores: Array = ndtri((last - counts / 2) / values.size)
    if knots.size > _MAX_KNOTS:
        chosen = np.linspace(0, knots.size - 1, _MAX_KNOTS).round().astype(int)
        knots, scores = knots[chosen], scores[chosen]
    return knots, scores


def _steps(sparse: Sequence[str], heavy: Sequence[str]) -> tuple[str, ...]:
    steps = ["Columns are standardised with the real training rows' mean and standard deviation."]
    if heavy:
        steps.append(
            f"{counted(len(heavy), 'heavy-tailed column')} (kurtosis above {HEAVY_KURTOSIS:g}) replaced by the normal "
            f"scores of the ranks: {listing(heavy)}."
        )
    if sparse:
        steps.append(
            f"{counted(len(sparse), 'column')} with one value in at least half of the rows clipped and scaled so that "
            f"no value lies further than {SPARSE_REACH:g} from it: {listing(sparse)}."
        )
    steps.append(f"Values of the other columns are clipped at {PLAIN_REACH:g} standard deviations.")
    return tuple(steps)
