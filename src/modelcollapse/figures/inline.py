"""How does a figure get into a page? As an SVG element that stands alone and shares no name with its neighbours."""

from __future__ import annotations

import io
import re
from html import escape

import matplotlib as mpl
from matplotlib.figure import Figure

_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))


def svg(figure: Figure, *, name: str = "figure", description: str = "") -> str:
    """Return a figure as an SVG element for a page.

    The text is drawn as outlines, so that it looks the same without any font; the same figure gives the same bytes.

    Parameters
    ----------
    figure : Figure
    name : str
        Letters, digits and dashes; goes before every id, so that several figures can stand in one page.
    description : str
        What is to be seen, for readers who do not see it.

    Returns
    -------
    str
        ``<svg ...>...</svg>``, as wide as the page allows, without date, script, or anything fetched.
    """
    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata=_NO_METADATA)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r'\b(id="|xlink:href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(
        r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1), count=1
    )
    label = f' role="img" aria-label="{escape(description)}"' if description else ' aria-hidden="true"'
    return text.replace("<svg", f"<svg{label}", 1).strip()
