"""Which tiny models do the tests train? Imported before what needs PyTorch, so that tests skip where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from modelcollapse.problems.training import Optimisation, Transformer
from modelcollapse.streams import stream

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'modelcollapse[train]'")
pytest.importorskip("transformers", reason="transformers is not installed: pip install 'modelcollapse[train]'")
pytest.importorskip("accelerate", reason="accelerate is not installed: pip install 'modelcollapse[train]'")

from modelcollapse.training.checkpoints import Checkpoints  # noqa: E402
from modelcollapse.training.gpt import build_gpt  # noqa: E402
from modelcollapse.training.loop import train  # noqa: E402
from modelcollapse.training.next_token import NextToken, random_windows  # noqa: E402
from modelcollapse.training.place import Place  # noqa: E402
from modelcollapse.training.recipes import adamw  # noqa: E402

SIZE = Transformer(n_layers=2, n_heads=2, width=16, context=12)
PLAN = Optimisation(n_steps=12, batch_size=4, learning_rate=1e-2, warmup_steps=2)
N_TOKENS = 11


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Give PyTorch one thread: the models are tiny, and bits depend on it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def at_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let checkpoints be due at once, whatever the last one cost."""
    monkeypatch.setattr("modelcollapse.training.checkpoints.PATIENCE", 0)


def tiny(*, seed: int = 0, dropout: float = 0.0) -> Any:
    """Return an untrained model."""
    return build_gpt(replace(SIZE, dropout=dropout), n_tokens=N_TOKENS, random=stream(seed, "model"))


def text(*, seed: int = 0) -> np.ndarray:
    """Return tokens of which each mostly follows the one before."""
    random = stream(seed, "text")
    return (np.arange(400) + random.integers(2, size=400).cumsum()) % N_TOKENS


def trained(
    *,
    seed: int = 0,
    dropout: float = 0.0,
    plan: Optimisation = PLAN,
    checkpoints: Checkpoints | None = None,
    **more: Any,
) -> tuple[Any, tuple[float, ...]]:
    """Return a trained model and its losses."""
    place, model = Place("cpu"), tiny(seed=seed, dropout=dropout)
    shape = (plan.batch_size, SIZE.context + 1)
    batches = random_windows(text(), length=shape[1], batch_size=shape[0], seed=seed)
    objective = NextToken(batches, shape=shape, place=place, dropout_seed=seed if dropout else None)
    return model, train(model, objective, recipe=adamw(plan), place=place, checkpoints=checkpoints, **more)


def bits(model: Any) -> list[bytes]:
    """Return all weights, bit by bit."""
    return [weights.numpy().tobytes() for weights in model.state_dict().values()]
