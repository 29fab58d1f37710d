"""What is asked about a model that is trained on its own labels again and again? A mixture and its workflow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from modelcollapse.checks import Array, fail, integer, known_keys
from modelcollapse.errors import InputError
from modelcollapse.problems.mixture import MAX_SAMPLES, Mixture, checked_ridge
from modelcollapse.problems.values import ByValue
from modelcollapse.problems.workflow import Workflow

REAL, SYNTHETIC = 0, 1
"""Positions of the two sources."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Samples that are labelled together.

    Attributes
    ----------
    source : int
        `REAL` or `SYNTHETIC`: whose covariance the inputs have.
    inputs : int
        Batches of the same number have the same inputs.
    labelled : int
        Generation in which they get their labels: from the first teacher, or, when synthetic, from the model of the
        generation before.
    first, last : int
        Generations in whose fits they take part, both included.
    n_samples : int
        Before curation.
    noise_var : float
        Of their labels.
    """

    source: int
    inputs: int
    labelled: int
    first: int
    last: int
    n_samples: int
    noise_var: float


@dataclass(frozen=True, eq=False)
class Recursion(ByValue):
    """Ridge regression over generations: the second source is labelled by the model of the generation before.

    Parameters
    ----------
    mixture : Mixture
        Two sources. The first is the real one and the target. The second is the synthetic one; its `noise_var` is what
        its labels carry on top of the model's predictions. When it has a `shift` or a `teacher`, that is the model of
        generation 0, which then is given and not fitted (iterative mixing is a mix that starts from such a model).
    workflow : Workflow

    Raises
    ------
    InputError
        When the two do not fit together.

    Examples
    --------
    >>> from modelcollapse import RandomTeacher, Source, Spectrum
    >>> real = Source("real", n_samples=400, noise_var=0.3, spectrum=Spectrum.isotropic(300), teacher=RandomTeacher())
    >>> mixture = Mixture([real, Source("synthetic", n_samples=400, noise_var=0.3)], ridge=1e-3)
    >>> problem = Recursion(mixture, Workflow("replace", generations=2, design="fresh"))
    >>> [(batch.source, batch.labelled, batch.n_samples) for batch in problem.batches]
    [(0, 0, 400), (1, 1, 400), (1, 2, 400)]
    """

    mixture: Mixture
    workflow: Workflow

    def __post_init__(self) -> None:
        if not isinstance(self.mixture, Mixture):
            raise fail("mixture", self.mixture, "a Mixture")
        if not isinstance(self.workflow, Workflow):
            raise fail("workflow", self.workflow, "a Workflow")
        self._check_sources()
        self._check_samples()
        self._check_fixed()
        _ = self.ridge, self.width, self.noise_var, self.weight
        pool = self.n_used[1:].sum(axis=1).min()
        if self.workflow.subsample is not None and self.workflow.subsample > pool:
            raise fail("subsample", self.workflow.subsample, f"at most {pool:g}, all that the first generation has")
        weighted = np.array([(used * self.weight[t]).sum() for t, used in enumerate(self.n_used)])
        for t in range(int(self.given), self.workflow.generations + 1):
            if weighted[t] <= 0:
                raise InputError(f"generation {t} has no samples of positive weight; nothing is left to fit.")

    @property
    def n_fits(self) -> int:
        """Generations, the first included."""
        return self.workflow.generations + 1

    @property
    def given(self) -> bool:
        """Whether the model of generation 0 is given, so that it is not fitted."""
        synthetic = self.mixture.sources[SYNTHETIC]
        return synthetic.shift is not None or synthetic.teacher is not None

    @cached_property
    def n_samples(self) -> Array:
        """Samples of each source that are labelled in each generation, shape (generations + 1, 2)."""
        return self._by_source("n_samples", integers=True) * self._labelled

    @cached_property
    def noise_var(self) -> Array:
        """Label-noise variance of each source in each generation, shape (generations + 1, 2)."""
        return self._by_source("noise_var")

    @cached_property
    def weight(self) -> Array:
        """Weight of each source's samples in the fit of each generation, shape (generations + 1, 2)."""
        return self._by_source("weight")

    @cached_property
    def ridge(self) -> Array:
        """Ridge of each generation, shape (generations + 1,)."""
        given = self.workflow.schedule.ridge
        values = [self.mixture.ridge] * self.n_fits if given is None else self._full("schedule.ridge", given)
        return np.array([checked_ridge(value) for value in values])

    @cached_property
    def width(self) -> Array | None:
        """Width of each generation's random projections, which are drawn anew, (generations + 1,); None: linear."""
        given = self.workflow.schedule.width
        if given is None:
            return None if self.mixture.width is None else np.full(self.n_fits, float(self.mixture.width))
        values = self._full("schedule.width", given)
        return np.array([float(integer("schedule.width", v, low=1, high=MAX_SAMPLES)) for v in values])

    @cached_property
    def batches(self) -> tuple[Batch, ...]:
        """All samples of all generations, in the order in which they are labelled, the real ones first."""
        kind, last = self.workflow.kind, self.workflow.generations
        fixed = self.workflow.design == "fixed"
        batches: list[Batch] = []
        for t in range(self.n_fits):
            for source in (REAL, SYNTHETIC):
                if not self._labelled[t, source]:
                    continue
                stays = kind.startswith("accumulate") or (source == REAL and self.workflow.real == "reused")
                own = 2 * t + source  # a number of its own for every batch
                batches.append(
                    Batch(
                        source=source,
                        inputs=self._fixed_inputs if fixed and (source == SYNTHETIC or kind != "mix") else own,
                        labelled=t,
                        first=max(t, int(self.given)),
                        last=last if stays else t,
                        n_samples=int(self.n_samples[t, source]),
                        noise_var=float(self.noise_var[t, source]),
                    )
                )
        return tuple(batches)

    @cached_property
    def n_used(self) -> Array:
        """Samples of each source that the fit of each generation can draw on, shape (generations + 1, 2)."""
        used = np.zeros((self.n_fits, 2))
        for batch in self.batches:
            used[batch.first : batch.last + 1, batch.source] += batch.n_samples
        return used

    @cached_property
    def n_total(self) -> Array:
        """Divisor N of each generation's loss: samples in the fit, before curation, shape (generations + 1,)."""
        total = self.n_used.sum(axis=1)
        if self.workflow.subsample is not None:
            total[1:] = self.workflow.subsample
        return np.asarray(total)

    @property
    def _fixed_inputs(self) -> int:
        """Number of the inputs that all generations share: the real ones, or in a mix the first synthetic ones."""
        return SYNTHETIC if self.workflow.kind == "mix" else REAL

    @cached_property
    def _labelled(self) -> Array:
        """Which sources are labelled in which generation: zeros and ones, shape (generations + 1, 2)."""
        labelled = np.zeros((self.n_fits, 2))
        labelled[1:, SYNTHETIC] = 1
        kind = self.workflow.kind
        labelled[0, REAL] = not (self.given and (kind == "replace" or self.workflow.real == "fresh"))
        labelled[1:, REAL] = self.workflow.real == "fresh"
        return labelled

    def _by_source(self, key: str, *, integers: bool = False) -> Array:
        """Return a property of the two sources for each generation, the schedule's where it has one."""
        table = getattr(self.workflow.schedule, key)
        columns = []
        for source in self.mixture.sources:
            values = [getattr(source, key)] * self.n_fits
            what = key
            if source.name in table:
                what = f"schedule.{key}.{source.name}"
                values = self._full(what, table[source.name])
            if integers:
                values = [integer(what, value, low=0, high=MAX_SAMPLES) for value in values]
            columns.append(values)
        return np.array(columns, dtype=np.float64).T

    def _full(self, what: str, values: Any) -> Any:
        if len(values) != self.n_fits:
            raise InputError(
                f"`{what}` must have one entry for each generation from 0 to {self.workflow.generations}, "
                f"{self.n_fits} in all; got {len(values)}."
            )
        return values

    def _check_sources(self) -> None:
        sources, schedule = self.mixture.sources, self.workflow.schedule
        if len(sources) != 2:
            raise InputError(f"a workflow needs two sources, the real and the synthetic one; got {len(sources)}.")
        if self.mixture.target_index != REAL:
            raise InputError(f"the target of a workflow is its first source; got `target` = `{self.mixture.target}`.")
        for key in ("n_samples", "noise_var", "weight"):
            known_keys(f"`schedule.{key}`", getattr(schedule, key), [source.name for source in sources])

    def _check_samples(self) -> None:
        """Refuse schedules that count samples where there are none, or several counts for the same samples."""
        given = self._by_source("n_samples", integers=True)
        for position, source in enumerate(self.mixture.sources):
            if source.name not in self.workflow.schedule.n_samples:
                continue
            idle = (self._labelled[:, position] == 0) & (given[:, position] > 0)
            if idle.any():
                raise InputError(
                    f"`schedule.n_samples.{source.name}` must be 0 in generation {int(np.argmax(idle))}, where the "
                    f"workflow labels no samples of this source; got {given[np.argmax(idle), position]:g}."
                )

    def _check_fixed(self) -> None:
        """Refuse fixed inputs whose number or covariance changes."""
        if self.workflow.design == "fresh":
            return
        shared = [batch for batch in self.batches if batch.inputs == self._fixed_inputs]
        if len({batch.n_samples for batch in shared}) > 1:
            counts = ", ".join(str(batch.n_samples) for batch in shared[:4])
            raise InputError(
                f"fixed inputs are the same samples in every generation; got counts {counts}. Make the counts equal, "
                "or the design fresh."
            )
        real, synthetic = self.mixture.spectra
        if len({batch.source for batch in shared}) > 1 and real != synthetic:
            raise InputError(
                f"with fixed inputs `{self.workflow.kind}` labels the real inputs again: the synthetic source must "
                "inherit the real one's spectrum. Leave its spectrum out, or make the design fresh."
            )
