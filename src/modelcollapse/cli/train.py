"""What happens to networks trained on it? Trains images, text or arithmetic on real and synthetic data."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from modelcollapse.cli._output import print_json


class World(StrEnum):
    """What is learned."""

    images = "images"
    text = "text"
    arithmetic = "arithmetic"


class Device(StrEnum):
    """Where networks are trained."""

    cpu = "cpu"
    cuda = "cuda"


def command(
    world: Annotated[World, typer.Argument(help="What is learned.", show_default=False)],
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="Description of the experiment, TOML or JSON.", show_default=False)
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the run; by default the name of CONFIG with -run.", show_default=False),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what the folder holds.")] = False,
    device: Annotated[
        Device | None, typer.Option(help="Where to train; by default a GPU if there is one.", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
) -> None:
    """Train networks on real and synthetic data, in mixtures or over generations, and measure what collapses.

    Everything that is finished is kept in the folder of the run, and models that are not have checkpoints there: killed
    at any moment, the run goes on with --resume and ends with the same numbers.
    """
    from modelcollapse.cli._progress import Line
    from modelcollapse.cli._training_view import print_training, write_picture_of
    from modelcollapse.experiments.kinds import shown, train

    folder = out if out is not None else Path(f"{config.stem}-run")
    with Line() as line:
        result = train(
            world.value,
            config,
            out=folder,
            resume=resume,
            device=None if device is None else device.value,
            watch=line.show,
        )
    if os.environ.get("RANK", "0") != "0":
        return  # of several processes the first one speaks
    write_picture_of(result, folder)
    if json:
        print_json(result.to_dict())
    else:
        print_training(result, folder, shown=shown(world.value))
