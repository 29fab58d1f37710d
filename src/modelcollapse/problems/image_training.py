"""What is asked of networks on images? Real labels and those of labellers, mixed at several fractions and sizes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from modelcollapse.checks import choice, fail, integer, number
from modelcollapse.errors import InputError

MODELS = ("random_features", "network")
REAL = "real"
"""What tasks with real labels are called: no labeller may be."""
IDX_NAMES = {
    "train_images": "train-images",
    "train_labels": "train-labels",
    "test_images": "t10k-images",
    "test_labels": "t10k-labels",
}
"""What the four files of a folder in MNIST's format hold, and how their names begin."""


@dataclass(frozen=True, kw_only=True)
class ImageData:
    """Labelled images, and how many of them are set aside. Without `path` and `dataset`: scikit-learn's 1,797 digits.

    Parameters
    ----------
    path : path, optional
        A folder with the four idx files of MNIST or Fashion-MNIST, gzipped or not; an .npz file with ``X`` and ``y`` or
        ``images`` and ``labels``; or a .parquet file with ``label`` and ``image`` (PNG) or a column for each pixel.
    dataset : str, optional
        Name of a data set of the `datasets` library, with ``image`` and ``label``.
    n_test : int
        Images on which every error is measured, at least 2: of the test set where there is one.
    n_pool : int
        Real images, and as many others for each labeller to label, from which forecasts are read; at least 10. No model
        is trained on them.

    Raises
    ------
    InputError
        When a value is out of range, or there are two sources of images.
    """

    path: Path | None = None
    dataset: str | None = None
    n_test: int
    n_pool: int

    def __post_init__(self) -> None:
        if self.path is not None and self.dataset is not None:
            raise InputError("images come from `path` or from `dataset`, not from both. Leave one out.")
        if self.path is not None:
            if not isinstance(self.path, str | Path):
                raise fail("path", self.path, "the name of a file or folder")
            object.__setattr__(self, "path", Path(self.path))
        if self.dataset is not None and not isinstance(self.dataset, str):
            raise fail("dataset", self.dataset, "the name of a data set")
        for name, low in (("n_test", 2), ("n_pool", 10)):
            object.__setattr__(self, name, integer(name, getattr(self, name), low=low))


@dataclass(frozen=True, kw_only=True)
class Labeller:
    """A model that is trained on few real images and labels others.

    Parameters
    ----------
    name : str
        Of letters, digits, ``-`` and ``_``; not ``"real"``.
    n_train : int
        Real images that it learns from, at least 2; no other model sees them.
    noise_sd : float
        Standard deviation of the Gaussian noise on each of its outputs, at least 0.
    model : str
        ``"network"`` or ``"random_features"``.
    width : int
        Of its hidden layer.
    ridge : float
        Of its second layer, for random features only; above 0.

    Raises
    ------
    InputError
        When a value is out of range.
    """

    name: str
    n_train: int
    noise_sd: float = 0.1
    model: str = "network"
    width: int = 200
    ridge: float = 1e-5

    def __post_init__(self) -> None:
        named = isinstance(self.name, str) and self.name.replace("-", "").replace("_", "").isalnum()
        if not named or self.name == REAL:
            raise fail("name", self.name, f"a word of letters, digits, - and _, and not `{REAL}`")
        choice("model", self.model, MODELS)
        for name, low in (("n_train", 2), ("width", 1)):
            object.__setattr__(self, name, integer(name, getattr(self, name), low=low))
        object.__setattr__(self, "noise_sd", number("noise_sd", self.noise_sd, low=0))
        object.__setattr__(self, "ridge", number("ridge", self.ridge, low=0, open_low=True))


@dataclass(frozen=True, kw_only=True)
class RandomFeatures:
    """Networks max(0, Wx) with a random first layer, whose second layer ridge regression solves exactly.

    Parameters
    ----------
    widths : tuple of int
        Features of each model; empty for none.
    ridges : tuple of float
        λ > 0 per sample, for features divided by the root of the width.

    Raises
    ------
    InputError
        When a value is out of range.
    """

    widths: tuple[int, ...] = ()
    ridges: tuple[float, ...] = (1e-5,)

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", _integers("widths", self.widths, empty=True))
        ridges = (number("ridges", value, low=0, open_low=True) for value in _several("ridges", self.ridges))
        object.__setattr__(self, "ridges", tuple(ridges))


@dataclass(frozen=True, kw_only=True)
class Network:
    """Two-layer networks trained whole: mean squared error of one-hot labels, stochastic gradient descent.

    Parameters
    ----------
    widths : tuple of int
        Hidden units of each model; empty for none.
    epochs : int
        Passes through the training set, at least 1; the best one on held-out training images counts.
    batch_size : int
    learning_rate : float
        Above 0.
    held_out_share : float
        Share of the training set that chooses the epoch, in (0, 0.5].

    Raises
    ------
    InputError
        When a value is out of range.
    """

    widths: tuple[int, ...] = ()
    epochs: int = 400
    batch_size: int = 128
    learning_rate: float = 0.1
    held_out_share: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", _integers("widths", self.widths, empty=True))
        for name in ("epochs", "batch_size"):
            object.__setattr__(self, name, integer(name, getattr(self, name), low=1))
        rate = number("learning_rate", self.learning_rate, low=0, open_low=True)
        object.__setattr__(self, "learning_rate", rate)
        share = number("held_out_share", self.held_out_share, low=0, high=0.5, open_low=True)
        object.__setattr__(self, "held_out_share", share)


@dataclass(frozen=True, kw_only=True)
class ImageTraining:
    """Networks on mixtures of images with real labels and other images with synthetic ones.

    Parameters
    ----------
    data : ImageData
    labellers : tuple of Labeller
        Sources of synthetic labels, at least one.
    random_features : RandomFeatures
    network : Network
    synthetic_fraction : tuple of float
        In [0, 1]; 0, real labels alone, is always among what is trained.
    n_samples : tuple of int
        Sizes of the training set, at least 4.
    n_replicates : int
        Trained models of each setting, with other weights and other samples of one set of images: large ones overlap.
    seed : int

    Raises
    ------
    InputError
        When a value is out of range, or nothing is to be trained.
    """

    data: ImageData
    labellers: tuple[Labeller, ...]
    random_features: RandomFeatures = field(default_factory=RandomFeatures)
    network: Network = field(default_factory=Network)
    synthetic_fraction: tuple[float, ...]
    n_samples: tuple[int, ...]
    n_replicates: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        given = _several("synthetic_fraction", self.synthetic_fraction)
        fractions = {0.0, *(number("synthetic_fraction", value, low=0, high=1) for value in given)}
        object.__setattr__(self, "synthetic_fraction", tuple(sorted(fractions)))
        object.__setattr__(self, "n_samples", _integers("n_samples", self.n_samples, low=4))
        for name, low in (("n_replicates", 1), ("seed", 0)):
            object.__setattr__(self, name, integer(name, getattr(self, name), low=low))
        names = [labeller.name for labeller in _several("labellers", self.labellers)]
        if len(set(names)) < len(names):
            raise InputError(f"`labellers` must have different names; got {', '.join(names)}.")
        if not self.random_features.widths and not self.network.widths:
            raise InputError("nothing is to be trained: give `widths` to `random_features` or to `network`.")

    def within(self, folder: Path) -> ImageTraining:
        """Return the experiment with data files found relative to a folder.

        Raises
        ------
        InputError
            When one is missing.
        """
        if self.data.path is None:
            return self
        found = replace(self, data=replace(self.data, path=folder / self.data.path))
        found.files()
        return found

    def files(self) -> dict[str, Path]:
        """Return the data files, by what they hold."""
        path = self.data.path
        if path is None:
            return {}
        if path.is_dir():
            return idx_files(path)
        if not path.is_file():
            raise InputError(f"{path}: no such file or folder.")
        return {"images": path}


def idx_files(folder: Path) -> dict[str, Path]:
    """Return the four files of a folder in MNIST's format, under the keys of `IDX_NAMES`.

    Raises
    ------
    InputError
        When one is missing.
    """
    found = {}
    for key, name in IDX_NAMES.items():
        kind = "idx3" if key.endswith("images") else "idx1"
        files = [folder / f"{name}{dot}{kind}-ubyte{gz}" for dot in "-." for gz in ("", ".gz")]
        there = [path for path in files if path.is_file()]
        if not there:
            raise InputError(f"{folder} holds no {name}-{kind}-ubyte nor {name}-{kind}-ubyte.gz.")
        found[key] = there[0]
    return found


def _several(what: str, values: Any) -> tuple[Any, ...]:
    """Return values as a tuple, or refuse what is none or empty."""
    if not isinstance(values, Iterable) or isinstance(values, str) or not (several := tuple(values)):
        raise fail(what, values, "a list of at least one value")
    return several


def _integers(what: str, values: Any, *, low: int = 1, empty: bool = False) -> tuple[int, ...]:
    """Return different whole numbers in ascending order."""
    several = () if empty and values == () else _several(what, values)
    return tuple(sorted({integer(what, value, low=low) for value in several}))


PRESETS: dict[str, dict[str, Any]] = {
    "small": {
        "data": {"n_test": 400, "n_pool": 320},
        "labellers": [{"name": "weak", "n_train": 50}, {"name": "better", "n_train": 200}],
        "random_features": {"widths": [1000], "ridges": [1e-5]},
        "network": {"widths": [200], "epochs": 400},
        "synthetic_fraction": [0.0, 0.1, 0.5, 0.9],
        "n_samples": [30, 60, 120, 250, 550],
        "n_replicates": 4,
        "seed": 0,
    },
    "paper": {
        "data": {"n_test": 10_000, "n_pool": 2000},
        "labellers": [{"name": "network", "n_train": 1000, "width": 2000}],
        "random_features": {"widths": [100_000], "ridges": [1e-6]},
        "network": {"widths": [2000], "epochs": 400},
        "synthetic_fraction": [0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.9],
        "n_samples": [100, 300, 1000, 3000, 10_000],
        "n_replicates": 5,
        "seed": 0,
    },
}
"""`paper`: sizes of Dohmatob, Feng, Subramonian and Kempe (2024), arXiv 2410.04840, section 4.1, for random features;
its networks saw up to 50,000 images. The labeller and the ridge, which it leaves open, are ours. MNIST itself is to be
named, by `path` or `dataset`."""
