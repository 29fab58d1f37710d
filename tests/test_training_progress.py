"""Is it said which model is trained, how fast, and how long it still takes?"""

from __future__ import annotations

import pytest

from modelcollapse.experiments.progress import clock, told


@pytest.mark.torch
def test_progress_names_model_loss_speed_and_time_left() -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'modelcollapse[train]'")
    from modelcollapse.training.loop import Progress

    said: list[tuple[str, float | None]] = []

    def watch(words: str, *, share: float | None = None) -> None:
        said.append((words, share))

    told(watch, "replace, generation 3", done=3, total=8)(Progress(50, 200, 2.5, 41_999.7, 59.6))
    words = "replace, generation 3 (model 4 of 8): step 50 of 200, loss 2.5, 42,000 tokens/s, 1:00 left"
    assert said == [(words, (3 + 0.25) / 8)]


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.0, "0:00"), (59.4, "0:59"), (3599.6, "1:00:00"), (90_061, "25:01:01")]
)
def test_clock_rounds_to_seconds(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown
