"""Is the audit of tables silent on real columns that are nearly always the same, tied or missing, and what is said?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from modelcollapse.decisions.distribution_result import DistributionAudit
from modelcollapse.decisions.table_audit import audit_tables, compare_with, reference
from modelcollapse.estimation import table_association, table_classifier, table_neighbours
from modelcollapse.estimation.table_association import Association
from modelcollapse.estimation.table_columns import Columns, Frame, encode, infer_schema
from modelcollapse.estimation.table_quantiles import Quantiles, fit_quantiles
from modelcollapse.estimation.table_spread import Spread

Draw = Callable[[np.random.Generator], pd.DataFrame]
N_TRIALS = 12
ALARMS = N_TRIALS * 0.05 + 5 * np.sqrt(N_TRIALS * 0.05 * 0.95)


def amounts(rng: np.random.Generator, n: int = 1000, *, shares: tuple[float, ...], beside: int = 1) -> pd.DataFrame:
    """Draw independent columns: amounts that are 0 in all but some shares of the rows, and Gaussian ones."""
    sparse = {f"z{k}": np.where(rng.random(n) < p, rng.lognormal(8, 1, n).round(), 0) for k, p in enumerate(shares)}
    return pd.DataFrame(sparse | {f"x{k}": rng.standard_normal(n) for k in range(beside)})


def few(rng: np.random.Generator) -> pd.DataFrame:
    return amounts(rng, shares=(0.03, 0.04, 0.045, 0.055, 0.06, 0.08))


def edge(rng: np.random.Generator) -> pd.DataFrame:
    """Draw columns whose 95 % quantile is the end of the zeros."""
    return amounts(rng, shares=(0.045, 0.0475, 0.05, 0.0525, 0.055) * 2)


def hardly_any(rng: np.random.Generator) -> pd.DataFrame:
    return amounts(rng, shares=(0.002, 0.003, 0.005, 0.007) * 6)


def rare_flags(rng: np.random.Generator) -> pd.DataFrame:
    flags = {f"f{k}": np.where(rng.random(1000) < p, "yes", "no") for k, p in enumerate((0.003, 0.01, 0.03) * 3)}
    return pd.DataFrame(flags).assign(x=rng.standard_normal(1000))


def alarms(draw: Draw, monkeypatch: pytest.MonkeyPatch) -> int:
    """Count alarms of real against real rows, without the classifier, which takes time and has no part in this."""
    monkeypatch.setattr(table_classifier, "ITERATIONS", 1)
    found = 0
    for trial in range(N_TRIALS):
        rng = np.random.default_rng(trial)
        found += bool(compare_with(reference(draw(rng), n_splits=99, seed=trial), draw(rng)).found)
    return found


@pytest.mark.parametrize("draw", [few, edge, hardly_any, rare_flags])
def test_audit_stays_silent_on_sparse_columns(draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    assert alarms(draw, monkeypatch) <= ALARMS


TWINS: dict[str, tuple[Draw, type, str, Callable[..., Any]]] = {
    "noise of independence": (few, Association, "_noise", lambda *_: 1e-3),
    "edges of common values": (edge, Quantiles, "_steady", lambda self, *_: np.ones(len(self.names), dtype=bool)),
    "few rows": (hardly_any, Spread, "_sparse", lambda self, *_: np.zeros(len(self.names), dtype=bool)),
    "a single row": (hardly_any, Association, "_noise", lambda self, pair, size: size**-0.5),
}


@pytest.mark.parametrize("twin", TWINS)
def test_audit_stays_silent_on_sparse_columns_only_because_of(twin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    draw, owner, name, wrong = TWINS[twin]
    monkeypatch.setattr(owner, name, wrong)
    assert alarms(draw, monkeypatch) > ALARMS


def test_audit_finds_that_a_sparse_column_is_gone() -> None:
    rng = np.random.default_rng(0)
    real, synthetic = (amounts(rng, 2000, shares=(0.03, 0.04)) for _ in range(2))
    (result,) = audit_tables(real, synthetic.assign(z0=0.0), n_splits=39)
    names = {finding.name for finding in result.found}
    assert "share off the commonest value of `z0`" in names
    assert not any("`z1`" in name for name in names)
    assert "spread is smaller in 1 column" in result.verdict
    assert "of `z0` differ from its commonest value" in result.details


def test_a_correlation_of_independent_sparse_columns_varies_as_the_grain_says() -> None:
    rng = np.random.default_rng(0)
    n_rows, n_draws = 400, 4000
    both = rng.random((2, n_draws, n_rows)) < 0.08
    with np.errstate(invalid="ignore"):
        centred = both - both.mean(axis=2, keepdims=True)
        values = (centred[0] * centred[1]).sum(axis=1) / np.sqrt((centred**2).sum(axis=2).prod(axis=0))
    ratio = values**2 * (n_rows - 1)
    stderr = ratio.std(ddof=1) / np.sqrt(n_draws)
    assert abs(ratio.mean() - 1) < 5 * stderr
    assert abs(ratio.mean() / 2 - 1) > 5 * stderr  # the twin: half the variance


def columns(table: pd.DataFrame) -> Columns:
    frame = Frame(data=table, name="real")
    return encode(frame, infer_schema(frame, None))


def test_quantiles_are_left_out_only_where_they_are_near_the_edge_of_a_common_value() -> None:
    rng = np.random.default_rng(0)
    table = amounts(rng, 10_000, shares=(0.01, 0.05, 0.2, 0.5, 0.8))
    table["rounded"] = table["x0"].round(2)
    names = {measure.name for measure in fit_quantiles(columns(table)).measures(5000)}
    middle = {name.split("`")[1] for name in names if name.startswith("middle")}
    median = {name.split("`")[1] for name in names if name.startswith("median")}
    assert middle == set(table) - {"z1"}
    assert median == set(table) - {"z3"}


def tied(rng: np.random.Generator) -> pd.DataFrame:
    """Draw a column, its copy, an increasing and a decreasing function of it, and another one."""
    a = rng.standard_normal(600)
    return pd.DataFrame({"a": a, "copy": a, "up": np.exp(a), "down": -(a**3), "b": rng.standard_normal(600)})


def test_audit_stays_silent_on_columns_that_determine_each_other() -> None:
    rng = np.random.default_rng(0)
    real, synthetic = tied(rng), tied(rng)
    (same,) = audit_tables(real, synthetic, n_splits=39)
    assert not same.found
    assert all(np.isfinite(finding.distance) for finding in same.findings)
    looser = synthetic.assign(copy=synthetic["a"] + 0.3 * rng.standard_normal(600))
    (found,) = audit_tables(real, looser, n_splits=39)
    assert "rank correlation of `a` and `copy`" in {finding.name for finding in found.found}


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_audit_says_of_a_column_that_is_hardly_known_only_that(share: float) -> None:
    rng = np.random.default_rng(0)
    real, synthetic = tied(rng), tied(rng)
    synthetic.loc[rng.random(600) >= share, "a"] = np.nan
    (result,) = audit_tables(real, synthetic, n_splits=39)
    assert {finding.name for finding in result.findings if "`a`" in finding.name} == {"missing share of `a`"}
    assert {finding.topic for finding in result.found} <= {"missing values", "classifier"}
    assert "shares of missing values differ in 1 column" in result.verdict
    assert sum("only its missing values are compared" in step for step in result.steps) == 1
    assert "spread of `b`" in {finding.name for finding in result.findings}


def test_audit_leaves_out_a_column_that_is_hardly_known_in_real_data() -> None:
    rng = np.random.default_rng(0)
    real, synthetic = tied(rng), tied(rng)
    real.loc[3:, "a"] = np.nan
    (result,) = audit_tables(real, synthetic, n_splits=39)
    assert not any("`a`" in finding.name for finding in result.findings)
    assert "`a` left out: 3 real values only." in result.steps


LIMITS: dict[str, tuple[object, str, Any]] = {
    "Association: 3 columns left out": (table_association, "MOST_FEATURES", 3),
    "Association: 2 of 10 pairs": (table_association, "MOST_PAIRS", 2),
    "Association: 100 of the 300 rows": (table_association, "_COST", 3600),
    "Nearest real rows": (table_neighbours, "MOST_ROWS", 200),
    "Classifier: 200 rows": (table_classifier, "MOST_ROWS", 200),
    "Importance of columns: 100 rows": (table_classifier, "SHOWN_ROWS", 100),
}


def narrowed() -> DistributionAudit:
    rng = np.random.default_rng(0)
    real, synthetic = tied(rng), 0.5 * tied(rng)
    return audit_tables(real, synthetic, n_splits=19)[0]


@pytest.mark.parametrize("said", LIMITS)
def test_audit_says_what_it_did_not_look_at(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any(step.startswith(said) for step in narrowed().steps)
    monkeypatch.setattr(*LIMITS[said])
    assert sum(step.startswith(said) for step in narrowed().steps) == 1
