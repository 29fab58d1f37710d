"""What does each generation train on? Pools by the words of the workflow, with a writer that signs its name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from modelcollapse.experiments.text_data import split
from modelcollapse.experiments.text_pools import Pool, in_documents, n_real_needed, pool_of
from modelcollapse.problems.resampling import Resampling
from modelcollapse.problems.text_training import Arm, TextCuration, TextTraining
from modelcollapse.problems.training import Optimisation, Sampling, Transformer

REAL = np.arange(40)[:, None]
"""Documents of one token, by which they are known; what generation t wrote is 1000 (t + 1)."""
FIRST = list(range(6))


def wrote(t: int, n: int = 4) -> list[int]:
    return [1000 * (t + 1)] * n


def pools(workflow: Resampling) -> list[list[int]]:
    """Return the documents of each generation."""
    written = [np.array(wrote(t))[:, None] for t in range(workflow.generations)]
    found = []
    for t in range(workflow.generations + 1):
        pool = pool_of(workflow, t, real=REAL, written=written[:t], random=np.random.default_rng(t))
        np.testing.assert_array_equal(pool.real, pool.documents[:, 0] < 1000)
        found.append(pool.documents[:, 0].tolist())
    return found


def test_replace_trains_on_what_the_last_generation_wrote() -> None:
    workflow = Resampling("replace", generations=3, n_samples=4, n_first=6)
    assert pools(workflow) == [FIRST, wrote(0), wrote(1), wrote(2)]
    assert n_real_needed(workflow) == 6


def test_accumulate_keeps_everything() -> None:
    workflow = Resampling("accumulate", generations=3, n_samples=4, n_first=6)
    second = FIRST + wrote(0)
    assert pools(workflow) == [FIRST, second, second + wrote(1), second + wrote(1) + wrote(2)]


def test_accumulate_subsample_draws_from_everything_without_replacement() -> None:
    workflow = Resampling("accumulate-subsample", generations=3, n_samples=4, n_first=6, subsample=10)
    first, *later = pools(workflow)
    assert first == FIRST
    assert sorted(later[0]) == sorted(FIRST + wrote(0))
    assert [len(pool) for pool in later] == [10, 10, 10]
    assert all(pool.count(number) <= 1 for pool in later for number in FIRST)
    assert set(later[2]) <= {*FIRST, 1000, 2000, 3000}


def test_mix_of_fresh_real_documents_never_takes_one_twice() -> None:
    workflow = Resampling("mix", generations=3, n_samples=4, n_first=6, n_real=2, real="fresh")
    assert pools(workflow) == [FIRST, [6, 7, *wrote(0)], [8, 9, *wrote(1)], [10, 11, *wrote(2)]]
    assert n_real_needed(workflow) == 12


def test_mix_of_reused_real_documents_takes_the_same() -> None:
    workflow = Resampling("mix", generations=2, n_samples=4, n_real=6, real="reused")
    assert pools(workflow) == [FIRST, FIRST + wrote(0), FIRST + wrote(1)]


def test_tokens_are_rounded_to_whole_documents() -> None:
    workflow = Resampling("accumulate-subsample", generations=1, n_samples=95, n_first=44, subsample=139)
    found = in_documents(workflow, learned=10)
    assert (found.n_samples, found.n_first, found.subsample) == (10, 4, 14)
    assert in_documents(Resampling("replace", generations=1, n_samples=1), learned=10).n_samples == 1
    fewer = Resampling("accumulate-subsample", generations=1, n_samples=14, n_first=14, subsample=28)
    assert in_documents(fewer, learned=10).subsample == 2  # as many as there are, though 28 tokens are nearer to three


def test_split_holds_out_whole_stretches_and_loses_nothing() -> None:
    text = "".join(chr(256 + place) for place in range(1000))
    training, held_out = split(text, held_out=0.1, seed=0)
    assert sorted("".join([*training, *held_out])) == sorted(text)
    assert [len(stretch) for stretch in held_out] == [20] * 5
    assert all(stretch in text for stretch in (*training, *held_out))
    assert split(text, held_out=0.1, seed=1)[1] != held_out


class FakeModels:
    """Trains nothing, remembers on what, and signs what it writes with the generation of the writer."""

    def __init__(self, experiment: TextTraining) -> None:
        self.experiment = experiment
        documents = np.arange(400)[:, None] + np.zeros((1, 4), dtype=np.int64)
        self.text = SimpleNamespace(learned=3, ordered=lambda seed, replicate: documents)
        self.seen: dict[str, Pool] = {}

    def trained(self, task: str, pool: Pool, **_: Any) -> dict[str, Any]:
        self.seen[task] = pool
        return {"validation_loss": 1.0}

    def written(self, task: str, *, by: str, n: int, **_: Any) -> tuple[Any, dict[str, Any]]:
        generation = int(by.rpartition("-")[2])
        return np.full((n, 4), 1000 * (generation + 1)), {"distinct_words": 1.0}

    def laws(self, task: str) -> Any:
        return np.full((1, 2), 0.5)

    def judge(self, *_: Any, **__: Any) -> Any:
        from modelcollapse.experiments.text_models import Judge

        human = lambda documents: np.where(documents[:, 0] < 1000, 1.0, 0.0)  # noqa: E731
        return Judge(TextCuration(kind="detector", power=10), human)


@pytest.mark.torch
def test_recursion_trains_each_generation_on_its_own_pool() -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'modelcollapse[train]'")
    from modelcollapse.experiments.text import _Replicate

    arm = Arm(workflow=Resampling("accumulate", generations=2, n_samples=30, n_first=60))
    judged = Arm(workflow=arm.workflow, curation=TextCuration(kind="detector", power=10))
    experiment = TextTraining(
        n_real=60,
        model=Transformer(n_layers=1, n_heads=1, width=4, context=4),
        optimisation=Optimisation(n_steps=1, batch_size=1, learning_rate=1.0),
        sampling=Sampling(),
        arms=(arm, judged),
    )
    models = FakeModels(experiment)
    replicate = _Replicate(models, 0)  # type: ignore[arg-type]
    found = replicate.recursion(arm)
    assert [dict(setting)["generation"] for setting in found] == [0, 1, 2]
    assert models.seen["0/generation-0"].documents[:, 0].tolist() == list(range(20))
    last = models.seen["0/accumulate/generation-2"].documents[:, 0].tolist()
    assert last == [*range(20), *wrote(0, 10), *wrote(1, 10)]
    replicate.recursion(judged)
    weighed = models.seen["0/accumulate-detector/generation-2"]
    assert len(weighed.documents) == 40
    assert weighed.real.all()  # a perfect detector leaves real documents only


@pytest.mark.torch
def test_judge_that_keeps_documents_has_more_written_and_keeps_the_best() -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'modelcollapse[train]'")
    from modelcollapse.experiments.text_models import Judge

    judge = Judge(TextCuration(kind="perplexity", kept_share=0.25), lambda documents: -documents[:, 0].astype(float))
    assert judge.n_written(5) == 20
    documents = np.array([[7], [3], [9], [1]])
    assert judge.kept(documents, 2).tolist() == [[3], [1]]
    pool = Pool(documents, np.ones(4, dtype=bool))
    assert judge.drawn(pool, random=np.random.default_rng(0)) is pool


@pytest.mark.torch
def test_every_generation_and_replicate_draws_from_streams_of_its_own_and_judges_see_no_training_text() -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'modelcollapse[train]'")
    from modelcollapse.experiments.text import _Replicate

    arm = Arm(workflow=Resampling("accumulate", generations=3, n_samples=30, n_first=60),
              curation=TextCuration(kind="detector", power=1))  # fmt: skip
    experiment = TextTraining(
        n_real=60,
        model=Transformer(n_layers=1, n_heads=1, width=4, context=4),
        optimisation=Optimisation(n_steps=1, batch_size=1, learning_rate=1.0),
        sampling=Sampling(),
        arms=(arm,),
    )
    documents = np.arange(400)[:, None] + np.zeros((1, 4), dtype=np.int64)
    asked: list[Any] = []
    spares: list[Any] = []
    draws: list[float] = []

    class Noted:
        text = SimpleNamespace(learned=3, ordered=lambda seed, replicate: documents)

        def __init__(self) -> None:
            self.experiment = experiment

        def trained(self, task: str, pool: Any, *, names: Any, **_: Any) -> dict[str, Any]:
            asked.append(names)
            return {"validation_loss": 1.0}

        def written(self, task: str, *, n: int, names: Any, **_: Any) -> Any:
            asked.append(names)
            return np.full((n, 4), 1000), {}

        def laws(self, task: str) -> Any:
            return np.full((1, 2), 0.5)

        def judge(self, *_: Any, spare: Any, **__: Any) -> Any:
            spares.append(spare)
            return SimpleNamespace(drawn=drawn)

    def drawn(pool: Pool, *, random: np.random.Generator) -> Pool:
        draws.append(random.random())
        return pool

    for replicate in range(2):
        _Replicate(Noted(), replicate).recursion(arm)  # type: ignore[arg-type]
    assert len(asked) == len(set(asked)) == 2 * (4 + 4)
    assert len(draws) == len(set(draws)) == 2 * 3
    assert spares[0][:, 0].tolist() == list(range(20, 400))
