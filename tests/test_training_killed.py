"""Does a run that was killed, stopped, or shared among processes end with the numbers of one that was not?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from gpt_worlds import torch
from modelcollapse.streams import stream

pytestmark = pytest.mark.torch

CONFIG = """
n_real = 1600
n_prompt = 2
model = { n_layers = 1, n_heads = 2, width = 16, context = 32, dropout = DROPOUT }
optimisation = { n_steps = STEPS, batch_size = 8, learning_rate = 3e-3, warmup_steps = 5 }
[[arms]]
workflow = { kind = "replace", generations = 1, n_samples = 1600 }
"""
OFTEN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background has it ignored
from modelcollapse.cli import main
from modelcollapse.experiments import run_folder
from modelcollapse.training import checkpoints
run_folder.CHECKPOINT_SECONDS, checkpoints.PATIENCE = 0.1, 0
main()
"""
"""The command, with checkpoints every tenth of a second."""
ALONE = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
MOST_SECONDS = 300


def config(folder: Path, *, n_steps: int, dropout: float = 0.1) -> Path:
    """Write the description of a run with two models."""
    file = folder / f"text-{n_steps}.toml"
    file.write_text(CONFIG.replace("STEPS", str(n_steps)).replace("DROPOUT", str(dropout)))
    return file


def started(file: Path, out: Path, *more: str) -> subprocess.Popen[str]:
    """Start the command."""
    command = [sys.executable, "-c", OFTEN, "train", "text", str(file), "--out", str(out), "--device", "cpu", *more]
    return subprocess.Popen(command, env=ALONE, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finished(process: subprocess.Popen[str]) -> None:
    """Wait for a command that must succeed."""
    _, error = process.communicate(timeout=MOST_SECONDS)
    assert process.returncode == 0, error


def files(out: Path) -> set[str]:
    """Return the files of a run, while they come and go."""
    return {os.path.join(folder, name) for folder, _, names in os.walk(out) for name in names}


def wait_for_new_file(process: subprocess.Popen[str], out: Path) -> None:
    """Wait until a run has written something."""
    before, deadline = files(out), time.monotonic() + MOST_SECONDS
    while files(out) == before and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)


def numbers(out: Path) -> dict[str, object]:
    """Return all that a run has found, bit by bit: its result, outcomes, arrays and weights."""
    found: dict[str, object] = {"result": json.loads((out / "result.json").read_text())}
    for path in sorted((out / "tasks").rglob("*.*")):
        name = path.relative_to(out).as_posix()
        if path.suffix == ".pt":
            state = torch.load(path, weights_only=True)
            found[name] = {key: value.numpy().tobytes() for key, value in state.items()}
        elif path.suffix == ".npz":
            with np.load(path) as arrays:
                found[name] = {key: arrays[key].tobytes() for key in arrays.files}
        else:
            found[name] = path.read_text()
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_run_killed_at_random_moments_ends_with_the_same_bits(tmp_path: Path) -> None:
    file = config(tmp_path, n_steps=250)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    finished(started(file, whole))
    random, n_killed = stream(0, "moments"), 0
    for _ in range(4):
        process = started(file, killed, "--resume")
        wait_for_new_file(process, killed)
        time.sleep(random.uniform(0, 1.0))
        n_killed += process.poll() is None
        process.kill()
        process.communicate()
    finished(started(file, killed, "--resume"))
    assert n_killed >= 2
    assert numbers(killed) == numbers(whole)
    assert not list((killed / "checkpoints").rglob("*.pt"))


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another signal on Windows")
def test_stopped_run_exits_with_130_and_keeps_its_last_checkpoint(tmp_path: Path) -> None:
    file, out = config(tmp_path, n_steps=100_000), tmp_path / "run"
    process = started(file, out)
    deadline = time.monotonic() + MOST_SECONDS
    while (
        not any("step-" in file and file.endswith(".pt") for file in files(out))
        and process.poll() is None
        and time.monotonic() < deadline
    ):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    printed, error = process.communicate(timeout=MOST_SECONDS)
    assert (process.returncode, printed) == (130, "")
    assert error == "error: stopped before the end.\n"
    assert list(out.rglob("step-*.pt"))
    again = started(file, out)
    _, error = again.communicate(timeout=MOST_SECONDS)
    assert again.returncode == 2
    assert "holds a run already. Go on with it by --resume" in error


def test_two_processes_have_the_losses_of_one_with_the_same_batches(tmp_path: Path) -> None:
    """A mean over halves is rounded otherwise: in float32 to about 1e-7 a step, which 20 steps make larger.

    Allowed are 1e-4 of the loss; the twin, another seed, must be further away.
    """
    file = config(tmp_path, n_steps=20, dropout=0.0)
    other = tmp_path / "other.toml"
    other.write_text("seed = 1\n" + file.read_text())
    finished(started(file, tmp_path / "one"))
    finished(started(other, tmp_path / "other"))
    command = [sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch", "--multi_gpu"]
    command += ["--num_processes", "2", "--main_process_port", "0", "--no_python", sys.executable, "-c", OFTEN]
    command += ["train", "text", str(file), "--out", str(tmp_path / "two"), "--device", "cpu", "--json"]
    done = subprocess.run(command, env=ALONE, text=True, capture_output=True, timeout=MOST_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert json.loads(done.stdout)["world"] == "text"
    losses = {
        name: np.array(json.loads((tmp_path / name / "tasks/0/generation-0.json").read_text())["training_losses"])
        for name in ("one", "two", "other")
    }
    assert len(losses["one"]) == 20
    np.testing.assert_allclose(losses["two"], losses["one"], rtol=1e-4)
    assert (np.abs(losses["other"] / losses["one"] - 1) > 1e-4).any()
