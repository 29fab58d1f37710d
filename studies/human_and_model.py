"""Is text of a language model told apart from that of people? Passages whose beginnings they share, without these."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from studies.plants import NOTHING, Plant, World

MODELS = ("gpt2-xl", "gpt-j-6B")
HALVES_TRIALS = 20


@dataclass(frozen=True)
class Passages:
    """What is compared with the real passages of a trial.

    Attributes
    ----------
    human, model : list of str
        Continuations of the same beginnings, by people and by a model.
    """

    human: list[str]
    model: list[str]


def continuations(path: Path) -> Passages:
    """Read pairs of passages, and strip the words that both begin with."""
    pairs = json.loads(path.read_text(encoding="utf-8"))
    human, model = [], []
    for one, other in zip(pairs["original"], pairs["sampled"], strict=True):
        words = one.split(), other.split()
        shared = next((n for n, (a, b) in enumerate(zip(*words, strict=False)) if a != b), min(map(len, words)))
        human.append(" ".join(words[0][shared:]))
        model.append(" ".join(words[1][shared:]))
    return Passages(human, model)


def start_all(name: str, generator: np.random.Generator, folder: Path | None) -> tuple[list[str], Passages]:
    """Return all human continuations as real text, and those of the model."""
    assert folder is not None
    passages = continuations(folder / name)
    return passages.human, passages


def start_halves(name: str, generator: np.random.Generator, folder: Path | None) -> tuple[list[str], Passages]:
    """Return a random half of the human continuations, and both continuations of the other beginnings."""
    assert folder is not None
    passages = continuations(folder / name)
    order = generator.permutation(len(passages.human))
    first, second = np.array_split(order, 2)
    others = Passages([passages.human[i] for i in second], [passages.model[i] for i in second])
    return [passages.human[i] for i in first], others


def by_people(source: Passages, generator: np.random.Generator) -> list[str]:
    """Return the human continuations."""
    return source.human


def by_model(source: Passages, generator: np.random.Generator) -> list[str]:
    """Return the model's continuations."""
    return source.model


def _worlds(model: str) -> tuple[World, World]:
    name = f"human_vs_lm_text/squad_{model}.raw_data.json"
    written = Plant(f"written by {model}", f"continuations that {model} wrote", (), by_model)
    of_people = Plant(NOTHING, "continuations that people wrote", (), by_people)
    return (
        World(
            name=f"{model}, 300 passages",
            title=f"{model}: its 300 passages against those of people",
            kind="text",
            plants=(written,),
            start=partial(start_all, name),
            note="All passages; both sides continue the same 300 beginnings, which are stripped.",
            files=(name,),
            most_trials=1,
            aims=False,
        ),
        World(
            name=f"{model}, halves",
            title=f"{model}: 150 passages against 150 of people with other beginnings",
            kind="text",
            plants=(of_people, written),
            start=partial(start_halves, name),
            note=(
                f"{HALVES_TRIALS} random halves of the same 300 beginnings, so that trials overlap by half: what a "
                "comparison with so few passages can tell."
            ),
            files=(name,),
            most_trials=HALVES_TRIALS,
            aims=False,
        ),
    )


PAIRS = tuple(world for model in MODELS for world in _worlds(model))
