"""Is what an experiment has done kept once, whole, and for that experiment only?"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from gpt_worlds import torch
from modelcollapse import InputError
from modelcollapse.experiments.run_folder import RunFolder
from modelcollapse.training.checkpoints import CheckpointError, read_weights
from modelcollapse.training.place import Place

pytestmark = pytest.mark.torch
PLACE = Place("cpu")


@dataclass(frozen=True)
class Described:
    """The settings of an experiment with a data file."""

    data: Path
    n_steps: int = 3

    def files(self) -> dict[str, Path]:
        return {"data": self.data}


@pytest.fixture
def described(tmp_path: Path) -> Described:
    data = tmp_path / "data.txt"
    data.write_text("real")
    return Described(data)


def test_folder_keeps_outcomes_arrays_and_weights(tmp_path: Path, described: Described) -> None:
    folder = RunFolder(tmp_path / "run", described, place=PLACE, resume=False)
    assert folder.outcome("replace/0/generation-1") is None
    folder.checkpoints("replace/0/generation-1").save(3, {"n": 1})
    given = {"loss": 0.1 + 0.2, "curve": (1.0, 2.0)}
    arrays, weights = {"laws": np.arange(3.0)}, {"w": torch.ones(2)}
    outcome = folder.finish("replace/0/generation-1", given, arrays=arrays, weights=weights)
    assert outcome == {"loss": 0.1 + 0.2, "curve": [1.0, 2.0]}
    later = RunFolder(tmp_path / "run", described, place=PLACE, resume=True)
    assert later.outcome("replace/0/generation-1") == outcome
    np.testing.assert_array_equal(later.arrays("replace/0/generation-1")["laws"], arrays["laws"])
    assert torch.equal(read_weights(later.weights_file("replace/0/generation-1"))["w"], weights["w"])
    assert later.checkpoints("replace/0/generation-1").latest() is None


def test_folder_is_continued_by_the_same_experiment_only(tmp_path: Path, described: Described) -> None:
    RunFolder(tmp_path / "run", replace(described, n_steps=4), place=PLACE, resume=True)  # nothing there yet: it begins
    folder = RunFolder(tmp_path / "run", described, place=PLACE, resume=False)  # nothing done yet: it begins
    folder.finish("one", {"loss": 1.0})
    with pytest.raises(InputError, match="holds a run already"):
        RunFolder(tmp_path / "run", described, place=PLACE, resume=False)
    with pytest.raises(InputError, match="of another description"):
        RunFolder(tmp_path / "run", replace(described, n_steps=4), place=PLACE, resume=True)
    moved = tmp_path / "elsewhere" / "data.txt"
    moved.parent.mkdir()
    moved.write_text("real")
    RunFolder(tmp_path / "run", Described(moved), place=PLACE, resume=True)
    moved.write_text("real, and changed")
    with pytest.raises(InputError, match="of another description"):
        RunFolder(tmp_path / "run", Described(moved), place=PLACE, resume=True)


def test_folder_of_another_version_goes_on_with_a_warning(tmp_path: Path, described: Described) -> None:
    folder = RunFolder(tmp_path / "run", described, place=PLACE, resume=False)
    folder.finish("one", {"loss": 1.0})
    file = folder.path / "experiment.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "version": "0.0.1"}))
    with pytest.warns(UserWarning, match=r"begun by version 0\.0\.1"):
        RunFolder(tmp_path / "run", described, place=PLACE, resume=True)


def test_folder_of_something_else_is_refused(tmp_path: Path, described: Described) -> None:
    with pytest.raises(InputError, match="holds other files"):
        RunFolder(tmp_path, described, place=PLACE, resume=True)
    with pytest.raises(InputError, match="is a file"):
        RunFolder(described.data, described, place=PLACE, resume=False)


def test_folder_killed_before_it_was_described_begins_anew(tmp_path: Path, described: Described) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "experiment.json.part").write_text('{"sett')
    folder = RunFolder(tmp_path / "run", described, place=PLACE, resume=True)
    assert json.loads((folder.path / "experiment.json").read_text())["settings"]["n_steps"] == 3


def test_folder_that_cannot_be_written_is_bad_input(tmp_path: Path, described: Described) -> None:
    with pytest.raises(InputError, match=r"cannot be used.*Or name another folder by --out"):
        RunFolder(described.data / "below", described, place=PLACE, resume=False)
    if os.geteuid():  # to root all folders can be written
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o500)
        with pytest.raises(InputError, match="Permission denied"):
            RunFolder(closed / "run", described, place=PLACE, resume=False)


def test_folder_says_which_outcome_is_damaged(tmp_path: Path, described: Described) -> None:
    folder = RunFolder(tmp_path / "run", described, place=PLACE, resume=False)
    folder.finish("a", {"x": 1}, arrays={"y": np.zeros(3)})
    (folder.path / "tasks" / "a.npz").write_bytes(b"PK nothing")
    with pytest.raises(InputError, match=r"a\.npz is missing or damaged"):
        folder.arrays("a")
    (folder.path / "tasks" / "a.json").write_text('{"x"')
    with pytest.raises(InputError, match=r"a\.json is damaged. Delete it"):
        folder.outcome("a")


def test_folder_says_which_outcome_holds_no_text(tmp_path: Path, described: Described) -> None:
    folder = RunFolder(tmp_path / "run", described, place=PLACE, resume=False)
    folder.finish("one", {"loss": 1.0})
    (tmp_path / "run" / "tasks" / "one.json").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InputError, match=r"one\.json is damaged"):
        folder.outcome("one")
    (tmp_path / "run" / "experiment.json").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InputError, match=r"experiment\.json is damaged"):
        RunFolder(tmp_path / "run", described, place=PLACE, resume=True)


def test_checkpoints_of_a_finished_task_go_when_it_is_read(tmp_path: Path, described: Described) -> None:
    folder = RunFolder(tmp_path / "run", described, place=PLACE, resume=False)
    folder.finish("one", {"loss": 1.0})
    folder.checkpoints("one").save(3, {"n": 1})  # as if killed before they were dropped
    assert folder.outcome("one") == {"loss": 1.0}
    assert folder.checkpoints("one").latest() is None


def test_task_is_not_done_until_all_of_it_is_written(
    tmp_path: Path, described: Described, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path / "run", described, place=PLACE, resume=False)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(CheckpointError, match="No space left on device"):
        folder.finish("a", {"x": 1}, weights={"w": torch.ones(2)})
    assert folder.outcome("a") is None
