"""How is an answer printed for a program? As one JSON object on one line."""

from __future__ import annotations

import json
from typing import Any

import typer


def print_json(content: dict[str, Any]) -> None:
    """Print one JSON object, without NaN or infinities."""
    typer.echo(json.dumps(content, allow_nan=False))
