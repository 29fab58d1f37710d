"""What does an audit answer? The tables that the terminal, the JSON, the figures and the report all read."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.decisions.own_model_result import OwnModel
from modelcollapse.result import Status, plain

Interval = tuple[float, float]

ROUNDING = 1e-9
"""Relative size of what rounding does to a test error."""


@dataclass(frozen=True, kw_only=True)
class MixtureForecast:
    """The forecast for one mixture, by source name.

    Attributes
    ----------
    counts : dict of str to float
        Samples of each source.
    weight : float
        Per-sample weight of every synthetic source; real samples weigh 1.
    ridge : float
        λ per sample.
    test_error : float
        Mean squared error on the held-out rows, summed over outputs.
    band : (float, float)
        90 % interval for the error of one model trained on such a mixture, measured on the same held-out rows.
    stderr : float
        Standard error of `test_error` as a forecast of the mean over trained models.
    run_to_run : float
        Standard deviation of single trained models about their mean.
    holdout_stderr : float
        What the held-out rows, being a sample, add to `stderr` for the error on all real rows.
    training_error : dict of str to float
        By source; sources without samples are left out.
    measures : dict of str to float
        Classification: ``accuracy``, ``log_loss``, ``auc``; empty in regression.
    status : Status
        `NOT_ENOUGH_DATA` where the data at hand cannot tell; the numbers are then NaN.
    """

    counts: dict[str, float]
    weight: float
    ridge: float
    test_error: float
    band: Interval
    stderr: float
    run_to_run: float
    holdout_stderr: float
    training_error: dict[str, float]
    measures: dict[str, float]
    status: Status


@dataclass(frozen=True, kw_only=True)
class ValidationPoint:
    """A mixture of rows that the forecast did not see: forecast against measured.

    Attributes
    ----------
    forecast, measured : float
        Test error.
    forecast_stderr, stderr : float
        Standard errors of the two.
    repeats : int
        Models trained.
    measures, measured_measures : dict of str to float
        Classification measures, forecast and measured; empty in regression.
    """

    counts: dict[str, float]
    weight: float
    ridge: float
    forecast: float
    forecast_stderr: float
    measured: float
    stderr: float
    repeats: int
    measures: dict[str, float]
    measured_measures: dict[str, float]

    @property
    def ratio(self) -> float:
        """Forecast over measured."""
        return self.forecast / self.measured

    @property
    def deviation(self) -> float:
        """Difference in joint standard errors, these never below the rounding of the two numbers."""
        stderr = np.hypot(self.forecast_stderr, self.stderr)
        return float((self.forecast - self.measured) / max(stderr, ROUNDING * self.measured))


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Forecasts along growing data.

    Attributes
    ----------
    name : str
        Key, e.g. ``"real_only"``.
    label : str
        What the curve is, for a legend.
    points : tuple of MixtureForecast
        In order of total samples.
    difference_stderr : tuple of float
        Standard error of the difference between each point and the real rows at hand alone, on the same rows.
    """

    name: str
    label: str
    points: tuple[MixtureForecast, ...]
    difference_stderr: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class SurfaceTable:
    """Best achievable test error over weight and ridge, for each pair of counts.

    Attributes
    ----------
    source : str
        The synthetic source, or several joined by ``+`` in the pool's proportions.
    real, synthetic : ndarray (R,), (S,)
        Counts.
    test_error, weight, ridge : ndarray (R, S)
        The error and where it is reached; NaN where the data cannot tell.
    n_mixtures : int
        Mixtures forecast to make the table.
    """

    source: str
    real: Array
    synthetic: Array
    test_error: Array
    weight: Array
    ridge: Array
    n_mixtures: int


@dataclass(frozen=True, kw_only=True)
class Floor:
    """Test error that more data of a kind will not pass, weight 1, at the best ridge.

    Attributes
    ----------
    real_only, mixture, synthetic_only : float
        Endless real rows; endless rows in the proportions at hand; endless synthetic rows.
    stderr : dict of str to float
        Standard errors under the same names.
    """

    real_only: float
    mixture: float
    synthetic_only: float
    stderr: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Crossover:
    """Where synthetic rows stop helping, the real rows at hand given.

    Attributes
    ----------
    best_count : float
        Fewest synthetic rows (weight 1) with which the error is within 0.5 % of the smallest; 0 when none help, NaN
        when the data cannot tell.
    harmful_count : float or None
        Rows (weight 1) beyond which the mixture is worse than real only; None when that is never seen.
    largest_count : float
        Largest count that the data can tell.
    """

    best_count: float
    harmful_count: float | None
    largest_count: float


@dataclass(frozen=True, kw_only=True)
class ExchangeRate:
    """Real rows that one synthetic row is worth.

    Attributes
    ----------
    marginal : float
        Ratio of the marginal values ∂error/∂n at the mixture at hand, weight 1; negative when synthetic rows hurt.
    interval : (float, float)
        90 % interval of `marginal`.
    equivalent_real : float
        Real rows, added to those at hand, that would do what all the synthetic rows at hand do at the best weight; 0
        when they do nothing at any weight, infinite beyond a hundred times the real rows.
    equivalent_interval : (float, float)
        90 % interval of `equivalent_real`.
    counts : ndarray
        Synthetic counts of the curve below.
    curve : ndarray
        Marginal rate against synthetic count at weight 1, the real rows at hand given.
    """

    marginal: float
    interval: Interval
    equivalent_real: float
    equivalent_interval: Interval
    counts: Array
    curve: Array


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Quality c² of one synthetic source's labels: mean squared difference of the two label rules on real inputs.

    Attributes
    ----------
    value : float
        c², summed over outputs; 0 is perfect.
    interval : (float, float)
        90 % interval.
    relative : float
        c² over the variance of the real labels.
    relative_interval : (float, float)
        `interval` over the same.
    """

    value: float
    interval: Interval
    relative: float
    relative_interval: Interval


@dataclass(frozen=True, kw_only=True)
class InputShift:
    """How the inputs of one synthetic source differ from the real ones.

    Attributes
    ----------
    auc : float
        Area under the curve of a linear rule that tells real from synthetic inputs, left-out rows; 0.5: alike.
    auc_interval : (float, float)
        90 % interval.
    spread : float
        Mean leverage of synthetic inputs over that of left-out real ones; 1: as spread out, below 1: narrower.
    """

    auc: float
    auc_interval: Interval
    spread: float


@dataclass(frozen=True, kw_only=True)
class Damage:
    """Test error above that of as many real rows, and where it comes from; mixture at hand, weight 1, best ridges.

    Attributes
    ----------
    total, labels, inputs : float
        `labels` + `inputs` = `total`. Negative `inputs`: the synthetic inputs help.
    stderr : dict of str to float
        Standard errors under the same names.
    """

    total: float
    labels: float
    inputs: float
    stderr: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Repair:
    """What taking a defect away from the inputs of a synthetic source would gain; rows and ridge at hand, weight 1.

    Attributes
    ----------
    source : str
    mended : str
        ``"spread and tails"``: every numeric column brought to the real distribution. ``"association"``: correlations
        brought to the real ones. ``"strange rows"``: rows where no real row is left out.
    before, after : float
        Theory's test error of the real rows with this source, for moments, noise and label quality as in the data.
    gain : float
        `before` − `after`; positive where mending helps.
    interval : (float, float)
        90 % interval of `gain`.
    """

    source: str
    mended: str
    before: float
    after: float
    gain: float
    interval: Interval


@dataclass(frozen=True, kw_only=True)
class AuditResult:
    """The whole answer of an audit.

    Attributes
    ----------
    verdict : str
        One sentence for a manager; on the own model, where there is one, and on ridge regression otherwise.
    details : str
        What else a manager should know: what adding every row does, and beyond which count they harm.
    confidence : str
        ``"high"``, ``"medium"``, ``"low"``, with the reason in `confidence_reason`.
    task : str
        ``"regression"`` or ``"classification"``.
    at_hand : MixtureForecast
        All rows at hand, weight 1, best ridge.
    real_only : MixtureForecast
        The real rows at hand alone, best ridge.
    best : MixtureForecast
        The best mixture with the real rows at hand and up to four times the synthetic rows at hand; the real rows
        alone where no mixture is clearly better.
    doubled_real : MixtureForecast
        Twice the real rows, alone, best ridge.
    quality, input_shift, damage : dict
        By synthetic source; `damage` for the mixture at hand with that source.
    surfaces : tuple of SurfaceTable
        One for each synthetic source, and one for all together when there are several.
    spectrum : dict of str to ndarray
        Eigenvalues of each source's second moment, descending.
    repairs : tuple of Repair
        What mending the inputs of each synthetic source would gain; empty in large audits.
    steps : tuple of str
        What was done to the columns, in plain sentences.
    own_model : OwnModel or None
        The same questions answered for an estimator of the user's own; everything else is about ridge regression.
    """

    verdict: str
    details: str
    confidence: str
    confidence_reason: str
    task: str
    at_hand: MixtureForecast
    real_only: MixtureForecast
    best: MixtureForecast
    doubled_real: MixtureForecast
    floor: Floor
    crossover: Crossover
    exchange_rate: ExchangeRate
    quality: dict[str, Quality]
    input_shift: dict[str, InputShift]
    damage: dict[str, Damage]
    forecasts: tuple[MixtureForecast, ...]
    validation: tuple[ValidationPoint, ...]
    curves: tuple[Curve, ...]
    surfaces: tuple[SurfaceTable, ...]
    spectrum: dict[str, Array]
    rows: dict[str, int]
    holdout_rows: int
    n_features: int
    n_strata: int
    seconds: float
    steps: tuple[str, ...]
    warnings: tuple[str, ...]
    version: str
    seed: int = field(default=0)
    repairs: tuple[Repair, ...] = ()
    own_model: OwnModel | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, strings and lists for JSON, as the audit contract names them; the same for a seed."""
        content = {f.name: _tree(getattr(self, f.name)) for f in fields(self) if f.name != "seconds"}
        first = next(iter(self.quality), None)
        content["quality"] = content["quality"][first] | {"by_source": content["quality"]} if first else None
        content["input_shift"] = (
            content["input_shift"][first] | {"by_source": content["input_shift"]} if first else None
        )
        own_model = content.pop("own_model")
        if own_model is not None:
            content["estimator"] = own_model
        tree = plain(content)
        assert isinstance(tree, dict)
        return tree


def _tree(value: Any) -> Any:
    """Turn nested dataclasses into nested dictionaries; a forecast's measures stand beside its test error."""
    if isinstance(value, MixtureForecast):
        content = {f.name: _tree(getattr(value, f.name)) for f in fields(value) if f.name != "measures"}
        return content | value.measures
    if hasattr(value, "__dataclass_fields__"):
        return {f.name: _tree(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, dict):
        return {key: _tree(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_tree(item) for item in value]
    return value
