"""What do people read of a training experiment? A row for each setting, then what was found and where it is kept."""

from __future__ import annotations

import math
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelcollapse.cli._output import cell
from modelcollapse.digits import rough_text

if TYPE_CHECKING:
    from rich.table import Table

    from modelcollapse.result import TrainedPoint, TrainingResult

FIGURES = {"images": "image_training", "text": "text_training", "arithmetic": "arithmetic_training"}
"""Module of `figures` for each kind of experiment; it has ``<name>_data`` and ``draw_<name>``."""


def print_training(result: TrainingResult, folder: Path, *, shown: tuple[str, ...]) -> None:
    """Print the numbers named in `shown` of every setting, the findings, and how it went."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    if same := _same(result):
        console.print(", ".join(f"{key}: {_setting(value)}" for key, value in same.items()), soft_wrap=True)
    console.print(_by_setting(result, shown, width=console.width))
    for name, value in result.numbers.items():
        console.print(f"{name}: {_number(value, result.stderr.get(name, 0.0))}", soft_wrap=True)
    for finding in result.findings:
        console.print(finding, soft_wrap=True)
    drawn = f"seed: {result.seed}, replicates: {result.n_replicates}, "
    console.print(f"status: {result.status}, engine: {result.engine}, {drawn}version: {result.version}", soft_wrap=True)
    for assumption in result.assumptions:
        console.print(f"assumes: {assumption}", soft_wrap=True)
    console.print(f"kept in: {folder}", soft_wrap=True)


def write_picture_of(result: TrainingResult, folder: Path) -> None:
    """Write the picture of an experiment into its folder."""
    from modelcollapse.cli._picture import write_picture

    name = FIGURES[result.world]
    home = import_module(f"modelcollapse.figures.{name}")
    figure = getattr(home, f"draw_{name}")(getattr(home, f"{name}_data")(result))
    write_picture(figure, folder / "picture.svg", name=name, description=home.DESCRIPTION)


def _by_setting(result: TrainingResult, shown: tuple[str, ...], *, width: int) -> Table:
    """Return one row for each point, with as many of its quantities as there is room for, at least one."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    settings = [key for key in _settings(result) if key not in _same(result)]
    names = [name for name in shown if any(name in point.values for point in result.points)]
    columns = [[_words(key), *(_setting(point.setting.get(key)) for point in result.points)] for key in settings]
    columns += [[_words(name), *(_value(point, name) for point in result.points)] for name in names]
    while len(columns) > len(settings) + 1 and sum(map(_room, columns)) > width:
        columns.pop()
    table = Table(*(column[0] for column in columns), box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for cells in list(zip(*columns, strict=True))[1:]:
        table.add_row(*cells)
    return table


def _room(column: list[str]) -> int:
    """Return the characters that a column needs: words and the parts of a number stay whole."""
    return 2 + max(len(word) for text in column for word in text.replace(" ± ", "_±_").split() or [""])


def _value(point: TrainedPoint, name: str) -> str:
    return _number(point.values.get(name, math.nan), point.stderr.get(name, 0.0))


def _number(value: float, stderr: float) -> str:
    """Return a number with its standard error, or with a few digits where that is not known, as of one replicate."""
    return rough_text(value) if math.isnan(stderr) and not math.isnan(value) else cell(value, stderr)


def _setting(value: Any) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else _words(str(value))


def _words(name: str) -> str:
    return name.replace("_", " ")


def _settings(result: TrainingResult) -> list[str]:
    """Return the names of all settings, in the order in which they are met."""
    return list(dict.fromkeys(key for point in result.points for key in point.setting))


def _same(result: TrainingResult) -> dict[str, Any]:
    """Return the settings that all points share, which need no column; none of a single point."""
    if len(result.points) < 2:
        return {}
    found = {key: {point.setting.get(key) for point in result.points} for key in _settings(result)}
    return {key: values.pop() for key, values in found.items() if len(values) == 1}
