"""Does the page on forecasts of own models say what its numbers say, good or bad?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).parent.parent


def rows(*, off: dict[str, float]) -> pd.DataFrame:
    """Return made-up findings whose forecasts are off by so much."""
    base: dict[str, Any] = {
        "world": "digits", "split": 0, "fits": 24, "real": 650, "synthetic": 0, "measured": 0.2, "inside": 1.0,
        "low": 0.1, "high": 0.3, "ridge": 0.4, "weight": 0.5, "helped": True,
    }  # fmt: skip
    told = {name: 0.2 * (1 + share) for name, share in off.items()}
    return pd.DataFrame([{**base, "estimator": name, **told} for name in ("mlp", "hist_gradient_boosting")])


def test_headline_names_what_is_close_and_what_is_not() -> None:
    from studies.own_models import headline

    said = headline(rows(off={"all": 0.03, "counts": -0.04, "power": 0.5}))
    assert "are off by 3.0 % in the median; laws in counts alone by 4.0 %, the plain power law by 50.0 %" in said
    assert "Within 5 % in the median: digits with mlp, digits with hist_gradient_boosting. Not so: none." in said
    assert said.endswith("does not help: none.")
    said = headline(rows(off={"all": 0.06, "counts": 0.04, "power": 0.5}))
    assert "Within 5 % in the median: none. Not so: digits with mlp" in said
    assert said.endswith("does not help: digits with mlp, digits with hist_gradient_boosting.")


def test_page_is_made_from_the_numbers_beside_it() -> None:
    from studies.own_models import PAGE, STORE, page

    content = json.loads((ROOT / "docs" / STORE).read_text())
    written = (ROOT / "docs" / PAGE).read_text()
    assert page(pd.DataFrame(content["rows"])) == written
    worse = pd.DataFrame(content["rows"]).assign(all=lambda found: 1.5 * found["all"])
    assert page(worse) != written


def test_parts_share_no_row_and_hold_four_times_the_rows_at_hand() -> None:
    from studies.own_models import GROWTH, WORLDS, parts
    from studies.tables import digits

    world = WORLDS[0]
    real, synthetic, held = parts(world, digits(None), number=0, seed=0)
    assert (len(real[0]), len(synthetic[0]), len(held[0])) == (GROWTH * world.n_pool,) * 2 + (world.n_holdout,)
    images = {tuple(row) for row in np.asarray(real[0])}
    assert not images & {tuple(row) for row in np.asarray(held[0])}
    assert not images & {tuple(row) for row in np.asarray(synthetic[0])}
