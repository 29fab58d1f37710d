"""What is asked about tails? Learning a Zipf law from data whose tail a generator has cut, narrowed or lost."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass

import numpy as np
from numpy.typing import ArrayLike

from modelcollapse.checks import Array, choice, fail, integer, number
from modelcollapse.errors import InputError
from modelcollapse.problems.resampling import MAX_SAMPLES
from modelcollapse.problems.values import ByValue, frozen_array
from modelcollapse.problems.workflow import MAX_GENERATIONS

MAX_TRAINING = 10**15
"""Largest training set of a curve."""

STEEPEST = 10.0
"""Largest exponent β; at 10 the first item alone has 99.9 % of the mass."""

SHALLOWEST = 1.01
"""Smallest exponent β; below it, hardly any amount of data tells one item from the next."""

MOST_RANKS = 27
"""Most items of which it is told whether they are known."""

OUTPUTS = ("labels", "bigram")
"""
What is learned about an item.

labels: its one right label, known as soon as the item was seen once (the "Hutter" model; Tale of Tails, section 2).
bigram: its probability, as a next token of one context; the error is the total variation distance (section 4).
"""

UPDATES = ("proportional", "power", "threshold")
"""
Strength at which a limited memory holds an item that has a share q of the training set.

proportional: q. power: q to the power `power`. threshold: 1 for the `n_features` most frequent items, 0 for the others.
"""


@dataclass(frozen=True, eq=False)
class Generator(ByValue):
    """Who writes the synthetic data: a model that knows the frequencies of its own training set, and distorts them.

    Generation 1 is trained on real data, generation g > 1 on data of generation g − 1. Each distorts what it has
    learned: first by temperature, then by cutting the tail.

    Parameters
    ----------
    generations : int
        n, from 1 to 1000.
    n_samples : int, optional
        T0, the training set of each generator, up to 1e12. Default: endless, so that nothing is lost by chance.
    temperature : float
        τ in (0, 1]: probabilities are raised to 1/τ ("narrowing").
    rank : int, optional
        k: what is beyond rank k of the real law is cut.
    top_p : float, optional
        P in (0, 1): the smallest set of most frequent items that has at least this mass is kept. Not with `rank`.
    real_fraction : float
        Share of real samples in the training set of generators g > 1, in [0, 1).

    Raises
    ------
    InputError
        When a value is out of range, or two of them exclude each other.
    """

    _: KW_ONLY
    generations: int = 1
    n_samples: int | None = None
    temperature: float = 1.0
    rank: int | None = None
    top_p: float | None = None
    real_fraction: float = 0.0

    def __post_init__(self) -> None:
        def set_(key: str, value: object) -> None:
            object.__setattr__(self, key, value)

        set_("generations", integer("generations", self.generations, low=1, high=MAX_GENERATIONS))
        if self.n_samples is not None:
            set_("n_samples", integer("n_samples", self.n_samples, low=1, high=MAX_SAMPLES))
        hint = "1 changes nothing; smaller values narrow the tail."
        set_("temperature", number("temperature", self.temperature, low=1e-2, high=1, hint=hint))
        if self.rank is not None:
            set_("rank", integer("rank", self.rank, low=1, high=MAX_TRAINING))
        if self.top_p is not None:
            set_("top_p", _share("top_p", self.top_p, above_zero=True))
        if self.rank is not None and self.top_p is not None:
            raise InputError("a generator cuts its tail either at a `rank` or by `top_p`. Leave one of them out.")
        set_("real_fraction", _share("real_fraction", self.real_fraction))

    @property
    def real_samples(self) -> int:
        """Real samples in the training set of generators g > 1, to the nearest whole number; 0 where it is endless."""
        return math.floor(self.real_fraction * (self.n_samples or 0) + 0.5)


@dataclass(frozen=True, eq=False)
class Purchase(ByValue):
    """Real data of the tail alone, bought and mixed in.

    Parameters
    ----------
    fraction : float
        Share of the training set, in (0, 1).
    rank : int
        N: samples are drawn from the real law at ranks ≥ N.

    Raises
    ------
    InputError
        When a value is out of range.
    """

    fraction: float
    _: KW_ONLY
    rank: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "fraction", _share("fraction", self.fraction, above_zero=True))
        object.__setattr__(self, "rank", integer("rank", self.rank, low=2, high=MAX_TRAINING))


@dataclass(frozen=True, eq=False)
class Memory(ByValue):
    """A learner of limited capacity: M = Σ_i s(q_i) e_i u_{label(i)}ᵀ, which answers argmax_j e_iᵀ M u_j.

    Parameters
    ----------
    n_features : int
        d, the dimension of the random unit embeddings, from 2 to 1e6.
    n_outputs : int
        Labels, which items get at random, from 2 to 1000.
    update : str
        One of `UPDATES`: how strongly an item is held.
    power : float, optional
        ρ in (0, 1), with ``update="power"`` only.

    Raises
    ------
    InputError
        When a value is unknown or out of range.

    References
    ----------
    Dohmatob, Feng, Yang, Charton and Kempe (2024), arXiv 2402.07043, section 5.
    """

    n_features: int
    _: KW_ONLY
    n_outputs: int = 20
    update: str = "proportional"
    power: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_features", integer("n_features", self.n_features, low=2, high=10**6))
        object.__setattr__(self, "n_outputs", integer("n_outputs", self.n_outputs, low=2, high=1000))
        choice("update", self.update, UPDATES)
        if (self.power is None) == (self.update == "power"):
            allowed = "a number in (0, 1)" if self.update == "power" else f"left out with `{self.update}`"
            raise fail("power", self.power, allowed, "It belongs to `power`.")
        if self.power is not None:
            object.__setattr__(self, "power", _share("power", self.power, above_zero=True))


@dataclass(frozen=True, eq=False)
class ZipfTask(ByValue):
    """A learner of items i = 1, 2, ... of probabilities p_i ∝ i^−β, tested on them and trained on distorted data.

    The training set of size T holds samples of the generator's law, of the real law, and of a purchased tail.

    Parameters
    ----------
    zipf_exponent : float
        β, from 1.01 to 10.
    n_samples : array of shape (n_sizes,)
        T, sizes of the training set, whole numbers from 1 to 1e15, growing: the points of the scaling curve.
    generator : Generator, optional
        Who writes the synthetic data. Default: nobody, all data are real.
    real_fraction : float
        π, share of real samples in the training set, in [0, 1). Left out without a generator.
    purchase : Purchase, optional
        Only with a generator.
    memory : Memory, optional
        Default: a memory without limit. Not with ``output="bigram"``.
    output : str
        One of `OUTPUTS`.

    Raises
    ------
    InputError
        When a value is out of range, or does not go with the others.

    References
    ----------
    Dohmatob, Feng, Yang, Charton and Kempe (2024), arXiv 2402.07043.

    Examples
    --------
    >>> task = ZipfTask(1.5, [100, 10_000], generator=Generator(rank=1000))
    >>> task.n_samples.tolist(), task.n_generations
    ([100.0, 10000.0], 1)
    """

    zipf_exponent: float
    n_samples: ArrayLike
    _: KW_ONLY
    generator: Generator | None = None
    real_fraction: float = 0.0
    purchase: Purchase | None = None
    memory: Memory | None = None
    output: str = "labels"

    def __post_init__(self) -> None:
        hint = "At 1 and below, the probabilities do not add up; beyond 10, hardly any item but the first is ever seen."
        exponent = number("zipf_exponent", self.zipf_exponent, low=SHALLOWEST, high=STEEPEST, hint=hint)
        object.__setattr__(self, "zipf_exponent", exponent)
        object.__setattr__(self, "n_samples", _sizes(self.n_samples))
        object.__setattr__(self, "real_fraction", _share("real_fraction", self.real_fraction))
        for key, kind in (("generator", Generator), ("purchase", Purchase), ("memory", Memory)):
            value = getattr(self, key)
            if value is not None and not isinstance(value, kind):
                raise fail(key, value, f"a {kind.__name__}, or left out")
        if self.generator is None and (self.real_fraction or self.purchase):
            raise InputError("`real_fraction` and `purchase` belong to a `generator`; without one, all data are real.")
        bought = self.purchase.fraction if self.purchase else 0.0
        if self.real_fraction + bought >= 1:
            raise InputError("`real_fraction` and the purchased fraction must leave room for synthetic data: below 1.")
        choice("output", self.output, OUTPUTS)
        if self.memory is not None and self.output == "bigram":
            raise InputError('a `memory` holds labels. Leave it out, or take `output = "labels"`.')

    @property
    def sizes(self) -> Array:
        """T, (n_sizes,)."""
        return np.asarray(self.n_samples, dtype=np.float64)

    @property
    def n_generations(self) -> int:
        """Generations of generators; 0 when all data are real."""
        return 0 if self.generator is None else self.generator.generations

    @property
    def shares(self) -> Array:
        """Shares of real, bought and synthetic samples in the training sets of generations g > 0, (3,)."""
        bought = self.purchase.fraction if self.purchase else 0.0
        return np.array([self.real_fraction, bought, 1.0 - self.real_fraction - bought])

    @property
    def composition(self) -> Array:
        """Whole numbers of real, bought and synthetic samples in the training sets of generations g > 0, (3, n_sizes).

        Shares are rounded down; what is missing goes to the largest remainders, of equal ones to the first.
        """
        wanted = np.outer(self.shares, self.sizes)
        counts: Array = np.floor(wanted)
        order = np.argsort(-(wanted - counts), axis=0, kind="stable").argsort(axis=0)
        counts += order < self.sizes - counts.sum(axis=0)
        return counts

    @property
    def told_ranks(self) -> tuple[int, ...]:
        """Ranks of which it is told whether they are known: 1, 2, 5, 10, ..., at most 27, beyond those ever seen.

        From the first that holds less than 1 % of a sample of real data, there is none.
        """
        last = (100 * self.sizes[-1]) ** (1 / self.zipf_exponent)
        decades = [10**power for power in range(math.ceil(math.log10(last)) + 1)]
        steps = next(steps for steps in ((1, 2, 5), (1, 3), (1,)) if len(steps) * len(decades) <= MOST_RANKS)
        return tuple(step * decade for decade in decades for step in steps)


def _share(what: str, value: float, *, above_zero: bool = False) -> float:
    """Return a share below 1."""
    allowed = "a number in (0, 1)" if above_zero else "a number in [0, 1)"
    try:
        share = number(what, value, low=0, high=1, open_low=above_zero)
    except InputError:
        raise fail(what, value, allowed) from None
    if share == 1:
        raise fail(what, value, allowed)
    return share


def _sizes(value: ArrayLike) -> Array:
    """Return sizes of a training set, frozen: whole, growing, in range."""
    sizes = frozen_array("n_samples", np.atleast_1d(np.asarray(value)), ndim=1)
    whole = (sizes == np.floor(sizes)) & (sizes >= 1) & (sizes <= MAX_TRAINING)
    if not whole.all():
        raise fail("n_samples", sizes[int(np.argmin(whole))], f"whole numbers from 1 to {MAX_TRAINING:g}")
    if (np.diff(sizes) <= 0).any():
        raise InputError("`n_samples` must grow from one entry to the next. Sort them, and give each size once.")
    return sizes
