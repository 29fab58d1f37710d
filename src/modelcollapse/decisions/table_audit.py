"""Is a synthetic table told apart from a second real one, and by what? Measures of every kind against one null."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from modelcollapse.checks import Array, describe, integer
from modelcollapse.decisions.distribution_result import DistributionAudit
from modelcollapse.decisions.real_against_real import (
    LEVEL,
    N_OBSERVED,
    N_SPLITS,
    Draws,
    Units,
    half_size,
    judge,
    real_halves,
    synthetic_parts,
)
from modelcollapse.decisions.table_limits import hardly_known, limits, without_values_of
from modelcollapse.decisions.table_words import details, facts, losses, verdict
from modelcollapse.errors import InputError
from modelcollapse.estimation.measure import Measure
from modelcollapse.estimation.table_association import fit_association
from modelcollapse.estimation.table_categories import fit_categories
from modelcollapse.estimation.table_classifier import CLASSIFIER, TwoSample, tell_apart
from modelcollapse.estimation.table_clusters import Clusters, fit_clusters
from modelcollapse.estimation.table_columns import (
    Columns,
    Frame,
    Schema,
    align_frames,
    as_frame,
    describe_columns,
    encode,
    infer_schema,
)
from modelcollapse.estimation.table_metadata import TableMetadata, read_metadata
from modelcollapse.estimation.table_neighbours import fit_neighbours
from modelcollapse.estimation.table_quantiles import fit_quantiles
from modelcollapse.estimation.table_repeats import fit_repeats
from modelcollapse.estimation.table_space import fit_space
from modelcollapse.estimation.table_spread import fit_spread
from modelcollapse.estimation.table_topics import Parts, RowFeatures, Topic
from modelcollapse.estimation.wording import source_names
from modelcollapse.parallel import side_by_side

Progress = Callable[[str, int, int], None]

FEW_ROWS = 100
"""Rows on each side below which the level is approximate."""
_BATCH = 16  # splits that are worked on together


@dataclass(frozen=True, eq=False, kw_only=True)
class Null:
    """What the measures give between real halves of one size.

    Attributes
    ----------
    size : int
        Rows of each half.
    measures : tuple of Measure
        J of them, in the order of the topics.
    real : array, (J,)
        Mean of summaries of halves, or of comparisons of two.
    draws : array, (B, J)
        Summary of the second half less that of the first; or the comparison of the two.
    firsts : tuple of arrays, (20, ...)
        By topic, what it knows of the first halves of the first splits, with which synthetic rows are compared.
    """

    size: int
    measures: tuple[Measure, ...]
    real: Array
    draws: Array
    firsts: tuple[Array, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Reference:
    """Real rows, against which any number of synthetic tables are held; see `reference`.

    Attributes
    ----------
    frame : Frame
    schema : Schema
    metadata : TableMetadata or None
    columns : Columns
    topics : tuple of Topic
    n_splits, seed : int
    warnings : tuple of str
    nulls : dict of int to Null
        Those drawn so far, by size.
    """

    frame: Frame
    schema: Schema
    metadata: TableMetadata | None
    columns: Columns
    topics: tuple[Topic, ...]
    n_splits: int
    seed: int
    warnings: tuple[str, ...]
    nulls: dict[int, Null] = field(default_factory=dict)

    def null(self, size: int, *, progress: Progress | None = None) -> Null:
        """Return the null for halves of a size; drawn once."""
        if size not in self.nulls:
            self.nulls[size] = _draw_null(self.topics, len(self.columns), size, self.n_splits, self.seed, progress)
        return self.nulls[size]


def audit_tables(
    real: str | Path | pd.DataFrame,
    synthetic: str | Path | pd.DataFrame | Sequence[str | Path | pd.DataFrame],
    *,
    metadata: str | Path | Mapping[str, Any] | None = None,
    n_splits: int = N_SPLITS,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[DistributionAudit, ...]:
    """Tell whether synthetic tables differ from a second real sample of the same size, and in what.

    Parameters
    ----------
    real : path or DataFrame
    synthetic : path, DataFrame, or a sequence of them
        With the columns of the real one.
    metadata : path or mapping, optional
        Kinds of columns in the form of SDMetrics. Default: inferred from the real data.
    n_splits : int
        Splits of the real rows into halves; at least 19.
    seed : int
    progress : callable, optional
        Called with (stage, done, total).

    Returns
    -------
    tuple of DistributionAudit
        One for each synthetic table.

    Raises
    ------
    InputError
        When the tables cannot be read or compared: one line that says why.

    Notes
    -----
    Rows are taken to be independent of each other and in random order. See `real_against_real` for the statistics.
    """
    items = [synthetic] if isinstance(synthetic, str | Path | pd.DataFrame) else list(synthetic)
    if not items:
        raise InputError(f"`synthetic` must be a table or a sequence of them; got {describe(synthetic)}.")
    names = source_names(1 + len(items))
    frames = [as_frame(item, name=name, seed=seed) for item, name in zip([real, *items], names, strict=True)]
    found = reference(frames[0], beside=frames[1:], metadata=metadata, n_splits=n_splits, seed=seed)
    return tuple(
        compare_with(found, frame, source=name, progress=progress)
        for frame, name in zip(frames[1:], names[1:], strict=True)
    )


def reference(
    real: str | Path | pd.DataFrame | Frame,
    *,
    beside: Sequence[Frame] = (),
    metadata: str | Path | Mapping[str, Any] | None = None,
    n_splits: int = N_SPLITS,
    seed: int = 0,
) -> Reference:
    """Prepare real rows for comparison with several synthetic tables.

    Parameters
    ----------
    real : path, DataFrame or Frame
    beside : sequence of Frame
        Tables whose columns help to tell of what kind each column is.
    metadata, n_splits, seed
        See `audit_tables`.
    """
    integer("seed", seed, low=0)
    known = None if metadata is None else read_metadata(metadata)
    frame = real if isinstance(real, Frame) else as_frame(real, name="real", seed=seed)
    aligned, warnings = align_frames([frame, *beside], known)
    schema = infer_schema(aligned[0], known)
    columns = encode(aligned[0], schema)
    with threadpool_limits(limits=1):
        topics = _topics(columns, seed=seed)
    return Reference(
        frame=frame,
        schema=schema,
        metadata=known,
        columns=columns,
        topics=topics,
        n_splits=n_splits,
        seed=seed,
        warnings=warnings,
    )


def _topics(columns: Columns, *, seed: int) -> tuple[Topic, ...]:
    """Fit every family of measures on real rows."""
    space = fit_space(columns)
    return (
        fit_spread(columns),
        fit_quantiles(columns),
        fit_repeats(columns),
        fit_categories(columns),
        fit_association(columns),
        fit_clusters(columns, space, seed=seed),
        fit_neighbours(columns, space, seed=seed),
    )


def compare_with(
    real: Reference,
    synthetic: str | Path | pd.DataFrame | Frame,
    *,
    source: str = "synthetic",
    progress: Progress | None = None,
) -> DistributionAudit:
    """Hold one synthetic table against real rows.

    Parameters
    ----------
    real : Reference
    synthetic : path, DataFrame or Frame
    source : str
        What the result and messages call it.
    progress : callable, optional
        Called with (stage, done, total).
    """
    started = time.monotonic()
    report = progress or _silent
    frame = synthetic if isinstance(synthetic, Frame) else as_frame(synthetic, name=source, seed=real.seed)
    aligned, warnings = align_frames([real.frame, frame], real.metadata)
    columns = _encoded(real, aligned[1])
    null = real.null(half_size(len(real.columns), len(columns)), progress=report)
    with threadpool_limits(limits=1):
        report("measuring the synthetic rows", 0, 1)
        draws = _observed(real, columns, null)
        report("training a classifier", 0, 1)
        told = tell_apart(real.columns, columns, n_splits=real.n_splits, seed=real.seed)
    unknown = hardly_known(real.columns, columns)
    findings = judge(_with_classifier(without_values_of(draws, list(unknown)), told))
    clusters = next(topic for topic in real.topics if isinstance(topic, Clusters))
    lost = losses(findings, real.columns, columns, clusters)
    sizes = {"n_real": len(real.columns), "n_synthetic": len(columns), "size": null.size}
    unseen = tuple(limits(real.topics, told, **sizes, unknown=unknown))
    return DistributionAudit(
        source=source,
        verdict=verdict(findings, size=null.size),
        details=details(findings, told.importance),
        findings=findings,
        losses=lost,
        facts=facts(told),
        unit="row",
        counts={"real": len(real.columns), "synthetic": len(columns), "compared": null.size},
        level=LEVEL,
        n_splits=real.n_splits,
        steps=(*real.frame.steps, *frame.steps, describe_columns(real.schema), *real.schema.steps, *unseen),
        warnings=tuple(dict.fromkeys([*real.warnings, *warnings, *_few(null.size)])),
        seconds=time.monotonic() - started,
        seed=real.seed,
    )


def _few(size: int) -> list[str]:
    """Warn about parts that are too small for the level to hold."""
    if size >= FEW_ROWS:
        return []
    return [f"Only {size} rows are compared: false alarms are likelier than the level says, and little can be seen."]


def _encoded(real: Reference, frame: Frame) -> Columns:
    """Return a synthetic table's columns, which must be of the kinds that the real ones are."""
    for column in real.schema.numeric:
        if not pd.api.types.is_numeric_dtype(frame.data[column]):
            raise InputError(f"{frame.name}: column `{column}` holds text, and numbers in {real.frame.name}.")
    return encode(frame, real.schema)


def _draw_null(
    topics: Sequence[Topic], n_real: int, size: int, n_splits: int, seed: int, progress: Progress | None
) -> Null:
    """Measure many pairs of real halves, a few at a time on each core."""
    measures = tuple(measure for topic in topics for measure in topic.measures(size))
    rows = [topic.real for topic in topics]

    def measured(halves: tuple[Parts, Parts]) -> tuple[Array, Array, list[Array]]:
        firsts, seconds = (_statistics(topics, rows, parts) for parts in halves)
        return *_values(topics, firsts, seconds, rows, size), firsts

    found = side_by_side(
        measured,
        _batches(real_halves(n_real, size=size, n_splits=n_splits, seed=seed)),
        report=progress and partial(progress, "comparing real rows with real rows"),
    )
    first, second = (np.concatenate([part[k] for part in found]) for k in range(2))
    compared = np.array([measure.comparison for measure in measures], dtype=bool)
    return Null(
        size=size,
        measures=measures,
        real=first.mean(axis=0),
        draws=np.where(compared, second, second - first),
        firsts=tuple(np.concatenate(topic)[:N_OBSERVED] for topic in zip(*(part[2] for part in found), strict=True)),
    )


def _observed(real: Reference, synthetic: Columns, null: Null) -> Draws:
    """Measure synthetic rows, and compare them with real halves."""
    rows = [topic.encode(synthetic) for topic in real.topics]
    n_parts = min(N_OBSERVED, real.n_splits)
    parts = np.stack(list(synthetic_parts(len(synthetic), size=null.size, n_parts=n_parts, seed=real.seed)))
    _, found = _values(real.topics, null.firsts, _statistics(real.topics, rows, parts), rows, null.size)
    return Draws(
        measures=null.measures,
        real=null.real,
        synthetic=found.mean(axis=0),
        null=null.draws,
        n_real=len(real.columns),
        n_synthetic=len(synthetic),
        n_parts=n_parts,
    )


def _statistics(topics: Sequence[Topic], rows: Sequence[RowFeatures], parts: Parts) -> list[Array]:
    """Return what each topic needs to know of each part."""
    return [topic.statistic(features, parts) for topic, features in zip(topics, rows, strict=True)]


def _values(
    topics: Sequence[Topic], firsts: Sequence[Array], seconds: Sequence[Array], rows: Sequence[RowFeatures], size: int
) -> tuple[Array, Array]:
    """Return all summaries of the first, real, and of the second parts, each (P, J); comparisons stand in both."""
    first, second = [], []
    for topic, one, other, features in zip(topics, firsts, seconds, rows, strict=True):
        compared = topic.comparison(one, other, features, size)
        first += [topic.summary(one, topic.real, size), compared]
        second += [topic.summary(other, features, size), compared]
    return np.concatenate(first, axis=1), np.concatenate(second, axis=1)


def _batches(halves: Iterable[tuple[Units, Units]]) -> Iterator[tuple[Parts, Parts]]:
    """Yield first and second halves of several splits, (P, k) each."""
    splits = iter(halves)
    while batch := list(islice(splits, _BATCH)):
        yield np.stack([first for first, _ in batch]), np.stack([second for _, second in batch])


def _with_classifier(draws: Draws, told: TwoSample) -> Draws:
    """Add the classifier to the measures; by chance its area is 0.5, and it is no mean over parts."""
    return replace(
        draws,
        measures=(*draws.measures, CLASSIFIER),
        real=np.append(draws.real, 0.5),
        synthetic=np.append(draws.synthetic, told.area),
        null=np.column_stack([draws.null, told.null - 0.5]),
        n_parts=np.append(np.full(len(draws.measures), draws.n_parts), 1),
    )


def _silent(stage: str, done: int, total: int) -> None:
    """Report progress to nobody."""
