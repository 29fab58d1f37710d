"""What does a two-layer network learn that is trained whole? Gradient descent, and the epoch that did best held out."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from modelcollapse.checks import Array
from modelcollapse.problems.image_training import Network
from modelcollapse.streams import stream
from modelcollapse.training.checkpoints import Checkpoints
from modelcollapse.training.gpt import drawn_from
from modelcollapse.training.loop import Recipe, Report, train
from modelcollapse.training.place import Place
from modelcollapse.training.random_features import Images

AT_ONCE = 10_000
"""Images whose outputs are computed together."""


class TwoLayers(nn.Module):
    """A two-layer ReLU network that remembers the weights that did best so far.

    They are buffers, so that checkpoints hold them as they hold the weights.

    Parameters
    ----------
    n_pixels, width, n_classes : int
    random : numpy Generator
        Of the first weights, PyTorch's own law for linear layers.
    """

    best: Tensor
    best_error: Tensor

    def __init__(self, *, n_pixels: int, width: int, n_classes: int, random: np.random.Generator) -> None:
        super().__init__()
        with drawn_from(random, torch.device("cpu")):
            self.layers = nn.Sequential(nn.Linear(n_pixels, width), nn.ReLU(), nn.Linear(width, n_classes))
        self.register_buffer("best", nn.utils.parameters_to_vector(self.parameters()).detach().clone())
        self.register_buffer("best_error", torch.tensor(torch.inf))

    def forward(self, images: Tensor) -> Tensor:
        """Return outputs (n, classes)."""
        outputs: Tensor = self.layers(images)
        return outputs

    @torch.no_grad()
    def look(self, images: Tensor, targets: Tensor) -> None:
        """Remember the weights if their error on held-out images is the smallest so far."""
        error = (self.layers(images) - targets).square().mean()
        if error < self.best_error:
            self.best_error.copy_(error)
            self.best.copy_(nn.utils.parameters_to_vector(self.parameters()))

    @torch.no_grad()
    def go_back(self) -> None:
        """Take the weights that did best."""
        nn.utils.vector_to_parameters(self.best, self.parameters())


class Epochs:
    """The objective: mean squared error over batches of a fresh permutation of the training set in every epoch.

    Images that do not fill a last batch are left out of that epoch.

    Parameters
    ----------
    images : ndarray (n, pixels)
    targets : ndarray (n, classes)
    batch_size : int
        Of smaller training sets all.
    seed : int
    names : tuple
        Of the stream of permutations.
    place : Place
    """

    def __init__(
        self, images: Images, targets: Array, *, batch_size: int, seed: int, names: tuple[str | int, ...], place: Place
    ) -> None:
        self._images = torch.from_numpy(images).to(place.device)
        self._targets = torch.from_numpy(targets.astype(np.float32)).to(place.device)
        self.units_per_step = min(batch_size, len(images))
        self.steps_per_epoch = len(images) // self.units_per_step
        small = self.units_per_step % place.count  # of several processes each then does it all, for the same mean
        self._share = slice(None) if small else place.share(self.units_per_step)

        @lru_cache(maxsize=1)
        def order(epoch: int) -> NDArray[np.int64]:
            return stream(seed, *names, epoch).permutation(len(images))

        self._order = order

    def loss(self, model: nn.Module, step: int) -> Tensor:
        """Return the mean squared error over this process's part of a batch, and over classes."""
        epoch, batch = divmod(step, self.steps_per_epoch)
        size = self.units_per_step
        rows = torch.from_numpy(self._order(epoch)[batch * size : (batch + 1) * size][self._share])
        rows = rows.to(self._images.device)
        return nn.functional.mse_loss(model(self._images[rows]), self._targets[rows])


def train_network(
    images: Images,
    targets: Array,
    *,
    width: int,
    how: Network,
    seed: int,
    names: tuple[str | int, ...],
    place: Place,
    checkpoints: Checkpoints | None = None,
    report: Report | None = None,
) -> TwoLayers:
    """Train a two-layer network, and return it as it was after the epoch that did best on held-out training images.

    Parameters
    ----------
    images : ndarray (n, pixels)
        In random order: the last ones are held out.
    targets : ndarray (n, classes)
    width : int
    how : Network
        Its epochs, batches, learning rate and held-out share.
    seed : int
    names : tuple
        Of the streams of weights and batches.
    place : Place
    checkpoints, report : optional
        As for `modelcollapse.training.loop.train`.

    Notes
    -----
    The loss is the mean over classes and images, the learning rate constant, momentum and weight decay none. Held-out
    images carry the labels of the training set, synthetic ones among them.
    """
    n_held = max(1, round(how.held_out_share * len(images)))
    random = stream(seed, *names, "weights")
    model = TwoLayers(n_pixels=images.shape[1], width=width, n_classes=targets.shape[1], random=random)
    objective = Epochs(
        images[:-n_held],
        targets[:-n_held],
        batch_size=how.batch_size,
        seed=seed,
        names=(*names, "batches"),
        place=place,
    )
    held_images = torch.from_numpy(images[-n_held:]).to(place.device)
    held_targets = torch.from_numpy(targets[-n_held:].astype(np.float32)).to(place.device)

    def after_step(step: int) -> None:
        if step % objective.steps_per_epoch == 0:
            model.look(held_images, held_targets)

    recipe = Recipe(
        n_steps=how.epochs * objective.steps_per_epoch,
        optimiser=lambda module: torch.optim.SGD(module.parameters(), lr=how.learning_rate),
        learning_rate=lambda step: how.learning_rate,
    )
    train(model, objective, recipe=recipe, place=place, checkpoints=checkpoints, report=report, after_step=after_step)
    model.go_back()
    return model


@torch.no_grad()
def network_outputs(model: TwoLayers, images: Images, *, place: Place) -> Array:
    """Return the outputs of a network on images, (n, classes)."""
    model = model.to(place.device)
    parts = [
        model(torch.from_numpy(images[start : start + AT_ONCE]).to(place.device)).cpu()
        for start in range(0, len(images), AT_ONCE)
    ]
    outputs: Array = torch.cat(parts).double().numpy()
    return outputs
