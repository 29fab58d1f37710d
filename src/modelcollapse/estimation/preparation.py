"""From the user's files to arrays that a forecast can use: pools, held-out rows, and what was done on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from modelcollapse.checks import Array, integer
from modelcollapse.errors import InputError
from modelcollapse.estimation.columns import AlignedColumns, align
from modelcollapse.estimation.features import Encoder, fit_encoder, parse_features
from modelcollapse.estimation.labels import Targets, one_hot_rows, resolve_targets
from modelcollapse.estimation.overlap import fingerprints, separate
from modelcollapse.estimation.repeats import Hashes, Rows, first_of_each
from modelcollapse.estimation.rows import LabelledRows
from modelcollapse.estimation.suspicions import suspicions
from modelcollapse.estimation.tables import Table, as_table, synthetic_tables
from modelcollapse.estimation.wording import counted, source_names
from modelcollapse.streams import stream

MIN_HOLDOUT = 10
"""Fewest held-out rows, and fewest real rows that must remain for training."""

HOLDOUT_SHARE = 0.25
"""Share of the real rows that is held out when the user names no held-out rows."""

MAX_HOLDOUT = 5000
"""Most of them: enough to measure a mean squared error within a few percent."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PreparedData:
    """Everything that a forecast needs from the user's data.

    Features end with a column of ones; targets are centred outputs for regression, one-hot classes for classification.

    Attributes
    ----------
    names : tuple of str
        ``"real"``, ``"synthetic"``, ``"synthetic2"``, ... in the order of `pools`.
    pools : tuple of LabelledRows
        Training rows, one entry per source.
    holdout : LabelledRows
        Held-out real rows.
    task : str
        ``"regression"`` or ``"classification"``.
    classes : tuple
        Labels in the order of the targets' columns; empty for regression.
    target_mean : array, (C,)
        What was subtracted from the targets: the real training mean, or zeros for classification.
    feature_names : tuple of str, (d,)
    encoder : Encoder
        ``encoder.transform(frame)`` gives the features of further rows.
    steps, warnings : tuple of str
        What was done, and what the user should look at, in plain sentences.
    """

    names: tuple[str, ...]
    pools: tuple[LabelledRows, ...]
    holdout: LabelledRows
    task: str
    classes: tuple[Any, ...]
    target_mean: Array
    feature_names: tuple[str, ...]
    encoder: Encoder
    steps: tuple[str, ...]
    warnings: tuple[str, ...]


def prepare(
    real: object,
    synthetics: object,
    *,
    target: str | int | None = None,
    holdout: object | None = None,
    task: str | None = None,
    features: str = "raw",
    scale: str = "standard",
    seed: int = 0,
) -> PreparedData:
    """Read, align, separate, split and encode a real and one or more synthetic sources.

    Parameters
    ----------
    real : Table, DataFrame, (X, y), str or Path
        See `as_table`.
    synthetics : one such source, or a sequence of them
    target : str, int or None
        Name of the target column; not needed for arrays.
    holdout : such a source, optional
        Real rows to measure on, all of them. Default: a seeded random quarter of the real rows, at most about
        `MAX_HOLDOUT`, stratified for classification; rows of one rare input are held out together.
    task : {"regression", "classification"} or None
        None decides by the real targets, see `resolve_targets`.
    features, scale
        See `fit_encoder`.
    seed : int
        For the held-out rows, the coin of shared inputs, and random features.

    Returns
    -------
    PreparedData

    Raises
    ------
    InputError
        When the data cannot be used: one line that says why.
    MissingExtraError
        When a file needs a library that is absent.
    """
    integer("seed", seed, low=0)
    parse_features(features)  # here as well, before large files are read
    sources = (as_table(real, target=target, name="real"), *synthetic_tables(synthetics, target=target))
    own_holdout = () if holdout is None else (as_table(holdout, target=target, name="holdout"),)
    tables = (*sources, *own_holdout)
    columns = align(tables)
    targets = resolve_targets(tables, task=task)
    parts, overlap_warnings = _usable_parts(tables, columns, targets, n_sources=len(sources), seed=seed)
    n_real = len(parts[0].rows)
    if not own_holdout:
        parts = _hold_out(parts, targets.task, seed=seed)
    _require_enough(parts)
    encoder = fit_encoder(
        parts[0].frame,
        parts[0].rows,
        numeric=columns.numeric,
        categorical=columns.categorical,
        features=features,
        scale=scale,
        seed=seed,
    )
    outputs, target_mean = _outputs(parts, targets)
    labelled = tuple(
        LabelledRows(encoder.transform(part.frame, rows=part.rows), output)
        for part, output in zip(parts, outputs, strict=True)
    )
    held_out = f"{counted(len(parts[-1].rows), 'row')} of {parts[-1].name} held out"
    warnings = (
        *columns.warnings,
        *targets.warnings,
        *suspicions(columns, targets, names=[table.name for table in tables], n_sources=len(sources)),
        *overlap_warnings,
        *encoder.warnings,
        *_fit_warnings(parts, encoder),
    )
    return PreparedData(
        names=source_names(len(sources)),
        pools=labelled[:-1],
        holdout=labelled[-1],
        task=targets.task,
        classes=targets.classes,
        target_mean=target_mean,
        feature_names=encoder.feature_names,
        encoder=encoder,
        steps=(
            *targets.steps,
            f"{held_out}." if own_holdout else f"{held_out} at random, {n_real:,} at hand.",
            *encoder.steps,
        ),
        warnings=warnings,
    )


@dataclass(frozen=True, eq=False)
class _Part:
    """Rows of one file that play one role: a source, or what is held out."""

    name: str
    frame: pd.DataFrame
    values: NDArray[Any]
    inputs: Hashes
    rows: Rows


def _usable_parts(
    tables: Sequence[Table], columns: AlignedColumns, targets: Targets, *, n_sources: int, seed: int
) -> tuple[list[_Part], tuple[str, ...]]:
    """Return each file's rows with a known label and inputs of their own, and the warnings about the others."""
    prints = [
        fingerprints(frame, values, numeric=columns.numeric, categorical=columns.categorical, name=table.name)
        for table, frame, values in zip(tables, columns.frames, targets.values, strict=True)
    ]
    holdout = prints[n_sources] if len(prints) > n_sources else None
    kept, warnings = separate(prints[:n_sources], holdout=holdout, seed=seed)
    if holdout is not None:
        kept = (*kept, np.arange(len(tables[-1])))
    parts = []
    for source, frame, values, rows in zip(prints, columns.frames, targets.values, kept, strict=True):
        known = rows[values[rows] >= 0] if targets.task == "classification" else rows
        parts.append(_Part(source.name, frame, values, source.inputs, known))
    return parts, warnings


def _hold_out(parts: Sequence[_Part], task: str, *, seed: int) -> list[_Part]:
    """Move a random share of the real rows to a part of their own at the end, every class in proportion.

    Individuals (rows of one rare input count as one) are shuffled, sorted by the class of their first row, and held
    out at equal distances from a random start.
    """
    real = parts[0]
    n = len(real.rows)
    held = max(MIN_HOLDOUT, min(round(HOLDOUT_SHARE * n), MAX_HOLDOUT))
    if n - held < MIN_HOLDOUT:
        raise InputError(
            f"{real.name}: not enough rows: {n} are usable; {MIN_HOLDOUT} for training and {held} held out are needed."
        )
    generator = stream(seed, "holdout")
    order = generator.permutation(real.rows)
    first = first_of_each(real.inputs[order])
    individuals = np.unique(first)  # positions in `order`
    if task == "classification":
        individuals = individuals[np.argsort(real.values[order[individuals]], kind="stable")]
    size = -(-held * individuals.size // n)
    positions = ((np.arange(size) + generator.random()) * (individuals.size / size)).astype(np.int64)
    chosen = np.isin(first, individuals[positions])
    return [replace(real, rows=np.sort(order[~chosen])), *parts[1:], replace(real, rows=np.sort(order[chosen]))]


def _require_enough(parts: Sequence[_Part]) -> None:
    for k, part in enumerate(parts):
        fewest = MIN_HOLDOUT if k in (0, len(parts) - 1) else 2
        if len(part.rows) < fewest:
            raise InputError(
                f"{part.name}: not enough rows: {len(part.rows)} are usable, at least {fewest} are needed."
            )


def _outputs(parts: Sequence[_Part], targets: Targets) -> tuple[list[Array], Array]:
    """Return the targets of each part as floats (n, C), and what was subtracted from them."""
    chosen = [part.values[part.rows] for part in parts]
    if targets.task == "classification":
        n_classes = len(targets.classes)
        return [one_hot_rows(codes, n_classes) for codes in chosen], np.zeros(n_classes)
    mean: Array = chosen[0].mean(axis=0)
    return [values - mean for values in chosen], mean


def _fit_warnings(parts: Sequence[_Part], encoder: Encoder) -> list[str]:
    """Warn about levels that the encoder does not know, and about too few rows."""
    warnings = [
        f"{part.name}: {counted(count, 'row')} with a level of `{column}` unseen in the real training rows."
        for part in parts[1:]
        for column, count in encoder.unknown_levels(part.frame, part.rows).items()
    ]
    n, d = len(parts[0].rows), len(encoder.feature_names)
    return [*warnings, f"Fewer real training rows ({n:,}) than columns ({d:,})."] if n < d else warnings
