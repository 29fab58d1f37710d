"""Does the forecast hold on real images? Handwritten digits, labels of a weak classifier, models trained afresh."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from modelcollapse.checks import Array
from modelcollapse.decisions.forecast import forecast
from modelcollapse.decisions.measures import accuracy, forecast_measures
from modelcollapse.decisions.plug_in import plug_in_error
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
RIDGE = 1e-3
N_IMAGES = 30_000
N_WEAK = 300  # images at the end that teach the weak classifier
N_MODELS = 4
N_POOL = 3_000  # of each source
FIRST_FRESH = 3000 + 2 * N_POOL  # earlier images are held out or in the pool
N_FEATURES = 300
CLOSE, CLOSE_ACCURACY = 0.015, 0.01
"""Largest medians over the mixtures of |forecast/measured − 1|, and of |forecast − measured| accuracy; both on the same
held-out images."""


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
    view = stream(0, "view").standard_normal((784, N_FEATURES)) / np.sqrt(784)
    features = np.column_stack([(pixels - pixels.mean(axis=0)) @ view, np.ones(len(pixels))])
    weak = train([LabelledRows(features[-N_WEAK:], labels[-N_WEAK:])], weights=(1.0,), ridge=RIDGE)
    return Digits(features, labels, np.eye(10)[(features @ weak).argmax(axis=1)])


def pool_at_hand(digits: Digits, *, labels: Literal["weak", "shuffled", "true"] = "weak") -> Pool:
    """Return real and weakly labelled images; or, wrongly, with weak labels of other images or with true labels."""
    images = 3000 + np.arange(2 * N_POOL)
    sources = [digits.rows(images[:N_POOL], synthetic=False), digits.rows(images[N_POOL:], synthetic=labels != "true")]
    if labels == "shuffled":
        sources[1] = replace(sources[1], targets=stream(0, "shuffled").permutation(sources[1].targets))
    return pool_of(sources, holdout=digits.rows(np.arange(3000), synthetic=False))


def trained(digits: Digits, n_samples: tuple[int, int], weights: tuple[float, float]) -> tuple[float, float]:
    """Return the mean held-out error and accuracy of models trained on images that the pool does not hold."""
    holdout = digits.rows(np.arange(3000), synthetic=False)
    errors, accuracies = [], []
    for i in range(N_MODELS):
        fresh = FIRST_FRESH + stream(0, "digits", i).permutation(N_IMAGES - N_WEAK - FIRST_FRESH)
        parts = np.split(fresh[: sum(n_samples)], n_samples[:1])
        rows = [digits.rows(images, synthetic=k == 1) for k, images in enumerate(parts)]
        model = train(rows, weights=weights, ridge=RIDGE)
        errors.append(squared_error(model, holdout))
        accuracies.append(accuracy(holdout.features @ model, holdout.targets))
    return float(np.mean(errors)), float(np.mean(accuracies))


@pytest.fixture(scope="module")
def measured(digits: Digits) -> Array:
    """Mean error and accuracy of trained models, one row per mixture."""
    return np.array([trained(digits, n_samples, weights) for n_samples, weights in MIXTURES])


def forecasts(pool: Pool) -> Array:
    """Error and accuracy that are forecast, one row per mixture."""
    told = [forecast(pool, n_samples=n_samples, weights=weights, ridge=RIDGE) for n_samples, weights in MIXTURES]
    return np.array([(answer.test_error, forecast_measures(answer)["accuracy"]) for answer in told])


def error_deviation(told: Array, measured: Array) -> float:
    return float(np.median(np.abs(told / measured - 1)))


def accuracy_deviation(told: Array, measured: Array) -> float:
    return float(np.median(np.abs(told - measured)))


@pytest.mark.shared
def test_forecast_agrees_with_models_trained_on_digits(digits: Digits, measured: Array) -> None:
    told = forecasts(pool_at_hand(digits))
    assert error_deviation(told[:, 0], measured[:, 0]) <= CLOSE
    assert accuracy_deviation(told[:, 1], measured[:, 1]) <= CLOSE_ACCURACY


@pytest.mark.shared
def test_forecast_twin_without_the_pool_correction_fails_on_digits(digits: Digits, measured: Array) -> None:
    pool = pool_at_hand(digits)
    told = [plug_in_error(pool, n_samples=n_samples, weights=weights, ridge=RIDGE) for n_samples, weights in MIXTURES]
    assert error_deviation(np.array(told), measured[:, 0]) > CLOSE


@pytest.mark.shared
def test_forecast_twin_with_shuffled_labels_fails_on_digits(digits: Digits, measured: Array) -> None:
    """Errors only: labels torn from their images shrink the outputs, and leave most of their order."""
    told = forecasts(pool_at_hand(digits, labels="shuffled"))
    assert error_deviation(told[:, 0], measured[:, 0]) > CLOSE


@pytest.mark.shared
def test_forecast_twin_that_takes_weak_labels_for_true_fails_on_digits(digits: Digits, measured: Array) -> None:
    told = forecasts(pool_at_hand(digits, labels="true"))
    assert error_deviation(told[:, 0], measured[:, 0]) > CLOSE
    assert accuracy_deviation(told[:, 1], measured[:, 1]) > CLOSE_ACCURACY
