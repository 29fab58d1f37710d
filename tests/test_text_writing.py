"""Does a model that was stopped while it wrote end with the same documents?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'modelcollapse[train]'")
pytestmark = pytest.mark.torch

from modelcollapse.experiments import text_writing  # noqa: E402
from modelcollapse.problems.training import Sampling, Transformer  # noqa: E402
from modelcollapse.streams import stream  # noqa: E402
from modelcollapse.training.checkpoints import Checkpoints  # noqa: E402
from modelcollapse.training.gpt import build_gpt  # noqa: E402
from modelcollapse.training.place import Place  # noqa: E402

PLACE = Place("cpu")
SIZE = Transformer(n_layers=1, n_heads=1, width=8, context=8)
STARTS = stream(0, "starts").integers(12, size=(5 * text_writing.AT_ONCE + 9, 2))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return a list of the prompts that are continued; a None at its start stops the next-but-two batch."""
    seen: list[Any] = []
    write = text_writing.write

    def noted(model: Any, prompts: Any, **more: Any) -> Any:
        if len(seen) == 3 and seen[0] is None:
            raise KeyboardInterrupt
        seen.append(prompts)
        return write(model, prompts, **more)

    monkeypatch.setattr(text_writing, "write", noted)
    return seen


def written(folder: Path, *, told: list[Any] | None = None) -> Any:
    model = build_gpt(SIZE, n_tokens=12, random=stream(0, "model"))
    heard: list[Any] = [] if told is None else told
    return text_writing.write_documents(
        model, STARTS, n_new=6, sampling=Sampling(), random=stream(0, "text"), place=PLACE,
        checkpoints=Checkpoints(folder, seconds=-1e9), report=lambda *words: heard.append(words),
    )  # fmt: skip


def test_writing_goes_on_where_it_was_stopped(
    tmp_path: Path, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelcollapse.training.checkpoints.PATIENCE", 0)
    expected = written(tmp_path / "whole")
    assert expected.shape == (len(STARTS), 8)
    assert expected.dtype == np.int64
    np.testing.assert_array_equal(expected[:, :2], STARTS)
    asked[:] = [None]
    with pytest.raises(KeyboardInterrupt):
        written(tmp_path / "stopped")
    asked.clear()
    np.testing.assert_array_equal(written(tmp_path / "stopped"), expected)
    np.testing.assert_array_equal(np.concatenate(asked), STARTS[2 * text_writing.AT_ONCE :])


def test_writing_goes_on_before_a_damaged_checkpoint(
    tmp_path: Path, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelcollapse.training.checkpoints.PATIENCE", 0)
    expected = written(tmp_path)
    last = sorted(tmp_path.iterdir())[-1]
    last.write_bytes(last.read_bytes()[:-100])
    asked.clear()
    with pytest.warns(UserWarning, match="damaged"):
        np.testing.assert_array_equal(written(tmp_path), expected)
    assert len(asked) == 2


def test_writing_tells_documents_and_speed(tmp_path: Path) -> None:
    told: list[Any] = []
    written(tmp_path, told=told)
    n_written, rate = told[-1]
    assert n_written == len(STARTS)
    assert rate > 0
