"""Does preparation point at constants, other units and leaks, and only at these?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from modelcollapse.estimation.preparation import prepare
from modelcollapse.streams import stream


def _frame(n_rows: int, seed: int) -> pd.DataFrame:
    """Draw a dense, a sparse and a text column, a quantity and a class."""
    rng = stream(seed, "suspicions")
    size = rng.standard_normal(n_rows)
    return pd.DataFrame(
        {
            "size": size,
            "rain": np.where(rng.random(n_rows) < 0.2, rng.exponential(size=n_rows), 0.0),
            "town": rng.choice(["Oslo", "Rome"], n_rows),
            "price": 2 * size + rng.standard_normal(n_rows),
            "sold": np.where(rng.random(n_rows) < 0.5, "yes", "no"),
        }
    )


def _warnings(real: pd.DataFrame, synthetic: pd.DataFrame, *, target: str = "price") -> str:
    return " ".join(prepare(real, synthetic, target=target).warnings)


REAL, SYNTHETIC = _frame(300, 1), _frame(400, 2)
WORDS = ("constant there", "single value", "another unit", "leak", "of the class")


@pytest.mark.parametrize("target", ["price", "sold"])
def test_suspicions_are_silent_about_sound_data(target: str) -> None:
    found = _warnings(REAL, SYNTHETIC, target=target)
    assert not any(word in found for word in WORDS)


def test_suspicions_name_columns_that_are_constant_in_a_synthetic_source_only() -> None:
    synthetic = SYNTHETIC.assign(size=1.5, town="Oslo")
    assert "synthetic: 2 columns constant there, not in real: `size`, `town`." in _warnings(REAL, synthetic)
    assert "constant there" not in _warnings(REAL.assign(size=2.5), synthetic.assign(town=SYNTHETIC["town"]))


@pytest.mark.parametrize(("n_varying", "said"), [(1, False), (60, True)])
def test_suspicions_forgive_columns_that_hardly_vary_in_real_data(n_varying: int, said: bool) -> None:
    real = REAL.assign(rain=np.where(np.arange(len(REAL)) % 300 < n_varying, 1.0, 0.0))
    assert ("constant there" in _warnings(real, SYNTHETIC.assign(rain=0.0))) == said
    assert "constant there" in _warnings(real, SYNTHETIC.assign(rain=5.0))


def test_suspicions_name_a_constant_synthetic_target() -> None:
    assert "synthetic: the target takes the single value 1.5." in _warnings(REAL, SYNTHETIC.assign(price=1.5))
    found = _warnings(REAL, SYNTHETIC.assign(sold="yes"), target="sold")
    assert "synthetic: all usable rows are of the class `yes`." in found


@pytest.mark.parametrize(("factor", "said"), [(1000, "times larger"), (0.01, "times smaller"), (10, ""), (0.1, "")])
@pytest.mark.parametrize(("column", "what"), [("size", "column `size`"), ("price", "the target"), ("rain", "`rain`")])
def test_suspicions_ask_about_units_when_scales_differ_by_more_than_30(
    column: str, what: str, factor: float, said: str
) -> None:
    found = _warnings(REAL, SYNTHETIC.assign(**{column: factor * SYNTHETIC[column]}))
    assert ("another unit?" in found) == bool(said)
    assert (what in found) == bool(said)
    assert said in found


def test_suspicions_do_not_take_rarer_values_for_another_unit() -> None:
    rare = SYNTHETIC["rain"].where(np.arange(len(SYNTHETIC)) < 80, 0.0)
    assert "another unit" not in _warnings(REAL, SYNTHETIC.assign(rain=rare))


def test_suspicions_name_features_that_are_the_target() -> None:
    leaky = [frame.assign(copy=frame["price"], other=2 * frame["price"]) for frame in (REAL, SYNTHETIC)]
    assert "real: equal to the target in every row: `copy`; a leak?" in _warnings(*leaky)
    coded = [frame.assign(code=np.where(frame["sold"] == "yes", 7, 9)) for frame in (REAL, SYNTHETIC)]
    assert "real: equal to the target in every row: `code`; a leak?" in _warnings(*coded, target="sold")
    coded[0].loc[299, "code"] = 16 - coded[0].loc[299, "code"]
    assert "leak" not in _warnings(*coded, target="sold")
