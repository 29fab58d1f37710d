"""Does the plan of an audit buy the best mixture of its tables, with their uncertainty, and nothing beyond them?"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audit_fixture import audit_result, curves, error, surface, unknown, validation_point
from modelcollapse.decisions.audit_file import is_audit, load_audit, read_audit
from modelcollapse.decisions.audit_plan import plan_audit
from modelcollapse.errors import InputError
from modelcollapse.figures.plan import draw_spending, spending_data

PRICES = {"real": 1.0, "synthetic": 0.02}


@pytest.fixture
def audit(tmp_path: Path) -> Path:
    path = tmp_path / "audit.json"
    path.write_text(json.dumps(audit_result().to_dict()))
    return path


def test_plan_of_an_audit_is_the_best_of_its_surface(audit: Path) -> None:
    plan = plan_audit(load_audit(audit), prices=PRICES, budget=200)
    share = np.linspace(0, 1, 2001)
    errors = error(200 * (1 - share), 200 * share / 0.02)
    inside = 200 * (1 - share) >= 50
    assert plan.best.test_error == pytest.approx(errors[inside].min(), rel=5e-3)
    assert plan.best.test_error < 0.98 * errors[0]  # real rows alone would not pass
    assert plan.best.test_error == pytest.approx(error(*map(float, plan.best.counts.values())), rel=5e-3)
    assert plan.best.cost <= 200
    assert 0 < plan.indifferent[0] <= plan.share <= plan.indifferent[1] < 1
    assert plan.real_only.counts == {"real": 200, "synthetic": 0}
    assert plan.real_only.weight == 1.0
    assert not plan.at_edge


def test_band_is_that_of_the_nearest_forecast(audit: Path) -> None:
    plan = plan_audit(load_audit(audit), prices=PRICES, budget=200)
    low, high = plan.best.band
    assert low < plan.best.test_error < high
    total = sum(plan.best.counts.values())
    expected = 1.64 * 0.25 / np.sqrt(total)  # the made-up half width; the nearest forecast has another total
    assert (high - low) / 2 == pytest.approx(expected, rel=0.3)
    assert abs((high - low) / 2 / (1.64 * 0.25 / np.sqrt(5 * total)) - 1) > 0.3  # a far forecast's would not pass


def test_nothing_is_bought_beyond_the_tables(audit: Path) -> None:
    whole = surface()
    axes = {"real": whole.real[:12], "synthetic": whole.synthetic[:12]}
    grids = {name: getattr(whole, name)[:12, :12] for name in ("test_error", "weight", "ridge")}
    table = replace(whole, **axes, **grids)
    plan = plan_audit(read_audit(audit_result(surfaces=(table,)).to_dict()), prices=PRICES, budget=1e5)
    assert plan.at_edge
    assert any("may lie beyond" in sentence for sentence in plan.advice.changes)
    assert plan.best.counts["real"] <= table.real[-1]
    plan = plan_audit(load_audit(audit), prices=PRICES, budget=1e5)
    assert sum(plan.best.counts.values()) <= 40_000  # beyond, the made-up data cannot tell
    with pytest.raises(InputError, match="buys no mixture that the audit can tell"):
        plan_audit(load_audit(audit), prices=PRICES, budget=20)


@pytest.mark.parametrize(
    ("prices", "message"),
    [
        ({"real": 1.0}, "price of `real` and of a synthetic source"),
        ({"synthetic": 1.0}, "price of `real` and of a synthetic source"),
        ({"real": 1.0, "synthetic": 0.0}, "price of synthetic"),
        ({"real": 1.0, "syntetic": 0.1}, "Did you mean `synthetic`"),
    ],
)
def test_plan_of_an_audit_refuses_prices_that_do_not_fit(audit: Path, prices: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan_audit(load_audit(audit), prices=prices, budget=100)


def test_audits_are_told_from_problems(audit: Path, tmp_path: Path) -> None:
    problem = tmp_path / "problem.json"
    problem.write_text('{"kind": "mixture"}')
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    assert is_audit(audit)
    assert not any(map(is_audit, (problem, broken, tmp_path / "none.json", tmp_path / "problem.toml")))
    content = json.loads(audit.read_text())
    del content["surfaces"]
    audit.write_text(json.dumps(content))
    with pytest.raises(InputError, match="no `surfaces`"):
        load_audit(audit)


@pytest.mark.parametrize(("stderr", "mixed"), [(0.002, True), (0.02, False)])
def test_synthetic_rows_are_bought_only_where_they_are_clearly_better(stderr: float, mixed: bool) -> None:
    """The best of a table of noisy errors looks better than real rows by luck alone."""
    audit = audit_result(curves=curves(stderr=stderr)).to_dict()
    plan = plan_audit(read_audit(audit), prices=PRICES, budget=200)
    assert plan.mixture is not None
    assert plan.gain == pytest.approx(plan.real_only.test_error - plan.mixture.test_error)
    assert plan.gain > 0
    assert (plan.gain >= 2.5 * plan.gain_stderr) == mixed
    assert plan.best == (plan.mixture if mixed else plan.real_only)
    assert (plan.share > 0) == mixed
    assert ("no mixture that the audit can tell is clearly better" in plan.advice.recommendation) != mixed
    assert any(sentence.startswith("Tempting") for sentence in plan.advice.reasons) != mixed


def test_plan_of_an_audit_quotes_its_verdict_and_confidence(audit: Path) -> None:
    result = audit_result()
    said = " ".join(plan_audit(load_audit(audit), prices=PRICES, budget=200).advice.uncertainty)
    assert all(words in said for words in (result.verdict, result.confidence, result.confidence_reason))


def test_plan_refuses_an_audit_that_cannot_tell_or_failed_its_check() -> None:
    off = tuple(validation_point(200.0, 300.0, off=off, classification=False) for off in (6.0, -5.0, 7.0))
    for result, message in (
        (unknown(), "not enough data to tell what"),
        (audit_result(validation=off), "cannot be planned with"),
        (audit_result(validation=()), "cannot be planned with"),
    ):
        with pytest.raises(InputError, match=message):
            plan_audit(read_audit(result.to_dict()), prices=PRICES, budget=200)


@pytest.mark.parametrize("stderr", [0.002, 0.02])
def test_plan_tells_what_an_audit_of_other_rows_cannot_only_where_it_is_clear(stderr: float) -> None:
    verdict = "There is not enough data to tell whether the synthetic rows help."
    audit = read_audit(audit_result(verdict=verdict, curves=curves(stderr=stderr)).to_dict())
    if stderr < 0.01:
        assert plan_audit(audit, prices=PRICES, budget=200).best.mixed
    else:
        with pytest.raises(InputError, match="Nor can it tell whether"):
            plan_audit(audit, prices=PRICES, budget=200)


def test_money_that_brings_nothing_is_not_spent() -> None:
    """Beyond some count, further synthetic rows change the made-up error by less than 0.1 %."""
    table = surface()
    flat = np.minimum(table.test_error, table.test_error[:, [12]])  # no change from the thirteenth count on
    flat[:, 13:] = flat[:, [12]]
    result = audit_result(surfaces=(replace(table, test_error=flat),))
    plan = plan_audit(read_audit(result.to_dict()), prices=PRICES, budget=500, at_most={"real": 100})
    cap = table.synthetic[12]
    assert plan.best.counts["real"] == 100
    assert plan.best.counts["synthetic"] <= 1.01 * cap
    assert plan.best.cost < 0.7 * 500
    assert any("brings less than 0.10 %" in sentence for sentence in plan.advice.reasons)
    assert plan.real_only.cost == 100


def test_few_of_many_cheap_rows_are_found_beside_capped_real_ones() -> None:
    table = surface()
    valley = 0.02 * np.log((table.synthetic + 1) / 1000) ** 2  # around a thousand synthetic rows
    result = audit_result(surfaces=(replace(table, test_error=0.3 + 1 / table.real[:, None] + valley),))
    plan = plan_audit(read_audit(result.to_dict()), prices={"real": 1.0, "synthetic": 1e-4}, budget=1e4,
                      at_most={"real": 100})  # fmt: skip
    assert plan.best.counts["real"] > 85  # 0.1 % of the error is a sixth of what the real rows do
    assert 500 < plan.best.counts["synthetic"] < 2000
    assert plan.best.cost < 101


def test_target_error_is_reached_for_as_little_as_possible(audit: Path) -> None:
    plan = plan_audit(load_audit(audit), prices=PRICES, target_error=0.38)
    assert plan.best.mixed
    assert plan.best.test_error <= 0.38
    assert plan.best.cost == pytest.approx(plan.budget, rel=1e-9)
    cheaper = plan_audit(load_audit(audit), prices=PRICES, budget=0.97 * plan.budget)
    assert cheaper.best.test_error > 0.38
    assert plan.real_only.test_error > 0.38  # for the same money
    few = plan_audit(load_audit(audit), prices=PRICES, target_error=0.38, at_most={"synthetic": 50})
    assert few.best.counts["synthetic"] <= 50
    assert few.best.cost > plan.best.cost
    with pytest.raises(InputError, match="`target_error` must be within"):
        plan_audit(load_audit(audit), prices=PRICES, target_error=0.1)


def test_target_error_is_reached_by_real_rows_where_no_mixture_is_clearly_better() -> None:
    audit = read_audit(audit_result(curves=curves(stderr=0.05)).to_dict())
    plan = plan_audit(audit, prices=PRICES, target_error=0.36)
    assert not plan.best.mixed
    assert plan.best.test_error <= 0.36 < float(error(0.97 * plan.best.counts["real"], 0.0))
    assert plan.best.cost > plan.budget


DAMAGE: dict[str, Any] = {
    "surfaces": [],
    "curves": [],
    "rows": [1],
    "best": None,
    "validation": [{}],
    "verdict": 3,
    "confidence": None,
}


@pytest.mark.parametrize("part", DAMAGE)
def test_damaged_audits_are_refused_by_name(part: str) -> None:
    content = audit_result().to_dict() | {part: DAMAGE[part]}
    with pytest.raises(InputError, match=f"the audit's `{part}` is damaged"):
        read_audit(content)


@pytest.mark.parametrize(
    ("key", "value"),
    [("source", "other"), ("source", None), ("real", [1, [2]]), ("real", [3, 2, 1]), ("weight", "heavy"),
     ("test_error", [[1.0], [1.0, 2.0]]), ("ridge", [[-1.0]])],
)  # fmt: skip
def test_damaged_surfaces_are_refused(key: str, value: Any) -> None:
    content = audit_result().to_dict()
    content["surfaces"][0][key] = value
    with pytest.raises(InputError, match="the audit's `surfaces` is damaged"):
        read_audit(content)


def test_spending_tables_hold_what_is_drawn(audit: Path) -> None:
    plan = plan_audit(load_audit(audit), prices=PRICES, budget=200)
    data = spending_data(plan)
    assert data["profile"]["test_error"].min() == plan.best.test_error
    axes = draw_spending(data)
    assert axes.get_xlabel() == "share of the money for synthetic samples"


def test_picture_shows_a_tempting_mixture_apart_from_what_to_buy() -> None:
    plan = plan_audit(read_audit(audit_result(curves=curves(stderr=0.02)).to_dict()), prices=PRICES, budget=200)
    data = spending_data(plan)
    axes = draw_spending(data)
    assert plan.mixture is not None
    assert data["best"]["share"].tolist() == [0.0]
    assert data["tempting"]["test_error"].tolist() == [plan.mixture.test_error]
    assert axes.get_ylim()[0] < plan.mixture.test_error
    assert "tempting, not clearly better" in axes.get_legend_handles_labels()[1]
