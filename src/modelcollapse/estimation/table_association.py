"""How strongly do columns go together? Rank correlations, correlation ratios and Cramér's V, by pair and overall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from modelcollapse.checks import Array
from modelcollapse.estimation.measure import Measure
from modelcollapse.estimation.table_columns import Columns
from modelcollapse.estimation.table_topics import Parts, RowFeatures

LEVELS = 10
"""Commonest categories of a column that are told apart; the others are one more."""
MOST_FEATURES = 160
"""Ranks and indicators at most; of wider tables the first columns are taken."""
MOST_PAIRS = 300
"""Pairs that are measured one by one; of more, those that are strongest in real data."""
_CLEAR = 15.0
"""And only those whose χ² is so many standard deviations above what chance gives: chosen pairs look stronger."""
_COST = 2e8  # multiplications for each part; of larger tables a part of the rows is taken
_TINY = 1e-12
KINDS = ("rank correlation", "correlation ratio", "Cramér's V")


@dataclass(frozen=True, eq=False, kw_only=True)
class Block:
    """The features of one column: its rank, or indicators of its categories.

    Attributes
    ----------
    name : str
    column : int
        Position among the numeric columns, or among the categorical ones.
    place : slice
        Where its features are; feature 0 is the constant 1.
    values : array or None
        Distinct real values of a numeric column, ascending; None for a categorical one.
    scores : array or None
        Ranks of these values among the real ones, standardised.
    reach : float
        Largest size of a standardised feature: of a rank, or 1/√share of the rarest category.
    """

    name: str
    column: int
    place: slice
    values: Array | None
    scores: Array | None
    reach: float

    @property
    def width(self) -> int:
        """Number of features."""
        return int(self.place.stop - self.place.start)


@dataclass(frozen=True, eq=False, kw_only=True)
class Association:
    """Association of pairs of columns, and its mean over all pairs of a kind.

    Attributes
    ----------
    blocks : tuple of Block
        Numeric columns first.
    pairs : tuple of (int, int)
        All pairs of blocks, by kind.
    chosen : int array
        Positions in `pairs` of those that are measured one by one.
    n_left_out : int
        Columns beyond `MOST_FEATURES`.
    real : RowFeatures
    """

    blocks: tuple[Block, ...]
    pairs: tuple[tuple[int, int], ...]
    chosen: NDArray[np.intp]
    n_left_out: int
    real: RowFeatures

    def measures(self, size: int) -> tuple[Measure, ...]:
        """Return a measure of each chosen pair, then the mean strength of each kind that there is.

        Halves of one sample share its rare rows, and the size of an association that is none: the grain of each measure
        is the noise of columns that are independent.
        """
        kinds = np.array([self._kind(k) for k in range(len(self.pairs))], dtype=int)
        noise = np.array([self._noise(k, size) for k in range(len(self.pairs))])
        signed = np.where(kinds == 0, np.sqrt(2), 1.0)
        single = tuple(_pair_measure(kinds[k], *self._names(k), grain=float(signed[k] * noise[k])) for k in self.chosen)
        means = tuple(
            _mean_measure(kind, grain=float(np.linalg.norm(noise[kinds == kind]) / (kinds == kind).sum()))
            for kind in np.unique(kinds)
        )
        return single + means

    def n_rows(self, size: int) -> int:
        """Return of how many rows of a part products are added up."""
        return min(size, int(_COST / self.real.values.shape[1] ** 2))

    def encode(self, table: Columns) -> RowFeatures:
        """Return the features of the rows of another table."""
        return _features(table, self.blocks)

    def statistic(self, rows: RowFeatures, parts: Parts) -> Array:
        """Return the sums of products of features over each part, divided by its rows, (P, f, f)."""
        n_rows = self.n_rows(parts.shape[1])
        chosen = (rows.values[part[:n_rows]] for part in parts)  # parts are in random order
        return np.stack([values.T @ values / n_rows for values in chosen])

    def summary(self, statistic: Array, rows: RowFeatures, size: int) -> Array:
        """Return the association of each chosen pair after Fisher, and the mean size of each kind's, (P, J)."""
        if not self.pairs:
            return np.empty((len(statistic), 0))
        values = associations(statistic, self.blocks, self.pairs)
        kinds = np.array([self._kind(k) for k in range(len(self.pairs))])
        means = [np.abs(values[:, kinds == kind]).mean(axis=1) for kind in np.unique(kinds)]
        most = 1 - 1 / self.n_rows(size)  # an association of 1 stays finite, and nearly 1 is no other than 1
        return np.column_stack([np.arctanh(np.clip(values[:, self.chosen], -most, most)), *means])

    def comparison(self, first: Array, second: Array, rows: RowFeatures, size: int) -> Array:
        """Return nothing, (P, 0)."""
        return np.empty((len(first), 0))

    def _kind(self, pair: int) -> int:
        """Return how many columns of a pair are categorical."""
        return [self.blocks[k].values is None for k in self.pairs[pair]].count(True)

    def _noise(self, pair: int, size: int) -> float:
        """Return the standard deviation that an association of none has in the difference of two parts, about.

        A correlation of k independent rows has variance 1/(k − 1), whatever the ties; a difference of two that have no
        sign varies half as much as one of two that have. Of rare values a single row decides: it adds the square of the
        product of its features / k to χ²/k, which is its degrees of freedom / k in the mean.

        References
        ----------
        E. J. G. Pitman, Significance tests which may be applied to samples from any populations II: the correlation
        coefficient test, Supplement to the Journal of the Royal Statistical Society 4, 1937.
        """
        first, second = (self.blocks[k] for k in self.pairs[pair])
        n_rows = self.n_rows(size)
        degrees = [max(block.width - 1, 1) for block in (first, second)]
        usual = degrees[0] * degrees[1] / n_rows
        single = np.sqrt(usual + (first.reach * second.reach / n_rows) ** 2) - np.sqrt(usual)
        return float(max(n_rows**-0.5, single) / np.sqrt(min(degrees)))

    def _names(self, pair: int) -> tuple[str, str]:
        first, second = self.pairs[pair]
        return self.blocks[first].name, self.blocks[second].name


def fit_association(real: Columns) -> Association:
    """Return the measures of association, with ranks among real values and the commonest real categories."""
    blocks, n_left_out = _blocks(real)
    pairs = tuple(
        sorted(combinations(range(len(blocks)), 2), key=lambda pair: sum(blocks[k].values is None for k in pair))
    )
    rows = _features(real, blocks)
    topic = Association(blocks=blocks, pairs=pairs, chosen=np.arange(len(pairs)), n_left_out=n_left_out, real=rows)
    return topic if len(pairs) <= MOST_PAIRS else replace(topic, chosen=_strongest(topic))


def _blocks(real: Columns) -> tuple[tuple[Block, ...], int]:
    """Return the features of columns as far as there is room, and how many columns are left out."""
    blocks, start, n_left_out = [], 1, 0
    for column, name in enumerate(real.schema.numeric):
        if start + 1 > MOST_FEATURES:
            n_left_out += 1
            continue
        blocks.append(_ranked(real.numbers[:, column], name, column, start))
        start += 1
    for column, name in enumerate(real.schema.categorical):
        width = min(len(real.schema.levels[name]), LEVELS) + 1  # the last one is for all others
        if start + width > MOST_FEATURES or width < 3:
            n_left_out += width >= 3
            continue
        place = slice(start, start + width)
        count = np.bincount(np.minimum(real.codes[:, column], width - 1))
        reach = float((count[count > 0].min() / len(real)) ** -0.5)
        blocks.append(Block(name=name, column=column, place=place, values=None, scores=None, reach=reach))
        start += width
    return tuple(blocks), n_left_out


def _ranked(numbers: Array, name: str, column: int, start: int) -> Block:
    """Return a numeric column with the standardised ranks of its values."""
    known = numbers[~np.isnan(numbers)]
    values, first = np.unique(known, return_index=True)
    ranks = rankdata(known)
    deviation = ranks.std() if len(known) else 0.0
    scores = (ranks - ranks.mean())[first] / deviation if deviation > 0 else np.zeros(len(values))
    reach = float(np.abs(scores).max(initial=0.0))
    return Block(name=name, column=column, place=slice(start, start + 1), values=values, scores=scores, reach=reach)


def _features(table: Columns, blocks: Sequence[Block]) -> RowFeatures:
    """Return 1, ranks (0 where a value is missing) and indicators, (n, f)."""
    features = np.zeros((len(table), max((block.place.stop for block in blocks), default=1)))
    features[:, 0] = 1.0
    for block in blocks:
        if block.values is None or block.scores is None:
            codes = np.minimum(table.codes[:, block.column], block.width - 1)
            features[np.arange(len(table)), block.place.start + codes] = 1.0
        elif len(block.values):
            known = ~np.isnan(table.numbers[:, block.column])
            values = table.numbers[known, block.column]
            features[known, block.place.start] = np.interp(values, block.values, block.scores)
    return RowFeatures(features)


def associations(moments: Array, blocks: Sequence[Block], pairs: Sequence[tuple[int, int]]) -> Array:
    """Return the association of each pair of columns, (P, pairs).

    Parameters
    ----------
    moments : array, (P, f, f)
        Mean products of features, the first of which is 1.
    blocks : sequence of Block
    pairs : sequence of (int, int)
        The numeric column first.

    Notes
    -----
    Two numeric columns: the correlation of their ranks, which Spearman's is. A numeric and a categorical one: the
    correlation ratio η, the root of the share of the ranks' variance that is between categories. Two categorical ones:
    Cramér's V, √(χ²/(n (r − 1))) with r the smaller number of categories. η and V are biased away from 0, alike in
    samples of equal size.
    """
    found = np.empty((len(moments), len(pairs)))
    for k, (i, j) in enumerate(pairs):
        first, second = blocks[i], blocks[j]
        if second.values is not None:
            found[:, k] = _correlation(moments, first.place.start, second.place.start)
        elif first.values is not None:
            found[:, k] = _correlation_ratio(moments, first.place.start, second.place)
        else:
            found[:, k] = _cramers_v(moments, first.place, second.place)
    return found


def _correlation(moments: Array, i: int, j: int) -> Array:
    mean_i, mean_j = moments[:, 0, i], moments[:, 0, j]
    covariance = moments[:, i, j] - mean_i * mean_j
    variance = (moments[:, i, i] - mean_i**2) * (moments[:, j, j] - mean_j**2)
    return np.asarray(covariance / np.sqrt(np.maximum(variance, _TINY)))


def _correlation_ratio(moments: Array, i: int, levels: slice) -> Array:
    mean = moments[:, 0, i]
    share, total = moments[:, 0, levels], moments[:, levels, i]
    between = (total**2 / np.maximum(share, _TINY)).sum(axis=1) - mean**2
    return np.asarray(np.sqrt(np.maximum(between, 0.0) / np.maximum(moments[:, i, i] - mean**2, _TINY)))


def _cramers_v(moments: Array, first: slice, second: slice) -> Array:
    expected = moments[:, 0, first, None] * moments[:, 0, None, second]
    excess = (moments[:, first, second] - expected) ** 2 / np.maximum(expected, _TINY)
    fewest = min(first.stop - first.start, second.stop - second.start)
    return np.asarray(np.sqrt(excess.sum(axis=(1, 2)) / (fewest - 1)))


def _strongest(topic: Association) -> NDArray[np.intp]:
    """Return the pairs that are clearly associated in real data, at most `MOST_PAIRS`."""
    values = topic.real.values
    strength = associations((values.T @ values / len(values))[None], topic.blocks, topic.pairs)[0] ** 2
    widths = np.array([[topic.blocks[k].width for k in pair] for pair in topic.pairs])
    degrees = np.maximum(widths - 1, 1).prod(axis=1)
    fewest = np.where(widths.min(axis=1) > 1, widths.min(axis=1) - 1, 1)
    excess = (len(values) * strength * fewest - degrees) / np.sqrt(2 * degrees)
    strongest = np.argsort(-excess, kind="stable")[:MOST_PAIRS]
    return np.sort(strongest[excess[strongest] > _CLEAR])


def _pair_measure(kind: int, first: str, second: str, *, grain: float) -> Measure:
    sentence = f"{KINDS[kind]} of {{subject}} is {{synthetic}}, {{real}} in real data"
    return Measure(
        noun=KINDS[kind],
        subject=f"`{first}` and `{second}`",
        topic="association",
        less=sentence,
        more=sentence,
        scale="fisher",
        grain=grain,
    )


def _mean_measure(kind: int, *, grain: float) -> Measure:
    what = ("numeric columns", "numeric with categorical columns", "categorical columns")[kind]
    start = f"{what} go together {{change}}"
    end = f"than in real data: mean {KINDS[kind]} {{synthetic}}, there {{real}}"
    return Measure(
        noun=f"mean size of {KINDS[kind]}",
        topic="association",
        less=f"{start} less {end}",
        more=f"{start} more {end}",
        grain=grain,
    )
