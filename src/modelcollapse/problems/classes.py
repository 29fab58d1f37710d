"""What is asked about a linear classifier of two classes? Some labels are wrong, a verifier prunes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace

import numpy as np

from modelcollapse.checks import Array, fail, integer, number
from modelcollapse.errors import InputError
from modelcollapse.problems.mixture import MAX_SAMPLES, checked_name, checked_ridge, unique_names
from modelcollapse.problems.spectrum import Spectrum
from modelcollapse.problems.values import ByValue, frozen_array

LARGEST_RIDGE = 1e100
"""Far beyond it, squares of the classifier would underflow; its accuracy has long reached the limit."""


@dataclass(frozen=True, eq=False)
class ClassSource(ByValue):
    """One source of samples of two equally likely classes y = ±1: x ~ N(y mean, Σ), labelled y or, wrongly, −y.

    A verifier keeps a sample whose label is right with probability `hit`, and one whose label is wrong with probability
    `false_keep`. By default all labels are right and all samples are kept.

    Parameters
    ----------
    name : str
        Unique within a problem; printable.
    n_samples : int
        Samples before any is thrown away, between 0 and 1e15.
    mean : array of shape (n_features,), optional
        Centre of the class y = 1; that of the other class lies opposite. Left out, that of the first source.
    mean_norm : float, optional
        In place of `mean`, its length: the mean is spread evenly over the coordinates.
    spectrum : Spectrum, optional
        Covariance Σ of each class, by positive eigenvalues; left out, that of the first source.
    label_error : float
        Share of wrong labels before any sample is thrown away, in [0, 1].
    hit, false_keep : float
        Probabilities, in [0, 1].

    Raises
    ------
    InputError
        When a value is out of range, or `mean` and `mean_norm` are both given.

    Examples
    --------
    >>> ClassSource("synthetic", n_samples=100, label_error=0.5, hit=0.8, false_keep=0.2).n_kept
    50.0
    """

    name: str
    _: KW_ONLY
    n_samples: int
    mean: Array | None = None
    mean_norm: float | None = None
    spectrum: Spectrum | None = None
    label_error: float = 0.0
    hit: float = 1.0
    false_keep: float = 1.0

    def __post_init__(self) -> None:
        checked_name(self.name)
        object.__setattr__(self, "n_samples", integer("n_samples", self.n_samples, low=0, high=MAX_SAMPLES))
        for rate in ("label_error", "hit", "false_keep"):
            object.__setattr__(self, rate, number(rate, getattr(self, rate), low=0, high=1))
        if self.mean is not None and self.mean_norm is not None:
            raise InputError(f"source `{self.name}` must have a `mean` or a `mean_norm`, not both. Leave one out.")
        if self.mean is not None:
            object.__setattr__(self, "mean", frozen_array("mean", self.mean, ndim=1))
        if self.mean_norm is not None:
            object.__setattr__(self, "mean_norm", number("mean_norm", self.mean_norm, low=0))
        if self.spectrum is not None:
            _check_spectrum(self.spectrum)

    @property
    def right_share(self) -> float:
        """Share of the samples that are kept with a right label, on average."""
        return (1 - self.label_error) * self.hit

    @property
    def wrong_share(self) -> float:
        """Share of the samples that are kept with a wrong label, on average."""
        return self.label_error * self.false_keep

    @property
    def n_kept(self) -> float:
        """Samples that are kept, on average."""
        return self.n_samples * (self.right_share + self.wrong_share)


@dataclass(frozen=True, eq=False)
class Classes(ByValue):
    """A linear classifier of two classes: ŵ minimises (1/N) Σ_i (x_iᵀw − label_i)² + ridge ‖w‖² over the kept samples.

    N counts all samples, also those that are thrown away, just as in a mixture it counts samples of weight 0: another
    verifier changes neither N nor the penalty N · ridge. There is no intercept.

    Parameters
    ----------
    sources : sequence of ClassSource
        At least one; kept as a tuple. The first must have a mean and a spectrum; the others inherit what they leave
        out. The classifier is judged on new samples of the first source, against their right labels.
    ridge : float
        0, the minimum-norm solution, or between 1e-30 and 1e100.

    Raises
    ------
    InputError
        When the sources do not fit together, a value is out of range, or nothing is kept.

    Examples
    --------
    >>> real = ClassSource("real", n_samples=100, mean_norm=1.0, spectrum=Spectrum.isotropic(50))
    >>> Classes([real, ClassSource("synthetic", n_samples=900, label_error=0.1)], ridge=0.1).means.shape
    (2, 50)
    """

    sources: Sequence[ClassSource]
    _: KW_ONLY
    ridge: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "sources", _resolved(tuple(self.sources)))
        object.__setattr__(self, "ridge", number("ridge", checked_ridge(self.ridge), high=LARGEST_RIDGE))

    @property
    def n_features(self) -> int:
        """Input dimension d, the same for all sources."""
        assert self.sources[0].spectrum is not None, "the sources of a problem have a spectrum"
        return self.sources[0].spectrum.n_features

    @property
    def means(self) -> Array:
        """Centres of the class y = 1, shape (n_sources, n_features)."""
        evenly = np.full(self.n_features, self.n_features**-0.5)
        return np.stack([(s.mean_norm or 0.0) * evenly if s.mean is None else s.mean for s in self.sources])

    @property
    def eigenvalues(self) -> Array:
        """Variances along the coordinates, shape (n_sources, n_features)."""
        spectra = [source.spectrum.eigenvalues for source in self.sources if source.spectrum is not None]
        return np.stack([eigenvalues for eigenvalues in spectra if eigenvalues is not None])


def _check_spectrum(spectrum: object) -> None:
    """Refuse what has no eigenvalues along the coordinates, or some that are zero."""
    if not isinstance(spectrum, Spectrum):
        raise fail("spectrum", spectrum, "a Spectrum")
    if spectrum.eigenvalues is None:
        raise InputError("a full `covariance` is not supported for classes. Rotate all inputs to its eigenvectors.")
    if not (spectrum.eigenvalues > 0).all():
        hint = "Leave out coordinates without variance: there, the mean alone would tell the classes apart."
        raise fail("eigenvalues", spectrum.eigenvalues.min(), "positive", hint)


def _resolved(sources: tuple[ClassSource, ...]) -> tuple[ClassSource, ...]:
    """Return the sources with inherited means and spectra filled in, after checking that they fit together."""
    if not sources:
        raise InputError("`sources` must hold at least one source; got none.")
    for source in sources:
        if not isinstance(source, ClassSource):
            raise fail("sources", source, "a ClassSource")
    unique_names([source.name for source in sources])
    first = sources[0]
    if first.spectrum is None:
        raise InputError(f"the first source, `{first.name}`, must have a `spectrum`: the others start from it.")
    if first.mean is None and first.mean_norm is None:
        raise InputError(f"the first source, `{first.name}`, must have a `mean` or a `mean_norm`.")
    filled = tuple(_filled(source, first) for source in sources)
    for source in filled:
        _check_sizes(source, first.spectrum.n_features)
    if not sum(source.n_kept for source in filled) > 0:
        raise InputError("at least one source must have samples that are kept; nothing is left to fit.")
    return filled


def _filled(source: ClassSource, first: ClassSource) -> ClassSource:
    """Return a source with what it inherits from the first."""
    located = source if source.mean is not None or source.mean_norm is not None else first
    return replace(source, mean=located.mean, mean_norm=located.mean_norm, spectrum=source.spectrum or first.spectrum)


def _check_sizes(source: ClassSource, n_features: int) -> None:
    """Refuse a source whose arrays do not have `n_features` entries."""
    sizes = {"spectrum": source.spectrum.n_features if source.spectrum else None}
    if source.mean is not None:
        sizes["mean"] = len(source.mean)
    for what, size in sizes.items():
        if size != n_features:
            raise InputError(
                f"`{what}` of source `{source.name}` must have n_features = {n_features} entries, like the first "
                f"source's spectrum; got {size}."
            )
