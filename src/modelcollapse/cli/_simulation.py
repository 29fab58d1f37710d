"""How is the simulation run? The options that `solve` and `compare` share."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from modelcollapse.problems.schema import Problem

INTERRUPTED = 130
"""Exit code when Ctrl-C cut a simulation short: what there was is printed, and scripts stop, as shells expect."""


class Device(StrEnum):
    """What computes."""

    numpy = "numpy"
    cpu = "cpu"
    cuda = "cuda"


Seed = Annotated[
    int | None, typer.Option(min=0, help="Seed of the simulation; default: 0. The same seed gives the same numbers.")
]
NReplicates = Annotated[int | None, typer.Option(help="Draw so many replicates; default: as many as are needed.")]
RelativeStderr = Annotated[
    float | None,
    typer.Option(
        help="Stop at this standard error of the excess risk (of classes: the accuracy), relative to it; "
        "default: 0.005, of generations 0.01; to compare 0.002, of generations 0.005 (0.01 with curation)."
    ),
]
OnDevice = Annotated[
    Device | None,
    typer.Option("--device", help="NumPy, or PyTorch on cpu or cuda; default: numpy.", show_default=False),
]


def watched(problem: Problem) -> str:
    """Return the name of the quantity whose estimate is shown while a problem is simulated."""
    from modelcollapse.problems.classes import Classes
    from modelcollapse.problems.gaussian import GaussianChain
    from modelcollapse.problems.ngrams import NgramChain
    from modelcollapse.problems.schema import Chain
    from modelcollapse.problems.tails import ZipfTask

    if isinstance(problem, Classes):
        return "accuracy"
    if isinstance(problem, ZipfTask):
        return "test_error"
    if isinstance(problem, NgramChain):
        return "vocabulary"
    if isinstance(problem, GaussianChain):
        return "variance_ratio"
    return "squared_error" if isinstance(problem, Chain) else "excess_risk"


def settings(
    *, seed: int | None, n_replicates: int | None, relative_stderr: float | None, device: Device | None
) -> dict[str, Any]:
    """Return the arguments of the engine that were given, by name."""
    given = {
        "seed": seed,
        "n_replicates": n_replicates,
        "relative_stderr": relative_stderr,
        "device": device and device.value,
    }
    return {name: value for name, value in given.items() if value is not None}
