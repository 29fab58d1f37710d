"""Which images are there? Digits, idx files, NPZ, Parquet or a named data set: pixels in [0, 1], and class codes."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from modelcollapse.errors import InputError, MissingExtraError
from modelcollapse.estimation.readers import read_frame
from modelcollapse.problems.image_training import ImageData, idx_files

IMAGES, LABELS = ("images", "X", "image"), ("labels", "y", "label")
"""Names under which files hold them."""
FEWEST_CLASSES = 2


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Images and what they show.

    Attributes
    ----------
    pixels : ndarray (n, pixels), float32
        In [0, 1]: divided by the largest of all.
    codes : ndarray (n,), int64
        In [0, n_classes).
    n_classes : int
    n_test : int or None
        How many of the images, the last ones, are a test set; None where there is none.
    """

    pixels: NDArray[np.float32]
    codes: NDArray[np.int64]
    n_classes: int
    n_test: int | None


def read_images(data: ImageData) -> LabelledImages:
    """Read the images that a description names.

    Raises
    ------
    InputError
        When a file is missing or damaged, images and labels do not fit, a pixel is missing or negative, or there is
        only one class.
    MissingExtraError
        When a named data set needs the `datasets` library and it is absent.
    """
    if data.dataset is not None:
        train, test = _named(data.dataset)
        return _checked([train, test], where=data.dataset)
    if data.path is None:
        from sklearn.datasets import load_digits

        return _checked([load_digits(return_X_y=True)], where="digits")
    if data.path.is_dir():
        files = idx_files(data.path)
        pairs = [(_idx(files[f"{part}_images"]), _idx(files[f"{part}_labels"])) for part in ("train", "test")]
        return _checked(pairs, where=str(data.path))
    reader = {".npz": _npz, ".parquet": _parquet}.get(data.path.suffix.lower())
    if reader is None:
        raise InputError(f"{data.path}: images come from a folder of idx files, from .npz or from .parquet.")
    return _checked([reader(data.path)], where=str(data.path))


def _checked(pairs: list[tuple[Any, Any]], *, where: str) -> LabelledImages:
    """Return training images, and test images if there are some, in one form."""
    pixels, labels = [], []
    for images, given in pairs:
        numbers = np.asarray(images)
        if numbers.dtype.kind not in "biuf" or numbers.ndim < 2 or not numbers.size:
            raise InputError(f"{where}: images must be numbers, one row each; got an array of shape {numbers.shape}.")
        names = np.asarray(given)
        if names.ndim == 2 and names.shape[1] > 1 and names.dtype.kind in "biuf":
            names = names.argmax(axis=1)
        if names.shape != (len(numbers),):
            raise InputError(f"{where}: {len(numbers):,} images need as many labels; got shape {names.shape}.")
        pixels.append(numbers.reshape(len(numbers), -1).astype(np.float32))
        labels.append(names)
    if len({part.shape[1] for part in pixels}) > 1:
        raise InputError(f"{where}: training and test images differ in size.")
    joined, named = np.concatenate(pixels), np.concatenate(labels)
    if not np.isfinite(joined).all() or pd.isna(named).any():
        raise InputError(f"{where}: a pixel or a label is missing or not finite. Repair or drop that image.")
    if joined.min() < 0 or joined.max() == 0:
        raise InputError(f"{where}: pixels must be at least 0 and not all 0; got {joined.min():g} to {joined.max():g}.")
    classes, codes = np.unique(named, return_inverse=True)
    if not FEWEST_CLASSES <= len(classes) <= len(named) // 2:
        raise InputError(f"{where}: {len(classes):,} different labels on {len(named):,} images are no set of classes.")
    n_test = len(labels[1]) if len(labels) > 1 else None
    return LabelledImages(joined / joined.max(), codes.astype(np.int64).reshape(-1), len(classes), n_test)


def _idx(path: Path) -> NDArray[Any]:
    """Return the array that an idx file of bytes holds."""
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: damaged, or no gzip file ({' '.join(str(error).split())}).") from None
    n_axes = content[3] if content[:3] == b"\0\0\x08" and len(content) > 3 else 0
    header = 4 + 4 * n_axes
    if not n_axes or len(content) < header:
        raise InputError(f"{path}: no idx file of bytes.")
    shape = tuple(np.frombuffer(content, ">u4", count=n_axes, offset=4).tolist())
    if len(content) != header + int(np.prod(shape)):
        raise InputError(f"{path}: truncated, or longer than its header says: {shape}.")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _npz(path: Path) -> tuple[Any, Any]:
    """Return the images and labels of an NPZ file."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            images, labels = (_known(names, archive.files, path) for names in (IMAGES, LABELS))
            return archive[images], archive[labels]
    except InputError:
        raise
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path}: damaged, or no NPZ file of plain arrays ({' '.join(str(error).split())}).") from None


def _parquet(path: Path) -> tuple[Any, Any]:
    """Return the images and labels of a Parquet file: PNG in a column, or a column for each pixel."""
    frame = read_frame(path)
    label = _known(LABELS, [str(name) for name in frame.columns], path)
    labels, rest = frame[label].to_numpy(), frame.drop(columns=label)
    if len(rest.columns) > 1:
        if words := [str(name) for name in rest.select_dtypes(exclude=["number", "bool"]).columns]:
            raise InputError(
                f"{path}: every column but the label is a pixel; {', '.join(words)}: no numbers. Drop them."
            )
        return rest.to_numpy(), labels
    return _pictures(rest.iloc[:, 0], where=str(path)), labels


def _known(names: tuple[str, ...], there: list[str], path: Path) -> str:
    """Return the one of some names that a file holds."""
    found = [name for name in names if name in there]
    if not found:
        raise InputError(f"{path}: none of {', '.join(names)} is there; it holds: {', '.join(there) or 'nothing'}.")
    return found[0]


def _pictures(column: Any, *, where: str) -> NDArray[np.uint8]:
    """Return encoded pictures, or those of the `datasets` library, as grey pixels."""
    from PIL import Image, UnidentifiedImageError

    pictures = []
    try:
        for item in column:
            content = item["bytes"] if isinstance(item, dict) else item
            picture = Image.open(io.BytesIO(content)) if isinstance(content, bytes) else content
            pictures.append(np.asarray(picture.convert("L")))
        return np.stack(pictures)
    except (UnidentifiedImageError, OSError, ValueError, AttributeError, KeyError):
        raise InputError(f"{where}: picture {len(pictures) + 1} cannot be read, or its size is another.") from None


def _named(name: str) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Return training and test images of a data set of the `datasets` library."""
    try:
        import datasets
    except ImportError:
        raise MissingExtraError(
            "images by name need the `datasets` library. Run: pip install 'modelcollapse[datasets]'."
        ) from None
    try:
        parts = [datasets.load_dataset(name, split=part) for part in ("train", "test")]
    except Exception as error:  # its errors are of many unrelated classes
        raise InputError(f"data set {name!r} cannot be loaded: {' '.join(str(error).split())[:160]}") from None
    for part in parts:
        if not {"image", "label"} <= set(part.column_names):
            raise InputError(f"data set {name!r} needs `image` and `label`; it has {', '.join(part.column_names)}.")
    train, test = ((_pictures(part["image"], where=name), np.asarray(part["label"])) for part in parts)
    return train, test
