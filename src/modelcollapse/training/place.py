"""Where does training run? A device, and this process among others that train the same model."""

from __future__ import annotations

import atexit
import os
import warnings
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

import torch
from accelerate import PartialState
from torch import nn

from modelcollapse.checks import choice
from modelcollapse.errors import InputError

DEVICES = ("cpu", "cuda")
T = TypeVar("T")


class Place:
    """A device and a process; started by `accelerate launch`, one of several that share every batch.

    Parameters
    ----------
    device : str, optional
        ``"cpu"`` or ``"cuda"``. Default: the GPU, if there is one.

    Attributes
    ----------
    device : torch.device
    index, count : int
        Of this process, and of all.

    Raises
    ------
    InputError
        When there is no such device.
    """

    def __init__(self, device: str | None = None) -> None:
        if device is None:
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if choice("device", device, DEVICES) == "cuda" and not torch.cuda.is_available():
            raise InputError("`device` = cuda: PyTorch sees no GPU. Use cpu, or install a build of PyTorch for GPUs.")
        self.index, self.count = 0, 1
        self._state: Any = None
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            self._state = PartialState(cpu=device == "cpu")
            self.index, self.count = self._state.process_index, self._state.num_processes
            atexit.register(_leave)
        self.device = torch.device(device) if self._state is None else self._state.device

    @classmethod
    def alone(cls, device: torch.device) -> Place:
        """Return the place of one process on any device of PyTorch, whatever other processes there are."""
        place = cls.__new__(cls)
        place.index, place.count, place._state, place.device = 0, 1, None, device
        return place

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.index == 0

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self._state is not None:
            self._state.wait_for_everyone()

    def share(self, n_items: int) -> slice:
        """Return which items of a batch are this process's.

        Raises
        ------
        InputError
            When the batch cannot be shared out equally.
        """
        if n_items % self.count:
            raise InputError(
                f"a batch of {n_items} cannot be shared out equally among {self.count} processes. Use a multiple."
            )
        each = n_items // self.count
        return slice(self.index * each, (self.index + 1) * each)

    def prepare(self, model: nn.Module) -> nn.Module:
        """Return the model to train: on the device, its gradients averaged over the processes."""
        model = model.to(self.device)
        if self.count == 1:
            return model
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return nn.parallel.DistributedDataParallel(model)

    def mean(self, value: torch.Tensor) -> torch.Tensor:
        """Return the mean over processes of a tensor."""
        if self.count == 1:
            return value
        total = value.clone()
        torch.distributed.all_reduce(total)
        return total / self.count

    def agreed(self, value: T) -> T:
        """Return, in every process, the value that the first one has."""
        if self.count == 1:
            return value
        values = [value]
        torch.distributed.broadcast_object_list(values, src=0)
        return values[0]

    def precision(self, name: str) -> AbstractContextManager[Any]:
        """Return the context in which a model is run with a precision of `modelcollapse.problems.training`."""
        if name == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    def generator(self, numbers: Any) -> torch.Generator:
        """Return a generator of random numbers on the device, grown from one of NumPy."""
        return torch.Generator(self.device).manual_seed(int(numbers.integers(2**63)))


def _leave() -> None:
    """Part from the other processes before Python ends: PyTorch may abort it otherwise."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
