"""Does the study of diagnoses draw what it says, go on where it stopped, and write what came of it?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def test_planted_strength_is_the_largest_excess() -> None:
    from studies import planted_runs

    for plant in planted_runs.PLANTS[:5]:
        clean, planted = (
            plant.draw(strength, 48, np.random.default_rng(0)).loss for strength in (0.0, plant.strengths[-1])
        )
        excess = np.log(planted / clean).max()
        largest = np.log1p(0.2 * 1.7 / 1.7) if plant.name == "floor" else plant.strengths[-1]  # the floor: of the limit
        assert excess <= largest * (1 + 1e-9)
        assert excess > 0.5 * largest


@pytest.mark.parametrize("n", [12, 40])
def test_clean_kinds_are_what_they_say(n: int) -> None:
    from studies.planted_runs import draw_clean

    generator = np.random.default_rng(1)
    late = draw_clean(generator, n=n, noise=0.01, confounded=True)
    assert late.total[late.synthetic > 0].min() > late.total[late.synthetic == 0].max()
    fixed = draw_clean(generator, n=n, noise=0.01, fixed_real=True)
    assert np.ptp(fixed.real[fixed.synthetic > 0]) < 1e-6 * fixed.real.max()
    again = draw_clean(generator, n=n, noise=0.01, repeated=True)
    assert len(again) == 3 * n
    assert len(np.unique(again.settings)) == n


def test_study_writes_a_page_and_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from studies import diagnoses, diagnosis_page, planted_runs

    kinds = planted_runs.CLEAN[:1]
    plants = [replace(plant, strengths=plant.strengths[-1:], sizes=(16, 48)) for plant in planted_runs.PLANTS[2:3]]
    for module in (diagnoses, diagnosis_page):
        monkeypatch.setattr(module, "CLEAN", kinds)
        monkeypatch.setattr(module, "PLANTS", plants)
    (tmp_path / "images").mkdir()

    def run() -> list[Any]:
        diagnoses.main(docs=tmp_path, n_clean=1, n_planted=1, n_workers=1)
        rows: list[Any] = json.loads((tmp_path / "diagnoses.json").read_text())["rows"]
        return rows

    rows = run()
    assert [(row["table"], row["runs"]) for row in rows] == [("power law", 0), ("departure", 16), ("departure", 48)]
    page = (tmp_path / "diagnosis-evidence.md").read_text()
    assert "| departure | 48 | 0.08: 1, 1 of 1 |" in page
    monkeypatch.setattr(diagnoses, "diagnose", pytest.fail)
    assert run() == rows
