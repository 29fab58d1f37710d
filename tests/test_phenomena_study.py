"""Does the study of phenomena count what the detectors find, and write it down?"""

from __future__ import annotations

from pathlib import Path

import pytest
from studies import phenomena as study

from modelcollapse import Generator


def test_study_of_phenomena_counts_what_is_found() -> None:
    found = study.counted(Generator(rank=30), n_replicates=20, n_tasks=3)
    assert found["loss_of_scaling"] == found["shifted_scaling"] == 3
    assert found["grokking"] == 0


def test_study_of_phenomena_writes_a_row_for_each_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "DOCS", tmp_path)
    monkeypatch.setattr(study, "N_CLEAN", 2)
    monkeypatch.setattr(study, "N_PLANTED", 1)
    monkeypatch.setattr(study, "N_REPLICATES", 4)
    assert study.main() == 0
    page = (tmp_path / "phenomena.md").read_text()
    for label, *_ in study.planted():
        assert f"| {label} |" in page
    assert page.count("| 0 (≤") >= 4
    assert page.startswith(study.HEAD)


def test_study_of_phenomena_states_the_largest_share_that_a_count_allows() -> None:
    assert study.largest_share(0) == pytest.approx(1 - 0.05 ** (1 / study.N_CLEAN))
    assert study.largest_share(5) > 5 / study.N_CLEAN
