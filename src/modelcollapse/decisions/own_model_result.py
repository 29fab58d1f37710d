"""What does an audit say of the model that is really trained? The tables that terminal, JSON, figure and page read."""

from __future__ import annotations

from dataclasses import dataclass

from modelcollapse.result import Status, Writable

Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """One model that was trained on a mixture inside the rows at hand.

    Attributes
    ----------
    counts : dict of str to int
        Rows by source.
    repeat : int
        0 for the first model of a mixture; later ones have other rows, as far as there are others, and another seed.
    test_error : float
        Squared error on the held-out rows, summed over outputs; of predicted probabilities in classification.
    accuracy : float
        Share of held-out rows of the right class; NaN in regression.
    seconds : float
    """

    counts: dict[str, int]
    repeat: int
    test_error: float
    accuracy: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class OwnForecast:
    """What the model is forecast to reach on one mixture, all rows of weight 1.

    Attributes
    ----------
    counts : dict of str to float
    test_error : float
        Median over what may hold; NaN where nothing can be said.
    band : (float, float)
        90 % interval for the error of one model trained on such a mixture, measured on the same held-out rows.
    ridge_forecast : float
        What ridge regression is forecast to reach; NaN where the rows at hand cannot tell.
    extrapolation : float
        Largest ratio of a source's rows to those at hand.
    leans_on_ridge : bool
        Whether laws with the ridge forecast took part.
    status : Status
    """

    counts: dict[str, float]
    test_error: float
    band: Interval
    ridge_forecast: float
    extrapolation: float
    leans_on_ridge: bool
    status: Status


@dataclass(frozen=True, kw_only=True)
class OwnCurve:
    """Forecasts along growing data: key, label for a legend, and points in order of total rows."""

    name: str
    label: str
    points: tuple[OwnForecast, ...]


@dataclass(frozen=True, kw_only=True)
class LawShare:
    """How one law fares.

    Attributes
    ----------
    name : str
    leans_on_ridge : bool
    weight : float
        Share of the draws that make the bands.
    left_out : float
        Root mean square of log(measured/said) over models left out one by one, in units of a model of all rows.
    beyond : float
        Root mean square of log(measured/said) over the models of many rows, the law fitted to those of few; NaN
        where there are too few.
    """

    name: str
    leans_on_ridge: bool
    weight: float
    left_out: float
    beyond: float


@dataclass(frozen=True, kw_only=True)
class OwnCheck:
    """A trained model against what the laws say of it when it is left out."""

    counts: dict[str, int]
    forecast: float
    measured: float

    @property
    def ratio(self) -> float:
        """Forecast over measured."""
        return self.forecast / self.measured


@dataclass(frozen=True, kw_only=True)
class RidgeHelp:
    """Whether leaning on the ridge forecast helped.

    Attributes
    ----------
    used : bool
        Whether laws that lean on it could be fitted at all.
    helped : bool
        Whether they say better what models of many rows reach.
    weight : float
        Share of the draws from laws that lean on it.
    beyond, beyond_without : float
        Root mean square of log(measured/said) over models of many rows, the laws fitted to those of few: all laws by
        their weights, and those in counts alone by theirs; NaN where there are too few.
    """

    used: bool
    helped: bool
    weight: float
    beyond: float
    beyond_without: float


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with its 90 % interval, whose ends may be infinite."""

    value: float
    interval: Interval


@dataclass(frozen=True, kw_only=True)
class OwnModel(Writable):
    """The whole answer for the model that is really trained.

    Attributes
    ----------
    estimator : str
    fits : tuple of TrainedModel
    n_reused : int
        Those that were read from a file.
    laws : tuple of LawShare
        The largest weight first.
    real_only, at_hand, best : OwnForecast
        The real rows at hand; all rows at hand; the best with the real rows at hand and up to four times the synthetic
        ones, and the real rows alone where no mixture is clearly better.
    gain, harm : Estimate
        Share of the test error of the real rows alone that the best mixture saves, and that adding every synthetic row
        costs.
    best_count, harmful_count : Estimate
        Synthetic rows beside the real ones at hand from which on more do not help, and from which on the mixture is
        worse than the real rows alone; infinite beyond `largest_count`.
    largest_count : float
        Synthetic rows up to which was looked.
    floor : dict of str to Estimate
        Test error with a hundred times the rows: ``real_only``, ``mixture`` in the proportions at hand,
        ``synthetic_only``.
    marginal : Estimate
        Real rows that one more synthetic row is worth at the rows at hand; negative where it hurts.
    equivalent_real : Estimate
        Real rows, added to those at hand, that would do what all synthetic rows at hand do.
    forecasts : tuple of OwnForecast
        The mixtures asked for, in order.
    validation : tuple of OwnCheck
        Every trained model, left out in turn.
    ridge : RidgeHelp
    curves : tuple of OwnCurve
    verdict, details, confidence, confidence_reason : str
    """

    estimator: str
    fits: tuple[TrainedModel, ...]
    n_reused: int
    laws: tuple[LawShare, ...]
    real_only: OwnForecast
    at_hand: OwnForecast
    best: OwnForecast
    gain: Estimate
    harm: Estimate
    best_count: Estimate
    harmful_count: Estimate
    largest_count: float
    floor: dict[str, Estimate]
    marginal: Estimate
    equivalent_real: Estimate
    forecasts: tuple[OwnForecast, ...]
    validation: tuple[OwnCheck, ...]
    ridge: RidgeHelp
    curves: tuple[OwnCurve, ...]
    verdict: str
    details: str
    confidence: str
    confidence_reason: str
