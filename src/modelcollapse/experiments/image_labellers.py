"""How good are the labels that others give? Labellers trained on few images, their test error, their measured c²."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from modelcollapse.checks import Array
from modelcollapse.decisions.differences import label_quality
from modelcollapse.digits import HALF_WIDTH_90
from modelcollapse.experiments.image_forecasts import pool_for
from modelcollapse.experiments.image_shares import Shares, SyntheticLabels
from modelcollapse.experiments.run_folder import RunFolder
from modelcollapse.problems.image_training import ImageTraining, Labeller
from modelcollapse.streams import stream
from modelcollapse.training.loop import Report
from modelcollapse.training.networks import network_outputs, train_network
from modelcollapse.training.place import Place
from modelcollapse.training.random_features import FirstLayer, fit_random_features

QUALITY_WIDTH = 1000
"""Least width of the random features on which label rules are compared."""
COARSER = 10.0 ** np.arange(5)
"""Ridges at which label rules are compared, over the smallest of the models: the first at which the pool can tell."""

Reporter = Callable[[str], Report]
"""Makes what is told of the training of one model."""


@dataclass(frozen=True)
class LabellerQuality:
    """How good a labeller is, measured in two ways.

    Attributes
    ----------
    test_error, accuracy : float
        Of its labels, noise included, on the test images against the real labels; the error summed over classes.
    quality, quality_low, quality_high : float
        c², the mean squared difference between what random features learn from endless labels of its and from endless
        real ones, with a 90 % interval; NaN where the pool is too small to tell.
    quality_ridge : float
        λ at which both were learned: strong ones leave little of either, and of their difference.
    """

    test_error: float
    accuracy: float
    quality: float
    quality_low: float
    quality_high: float
    quality_ridge: float


def labels_of(
    labeller: Labeller, shares: Shares, experiment: ImageTraining, *, folder: RunFolder, place: Place, report: Reporter
) -> Array:
    """Return the labels of a labeller for every image, (n, classes); trained unless the folder holds it."""
    task = f"labeller/{labeller.name}"
    if folder.outcome(task) is None:
        outputs = _outputs(labeller, shares, experiment, folder=folder, place=place, report=report(task))
        noise = stream(experiment.seed, "label noise", labeller.name).standard_normal(outputs.shape)
        outputs = outputs + labeller.noise_sd * noise
        error, accuracy = shares.measured(outputs[shares.test])
        folder.finish(task, {"test_error": error, "accuracy": accuracy}, arrays={"labels": outputs.astype(np.float32)})
    labels: Array = folder.arrays(task)["labels"].astype(np.float64)
    return labels


def quality_of(
    labeller: Labeller, shares: Shares, synthetic: SyntheticLabels, experiment: ImageTraining, *, folder: RunFolder
) -> LabellerQuality:
    """Measure the labels of a labeller as an audit does, on random features of the widest model, and directly."""
    task = f"quality/{labeller.name}"
    found = folder.outcome(task)
    if found is None:
        found = folder.finish(task, _measured_quality(labeller, shares, synthetic, experiment))
    direct = folder.outcome(f"labeller/{labeller.name}") or {}
    numbers = {name: np.nan if value is None else value for name, value in (direct | found).items()}
    return LabellerQuality(**numbers)


def _measured_quality(
    labeller: Labeller, shares: Shares, synthetic: SyntheticLabels, experiment: ImageTraining
) -> dict[str, Any]:
    """Return c² and its interval; NaN where the pool cannot tell."""
    width = max((*experiment.random_features.widths, QUALITY_WIDTH))
    pool = pool_for(labeller.name, shares, synthetic, width=width, seed=experiment.seed)
    for ridge in min(experiment.random_features.ridges) * COARSER:
        with threadpool_limits(limits=1):
            found = label_quality(pool, source=1, ridge=float(ridge), seed=experiment.seed)
        if found is not None:
            low, high = found.interval
            return {"quality": found.value, "quality_low": low, "quality_high": high, "quality_ridge": float(ridge)}
    return dict.fromkeys(("quality", "quality_low", "quality_high", "quality_ridge"), np.nan)


def _outputs(
    labeller: Labeller, shares: Shares, experiment: ImageTraining, *, folder: RunFolder, place: Place, report: Report
) -> Array:
    """Train a labeller and return its outputs on every image."""
    rows = shares.labelling[: labeller.n_train]
    images, labels = shares.pixels[rows], shares.labels[rows]
    names = ("labeller", labeller.name)
    if labeller.model == "random_features":
        layer = FirstLayer(labeller.width, experiment.seed, names)
        ridges = (labeller.ridge,)
        fits = fit_random_features(
            images, labels, test_images=shares.pixels, layer=layer, ridges=ridges, device=place.device
        )
        outputs: Array = fits.outputs[0]
        return outputs
    model = train_network(
        images,
        labels,
        width=labeller.width,
        how=experiment.network,
        seed=experiment.seed,
        names=names,
        place=place,
        checkpoints=folder.checkpoints("labeller/" + labeller.name),
        report=report,
    )
    return network_outputs(model, shares.pixels, place=place)


def as_numbers(quality: LabellerQuality, *, name: str) -> dict[str, float]:
    """Return the numbers of a labeller under names that tell it from others."""
    return {f"labeller/{name}/{key}": value for key, value in asdict(quality).items()}


def as_stderr(quality: LabellerQuality, labels: Array, shares: Shares, *, name: str) -> dict[str, float]:
    """Return standard errors under the names of `as_numbers`: over test images, and by the interval of c².

    The ends of that interval have none: NaN.
    """
    errors = np.sum((labels[shares.test] - shares.test_labels) ** 2, axis=1)
    known = {
        "test_error": float(errors.std(ddof=1) / math.sqrt(len(errors))),
        "accuracy": math.sqrt(quality.accuracy * (1.0 - quality.accuracy) / len(errors)),
        "quality": (quality.quality_high - quality.quality_low) / (2 * HALF_WIDTH_90),
        "quality_ridge": 0.0,
    }
    return {f"labeller/{name}/{key}": known.get(key, math.nan) for key in asdict(quality)}
