"""Does the plan of an audit buy the best mixture of its tables, with their uncertainty, and nothing beyond them?"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from audit_fixture import audit_result, error, surface
from modelcollapse.decisions.audit_plan import is_audit, load_audit, plan_audit
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
    assert plan.real_only is not None
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
    table = surface()
    plan = plan_audit(load_audit(audit), prices=PRICES, budget=1e5)
    assert plan.at_edge
    assert any("may lie beyond" in sentence for sentence in plan.advice.changes)
    assert plan.best.counts["real"] <= table.real[-1]
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


def test_spending_tables_hold_what_is_drawn(audit: Path) -> None:
    plan = plan_audit(load_audit(audit), prices=PRICES, budget=200)
    data = spending_data(plan)
    assert data["profile"]["test_error"].min() == plan.best.test_error
    axes = draw_spending(data)
    assert axes.get_xlabel() == "share of the money for synthetic samples"
