"""What do the audits of this package find? By topic, with the smallest p-value, and where a text is cut."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pandas as pd

from modelcollapse.decisions import table_audit, text_audit
from modelcollapse.decisions.distribution_result import DistributionAudit

Outcome = dict[str, Any]

MOST_NAMES = 3
"""Findings that are stored by name, the surest first."""
TABLE_TOPICS = (
    "spread", "tails", "range", "location", "missing values", "repeats", "categories", "association", "clusters",
    "regions", "copies", "classifier",
)  # fmt: skip
TEXT_TOPICS = ("vocabulary", "tail", "rare tokens", "n-grams", "repetition", "next token", "copies")
"""What findings may be about."""
CUTS = ("tail-cut rank", "next-token cut")
"""Facts that say how many tokens a cut has kept."""


def audit_table(real: pd.DataFrame) -> Callable[[pd.DataFrame], Outcome]:
    """Audit tables, with the null of the real one made once."""
    known = table_audit.reference(real)
    return lambda synthetic: outcome(table_audit.compare_with(known, synthetic))


def audit_text(real: list[str]) -> Callable[[list[str]], Outcome]:
    """Audit texts, with the null of the real one made once."""
    known = text_audit.reference(real)
    return lambda synthetic: outcome(text_audit.compare_with(known, synthetic))


def outcome(audit: DistributionAudit) -> Outcome:
    """Return what is stored of an audit."""
    return {
        "p_value": min(finding.p_value for finding in audit.findings),
        "findings": dict(Counter(finding.topic for finding in audit.found)),
        "first": [finding.name for finding in audit.found[:MOST_NAMES]],
        "cuts": {fact.name: fact.value for fact in audit.facts if fact.name in CUTS},
    }
