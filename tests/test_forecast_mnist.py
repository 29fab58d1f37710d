"""Does the forecast hold on real images? Handwritten digits, labels of a weak classifier, models trained afresh."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from modelcollapse.checks import Array
from modelcollapse.decisions.forecast import forecast
from modelcollapse.decisions.measures import accuracy, forecast_measures
from modelcollapse.estimation.pool import Pool, pool_of
from modelcollapse.estimation.rows import LabelledRows
from modelcollapse.streams import stream
from planted import squared_error, train

MNIST = Path(__file__).parents[1].parent / "shared" / "data" / "mnist"
MIXTURES = [
    ((500, 500), (1.0, 1.0)),
    ((1500, 6000), (1.0, 0.4)),
    ((9000, 1000), (1.0, 1.0)),
    ((8000, 8000), (1.0, 1.0)),
]
RIDGE = 1e-2
N_IMAGES = 30_000
N_WEAK = 300  # images at the end that teach the weak classifier
N_MODELS = 4
CLOSE = 0.04
"""Largest |forecast/measured − 1|: both use the same held-out images."""


@dataclass(frozen=True)
class Digits:
    """Images through a fixed random linear view, with true and weak one-hot labels; the first 3,000 are held out."""

    features: Array
    labels: Array
    weak_labels: Array

    def rows(self, images: Array, *, synthetic: bool) -> LabelledRows:
        return LabelledRows(self.features[images], (self.weak_labels if synthetic else self.labels)[images])


@pytest.fixture(scope="module")
def digits() -> Digits:
    if not MNIST.exists():
        pytest.skip("the MNIST images of ../shared are absent")
    images = gzip.decompress((MNIST / "train-images-idx3-ubyte.gz").read_bytes())
    classes = gzip.decompress((MNIST / "train-labels-idx1-ubyte.gz").read_bytes())
    pixels = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 784)[:N_IMAGES] / 255.0
    labels = np.eye(10)[np.frombuffer(classes, np.uint8, offset=8)[:N_IMAGES]]
    view = stream(0, "view").standard_normal((784, 100)) / np.sqrt(784)
    features = np.column_stack([(pixels - pixels.mean(axis=0)) @ view, np.ones(len(pixels))])
    weak = train([LabelledRows(features[-N_WEAK:], labels[-N_WEAK:])], weights=(1.0,), ridge=RIDGE)
    return Digits(features, labels, np.eye(10)[(features @ weak).argmax(axis=1)])


def pool_at_hand(digits: Digits, *, shuffled: bool = False) -> Pool:
    """Return 1,500 real and 1,500 weakly labelled images; `shuffled` tears the weak labels from their images."""
    sources = [digits.rows(np.arange(3000, 4500), synthetic=False), digits.rows(np.arange(4500, 6000), synthetic=True)]
    if shuffled:
        sources[1] = replace(sources[1], targets=stream(0, "shuffled").permutation(sources[1].targets))
    return pool_of(sources, holdout=digits.rows(np.arange(3000), synthetic=False))


def trained(digits: Digits, n_samples: tuple[int, int], weights: tuple[float, float]) -> tuple[float, float]:
    """Return the mean held-out error and accuracy of models trained on images that the pool does not hold."""
    holdout = digits.rows(np.arange(3000), synthetic=False)
    errors, accuracies = [], []
    for i in range(N_MODELS):
        fresh = 6000 + stream(0, "digits", i).permutation(N_IMAGES - N_WEAK - 6000)
        parts = np.split(fresh[: sum(n_samples)], n_samples[:1])
        rows = [digits.rows(images, synthetic=k == 1) for k, images in enumerate(parts)]
        model = train(rows, weights=weights, ridge=RIDGE)
        errors.append(squared_error(model, holdout))
        accuracies.append(accuracy(holdout.features @ model, holdout.targets))
    return float(np.mean(errors)), float(np.mean(accuracies))


@pytest.mark.shared
@pytest.mark.parametrize(("n_samples", "weights"), MIXTURES)
def test_forecast_agrees_with_models_trained_on_digits(
    digits: Digits, n_samples: tuple[int, int], weights: tuple[float, float]
) -> None:
    told = forecast(pool_at_hand(digits), n_samples=n_samples, weights=weights, ridge=RIDGE)
    error, share = trained(digits, n_samples, weights)
    assert abs(told.test_error / error - 1) < CLOSE
    assert abs(forecast_measures(told)["accuracy"] - share) < CLOSE


@pytest.mark.shared
def test_forecast_twin_with_shuffled_labels_fails_on_digits(digits: Digits) -> None:
    n_samples, weights = MIXTURES[1]
    told = forecast(pool_at_hand(digits, shuffled=True), n_samples=n_samples, weights=weights, ridge=RIDGE)
    assert abs(told.test_error / trained(digits, n_samples, weights)[0] - 1) > CLOSE
