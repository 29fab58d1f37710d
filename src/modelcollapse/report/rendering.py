"""How does a page come from a template? Rendered with its figures, and written whole or not at all."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from matplotlib.axes import Axes

from modelcollapse.errors import InputError
from modelcollapse.figures.inline import svg
from modelcollapse.report.paths import check_report_path


@dataclass(frozen=True)
class Panel:
    """A figure of the page: the question it answers, what one sees, how to read it, and the picture."""

    name: str
    question: str
    sentence: str
    caption: str
    picture: Markup


def panel(name: str, question: str, sentence: str, caption: str, axes: Axes) -> Panel:
    """Return one figure with its words; readers who cannot see it get the same words."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    picture = svg(figure, name=name, description=f"{caption} {sentence}")
    return Panel(name, question, sentence, caption, Markup(picture))


def render(template: str, **content: Any) -> str:
    """Return a page as HTML text; the same content gives the same bytes."""
    environment = Environment(
        loader=PackageLoader("modelcollapse.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = _code
    page = environment.get_template(template).render(**content)
    return page.replace(" ×10", "\u00a0×10")  # a power of ten stays in the line of its number


def write_page(page: str, path: str | Path) -> None:
    """Write a page; an existing file is replaced once the new one is complete, and left alone when anything fails.

    The permissions are those of any new file, whatever those of the file replaced.

    Raises
    ------
    InputError
        When the folder is missing, or the file cannot be written.
    """
    target = check_report_path(path)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_text(page, encoding="utf-8")
        os.replace(part, target)
    except OSError as error:
        raise InputError(f"{path}: the report cannot be written ({error.strerror}).") from None
    finally:
        part.unlink(missing_ok=True)


def _code(text: str) -> Markup:
    """Return a text for the page, with what stands between backticks set as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))
