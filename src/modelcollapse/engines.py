"""Which engines answer a problem, and what do they say? The one place that knows all kinds of problems and engines."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

from modelcollapse.checks import choice, fail
from modelcollapse.errors import InputError
from modelcollapse.problems.classes import Classes
from modelcollapse.problems.gaussian import GaussianChain
from modelcollapse.problems.mixture import Mixture
from modelcollapse.problems.ngrams import NgramChain
from modelcollapse.problems.poisson import PoissonChain
from modelcollapse.problems.recursion import Recursion
from modelcollapse.problems.schema import Problem
from modelcollapse.problems.tails import ZipfTask
from modelcollapse.problems.tokens import TokenChain
from modelcollapse.result import AnyResult

ENGINES = ("theory", "simulation")

_HOME = {
    Mixture: ("engine", "solve"),
    Recursion: ("generations_engine", "solve_generations"),
    Classes: ("classes_engine", "solve_classes"),
    TokenChain: ("tokens_engine", "solve_tokens"),
    GaussianChain: ("gaussian_engine", "solve_gaussian"),
    PoissonChain: ("poisson_engine", "solve_poisson"),
    NgramChain: ("ngrams_engine", "solve_ngrams"),
    ZipfTask: ("tails_engine", "solve_tails"),
}
"""Module of each engine's package, and its function, that answer a kind of problem."""


def engines_for(problem: Problem) -> tuple[str, ...]:
    """Return the names of the engines that answer a problem, by what it asks, and of a Zipf task also by its size.

    Parameters
    ----------
    problem : Mixture, Recursion, Classes, a chain or a ZipfTask

    Returns
    -------
    tuple of str
        Some of ``"theory"`` and ``"simulation"``.

    Examples
    --------
    >>> from modelcollapse import RandomTeacher, Source, Spectrum, Workflow
    >>> real = Source("real", n_samples=60, spectrum=Spectrum.isotropic(30), teacher=RandomTeacher())
    >>> mixture = Mixture([real, Source("synthetic", n_samples=60)], ridge=0.1)
    >>> for design in ("fresh", "fixed"):
    ...     workflow = Workflow("accumulate-subsample", generations=3, design=design, subsample=60)
    ...     print(design, engines_for(Recursion(mixture, workflow)))
    fresh ('theory', 'simulation')
    fixed ('simulation',)
    """
    return tuple(engine for engine in ENGINES if refusal(problem, engine) is None)


def answer(problem: Problem, *, engine: str = "theory", **settings: Any) -> AnyResult:
    """Return what an engine says about a problem of any kind.

    Parameters
    ----------
    problem : Mixture, Recursion, Classes, a chain or a ZipfTask
    engine : str
        ``"theory"`` or ``"simulation"``.
    **settings
        Of the engine: see the `solve` functions of the simulation.

    Raises
    ------
    InputError
        When the engine does not answer such problems; says which does, or why none. And as the engine does.
    """
    reason = refusal(problem, choice("engine", engine, ENGINES))
    if reason is not None:
        others = engines_for(problem)
        refusals = [f"{other} {refusal(problem, other)}" for other in ENGINES if other != engine]
        none = f"No engine answers it: {'; '.join(refusals)}."
        hint = f"Use the {others[0]}: --engine {others[0]}." if others else none
        raise InputError(f"{engine} {reason}. {hint}")
    _, function = _home(problem)
    result: AnyResult = getattr(_module(problem, engine), function)(problem, **settings)
    return result


def refusal(problem: Problem, engine: str) -> str | None:
    """Return why an engine has no answer to a problem; None when it has one.

    Parameters
    ----------
    problem : Mixture, Recursion, Classes, a chain or a ZipfTask
    engine : str
        ``"theory"`` or ``"simulation"``.

    Returns
    -------
    str or None
        Words that follow the engine's name.
    """
    unsupported = getattr(_module(problem, engine), "unsupported", None)
    reason: str | None = None if unsupported is None else unsupported(problem)
    return reason


def _module(problem: Problem, engine: str) -> ModuleType:
    return import_module(f"modelcollapse.{engine}.{_home(problem)[0]}")


def _home(problem: Problem) -> tuple[str, str]:
    for kind, home in _HOME.items():
        if isinstance(problem, kind):
            return home
    raise fail("problem", problem, "a Mixture, a Recursion, Classes, a chain or a ZipfTask")
