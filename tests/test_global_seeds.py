"""Is no global generator of random numbers ever seeded? Read from the syntax tree of the whole package."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import modelcollapse

ROOT = Path(modelcollapse.__file__).parent
SEEDING = {"seed", "manual_seed", "manual_seed_all", "set_seed", "enable_full_determinism", "set_rng_state", "seed_all"}
OWNERS = {"torch", "np", "numpy", "random", "cuda", "mps", "transformers", "accelerate", "default_generator"}
INSIDE_A_FORK = {"training/gpt.py": {"torch.default_generator.manual_seed", "torch.cuda.manual_seed"}}
"""Calls within `torch.random.fork_rng`, which puts the generators back; that it does is tested with them."""


def seedings(source: str) -> set[str]:
    """Return the calls of a source text that seed a generator that others use too."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        *owner, last = name.split(".")
        if last in SEEDING and (not owner or owner[-1] in OWNERS):
            found.add(name)
    return found


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_global_generator_is_seeded(path: Path) -> None:
    assert seedings(path.read_text()) <= INSIDE_A_FORK.get(path.relative_to(ROOT).as_posix(), set())


@pytest.mark.parametrize(
    "source",
    [
        "torch.manual_seed(0)",
        "torch.cuda.manual_seed_all(0)",
        "np.random.seed(0)",
        "import random\ndef f():\n    random.seed(0)",
        "transformers.set_seed(0)",
        "from accelerate.utils import set_seed\nset_seed(0)",
        "torch.random.manual_seed(0)",
    ],
)
def test_no_global_generator_is_seeded_catches_planted_seeding(source: str) -> None:
    assert seedings(source)


def test_generators_of_ones_own_may_be_seeded() -> None:
    assert not seedings("torch.Generator('cpu').manual_seed(3)\nself.generator.manual_seed(4)\nexperiment.seed")
