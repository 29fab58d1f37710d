"""What is at hand, and what is fresh? One random split of a table, with labels of two labellers of unequal skill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer

from modelcollapse.estimation.pool import Pool, pool_of
from modelcollapse.estimation.preparation import PreparedData, prepare
from modelcollapse.estimation.rows import Array
from modelcollapse.streams import stream
from studies.sets import Study
from studies.tables import Table

LABEL_NOISE = 0.3
"""Noise on synthetic labels in regression, in standard deviations of the real labels."""


@dataclass(frozen=True)
class Split:
    """A pool, held-out rows, and fresh rows that neither holds.

    Attributes
    ----------
    pool : Pool
        Real, weak synthetic and better synthetic rows at hand; its held-out rows serve forecast and measurement.
    fresh_features : ndarray (n_fresh, n_features)
    fresh_targets : tuple of ndarray (n_fresh, n_outputs)
        The fresh rows' targets as each source would label them.
    task : str
    steps : tuple of str
        What preparation did, in plain sentences.
    """

    pool: Pool
    fresh_features: Array
    fresh_targets: tuple[Array, Array, Array]
    task: str
    steps: tuple[str, ...]

    @property
    def n_fresh(self) -> int:
        """Number of fresh rows."""
        return len(self.fresh_features)


def split(study: Study, table: Table, *, number: int, seed: int) -> Split:
    """Split a table at random: labellers' rows, three pools, held-out rows, and the rest is fresh."""
    inputs, labels = table
    order = stream(seed, "split", study.name, number).permutation(len(labels))
    sizes = (*study.n_label_train, *study.pool, study.n_holdout)
    *labelled, real, weak, better, held, fresh = np.split(order, np.cumsum(sizes))
    noise = stream(seed, "label-noise", study.name, number)
    everywhere = [_relabel(study.task, inputs, labels, rows, noise) for rows in labelled]
    prepared = prepare(
        (inputs.iloc[real], labels[real]),
        [(inputs.iloc[rows], given[rows]) for rows, given in zip((weak, better), everywhere, strict=True)],
        holdout=(inputs.iloc[held], labels[held]),
        task=study.task,
        features=study.features,
        scale=study.scale,
        seed=seed,
    )
    return Split(
        pool=pool_of(prepared.pools, holdout=prepared.holdout),
        fresh_features=prepared.encoder.transform(inputs.iloc[fresh].reset_index(drop=True)),
        fresh_targets=(
            _targets(prepared, labels[fresh]),
            _targets(prepared, everywhere[0][fresh]),
            _targets(prepared, everywhere[1][fresh]),
        ),
        task=study.task,
        steps=prepared.steps,
    )


def _relabel(
    task: str, inputs: pd.DataFrame, labels: NDArray[Any], rows: NDArray[np.intp], noise: np.random.Generator
) -> NDArray[Any]:
    """Return labels of every row by a labeller that was trained on a few of them."""
    if task == "classification":
        labeller = LogisticRegression(max_iter=2000).fit(inputs.iloc[rows].to_numpy(), labels[rows])
        answers: NDArray[Any] = labeller.predict(inputs.to_numpy())
        return answers
    normal_scores = QuantileTransformer(n_quantiles=len(rows), output_distribution="normal")
    numeric = make_pipeline(SimpleImputer(strategy="median"), normal_scores)
    columns = make_column_transformer((numeric, make_column_selector(dtype_include="number")))
    labeller = make_pipeline(columns, Ridge(alpha=1.0)).fit(inputs.iloc[rows], labels[rows])
    predicted: NDArray[Any] = labeller.predict(inputs)
    return predicted + noise.normal(0.0, LABEL_NOISE * float(labels[rows].std()), size=len(labels))


def _targets(prepared: PreparedData, labels: NDArray[Any]) -> Array:
    """Return labels as the columns that the pools' targets have."""
    if prepared.task == "classification":
        one_hot: Array = np.equal(labels[:, None], np.array(prepared.classes)).astype(np.float64)
        return one_hot
    centred: Array = labels[:, None] - prepared.target_mean
    return centred
