"""Which numbers does a model see? Columns are encoded, scaled, mapped and centred; all fitted on real training rows."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder

from modelcollapse.checks import Array, choice, fail, integer, nearest
from modelcollapse.errors import InputError
from modelcollapse.estimation.scaling import HEAVY_KURTOSIS, Scaling, fit_scaling
from modelcollapse.estimation.wording import counted, listing
from modelcollapse.streams import stream

Rows = NDArray[np.int64]

MAX_FIT_ROWS = 100_000
"""Medians, levels and scales are fitted on at most this many real training rows; means on all of them."""

MAX_LEVELS = 50
"""One-hot columns per categorical column; rarer levels share one."""

MAX_FEATURES = 4000
"""Most features of an audit: its time grows with their cube, and reaches hours beyond."""

IDENTIFIER_SHARE = 0.5
"""A text column with more distinct values than this share of the rows is an identifier or free text."""

_CHUNK_ENTRIES = 2**23  # rows are encoded in chunks of about 64 MiB, so that temporaries stay small
_MISSING = "(missing)"


@dataclass(frozen=True, kw_only=True)
class FeatureMap:
    """What happens to the scaled columns: ``raw``, ``relu`` (random ReLU features) or ``columns`` (by prefix)."""

    kind: str
    width: int = 0
    prefix: str = ""


def parse_features(text: object) -> FeatureMap:
    """Read the option `features`: ``raw``, ``relu:WIDTH`` or ``columns:PREFIX``.

    Raises
    ------
    InputError

    Examples
    --------
    >>> parse_features("relu:800").width
    800
    """
    kind, _, value = str(text).partition(":")
    if kind == "raw" and not value:
        return FeatureMap(kind="raw")
    if kind == "relu" and value.isdecimal():
        return FeatureMap(kind="relu", width=_width(int(value)))
    if kind == "columns" and value:
        return FeatureMap(kind="columns", prefix=value)
    raise fail("features", text, "raw, relu:WIDTH or columns:PREFIX", "For example relu:800 or columns:embedding_.")


def _width(value: int) -> int:
    hint = f"An audit's time grows with the cube of the width. For example relu:{MAX_FEATURES // 4}."
    return integer("features: relu width", value, low=1, high=MAX_FEATURES, hint=hint)


@dataclass(frozen=True, eq=False, kw_only=True)
class Encoder:
    """Fitted map from a table's columns to features.

    Attributes
    ----------
    numeric, categorical : tuple of str
        Columns that it reads; others are ignored.
    columns : ColumnTransformer
        Imputation of numeric columns with indicators of missing values, one-hot levels of categorical ones.
    scaling : Scaling or None
        None leaves the encoded columns as they are.
    weights : array, (width, d_in), or None
        First layer of random ReLU features.
    mean : array, (d − 1,)
        Of the features over the real training rows.
    feature_names : tuple of str, (d,)
        The last is ``"ones"``.
    steps, warnings : tuple of str
        What is done to the columns, and what the user should look at.
    """

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    columns: Any
    scaling: Scaling | None
    weights: Array | None
    mean: Array
    feature_names: tuple[str, ...]
    steps: tuple[str, ...]
    warnings: tuple[str, ...]

    def transform(self, frame: pd.DataFrame, *, rows: Rows | None = None) -> Array:
        """Return the features of a table's rows: centred with the real mean, a column of ones last.

        Parameters
        ----------
        frame : DataFrame
            Holds the columns that the encoder reads, of the kinds it was fitted on.
        rows : array of int, (n,), optional
            Row numbers to take; default: all.

        Returns
        -------
        array, (n, d)
            C-contiguous.
        """
        chosen = np.arange(len(frame)) if rows is None else rows
        features = np.empty((len(chosen), len(self.feature_names)))
        features[:, -1] = 1.0
        for start, stop in _chunks(len(chosen), features.shape[1]):
            part = frame.iloc[chosen[start:stop]]
            features[start:stop, :-1] = self._map(part)
            features[start:stop, :-1] -= self.mean
        return features

    def unknown_levels(self, frame: pd.DataFrame, rows: Rows) -> dict[str, int]:
        """Count the rows whose level of a categorical column the real training rows do not hold, by column."""
        if not self.categorical:
            return {}
        known = self.columns.named_transformers_["categorical"].categories_
        counts = {}
        for name, levels in zip(self.categorical, known, strict=True):
            count = int((~_text(frame[name].iloc[rows]).isin(levels)).sum())
            if count:
                counts[name] = count
        return counts

    def uncentred_mean(self, frame: pd.DataFrame, rows: Rows) -> Array:
        """Return the mean of the features over rows before centring, (d − 1,)."""
        total = np.zeros(len(self.feature_names) - 1)
        for start, stop in _chunks(len(rows), total.size):
            total += self._map(frame.iloc[rows[start:stop]]).sum(axis=0)
        return total / len(rows)

    def _map(self, frame: pd.DataFrame) -> Array:
        """Return the features of a chunk of rows before centring, (n, d − 1)."""
        encoded = _encode(self.columns, _clean(frame, self.numeric, self.categorical))
        if self.scaling is not None:
            encoded = self.scaling.apply(encoded)
        return encoded if self.weights is None else np.maximum(encoded @ self.weights.T, 0.0)


def fit_encoder(
    frame: pd.DataFrame,
    rows: Rows,
    *,
    numeric: Sequence[str],
    categorical: Sequence[str],
    features: str = "raw",
    scale: str = "standard",
    seed: int = 0,
) -> Encoder:
    """Fit encoder, scales, random features and means on the real training rows.

    Parameters
    ----------
    frame : DataFrame
        The real data.
    rows : array of int
        Its training rows: nothing else is looked at.
    numeric, categorical : sequence of str
        Columns by kind.
    features : str
        ``raw``; ``relu:WIDTH`` for z = max(0, Wx) with W (width, d_in) of independent N(0, 1/d_in) entries on the
        scaled columns x; ``columns:PREFIX`` for the numeric columns whose names start with the prefix.
    scale : {"standard", "none"}
        ``none`` leaves the columns' scale alone, and then nothing is tamed either.
    seed : int
        For the rows that are looked at when there are very many, and for W.

    Raises
    ------
    InputError
        When an option is not understood, no column is left, or more than `MAX_FEATURES` features come out.
    """
    feature_map = parse_features(features)
    choice("scale", scale, ("standard", "none"))
    steps: list[str] = []
    notes: list[str] = []
    numeric, categorical = _select(feature_map, list(numeric), list(categorical), steps)
    sample_rows = _sample(rows, seed, steps)
    categorical = _without_identifiers(frame, sample_rows, categorical, notes)
    if not numeric and not categorical:
        raise InputError("no input column is left to learn from.")
    sample = _clean(frame.iloc[sample_rows], numeric, categorical)
    columns = _fit_columns(sample, numeric, categorical, steps)
    names = _encoded_names(columns)
    scaling = None
    if scale == "standard":
        scaling = fit_scaling(_encode(columns, sample), names=names)
        steps.extend(scaling.steps)
        names = _varying(names, scaling, notes)
    else:
        steps.append("Columns keep their own scale; nothing is tamed.")
        notes.extend(_uneven_rows_warning(_encode(columns, sample)))
    weights = None
    if feature_map.kind == "relu":
        weights = _first_layer(feature_map.width, len(names), seed)
        steps.append(f"{feature_map.width} random ReLU features of the {len(names)} columns.")
        names = [f"relu{k}" for k in range(feature_map.width)]
    _require_affordable(names)
    steps.append("Features are centred with the real training rows' mean; a column of ones is the last feature.")
    encoder = Encoder(
        numeric=tuple(numeric),
        categorical=tuple(categorical),
        columns=columns,
        scaling=scaling,
        weights=weights,
        mean=np.zeros(len(names)),
        feature_names=(*names, "ones"),
        steps=tuple(steps),
        warnings=tuple(notes),
    )
    return replace(encoder, mean=encoder.uncentred_mean(frame, rows))


def _require_affordable(names: Sequence[str]) -> None:
    """Refuse more features than an audit finishes with."""
    if len(names) > MAX_FEATURES:
        raise InputError(
            f"the inputs become {len(names):,} columns after encoding; at most {MAX_FEATURES:,} are supported, because "
            "an audit's time grows with their cube. Drop columns, set `features` to relu:WIDTH, or give a projection."
        )


def _first_layer(width: int, d_in: int, seed: int) -> Array:
    """Return W of the random ReLU features, entries N(0, 1/d_in)."""
    return stream(seed, "features").normal(0.0, 1.0 / math.sqrt(d_in), size=(width, d_in))


def _chunks(n: int, width: int) -> list[tuple[int, int]]:
    size = max(1, _CHUNK_ENTRIES // max(width, 1))
    return [(start, min(start + size, n)) for start in range(0, n, size)]


def _select(
    feature_map: FeatureMap, numeric: list[str], categorical: list[str], steps: list[str]
) -> tuple[list[str], list[str]]:
    """Return the columns that the feature map reads."""
    if feature_map.kind != "columns":
        return numeric, categorical
    prefix = feature_map.prefix
    chosen = [name for name in numeric if name.startswith(prefix)]
    text = [name for name in categorical if name.startswith(prefix)]
    if text:
        raise InputError(f"`features`: columns that start with `{prefix}` must be numeric; text in {listing(text)}.")
    if not chosen:
        raise InputError(
            f"`features`: no column starts with `{prefix}`. {nearest(prefix, [*numeric, *categorical])}".strip()
        )
    steps.append(f"{counted(len(chosen), 'column')} used, whose names start with `{prefix}`.")
    return chosen, []


def _sample(rows: Rows, seed: int, steps: list[str]) -> Rows:
    if len(rows) <= MAX_FIT_ROWS:
        return rows
    steps.append(f"Medians, levels and scales were read off {MAX_FIT_ROWS:,} of {len(rows):,} real training rows.")
    return np.sort(stream(seed, "fit-rows").choice(rows, size=MAX_FIT_ROWS, replace=False))


def _without_identifiers(frame: pd.DataFrame, rows: Rows, categorical: list[str], notes: list[str]) -> list[str]:
    """Drop text columns whose values hardly repeat: they say which row it is, not what it is like."""
    kept = []
    for name in categorical:
        column = frame[name].iloc[rows]
        distinct, present = column.nunique(), int(column.notna().sum())
        if distinct > max(IDENTIFIER_SHARE * present, 1):
            notes.append(
                f"Text column `{name}` dropped: {distinct:,} distinct values in {present:,} rows are identifiers or "
                "free text; give an embedding of it as numeric columns to use it."
            )
        else:
            kept.append(name)
    return kept


def _text(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a categorical column as text objects, missing values as a level of their own."""
    return column.astype(object).where(column.notna(), _MISSING).astype(str).astype(object)


def _clean(frame: pd.DataFrame, numeric: Sequence[str], categorical: Sequence[str]) -> pd.DataFrame:
    """Return the columns that count: numbers as float64, the rest as text."""
    values = frame[list(numeric)].to_numpy(dtype=np.float64, na_value=np.nan)
    clean = pd.DataFrame(values, columns=list(numeric), index=frame.index, copy=False)
    return clean.assign(**{name: _text(frame[name]) for name in categorical})


def _fit_columns(sample: pd.DataFrame, numeric: list[str], categorical: list[str], steps: list[str]) -> Any:
    """Fit imputation and one-hot encoding."""
    n = len(sample)
    one_hot = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        min_frequency=min(20, max(2, n // 200)),
        max_categories=MAX_LEVELS,
        sparse_output=False,
    )
    parts = [
        ("numeric", SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), numeric),
        ("categorical", one_hot, categorical),
    ]
    columns = ColumnTransformer([part for part in parts if part[2]], sparse_threshold=0.0)
    columns.fit(sample)
    incomplete = [name for name in numeric if sample[name].isna().any()]
    if incomplete:
        steps.append(f"Missing values of {listing(incomplete)} replaced by the median, with a column that says where.")
    if categorical:
        steps.append(f"One column per frequent level of {listing(categorical)}; rare levels share one.")
    return columns


def _encode(columns: Any, clean: pd.DataFrame) -> Array:
    with warnings.catch_warnings():  # unknown levels are counted and reported by `Encoder.unknown_levels`
        warnings.filterwarnings("ignore", message="Found unknown categories", category=UserWarning)
        encoded: Array = columns.transform(clean)
    return encoded


def _encoded_names(columns: Any) -> list[str]:
    """Return readable names of the encoded columns."""
    names = []
    for full in columns.get_feature_names_out():
        name = str(full).partition("__")[2]
        if name.startswith("missingindicator_"):
            name = f"{name.removeprefix('missingindicator_')} (missing)"
        names.append(name.replace("_infrequent_sklearn", " (rare)"))
    return names


def _varying(names: list[str], scaling: Scaling, notes: list[str]) -> list[str]:
    """Return the names of the columns that the scaling keeps."""
    lost = [name for name, keep in zip(names, scaling.keep, strict=True) if not keep]
    if lost:
        notes.append(f"{counted(len(lost), 'column')} dropped, constant in the real training rows: {listing(lost)}.")
    kept = [name for name, keep in zip(names, scaling.keep, strict=True) if keep]
    if not kept:
        raise InputError("every input column is constant in the real training rows; there is nothing to learn from.")
    return kept


def _uneven_rows_warning(encoded: Array) -> list[str]:
    """Warn when a few rows carry the second moments: E‖x‖⁴/(E‖x‖²)² is the kurtosis where there is one column."""
    norms = ((encoded - encoded.mean(axis=0)) ** 2).sum(axis=1)
    norms /= norms.max() or 1.0
    spread = float(np.mean(norms**2) / np.mean(norms) ** 2) if norms.any() else 0.0
    if spread <= HEAVY_KURTOSIS:
        return []
    return [f"A few rows carry the inputs' second moments (E‖x‖⁴/(E‖x‖²)² = {spread:.0f}); set `scale` to standard."]
