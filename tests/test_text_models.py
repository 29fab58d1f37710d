"""Are models of texts trained, asked to write, and judged as they are described?"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'modelcollapse[train]'")
pytestmark = pytest.mark.torch

from modelcollapse.experiments import text_models  # noqa: E402
from modelcollapse.experiments.run_folder import RunFolder  # noqa: E402
from modelcollapse.experiments.text_measures import yardstick  # noqa: E402
from modelcollapse.experiments.text_pools import pooled  # noqa: E402
from modelcollapse.problems.resampling import Resampling  # noqa: E402
from modelcollapse.problems.text_training import Arm, TextCuration, TextTraining  # noqa: E402
from modelcollapse.problems.training import Optimisation, Sampling, Transformer  # noqa: E402
from modelcollapse.streams import stream  # noqa: E402
from modelcollapse.training.gpt import build_gpt  # noqa: E402
from modelcollapse.training.place import Place  # noqa: E402

PLACE = Place("cpu")
SIZE = Transformer(n_layers=1, n_heads=1, width=8, context=8)


def text_experiment(**changes: Any) -> TextTraining:
    arm = Arm(workflow=Resampling("replace", generations=2, n_samples=60, n_first=60))
    plan = Optimisation(n_steps=1, batch_size=1, learning_rate=1.0)
    given: dict[str, Any] = {"n_real": 60, "model": SIZE, "optimisation": plan, "sampling": Sampling(), "arms": (arm,)}
    return TextTraining(**{**given, **changes})


def models(experiment: TextTraining, tmp_path: Any) -> Any:
    """Return what trains and has written, on a text of 12 kinds of token, with a generation 0 that is not trained."""

    documents = stream(0, "documents").integers(12, size=(40, 8))
    texts = lambda rows: [" ".join(map("w{}".format, row[experiment.n_prompt :])) for row in rows]  # noqa: E731
    text: Any = SimpleNamespace(training=documents, held_out=documents[:10], tokeniser=SimpleNamespace(n_tokens=12),
                                n_prompt=experiment.n_prompt, n_compared=5, texts=texts,
                                compared=texts(documents[:5]))  # fmt: skip
    folder = RunFolder(tmp_path / "run", experiment, place=PLACE, resume=False)
    weights = {
        name: 8 * each for name, each in build_gpt(SIZE, n_tokens=12, random=stream(0, "m")).state_dict().items()
    }
    folder.finish("generation-0", {}, weights=weights)
    return text_models.Models(
        experiment, text, folder=folder, place=PLACE, watch=lambda *_, **__: None, total=1
    ), documents


def test_models_continue_the_prompts_in_their_order_by_the_sampling_that_is_asked(tmp_path: Any) -> None:
    """With the likeliest token only, what follows a prompt is the same each time that prompt comes again."""
    experiment = text_experiment(n_prompt=2, sampling=Sampling(top_k=1))
    found, documents = models(experiment, tmp_path)
    written, _ = found.written("w", by="generation-0", prompts=documents[:5], n=12, names=("w",))
    np.testing.assert_array_equal(written[:, :2], documents[np.arange(12) % 5, :2])
    np.testing.assert_array_equal(written[5:10], written[:5])
    assert len({tuple(row) for row in written[:5].tolist()}) > 1


def test_perplexity_keeps_what_generation_0_finds_likely(tmp_path: Any) -> None:
    found, documents = models(text_experiment(), tmp_path)
    likely, _ = found.written("w", by="generation-0", prompts=documents, n=20, names=("w",))
    judge = found.judge(TextCuration(kind="perplexity", kept_share=0.5), replicate=0, generation_0="generation-0",
                        spare=documents)  # fmt: skip
    kept = judge.kept(np.concatenate([documents[:20], likely]), 20)
    own = sum(tuple(row) in {tuple(each) for each in likely.tolist()} for row in kept.tolist())
    assert own > 15


def test_classifier_keeps_what_looks_real(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:

    class Sees:
        """Takes documents with the word w0 for real."""

        def __init__(self, *_: Any) -> None: ...

        def machine(self, texts: list[str]) -> Any:
            return np.array([0.1 if "w0" in text.split() else 0.9 for text in texts])

    monkeypatch.setattr(text_models, "NgramClassifier", Sees)
    found, documents = models(text_experiment(), tmp_path)
    judge = found.judge(TextCuration(kind="classifier", kept_share=0.5), replicate=0, generation_0="generation-0",
                        spare=documents)  # fmt: skip
    real, other = np.zeros((4, 8), dtype=np.int64), np.ones((4, 8), dtype=np.int64)
    np.testing.assert_array_equal(judge.kept(np.concatenate([other, real]), 4), real)


def test_models_of_text_do_not_learn_their_prompts(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:

    given: list[int] = []

    class Noted(text_models.NextToken):
        def __init__(self, *words: Any, n_given: int, **more: Any) -> None:
            given.append(n_given)
            super().__init__(*words, n_given=n_given, **more)

    monkeypatch.setattr(text_models, "NextToken", Noted)
    found, documents = models(text_experiment(n_prompt=3), tmp_path)
    found.trained("task", pooled(documents, []), size=SIZE, names=("a",))
    assert given == [3]


def test_bands_are_those_of_the_training_text() -> None:
    text: Any = SimpleNamespace(training=np.array([[9, 0, 0, 0, 0, 1]] * 4), held_out=np.array([[9, 1, 1, 1, 1, 0]]),
                                n_prompt=1, tokeniser=SimpleNamespace(n_tokens=10))  # fmt: skip
    band = yardstick(text).band
    assert band[0] < band[1] == 1  # 80 % and 20 % of what is learned; the prompt's token has none
    assert band[9] == 2


def test_weights_are_kept_of_models_that_write(tmp_path: Any) -> None:
    found, documents = models(text_experiment(), tmp_path)
    found.trained("student", pooled(documents, []), size=SIZE, names=("a",), writes=False)
    found.trained("generation", pooled(documents, []), size=SIZE, names=("a",))
    tasks = tmp_path / "run" / "tasks"
    assert not (tasks / "student.pt").exists()
    assert (tasks / "generation.pt").exists()
    np.testing.assert_array_equal(found.laws("student"), found.laws("generation"))
    np.testing.assert_allclose(found.laws("student").sum(axis=1), 1, rtol=1e-5)
