"""How is an answer printed? For a program as one JSON object on one line, for people number by number."""

from __future__ import annotations

import json
import math
from typing import Any

import typer

from modelcollapse.digits import number_text


def print_json(content: dict[str, Any]) -> None:
    """Print one JSON object, without NaN or infinities."""
    typer.echo(json.dumps(content, allow_nan=False))


def cell(value: float, stderr: float = 0.0) -> str:
    """Return a number for a table, with its standard error; a dash where there is none."""
    return "–" if math.isnan(value) else number_text(value, stderr)
