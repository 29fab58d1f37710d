"""Is there always a whole checkpoint, on a full disk and after damage too?"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gpt_worlds import at_each_step, bits, one_thread, torch, trained
from modelcollapse import InputError
from modelcollapse.training.checkpoints import KEPT, CheckpointError, Checkpoints, read_weights, write_whole

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures(one_thread.__name__, at_each_step.__name__)]


def state(step: int) -> dict[str, Any]:
    return {"step": step, "weights": torch.full((50,), float(step))}


def saved(folder: Path, *steps: int) -> Checkpoints:
    """Return checkpoints after some steps have been saved."""
    checkpoints = Checkpoints(folder, seconds=0)
    for step in steps:
        checkpoints.save(step, state(step))
    return checkpoints


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def full(file: Any) -> None:
    """Write half of something, then find the disk full."""
    file.write(b"half")
    raise OSError(errno.ENOSPC, "No space left on device")


def test_checkpoints_return_the_newest_and_keep_the_one_before(tmp_path: Path) -> None:
    checkpoints = saved(tmp_path / "a" / "b", 3, 7, 12)
    step, found = checkpoints.latest()
    assert (step, found["step"], float(found["weights"][0])) == (12, 12, 12.0)
    assert names(checkpoints.folder) == ["step-000000007.pt", "step-000000012.pt"]
    assert len(names(checkpoints.folder)) == KEPT
    checkpoints.remove()
    assert not checkpoints.folder.exists()
    assert checkpoints.latest() is None


def test_checkpoints_are_due_after_a_pause_that_is_long_beside_their_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("modelcollapse.training.checkpoints.PATIENCE", 20)
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    checkpoints = Checkpoints(tmp_path, seconds=30)
    assert not checkpoints.due
    clock[0] = 30
    assert checkpoints.due
    monkeypatch.setattr(torch, "save", lambda state, file: clock.__setitem__(0, clock[0] + 5))
    checkpoints.save(1, state(1))
    clock[0] += 99
    assert not checkpoints.due
    clock[0] += 1
    assert checkpoints.due


@pytest.mark.parametrize("damage", ["truncated", "empty", "flipped", "replaced"])
def test_damaged_checkpoint_is_named_and_the_one_before_is_used(tmp_path: Path, damage: str) -> None:
    checkpoints = saved(tmp_path, 1, 2)
    last = tmp_path / "step-000000002.pt"
    content = bytearray(last.read_bytes())
    place = content.find(torch.full((50,), 2.0).numpy().tobytes())
    content[place] ^= 1
    whole = last.read_bytes()
    last.write_bytes(
        {"truncated": whole[:-200], "empty": b"", "flipped": bytes(content), "replaced": b"x" * 999}[damage]
    )
    with pytest.warns(UserWarning, match="step-000000002.pt is damaged"):
        step, found = checkpoints.latest()
    assert (step, found["step"]) == (1, 1)


def test_every_flipped_byte_is_harmless_or_found_out(tmp_path: Path) -> None:
    """One byte in eleven of a file is flipped: what is read is then the truth, or nothing."""
    checkpoints = saved(tmp_path, 5)
    file = tmp_path / "step-000000005.pt"
    whole = file.read_bytes()
    found_out = 0
    for place in range(0, len(whole), 11):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            with pytest.warns(UserWarning, match="damaged"):
                checkpoints.latest()
        except CheckpointError:
            found_out += 1
        except pytest.fail.Exception:  # no warning: it was read
            _, found = checkpoints.latest()
            assert found["step"] == 5
            assert torch.equal(found["weights"], state(5)["weights"])
    assert found_out > 20


@pytest.mark.filterwarnings("ignore:.*is damaged:UserWarning")
def test_no_whole_checkpoint_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    checkpoints = saved(tmp_path, 1, 2)
    for path in tmp_path.iterdir():
        path.write_bytes(b"")
    with pytest.raises(CheckpointError, match="Delete the folder"):
        checkpoints.latest()


def test_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = saved(tmp_path, 1, 2)
    monkeypatch.setattr(torch, "save", lambda _, file: full(file))
    with pytest.raises(CheckpointError, match="No space left on device"):
        checkpoints.save(3, state(3))
    assert names(tmp_path) == ["step-000000001.pt", "step-000000002.pt"]
    assert checkpoints.latest()[0] == 2


def test_file_is_on_the_disk_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *given, name=name, real=real: (done.append(name), real(*given)))
    write_whole(tmp_path / "a.bin", lambda file: file.write(b"new"))
    assert done == ["fsync", "replace"]


def test_whole_file_is_the_old_or_the_new(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    write_whole(path, lambda file: file.write(b"old"))
    with pytest.raises(CheckpointError, match="cannot be written"):
        write_whole(path, full)
    assert path.read_bytes() == b"old"
    with pytest.raises(CheckpointError, match="cannot be written"):
        write_whole(path / "below a file", lambda file: file.write(b"new"))
    write_whole(path, lambda file: file.write(b"new"))
    assert path.read_bytes() == b"new"
    assert names(path.parent) == ["file"]


def test_stop_while_a_checkpoint_is_written_stays_a_stop(tmp_path: Path) -> None:
    def stopped(_: Any) -> None:
        try:
            raise KeyboardInterrupt
        finally:
            raise RuntimeError("unexpected pos 704 vs 598")  # as PyTorch's writer does on its way out

    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "file", stopped)
    assert names(tmp_path) == []


LIMITED = """
import resource, sys
from pathlib import Path
import torch
from modelcollapse.training.checkpoints import Checkpoints, CheckpointError
checkpoints = Checkpoints(Path(sys.argv[1]), seconds=0)
checkpoints.save(1, {"weights": torch.zeros(10)})
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    checkpoints.save(2, {"weights": torch.zeros(1_000_000)})
except CheckpointError as error:
    print(error)
print(checkpoints.latest()[0])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no limits of file sizes on Windows")
def test_file_that_the_system_cuts_short_leaves_what_was_there(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=True, timeout=120
    )
    error, last = done.stdout.splitlines()
    assert "step-000000002.pt cannot be written: File too large. What was written before is whole" in error
    assert last == "1"
    assert names(tmp_path) == ["step-000000001.pt"]


@pytest.mark.filterwarnings("ignore:.*is damaged:UserWarning")
def test_training_goes_on_from_the_checkpoint_before_a_damaged_one(tmp_path: Path) -> None:
    def stopping(done: int) -> None:
        if done == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(checkpoints=Checkpoints(tmp_path, seconds=0), after_step=stopping)
    last = max(tmp_path.iterdir())
    last.write_bytes(last.read_bytes()[:-1000])
    first: list[int] = []
    later, losses = trained(checkpoints=Checkpoints(tmp_path, seconds=0), after_step=first.append)
    model, expected = trained()
    assert first[0] == 8
    assert losses == expected
    assert bits(later) == bits(model)


def test_weights_that_are_missing_or_damaged_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    with pytest.raises(InputError, match="is missing"):
        read_weights(file)
    file.write_bytes(b"nothing")
    with pytest.raises(InputError, match="is damaged"):
        read_weights(file)
    torch.save(state(1), file)
    assert read_weights(file)["step"] == 1
