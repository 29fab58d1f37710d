"""Does the study of past runs know its truth, give its rivals a fair chance, and say what it missed?"""

from __future__ import annotations

import numpy as np
import pytest
from studies.past_runs import foretell
from studies.past_runs_page import write_page
from studies.power_laws import plain, with_constant
from studies.simulated_runs import ANSWERS, LAWS, METHODS, asked, draw_table, true_answers

from modelcollapse.estimation.runs import Runs

TOTAL = np.geomspace(1e6, 1e8, 8)
WHERE = [{"real": 4e8, "synthetic": 0.0}, {"real": 5e8, "synthetic": 5e8}]


def two_shares(loss: np.ndarray) -> Runs:
    """Return runs with real data alone, and with as much synthetic data, of the same losses."""
    return Runs(
        real=np.concatenate([TOTAL, TOTAL / 2]),
        synthetic=np.concatenate([0 * TOTAL, TOTAL / 2]),
        loss=np.concatenate([loss, 2 * loss]),
    )


def test_rivals_recover_their_own_laws() -> None:
    total = np.array([4e8, 1e9])
    for rival, loss in (
        (plain, lambda total: (total / 1e6) ** -0.3),
        (with_constant, lambda total: 1.5 + (total / 1e6) ** -0.3),
    ):
        np.testing.assert_allclose(rival(two_shares(loss(TOTAL)), WHERE), loss(total) * [1, 2], rtol=1e-4)


def test_plain_power_law_misses_a_constant() -> None:
    told = plain(two_shares(1.5 + (TOTAL / 1e6) ** -0.3), WHERE)
    assert abs(told[0] / (1.5 + 400**-0.3) - 1) > 0.02


@pytest.mark.parametrize("name", LAWS)
def test_simulated_tables_follow_their_laws(name: str) -> None:
    table = draw_table(LAWS[name], np.random.default_rng(0))
    truth = true_answers(table)
    assert list(truth) == ANSWERS
    assert len(asked(table)) == 4
    assert truth["loss at 10×, real"] < truth["loss at 4×, real"]
    assert truth["loss at 4×, half synthetic"] >= truth["loss at 4×, real"] * (1 - 1e-12)
    if name in ("power law", "with irreducible loss"):
        assert (truth["harmless share"], truth["price"]) == (1.0, pytest.approx(1.0))
    else:
        assert truth["price"] < 1


def test_page_says_what_is_outside_the_aim() -> None:
    def record(share: float) -> dict[str, object]:
        held = ["1" * len(ANSWERS)] * round(100 * share) + ["0" * len(ANSWERS)] * round(100 * (1 - share))
        return {"held": held, "errors": {method: [[0.01] * 4] * 100 for method in METHODS}}

    good = write_page({"with exchange": record(0.9)}, {})
    assert "Outside the aim: none." in good
    bad = write_page({"with exchange": record(0.8)}, {})
    assert "Outside the aim: with exchange, loss at 4×, half synthetic: 80.0%" in bad


def test_foretell_judges_the_larger_runs() -> None:
    rows = [
        {"real": int(total * (1 - share)), "synthetic": int(total * share), "repeat": repeat, "loss": loss}
        for total in 40.0 * 2 ** np.arange(7)
        for share in (0.0, 0.5)
        for repeat, loss in enumerate((1 + (total / 40) ** -0.5 + 0.3 * share) * np.array([0.999, 1.001]))
    ]
    found = foretell(rows)
    assert len(found["held"]) == 4
    assert found["errors"].keys() == set(METHODS)
    assert max(found["errors"]["modelcollapse"]) < 0.03
