"""How do losses fall with rows that people, or a weak model, have labelled? Ridge and small networks are trained."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

from modelcollapse.streams import stream
from studies.tables import digits, mnist

Array = NDArray[np.float64]

SHARES = (0.0, 0.3, 0.6, 0.9)
N_TOTALS = {"digits": 6, "mnist": 7}
N_REPEATS = {"digits": 8, "mnist": 3}
MOST = {"digits": 1280, "mnist": 12_800}
N_TEST = {"digits": 400, "mnist": 4000}
N_LABELLER = {"digits": 60, "mnist": 200}
"""Rows that the weak labeller is trained on; they are used for nothing else."""

N_COMPONENTS = 40
N_HIDDEN = 48
MODELS = ("ridge", "network")


def learning_curve(name: str, model: str, *, folder: Path | None, seed: int) -> list[dict[str, Any]]:
    """Train a model on every mixture, and return its settings and losses.

    Amounts double from 40 (digits) or 200 rows on; ridge is scored by the squared error against one-hot labels, summed
    over classes, the network by its cross entropy; each on the same held-out rows.
    """
    inputs, labels = _table(name, folder)
    rows = []
    for repeat in range(N_REPEATS[name]):
        rng = stream(seed, "learning curves", name, repeat)
        order = rng.permutation(len(inputs))
        test, teach, rest = np.split(order, [N_TEST[name], N_TEST[name] + N_LABELLER[name]])
        reduce = PCA(N_COMPONENTS, random_state=0).fit(inputs[teach])
        labeller = LogisticRegression(C=0.1, max_iter=500).fit(inputs[teach], labels[teach])
        features, weak = reduce.transform(inputs), labeller.predict(inputs)
        features = features / features[teach].std()
        for total in MOST[name] / 2.0 ** np.arange(N_TOTALS[name] - 1, -1, -1):
            for share in SHARES:
                chosen = rng.permutation(rest)[: int(total)]
                n_synthetic = round(total * share)
                given = np.concatenate([weak[chosen[:n_synthetic]], labels[chosen[n_synthetic:]]])
                loss = _loss(model, features[chosen], given, features[test], labels[test], seed=repeat)
                counts = {"real": int(total) - n_synthetic, "synthetic": n_synthetic}
                rows.append({**counts, "repeat": repeat, "loss": round(loss, 5)})
    return rows


def _table(name: str, folder: Path | None) -> tuple[Array, Array]:
    frame, labels = {"digits": digits, "mnist": mnist}[name](folder)
    inputs = frame.to_numpy(dtype=np.float64)
    return inputs / inputs.max(), labels


def _loss(model: str, x: Array, y: Array, test_x: Array, test_y: Array, *, seed: int) -> float:
    """Train one model and return its loss on held-out rows."""
    classes = np.arange(10)
    if model == "ridge":
        onehot = (y[:, None] == classes).astype(float)
        fitted = RidgeCV(alphas=np.geomspace(1e-2, 1e4, 13)).fit(_wide(x), onehot)
        return float(((fitted.predict(_wide(test_x)) - (test_y[:, None] == classes)) ** 2).sum(axis=1).mean())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        network = MLPClassifier(
            N_HIDDEN, alpha=1e-2, learning_rate_init=3e-3, max_iter=40, batch_size=min(64, len(x)), random_state=seed
        ).fit(x, y)
    chances = np.full((len(test_x), 10), 1e-3)
    chances[:, network.classes_.astype(int)] += network.predict_proba(test_x)
    return float(log_loss(test_y, chances / chances.sum(axis=1, keepdims=True), labels=classes))


def _wide(x: Array) -> Array:
    """Return fixed random features, so that ridge has more than lines to fit."""
    weights = np.random.default_rng(0).standard_normal((x.shape[1], 150)) / np.sqrt(x.shape[1])
    return np.maximum(x @ weights, 0.0)
