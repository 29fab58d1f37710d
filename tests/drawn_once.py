"""How is one simulation held against several theories? What it drew is remembered by its seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Answer = TypeVar("Answer")


def drawn_once(simulate: Callable[..., Answer]) -> Callable[..., Answer]:
    """Return a simulation of one problem that draws once from each seed: each size of a comparison has its own."""
    drawn: dict[int, Answer] = {}

    def answer(problem: object, *, seed: int, **given: Any) -> Answer:
        if seed not in drawn:
            drawn[seed] = simulate(problem, seed=seed, **given)
        return drawn[seed]

    return answer
