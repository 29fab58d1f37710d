"""Does the audit of tables find what was planted, stay silent on real data, and say what it did?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from modelcollapse.decisions import table_audit
from modelcollapse.decisions.distribution_result import DistributionAudit, Finding
from modelcollapse.decisions.real_against_real import Draws, judge
from modelcollapse.decisions.table_audit import Reference, audit_tables, compare_with, reference
from modelcollapse.errors import InputError
from modelcollapse.estimation import table_association, table_spread
from planted_tables import CATEGORIES, NUMBERS, PLANTS, sample

N_ROWS = 4000


@cache
def real(seed: int = 0) -> Reference:
    """Return a reference that several tests use."""
    return reference(sample(np.random.default_rng(seed), N_ROWS), n_splits=99, seed=seed)


def second(seed: int = 1, n: int = N_ROWS, **law: Any) -> pd.DataFrame:
    return sample(np.random.default_rng(1000 + seed), n, **law)


def audited(plant: str, *, seed: int = 1) -> DistributionAudit:
    rng = np.random.default_rng(seed)
    return compare_with(real(), PLANTS[plant](second(seed), rng))


FOUND = {  # plant, topic that must be found, word of the verdict
    "spread": ("spread", "spread is smaller in 4 columns"),
    "categories": ("categories", "categories are gone in 2 columns"),
    "tails": ("tails", "tails are thinner in"),
    "association": ("association", "columns go together less"),
    "invented": ("categories", "there are new categories in 1 column"),
    "repeats": ("repeats", "rows repeat each other"),
    "missing values": ("missing values", "shares of missing values differ in 1 column"),
    "location": ("location", "values are shifted in 1 column"),
}


@pytest.mark.parametrize("plant", FOUND)
def test_audit_finds_what_was_planted(plant: str) -> None:
    topic, said = FOUND[plant]
    result = audited(plant)
    assert topic in {finding.topic for finding in result.found}
    assert said in result.verdict, result.verdict


def test_audit_finds_a_lost_cluster_and_says_where_it_was() -> None:
    result = compare_with(real(), second(cluster=False))
    (lost,) = (loss for loss in result.losses if loss.name.startswith("clusters"))
    assert 0.01 < lost.share < 0.03
    assert any("`a` about 2" in example or "`b` about −2" in example for example in lost.examples)


def test_audit_names_the_categories_that_are_gone() -> None:
    result = audited("categories")
    by_column = {loss.name: loss for loss in result.losses}
    assert set(by_column) == {f"categories of `{name}`" for name in CATEGORIES}
    loss = by_column["categories of `e`"]
    assert loss.count >= 25
    assert {"e50", "e52", "e54"} & set(loss.examples)


def test_audit_finds_rows_copied_from_real_ones() -> None:
    table = second()
    table.iloc[:200] = real().frame.data.iloc[:200].to_numpy()
    result = compare_with(real(), table.infer_objects())
    assert "rows copy real rows" in result.verdict
    assert {f.name for f in result.found} >= {"rows equal to a real row", "rows close to a real row"}


def test_audit_finds_rows_nearly_copied_from_real_ones() -> None:
    table = second()
    table.iloc[:200] = real().frame.data.iloc[:200].to_numpy()
    table = table.infer_objects()
    table[list(NUMBERS)] += 1e-4 * np.random.default_rng(0).standard_normal((N_ROWS, 4))
    found = {f.name for f in compare_with(real(), table).found}
    assert "rows close to a real row" in found
    assert "rows equal to a real row" not in found


def test_audit_finds_invented_regions_and_the_columns_that_give_them_away() -> None:
    table = second()
    table.loc[:400, "d"] += 6.0
    result = compare_with(real(), table)
    assert "rows lie where no real row is" in result.verdict
    assert result.facts[0].name == "importance of `d`"
    assert "The classifier goes by `d`" in result.details


def alarms(rows: Iterator[tuple[Reference, pd.DataFrame]]) -> int:
    return sum(bool(compare_with(known, table).found) for known, table in rows)


def small_worlds(n_trials: int, n: int = 400) -> Iterator[tuple[Reference, pd.DataFrame]]:
    for trial in range(n_trials):
        known = reference(second(2 * trial, n), n_splits=39, seed=trial)
        yield known, second(2 * trial + 1, n)


def test_audit_stays_silent_on_real_data() -> None:
    n_trials = 30
    assert alarms(small_worlds(n_trials)) <= n_trials * 0.05 + 5 * np.sqrt(n_trials * 0.05 * 0.95)


def test_audit_stays_silent_only_because_of_the_correction(monkeypatch: pytest.MonkeyPatch) -> None:
    def uncorrected(draws: Draws) -> tuple[Finding, ...]:
        return tuple(replace(f, found=not f.band[0] <= f.synthetic <= f.band[1]) for f in judge(draws))

    monkeypatch.setattr(table_audit, "judge", uncorrected)
    n_trials = 10
    assert alarms(small_worlds(n_trials)) > n_trials * 0.05 + 5 * np.sqrt(n_trials * 0.05 * 0.95)


Draw = Callable[[np.random.Generator], pd.DataFrame]


def flags(rng: np.random.Generator) -> pd.DataFrame:
    """Draw unrelated numbers and even flags: the size of an association that is none is alike in two halves."""
    columns: dict[str, Any] = {f"x{k}": rng.standard_normal(1000) for k in range(3)}
    return pd.DataFrame(columns | {f"c{k}": rng.choice(["yes", "no"], 1000) for k in range(3)})


def heavy_tails(rng: np.random.Generator) -> pd.DataFrame:
    """Draw numbers whose standard deviation hangs on a few rows."""
    return pd.DataFrame(rng.standard_cauchy((300, 6)), columns=list("abcdef"))


def names(rng: np.random.Generator) -> pd.DataFrame:
    """Draw categories of which most are rare, so that every sample has some that no other one has."""
    return pd.DataFrame({f"c{k}": [f"n{v}" for v in np.minimum(rng.zipf(1.6, 1000), 10**6)] for k in range(3)})


def law_alarms(draw: Draw, n_trials: int = 20) -> int:
    found = 0
    for trial in range(n_trials):
        rng = np.random.default_rng(trial)
        found += bool(compare_with(reference(draw(rng), n_splits=39, seed=trial), draw(rng)).found)
    return found


ALARMS = 20 * 0.05 + 5 * np.sqrt(20 * 0.05 * 0.95)


@pytest.mark.parametrize("draw", [flags, heavy_tails, names])
def test_audit_stays_silent_on_real_data_of_every_kind(draw: Draw) -> None:
    assert law_alarms(draw) <= ALARMS


def test_audit_stays_silent_on_flags_only_because_of_the_grain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_association.Association, "_noise", lambda *_: 0.0)
    assert law_alarms(flags) > ALARMS


def test_audit_stays_silent_on_heavy_tails_only_because_they_are_drawn_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_spread, "REACH", 1e9)
    assert law_alarms(heavy_tails) > ALARMS


def test_audit_repeats_itself_and_follows_its_seed() -> None:
    first, again = (audit_tables(real().frame.data, second(), n_splits=39)[0] for _ in range(2))
    other = audit_tables(real().frame.data, second(), n_splits=39, seed=1)[0]
    assert first.findings == again.findings
    assert first.findings != other.findings


def test_audit_computes_the_null_once_for_several_tables() -> None:
    known = reference(sample(np.random.default_rng(0), 1000), n_splits=39)
    results = [compare_with(known, second(seed, 700)) for seed in range(2)]
    assert list(known.nulls) == [500]
    assert {result.counts["compared"] for result in results} == {500}
    compare_with(known, second(3, 300))
    assert list(known.nulls) == [500, 300]


def test_audit_of_several_tables_names_them() -> None:
    table = real().frame.data
    results = audit_tables(table, [second(), PLANTS["spread"](second(2), np.random.default_rng(0))], n_splits=39)
    assert [result.source for result in results] == ["synthetic", "synthetic2"]
    assert [bool(result.found) for result in results] == [False, True]


def test_audit_does_not_judge_the_classifier_as_a_mean_over_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[Draws] = []
    monkeypatch.setattr(table_audit, "judge", lambda draws: judged.append(draws) or judge(draws))
    compare_with(real(), second())
    (draws,) = judged
    assert draws.measures[-1].topic == "classifier"
    assert np.asarray(draws.n_parts).tolist() == [20] * (len(draws.measures) - 1) + [1]
    assert draws.widening[-1] == 1.0


def test_audit_is_plain_json() -> None:
    content = json.loads(json.dumps(audited("categories").to_dict(), allow_nan=False))
    assert content["n_measures"] == len(content["findings"])
    assert set(content["findings"][0]) >= {"name", "real", "synthetic", "band", "p_value", "found", "sentence"}


def test_audit_says_what_was_compared() -> None:
    table = real().frame.data.assign(number=np.arange(N_ROWS))
    result = audit_tables(table, second().assign(number=np.arange(N_ROWS)), n_splits=19)[0]
    assert result.counts == {"real": N_ROWS, "synthetic": N_ROWS, "compared": N_ROWS // 2}
    assert any("4 numeric columns" in step and "2 categorical columns" in step for step in result.steps)
    assert any("`number` left out" in step for step in result.steps)


def test_audit_of_a_column_that_is_constant_in_real_data() -> None:
    table = real().frame.data.assign(g=7)
    same, other = (second().assign(g=values) for values in (7, np.random.default_rng(0).standard_normal(N_ROWS)))
    assert not audit_tables(table, same, n_splits=19)[0].found
    assert "new categories in 1 column" in audit_tables(table, other, n_splits=19)[0].verdict


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_audit_does_not_depend_on_the_unit(scale: float) -> None:
    table, other = real().frame.data, PLANTS["spread"](second(), np.random.default_rng(0))
    plain, scaled = (
        audit_tables(table.assign(a=factor * table["a"]), other.assign(a=factor * other["a"]), n_splits=19)[0]
        for factor in (1.0, scale)
    )
    distance = {f.name: f.distance for f in plain.findings if "`a`" in f.name}
    for finding in scaled.findings:
        if finding.name in distance and "mean size" not in finding.name:
            assert finding.distance == pytest.approx(distance[finding.name], rel=1e-6, abs=1e-6)


def test_audit_warns_where_the_level_is_approximate() -> None:
    few, many = (audit_tables(second(0, n), second(1, n), n_splits=19)[0].warnings for n in (150, 250))
    assert any("Only 75 rows are compared" in warning for warning in few)
    assert not any("rows are compared" in warning for warning in many)


def test_audit_takes_infinite_numbers_for_missing_ones() -> None:
    table = second()
    table.loc[:10, "a"] = np.inf
    result = compare_with(real(), table)
    assert any("counted as missing" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="a"), "missing `a`"),
        (lambda table: table.rename(columns={"a": "aa"}), "Did you mean `aa`"),
        (lambda table: table.assign(z=1), "extra `z`"),
        (lambda table: table.iloc[:1], "at least 20 rows"),
        (lambda table: table.iloc[:, :0], "there is no column"),
        (lambda table: table.assign(a="text"), "holds text"),
        (lambda table: [[1]], "must be a DataFrame or a path"),
    ],
)
def test_audit_refuses_in_one_line(change: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        compare_with(real(), change(second()))
    assert "\n" not in str(error.value)


def test_audit_refuses_tables_without_anything_to_compare() -> None:
    constant, keys = pd.DataFrame({"a": [1] * 50}), pd.DataFrame({"a": np.arange(50)})
    with pytest.raises(InputError, match="every column is constant"):
        audit_tables(constant, constant)
    with pytest.raises(InputError, match="no column is left to compare"):
        audit_tables(keys, keys)
    with pytest.raises(InputError, match="a table or a sequence of them"):
        audit_tables(keys, [])
