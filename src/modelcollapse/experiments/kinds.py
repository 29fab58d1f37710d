"""Which experiments are there? One row for each kind of network and data; the command and the studies look here."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from modelcollapse.checks import choice
from modelcollapse.problems.training_files import WORLDS, load_training
from modelcollapse.result import TrainingResult
from modelcollapse.training.extra import require_train


class Watch(Protocol):
    """What is told how far an experiment is."""

    def __call__(self, words: str, *, share: float | None = None) -> None:
        """Say what is being done, and the share of it that is done."""
        ...


def train(
    world: str,
    experiment: Any,
    *,
    out: str | Path,
    resume: bool = False,
    device: str | None = None,
    watch: Watch | None = None,
) -> TrainingResult:
    """Run a training experiment and return what it measured.

    Parameters
    ----------
    world : str
        ``"images"``, ``"text"`` or ``"arithmetic"``.
    experiment : ImageTraining, TextTraining or ArithmeticTraining, or path
        A description, or the file that holds one.
    out : path
        Folder of the run: its settings, what is done, checkpoints of the rest, the result.
    resume : bool
        Go on with what the folder holds.
    device : str, optional
        ``"cpu"`` or ``"cuda"``. Default: the GPU, if there is one.
    watch : callable, optional
        Told how far it is.

    Raises
    ------
    InputError
        When the description or the folder cannot be used.
    MissingExtraError
        When the packages that train networks are not installed.
    """
    require_train()
    name = choice("world", world, WORLDS)
    described = load_training(name, experiment) if isinstance(experiment, str | Path) else experiment
    from modelcollapse.experiments.run_folder import RunFolder
    from modelcollapse.training.place import Place

    place = Place(device)
    folder = RunFolder(out, described, place=place, resume=resume)
    home = import_module(f"modelcollapse.experiments.{name}")
    speaks = watch if watch is not None and place.is_main else _silent
    result: TrainingResult = home.run(described, folder=folder, place=place, watch=speaks)
    folder.write_result(result)
    return result


def shown(world: str) -> tuple[str, ...]:
    """Return the quantities that a table of an experiment shows, most telling first."""
    names: tuple[str, ...] = import_module(f"modelcollapse.experiments.{world}").SHOWN
    return names


def _silent(words: str, *, share: float | None = None) -> None:
    """Say nothing."""
