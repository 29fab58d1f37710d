"""Which text is read, and is what is held out never trained on? Files, data sets, the grammar, and their splits."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelcollapse.errors import InputError
from modelcollapse.experiments.text_data import documents_needed, real_text
from modelcollapse.experiments.text_pools import n_documents, student_documents
from modelcollapse.problems.text_training import TextTraining
from modelcollapse.problems.training_files import training_from_dict

SENTENCES = [f"sentence number {number} of a text, {number * number} in all.\n" for number in range(2000)]


def described(folder: Path = Path("."), **tables: Any) -> TextTraining:
    small = {
        "n_real": 2000,
        "model": {"n_layers": 1, "n_heads": 1, "width": 8, "context": 16},
        "arms": [{"workflow": {"kind": "replace", "generations": 1, "n_samples": 2000}}],
    }
    found = training_from_dict("text", {**small, **tables}, folder=folder)
    assert isinstance(found, TextTraining)
    return found


def test_documents_of_files_are_stretches_of_their_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("".join(SENTENCES[:1000]))
    rows = "".join(json.dumps({"text": sentence}) + "\n" for sentence in SENTENCES[1000:])
    (tmp_path / "b.jsonl").write_text(rows)
    found = real_text(described(tmp_path, text=["a.txt", "b.jsonl"], n_prompt=3))
    whole = "".join(SENTENCES[:1000]) + "".join(f"\n{sentence}" for sentence in SENTENCES[1000:])
    decoded = [found.tokeniser.decode(ids) for ids in found.training]
    assert all(document in whole for document in decoded)
    assert any("ber 15" in document for document in decoded)
    assert found.texts(found.training[:2]) == [document[3:] for document in decoded[:2]]


def test_held_out_text_is_no_training_text(tmp_path: Path) -> None:
    """Each character of this text occurs once, so that any overlap would show."""
    (tmp_path / "a.txt").write_text("".join(chr(0x4E00 + place) for place in range(20_000)))
    found = real_text(described(tmp_path, text="a.txt", held_out=0.2))
    trained = set("".join(found.tokeniser.decode(ids) for ids in found.training))
    assert len(trained) > 15_000
    encoded = found.held_out
    assert (encoded == found.tokeniser.n_tokens - 1).all()  # characters that the training text does not know
    assert len(encoded) > 200


def test_data_set_is_read_by_its_column(monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip(
        "datasets", reason="datasets is not installed: pip install 'modelcollapse[datasets]'"
    )
    asked = []

    def load(name: str, part: str | None, *, split: str) -> Any:
        asked.append((name, part, split))
        return datasets.Dataset.from_dict({"story": SENTENCES})

    monkeypatch.setattr(datasets, "load_dataset", load)
    found = real_text(described(dataset="some/stories", subset="small", column="story"))
    assert asked == [("some/stories", "small", "train")]
    assert "sentence number" in "".join(found.texts(found.training[:50]))
    with pytest.raises(InputError, match="no column `text`"):
        real_text(described(dataset="some/stories"))
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: 1 / 0)
    with pytest.raises(InputError, match="cannot be loaded"):
        real_text(described(dataset="some/stories"))


@pytest.mark.parametrize("tokens", ["characters", "bytes", "pairs"])
def test_grammar_writes_as_much_as_is_needed(tokens: str) -> None:
    if tokens == "pairs":
        pytest.importorskip("tokenizers", reason="tokenizers is not installed: pip install 'modelcollapse[train]'")
    size = {"vocabulary_size": 300} if tokens == "pairs" else {}
    workflow = {"kind": "mix", "generations": 4, "n_samples": 1000, "n_first": 2000, "n_real": 500, "real": "fresh"}
    experiment = described(tokens=tokens, arms=[{"workflow": workflow}], **size)
    found = real_text(experiment)
    assert len(found.training) >= n_documents(2000, learned=15) + 4 * n_documents(500, learned=15)
    assert found.entropy_rate is not None
    assert 0 < found.entropy_rate < math.log(26)


def test_replicates_take_real_documents_in_orders_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("".join(SENTENCES))
    found = real_text(described(tmp_path, text="a.txt", n_replicates=2))
    first, again, other = found.ordered(0, 0), found.ordered(0, 0), found.ordered(0, 1)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert sorted(map(tuple, first)) == sorted(map(tuple, other)) == sorted(map(tuple, found.training))


def test_replicates_take_documents_of_their_own_from_the_grammar() -> None:
    experiment = described(n_replicates=3)
    found = real_text(experiment)
    documents = [found.ordered(0, replicate) for replicate in range(3)]
    assert all(len(own) >= documents_needed(experiment, learned=15) for own in documents)
    assert sorted(map(tuple, np.concatenate(documents))) == sorted(map(tuple, found.training))


def test_students_need_the_documents_that_they_take() -> None:
    """Rounding tokens, real and written ones apart, would leave some of these a document short."""
    settings = [(n_tokens, fraction) for n_tokens in range(90, 130) for fraction in (0.1, 0.25, 0.5)]
    for n_tokens, fraction in settings:
        mixtures = {"synthetic_fractions": [fraction], "n_tokens": [n_tokens]}
        experiment = described(n_real=15, arms=[], mixtures=mixtures)
        taken, written = student_documents(n_tokens, fraction, learned=15)
        assert taken + written == n_documents(n_tokens, learned=15)
        assert documents_needed(experiment, learned=15) == max(taken, 1)
