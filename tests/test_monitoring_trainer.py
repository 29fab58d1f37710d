"""Does the monitor leave a Trainer's run as it is, log what it reads, and warn when the example collapses?"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelcollapse
from modelcollapse import InputError, MissingExtraError
from modelcollapse.monitoring.reading import Reading
from modelcollapse.training import extra
from text_worlds import documents, written

pytestmark = pytest.mark.torch
TORCH = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'modelcollapse[train]'")
HF = pytest.importorskip("transformers", reason="transformers is not installed: pip install 'modelcollapse[train]'")
pytest.importorskip("accelerate", reason="accelerate is not installed: pip install 'modelcollapse[train]'")
from modelcollapse.monitoring import undisturbed  # noqa: E402

CollapseMonitor = modelcollapse.CollapseMonitor
ROOT = Path(__file__).parent.parent
CONTEXT, N_WORDS = 40, 200


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = TORCH.get_num_threads()
    TORCH.set_num_threads(1)
    yield
    TORCH.set_num_threads(before)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return [written(ids % N_WORDS) for ids in documents(60, length=200, seed=0)]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return word_tokenizer()


def word_tokenizer() -> Any:
    tokenizers = pytest.importorskip("tokenizers")
    names = {f"w{k}": k for k in range(N_WORDS)}
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel(names, unk_token="w0"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    return HF.PreTrainedTokenizerFast(tokenizer_object=words)


def model(*, activation: str = "gelu_new") -> Any:
    HF.set_seed(0)
    config = HF.GPT2Config(
        vocab_size=N_WORDS, n_positions=CONTEXT, n_embd=16, n_layer=1, n_head=2, activation_function=activation,
        bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    return HF.GPT2LMHeadModel(config)  # with dropout, which draws from PyTorch's own generator


def trainer(folder: Path, texts: list[str], tokenizer: Any, network: Any, **options: Any) -> Any:
    ids = np.array(tokenizer.encode(" ".join(texts)))
    pieces = [TORCH.from_numpy(ids[k : k + CONTEXT]) for k in range(0, 128 * CONTEXT, CONTEXT)]
    arguments = HF.TrainingArguments(
        output_dir=str(folder), per_device_train_batch_size=4, learning_rate=1e-2, logging_steps=3,
        use_cpu=True, disable_tqdm=True, dataloader_pin_memory=False,
        **{"max_steps": 12, "report_to": "none", "save_strategy": "no", **options},
    )  # fmt: skip
    return HF.Trainer(network, arguments, train_dataset=[{"input_ids": piece, "labels": piece} for piece in pieces])


def monitor(texts: list[str], tokenizer: Any, **options: Any) -> Any:
    return CollapseMonitor(texts, tokenizer=tokenizer, n_samples=64, max_new_tokens=30, **{"every": 4, **options})


def values(readings: list[Reading]) -> list[dict[str, float]]:
    return [reading.numbers for reading in readings]


@pytest.mark.parametrize("activation", ["gelu_new", "relu"])  # written by the package's own code, and by `generate`
def test_monitor_leaves_the_run_as_it_is(activation: str, tmp_path: Path, texts: list[str], tokenizer: Any) -> None:
    runs = []
    for watched in (False, True):
        network = model(activation=activation)
        run = trainer(tmp_path, texts, tokenizer, network)
        seen = monitor(texts, tokenizer)
        if watched:
            seen.attach(run)
        run.train()
        runs.append((run, network.state_dict(), seen.readings))
    (plain, weights, _), (watched_run, same, readings) = runs
    assert all(TORCH.equal(weights[name], same[name]) for name in weights)
    logged = [[entry["loss"] for entry in run.state.log_history if "loss" in entry] for run in (plain, watched_run)]
    assert logged[0] == logged[1]
    assert len(logged[0]) == 4
    assert [reading.step for reading in readings] == [0, 4, 8, 12]
    assert all(reading.measurements for reading in readings)


def test_monitor_leaves_the_run_as_it_is_check_catches_random_numbers_that_are_used_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, texts: list[str], tokenizer: Any
) -> None:
    weights = []
    for protected in (True, False):
        if not protected:
            monkeypatch.setattr(undisturbed, "drawn_from", lambda random, device: nullcontext())
        network = model(activation="relu")
        run = trainer(tmp_path, texts, tokenizer, network)
        monitor(texts, tokenizer).attach(run)
        run.train()
        weights.append(network.lm_head.weight)
    assert not TORCH.equal(*weights)


def test_monitor_leaves_modes_and_random_numbers_as_they_are() -> None:
    network = model()
    network.train()
    network.transformer.wte.eval()  # frozen by hand
    modes = {name: module.training for name, module in network.named_modules()}
    before = TORCH.random.get_rng_state()
    with undisturbed.undisturbed(network, np.random.default_rng(0)):
        assert not any(module.training for module in network.modules())
        TORCH.rand(3)
    assert {name: module.training for name, module in network.named_modules()} == modes
    assert TORCH.equal(before, TORCH.random.get_rng_state())


def test_monitor_numbers_reach_tensorboard(tmp_path: Path, texts: list[str], tokenizer: Any) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run, seen = trainer(tmp_path, texts, tokenizer, model(), report_to="tensorboard"), monitor(texts, tokenizer)
    seen.attach(run)
    run.train()
    folder = next(tmp_path.rglob("events.out.tfevents.*")).parent
    found = events.EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    for name in seen.readings[0].numbers:
        logged = found.Scalars(f"train/{name}")
        assert [event.step for event in logged] == [reading.step for reading in seen.readings]
        expected = [reading.numbers[name] for reading in seen.readings]
        np.testing.assert_allclose([event.value for event in logged], expected, rtol=1e-6)


def test_monitor_goes_on_from_a_checkpoint(tmp_path: Path, texts: list[str], tokenizer: Any) -> None:
    saved = {"save_strategy": "steps", "save_steps": 6}
    whole, first = monitor(texts, tokenizer), trainer(tmp_path, texts, tokenizer, model(), **saved)
    whole.attach(first)
    first.train()
    resumed, second = monitor(texts, tokenizer), trainer(tmp_path, texts, tokenizer, model(), **saved)
    resumed.attach(second)
    second.train(resume_from_checkpoint=str(tmp_path / "checkpoint-6"))
    assert values(resumed.readings) == values(whole.readings)


def test_monitor_lets_several_processes_go_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "--no-python"]
    script = Path(__file__).with_name("monitored_processes.py")
    done = subprocess.run(
        [*command, sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    looks = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("rank-*.json"))]
    assert looks == [[0, 2, 4], []]  # the first process looks, the other one does not


def test_monitor_wants_to_know_its_trainer(tmp_path: Path, texts: list[str], tokenizer: Any) -> None:
    run = trainer(tmp_path, texts, tokenizer, model())
    run.add_callback(monitor(texts, tokenizer))
    with pytest.raises(InputError, match="attach"):
        run.train()


@pytest.mark.parametrize("activation", ["gelu_new", "relu"])
def test_monitor_refuses_texts_beyond_the_context(
    activation: str, tmp_path: Path, texts: list[str], tokenizer: Any
) -> None:
    run = trainer(tmp_path, texts, tokenizer, model(activation=activation))
    longer = CollapseMonitor(texts, tokenizer=tokenizer, every=4, n_samples=64, max_new_tokens=CONTEXT)
    longer.attach(run)
    with pytest.raises(InputError, match=f"context of {CONTEXT}"):
        run.train()


def test_monitor_looks_once_however_it_is_attached(tmp_path: Path, texts: list[str], tokenizer: Any) -> None:
    run, seen = trainer(tmp_path, texts, tokenizer, model(), max_steps=1), monitor(texts, tokenizer)
    run.add_callback(seen)
    seen.attach(run)
    seen.attach(run)
    run.train()
    assert [reading.step for reading in seen.readings] == [0]


def test_monitor_says_when_the_model_writes_too_little(tmp_path: Path, tokenizer: Any, texts: list[str]) -> None:
    class Mute:
        """A tokenizer that can read and not write."""

        encode = staticmethod(tokenizer.encode)
        decode = staticmethod(lambda ids, **options: "")

    run, seen = trainer(tmp_path, texts, tokenizer, model()), monitor(texts, Mute())
    seen.attach(run)
    with pytest.warns(UserWarning, match="never wrote enough"):
        run.train()
    assert [[each.name for each in reading.measurements] for reading in seen.readings] == [["tail_loss"]] * 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tokenizer": None}, "tokenizer"),
        ({"reference": ["w1 w2"]}, "too little real text"),
        ({"reference": [""]}, "too little real text"),
        ({"every": 0}, "every"),
        ({"n_samples": 2}, "n_samples"),
        ({"max_new_tokens": 0}, "max_new_tokens"),
        ({"n_samples": 16, "max_new_tokens": 2}, "16 samples of 2 tokens hold about .*Give a larger `n_samples`"),
        ({"reference": ""}, "`reference` must be a file"),
        ({"tokens": "letters"}, "letters"),
    ],
)
def test_monitor_refuses_bad_input(options: dict[str, Any], said: str, texts: list[str], tokenizer: Any) -> None:
    given = {"reference": texts, "tokenizer": tokenizer, "every": 4, **options}
    with pytest.raises(InputError, match=said):
        CollapseMonitor(given.pop("reference"), **given)


def test_monitor_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"modelcollapse\[train\]"):
        modelcollapse.CollapseMonitor  # noqa: B018


def test_example_warns_by_name_and_only_after_its_data_have_changed(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "examples" / "monitor_trainer.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = dict(line.removeprefix("step ").split(": ") for line in done.stdout.splitlines() if line.startswith("step "))
    assert [said[step] for step in ("0", "40", "80", "120", "160", "200")] == ["no sign of collapse"] * 6
    assert {"diversity", "missing_mass", "tail_loss"} <= set(said["400"].split(", "))
    assert "CollapseWarning: step" in done.stderr
