"""Does the command `audit-text` answer on stdout alone, refuse in one line, and leave no half-made report?"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from modelcollapse import cli
from modelcollapse.decisions.text_audit import audit_text
from modelcollapse.figures.text_bands import draw_text_bands, text_bands_data
from modelcollapse.figures.text_ranks import draw_text_ranks, text_ranks_data
from text_worlds import cut, documents, written


def run(*arguments: str | Path, columns: int = 120) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of the command line."""
    result = CliRunner().invoke(cli.program(), [str(a) for a in arguments], env={"COLUMNS": str(columns)})
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return files of real text, of a second sample of it, and of one that has lost its rare words."""
    folder = tmp_path_factory.mktemp("texts")
    texts = documents(60, length=1000, seed=0)
    words = {
        "real.txt": [np.concatenate(texts[:40])],
        "second.jsonl": texts[40:],
        "cut.txt": [cut(np.concatenate(texts[40:]), rank=500)],
    }
    for name, parts in words.items():
        lines = [written(part) for part in parts]
        text = "".join(json.dumps({"body": line}) + "\n" for line in lines) if name.endswith("l") else lines[0]
        (folder / name).write_text(text)
    return [folder / name for name in words]


def test_audit_text_answers_for_each_file(files: list[Path]) -> None:
    code, out, err = run("audit-text", *files, "--column", "body")
    assert (code, err) == (0, "")
    assert "No sign of collapse" in out
    assert "narrower than a second real sample" in " ".join(out.split())
    assert "tail-cut rank" in out


def test_audit_text_prints_one_json_object(files: list[Path]) -> None:
    code, out, err = run("audit-text", files[0], files[2], "--json", "--tokens", "words", "--seed", "3")
    assert (code, err, out.count("\n")) == (0, "", 1)
    content = json.loads(out)
    expected = json.loads(json.dumps(audit_text(files[0], files[2], seed=3).to_dict()))
    assert {**content, "seconds": 0, "others": 0} == {**expected, "seconds": 0, "others": 0}


def test_audit_text_writes_a_page_with_its_figures(files: list[Path], tmp_path: Path) -> None:
    report = tmp_path / "out.html"
    code, _, err = run("audit-text", *files, "--column", "body", "--report", report)
    assert (code, err) == (0, "")
    page = report.read_text()
    for source in ("synthetic", "synthetic2"):
        for name in ("findings", "ranks", "bands"):
            assert f'id="panel-{source}-{name}"' in page
    assert "<script" not in page


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"ab\0", "a binary file"),
        (b"ab \xff", "not UTF-8 text at byte 3"),
        (b"one line", "too little text"),
        (None, "no such file"),
    ],
)
def test_audit_text_refuses_in_one_line_and_leaves_the_report_alone(
    files: list[Path], content: bytes | None, said: str, tmp_path: Path
) -> None:
    bad, report = tmp_path / "bad.txt", tmp_path / "out.html"
    report.write_text("as it was")
    if content is not None:
        bad.write_bytes(content)
    for texts in ([files[0], bad], [bad, files[0]]):
        code, out, err = run("audit-text", *texts, "--report", report)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert said in err
    assert report.read_text() == "as it was"


def test_audit_text_refuses_a_report_over_its_input(files: list[Path]) -> None:
    code, _, err = run("audit-text", files[0], files[1], "--report", files[1])
    assert code == 2
    assert "must be named .html" in err
    code, _, err = run("audit-text", files[0], files[1], "--tokens", "wrods")
    assert code == 2
    assert "`tokens` must be words, characters or the file of a tokenizer" in err


def test_text_figures_draw_what_their_tables_hold(files: list[Path]) -> None:
    found = audit_text(files[0], files[2])
    ranks, bands = text_ranks_data(found), text_bands_data(found)
    assert (ranks["low"] <= ranks["real"]).all()
    assert (ranks["real"] <= ranks["high"]).all()
    assert (ranks["synthetic"] == 0).any()
    assert bands["seen"].tolist()[:2] == ["once", "twice"]
    assert bands["found"].any()
    assert (bands["synthetic"] < bands["low"])[bands["found"]].all()
    line = draw_text_ranks(ranks).get_lines()[1]
    assert np.asarray(line.get_ydata()).tolist() == ranks["synthetic"][ranks["synthetic"] > 0].tolist()
    axes = draw_text_bands(bands)
    assert len(axes.patches) == len(bands)
    assert [label.get_text() for label in axes.get_xticklabels()][:3] == ["once", "twice", "3 to 5"]
    assert "not enough data" in draw_text_bands(bands.iloc[:0]).texts[0].get_text()
