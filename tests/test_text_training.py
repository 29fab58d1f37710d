"""Is the description of a text experiment refused with one line where it cannot be used?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelcollapse import cli
from modelcollapse.errors import InputError
from modelcollapse.problems.text_training import PRESETS, TextTraining
from modelcollapse.problems.training_files import load_training, training_from_dict

REPLACE = {"workflow": {"kind": "replace", "generations": 1, "n_samples": 200_000}}
STUDENTS = {"synthetic_fractions": [0, 1], "n_tokens": [1000]}
SMALL = {"n_layers": 1, "n_heads": 1, "width": 8, "context": 128}


def described(**tables: Any) -> TextTraining:
    found = training_from_dict("text", tables)
    assert isinstance(found, TextTraining)
    return found


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_experiments(preset: str) -> None:
    assert described(preset=preset).n_real > 0


def test_preset_holds_where_the_file_says_nothing() -> None:
    found = described(optimisation={"n_steps": 7, "warmup_steps": 0}, arms=[REPLACE])
    assert (found.optimisation.n_steps, found.optimisation.batch_size) == (7, 32)
    assert [arm.name for arm in found.arms] == ["replace"]


def test_students_have_the_size_of_the_generator_unless_told() -> None:
    assert described(mixtures=STUDENTS).students == (described().model,)
    assert [each.width for each in described(mixtures={**STUDENTS, "students": [SMALL]}).students] == [8]


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"tokens": "words"}, "`tokens` must be one of characters, bytes, pairs; got 'words'"),
        ({"tokens": "pairs"}, "`vocabulary_size` must be a whole number"),
        ({"vocabulary_size": 500}, "Only pairs ask"),
        ({"text": 3}, "`text` must be the name of a file of text"),
        ({"text": "a.txt", "dataset": "b"}, "both name the real text"),
        ({"n_prompt": 128}, r"`n_prompt` must be a whole number in \[1, 127\]"),
        ({"held_out": 0}, "`held_out`"),
        ({"arms": []}, "nothing to train"),
        ({"arms": REPLACE}, "`arms` must be a list of tables"),
        ({"arms": [REPLACE, REPLACE]}, "two arms are called replace"),
        ({"n_real": 10}, "All arms share generation 0"),
        ({"arms": [{**REPLACE, "name": "../up"}]}, "letters, digits"),
        ({"arms": [{**REPLACE, "curation": {"kind": "detector"}}]}, "`power`"),
        ({"arms": [{**REPLACE, "curation": {"kind": "perplexity", "kept_share": 0.5, "power": 2}}]}, "left out with"),
        ({"arms": [{"workflow": {"kind": "random-past", "generations": 1, "n_samples": 9}}]}, "workflow.kind"),
        ({"mixtures": {"synthetic_fractions": [2], "n_tokens": [9]}}, "synthetic_fractions"),
        ({"mixtures": {"synthetic_fractions": [], "n_tokens": [9]}}, "at least one number"),
        ({"mixtures": {"synthetic_fractions": [0.5, 0.50000001], "n_tokens": [9]}}, "has 0.5 twice"),
        ({"mixtures": {"synthetic_fractions": [0.5], "n_tokens": [9, 8, 9]}}, "`n_tokens` has 9 twice"),
        ({"mixtures": {"synthetic_fractions": 0.5, "n_tokens": [9]}}, "at least one number"),
        ({"mixtures": {**STUDENTS, "students": [SMALL, SMALL]}}, "two students"),
        ({"mixtures": {**STUDENTS, "students": [{**SMALL, "context": 64}]}}, "that of the generator, 128"),
        ({"optimisaton": {}}, "Did you mean `optimisation`"),
    ],
)
def test_description_is_refused(tables: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        described(**tables)


def test_description_names_a_missing_text(tmp_path: Path) -> None:
    (tmp_path / "experiment.toml").write_text('text = "none.txt"\n')
    with pytest.raises(InputError, match=r"experiment\.toml: `text` names .*none\.txt, which is no file"):
        load_training("text", tmp_path / "experiment.toml")


@pytest.mark.torch
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"a few words only", "too little real text"),
        (b"\x00\x01\x02" * 100, "binary file"),
        (b"\xff\xff words " * 100, "not UTF-8"),
    ],
)
def test_text_that_cannot_be_used_ends_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, message: str
) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'modelcollapse[train]'")
    (tmp_path / "text.txt").write_bytes(content)
    (tmp_path / "experiment.json").write_text(json.dumps({"text": "text.txt"}))
    with pytest.raises(SystemExit) as ended:
        cli.program()(["train", "text", str(tmp_path / "experiment.json"), "--out", str(tmp_path / "run")])
    assert ended.value.code == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_documented_description_is_an_experiment(tmp_path: Path) -> None:
    page = (Path(__file__).parent.parent / "docs" / "training.md").read_text()
    block = next(part for part in page.split("```toml\n")[1:] if part.startswith("# recursion.toml"))
    (tmp_path / "recursion.toml").write_text(block.split("```")[0])
    (tmp_path / "input.txt").write_text("a")
    found = load_training("text", tmp_path / "recursion.toml")
    assert [arm.name for arm in found.arms] == ["replace", "mix", "weighed"]
    assert found.text == (tmp_path / "input.txt",)
