"""What do past runs answer? Laws, forecasts with bands, harmless shares, prices, and which run to do next."""

from __future__ import annotations

from dataclasses import dataclass

from modelcollapse import __version__
from modelcollapse.result import Writable

Interval = tuple[float, float]
Setting = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Candidate(Writable):
    """A law, and how it did.

    Attributes
    ----------
    name, formula : str
    n_parameters : int
    reason : str
        Why it could not be fitted; empty where it was.
    held_out_error, held_out_stderr : float
        Root-mean-square relative error of its forecasts of the held-out largest settings; NaN where it was not fitted.
    noise : float
        Relative standard deviation of all settings about it.
    weight : float
        Its chance given the runs, which is its share of the bands.
    chosen : bool
    """

    name: str
    formula: str
    n_parameters: int
    reason: str
    held_out_error: float
    held_out_stderr: float
    noise: float
    weight: float
    chosen: bool


@dataclass(frozen=True, kw_only=True)
class Parameter(Writable):
    """A parameter of the chosen law, with its 90 % interval.

    Attributes
    ----------
    name : str
    value : float
    interval : (float, float)
    meaning : str
    """

    name: str
    value: float
    interval: Interval
    meaning: str


@dataclass(frozen=True, kw_only=True)
class LossForecast(Writable):
    """The loss at a setting.

    Attributes
    ----------
    setting : dict of str to float
        ``real``, ``synthetic`` and, where the runs say them, ``size``, ``generation``, ``generator``.
    loss : float
        The law's; NaN where the runs do not tell.
    band : (float, float)
        90 %, of the law's loss.
    run_band : (float, float)
        90 %, of one more run.
    extrapolation : float
        All data as a multiple of that of the run that had most.
    warning : str
        Empty where there is none.
    """

    setting: Setting
    loss: float
    band: Interval
    run_band: Interval
    extrapolation: float
    warning: str


@dataclass(frozen=True, kw_only=True)
class ShareFloor(Writable):
    """The loss that endless data of a synthetic share leaves, with its 90 % interval; 0 where no floor is to be seen.

    Attributes
    ----------
    fraction : float
    size, generation : float or None
    loss : float
    band : (float, float)
    """

    fraction: float
    size: float | None
    generation: float | None
    loss: float
    band: Interval


@dataclass(frozen=True, kw_only=True)
class HarmlessShare(Writable):
    """The largest share that costs no more than a tolerance, against as much real data, with its 90 % interval.

    Attributes
    ----------
    tolerance : float
        Relative.
    total : float
        All data.
    size, generation : float or None
    share : float
        In [0, 1].
    interval : (float, float)
    """

    tolerance: float
    total: float
    size: float | None
    generation: float | None
    share: float
    interval: Interval


@dataclass(frozen=True, kw_only=True)
class HarmlessAmount(Writable):
    """The best amount of synthetic data beside fixed real data, and the largest that is not worse than none.

    Attributes
    ----------
    real : float
    size, generation : float or None
    best, most : float
        Infinite: beyond `limit`.
    best_interval, most_interval : (float, float)
        90 %.
    limit : float
        Up to which amounts were weighed: that of the largest synthetic share of the runs, and ten times their data.
    """

    real: float
    size: float | None
    generation: float | None
    best: float
    best_interval: Interval
    most: float
    most_interval: Interval
    limit: float


@dataclass(frozen=True, kw_only=True)
class SyntheticPrice(Writable):
    """How much real data one more unit of synthetic data is worth; negative where it does harm.

    Attributes
    ----------
    setting : dict of str to float
        With some synthetic data: of real data alone, at half the smallest synthetic share of any run.
    price : float
        NaN where the runs do not tell.
    interval : (float, float)
        90 %.
    """

    setting: Setting
    price: float
    interval: Interval


@dataclass(frozen=True, kw_only=True)
class PriceCurve(Writable):
    """The price along the amount of synthetic data, the real data fixed.

    Attributes
    ----------
    real : float
    size, generation : float or None
    synthetic, price, low, high : tuple of float
        Amounts; median and 90 % band.
    zero_at : float
        Amount from which on more synthetic data does harm; infinite: beyond the last amount.
    zero_interval : (float, float)
        90 %.
    """

    real: float
    size: float | None
    generation: float | None
    synthetic: tuple[float, ...]
    price: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    zero_at: float
    zero_interval: Interval


@dataclass(frozen=True, kw_only=True)
class LossCurve(Writable):
    """The law's loss along the amount of data at one synthetic share.

    Attributes
    ----------
    fraction : float
    size, generation : float or None
    total, loss, low, high : tuple of float
        Amounts of data; median and 90 % band.
    floor : float
        What endless data leaves; 0 where no floor is to be seen.
    """

    fraction: float
    size: float | None
    generation: float | None
    total: tuple[float, ...]
    loss: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    floor: float


@dataclass(frozen=True, kw_only=True)
class Observed(Writable):
    """A run beside the law.

    Attributes
    ----------
    name : str
    setting : dict of str to float
    fraction, total, loss : float
    fitted : float
        The law's loss.
    held_out : bool
        Whether the laws had to foretell it.
    curve : int
        Position of the nearest curve.
    """

    name: str
    setting: Setting
    fraction: float
    total: float
    loss: float
    fitted: float
    held_out: bool
    curve: int


@dataclass(frozen=True, kw_only=True)
class NextRun(Writable):
    """The run that shrinks the interval of the asked quantity most.

    Attributes
    ----------
    setting : dict of str to float
    ask : str
        ``"loss"``, ``"share"`` or ``"price"``.
    width, expected_width : float
        Of the 90 % interval now, and after the run. Of a loss: relative to it.
    n_candidates : int
        Settings that were weighed.
    sentence : str
    """

    setting: Setting
    ask: str
    width: float
    expected_width: float
    n_candidates: int
    sentence: str


@dataclass(frozen=True, kw_only=True)
class RunFit(Writable):
    """What a table of past runs says.

    Attributes
    ----------
    status : str
        ``"ok"`` or ``"not_enough_runs"``.
    sentences : tuple of str
        The answer in words.
    n_runs, n_settings, n_held_out : int
        Runs, settings that differ, and those of them that laws had to foretell.
    unit : str
        What data is counted in.
    candidates : tuple of Candidate
    law, formula : str
        Of the chosen law; empty without enough runs.
    parameters : tuple of Parameter
    noise : float
        Relative standard deviation of a run about the law.
    deviation : float
        By how much losses may deviate from every law, relatively, which widens all intervals; 0 where a law holds.
    forecasts : tuple of LossForecast
    floors : tuple of ShareFloor
    harmless : tuple of HarmlessShare
    amounts : tuple of HarmlessAmount
    prices : tuple of SyntheticPrice
    price_curves : tuple of PriceCurve
    curves : tuple of LossCurve
    observed : tuple of Observed
    next_run : NextRun or None
    warnings : tuple of str
    n_replicates, seed : int
    version : str
    """

    status: str
    sentences: tuple[str, ...]
    n_runs: int
    n_settings: int
    n_held_out: int
    unit: str
    candidates: tuple[Candidate, ...] = ()
    law: str = ""
    formula: str = ""
    parameters: tuple[Parameter, ...] = ()
    noise: float = float("nan")
    deviation: float = 0.0
    forecasts: tuple[LossForecast, ...] = ()
    floors: tuple[ShareFloor, ...] = ()
    harmless: tuple[HarmlessShare, ...] = ()
    amounts: tuple[HarmlessAmount, ...] = ()
    prices: tuple[SyntheticPrice, ...] = ()
    price_curves: tuple[PriceCurve, ...] = ()
    curves: tuple[LossCurve, ...] = ()
    observed: tuple[Observed, ...] = ()
    next_run: NextRun | None = None
    warnings: tuple[str, ...] = ()
    n_replicates: int
    seed: int
    version: str = __version__
