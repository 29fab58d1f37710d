"""What is asked about a regression on a mixture of sources? Sources, model and target, checked when built."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from functools import cached_property

import numpy as np

from modelcollapse.checks import Array, choice, describe, fail, integer, number
from modelcollapse.errors import InputError
from modelcollapse.problems.spectrum import Spectrum
from modelcollapse.problems.teacher import FixedTeacher, RandomTeacher, Shift, Teacher, TeacherLaw
from modelcollapse.problems.values import ByValue

ACTIVATIONS = ("relu", "tanh", "erf", "identity")
"""Activations of random-feature networks that have a name."""

MAX_SAMPLES = 10**15
"""Largest number of samples of one source: whole numbers stay exact in float64."""

SMALLEST_RIDGE = 1e-30
"""Smallest positive ridge; the limit is reached within rounding long before, except at interpolation thresholds."""

Activation = str | Callable[[Array], Array]


@dataclass(frozen=True, eq=False)
class Source(ByValue):
    """One source of samples: x ~ N(0, Σ), y = xᵀw + ε with Var ε = noise_var.

    Parameters
    ----------
    name : str
        Unique within a mixture; printable.
    n_samples : int
        Between 0 and 1e15.
    noise_var : float
        Label-noise variance σ², at least 0.
    weight : float
        Weight ω of each of its samples in the fit, at least 0.
    spectrum : Spectrum, optional
        Input covariance Σ; left out, that of the first source of the mixture.
    teacher : FixedTeacher or RandomTeacher, optional
        Regression vector w; left out, that of the first source, plus `shift`. A random teacher given here is
        independent of every other source's.
    shift : Shift, optional
        Difference from the first source's teacher.

    Raises
    ------
    InputError
        When a value is out of range, or `teacher` and `shift` are both given.

    Examples
    --------
    >>> Source("synthetic", n_samples=100, shift=Shift(quality=0.3, shape="isotropic")).noise_var
    0.0
    """

    name: str
    _: KW_ONLY
    n_samples: int
    noise_var: float = 0.0
    weight: float = 1.0
    spectrum: Spectrum | None = None
    teacher: Teacher | None = None
    shift: Shift | None = None

    def __post_init__(self) -> None:
        checked_name(self.name)
        object.__setattr__(self, "n_samples", integer("n_samples", self.n_samples, low=0, high=MAX_SAMPLES))
        object.__setattr__(self, "noise_var", number("noise_var", self.noise_var, low=0))
        object.__setattr__(self, "weight", number("weight", self.weight, low=0))
        _instance("spectrum", self.spectrum, Spectrum)
        _instance("teacher", self.teacher, FixedTeacher, RandomTeacher)
        _instance("shift", self.shift, Shift)
        if self.teacher is not None and self.shift is not None:
            raise InputError(
                f"source `{self.name}` must have a `teacher` or a `shift`, not both: a shift starts from the first "
                "source's teacher. Leave one out."
            )


@dataclass(frozen=True, eq=False)
class Mixture(ByValue):
    """Ridge regression on several sources: ŵ minimises (1/N) Σ_i ω_i (x_iᵀw − y_i)² + ridge ‖w‖².

    Parameters
    ----------
    sources : sequence of Source
        At least one; kept as a tuple. The first must have a spectrum and a teacher; the others inherit what they
        leave out.
    ridge : float
        0, the minimum-norm solution, or at least 1e-30.
    width : int, optional
        Number of random projections S x, entries of S iid N(0, 1/n_features), with the ridge on their coefficients.
        Left out: the linear model.
    activation : str or callable, optional
        Makes the projections a random-feature network: ``"relu"``, ``"tanh"``, ``"erf"``, ``"identity"``, or a
        function of an array. Needs `width`.
    target : str, optional
        Name of the source whose inputs and labels count; the first when left out.

    Raises
    ------
    InputError
        When the sources do not fit together or a value is out of range.

    Examples
    --------
    >>> real = Source("real", n_samples=900, spectrum=Spectrum.isotropic(300), teacher=RandomTeacher())
    >>> mixture = Mixture([real, Source("synthetic", n_samples=100, noise_var=0.1)], ridge=1e-3)
    >>> mixture.n_features, mixture.target, mixture.sources[1].spectrum == real.spectrum
    (300, 'real', True)
    """

    sources: Sequence[Source]
    _: KW_ONLY
    ridge: float
    width: int | None = None
    activation: Activation | None = None
    target: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "sources", _resolved(tuple(self.sources)))
        object.__setattr__(self, "ridge", checked_ridge(self.ridge))
        if self.width is not None:
            object.__setattr__(self, "width", integer("width", self.width, low=1, high=MAX_SAMPLES))
        if self.activation is not None:
            _check_activation(self.activation, self.width)
        names = [source.name for source in self.sources]
        object.__setattr__(self, "target", choice("target", names[0] if self.target is None else self.target, names))
        _ = self.teachers  # refuses teachers that do not fit the covariances

    @property
    def n_features(self) -> int:
        """Input dimension d, the same for all sources."""
        return self.spectra[0].n_features

    @property
    def target_index(self) -> int:
        """Position of the target among the sources."""
        return [source.name for source in self.sources].index(str(self.target))

    @property
    def spectra(self) -> tuple[Spectrum, ...]:
        """Input covariance of each source, inherited ones filled in."""
        return tuple(source.spectrum for source in self.sources if source.spectrum is not None)

    @cached_property
    def teachers(self) -> TeacherLaw:
        """Joint law of the teachers of all sources: known parts plus independent random components."""
        first = self.spectra[0]
        fixed = np.zeros((len(self.sources), self.n_features))
        columns, variances, directions = [], [], []
        for k, (source, spectrum) in enumerate(zip(self.sources, self.spectra, strict=True)):
            heirs = np.array([j == k or (k == 0 and other.teacher is None) for j, other in enumerate(self.sources)])
            if isinstance(source.teacher, FixedTeacher):
                fixed[heirs] += source.teacher.vector
            if isinstance(source.teacher, RandomTeacher):
                columns.append(heirs)
                variances.append(source.teacher.variances(self.n_features))
                directions.append(source.teacher.directions(spectrum))
            if source.shift is not None and source.shift.vector is not None:
                fixed[k] += source.shift.vector
            elif source.shift is not None:
                columns.append(np.arange(len(self.sources)) == k)
                variances.append(source.shift.variances(first))
                directions.append(first.directions[1])
        return TeacherLaw(
            fixed=fixed,
            loadings=np.array(columns, dtype=np.float64).reshape(-1, len(self.sources)).T,
            variances=np.array(variances).reshape(-1, self.n_features),
            directions=tuple(directions),
        )


def checked_name(name: object) -> str:
    """Refuse names that could not be printed."""
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise fail("name", name, "a printable text that is not empty")
    return name


def unique_names(names: Sequence[str]) -> None:
    """Refuse a name that occurs twice."""
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"source names must be unique; got `{name}` {names.count(name)} times.")


def checked_ridge(ridge: object) -> float:
    """Refuse positive ridges that would underflow in the theory, where squares and products of them occur."""
    hint = "Use 0 for the minimum-norm solution."
    value = number("ridge", ridge, low=0, hint=hint)
    if 0 < value < SMALLEST_RIDGE:
        raise fail("ridge", ridge, f"0 or at least {SMALLEST_RIDGE:g}", hint)
    return value


def _resolved(sources: tuple[Source, ...]) -> tuple[Source, ...]:
    """Return the sources with inherited spectra filled in, after checking that they fit together."""
    if not sources:
        raise InputError("`sources` must hold at least one source; got none.")
    for source in sources:
        _instance("sources", source, Source)
    unique_names([source.name for source in sources])
    first = sources[0]
    if first.spectrum is None or first.teacher is None:
        missing = "spectrum" if first.spectrum is None else "teacher"
        raise InputError(f"the first source, `{first.name}`, must have a `{missing}`: the others start from it.")
    filled = tuple(replace(source, spectrum=source.spectrum or first.spectrum) for source in sources)
    for source in filled:
        _check_sizes(source, first.spectrum.n_features)
    if sum(source.n_samples * source.weight for source in sources) <= 0:
        raise InputError("at least one source must have `n_samples` > 0 and `weight` > 0; nothing is left to fit.")
    return filled


def _check_sizes(source: Source, n_features: int) -> None:
    """Refuse a source whose arrays do not have `n_features` entries."""
    sizes = {"spectrum": source.spectrum.n_features if source.spectrum else None}
    if isinstance(source.teacher, FixedTeacher):
        sizes["teacher"] = len(source.teacher.vector)
    if isinstance(source.teacher, RandomTeacher) and isinstance(source.teacher.power, np.ndarray):
        sizes["teacher power"] = len(source.teacher.power)
    if source.shift is not None and source.shift.vector is not None:
        sizes["shift"] = len(source.shift.vector)
    if source.shift is not None and isinstance(source.shift.shape, np.ndarray):
        sizes["shift shape"] = len(source.shift.shape)
    for what, size in sizes.items():
        if size != n_features:
            raise InputError(
                f"`{what}` of source `{source.name}` must have n_features = {n_features} entries, like the first "
                f"source's spectrum; got {size}."
            )


def _check_activation(activation: object, width: int | None) -> None:
    if not callable(activation):
        choice("activation", activation, ACTIVATIONS)
    if width is None:
        raise InputError(f"`activation` = {describe(activation)} needs a `width`: the number of random features.")


def _instance(what: str, value: object, *allowed: type) -> None:
    """Refuse a value that is neither None nor of one of the allowed classes."""
    if value is not None and not isinstance(value, allowed):
        raise fail(what, value, "a " + " or ".join(kind.__name__ for kind in allowed))
