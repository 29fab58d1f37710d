"""Does the command `train` answer on stdout alone, keep what it did, and refuse in one line?"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gpt_worlds import one_thread
from modelcollapse import cli
from modelcollapse.cli._training_view import print_training
from modelcollapse.result import Status, TrainedPoint, TrainingResult

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures(one_thread.__name__)]

CONFIG = """
n_real = 800
model = { n_layers = 1, n_heads = 1, width = 8, context = 16 }
optimisation = { n_steps = 3, batch_size = 4, learning_rate = 1e-3, warmup_steps = 1 }
[[arms]]
workflow = { kind = "replace", generations = 1, n_samples = 800 }
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "recursion.toml"
    path.write_text(CONFIG)
    return path


def run(*arguments: str | Path) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of the command line."""
    given = ["train", *(str(argument) for argument in arguments)]
    result = CliRunner().invoke(cli.program(), given, env={"COLUMNS": "200"})
    return result.exit_code, result.stdout, result.stderr


def test_train_keeps_its_run_and_answers_again_from_it(file: Path) -> None:
    code, printed, error = run("text", file, "--device", "cpu", "--json")
    assert (code, error) == (0, "")
    folder = Path("recursion-run")
    answer = json.loads(printed)
    assert (answer["engine"], answer["world"], len(answer["points"])) == ("training", "text", 2)
    assert json.loads((folder / "result.json").read_text()) == answer
    assert (folder / "picture.svg").exists()
    code, printed, _ = run("text", file, "--resume")
    assert code == 0
    assert "kept in: recursion-run" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["text", "absent.toml"], "absent.toml"),
        (["text", "wrong.toml"], "Did you mean `n_real`?"),
        (["text", "recursion.toml", "--out", "recursion.toml"], "is a file. Name another folder by --out."),
        (["text", "recursion.toml", "--out", "."], "holds other files"),
        (["songs", "recursion.toml"], "songs"),
        (["text", "recursion.toml", "--device", "tpu"], "tpu"),
    ],
)
def test_train_refuses_in_one_line(arguments: list[str], message: str, file: Path) -> None:
    file.with_name("wrong.toml").write_text("n_reel = 3")
    code, printed, error = run(*arguments)
    assert (code, printed) == (2, "")
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert message in error


def test_train_without_its_packages_names_the_command_that_installs_them(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "modelcollapse.training.extra.find_spec", lambda name: None if name == "accelerate" else found(name)
    )
    code, printed, error = run("text", file)
    assert (code, printed) == (1, "")
    assert "needs accelerate, which is not installed. Run: pip install 'modelcollapse[train]'." in error
    assert not Path("recursion-run").exists()


def test_only_the_first_of_several_processes_speaks(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    assert run("text", file, "--device", "cpu") == (0, "", "")


@pytest.mark.parametrize(("width", "heads"), [(40, 1), (60, 2), (200, 3)])
def test_table_drops_quantities_rather_than_cutting_words(
    width: int, heads: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    names = ("validation_loss", "tail_loss", "distinct_words")
    points = tuple(
        TrainedPoint(
            setting={"model": "random_features", "synthetic_fraction": fraction, "ridge": 1e-5},
            values=dict.fromkeys(names, 0.54321),
            stderr=dict.fromkeys(names, 0.0012),
            n_replicates=2,
        )
        for fraction in (0.1, 0.5)
    )
    result = TrainingResult(
        world="images", points=points, status=Status.OK, engine="training", seed=0, n_replicates=2, version="0"
    )
    print_training(result, Path("run"), shown=names)
    printed = capsys.readouterr().out
    assert "…" not in printed
    assert "model: random features, ridge: 1e-05" in printed
    assert printed.count("0.5432 ± 0.0012") == 2 * heads
