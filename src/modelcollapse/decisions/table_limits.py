"""What is an audit of tables silent about? Columns with hardly a value, and rows and pairs beyond what it looks at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from modelcollapse.decisions.real_against_real import Draws
from modelcollapse.digits import share_text
from modelcollapse.estimation import table_classifier, table_neighbours
from modelcollapse.estimation.measure import Measure
from modelcollapse.estimation.table_association import Association
from modelcollapse.estimation.table_classifier import TwoSample
from modelcollapse.estimation.table_columns import Columns
from modelcollapse.estimation.table_topics import Topic
from modelcollapse.estimation.wording import counted

_LEAST_KNOWN = 0.5  # of the real share: with fewer values, measures vary more than twice as much as in real halves
_HELD_APART = ("missing values", "categories")  # topics that no numeric value takes part in
_OF_ROWS = ("clusters", "copies", "regions")  # topics that all values of a row take part in


def hardly_known(real: Columns, synthetic: Columns) -> dict[str, float]:
    """Return the numeric columns that are known in far fewer synthetic rows than real ones, with the share of these."""
    shares = [1 - np.isnan(table.numbers).mean(axis=0) for table in (real, synthetic)]
    return {
        name: float(share)
        for name, known, share in zip(real.schema.numeric, *shares, strict=True)
        if share < _LEAST_KNOWN * known
    }


def without_values_of(draws: Draws, columns: Sequence[str]) -> Draws:
    """Leave out the measures that go by the values of some columns; whether these are missing stays."""
    kept = np.array([not columns or _goes_without(measure, columns) for measure in draws.measures], dtype=bool)
    return replace(
        draws,
        measures=tuple(measure for measure, stays in zip(draws.measures, kept, strict=True) if stays),
        real=draws.real[kept],
        synthetic=draws.synthetic[kept],
        null=draws.null[:, kept],
    )


def _goes_without(measure: Measure, columns: Sequence[str]) -> bool:
    """Tell whether a measure does without the values of some columns; those of all columns do not."""
    if measure.topic in _HELD_APART:
        return True
    of_all = not measure.subject or measure.topic in _OF_ROWS
    return not of_all and not any(f"`{column}`" in measure.subject for column in columns)


def limits(
    topics: Sequence[Topic], told: TwoSample, *, n_real: int, n_synthetic: int, size: int, unknown: dict[str, float]
) -> Iterator[str]:
    """Yield in sentences what was not looked at.

    Parameters
    ----------
    topics : sequence of Topic
    told : TwoSample
    n_real, n_synthetic : int
        Rows.
    size : int
        Rows of each part.
    unknown : dict of str to float
        See `hardly_known`.
    """
    for column, share in unknown.items():
        yield (
            f"`{column}` is known in {share_text(share)} of the synthetic rows: only its missing values are compared, "
            "and nothing that goes by all columns but the classifier."
        )
    yield from _association_limits(next(topic for topic in topics if isinstance(topic, Association)), size)
    most = table_neighbours.MOST_ROWS
    if max(n_real, n_synthetic) > most:
        yield f"Nearest real rows: looked for from at most {most:,} rows of each table, drawn at random."
    n_judged = min(n_real, n_synthetic)
    if n_judged > table_classifier.MOST_ROWS:
        yield f"Classifier: {table_classifier.MOST_ROWS:,} rows of each table, drawn at random."
    if told.importance and n_judged > table_classifier.SHOWN_ROWS:
        yield f"Importance of columns: {table_classifier.SHOWN_ROWS:,} rows, drawn at random."


def _association_limits(topic: Association, size: int) -> Iterator[str]:
    """Yield which columns, pairs and rows have no part in association."""
    if topic.n_left_out:
        yield f"Association: {counted(topic.n_left_out, 'column')} left out, as there is no room for more features."
    if len(topic.chosen) < len(topic.pairs):
        yield (
            f"Association: {len(topic.chosen):,} of {len(topic.pairs):,} pairs of columns are judged one by one, "
            "those that are clearest in real data."
        )
    if topic.n_rows(size) < size:
        yield f"Association: {topic.n_rows(size):,} of the {size:,} rows of each part, drawn at random."
