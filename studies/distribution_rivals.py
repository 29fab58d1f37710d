"""What do SDMetrics and MAUVE say of the same data? Their scores, with the settings that they come with."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.feature_extraction.text import HashingVectorizer

Scores = dict[str, Any]

DIGITS = 6
MOST_ROWS = 5000
"""Rows of a table that MAUVE compares: its k-means takes n/10 centres."""
PASSAGE, N_FEATURES = 100, 256
"""Words in a passage, and hashed features of each."""


def sdmetrics(real: pd.DataFrame) -> Callable[[pd.DataFrame], Scores]:
    """Score by QualityReport and DiagnosticReport."""
    from sdmetrics.reports.single_table import DiagnosticReport, QualityReport

    numeric = set(real.select_dtypes("number"))
    metadata = {
        "columns": {name: {"sdtype": "numerical" if name in numeric else "categorical"} for name in real.columns}
    }

    def compare(synthetic: pd.DataFrame) -> Scores:
        scores = {}
        for report in (QualityReport(), DiagnosticReport()):
            report.generate(real, synthetic, metadata, verbose=False)
            scores[type(report).__name__] = round(float(report.get_score()), DIGITS)
        return {"scores": scores}

    return compare


def mauve_of_tables(real: pd.DataFrame) -> Callable[[pd.DataFrame], Scores]:
    """Score by MAUVE on numeric columns in units of the real ones."""
    numbers = real.select_dtypes("number")
    mean, scale = numbers.mean(), numbers.std()

    def features(rows: pd.DataFrame) -> NDArray[np.float32]:
        return np.asarray(((rows[numbers.columns] - mean) / scale)[:MOST_ROWS], dtype=np.float32)

    return lambda synthetic: _mauve(features(real), features(synthetic))


def mauve_of_texts(real: list[str]) -> Callable[[list[str]], Scores]:
    """Score by MAUVE on passages of a hundred words: hashed counts of words and of pairs of words."""
    hashing = HashingVectorizer(n_features=N_FEATURES, ngram_range=(1, 2), token_pattern=r"\S+")

    def features(texts: list[str]) -> NDArray[np.float32]:
        words = " ".join(texts).split()
        passages = [" ".join(words[begin : begin + PASSAGE]) for begin in range(0, len(words) - PASSAGE + 1, PASSAGE)]
        return np.asarray(hashing.transform(passages).toarray(), dtype=np.float32)

    return lambda synthetic: _mauve(features(real), features(synthetic))


def _mauve(real: NDArray[np.float32], synthetic: NDArray[np.float32]) -> Scores:
    from mauve import compute_mauve

    with redirect_stdout(StringIO()):
        score = compute_mauve(p_features=real, q_features=synthetic).mauve
    return {"scores": {"MAUVE": round(float(score), DIGITS)}}
