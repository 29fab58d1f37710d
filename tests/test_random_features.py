"""Are random features fitted exactly, block by block, in either form and in little memory?"""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from modelcollapse import InputError
from modelcollapse.streams import stream

pytestmark = pytest.mark.torch
torch: Any = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'modelcollapse[train]'")

from modelcollapse.training import random_features  # noqa: E402
from modelcollapse.training.random_features import FirstLayer, coordinates, fit_random_features  # noqa: E402

RIDGES = (1e-4, 1e-2)
N_PIXELS = 30
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make blocks small, so that there are several."""
    monkeypatch.setattr(random_features, "BLOCK", 32)


def data(n: int, *, name: str = "train") -> tuple[Any, Any]:
    """Return images, and three columns of labels that are no linear function of them."""
    random = stream(3, name)
    images = random.random((n, N_PIXELS), dtype=np.float32)
    labels = np.stack([np.sin(4 * images[:, k]) + images[:, k + 1] * images[:, k + 2] for k in range(3)], axis=1)
    return images, labels.astype(np.float64)


def by_scikit_learn(layer: FirstLayer, ridge: float, *, n: int) -> tuple[Any, Any]:
    """Return outputs on test images and training errors of scikit-learn on explicit features."""
    images, labels = data(n)
    features = layer.features(images).astype(np.float64)
    model = Ridge(alpha=n * ridge, fit_intercept=False, solver="cholesky").fit(features, labels)
    tests = layer.features(data(50, name="test")[0]).astype(np.float64)
    return model.predict(tests), np.mean((model.predict(features) - labels) ** 2, axis=0)


def fitted(layer: FirstLayer, *, n: int) -> random_features.RidgeFits:
    images, labels = data(n)
    return fit_random_features(
        images, labels, test_images=data(50, name="test")[0], layer=layer, ridges=RIDGES, device=CPU
    )


@pytest.mark.parametrize("width", [40, 300], ids=["primal", "dual"])
def test_random_features_are_ridge_regression_on_explicit_features(width: int) -> None:
    layer = FirstLayer(width, 0, ("layer",))
    fits = fitted(layer, n=100)
    for r, ridge in enumerate(RIDGES):
        outputs, training_error = by_scikit_learn(layer, ridge, n=100)
        np.testing.assert_allclose(fits.outputs[r], outputs, atol=1e-4)
        np.testing.assert_allclose(fits.training_error[r], training_error, rtol=1e-3)


@pytest.mark.parametrize("width", [40, 300], ids=["primal", "dual"])
def test_random_features_differ_from_ridge_with_a_wrong_scale(width: int) -> None:
    """The twin: alpha = ridge in place of n·ridge is seen."""
    layer = FirstLayer(width, 0, ("layer",))
    outputs, _ = by_scikit_learn(layer, RIDGES[1] / 100, n=100)
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(fitted(layer, n=100).outputs[1], outputs, atol=1e-4)


def test_random_features_do_not_depend_on_what_else_is_asked() -> None:
    layer = FirstLayer(300, 0, ("layer",))
    images, labels = data(100)
    tests = data(50, name="test")[0]
    alone = fit_random_features(images, labels[:, :1], test_images=tests, layer=layer, ridges=RIDGES[1:], device=CPU)
    np.testing.assert_allclose(alone.outputs[0, :, 0], fitted(layer, n=100).outputs[1, :, 0], atol=1e-9)


def test_random_features_of_another_seed_are_others() -> None:
    images = data(5)[0]
    first, again, other = (FirstLayer(64, seed, ("layer",)).features(images) for seed in (0, 0, 1))
    assert (first == again).all()
    assert not (first == other).any(where=(first > 0) & (other > 0))


def test_features_have_the_law_that_is_promised() -> None:
    """E z² = ‖x‖²/(2 d width) for W of N(0, 1/d) entries, over 200,000 features."""
    images = data(3)[0]
    squares = FirstLayer(200_000, 0, ("law",)).features(images).astype(np.float64) ** 2 * 200_000
    expected = np.sum(images.astype(np.float64) ** 2, axis=1) / (2 * N_PIXELS)
    stderr = squares.std(axis=1) / np.sqrt(squares.shape[1])
    assert (np.abs(squares.mean(axis=1) - expected) < 5 * stderr).all()
    assert not (np.abs(squares.mean(axis=1) - 1.05 * expected) < 5 * stderr).all()


@pytest.mark.parametrize("width", [40, 300], ids=["features", "rows"])
def test_coordinates_have_the_inner_products_of_the_features(width: int) -> None:
    layer = FirstLayer(width, 0, ("layer",))
    images, others = data(60)[0], data(20, name="test")[0]
    within, across = coordinates(images, others, layer=layer)
    full, far = layer.features(images).astype(np.float64), layer.features(others).astype(np.float64)
    np.testing.assert_allclose(within @ within.T, full @ full.T, atol=1e-6)
    np.testing.assert_allclose(across @ within.T, far @ full.T, atol=1e-6)
    assert within.shape[1] <= min(60, width)


def test_random_features_hold_one_block_at_a_time() -> None:
    """What is drawn is seen by tracemalloc: the weights of a block, and not those of all 20,000 features."""
    images, labels = data(30)
    layer = FirstLayer(20_000, 0, ("wide",))
    tracemalloc.start()
    fit_random_features(images, labels, test_images=images, layer=layer, ridges=RIDGES, device=CPU)
    blocks = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    stream(0, "whole").standard_normal((N_PIXELS, 20_000), dtype=np.float32)
    whole = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert blocks < whole / 5


def test_blocks_are_never_larger_than_asked() -> None:
    layer = FirstLayer(100, 0, ("layer",))
    shapes = [tuple(block.shape) for block in layer.blocks(torch.from_numpy(data(7)[0]))]
    assert shapes == [(7, 32), (7, 32), (7, 32), (7, 4)]


def test_ridge_below_the_precision_of_features_is_refused() -> None:
    images = np.repeat(data(2)[0], 50, axis=0)
    with pytest.raises(InputError, match="larger ridge"):
        fit_random_features(
            images * 1e3,
            np.ones((100, 1)),
            test_images=images,
            layer=FirstLayer(300, 0, ("layer",)),
            ridges=(1e-18,),
            device=CPU,
        )
