"""Which figures does the page of a text audit have besides those of every distribution? Ranks, and rare tokens."""

from __future__ import annotations

from modelcollapse.decisions.distribution_result import DistributionAudit
from modelcollapse.decisions.text_result import TextAudit
from modelcollapse.figures.text_bands import draw_text_bands, text_bands_data
from modelcollapse.figures.text_ranks import draw_text_ranks, text_ranks_data
from modelcollapse.report.rendering import Panel, panel


def text_panels(result: DistributionAudit) -> tuple[Panel, ...]:
    """Return the figures of a text audit."""
    assert isinstance(result, TextAudit)
    size = f"{result.counts['compared']:,} {result.noun}"
    sentences = {finding.name: finding.sentence for finding in result.findings}
    return (
        panel(
            f"{result.source}-ranks",
            "Is the tail still there?",
            f"With {size} of each, {sentences[f'different {result.noun}']}.",
            f"How often the {result.noun} of each rank occur in {size}; shaded: where halves of the real text lie, "
            "mostly hidden by its line.",
            draw_text_ranks(text_ranks_data(result)),
        ),
        panel(
            f"{result.source}-bands",
            f"Which {result.noun} are lost?",
            f"A second real sample lacks some {result.noun} of the first one, too; below its band, they are lost.",
            f"Share of the {result.noun} of half of the real text that are there as well, by how often it has them.",
            draw_text_bands(text_bands_data(result)),
        ),
    )
