"""How does a picture get into a file? SVG or PNG, by the file's ending, refused before the work is done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelcollapse.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Out = Annotated[Path | None, typer.Option("--out", help="Picture to write, .svg or .png.", show_default=False)]


def check_picture_path(path: Path) -> None:
    """Refuse a picture that could not be written."""
    if path.suffix not in (".svg", ".png"):
        raise InputError(f"{path}: the picture must be named .svg or .png. Give a name, such as picture.svg.")
    if path.is_dir() or not path.parent.is_dir():
        raise InputError(f"{path}: the picture must be a file in a folder that exists. Create the folder first.")


def write_picture(figure: Figure, path: Path, *, name: str, description: str) -> None:
    """Write a figure; an SVG file says to screen readers what it shows."""
    from modelcollapse.figures.inline import svg

    try:
        if path.suffix == ".png":
            figure.savefig(path, dpi=150)
        else:
            path.write_text(svg(figure, name=name, description=description) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}. Choose another `--out`.") from None
