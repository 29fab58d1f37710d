"""Where does a larger model amplify collapse, and where mitigate it? The signs of slopes in its size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array, fail, number
from modelcollapse.decisions.model_size import SizedModel, SizedRisk, log_centres, sized_model
from modelcollapse.problems.mixture import Mixture, Source
from modelcollapse.problems.spectrum import Spectrum
from modelcollapse.problems.teacher import RandomTeacher, Shift
from modelcollapse.result import Writable

FEATURES_PER_SAMPLE = (0.1, 10.0)
WIDTH_PER_SAMPLE = (10**-1.5, 10.0)
FEATURE_CELLS, WIDTH_CELLS = 30, 24
"""Ranges of the diagram and cells per decade. No centre of a cell has a ratio of 1, where risks diverge or are bent:
not of features to samples, width to samples, or width to features."""
STEP = 1e-3
"""Difference of log width over which slopes of models with a width are taken."""
NEGLIGIBLE = 1e-3
"""Change for a doubling of the size, relative to the value itself, that counts as none."""


class Effect(StrEnum):
    """What a larger model does to collapse, and to the excess risk as a whole."""

    AMPLIFIES = "amplifies"  # both grow
    OUTWEIGHED = "outweighed"  # collapse grows, and the excess risk falls all the same
    MITIGATES = "mitigates"  # both fall
    IN_VAIN = "in vain"  # collapse falls, and the excess risk grows all the same
    NONE = "no change"
    UNDEFINED = "undefined"  # a linear model has no more features, or the risk diverges


@dataclass(frozen=True, kw_only=True)
class PhaseDiagram(Writable):
    """Slopes of risk and collapse in the logarithm of the model size.

    Attributes
    ----------
    model : str
    features_per_sample : array of shape (F,)
        φ = d/N.
    width_per_sample : array of shape (W,)
        ψ = size/N.
    synthetic_fraction : array of shape (P,)
        p_2.
    risk, slope : SizedRisk
        Of shape (P, F, W): values, and derivatives with respect to log size, for quality 1. The slope of the excess
        risk at another quality is ``slope.excess_risk(quality)``; the sign of the collapse's does not depend on it.
    """

    model: str
    features_per_sample: Array
    width_per_sample: Array
    synthetic_fraction: Array
    risk: SizedRisk
    slope: SizedRisk

    def effects(self, quality: float) -> NDArray[np.object_]:
        """Return the effect of a larger model at a quality c² > 0 as an array of `Effect` (P, F, W)."""
        quality = number("quality", quality, low=0, open_low=True, hint="Without an error there is no collapse.")
        risk, slope = self.risk.excess_risk(quality), self.slope.excess_risk(quality)
        worse, more = slope > 0, self.slope.collapse > 0
        known = np.isfinite(slope) & np.isfinite(self.slope.collapse)
        same = (np.abs(slope) <= NEGLIGIBLE / np.log(2) * risk) & (
            np.abs(self.slope.collapse) <= NEGLIGIBLE / np.log(2) * np.abs(self.risk.collapse)
        )
        cases = [~known, same, more & worse, more, ~worse]
        effects = [Effect.UNDEFINED, Effect.NONE, Effect.AMPLIFIES, Effect.OUTWEIGHED, Effect.MITIGATES]
        picked = np.select(cases, list(range(len(cases))), default=len(cases))
        return np.asarray(np.array([*effects, Effect.IN_VAIN], dtype=object)[picked], dtype=object)

    def shares(self, quality: float) -> list[dict[str, Any]]:
        """Return which share of the diagram each effect has, with fewer samples than features and with more.

        Returns
        -------
        list of dict
            ``model``, ``quality``, ``synthetic_fraction``, ``samples`` ("< features" or "> features"),
            and the share of each effect in the cells (equal steps of log ratios) where it is defined.
        """
        effects = self.effects(quality)
        fewer = self.features_per_sample > 1
        rows = []
        for fraction, plane in zip(self.synthetic_fraction.tolist(), effects, strict=True):
            for samples, side in (("< features", fewer), ("> features", ~fewer)):
                cells = plane[side].ravel()
                cells = cells[cells != Effect.UNDEFINED]
                rows.append(
                    {"model": self.model, "quality": quality, "synthetic_fraction": fraction, "samples": samples}
                    | {
                        str(effect): float((cells == effect).mean())
                        for effect in Effect
                        if effect is not Effect.UNDEFINED
                    }
                )
        return rows


def phase_diagram(problem: Mixture, *, model: str, synthetic_fractions: Sequence[float]) -> PhaseDiagram:
    """Take the slopes of risk and collapse in log size over features per sample and size per sample.

    Parameters
    ----------
    problem : Mixture
        As for `sized_model`: its counts, quality and width are what is varied.
    model : str
        ``"linear"``, ``"projections"`` or ``"network"``.
    synthetic_fractions : sequence of float
        Each in (0, 1].

    Returns
    -------
    PhaseDiagram

    Raises
    ------
    InputError
        When the problem does not fit, see `sized_model`, a fraction is out of range, or a linear model has one feature.

    Notes
    -----
    The input dimension d is that of the problem; N = d / features_per_sample, size = N · width_per_sample; the ridge
    per sample and all else stay. The slope of the linear model is that of one more feature; it is undefined where less
    than one feature, or all, are seen.

    References
    ----------
    E. Dohmatob, Y. Feng, A. Subramonian, J. Kempe, Strong Model Collapse, 2024, arXiv 2410.04840, appendix G, asks for
    this diagram.
    """
    sized = sized_model(problem, model=model)
    fractions = [number("synthetic_fraction", p, low=0, high=1, open_low=True) for p in synthetic_fractions]
    features = log_centres(*FEATURES_PER_SAMPLE, per_decade=FEATURE_CELLS)
    widths = log_centres(*WIDTH_PER_SAMPLE, per_decade=WIDTH_CELLS)
    n_samples = sized.n_features / features
    size, step, inside = _steps(sized, n_samples[:, None] * widths)
    shares = np.array(fractions)[:, None, None]
    rows = [  # one at a time: the linear model has eigenvalues of its own for each size
        sized.risk(n_samples=count, synthetic_fraction=shares, size=some)
        for count, some in zip(n_samples, size, strict=True)
    ]
    clean, collapse = (np.stack(parts, axis=1) for parts in zip(*((r.clean, r.collapse) for r in rows), strict=True))

    def level(values: Array) -> Array:
        return np.asarray(np.where(inside, values[..., 0], np.nan))

    def slope(values: Array) -> Array:
        with np.errstate(invalid="ignore"):  # infinite on both sides of the step
            return np.asarray(np.where(inside, (values[..., 1] - values[..., 0]) / step, np.nan))

    return PhaseDiagram(
        model=model,
        features_per_sample=features,
        width_per_sample=widths,
        synthetic_fraction=np.array(fractions),
        risk=SizedRisk(clean=level(clean), collapse=level(collapse)),
        slope=SizedRisk(clean=slope(clean), collapse=slope(collapse)),
    )


def _steps(sized: SizedModel, widths: Array) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Return two sizes at each cell (..., 2), the difference of their logarithms, and where a cell has both."""
    if sized.model != "linear":
        return widths[..., None] * np.exp(STEP * np.array([-0.5, 0.5])), np.array(STEP), np.ones(widths.shape, np.bool_)
    if sized.n_features < 2:
        raise fail("n_features", sized.n_features, "at least 2", "With one feature there is nothing to add.")
    seen = np.round(widths)
    inside = (seen >= 1) & (seen < sized.n_features)
    seen = np.clip(seen, 1, sized.n_features - 1)
    return np.stack([seen, seen + 1], axis=-1), np.log1p(1 / seen), inside


def isotropic_problem() -> Mixture:
    """Return inputs alike in all directions, a signal of variance 1, noise of variance 0.1, and no ridge."""
    real = Source("real", n_samples=300, noise_var=0.1, spectrum=Spectrum.isotropic(600), teacher=RandomTeacher())
    synthetic = Source("synthetic", n_samples=200, noise_var=0.1, shift=Shift(quality=1.0, shape="isotropic"))
    return Mixture([real, synthetic], ridge=0.0)


def power_law_problem() -> Mixture:
    """Return the setting of appendix A.1 of arXiv 2410.04840: eigenvalues ∝ 1/i, trace 1, w ~ N(0, I), ridge 1e-8."""
    n_features = 600
    scale = 1 / float(np.sum(1 / np.arange(1.0, n_features + 1)))
    spectrum = Spectrum.power_law(n_features, exponent=1.0, scale=scale)
    teacher = RandomTeacher(power=float(n_features))
    real = Source("real", n_samples=300, noise_var=0.01, spectrum=spectrum, teacher=teacher)
    synthetic = Source("synthetic", n_samples=200, noise_var=0.01, shift=Shift(quality=1.0, shape="inverse_covariance"))
    return Mixture([real, synthetic], ridge=1e-8)


SETTINGS: dict[str, Callable[[], Mixture]] = {"isotropic": isotropic_problem, "power_law": power_law_problem}
"""Problems that diagrams are drawn of when none is given."""
