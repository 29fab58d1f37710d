"""Which transformers learn greatest common divisors, and from what? Arms that learn from cut or written examples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelcollapse.checks import choice, fail, integer, number
from modelcollapse.errors import InputError
from modelcollapse.problems.training import Optimisation, Sampling, Transformer

OUTCOMES = ("natural", "log-uniform", "uniform")
"""
With which probability a real example has the outcome g.

natural: that of two numbers drawn evenly from 1 to the maximum, nearly 6/(π g)². log-uniform: ∝ 1/g. uniform: the same
for all.
"""

SYNTHETIC = ("cut", "answers")
"""
What synthetic examples are.

cut: real ones without rare outcomes, those above `largest`. answers: operands of real ones with the answer that a
trained model writes, right or wrong: that of the real arm, then that of the generation before.
"""

REAL = "real"
"""The arm that every experiment has: real examples only. Others are held against it."""

MASTERED = 0.95
"""An outcome is mastered from this share of right answers on: Charton's criterion."""

_LARGEST = 10_000_000
_MOST = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Phase:
    """From some step on, this share of the examples is real.

    Parameters
    ----------
    from_step : int
        Steps that are done when it starts, at least 0.
    real_fraction : float
        Probability that an example is real, in [0, 1].

    Raises
    ------
    InputError
        When a value is out of range.
    """

    from_step: int = 0
    real_fraction: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "from_step", integer("from_step", self.from_step, low=0))
        object.__setattr__(self, "real_fraction", number("real_fraction", self.real_fraction, low=0, high=1))


@dataclass(frozen=True, kw_only=True)
class ArithmeticArm:
    """Models that learn from synthetic examples, with real ones mixed in as phases say.

    Parameters
    ----------
    name : str
        Of letters, digits, ``-``, ``_`` and ``.``; not ``"real"``.
    synthetic : str
        One of `SYNTHETIC`.
    largest : int, optional
        k, the largest outcome that is left; needed by cut, and by nothing else.
    temperature : float, optional
        At which a model answers, above 0; of answers only, default 1.
    generations : int
        How many models learn one from another; of answers only, else 1.
    phases : sequence of Phase
        By growing `from_step`; before the first, all examples are synthetic.

    Raises
    ------
    InputError
        When a value is unknown or out of range, or does not go with the kind.
    """

    name: str
    synthetic: str
    largest: int | None = None
    temperature: float | None = None
    generations: int = 1
    phases: tuple[Phase, ...] = ()

    def __post_init__(self) -> None:
        named = isinstance(self.name, str) and self.name and all(each.isalnum() or each in "-_." for each in self.name)
        if not named or self.name.startswith(".") or self.name == REAL:
            allowed = f"made of letters, digits, `-`, `_` and `.`, and not `{REAL}`"
            raise fail("name", self.name, allowed, "The arm of real examples is there anyway.")
        cuts = choice("synthetic", self.synthetic, SYNTHETIC) == "cut"
        if cuts:
            object.__setattr__(self, "largest", integer("largest", self.largest, low=1))
        for name in ("temperature",) if cuts else ("largest",):
            if getattr(self, name) is not None:
                raise fail(name, getattr(self, name), f"left out with `{self.synthetic}`")
        if not cuts:
            temperature = 1.0 if self.temperature is None else self.temperature
            object.__setattr__(self, "temperature", Sampling(temperature=temperature).temperature)
        generations = integer("generations", self.generations, low=1, high=1 if cuts else 100)
        object.__setattr__(self, "generations", generations)
        starts = [phase.from_step for phase in self.phases]
        if starts != sorted(set(starts)):
            raise fail("phases", starts, "steps that grow from phase to phase")

    def real_fraction(self, step: int) -> float:
        """Return the share of real examples in a step, counted from 0."""
        shares = [phase.real_fraction for phase in self.phases if phase.from_step <= step]
        return shares[-1] if shares else 0.0


@dataclass(frozen=True, kw_only=True)
class ArithmeticTraining:
    """An experiment with transformers that learn the greatest common divisor of two numbers.

    An example is a row of tokens, ``a , b = g``, each number in as many digits as `maximum` has, most significant
    first. Only the digits of g are learned. Every step has new real examples; a model never meets the end of them.

    Parameters
    ----------
    maximum : int
        Largest operand, from 2 to ten million.
    base : int
        Of the digits, at least 2.
    model : Transformer
        Every arm and generation, from the same first weights; its context holds an example.
    optimisation : Optimisation
        Of every model.
    outcomes : str
        One of `OUTCOMES`: the law of real examples.
    largest_outcome : int, optional
        Real examples have no larger one. Default: `maximum`.
    n_graded : int
        Outcomes that are looked at one by one, 1 to this; at most `maximum`.
    n_pairs : int
        New pairs on which a model is graded for each of these outcomes, at least 2; as many again in all are shared out
        among outcomes by the natural law.
    n_measured : int
        How often a model is graded on its way, at steps that grow evenly in their logarithm; at least 2.
    n_answers : int
        Answers that each model writes for the next.
    arms : sequence of ArithmeticArm
        Beside the real one, which is always trained.
    n_replicates : int
        Each with its own first weights and examples.
    seed : int

    Raises
    ------
    InputError
        When a value is out of range, or values contradict each other.
    """

    maximum: int
    base: int
    model: Transformer
    optimisation: Optimisation
    outcomes: str = "natural"
    largest_outcome: int | None = None
    n_graded: int = 100
    n_pairs: int = 20
    n_measured: int = 16
    n_answers: int = 100_000
    arms: tuple[ArithmeticArm, ...] = ()
    n_replicates: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        def set_(name: str, *, low: int, high: int | None = None) -> None:
            object.__setattr__(self, name, integer(name, getattr(self, name), low=low, high=high))

        set_("maximum", low=2, high=_LARGEST)
        set_("base", low=2, high=_LARGEST)
        choice("outcomes", self.outcomes, OUTCOMES)
        if self.largest_outcome is None:
            object.__setattr__(self, "largest_outcome", self.maximum)
        set_("largest_outcome", low=1, high=self.maximum)
        set_("n_graded", low=1, high=self.maximum)
        for name, low in (("n_pairs", 2), ("n_measured", 2), ("n_answers", 1), ("n_replicates", 1), ("seed", 0)):
            set_(name, low=low, high=None if name == "seed" else _MOST)
        if self.model.context < self.n_tokens_of_example:
            hint = f"Numbers up to {self.maximum} have {self.n_digits} digits in base {self.base}."
            raise fail("context", self.model.context, f"at least {self.n_tokens_of_example}, an example", hint)
        self._check_arms()

    def _check_arms(self) -> None:
        """Check that arms go with the rest."""
        names = [arm.name for arm in self.arms]
        if twice := [name for name in names if names.count(name) > 1]:
            raise InputError(f"two arms are called {twice[0]}. Give one of them another `name`.")
        for arm in self.arms:
            if arm.largest is not None and arm.largest >= (self.largest_outcome or 0):
                hint = "Nothing is cut otherwise."
                raise fail(f"largest of {arm.name}", arm.largest, f"below {self.largest_outcome}", hint)
            if arm.phases and arm.phases[-1].from_step >= self.optimisation.n_steps:
                got = arm.phases[-1].from_step
                raise fail(f"from_step of {arm.name}", got, f"below n_steps = {self.optimisation.n_steps}")

    @property
    def n_digits(self) -> int:
        """Digits of the largest operand."""
        digits, reach = 1, self.base
        while reach <= self.maximum:
            digits, reach = digits + 1, reach * self.base
        return digits

    @property
    def n_tokens_of_example(self) -> int:
        """Three numbers, a comma and an equals sign."""
        return 3 * self.n_digits + 2

    def within(self, folder: Path) -> ArithmeticTraining:
        """Return the same: there are no data files."""
        return self

    def files(self) -> dict[str, Path]:
        """Return the data files: none."""
        return {}


def _arms(*, n_steps: int, generations: int) -> list[dict[str, Any]]:
    """Return arms whose real examples come from the start, come late, and go."""
    half = n_steps // 2
    cut = {"synthetic": "cut", "largest": 5}
    return [
        {"name": "cut", **cut},
        {"name": "mixed-early", **cut, "phases": [{"real_fraction": 0.02}]},
        {"name": "mixed-late", **cut, "phases": [{"from_step": half, "real_fraction": 0.1}]},
        {"name": "real-then-cut", **cut, "phases": [{"real_fraction": 1}, {"from_step": half, "real_fraction": 0}]},
        {"name": "answers", "synthetic": "answers", "generations": generations},
    ]


PRESETS: dict[str, dict[str, Any]] = {
    "small": {
        "maximum": 3599,
        "base": 60,
        "n_measured": 20,
        "n_replicates": 3,
        "model": {"n_layers": 2, "n_heads": 4, "width": 128, "context": 32},
        "optimisation": {"n_steps": 2000, "batch_size": 64, "learning_rate": 2e-3, "warmup_steps": 100},
        "arms": _arms(n_steps=2000, generations=2),
    },
    "paper": {
        "maximum": 1_000_000,
        "base": 1000,
        "model": {"n_layers": 4, "n_heads": 8, "width": 512, "context": 32},
        "optimisation": {
            "n_steps": 350_000,
            "batch_size": 256,
            "learning_rate": 1e-5,
            "warmup_steps": 1000,
            "precision": "bfloat16",
        },
        "n_pairs": 100,
        "n_measured": 24,
        "n_replicates": 3,
        "n_answers": 10_000_000,
        "arms": _arms(n_steps=350_000, generations=3),
    },
}
"""Tables by name. small: minutes on a CPU. paper: sizes after Charton (2023), arXiv 2308.15594, with a decoder only."""
