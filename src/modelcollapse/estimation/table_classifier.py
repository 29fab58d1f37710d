"""Can a classifier tell synthetic rows from real ones, and by which columns? Gradient boosting, on rows left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from threadpoolctl import threadpool_limits

from modelcollapse.checks import Array
from modelcollapse.estimation.measure import Measure
from modelcollapse.estimation.table_columns import Columns
from modelcollapse.streams import stream

MOST_ROWS = 10_000
"""Rows of each side that train and test the classifier."""
N_FOLDS = 2
"""Each row is judged by a classifier that has not seen it."""
ITERATIONS = 40
"""Trees of a classifier: enough to see what is there, few enough for seconds."""
MOST_CATEGORIES = 250
"""Categories that are told apart, the commonest first."""
SHOWN_ROWS = 4_000
"""Rows on which the importance of columns is measured, at most."""
_TELLING = 0.1
"""Share of the largest fall from which on a column is named."""

CLASSIFIER = Measure(
    noun="classifier's area under the curve",
    topic="classifier",
    less="a classifier ranks synthetic rows below real ones: area under the curve {synthetic}, by chance {real}",
    more="a classifier tells synthetic from real rows: area under the curve {synthetic}, by chance {real}",
)


@dataclass(frozen=True, eq=False, kw_only=True)
class TwoSample:
    """What a classifier says about two tables.

    Attributes
    ----------
    area : float
        Probability that a synthetic row has a higher score than a real one of the same fold; 0.5 by chance.
    null : array, (B,)
        The same with labels permuted within folds, stretched for what folds have in common.
    importance : dict of str to float
        By column: by how much the area falls when the column is shuffled; the largest first, small falls left out.
        Empty when the area is within the null.
    """

    area: float
    null: Array
    importance: dict[str, float]


def tell_apart(real: Columns, synthetic: Columns, *, n_splits: int, seed: int) -> TwoSample:
    """Train classifiers on parts of both tables and judge them on the others.

    Notes
    -----
    Given the scores of rows left out, labels are exchangeable when both tables have the same law: the permuted areas
    are draws of the null of one fold. The areas of two folds go together, as each classifier has learnt from the rows
    that the other one judges: what tells the tables apart by chance does so in both. The mean over N folds has at most
    √N times the spread that it had if they were independent, and the null is stretched by as much. As many rows are
    taken of each table.
    """
    rng = stream(seed, "classifier")
    n_rows = min(len(real), len(synthetic), MOST_ROWS)
    chosen = [np.sort(rng.permutation(len(table))[:n_rows]) for table in (real, synthetic)]
    features, label = _features(real, synthetic, chosen), np.repeat([False, True], n_rows)
    fold = np.concatenate([rng.permutation(n_rows) % N_FOLDS for _ in chosen])
    # One after the other: scikit-learn sets the warnings' filters while it fits, which all threads share.
    models: list[Any] = [_fitted(features[fold != k], label[fold != k], real, seed) for k in range(N_FOLDS)]
    held_out = [(features[fold == k], label[fold == k]) for k in range(N_FOLDS)]
    scores = [model.predict_proba(rows)[:, 1] for model, (rows, _) in zip(models, held_out, strict=True)]
    labels = [truth for _, truth in held_out]
    found = float(np.mean([area(score, truth) for score, truth in zip(scores, labels, strict=True)]))
    ranks = [rankdata(score) for score in scores]
    permuted = [
        np.mean([area(rank, rng.permutation(truth), ranked=True) for rank, truth in zip(ranks, labels, strict=True)])
        for _ in range(n_splits)
    ]
    null = 0.5 + np.sqrt(N_FOLDS) * (np.array(permuted) - 0.5)
    names = (*real.schema.numeric, *real.schema.categorical)
    importance = _importance(models[0], *held_out[0], names, rng) if found > null.max() else {}
    return TwoSample(area=found, null=null, importance=importance)


def area(scores: Array, label: NDArray[np.bool_], *, ranked: bool = False) -> float:
    """Return the area under the curve: the Mann-Whitney statistic over the number of pairs.

    Examples
    --------
    >>> area(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
    0.75
    """
    ranks = scores if ranked else rankdata(scores)
    n_true = int(label.sum())
    return float((ranks[label].sum() - n_true * (n_true + 1) / 2) / (n_true * (len(label) - n_true)))


def _features(real: Columns, synthetic: Columns, chosen: Sequence[NDArray[np.intp]]) -> Array:
    """Return numbers, NaN where missing, and categories of the chosen rows of both tables, below each other.

    The categories that are told apart are those that are commonest on both sides together, and as many as are equally
    common are dropped together: were they chosen or numbered by one side, the others would give away the other side.
    """
    tables = (real, synthetic)
    numbers = np.concatenate([table.numbers[rows] for table, rows in zip(tables, chosen, strict=True)])
    codes = np.concatenate([table.codes[rows] for table, rows in zip(tables, chosen, strict=True)])
    for column in codes.T:
        _, inverse, count = np.unique(column, return_inverse=True, return_counts=True)
        limit = np.sort(count)[-MOST_CATEGORIES - 1] if len(count) > MOST_CATEGORIES else 1
        number = np.where(count > limit, np.cumsum(count > limit) - 1, MOST_CATEGORIES)
        column[:] = number[inverse]
    return np.column_stack([numbers, codes])


def _fitted(features: Array, label: NDArray[np.bool_], real: Columns, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    p, q = real.numbers.shape[1], real.codes.shape[1]
    model = HistGradientBoostingClassifier(
        max_iter=ITERATIONS,
        early_stopping=False,
        categorical_features=np.repeat([False, True], [p, q]) if q else None,
        random_state=seed,
    )
    # Threads that wait for each other cost far more than they gain.
    with threadpool_limits(limits=1, user_api="openmp"):
        return model.fit(features, label)


def _importance(
    model: Any, features: Array, label: NDArray[np.bool_], names: Sequence[str], rng: np.random.Generator
) -> dict[str, float]:
    """Return by how much the area falls when a column is shuffled, the largest first, small falls left out."""
    chosen = rng.permutation(len(features))[:SHOWN_ROWS]
    features, label = features[chosen], label[chosen]
    whole = area(model.predict_proba(features)[:, 1], label)
    falls = {}
    for k, name in enumerate(names):
        shuffled = features.copy()
        shuffled[:, k] = rng.permutation(shuffled[:, k])
        falls[name] = whole - area(model.predict_proba(shuffled)[:, 1], label)
    largest = max(falls.values())
    ordered = sorted(falls.items(), key=lambda item: -item[1])
    return {name: fall for name, fall in ordered if fall > _TELLING * max(largest, 0.0)}
