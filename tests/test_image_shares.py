"""Does every image of an experiment serve what it is for, and is each label where it belongs?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelcollapse.problems.training_files import training_from_dict

pytestmark = pytest.mark.torch
pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'modelcollapse[train]'")

from modelcollapse.experiments import image_forecasts, image_labellers  # noqa: E402
from modelcollapse.experiments.image_files import LabelledImages, read_images  # noqa: E402
from modelcollapse.experiments.image_findings import numbers_of  # noqa: E402
from modelcollapse.experiments.image_shares import share_out, synthetic_places, training_set  # noqa: E402
from modelcollapse.experiments.run_folder import RunFolder  # noqa: E402
from modelcollapse.training.place import Place  # noqa: E402

PLACE = Place("cpu")
TINY = {
    "data": {"n_test": 200, "n_pool": 150},
    "labellers": [{"name": "weak", "n_train": 30}],
    "random_features": {"widths": [50], "ridges": [1e-4, 1e-2]},
    "network": {"widths": [10], "epochs": 3},
    "synthetic_fraction": [0.5],
    "n_samples": [40],
    "n_replicates": 2,
}


@pytest.fixture(scope="module")
def described() -> Any:
    """Return an experiment and its shares of images."""
    experiment: Any = training_from_dict("images", TINY)
    return experiment, share_out(read_images(experiment.data), experiment)


def test_models_below_their_band_are_outside_of_it() -> None:
    measured = {("a",): [{"test_error": 0.5}, {"test_error": 1.0}]}
    forecasts = {("a",): {"forecast": 1.2, "forecast_low": 0.9, "forecast_high": 1.5}}
    assert numbers_of(measured, forecasts)["forecast/within_band"] == 0.5


def test_replicates_draw_other_training_sets(described: Any) -> None:
    first, other = (training_set(described[1], n_samples=40, replicate=r, seed=0).rows.tolist() for r in (0, 1))
    assert set(first) != set(other)


def test_labellers_learn_from_their_own_images_and_add_noise_to_what_they_say(
    described: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, shares = described
    seen: list[Any] = []
    monkeypatch.setattr(image_labellers, "train_network", lambda pixels, labels, **_: seen.append((pixels, labels)))
    monkeypatch.setattr(image_labellers, "network_outputs", lambda model, pixels, **_: np.zeros((len(pixels), 10)))
    labeller = replace(experiment.labellers[0], noise_sd=0.5)
    folder = RunFolder(tmp_path / "run", experiment, place=PLACE, resume=False)
    found = image_labellers.labels_of(labeller, shares, experiment, folder=folder, place=PLACE, report=lambda _: None)
    np.testing.assert_array_equal(seen[0][0], shares.pixels[shares.labelling[:30]])
    np.testing.assert_array_equal(seen[0][1], shares.labels[shares.labelling[:30]])
    n = found.size
    assert abs(found.std() - 0.5) < 5 * 0.5 / (2 * n) ** 0.5  # sees 2 %
    assert abs(found.mean()) < 5 * 0.5 / n**0.5


def test_test_images_are_those_of_the_test_set_where_there_is_one() -> None:
    experiment = training_from_dict("images", {**TINY, "data": {"n_test": 20, "n_pool": 50}})
    pixels = np.zeros((400, 4), dtype=np.float32)
    shares = share_out(LabelledImages(pixels, np.arange(400) % 10, 10, 100), experiment)
    assert len(shares.test) == len(set(shares.test.tolist())) == 20
    assert shares.test.min() >= 300
    others = (shares.real_pool, shares.synthetic_pool, shares.labelling, shares.training)
    assert max(each.max() for each in others) < 300


def test_synthetic_labels_are_spread_evenly_so_that_the_part_held_out_has_its_share() -> None:
    assert sum(place >= 90 for place in synthetic_places(100, 0.5)) == 5


def test_pool_has_synthetic_labels_on_other_images(described: Any) -> None:
    _, shares = described
    labels = np.random.default_rng(0).random(shares.labels.shape)
    seen: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image_forecasts, "pool_of", lambda sources, **_: seen.extend(sources))
        image_forecasts.pool_for("weak", shares, {"weak": labels}, width=20, seed=0)
    np.testing.assert_array_equal(seen[0].targets, shares.labels[shares.real_pool])
    np.testing.assert_array_equal(seen[1].targets, labels[shares.synthetic_pool])
