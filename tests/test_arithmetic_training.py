"""Do arithmetic experiments say what they must, refuse what they cannot, and go on with the same numbers?"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelcollapse import InputError, cli
from modelcollapse.problems.arithmetic_training import PRESETS, ArithmeticTraining
from modelcollapse.problems.training_files import training_from_dict
from modelcollapse.streams import stream

pytestmark = pytest.mark.torch

TINY: dict[str, Any] = {
    "maximum": 99,
    "base": 10,
    "n_graded": 12,
    "n_pairs": 4,
    "n_measured": 3,
    "n_answers": 50,
    "n_replicates": 2,
    "model": {"n_layers": 1, "n_heads": 2, "width": 16, "context": 8},
    "optimisation": {"n_steps": 12, "batch_size": 8, "learning_rate": 1e-3, "warmup_steps": 0},
    "arms": [
        {"name": "cut", "synthetic": "cut", "largest": 3},
        {"name": "answers", "synthetic": "answers", "phases": [{"from_step": 6, "real_fraction": 0.5}]},
    ],
}

TEACHERS = ("real/1/generation-0", "answers/1/generation-1")


def tiny(**changes: Any) -> ArithmeticTraining:
    """Return a tiny experiment."""
    experiment = training_from_dict("arithmetic", TINY | changes)
    assert isinstance(experiment, ArithmeticTraining)
    return experiment


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    """Skip without the packages; one thread, so that numbers are the same bit by bit."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'modelcollapse[train]'")
    pytest.importorskip("transformers", reason="transformers is not installed: pip install 'modelcollapse[train]'")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that runs the program in an empty folder and returns exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.program()(list(words))
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_can_be_built(preset: str) -> None:
    experiment = training_from_dict("arithmetic", {"preset": preset})
    assert experiment.largest_outcome == experiment.maximum
    assert experiment.model.context >= experiment.n_tokens_of_example


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"base": 1}, "`base`"),
        ({"maximum": 1}, "`maximum`"),
        ({"outcomes": "zipf"}, "`outcomes`"),
        ({"largest_outcome": 100}, "`largest_outcome`"),
        ({"n_graded": 100}, "`n_graded`"),
        ({"model": {"n_layers": 1, "n_heads": 2, "width": 16, "context": 7}}, "`context` must be at least 8"),
        ({"arms": [{"name": "a", "synthetic": "cut"}]}, "`largest`"),
        ({"arms": [{"name": "a", "synthetic": "cut", "largest": 99}]}, "`largest of a` must be below 99"),
        ({"arms": [{"name": "a", "synthetic": "cut", "largest": 2, "temperature": 0.5}]}, "`temperature`"),
        ({"arms": [{"name": "a", "synthetic": "cut", "largest": 2, "generations": 2}]}, "`generations`"),
        ({"arms": [{"name": "a", "synthetic": "answers", "largest": 2}]}, "`largest`"),
        ({"arms": [{"name": "a", "synthetic": "answers", "temperature": 0}]}, "`temperature`"),
        ({"arms": [{"name": "real", "synthetic": "answers"}]}, "`name`"),
        ({"arms": [{"name": "../a", "synthetic": "answers"}]}, "`name`"),
        ({"arms": [{"name": "a", "synthetic": "answers"}] * 2}, "two arms are called a"),
        (
            {"arms": [{"name": "a", "synthetic": "answers", "phases": [{"from_step": 12, "real_fraction": 1}]}]},
            "`from_step of a`",
        ),
        (
            {"arms": [{"name": "a", "synthetic": "answers", "phases": [{"real_fraction": 0}, {"real_fraction": 1}]}]},
            "`phases`",
        ),
    ],
)
def test_experiment_refuses_what_makes_no_sense(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        tiny(**changes)
    assert words in str(caught.value)


def test_phases_hold_from_their_step_on() -> None:
    arm = tiny().arms[1]
    assert [arm.real_fraction(step) for step in (0, 5, 6, 11)] == [0.0, 0.0, 0.5, 0.5]


def test_lessons_are_cut_mixed_and_answered_as_described() -> None:
    from modelcollapse.experiments.arithmetic import _Lessons, _Model, notation_of

    experiment = tiny(optimisation={"n_steps": 12, "batch_size": 4000, "learning_rate": 1e-3, "warmup_steps": 0})
    notation = notation_of(experiment)
    cut, answers = experiment.arms
    real = _Lessons(_Model(experiment, None, 0, 0), answers=None)
    np.testing.assert_array_equal(real(3), real(3))
    assert (real(3) != real(4)).any()
    assert notation.read(real(3)).max() > 3
    assert notation.read(_Lessons(_Model(experiment, cut, 1, 0), answers=None)(3)).max() == 3
    pool = np.zeros((5, notation.length), dtype=np.int64)
    mixed = _Lessons(_Model(experiment, answers, 1, 0), answers=pool)
    assert (mixed(5) == 0).all()
    is_real = (mixed(6) != 0).any(axis=1)
    np.testing.assert_array_equal(mixed(6)[is_real], real(6)[is_real])
    assert abs(is_real.mean() - 0.5) < 5 * 0.5 / 4000**0.5
    assert abs(is_real.mean() - 0.6) > 5 * 0.5 / 4000**0.5


@pytest.mark.parametrize("generation", [1, 2])
def test_answers_are_those_of_the_generation_before(tmp_path: Path, generation: int) -> None:
    from modelcollapse.experiments.arithmetic import _answers, _Model, _untrained, notation_of
    from modelcollapse.experiments.arithmetic_grades import GREEDY, answered
    from modelcollapse.experiments.run_folder import RunFolder
    from modelcollapse.training.place import Place

    place = Place("cpu")
    sure = {"name": "answers", "synthetic": "answers", "generations": 2, "temperature": 1e-6}
    experiment = tiny(arms=[sure])
    folder = RunFolder(tmp_path / "run", experiment, place=place, resume=False)
    teachers = {task: _untrained(_Model(experiment, None, 0, k), place=place) for k, task in enumerate(TEACHERS)}
    for task, teacher in teachers.items():
        weights = {name: 20 * values for name, values in teacher.state_dict().items()}  # for answers that differ
        teacher.load_state_dict(weights)
        folder.finish(task, {}, weights=weights)
    written = _answers(_Model(experiment, experiment.arms[0], generation, 1), folder=folder, place=place)
    assert written is not None
    assert written.shape == (50, notation_of(experiment).length)

    def greedy(task: str) -> Any:
        random, notation = np.random.default_rng(0), notation_of(experiment)
        return answered(teachers[task], written, notation=notation, sampling=GREEDY, random=random, place=place)

    np.testing.assert_array_equal(greedy(TEACHERS[generation - 1]), written)
    assert (greedy(TEACHERS[2 - generation]) != written).any()


def test_page_shows_an_experiment_that_can_be_built() -> None:
    page = (Path(__file__).parent.parent / "docs" / "training.md").read_text()
    block = next(part for part in page.split("```toml\n")[1:] if part.startswith("# skills.toml"))
    experiment = training_from_dict("arithmetic", tomllib.loads(block.split("```")[0]))
    assert [arm.name for arm in experiment.arms] == ["cut", "mixed-late", "answers"]


def test_only_digits_of_the_outcome_are_learned() -> None:
    import torch

    from modelcollapse.experiments.arithmetic import _Model, _untrained, notation_of
    from modelcollapse.training.next_token import NextToken
    from modelcollapse.training.place import Place

    experiment, place = tiny(), Place("cpu")
    notation = notation_of(experiment)
    model = _untrained(_Model(experiment, None, 0, 0), place=place)
    example = notation.write(np.array([12]), np.array([8]), np.array([4]))
    objective = NextToken(lambda step: example, shape=example.shape, place=place, n_given=notation.n_given)
    with torch.no_grad():
        logits = model(torch.from_numpy(example)).logits[0].double().log_softmax(-1).numpy()
        loss = float(objective.loss(model, 0))
    each = [-logits[at - 1, example[0, at]] for at in range(1, notation.length)]
    assert loss == pytest.approx(np.mean(each[-notation.n_digits :]), rel=1e-5)
    assert loss != pytest.approx(np.mean(each), rel=1e-5)


class Knows:
    """Stands for a model that answers some outcomes rightly and all others by 1."""

    def __init__(self, known: set[int]) -> None:
        self.known = known


def test_examination_weighs_outcomes_by_the_natural_law(monkeypatch: pytest.MonkeyPatch) -> None:
    from modelcollapse.experiments import arithmetic_grades
    from modelcollapse.training.arithmetic import outcome_law
    from modelcollapse.training.place import Place

    experiment = tiny(n_graded=12)
    law = outcome_law("natural", maximum=99, largest=99)

    def answered(model: Any, examples: Any, *, notation: Any, **_: Any) -> Any:
        outcomes = notation.read(examples)
        said = np.where(np.isin(outcomes, list(model.known)), outcomes, 1)
        return np.hstack([examples[:, : notation.n_given], notation._digits(said)])

    monkeypatch.setattr(arithmetic_grades, "answered", answered)
    examination = arithmetic_grades.Examination(experiment, replicate=0, place=Place("cpu"))
    model: Any = Knows({1, 2, 5})
    grade = examination.grade(model)
    assert np.flatnonzero(grade.accuracy == 1).tolist() == [0, 1, 4]
    assert grade.test_error == pytest.approx(1 - law[[0, 1, 4]].sum(), rel=1e-12)
    assert 0 < grade.stderr < 0.2
    everything: Any = Knows(set(range(1, 100)))
    assert examination.grade(everything).test_error == pytest.approx(0, abs=1e-12)


def test_floor_is_the_mass_of_the_outcomes_that_are_cut_and_of_the_zipf_law() -> None:
    from modelcollapse.experiments.arithmetic import _floors

    late = {"name": "late", "synthetic": "cut", "largest": 3, "phases": [{"from_step": 6, "real_fraction": 0.5}]}
    found = _floors(tiny(arms=[TINY["arms"][0], late]))
    numbers = np.gcd.outer(np.arange(1, 100), np.arange(1, 100))
    assert found == pytest.approx({
        "floor_cut": np.mean(numbers > 3),
        "zipf_floor_cut": 1 - (1 + 1 / 4 + 1 / 9) / (np.pi**2 / 6),
    })  # fmt: skip


def test_lessons_draw_each_kind_of_example_from_a_stream_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    from modelcollapse.experiments import arithmetic

    experiment, asked = tiny(), []

    def noted(seed: int, *names: Any) -> Any:
        asked.append(names)
        return stream(seed, *names)

    monkeypatch.setattr(arithmetic, "stream", noted)
    for replicate in range(2):
        lessons = arithmetic._Lessons(arithmetic._Model(experiment, experiment.arms[0], 1, replicate), answers=None)
        lessons(0), lessons(1)
    assert len(asked) == len(set(asked)) == 8


def test_every_model_has_dropout_of_its_own() -> None:
    from modelcollapse.experiments.arithmetic import _dropout_seed, _Model

    experiment = tiny(model=TINY["model"] | {"dropout": 0.1})
    arms = (None, *experiment.arms)
    seeds = [
        _dropout_seed(_Model(experiment, arm, generation, replicate))
        for arm in arms
        for generation in (1, 2)
        for replicate in (0, 1)
    ]
    assert None not in seeds
    assert len(set(seeds)) == len(seeds)
    assert _dropout_seed(_Model(tiny(), None, 0, 0)) is None


def test_command_trains_grades_and_goes_on_with_the_same_numbers(command: Any) -> None:
    Path("tiny.json").write_text(json.dumps(TINY))
    code, out, _ = command("train", "arithmetic", "tiny.json", "--json", "--device", "cpu")
    whole = json.loads(out)
    assert code == 0
    assert [point["setting"]["arm"] for point in whole["points"]] == ["real"] * 3 + ["cut"] * 3 + ["answers"] * 3
    assert whole["points"][-1]["setting"]["n_samples"] == 12 * 8
    assert len(whole["points"][0]["values"]["accuracy"]) == 12
    assert 0 < whole["numbers"]["floor_cut"] < 1
    assert "floor_answers" not in whole["numbers"]
    assert Path("tiny-run/picture.svg").exists()
    for lost in ("cut/1/generation-1", "answers/0/generation-1"):
        Path(f"tiny-run/tasks/{lost}.json").unlink()
        Path(f"tiny-run/tasks/{lost}/step-12.json").unlink()
    code, out, _ = command("train", "arithmetic", "tiny.json", "--json", "--resume", "--device", "cpu")
    assert code == 0
    assert json.loads(out) == whole
    code, out, _ = command("train", "arithmetic", "tiny.json", "--resume", "--device", "cpu")
    assert code == 0
    for words in ("test error", "skills", "floor_cut:", "cut: ", "kept in: tiny-run", *whole["findings"]):
        assert words in out


@pytest.mark.parametrize("text", ["base = 1", "basis = 10", '[[arms]]\nname = "a"\nsynthetic = "cut"\nlargest = 9999'])
def test_command_refuses_bad_descriptions_in_one_line(text: str, command: Any) -> None:
    Path("bad.toml").write_text(text)
    code, _, err = command("train", "arithmetic", "bad.toml")
    assert code == 2
    assert err.startswith("error: bad.toml")
    assert err.count("\n") == 1


@pytest.mark.parametrize(("lost", "first"), [(False, 9), (True, 0)])
def test_killed_model_goes_on_from_its_checkpoint_with_the_same_grades(
    lost: bool, first: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a grade was damaged and is deleted, as the error says, the model is trained from its first step."""
    from modelcollapse.experiments import arithmetic, run_folder
    from modelcollapse.experiments.kinds import train

    monkeypatch.setattr(run_folder, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr("modelcollapse.training.checkpoints.PATIENCE", 0)
    experiment = tiny(arms=[], n_replicates=1)
    whole = train("arithmetic", experiment, out=tmp_path / "whole", device="cpu")
    lessons = arithmetic._Lessons.__call__

    def killed(self: Any, step: int) -> Any:
        if step == 9:
            raise KeyboardInterrupt
        return lessons(self, step)

    with monkeypatch.context() as patch:
        patch.setattr(arithmetic._Lessons, "__call__", killed)
        with pytest.raises(KeyboardInterrupt):
            train("arithmetic", experiment, out=tmp_path / "killed", device="cpu")
    assert list((tmp_path / "killed" / "checkpoints").rglob("step-*.pt"))
    if lost:
        (tmp_path / "killed" / "tasks" / "real" / "0" / "generation-0" / "step-1.json").unlink()
    asked: list[int] = []

    def counted(self: Any, step: int) -> Any:
        asked.append(step)
        return lessons(self, step)

    monkeypatch.setattr(arithmetic._Lessons, "__call__", counted)
    resumed = train("arithmetic", experiment, out=tmp_path / "killed", resume=True, device="cpu")
    assert asked == list(range(first, 12))
    assert resumed.to_dict() == whole.to_dict()
