"""Which image serves what? Test, forecast, labellers and training share no image; labels of each source for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array
from modelcollapse.errors import InputError
from modelcollapse.estimation.labels import one_hot_rows
from modelcollapse.experiments.image_files import LabelledImages
from modelcollapse.problems.image_training import ImageTraining
from modelcollapse.streams import stream

Rows = NDArray[np.int64]
SyntheticLabels = Mapping[str, Array]
"""Labels of every image (n, n_classes) by each labeller."""


@dataclass(frozen=True, eq=False)
class Shares:
    """The images of an experiment, and which of them serve what.

    Attributes
    ----------
    pixels : ndarray (n, pixels)
    labels : ndarray (n, n_classes)
        One-hot.
    test, real_pool, synthetic_pool, labelling, training : ndarray of int
        Disjoint row numbers, in random order. Labellers learn from the first of `labelling`.
    """

    pixels: NDArray[np.float32]
    labels: Array
    test: Rows
    real_pool: Rows
    synthetic_pool: Rows
    labelling: Rows
    training: Rows

    @property
    def test_pixels(self) -> NDArray[np.float32]:
        """Pixels of the test images."""
        return self.pixels[self.test]

    @property
    def test_labels(self) -> Array:
        """One-hot labels of the test images."""
        return self.labels[self.test]

    def measured(self, outputs: Array) -> tuple[float, float]:
        """Return the squared error of outputs on the test images, summed over classes, and the accuracy."""
        error = float(np.mean(np.sum((outputs - self.test_labels) ** 2, axis=1)))
        return error, float(np.mean(outputs.argmax(axis=1) == self.test_labels.argmax(axis=1)))


def share_out(images: LabelledImages, experiment: ImageTraining) -> Shares:
    """Decide at random which image serves what.

    Raises
    ------
    InputError
        When there are too few images.
    """
    data = experiment.data
    n = len(images.pixels)
    first_test = n if images.n_test is None else n - images.n_test
    order = stream(experiment.seed, "images").permutation(first_test)
    test = order[: data.n_test]
    if images.n_test is None:
        order = order[data.n_test :]
    else:
        test = first_test + stream(experiment.seed, "test images").permutation(images.n_test)[: data.n_test]
    n_labelling = max(labeller.n_train for labeller in experiment.labellers)
    sizes = np.cumsum([data.n_pool, data.n_pool, n_labelling])
    real_pool, synthetic_pool, labelling, training = np.split(order, sizes)
    most = experiment.n_samples[-1]
    if len(test) < data.n_test or len(training) < most:
        raise InputError(
            f"{n:,} images are too few: {data.n_test:,} to test, twice {data.n_pool:,} to forecast from and "
            f"{n_labelling:,} for the labellers leave {len(training):,} of the {most:,} that `n_samples` asks for."
        )
    return Shares(
        pixels=images.pixels,
        labels=one_hot_rows(images.codes, images.n_classes),
        test=test,
        real_pool=real_pool,
        synthetic_pool=synthetic_pool,
        labelling=labelling,
        training=training,
    )


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """The training set of one replicate and size: the same images for every source and fraction.

    Attributes
    ----------
    rows : ndarray (n,)
    shares : Shares
    """

    rows: Rows
    shares: Shares

    @property
    def pixels(self) -> NDArray[np.float32]:
        """Pixels (n, pixels)."""
        return self.shares.pixels[self.rows]

    def labels(self, synthetic: Array | None, fraction: float) -> Array:
        """Return one-hot labels, of the given fraction of images the synthetic ones, (n, classes).

        Parameters
        ----------
        synthetic : ndarray (all images, classes), optional
        fraction : float
        """
        labels = self.shares.labels[self.rows]
        chosen = np.zeros(len(self.rows), dtype=bool)
        chosen[synthetic_places(len(self.rows), fraction)] = True
        if synthetic is not None:
            labels[chosen] = synthetic[self.rows[chosen]]
        return labels


def synthetic_places(n_samples: int, fraction: float) -> Rows:
    """Return which of some samples are synthetic, spread evenly, so that every part of a training set has its share.

    Examples
    --------
    >>> synthetic_places(10, 0.3)
    array([1, 5, 8])
    """
    n_synthetic = n_synthetic_of(n_samples, fraction)
    return np.asarray((np.arange(n_synthetic) + 0.5) * n_samples / max(1, n_synthetic), dtype=np.int64)


def n_synthetic_of(n_samples: int, fraction: float) -> int:
    """Return how many of some samples are synthetic."""
    return round(fraction * n_samples)


def training_set(shares: Shares, *, n_samples: int, replicate: int, seed: int) -> TrainingSet:
    """Draw the training set of a replicate; smaller ones are part of larger ones."""
    order = stream(seed, "training images", replicate).permutation(shares.training)
    return TrainingSet(order[:n_samples], shares)


def sources_of(experiment: ImageTraining) -> list[tuple[str | None, float]]:
    """Return every labeller, by name, with every fraction of its labels; None, real labels alone, first and once."""
    mixed = [fraction for fraction in experiment.synthetic_fraction if fraction > 0]
    return [(None, 0.0), *((labeller.name, fraction) for labeller in experiment.labellers for fraction in mixed)]
