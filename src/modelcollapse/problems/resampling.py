"""What is each generation of a chain fitted on? Samples of the real law and of earlier models, by workflow."""

from __future__ import annotations

from dataclasses import dataclass, field

from modelcollapse.checks import choice, fail, integer
from modelcollapse.errors import InputError
from modelcollapse.problems.values import ByValue
from modelcollapse.problems.workflow import KINDS as WORKFLOWS
from modelcollapse.problems.workflow import MAX_GENERATIONS, REAL_DATA

KINDS = (*WORKFLOWS, "recent", "random-past")
"""
What generation t > 0 of a chain is fitted on. Four words are those of `modelcollapse.problems.workflow`.

recent: samples in equal parts of the last `window` models, the real law standing before generation 0.
random-past: samples each of which is of the real law or of an earlier model, all t + 1 equally likely.
"""

MAX_SAMPLES = 10**12
"""Most samples that one entry may ask for: whole numbers up to a thousand times as many are exact in float64."""


@dataclass(frozen=True, eq=False)
class Resampling(ByValue):
    """How many samples each generation of a chain is fitted on, and whose they are.

    The synthetic samples of generation t > 0 are drawn anew, independently given the models; by default from the
    model of generation t − 1.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    generations : int
        Fits after generation 0, from 1 to 1000. Generation 0 is fitted on real samples only.
    n_samples : int
        Synthetic samples drawn for each generation t > 0, from 1 to 1e12.
    n_first : int, optional
        Real samples of generation 0. Default: as many as a mix fits on afterwards; else `n_samples`. A mix that
        re-uses its real samples has `n_real` of them and takes no other number.
    n_real : int, optional
        Real samples of each generation of a mix. Needed by a mix, and by nothing else.
    real : str, optional
        ``"fresh"`` or ``"reused"`` real samples of a mix. Needed by a mix, and by nothing else.
    subsample : int, optional
        Samples of each fit after generation 0. Needed by accumulate-subsample, and by nothing else.
    window : int, optional
        Models whose samples are used. Needed by recent, and by nothing else.

    Raises
    ------
    InputError
        When a value is unknown or out of range, or does not go with the kind.

    Examples
    --------
    >>> Resampling("mix", generations=5, n_samples=900, n_real=100, real="fresh").n_first
    1000
    """

    kind: str
    generations: int = field(kw_only=True)
    n_samples: int = field(kw_only=True)
    n_first: int | None = field(default=None, kw_only=True)
    n_real: int | None = field(default=None, kw_only=True)
    real: str | None = field(default=None, kw_only=True)
    subsample: int | None = field(default=None, kw_only=True)
    window: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        choice("kind", self.kind, KINDS)
        object.__setattr__(self, "generations", integer("generations", self.generations, low=1, high=MAX_GENERATIONS))
        object.__setattr__(self, "n_samples", integer("n_samples", self.n_samples, low=1, high=MAX_SAMPLES))
        for key, kind in (("n_real", "mix"), ("real", "mix"), ("subsample", "accumulate-subsample"),
                          ("window", "recent")):  # fmt: skip
            if self.kind != kind and getattr(self, key) is not None:
                raise fail(key, getattr(self, key), f"left out with `{self.kind}`", f"It belongs to `{kind}`.")
        if self.kind == "mix":
            hint = "A mix has real samples in every generation; `replace` has none."
            self._require("real", f"one of {', '.join(REAL_DATA)}")
            self._require("n_real", "its real samples in every generation; `replace` has none")
            choice("real", self.real, REAL_DATA)
            object.__setattr__(self, "n_real", integer("n_real", self.n_real, low=1, high=MAX_SAMPLES, hint=hint))
        object.__setattr__(self, "n_first", self._checked_n_first())
        if self.kind == "accumulate-subsample":
            self._check_subsample()
        if self.kind == "recent":
            hint = "Each of the models needs a sample; a window of 1 is `replace`."
            self._require("window", "how many models the samples are drawn from")
            window = integer("window", self.window, low=1, high=min(MAX_GENERATIONS, self.n_samples), hint=hint)
            object.__setattr__(self, "window", window)

    def _require(self, key: str, meaning: str) -> None:
        """Refuse a workflow without what it needs."""
        if getattr(self, key) is None:
            raise InputError(f"`{key}` must be given with `{self.kind}`: {meaning}.")

    def _checked_n_first(self) -> int:
        """Return the real samples of generation 0."""
        if self.n_first is None:
            own = {None: self.n_samples, "fresh": (self.n_real or 0) + self.n_samples, "reused": self.n_real}
            return int(own[self.real] or 0)
        n_first = integer("n_first", self.n_first, low=1, high=MAX_SAMPLES)
        if self.real == "reused" and n_first != self.n_real:
            raise fail("n_first", n_first, f"n_real = {self.n_real}", "The same real samples serve every generation.")
        return n_first

    def _check_subsample(self) -> None:
        """Refuse to draw more samples than the smallest pool, that of generation 1, has."""
        assert self.n_first is not None
        pool = self.n_first + self.n_samples
        self._require("subsample", "the samples that each fit draws")
        hint = "Generation 1 has no more to draw from."
        object.__setattr__(self, "subsample", integer("subsample", self.subsample, low=1, high=pool, hint=hint))
