"""Are texts of models held against real text that none of them has learned?"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from modelcollapse.errors import InputError
from modelcollapse.experiments import text_audits
from modelcollapse.experiments.text_data import documents_needed, real_text
from modelcollapse.problems.training_files import training_from_dict

pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'modelcollapse[train]'")
pytestmark = pytest.mark.torch


class Folder:
    """Holds what each task has written, and remembers outcomes."""

    def __init__(self, documents: Any) -> None:
        self._documents = documents
        self.done: dict[str, Any] = {}

    def outcome(self, task: str) -> Any:
        return self.done.get(task)

    def arrays(self, _: str) -> dict[str, Any]:
        return {"documents": self._documents}

    def finish(self, task: str, outcome: Any) -> Any:
        self.done[task] = outcome
        return outcome


def experiment(folder: Path, **tables: Any) -> Any:
    small = {
        "n_real": 3000,
        "model": {"n_layers": 1, "n_heads": 1, "width": 8, "context": 16},
        "arms": [{"workflow": {"kind": "replace", "generations": 1, "n_samples": 3000}}],
        "n_replicates": 2,
    }
    return training_from_dict("text", {**small, **tables}, folder=folder)


def test_reference_is_text_that_no_model_has_learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    described = experiment(tmp_path)
    text = real_text(described)
    seen: list[list[str]] = []
    monkeypatch.setattr(text_audits, "reference", lambda texts, **_: seen.append(texts))
    monkeypatch.setattr(text_audits, "compare_with", lambda *_: SimpleNamespace(verdict="same"))
    written = text.training[:200]
    found = text_audits.audits(described, text, folder=Folder(written))  # type: ignore[arg-type]
    assert found == ("audit of what generation 0 writes: same", "audit of what generation 1 of replace writes: same")
    learned = text.ordered(0, 0)[: documents_needed(described, learned=text.learned)]
    rows = {tuple(row) for row in learned.tolist()}
    unseen = text_audits._unseen(described, text, 2 * len(written))
    assert seen == [text.texts(unseen)] * 2
    assert len(unseen) == 400  # two halves as large as what was written
    shared = np.mean([tuple(row) in rows for row in unseen.tolist()])
    assert shared < 0.05  # short sentences come again by chance


def test_text_of_which_little_is_left_is_said_to_be_too_short(tmp_path: Path) -> None:
    words = "".join(f"word{number} and others. " for number in range(250))
    (tmp_path / "a.txt").write_text(words)
    described = experiment(tmp_path, text="a.txt", held_out=0.3)
    text = real_text(described)
    found = text_audits.audits(described, text, folder=Folder(text.training[:200]))  # type: ignore[arg-type]
    assert all("too little text" in sentence for sentence in found)


def test_reference_that_cannot_be_read_says_nothing_against_the_experiment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: Any, **__: Any) -> Any:
        raise InputError("no text")

    monkeypatch.setattr(text_audits, "reference", refuses)
    described = experiment(tmp_path)
    text = real_text(described)
    found = text_audits.audits(described, text, folder=Folder(text.training[:200]))  # type: ignore[arg-type]
    assert all(sentence.endswith(": no text") for sentence in found)
