"""Are descriptions of training experiments read as they are written, and refused by name where they cannot be?"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from modelcollapse import InputError
from modelcollapse.problems.training import Optimisation, Sampling, Transformer
from modelcollapse.problems.training_files import WORLDS, load_training, merged, training_from_dict

ARM = {"workflow": {"kind": "replace", "generations": 2, "n_samples": 1000}}


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("preset", ["small", "paper"])
def test_presets_are_complete_descriptions(world: str, preset: str) -> None:
    experiment = training_from_dict(world, {"preset": preset})
    assert type(experiment).__name__ == WORLDS[world][1]


def test_file_stands_above_its_preset(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text(
        "n_real = 1000\nseed = 4\n[model]\nwidth = 64\n[[arms]]\n[arms.workflow]\n"
        + "\n".join(
            f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}"
            for key, value in ARM["workflow"].items()
        )
    )
    experiment = load_training("text", file)
    assert (experiment.seed, experiment.model.width, experiment.model.n_layers) == (4, 64, 2)
    assert [arm.workflow.generations for arm in experiment.arms] == [2]


def test_nested_tables_are_merged_and_lists_replaced() -> None:
    below, above = {"a": {"b": 1, "c": 2}, "d": [1, 2], "e": 3}, {"a": {"c": 4}, "d": [5]}
    assert merged(below, above) == {"a": {"b": 1, "c": 4}, "d": [5], "e": 3}


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"preset": "huge"}, "`preset`.*huge"),
        ({"n_reel": 5}, "n_real"),
        ({"model": {"widht": 64}}, "`model`.*width"),
        ({"model": {"width": 63}}, "`model`.*`width`.*multiple of `n_heads` = 4; got 63"),
        ({"model": 5}, "model"),
        ({"model": []}, "`model` must be a table"),
        ({"mixtures": []}, "`mixtures` must be a table"),
        ({"arms": ARM}, "`arms` must be a list of tables"),
        ({"optimisation": {"warmup_steps": 1000}}, "`optimisation`.*`warmup_steps`"),
        ({"optimisation": {"precision": "float16"}}, "`precision`.*float16"),
        ({"sampling": {"top_p": 0}}, "`sampling`.*`top_p`"),
    ],
)
def test_wrong_entries_are_named(tables: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        training_from_dict("text", tables)


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        (Transformer, {"n_layers": 0}),
        (Transformer, {"dropout": 1.0}),
        (Transformer, {"context": 1}),
        (Optimisation, {"n_steps": 0}),
        (Optimisation, {"learning_rate": 0.0}),
        (Optimisation, {"weight_decay": -1.0}),
        (Optimisation, {"clip": 0.0}),
        (Sampling, {"temperature": 0.0}),
        (Sampling, {"top_k": 0}),
        (Sampling, {"top_p": 1.5}),
    ],
)
def test_values_out_of_range_are_refused(kind: type, changed: dict[str, float]) -> None:
    given = {
        Transformer: {"n_layers": 1, "n_heads": 1, "width": 4, "context": 4},
        Optimisation: {"n_steps": 5, "batch_size": 2, "learning_rate": 0.1},
        Sampling: {},
    }[kind]
    kind(**given)
    with pytest.raises(InputError, match=f"`{next(iter(changed))}`"):
        kind(**{**given, **changed})


LIGHT = """
import sys
import modelcollapse, modelcollapse.problems.training_files, modelcollapse.experiments.kinds
from modelcollapse.cli import program
program()
heavy = {"torch", "transformers", "accelerate", "tokenizers"} & set(sys.modules)
sys.exit(f"imported: {heavy}" if heavy else 0)
"""


def test_nothing_heavy_is_imported_before_training() -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
