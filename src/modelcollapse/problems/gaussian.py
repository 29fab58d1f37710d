"""What is asked about Gaussian refits? Each generation re-estimates mean and covariance, or a kernel density."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from modelcollapse.checks import choice, fail, number
from modelcollapse.errors import InputError
from modelcollapse.problems.resampling import Resampling
from modelcollapse.problems.spectrum import Spectrum
from modelcollapse.problems.values import ByValue

ESTIMATORS = ("biased", "unbiased")
"""Sample covariance divided by the number of samples, or by one less."""


@dataclass(frozen=True, eq=False)
class GaussianChain(ByValue):
    """A Gaussian over generations: each generation's model has the mean and covariance of its samples.

    With a `bandwidth` h the model is not Gaussian but a kernel density: its samples are those it was fitted on, drawn
    with replacement, each moved by N(0, h² I).

    Parameters
    ----------
    spectrum : Spectrum
        Covariance of the real law; its mean plays no part.
    workflow : Resampling
        Fits need at least two samples.
    estimator : str
        ``"biased"`` or ``"unbiased"``; see `ESTIMATORS`. A kernel density has none.
    bandwidth : float, optional
        Of a kernel density, at least 0.
    threshold : float, optional
        Standard deviation above which a chain in one dimension counts as alive, above 0.

    Raises
    ------
    InputError
        When a value is out of range, or they do not go together.

    References
    ----------
    Kazdan et al. (2024), arXiv 2410.16713: biased, replace, accumulate, accumulate-subsample. Suresh, Thangaraj and
    Khandavally (2024), arXiv 2412.17646: unbiased, replace.

    Examples
    --------
    >>> workflow = Resampling("replace", generations=5, n_samples=100)
    >>> GaussianChain(Spectrum.isotropic(3), workflow, estimator="biased").n_features
    3
    """

    spectrum: Spectrum
    workflow: Resampling
    _: KW_ONLY
    estimator: str = "biased"
    bandwidth: float | None = None
    threshold: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.spectrum, Spectrum):
            raise fail("spectrum", self.spectrum, "a Spectrum")
        if not isinstance(self.workflow, Resampling):
            raise fail("workflow", self.workflow, "a Resampling")
        choice("estimator", self.estimator, ESTIMATORS)
        if self.bandwidth is not None:
            object.__setattr__(self, "bandwidth", number("bandwidth", self.bandwidth, low=0))
            if self.estimator != "biased":
                raise InputError("`estimator` must be left out with a `bandwidth`: a kernel density estimates none.")
        if self.threshold is not None:
            object.__setattr__(self, "threshold", number("threshold", self.threshold, low=0, open_low=True))
            if self.n_features > 1:
                raise fail("threshold", self.threshold, f"left out with n_features = {self.n_features}")
        for key in ("n_first", "subsample"):
            if getattr(self.workflow, key) == 1:
                raise fail(key, 1, "at least 2", "One sample has no covariance.")
        if self.workflow.kind in ("replace", "recent", "random-past") and self.workflow.n_samples == 1:
            raise fail("n_samples", 1, "at least 2", "One sample has no covariance.")

    @property
    def n_features(self) -> int:
        """Dimension d."""
        return self.spectrum.n_features
