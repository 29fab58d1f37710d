"""What do synthetic labels do to networks on images? Models over fraction, size and width, and forecasts for them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelcollapse import __version__
from modelcollapse.checks import Array
from modelcollapse.digits import HALF_WIDTH_90
from modelcollapse.experiments.image_files import read_images
from modelcollapse.experiments.image_findings import COUNTS, findings_of, numbers_of
from modelcollapse.experiments.image_forecasts import forecasts_for
from modelcollapse.experiments.image_labellers import as_numbers, as_stderr, labels_of, quality_of
from modelcollapse.experiments.image_shares import (
    Shares,
    SyntheticLabels,
    TrainingSet,
    share_out,
    sources_of,
    training_set,
)
from modelcollapse.experiments.kinds import Watch
from modelcollapse.experiments.progress import told
from modelcollapse.experiments.run_folder import RunFolder
from modelcollapse.problems.image_training import REAL, ImageTraining
from modelcollapse.result import Status, TrainedPoint, TrainingResult
from modelcollapse.training.loop import Report
from modelcollapse.training.networks import network_outputs, train_network
from modelcollapse.training.place import Place
from modelcollapse.training.random_features import FirstLayer, fit_random_features

SHOWN = ("test_error", "forecast", "accuracy", "training_error")
SETTING = ("model", "labeller", "synthetic_fraction", "n_samples", "width", "ridge")
Setting = tuple[Any, ...]
"""Values under the names of `SETTING`."""

ASSUMPTIONS = (
    "real and synthetic labels are on different images of one kind",
    "errors are measured on one set of test images, the same for forecasts and measurements",
    "replicates draw from one set of images; standard errors allow for the share that two have in common",
    "forecasts are for ridge regression on random features of the same law, drawn anew",
)


def run(experiment: ImageTraining, *, folder: RunFolder, place: Place, watch: Watch) -> TrainingResult:
    """Train every model of the experiment, and lay the forecasts for random features over them.

    Raises
    ------
    InputError
        When the images cannot be read, or are too few.
    """
    shares = share_out(read_images(experiment.data), experiment)
    tasks = _Tasks(watch, n_tasks=_n_tasks(experiment))
    labellers = {labeller.name: labeller for labeller in experiment.labellers}
    synthetic: dict[str, Array] = {}
    numbers: dict[str, float] = {}
    stderr: dict[str, float] = {}
    for name, labeller in labellers.items():
        synthetic[name] = labels_of(labeller, shares, experiment, folder=folder, place=place, report=tasks.report)
        tasks.done(f"labeller {name}")
    for name, labeller in labellers.items():
        quality = quality_of(labeller, shares, synthetic, experiment, folder=folder)
        numbers |= as_numbers(quality, name=name)
        stderr |= as_stderr(quality, synthetic[name], shares, name=name)
        tasks.done(f"quality of {name}")
    models = _Models(experiment, shares, synthetic, folder, place, tasks)
    forecasts = dict(models.forecasts())
    measured: dict[Setting, list[dict[str, float]]] = defaultdict(list)
    for setting, values in models.measurements():
        measured[setting].append(values)
    agreement = numbers_of(measured, forecasts)
    numbers |= agreement
    stderr |= {name: 0.0 if name in COUNTS else math.nan for name in agreement}
    n_images = len(shares.training)
    points = tuple(
        _point(each, measured[each], forecasts.get(each, {}), n_images=n_images)
        for each in sorted(measured, key=_order)
    )
    return TrainingResult(
        world="images",
        points=points,
        numbers=numbers,
        stderr=stderr,
        findings=findings_of(points, numbers),
        status=Status.OK,
        engine="training",
        seed=experiment.seed,
        n_replicates=experiment.n_replicates,
        version=__version__,
        assumptions=ASSUMPTIONS if forecasts else ASSUMPTIONS[:-1],
    )


@dataclass
class _Tasks:
    """How many tasks there are, and how many are done."""

    watch: Watch
    n_tasks: int
    n_done: int = field(default=0)

    def done(self, what: str) -> None:
        """Say that a task is finished."""
        self.n_done += 1
        self.watch(f"{self.n_done:,} of {self.n_tasks:,}: {what}", share=self.n_done / self.n_tasks)

    def report(self, what: str) -> Report:
        """Return what tells of the steps of a network."""
        return told(self.watch, what, done=self.n_done, total=self.n_tasks, units="images")


def _n_tasks(experiment: ImageTraining) -> int:
    """Return how many tasks the experiment has."""
    widths, sources = len(experiment.random_features.widths), len(sources_of(experiment))
    cells = len(experiment.n_samples) * experiment.n_replicates
    n_forecasts = widths * (1 + len(experiment.labellers))
    networks = len(experiment.network.widths) * sources * cells
    return 2 * len(experiment.labellers) + n_forecasts + widths * cells + networks


@dataclass(frozen=True)
class _Models:
    """All models of an experiment: each is trained, or read again from the folder."""

    experiment: ImageTraining
    shares: Shares
    synthetic: SyntheticLabels
    folder: RunFolder
    place: Place
    tasks: _Tasks

    def forecasts(self) -> Iterator[tuple[Setting, dict[str, float]]]:
        """Yield the forecast for every setting of the random features."""
        fractions: dict[str | None, list[float]] = defaultdict(list)
        for source, fraction in sources_of(self.experiment):
            fractions[source].append(fraction)
        for width in self.experiment.random_features.widths:
            for source, several in fractions.items():
                for row in forecasts_for(
                    source,
                    self.shares,
                    self.synthetic,
                    width=width,
                    fractions=tuple(several),
                    experiment=self.experiment,
                    folder=self.folder,
                ):
                    where = row["synthetic_fraction"], row["n_samples"], width, row["ridge"]
                    values = {name: row[name] for name in ("forecast", "forecast_low", "forecast_high")}
                    yield ("random_features", source, *where), values
                self.tasks.done(f"forecasts for width {width:,}, {source or 'real labels'}")

    def measurements(self) -> Iterator[tuple[Setting, dict[str, float]]]:
        """Yield the measurements on every trained model."""
        experiment = self.experiment
        for replicate in range(experiment.n_replicates):
            for n_samples in experiment.n_samples:
                examples = training_set(self.shares, n_samples=n_samples, replicate=replicate, seed=experiment.seed)
                for width in experiment.random_features.widths:
                    for row in self._random_features(examples, width=width, replicate=replicate):
                        yield _as_setting("random_features", row, n_samples=n_samples, width=width)
                for width in experiment.network.widths:
                    for row in self._networks(examples, width=width, replicate=replicate):
                        yield _as_setting("network", row, n_samples=n_samples, width=width)

    def _random_features(self, examples: TrainingSet, *, width: int, replicate: int) -> list[dict[str, Any]]:
        """Return the measurements on random features with the labels of every source and fraction."""
        n_samples = len(examples.rows)
        task = f"random-features/{replicate}/width-{width}/n-{n_samples}"
        found = self.folder.outcome(task)
        if found is None:
            models = self._fitted(examples, width=width, replicate=replicate)
            found = self.folder.finish(task, {"models": models})
        self.tasks.done(f"random features, width {width:,}, {n_samples:,} samples")
        rows: list[dict[str, Any]] = found["models"]
        return rows

    def _fitted(self, examples: TrainingSet, *, width: int, replicate: int) -> list[dict[str, Any]]:
        """Fit random features to the labels of every source and fraction at once: their features are the same."""
        sources, ridges = sources_of(self.experiment), self.experiment.random_features.ridges
        fits = fit_random_features(
            examples.pixels,
            np.concatenate([self._labels(examples, *source) for source in sources], axis=1),
            test_images=self.shares.test_pixels,
            layer=FirstLayer(width, self.experiment.seed, ("first layer", replicate)),
            ridges=ridges,
            device=self.place.device,
        )
        n_classes = self.shares.labels.shape[1]
        models = []
        for r, ridge in enumerate(ridges):
            for k, (source, fraction) in enumerate(sources):
                columns = slice(k * n_classes, (k + 1) * n_classes)
                error, accuracy = self.shares.measured(fits.outputs[r][:, columns])
                training_error = float(fits.training_error[r, columns].sum())
                values = {"test_error": error, "accuracy": accuracy, "training_error": training_error}
                models.append({"labeller": source, "synthetic_fraction": fraction, "ridge": ridge, **values})
        return models

    def _networks(self, examples: TrainingSet, *, width: int, replicate: int) -> Iterator[dict[str, Any]]:
        """Yield the measurements on a network with the labels of each source and fraction."""
        n_samples = len(examples.rows)
        for source, fraction in sources_of(self.experiment):
            task = f"network/{replicate}/width-{width}/n-{n_samples}/{source or REAL}-{fraction:g}"
            found = self.folder.outcome(task)
            if found is None:
                labels = self._labels(examples, source, fraction)
                values = self._network(examples, labels, task=task, width=width, replicate=replicate)
                found = self.folder.finish(task, {"labeller": source, "synthetic_fraction": fraction, **values})
            self.tasks.done(f"network of width {width:,}, {n_samples:,} samples, {fraction:g} by {source or 'nobody'}")
            yield found

    def _network(
        self, examples: TrainingSet, labels: Array, *, task: str, width: int, replicate: int
    ) -> dict[str, float]:
        """Train a network whole and measure it."""
        model = train_network(
            examples.pixels,
            labels,
            width=width,
            how=self.experiment.network,
            seed=self.experiment.seed,
            names=("network", replicate, width, len(labels)),
            place=self.place,
            checkpoints=self.folder.checkpoints(task),
            report=self.tasks.report(task),
        )
        error, accuracy = self.shares.measured(network_outputs(model, self.shares.test_pixels, place=self.place))
        residuals = network_outputs(model, examples.pixels, place=self.place) - labels
        training_error = float(np.mean(np.sum(residuals**2, axis=1)))
        return {"test_error": error, "accuracy": accuracy, "training_error": training_error}

    def _labels(self, examples: TrainingSet, source: str | None, fraction: float) -> Array:
        """Return the labels of a training set with a fraction of one source's."""
        return examples.labels(None if source is None else self.synthetic[source], fraction)


def _as_setting(model: str, row: dict[str, Any], *, n_samples: int, width: int) -> tuple[Setting, dict[str, float]]:
    """Return setting and measurements of one trained model."""
    setting = (model, row["labeller"], row["synthetic_fraction"], n_samples, width, row.get("ridge"))
    return setting, {name: row[name] for name in ("test_error", "accuracy", "training_error")}


def _point(
    setting: Setting, models: list[dict[str, float]], forecast: dict[str, float], *, n_images: int
) -> TrainedPoint:
    """Return means over replicates with their standard errors, and the forecast beside them.

    Samples of n of the `n_images` for training share n/n_images of their images, so that replicates tell less than as
    many on new images would: standard errors are those of fewer.
    """
    values, stderr = dict(forecast), dict.fromkeys(forecast, math.nan)
    if forecast:
        stderr["forecast"] = (forecast["forecast_high"] - forecast["forecast_low"]) / (2 * HALF_WIDTH_90)
    shared = setting[SETTING.index("n_samples")] / n_images
    effective = 1.0 / (shared + (1.0 - shared) / len(models))
    for name in models[0]:
        numbers = np.array([model[name] for model in models])
        values[name] = float(numbers.mean())
        stderr[name] = float(numbers.std(ddof=1) / math.sqrt(effective)) if len(numbers) > 1 else math.nan
    named = {key: value for key, value in zip(SETTING, setting, strict=True) if value is not None}
    return TrainedPoint(setting=named, values=values, stderr=stderr, n_replicates=len(models))


def _order(setting: Setting) -> tuple[Any, ...]:
    """Return by what settings are put in order: model, width and ridge, then labeller, fraction and size."""
    model, labeller, fraction, n_samples, width, ridge = setting
    return (model != "random_features", width, ridge or 0.0, labeller or "", fraction, n_samples)
