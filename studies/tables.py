"""Which real data is studied? Inputs and labels of each table, bundled with scikit-learn or read from a folder."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_sample_image

from modelcollapse.streams import stream

Table = tuple[pd.DataFrame, NDArray[Any]]
"""Inputs with one column per variable, and labels (n,)."""


def digits(folder: Path | None) -> Table:
    """Return 1,797 handwritten digits of 64 pixels (bundled)."""
    images, labels = load_digits(return_X_y=True)
    return _frame(images), labels.astype(np.int64)


def diabetes(folder: Path | None) -> Table:
    """Return 442 patients, ten measurements each, and the progression of their disease (bundled)."""
    data = load_diabetes(scaled=False)
    return pd.DataFrame(data.data, columns=list(data.feature_names)), data.target.astype(np.float64)


def cancer(folder: Path | None) -> Table:
    """Return 569 tumours, thirty measurements each, benign or malignant (bundled)."""
    data = load_breast_cancer()
    return pd.DataFrame(data.data, columns=list(data.feature_names)), data.target.astype(np.int64)


def photograph(folder: Path | None) -> Table:
    """Return 40,000 places of a photograph (bundled): the grey value there, and 40 pixels two or three steps away."""
    grey = load_sample_image("china.jpg").mean(axis=2) / 255.0
    windows = np.lib.stride_tricks.sliding_window_view(grey, (7, 7)).reshape(-1, 49)
    distance = np.abs(np.indices((7, 7)) - 3).max(axis=0).ravel()
    places = stream(0, "photograph").choice(len(windows), size=40_000, replace=False)
    return _frame(windows[places][:, distance >= 2]), windows[places, 24]


def mnist(folder: Path | None) -> Table:
    """Return 70,000 handwritten digits of 784 pixels in [0, 1], from `folder`/mnist."""
    images, labels = [], []
    for part in ("train", "t10k"):
        images.append(_idx(_required(folder, f"mnist/{part}-images-idx3-ubyte.gz"), header=16).reshape(-1, 784))
        labels.append(_idx(_required(folder, f"mnist/{part}-labels-idx1-ubyte.gz"), header=8))
    return _frame(np.concatenate(images) / 255.0), np.concatenate(labels).astype(np.int64)


def housing(folder: Path | None) -> Table:
    """Return 20,640 Californian districts and their median house value in 100,000 dollars, from `folder`."""
    frame = pd.read_csv(_required(folder, "california_housing/housing.csv"))
    return frame.drop(columns="median_house_value"), frame["median_house_value"].to_numpy(np.float64) / 1e5


def _frame(inputs: NDArray[np.float64]) -> pd.DataFrame:
    return pd.DataFrame(inputs, columns=[f"x{k}" for k in range(inputs.shape[1])], copy=False)


def _idx(path: Path, *, header: int) -> NDArray[np.uint8]:
    return np.frombuffer(gzip.decompress(path.read_bytes()), dtype=np.uint8, offset=header)


def _required(folder: Path | None, name: str) -> Path:
    if folder is None or not (folder / name).is_file():
        raise FileNotFoundError(f"`--data` must be a folder that holds {name}; got {folder}.")
    return folder / name
