"""Who judges synthetic data? The audits of this package, and rivals where they are installed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from studies.audits import audit_table, audit_text
from studies.distribution_rivals import mauve_of_tables, mauve_of_texts, sdmetrics

Outcome = dict[str, Any]
"""What is stored of one comparison: `findings` and `p_value` of an audit, or `scores` of a rival."""


@dataclass(frozen=True)
class Judge:
    """One way to compare synthetic data with real data.

    Attributes
    ----------
    name : str
    kind : str
        Of the worlds that it judges: ``"table"`` or ``"text"``.
    package : str
        That it needs.
    start : callable
        From real data to a function that compares synthetic data with it.
    most_trials : int or None
        More would take too long; None where there is no limit.
    """

    name: str
    kind: str
    package: str
    start: Callable[[Any], Callable[[Any], Outcome]]
    most_trials: int | None = None

    @property
    def version(self) -> str | None:
        """Package and version, or None when it is not installed."""
        try:
            return f"{self.package} {version(self.package)}"
        except PackageNotFoundError:
            return None


AUDIT, SDMETRICS, MAUVE = "audit", "SDMetrics", "MAUVE"
MAUVE_TRIALS = 20

JUDGES = (
    Judge(AUDIT, "table", "modelcollapse", audit_table),
    Judge(AUDIT, "text", "modelcollapse", audit_text),
    Judge(SDMETRICS, "table", "sdmetrics", sdmetrics),
    Judge(MAUVE, "table", "mauve-text", mauve_of_tables, MAUVE_TRIALS),
    Judge(MAUVE, "text", "mauve-text", mauve_of_texts, MAUVE_TRIALS),
)
