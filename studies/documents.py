"""Which parts make docs/validation.md? Forecasts against trained models, and audits of planted data."""

from __future__ import annotations

from pathlib import Path

from studies import outcomes, store
from studies.distribution_page import write_section
from studies.page import write_page
from studies.worlds import WORLDS

DOCS = Path(__file__).parent.parent / "docs"


def validation_page(docs: Path) -> str:
    """Return the page that the records in a folder make."""
    parts = [
        write_page(store.read(docs / "validation.json")),
        write_section(WORLDS, outcomes.read(docs / "distributions.json")),
    ]
    return "\n".join(part for part in parts if part)


def write_validation_page(docs: Path = DOCS) -> None:
    """Write the page."""
    (docs / "validation.md").write_text(validation_page(docs), encoding="utf-8")
