"""Are images read from every format, and damaged files refused with one line?"""

from __future__ import annotations

import gzip
import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from modelcollapse import InputError
from modelcollapse.experiments.image_files import read_images
from modelcollapse.problems.image_training import ImageData
from modelcollapse.problems.training_files import training_from_dict

PIXELS = (np.arange(20 * 6) % 251).astype(np.uint8).reshape(20, 2, 3)
CODES = (np.arange(20) % 4).astype(np.uint8)
IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def read(path: Path) -> Any:
    return read_images(ImageData(path=path, n_test=2, n_pool=10))


def idx(array: Any) -> bytes:
    return struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_idx(folder: Path, *, packed: bool) -> Path:
    for name, array in zip(IDX, (PIXELS, CODES, PIXELS[:8], CODES[:8]), strict=True):
        content = gzip.compress(idx(array)) if packed else idx(array)
        (folder / f"{name}{'.gz' if packed else ''}").write_bytes(content)
    return folder


def check(found: Any, *, n_test: int | None = None) -> None:
    np.testing.assert_allclose(found.pixels[:20], PIXELS.reshape(20, 6) / PIXELS.max(), rtol=1e-6)
    assert found.pixels.dtype == np.float32
    assert found.codes[:20].tolist() == CODES.tolist()
    assert (found.n_classes, found.n_test) == (4, n_test)


@pytest.mark.parametrize("packed", [False, True])
def test_images_of_idx_files(packed: bool, tmp_path: Path) -> None:
    found = read(write_idx(tmp_path, packed=packed))
    check(found, n_test=8)
    assert len(found.pixels) == 28


@pytest.mark.parametrize("names", [("X", "y"), ("images", "labels")])
def test_images_of_npz(names: tuple[str, str], tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **{names[0]: PIXELS, names[1]: CODES})
    check(read(tmp_path / "a.npz"))


def test_images_of_npz_with_one_hot_labels_and_names(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=PIXELS, y=np.eye(4)[CODES])
    check(read(tmp_path / "a.npz"))
    np.savez(tmp_path / "a.npz", X=PIXELS, y=np.array(["cat", "dog", "eel", "fox"])[CODES])
    check(read(tmp_path / "a.npz"))


def test_images_of_parquet_with_a_column_for_each_pixel(tmp_path: Path) -> None:
    pd.DataFrame(PIXELS.reshape(20, 6)).rename(columns=str).assign(label=CODES).to_parquet(tmp_path / "a.parquet")
    check(read(tmp_path / "a.parquet"))


def test_images_of_parquet_with_pictures(tmp_path: Path) -> None:
    pictures = []
    for pixels in PIXELS:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, format="PNG")
        pictures.append({"bytes": file.getvalue(), "path": None})
    pd.DataFrame({"image": pictures, "label": CODES}).to_parquet(tmp_path / "a.parquet")
    check(read(tmp_path / "a.parquet"))
    pictures[3] = {"bytes": b"no picture", "path": None}
    pd.DataFrame({"image": pictures, "label": CODES}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError, match="picture 4 cannot be read"):
        read(tmp_path / "a.parquet")


def test_images_of_a_named_data_set(monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip(
        "datasets", reason="datasets is not installed: pip install 'modelcollapse[datasets]'"
    )
    sizes = {"train": 20, "test": 8}

    def load(name: str, *, split: str) -> Any:
        if name != "somebody/digits":
            raise FileNotFoundError(f"no {name}")
        n = sizes[split]
        pictures = [Image.fromarray(pixels) for pixels in PIXELS[:n]]
        return datasets.Dataset.from_dict({"image": pictures, "label": CODES[:n]})

    monkeypatch.setattr(datasets, "load_dataset", load)
    check(read_images(ImageData(dataset="somebody/digits", n_test=2, n_pool=10)), n_test=8)
    with pytest.raises(InputError, match="'nobody/digits' cannot be loaded: no nobody/digits"):
        read_images(ImageData(dataset="nobody/digits", n_test=2, n_pool=10))


def test_digits_are_there_without_a_file() -> None:
    found = read_images(ImageData(n_test=2, n_pool=10))
    assert found.pixels.shape == (1797, 64)
    assert (found.pixels.min(), found.pixels.max(), found.n_classes) == (0, 1, 10)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda content: content[:-5], "damaged, or no gzip"),
        (lambda content: b"\x1f\x8b" + content[40:], "damaged, or no gzip"),
        (lambda content: gzip.compress(idx(PIXELS)[:-7]), "truncated"),
        (lambda content: gzip.compress(b"\0\0\x0d\x01" + bytes(40)), "no idx file of bytes"),
        (lambda content: gzip.compress(b"\0\0\x08\x03\0"), "no idx file of bytes"),
        (lambda content: gzip.compress(b""), "no idx file of bytes"),
        (lambda content: gzip.compress(idx(PIXELS[:15])), "15 images need as many labels"),
    ],
)
def test_damaged_idx_file_is_refused(damage: Any, words: str, tmp_path: Path) -> None:
    file = write_idx(tmp_path, packed=True) / f"{IDX[0]}.gz"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(InputError, match=words) as caught:
        read(tmp_path)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_missing_idx_file_is_named(tmp_path: Path) -> None:
    (write_idx(tmp_path, packed=False) / IDX[3]).unlink()
    with pytest.raises(InputError, match="holds no t10k-labels-idx1-ubyte"):
        training_from_dict("images", {"data": {"path": str(tmp_path)}})


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"X": PIXELS, "y": np.zeros(20)}, "1 different labels"),
        ({"X": PIXELS, "y": np.arange(20)}, "20 different labels"),
        ({"X": PIXELS * np.nan, "y": CODES}, "missing or not finite"),
        ({"X": PIXELS, "y": np.where(CODES == 1, np.nan, CODES)}, "missing or not finite"),
        ({"X": PIXELS - 1.0, "y": CODES}, "at least 0"),
        ({"X": PIXELS * 0, "y": CODES}, "not all 0"),
        ({"X": PIXELS[:19], "y": CODES}, "19 images need as many labels"),
        ({"X": PIXELS.ravel(), "y": CODES}, "one row each"),
        ({"X": PIXELS.astype(str), "y": CODES}, "must be numbers"),
        ({"Z": PIXELS, "y": CODES}, "none of images, X, image is there"),
        ({"X": PIXELS}, "none of labels, y, label is there"),
    ],
)
def test_images_that_cannot_be_used_are_refused(arrays: dict[str, Any], words: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(InputError, match=words) as caught:
        read(tmp_path / "a.npz")
    assert "damaged" not in str(caught.value)


def test_columns_that_are_no_pixels_are_named(tmp_path: Path) -> None:
    frame = pd.DataFrame({"label": CODES, "p0": CODES, "p1": CODES, "taken by": "me"})
    frame.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError, match="taken by: no numbers"):
        read(tmp_path / "a.parquet")


@pytest.mark.parametrize("name", ["a.npz", "a.parquet"])
def test_damaged_file_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04 nothing of the kind")
    with pytest.raises(InputError) as caught:
        read(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=np.array([{}] * 20, dtype=object), y=CODES)
    with pytest.raises(InputError, match=r"a\.npz: damaged"):
        read(tmp_path / "a.npz")


def test_unknown_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    with pytest.raises(InputError, match="idx files"):
        read(tmp_path / "a.csv")


def test_mnist_is_read_as_it_is_known() -> None:
    folder = Path(__file__).parent.parent.parent / "shared" / "data" / "mnist"
    if not folder.is_dir():
        pytest.skip(f"{folder.name} is not at hand")
    found = read(folder)
    assert (found.pixels.shape, found.n_test) == ((70_000, 784), 10_000)
    assert found.codes[:5].tolist() == [5, 0, 4, 1, 9]
    assert found.pixels[:60_000].mean(dtype=np.float64) == pytest.approx(0.1307, abs=1e-4)
