"""What an engine answers: values with their standard errors, the parts that add up, and how it went."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, cast

PARTS = ("bias", "variance", "projection_variance", "collapse")
"""Names of the parts of the excess risk, in the order in which they are reported."""


class Status(StrEnum):
    """How a computation went."""

    OK = "ok"
    INTERPOLATION_THRESHOLD = "interpolation_threshold"  # as many samples as parameters, no ridge: diverges
    NOT_CONVERGED = "not_converged"
    NOT_ENOUGH_DATA = "not_enough_data"
    INTERRUPTED = "interrupted"  # stopped from outside; the numbers are of what there was


class Writable:
    """A dataclass that can be written down as JSON."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, strings and lists for JSON; a number that is not finite becomes None."""
        content = plain(asdict(cast(Any, self)))
        assert isinstance(content, dict)
        return content


@dataclass(frozen=True, kw_only=True)
class Result(Writable):
    """The answer of one engine to one problem.

    Attributes
    ----------
    excess_risk : float
        E(ŵ − w_t)ᵀΣ_t(ŵ − w_t) on the target; never includes label noise.
    test_error : float
        Excess risk plus the target's label-noise variance.
    training_error : mapping of str to float
        Mean squared residual on each source's own samples, unweighted, by source name.
    bias, variance, projection_variance, collapse : float
        Parts that add up to `excess_risk`; `collapse` (ζ) is what differs from training on clean labels.
    effective_ridge : float
        κ.
    stderr : mapping
        Standard errors under the same keys; zeros for theory.
    status : Status
        How the computation went.
    engine : str
        ``"theory"``, ``"simulation"`` or ``"training"``.
    seed : int or None
        None where nothing is random.
    n_replicates : int or None
        Monte-Carlo repeats; None where nothing is drawn.
    version : str
        Version of the package.
    assumptions : tuple of str
        What the numbers rest on.
    """

    excess_risk: float
    test_error: float
    training_error: Mapping[str, float]
    bias: float
    variance: float
    projection_variance: float
    collapse: float
    effective_ridge: float
    stderr: Mapping[str, Any]
    status: Status
    engine: str
    seed: int | None
    n_replicates: int | None
    version: str
    assumptions: tuple[str, ...] = field(default=())


@dataclass(frozen=True, kw_only=True)
class GenerationsResult(Writable):
    """The answer of one engine to a recursion: entry t of every sequence belongs to generation t, from 0 on.

    Attributes
    ----------
    excess_risk : tuple of float
        E(ŵ − w)ᵀΣ(ŵ − w) on the real source; never includes label noise.
    test_error : tuple of float
        Excess risk plus the real source's label-noise variance in that generation.
    bias, variance : tuples of float
        Parts that add up to the excess risk: that of the model averaged over all samples and noise of all generations,
        given the teachers; and the rest.
    kept_share : tuple of float
        Share of the generation's synthetic samples that curation keeps; 1 without curation, NaN in generation 0.
    stderr : mapping
        Standard errors under the same keys; zeros for theory.
    status : Status
    engine : str
    seed, n_replicates : int or None
    version : str
    assumptions : tuple of str
        As for `Result`.
    """

    excess_risk: tuple[float, ...]
    test_error: tuple[float, ...]
    bias: tuple[float, ...]
    variance: tuple[float, ...]
    kept_share: tuple[float, ...]
    stderr: Mapping[str, tuple[float, ...]]
    status: Status
    engine: str
    seed: int | None
    n_replicates: int | None
    version: str
    assumptions: tuple[str, ...] = field(default=())

    @property
    def relative_risk(self) -> tuple[float, ...]:
        """Excess risk in units of generation 0's; NaN where that is 0 or infinite."""
        first = self.excess_risk[0]
        usable = 0 < first < math.inf
        return tuple(risk / first if usable else math.nan for risk in self.excess_risk)


@dataclass(frozen=True, kw_only=True)
class ClassesResult(Writable):
    """The answer of one engine to a problem of two classes.

    Attributes
    ----------
    accuracy : float
        Share of new samples of the first source whose class is predicted rightly.
    margin_mean, margin_variance : float
        Of y wᵀx on these samples, with the class y = ±1: accuracy is the share of positive margins.
    kept_samples, kept_label_error : mapping of str to float
        How many samples of each source are kept, and the share of wrong labels among them (NaN where none is kept).
    stderr : mapping
        Standard errors under the same keys; zeros for theory.
    status, engine, seed, n_replicates, version, assumptions
        As in `Result`.
    """

    accuracy: float
    margin_mean: float
    margin_variance: float
    kept_samples: Mapping[str, float]
    kept_label_error: Mapping[str, float]
    stderr: Mapping[str, Any]
    status: Status
    engine: str
    seed: int | None
    n_replicates: int | None
    version: str
    assumptions: tuple[str, ...] = field(default=())


@dataclass(frozen=True, kw_only=True)
class ChainResult(Writable):
    """The answer of one engine to a chain of tokens, Gaussians, Poisson laws or n-grams.

    Attributes
    ----------
    generations : mapping of str to tuple of float
        Quantities by name; entry t belongs to generation t, from 0 on. An engine leaves out what it does not answer.
    numbers : mapping of str to float
        Quantities that belong to no single generation, by name.
    stderr : mapping
        ``"generations"`` and ``"numbers"``: standard errors under the same keys; zeros for theory.
    freedom : mapping
        Degrees of freedom of standard errors, under the same keys: few where few replicates decide. None for theory.
    limits : mapping of str to float
        Where quantities go after many generations, by name, as far as that is known.
    bounds : mapping of str to Bounds
        Published bounds by the name of the quantity, whether it belongs to generations or not; only theory has them.
    status, engine, seed, n_replicates, version, assumptions
        As in `Result`.
    """

    generations: Mapping[str, tuple[float, ...]]
    numbers: Mapping[str, float]
    stderr: Mapping[str, Mapping[str, Any]]
    freedom: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)
    bounds: Mapping[str, Bounds] = field(default_factory=dict)
    status: Status
    engine: str
    seed: int | None
    n_replicates: int | None
    version: str
    assumptions: tuple[str, ...] = field(default=())


@dataclass(frozen=True, kw_only=True)
class TailsResult(Writable):
    """The answer of one engine to a Zipf task: entry [g][j] belongs to generation g and the j-th training-set size.

    Generation 0 is trained on real data alone; generation g > 0 on data of which the synthetic part is written by the
    g-th generator.

    Attributes
    ----------
    n_samples : tuple of float
        T, sizes of the training set.
    test_error : tuple of tuple of float
        Labels: mass of the items whose label is not known. Bigram: total variation distance to the real law.
    learned_items : tuple of tuple of float
        Number of distinct items seen in training (with a memory: recalled).
    ranks : tuple of int
        Items of which it is told whether they are known.
    knowledge : tuple of tuple of float
        Entry [g][r]: probability that the item of rank ``ranks[r]`` is known to generation g at the largest T.
    floor : tuple of float
        Of each generation: the test error that no amount of its data goes below.
    numbers : mapping of str to float
        What belongs to no single generation, by name; an engine leaves out what it does not answer.
    stderr : mapping
        Standard errors under the names of these quantities; zeros for theory.
    freedom : mapping
        Degrees of freedom of standard errors, under the same names. None for theory.
    bounds : mapping of str to Bounds
        By the name of the quantity, one entry for each generation; only theory has them.
    status, engine, seed, n_replicates, version, assumptions
        As in `Result`.
    """

    n_samples: tuple[float, ...]
    test_error: tuple[tuple[float, ...], ...]
    learned_items: tuple[tuple[float, ...], ...]
    ranks: tuple[int, ...]
    knowledge: tuple[tuple[float, ...], ...]
    floor: tuple[float, ...]
    numbers: Mapping[str, float]
    stderr: Mapping[str, Any]
    freedom: Mapping[str, Any] = field(default_factory=dict)
    bounds: Mapping[str, Bounds] = field(default_factory=dict)
    status: Status
    engine: str
    seed: int | None
    n_replicates: int | None
    version: str
    assumptions: tuple[str, ...] = field(default=())


@dataclass(frozen=True, kw_only=True)
class TrainedPoint:
    """What was measured on models that were trained in one setting.

    Attributes
    ----------
    setting : mapping of str to number or str
        What tells the point from others, such as ``{"synthetic_fraction": 0.1, "n_samples": 1000}``.
    values : mapping of str to float or tuple of float
        Quantities by name, e.g. ``test_error``; means over replicates.
    stderr : mapping of str to float or tuple of float
        Standard errors under the same keys; NaN with one replicate.
    n_replicates : int
    """

    setting: Mapping[str, Any]
    values: Mapping[str, Any]
    stderr: Mapping[str, Any]
    n_replicates: int


@dataclass(frozen=True, kw_only=True)
class TrainingResult(Writable):
    """What came of training networks: a point for each setting, and what theory says of some of them.

    Attributes
    ----------
    world : str
        ``"images"``, ``"text"`` or ``"arithmetic"``.
    points : tuple of TrainedPoint
        In the order of the settings.
    numbers : mapping of str to float
        What belongs to no single point, by name.
    stderr : mapping of str to float
        Standard errors of `numbers`, under the same keys.
    findings : tuple of str
        Sentences: what has collapsed and what has not.
    status, engine, seed, n_replicates, version, assumptions
        As in `Result`; the engine is ``"training"``.
    """

    world: str
    points: tuple[TrainedPoint, ...]
    numbers: Mapping[str, float] = field(default_factory=dict)
    stderr: Mapping[str, float] = field(default_factory=dict)
    findings: tuple[str, ...] = field(default=())
    status: Status
    engine: str
    seed: int | None
    n_replicates: int | None
    version: str
    assumptions: tuple[str, ...] = field(default=())


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What a paper proves about a quantity: a number, or one for each generation, on either side; None for no bound."""

    lower: tuple[float, ...] | float | None
    upper: tuple[float, ...] | float | None
    source: str


AnyResult = Result | GenerationsResult | ClassesResult | ChainResult | TailsResult
"""What an engine may say."""


def plain(value: Any) -> Any:
    """Turn nested results into what JSON can hold: arrays to lists, numbers that are not finite to None.

    Examples
    --------
    >>> plain({"a": float("inf"), "b": (1, 2.5)})
    {'a': None, 'b': [1, 2.5]}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, str | bool | int) or value is None:
        return str(value) if isinstance(value, StrEnum) else value
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # NumPy scalars and arrays
        return plain(value.tolist())
    number = float(value)
    return number if math.isfinite(number) else None
