"""Do TensorBoard event files become runs, and do unusable ones say so?"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from modelcollapse.errors import InputError, MissingExtraError
from modelcollapse.estimation.run_events import read_events
from modelcollapse.estimation.runs import read_runs


def write_events(directory: Path, scalars: Mapping[str, list[float]]) -> None:
    """Write scalars as TensorBoard does, one event for each value."""
    pytest.importorskip("tensorboard", reason="the `tensorboard` library is an extra")
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(directory))
    for tag, values in scalars.items():
        for step, value in enumerate(values):
            summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
            writer.add_event(Event(step=step, summary=summary, wall_time=1.0 + step))
    writer.close()


def test_read_runs_takes_the_last_value_of_each_scalar(tmp_path: Path) -> None:
    for k, losses in enumerate(([5.0, 3.0], [5.0, 2.5, 2.0])):
        scalars = {"real_tokens": [2.0**20 * (k + 1)], "synthetic_tokens": [2.0**20 * k], "eval/loss": losses}
        write_events(tmp_path / f"run{k}" / "logs", scalars | {"train/loss": [9.0, 8.0]})
    runs = read_runs(tmp_path)
    assert runs.real.tolist() == [2**20, 2**21]
    assert runs.synthetic.tolist() == [0, 2**20]
    assert runs.loss.tolist() == [3.0, 2.0]
    assert runs.unit == "tokens"
    assert runs.names == ("data row 1 (run0/logs)", "data row 2 (run1/logs)")


def test_read_runs_takes_settings_from_the_names_of_directories(tmp_path: Path) -> None:
    write_events(tmp_path / "real=1e6,synthetic=0,seed=3", {"loss": [3.0]})
    write_events(tmp_path / "real=2_000_000_synthetic=1e6", {"loss": [2.0], "seed": [4.0]})
    runs = read_runs(str(tmp_path))
    assert runs.real.tolist() == [1e6, 2e6]
    assert runs.synthetic.tolist() == [0, 1e6]
    assert runs.repetition is not None
    assert runs.repetition.tolist() == [3, 4]


def test_read_runs_names_the_run_that_lacks_a_scalar(tmp_path: Path) -> None:
    write_events(tmp_path / "real=1e6,synthetic=0", {"loss": [3.0]})
    write_events(tmp_path / "real=2e6,synthetic=0", {"loss": [2.0]})
    write_events(tmp_path / "real=3e6,synthetic=0", {"other": [2.0]})
    with pytest.raises(InputError, match=r"data row 3 \(real=3e6,synthetic=0\): `loss` must be"):
        read_runs(tmp_path)


def test_read_events_refuses_directories_without_event_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no TensorBoard event files"):
        read_runs(tmp_path)


def test_read_events_reads_what_a_damaged_file_still_holds(tmp_path: Path) -> None:
    write_events(tmp_path / "run", {"loss": [3.0, 2.0]})
    path = next((tmp_path / "run").iterdir())
    path.write_bytes(path.read_bytes()[:-5])
    assert read_events(tmp_path)["loss"].tolist() == [3.0]


def test_read_events_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "events.out.tfevents.1").write_bytes(b"")
    for module in ("tensorboard", "tensorboard.backend.event_processing"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'modelcollapse\[tensorboard\]'"):
        read_events(tmp_path)
