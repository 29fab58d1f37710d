"""Does an experiment with language models run from end to end, resume, and measure what it says?"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelcollapse import cli
from modelcollapse.result import TrainedPoint, TrainingResult

pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'modelcollapse[train]'")
pytestmark = pytest.mark.torch

CONFIG = """
n_real = 3000
n_prompt = 2
n_replicates = 2
held_out = 0.2

[model]
n_layers = 1
n_heads = 1
width = 16
context = 16

[optimisation]
n_steps = 12
batch_size = 8
learning_rate = 1e-2
warmup_steps = 2

[[arms]]
workflow = { kind = "replace", generations = 2, n_samples = 3000 }

[[arms]]
workflow = { kind = "mix", generations = 1, n_samples = 1500, n_first = 3000, n_real = 1500, real = "fresh" }
curation = { kind = "classifier", kept_share = 0.5 }

[mixtures]
synthetic_fractions = [0, 1]
n_tokens = [1400]
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an experiment's description and run."""
    folder = tmp_path_factory.mktemp("text")
    (folder / "tiny.toml").write_text(CONFIG)
    code = called("train", "text", str(folder / "tiny.toml"), "--out", str(folder / "run"))
    assert code == 0
    return folder


def called(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.program()(list(arguments))
    return int(ended.value.code or 0)


def result_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "run" / "result.json").read_text())
    return content


def test_experiment_has_a_point_for_each_generation_and_student(finished: Path) -> None:
    points = result_of(finished)["points"]
    arms = [(p["setting"]["workflow"], p["setting"]["generation"]) for p in points if "workflow" in p["setting"]]
    assert arms == [("replace", 0), ("replace", 1), ("replace", 2), ("mix-classifier", 0), ("mix-classifier", 1)]
    students = [p["setting"] for p in points if "student" in p["setting"]]
    assert students == [{"student": "1x16", "n_tokens": 1400, "synthetic_fraction": f} for f in (0, 1)]
    assert all(p["n_replicates"] == 2 for p in points)


def test_experiment_measures_what_can_be_checked_by_hand(finished: Path) -> None:
    points = result_of(finished)["points"]
    values = [point["values"] for point in points]
    assert [value["real_share"] for value in values] == [1, 0, 0, 1, 0.5, 1, 0]
    assert values[0]["deviation_from_0"] == values[1]["deviation_from_1"] == 0 < values[2]["deviation_from_1"] <= 2
    assert "deviation_from_1" not in values[0]
    assert all(0 < value["entropy"] < np.log(30) and 0 < value["top_mass"] <= 1 for value in values)
    assert all(value["band_loss"][0] < value["tail_loss"] == value["band_loss"][2] for value in values)
    assert values[0]["validation_loss"] == values[3]["validation_loss"]  # arms share generation 0
    assert points[0]["stderr"]["validation_loss"] > 0


def test_experiment_keeps_texts_and_a_picture_for_people(finished: Path) -> None:
    texts = list((finished / "run" / "tasks").rglob("written-by-*.txt"))
    assert len(texts) == 2 * (3 + 2)
    assert all(len(text.read_text()) > 100 for text in texts)
    assert (finished / "run" / "picture.svg").read_text().startswith("<svg")


def test_experiment_resumed_ends_with_the_same_numbers(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = result_of(finished)
    for name in ("0/replace/generation-1", "0/replace/written-by-1", "1/students/1x16-1400-1"):
        (finished / "run" / "tasks" / f"{name}.json").unlink()
    shutil.rmtree(finished / "run" / "tasks" / "1" / "mix-classifier")
    (finished / "run" / "result.json").unlink()
    capsys.readouterr()
    arguments = ("train", "text", str(finished / "tiny.toml"), "--out", str(finished / "run"))
    assert called(*arguments) == 2
    assert "--resume" in capsys.readouterr().err
    assert called(*arguments, "--resume", "--json") == 0
    assert json.loads(capsys.readouterr().out) == before == result_of(finished)


def test_findings_are_sure_only_of_differences_beyond_their_errors() -> None:
    from modelcollapse.experiments.text_findings import change, findings

    def measured(loss: float) -> dict[str, float]:
        return {"validation_loss": loss, "tail_loss": 4.0, "entropy": 2.0, "distinct_words": 90.0}

    settings = [(("workflow", "replace"), ("generation", t)) for t in (0, 1)]
    sure = {settings[0]: [measured(1.0)] * 4, settings[1]: [measured(2 + 0.001 * r) for r in range(4)]}
    unsure = {settings[0]: [measured(1.0)] * 4, settings[1]: [measured(2 + 2 * r) for r in range(4)]}
    assert "validation loss +1.00150 ± 0.00065 nats (surely up)" in findings(sure)[0]
    assert "surely up" not in findings(unsure)[0]
    assert change([1.0], [0.0]).verdict(n_tests=1) == ""
    assert findings({setting: ones[:1] for setting, ones in sure.items()})[-1].startswith("One replicate")
    assert not findings(sure)[-1].startswith("One replicate")


def test_written_measures_are_plain_counts() -> None:
    from modelcollapse.experiments.text_measures import written_measures

    real = ["a b c d e f g h"] * 4
    found = written_measures(["a b c a b c a b"] * 4, real)
    assert found["distinct_words"] == 3
    assert found["absent_mass"] == 5 / 8
    words = "abcabcababcabcab"  # half as many as real ones
    assert len({words[k : k + 3] for k in range(14)}) == 5  # abc, bca, cab, aba and bab
    assert found["repeated_ngrams"] == pytest.approx(1 - 5 / 14)
    assert written_measures(real, real)["absent_mass"] == 0


def test_losses_of_documents_and_bands_are_those_of_their_learned_tokens() -> None:
    from modelcollapse.experiments.text_measures import Yardstick, deviation, document_losses, measured
    from modelcollapse.problems.training import Transformer
    from modelcollapse.streams import stream
    from modelcollapse.training.gpt import build_gpt
    from modelcollapse.training.next_token import next_token_laws
    from modelcollapse.training.place import Place

    place = Place("cpu")
    size = Transformer(n_layers=1, n_heads=1, width=8, context=6)
    model = build_gpt(size, n_tokens=5, random=stream(0, "test"))
    documents = stream(1, "test").integers(5, size=(20, 6))
    band = np.array([0, 0, 1, 2, 2])
    on = Yardstick(held_out=documents, band=band, contexts=documents[:, :-1], n_prompt=3)
    values, laws = measured(model, on, place=place)
    by_hand = np.array(
        [
            [-np.log(next_token_laws(model, row[None, :k], place=place)[0, row[k]]) for k in range(3, 6)]
            for row in documents
        ]
    )
    assert values["validation_loss"] == pytest.approx(by_hand.mean(), rel=1e-5)
    tail = band[documents[:, 3:]] == 2
    assert values["tail_loss"] == pytest.approx(by_hand[tail].mean(), rel=1e-5)
    assert values["tail_loss"] != pytest.approx(by_hand[~tail].mean(), rel=1e-5)
    losses = document_losses(model, documents, n_prompt=3, place=place)
    np.testing.assert_allclose(losses, by_hand.mean(axis=1), rtol=1e-5)
    assert values["entropy"] == pytest.approx(float(-(laws * np.log(laws)).sum(axis=1).mean()))
    assert values["top_mass"] == pytest.approx(1.0)
    assert deviation(laws, laws) == 0
    assert deviation(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])) == 2


def test_figure_draws_a_line_for_each_arm_and_student(finished: Path) -> None:
    from modelcollapse.figures.text_training import draw_text_training, text_training_data

    content = result_of(finished)
    points = tuple(TrainedPoint(**point) for point in content.pop("points"))
    data = text_training_data(TrainingResult(points=points, **content))
    assert len(data["generations"]) == 5
    assert len(data["mixtures"]) == 2
    drawn = draw_text_training(data).get_axes()
    assert len(drawn) == 5
    labels = [drawn[number].get_legend_handles_labels()[1] for number in (0, 4)]
    assert labels == [["replace", "mix-classifier"], ["1x16, 1,400 tokens"]]
    assert len(draw_text_training({**data, "mixtures": data["mixtures"].iloc[:0]}).get_axes()) == 4
