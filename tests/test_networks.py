"""Are two-layer networks trained as promised: best epoch, same bits, also when they were stopped?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

pytestmark = pytest.mark.torch
torch: Any = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'modelcollapse[train]'")

from modelcollapse.problems.image_training import Network  # noqa: E402
from modelcollapse.training import networks  # noqa: E402
from modelcollapse.training.checkpoints import Checkpoints  # noqa: E402
from modelcollapse.training.networks import Epochs, TwoLayers, network_outputs, train_network  # noqa: E402
from modelcollapse.training.place import Place  # noqa: E402

HOW = Network(epochs=12, batch_size=32, learning_rate=0.5, held_out_share=0.2)


def digits(n: int) -> tuple[Any, Any]:
    images, codes = load_digits(return_X_y=True)
    return (images[:n] / 16).astype(np.float32), np.eye(10)[codes[:n]]


def trained(*, checkpoints: Checkpoints | None = None, report: Any = None, how: Network = HOW) -> TwoLayers:
    images, targets = digits(200)
    return train_network(
        images,
        targets,
        width=20,
        how=how,
        seed=0,
        names=("test",),
        place=Place("cpu"),
        checkpoints=checkpoints,
        report=report,
    )


class StoppedError(Exception):
    """The run was killed."""


@pytest.mark.parametrize("after", [7, 31, 55])
def test_network_that_was_stopped_ends_with_the_same_bits(after: int, tmp_path: Path, monkeypatch: Any) -> None:
    whole = trained()
    look, n_looks = TwoLayers.look, 0

    def counted(self: TwoLayers, images: Any, targets: Any) -> None:
        nonlocal n_looks
        look(self, images, targets)
        n_looks += 1
        if n_looks * 5 >= after:
            raise StoppedError

    monkeypatch.setattr(TwoLayers, "look", counted)
    with pytest.raises(StoppedError):
        trained(checkpoints=Checkpoints(tmp_path, seconds=0.0))
    monkeypatch.setattr(TwoLayers, "look", look)
    assert Checkpoints(tmp_path).latest() is not None
    resumed = trained(checkpoints=Checkpoints(tmp_path, seconds=0.0))
    for name, weights in whole.state_dict().items():
        assert torch.equal(weights, resumed.state_dict()[name]), name


def test_network_goes_back_to_the_epoch_that_did_best_held_out() -> None:
    errors: list[float] = []
    look = TwoLayers.look
    images, targets = digits(200)

    def noted(self: TwoLayers, held: Any, labels: Any) -> None:
        errors.append(float((self(held).detach() - labels).square().mean()))
        look(self, held, labels)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TwoLayers, "look", noted)
        model = trained(how=Network(epochs=60, batch_size=32, learning_rate=4.5, held_out_share=0.2))
    outputs = network_outputs(model, images[-40:], place=Place("cpu"))
    found = float(np.mean((outputs - targets[-40:]) ** 2))
    assert len(errors) == 60
    assert min(errors) < errors[-1]  # else the last epoch would do as well
    assert found == pytest.approx(min(errors), rel=1e-5)
    assert found != pytest.approx(errors[-1], rel=1e-5)


def test_network_learns_digits() -> None:
    images, targets = digits(1797)
    model = train_network(
        images[:600], targets[:600], width=50, how=Network(epochs=60), seed=0, names=("a",), place=Place("cpu")
    )
    right = network_outputs(model, images[600:], place=Place("cpu")).argmax(axis=1) == targets[600:].argmax(axis=1)
    assert right.mean() > 0.7  # by chance 0.1


def test_batches_of_an_epoch_hold_different_images_and_depend_on_the_step_alone() -> None:
    images = np.arange(70, dtype=np.float32)[:, None]
    objective = Epochs(images, images, batch_size=32, seed=0, names=("b",), place=Place("cpu"))
    seen: list[Any] = []

    class Eyes(torch.nn.Module):  # type: ignore[misc]
        def forward(self, batch: Any) -> Any:
            seen.append(batch[:, 0].tolist())
            return batch

    for step in (0, 1, 2, 0, 3):
        objective.loss(Eyes(), step)
    assert objective.steps_per_epoch == 2
    assert len({*seen[0], *seen[1]}) == 64
    assert seen[0] == seen[3]
    assert set(seen[2]) != set(seen[0])


def test_network_of_few_images_trains_on_all_of_them_at_once() -> None:
    images, targets = digits(10)
    objective = Epochs(images, targets, batch_size=128, seed=0, names=("b",), place=Place("cpu"))
    assert (objective.units_per_step, objective.steps_per_epoch) == (10, 1)


def test_images_that_choose_the_epoch_are_not_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    class Noted(networks.Epochs):
        def __init__(self, images: Any, targets: Any, **more: Any) -> None:
            seen.append(images[:, 0].tolist())
            super().__init__(images, targets, **more)

    monkeypatch.setattr(networks, "Epochs", Noted)
    images = np.arange(20, dtype=np.float32)[:, None]
    how = Network(epochs=1, held_out_share=0.25)
    networks.train_network(images, np.zeros((20, 2)), width=2, how=how, seed=0, names=("a",), place=Place("cpu"))
    assert seen == [list(range(15))]
