"""How do sections get into docs/benchmarks.md? Those that ran are replaced, the others stay as they are."""

from __future__ import annotations

import re

HEAD = """# Benchmarks

Written by `make bench`; `python -m benchmarks NAME` runs one section and leaves the others as they are.
"""

MARK = "<!-- benchmark: {} -->"


def read_sections(page: str) -> dict[str, str]:
    """Return the sections of a page by the name of their benchmark."""
    pieces = re.split(re.escape(MARK).replace(re.escape("{}"), r"(\w+)"), page)
    return {name: text.strip() for name, text in zip(pieces[1::2], pieces[2::2], strict=True)}


def write_page(sections: dict[str, str]) -> str:
    """Return the page with its sections in alphabetical order."""
    return "\n".join([HEAD, *(f"{MARK.format(name)}\n\n{sections[name].strip()}\n" for name in sorted(sections))])
