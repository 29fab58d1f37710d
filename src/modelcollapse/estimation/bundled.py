"""Which real data comes with the package? Scikit-learn's digits and diabetes, with labels of a weak labeller."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import LogisticRegression, Ridge

from modelcollapse.checks import integer
from modelcollapse.streams import stream

TARGET = "label"
"""Name of the target column of both tables."""


def digits_with_weak_labels(*, seed: int, n_label_train: int = 50) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return real handwritten digits, and other images with labels of a classifier trained on a few dozen.

    Parameters
    ----------
    seed : int
        Non-negative; decides which images are real, and which the labeller sees.
    n_label_train : int
        Images that the weak labeller (logistic regression) is trained on, in [20, 400]; they are in neither table.

    Returns
    -------
    real, synthetic : DataFrame
        Columns ``pixel_0`` to ``pixel_63`` in [0, 16] and ``label``; the 1,797 images less `n_label_train` are shared
        out equally.

    Raises
    ------
    InputError
        When `n_label_train` or `seed` is out of range.

    References
    ----------
    E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998.
    """
    integer("n_label_train", n_label_train, low=20, high=400)
    images, labels = load_digits(return_X_y=True)
    labeller = LogisticRegression(max_iter=1000)
    return _split(images, labels, labeller, seed=seed, n_label_train=n_label_train, names="pixel_{}")


def diabetes_with_weak_labels(*, seed: int, n_label_train: int = 40) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return real diabetes patients, and other patients with the predictions of a ridge fit to a few dozen.

    Only 442 patients exist: errors measured on a quarter of the real half are uncertain by about a fifth.

    Parameters
    ----------
    seed : int
        Non-negative; decides which patients are real, and which the labeller sees.
    n_label_train : int
        Patients that the weak labeller is trained on, in [15, 200]; they are in neither table.

    Returns
    -------
    real, synthetic : DataFrame
        Ten standardised columns and ``label``, the disease's progression after one year.

    Raises
    ------
    InputError
        When `n_label_train` or `seed` is out of range.

    References
    ----------
    B. Efron, T. Hastie, I. Johnstone, R. Tibshirani, Least Angle Regression, Annals of Statistics, 2004.
    """
    integer("n_label_train", n_label_train, low=15, high=200)
    data = load_diabetes()
    inputs = data.data * np.sqrt(len(data.data))  # shipped with unit sums of squares; now with unit variance
    return _split(
        inputs, data.target, Ridge(alpha=1.0), seed=seed, n_label_train=n_label_train, names=list(data.feature_names)
    )


def _split(
    inputs: Any, labels: Any, labeller: Any, *, seed: int, n_label_train: int, names: str | list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Share rows out at random: some train the labeller, half of the others are real, half are labelled by it."""
    columns = [names.format(k) for k in range(inputs.shape[1])] if isinstance(names, str) else names
    order = stream(seed, "bundled").permutation(len(inputs))
    train, rest = order[:n_label_train], order[n_label_train:]
    real, synthetic = rest[: len(rest) // 2], rest[len(rest) // 2 :]
    labeller.fit(inputs[train], labels[train])
    tables = [pd.DataFrame(inputs[rows], columns=columns) for rows in (real, synthetic)]
    return (
        tables[0].assign(**{TARGET: labels[real]}),
        tables[1].assign(**{TARGET: labeller.predict(inputs[synthetic])}),
    )
