"""Do synthetic labels stop networks on images from learning more? Digits and MNIST, forecast and trained."""

from __future__ import annotations

import json
import math
import multiprocessing
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from modelcollapse.cli._picture import write_picture
from modelcollapse.digits import number_text, share_text
from modelcollapse.experiments.image_files import read_images
from modelcollapse.experiments.kinds import train
from modelcollapse.figures.image_training import DESCRIPTION, draw_image_training, image_training_data
from modelcollapse.problems.image_training import ImageData
from modelcollapse.problems.training_files import training_from_dict
from modelcollapse.result import TrainedPoint, TrainingResult
from modelcollapse.training.random_features import FirstLayer, fit_random_features

PICTURES = Path(__file__).parent.parent / "docs" / "images"
N_POOL, N_TEST = 1000, 2000
FEATURES = {"widths": [5000], "ridges": [3e-6]}
LABELLER = {"name": "net-200", "n_train": 200, "width": 500}
SEEDS = (1, 2, 3, 4, 5)
"""Of further runs on the digits, random features only."""
WIDE = {"width": 100_000, "n_samples": 2000, "n_test": 1000, "ridges": (1e-6, 1e-5)}


def mnist_features(folder: Path) -> dict[str, Any]:
    """Return random features over fraction and size, one labeller."""
    return {
        "data": {"path": str(folder), "n_pool": N_POOL, "n_test": N_TEST},
        "labellers": [LABELLER],
        "random_features": FEATURES,
        "network": {"widths": [], "epochs": 400},
        "synthetic_fraction": [0.02, 0.1, 0.2, 0.5, 0.9],
        "n_samples": [200, 500, 1250, 3000, 5000],
        "n_replicates": 5,
    }


def mnist_labellers(folder: Path) -> dict[str, Any]:
    """Return the ablation: five labellers, from poor to good."""
    several = [{"name": f"net-{n}", "n_train": n, "width": 500} for n in (50, 200, 1000, 5000)]
    kernel = {"name": "features-5000", "n_train": 5000, "width": 5000, "model": "random_features", "ridge": 3e-6}
    return {
        "data": {"path": str(folder), "n_pool": N_POOL, "n_test": N_TEST},
        "labellers": [*several, {**kernel, "noise_sd": 0.0}],
        "random_features": FEATURES,
        "network": {"widths": [], "epochs": 200},
        "synthetic_fraction": [0.2, 0.5],
        "n_samples": [500, 3000],
        "n_replicates": 3,
    }


def mnist_networks(folder: Path) -> dict[str, Any]:
    """Return networks trained whole."""
    return {
        "data": {"path": str(folder), "n_pool": N_POOL, "n_test": N_TEST},
        "labellers": [LABELLER],
        "random_features": {"widths": [], "ridges": FEATURES["ridges"]},
        "network": {"widths": [500], "epochs": 100},
        "synthetic_fraction": [0.1, 0.5, 0.9],
        "n_samples": [300, 1000, 3000],
        "n_replicates": 3,
    }


EXPERIMENTS = {
    "digits": ("The 1,797 bundled digits: the preset `small`", lambda folder: {"preset": "small"}),
    "mnist-features": ("MNIST: 5,000 random features", mnist_features),
    "mnist-labellers": ("MNIST: labellers from poor to good", mnist_labellers),
    "mnist-networks": ("MNIST: networks trained whole", mnist_networks),
}


def run(data: Path | None, work: Path) -> str:
    """Run or resume the experiments, and return the section."""
    torch.set_num_threads(1)
    parts = [HEAD.strip()]
    for name, (title, describe) in EXPERIMENTS.items():
        if name != "digits" and data is None:
            continue
        experiment = training_from_dict("images", describe((data or Path()) / "mnist"))
        folder = work / name
        result = train("images", experiment, out=folder, resume=folder.exists(), device="cpu", watch=_say(name))
        figure = draw_image_training(image_training_data(result))
        write_picture(figure, PICTURES / f"training-images-{name}.svg", name=name, description=DESCRIPTION)
        parts.append(_section(title, name, result))
        if name == "digits":
            parts.append(_other_seeds(work))
    if data is not None:
        parts.append(_wide_section(_wide(data / "mnist", work / "wide.json")))
    return "\n\n".join([*parts, LIMITS.strip()])


HEAD = """
### What trained models show

Written by `python -m studies.training images --data FOLDER`, where the folder holds `mnist` with its four idx files;
without it only the digits are trained. The band of a forecast is the 90 % band for one trained model that an audit
prints, with nothing added for the random features being drawn anew; a plateau is a curve whose end surely falls less
than half as fast as that of real labels alone, over all curves of an experiment together. The slope is −Δ ln error / Δ
ln n over the last two sizes. All forecasts of one experiment are read from one pool, so that they are off together.
"""

LIMITS = """
**What this scale does not show.** How far forecasts from pools of this size are off, the medians above say. At one
fixed ridge even real labels alone fall ever more slowly: a small slope is not yet a floor, and floors at few synthetic
labels take more images than were tried. The sizes of the paper (100,000 features on 10,000 images, networks on 50,000)
were not trained. Standard errors are over weights and samples of one set of images, and allow for the share that two
samples have in common; at the largest size of the digits, nearly the whole set, they show how weights scatter, not how
other images would. There is one test set, and one draw of every labeller.
"""


def _other_seeds(work: Path) -> str:
    """Return how forecasts for random features did on the digits with other seeds: other pools and images."""
    lines = ["| seed | median of measured/forecast | median error | models within their band |", "|" + "---|" * 4]
    for seed in SEEDS:
        described = {"preset": "small", "seed": seed, "network": {"widths": []}}
        name = f"digits-seed-{seed}"
        folder = work / name
        experiment = training_from_dict("images", described)
        found = train("images", experiment, out=folder, resume=folder.exists(), device="cpu", watch=_say(name)).numbers
        ratio, error, inside = (found[f"forecast/{key}"] for key in ("median_ratio", "median_error", "within_band"))
        lines.append(f"| {seed} | {ratio:.3f} | {share_text(error)} | {share_text(inside)} |")
    return "\n".join(["The same random features with other seeds:", "", *lines])


def _section(title: str, name: str, result: TrainingResult) -> str:
    """Return an experiment's tables, findings and picture."""
    lines = [f"#### {title}", "", f"![{title}](images/training-images-{name}.svg)", ""]
    lines += [f"- {finding}" for finding in result.findings]
    lines += ["", *_table(result.points)]
    return "\n".join(lines)


def _table(points: Sequence[TrainedPoint]) -> list[str]:
    """Return a row for each model, labeller and fraction: error at each size, forecast below, and slope."""
    curves: dict[tuple[Any, ...], list[TrainedPoint]] = {}
    for point in points:
        key = tuple(point.setting.get(name) for name in ("model", "labeller", "synthetic_fraction"))
        curves.setdefault(key, []).append(point)
    sizes = sorted({point.setting["n_samples"] for point in points})
    head = ["model", "labeller", "synthetic", *(f"n = {size:,}" for size in sizes), "slope at the end"]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for (model, labeller, fraction), curve in curves.items():
        cells = [_cell(point) for point in curve]
        name = model.replace("_", " ")
        lines.append(f"| {' | '.join([name, labeller or '–', f'{fraction:g}', *cells, _slope(curve)])} |")
    return [
        *lines,
        "",
        "Squared test error summed over classes ± standard error; in brackets the forecast, for random features.",
    ]


def _cell(point: TrainedPoint) -> str:
    forecast = point.values.get("forecast", math.nan)
    told = f" ({forecast:.3f})" if math.isfinite(forecast) else ""
    return number_text(point.values["test_error"], point.stderr["test_error"]) + told


def _slope(curve: Sequence[TrainedPoint]) -> str:
    first, last = curve[-2], curve[-1]
    width = math.log(last.setting["n_samples"] / first.setting["n_samples"])
    slope = math.log(first.values["test_error"] / last.values["test_error"]) / width
    stderr = math.hypot(*(each.stderr["test_error"] / each.values["test_error"] for each in (first, last))) / width
    return number_text(slope, stderr)


def _wide(folder: Path, file: Path) -> dict[str, float]:
    """Time the paper's width in a process of its own, which holds nothing else."""
    if not file.exists():
        n, m = WIDE["n_samples"], WIDE["n_test"]
        images = read_images(ImageData(path=folder, n_test=2, n_pool=10))
        rows = np.concatenate([np.arange(n), np.arange(len(images.pixels) - m, len(images.pixels))])
        labels = np.eye(images.n_classes)[images.codes[rows]]
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found = pool.apply(_time_wide, (images.pixels[rows], labels))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(found))
    found = json.loads(file.read_text())
    return {str(key): float(value) for key, value in found.items()}


def _time_wide(pixels: Any, labels: Any) -> dict[str, float]:
    """Fit 100,000 random features exactly; return seconds, memory before and at its most (MiB), and the test error."""
    torch.set_num_threads(2)
    n, before = WIDE["n_samples"], _memory()
    started = time.monotonic()
    fits = fit_random_features(
        pixels[:n],
        labels[:n],
        test_images=pixels[n:],
        layer=FirstLayer(WIDE["width"], 0, ("wide",)),
        ridges=WIDE["ridges"],
        device=torch.device("cpu"),
    )
    seconds = time.monotonic() - started
    error = float(np.mean(np.sum((fits.outputs[0] - labels[n:]) ** 2, axis=1)))
    return {"seconds": seconds, "before": before, "after": _memory(), "test_error": error}


def _memory() -> float:
    """Return the most memory that this process has held so far, in MiB, as Linux tells it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def _wide_section(found: dict[str, float]) -> str:
    """Return a sentence on the paper's width."""
    whole = WIDE["width"] * (WIDE["n_samples"] + WIDE["n_test"]) * 4 / 2**20
    memory = found["after"] - found["before"]
    width, n, m = (f"{WIDE[name]:,}" for name in ("width", "n_samples", "n_test"))
    return (
        f"#### {width} features\n\nOne exact fit of {width} random features to {n} images of MNIST, at "
        f"{len(WIDE['ridges'])} ridges, with outputs on {m} others: {found['seconds']:.0f} s on two cores shared with "
        f"other work, and {memory:,.0f} MiB of memory beyond the images and the libraries (all features at once would "
        f"take {whole:,.0f} MiB). The test error at ridge {WIDE['ridges'][0]:g} is {found['test_error']:.3f}."
    )


def _say(name: str) -> Any:
    def say(words: str, *, share: float | None = None) -> None:
        print(f"{name}: {words}", flush=True)

    return say
