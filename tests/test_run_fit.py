"""Do past runs foretell the next ones, with bands that hold, and say so when they cannot?"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from modelcollapse import InputError
from modelcollapse.decisions.run_fit import fit_runs
from modelcollapse.decisions.run_fit_result import RunFit
from modelcollapse.estimation.runs import Runs

FEW = 200
"""Replicates that are enough for a test."""


def table(
    *,
    worth: float = 1.0,
    floor: float = 0.0,
    irreducible: float = 1.5,
    noise: float = 0.005,
    seed: int = 0,
    shares: tuple[float, ...] = (0.0, 0.3, 0.6, 0.9),
    n_totals: int = 6,
    n_repeats: int = 1,
    shared_noise: float = 0.0,
) -> Runs:
    """Return runs over two decades of data."""
    total, share = (grid.ravel() for grid in np.meshgrid(np.geomspace(1e6, 1e8, n_totals), shares))
    rng = np.random.default_rng(seed)
    log_loss = np.log(true_loss(total * (1 - share), total * share, worth=worth, floor=floor, irreducible=irreducible))
    log_loss = np.repeat(log_loss + shared_noise * rng.standard_normal(len(total)), n_repeats)
    return Runs(
        real=np.repeat(total * (1 - share), n_repeats),
        synthetic=np.repeat(total * share, n_repeats),
        loss=np.exp(log_loss + noise * rng.standard_normal(len(log_loss))),
        unit="tokens",
    )


def true_loss(
    real: np.ndarray | float, synthetic: np.ndarray | float, *, worth: float, floor: float, irreducible: float
) -> np.ndarray:
    """Return the losses without noise."""
    share = np.asarray(synthetic / (real + synthetic))
    return np.asarray(irreducible + ((real + worth * synthetic) / 1e6) ** -0.3 + floor * share)


@pytest.fixture(scope="module")
def bent() -> RunFit:
    return fit_runs(table(floor=0.4), at=[{"real": 1e8, "synthetic": 3e8}], tolerance=0.05)


def test_fit_runs_finds_the_law_that_bends(bent: RunFit) -> None:
    assert bent.status == "ok"
    assert bent.law == "power law + irreducible loss + floor in the share"
    assert bent.n_runs == bent.n_settings == 24
    assert sum(candidate.weight for candidate in bent.candidates) == pytest.approx(1)
    chosen = [candidate for candidate in bent.candidates if candidate.chosen]
    assert [candidate.name for candidate in chosen] == [bent.law]
    assert chosen[0].held_out_error < 0.02 < bent.candidates[0].held_out_error
    values = {parameter.name: parameter for parameter in bent.parameters}
    for name, value in {"irreducible": 1.5, "floor": 0.4, "exponent": 0.3, "floor_power": 1.0}.items():
        low, high = values[name].interval
        assert low - (high - low) < value < high + (high - low)


def test_fit_runs_foretells_loss_floor_and_share(bent: RunFit) -> None:
    (forecast,) = bent.forecasts
    assert forecast.extrapolation == pytest.approx(4.0)
    assert forecast.loss == pytest.approx(true_loss(1e8, 3e8, worth=1, floor=0.4, irreducible=1.5), rel=0.02)
    assert forecast.band[0] < forecast.loss < forecast.band[1]
    assert np.ptp(forecast.run_band) > np.ptp(forecast.band)
    worst = max(bent.floors, key=lambda floor: floor.fraction)
    assert worst.fraction == pytest.approx(0.9)
    assert worst.loss == pytest.approx(1.5 + 0.4 * 0.9, rel=0.05)
    first = bent.harmless[0]
    assert first.total == pytest.approx(4e8)
    alone = float(true_loss(4e8, 0.0, worth=1, floor=0.4, irreducible=1.5))
    assert first.interval[0] - 0.02 < 0.05 * alone / 0.4 < first.interval[1] + 0.02


def test_fit_runs_curves_hold_the_runs(bent: RunFit) -> None:
    assert len(bent.observed) == bent.n_runs
    assert sum(run.held_out for run in bent.observed) == bent.n_held_out
    for run in bent.observed:
        curve = bent.curves[run.curve]
        assert curve.fraction == pytest.approx(run.fraction, abs=1e-3)
        assert np.interp(np.log(run.total), np.log(curve.total), curve.loss) == pytest.approx(run.fitted, rel=0.01)
    for curve in bent.curves:
        assert curve.total[-1] == pytest.approx(1e9)
        assert all(low <= middle <= high for low, middle, high in zip(curve.low, curve.loss, curve.high, strict=True))
        assert curve.floor < curve.loss[-1]


def test_fit_runs_prices_an_exchange_by_its_worth() -> None:
    fit = fit_runs(table(worth=0.4), n_replicates=FEW)
    assert fit.law == "power law + irreducible loss + exchange"
    for price in fit.prices:
        assert price.interval[0] - 0.05 < 0.4 < price.interval[1] + 0.05
    curve = fit.price_curves[0]
    assert curve.zero_at == np.inf
    assert np.all(np.diff(curve.synthetic) >= 0)


def test_fit_runs_says_where_synthetic_data_turns_to_harm() -> None:
    fit = fit_runs(table(floor=0.4), n_replicates=FEW)
    beside = fit.price_curves[0]
    assert beside.price[0] < 0  # at a share of nothing the floor is what grows
    assert fit.prices[0].interval[0] <= fit.prices[0].price <= fit.prices[0].interval[1]


def test_fit_runs_of_a_clean_law_sees_no_bend() -> None:
    fit = fit_runs(table(), n_replicates=FEW)
    assert fit.law == "power law + irreducible loss"
    assert fit.harmless[0].share == 1.0
    assert sum(c.weight for c in fit.candidates if "floor" in c.name or "double" in c.name) < 0.5


def test_fit_runs_next_run_shrinks_the_interval_when_it_is_done() -> None:
    before = fit_runs(table(floor=0.4, noise=0.01), n_replicates=FEW, at=[{"real": 0, "synthetic": 4e8}])
    step = before.next_run
    assert step is not None
    assert step.expected_width < step.width
    runs = table(floor=0.4, noise=0.01)
    loss = true_loss(step.setting["real"], step.setting["synthetic"], worth=1, floor=0.4, irreducible=1.5)
    longer = Runs(
        real=np.append(runs.real, step.setting["real"]),
        synthetic=np.append(runs.synthetic, step.setting["synthetic"]),
        loss=np.append(runs.loss, loss),
    )
    after = fit_runs(longer, n_replicates=FEW, at=[{"real": 0, "synthetic": 4e8}]).next_run
    assert after is not None
    assert after.width < step.width


def test_fit_runs_averages_repeats_so_that_what_they_share_is_no_evidence() -> None:
    once = table(floor=0.4, noise=0.0, shared_noise=0.01)
    often = table(floor=0.4, noise=1e-5, shared_noise=0.01, n_repeats=8)
    widths = []
    for runs in (once, often):
        fit = fit_runs(runs, n_replicates=FEW)
        assert fit.n_settings == 24
        widths.append(np.ptp(fit.forecasts[0].band))
    assert widths[1] == pytest.approx(widths[0], rel=0.3)


def test_fit_runs_with_one_share_tells_only_of_that_share() -> None:
    fit = fit_runs(table(shares=(0.0,), n_totals=10), at=[{"real": 4e8}, {"real": 1e8, "synthetic": 3e8}])
    assert np.isfinite(fit.forecasts[0].loss)
    assert np.isnan(fit.forecasts[1].loss)
    assert "nothing is known" in fit.forecasts[1].warning
    assert (fit.harmless, fit.prices, fit.amounts) == ((), (), ())
    assert any("do not tell what synthetic data does" in sentence for sentence in fit.sentences)
    assert "needs runs with different synthetic shares" in {candidate.reason for candidate in fit.candidates}


def test_fit_runs_of_one_amount_tells_only_of_that_amount() -> None:
    shares = np.linspace(0.0, 0.9, 30)
    loss = 3 * (1 + 0.2 * shares) * np.exp(0.002 * np.random.default_rng(0).standard_normal(30))
    runs = Runs(real=1e9 * (1 - shares), synthetic=1e9 * shares, loss=loss)
    asked = [{"real": 5e8, "synthetic": 5e8}, {"real": 2e9}]
    fit = fit_runs(runs, at=asked, ask="price", n_replicates=FEW)
    assert "amounts of data to tell of another one" in fit.forecasts[1].warning
    assert fit.status == "ok"
    assert fit.forecasts[0].loss == pytest.approx(3.3, rel=0.005)
    assert fit.harmless[0].share == pytest.approx(0.1, abs=0.05)
    assert np.isnan(fit.forecasts[1].loss)
    assert (fit.prices, fit.amounts, fit.floors, fit.curves, fit.observed) == ((), (), (), (), ())
    assert fit.next_run is not None
    assert fit.next_run.ask == "share"
    assert any("do not tell what more of it does" in sentence for sentence in fit.sentences)


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        (table(shares=(0.0,), n_totals=3), "5 settings that differ, and there are 3"),
        (table(shares=(0.0,), n_totals=4), "5 settings that differ, and there are 4"),
        (table(shares=(0.0,), n_totals=1), "3 different amounts of data"),
        (table(shares=(0.0, 0.5), n_totals=2), "6 settings that differ, and there are 4"),
    ],
    ids=["few", "no irreducible loss", "one total", "few shares"],
)
def test_fit_runs_says_when_runs_are_not_enough(runs: Runs, said: str) -> None:
    fit = fit_runs(runs, n_replicates=FEW)
    assert fit.status == "not_enough_runs"
    assert said in fit.sentences[0]
    assert fit.forecasts == ()
    assert fit.next_run is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"at": [{"reel": 1e9}]}, "Did you mean `real`"),
        ({"at": [{"real": -1.0}]}, r"`real` must be a number in \[0, 1e\+30\]"),
        ({"at": [{"real": 0.0}]}, r"`real \+ synthetic` must be a number in \[1, 1e\+30\]; got 0.0. Give one"),
        ({"at": [{"real": 1e30, "synthetic": 1e30}]}, "got 2e"),
        ({"at": [{"real": 1e9, "size": 1e8}]}, "`size` must be left out"),
        ({"tolerance": 0.0}, "`tolerance`"),
        ({"ask": "cost"}, "`ask` must be one of"),
        ({"n_replicates": 10}, "`n_replicates`"),
        ({"seed": -1}, "`seed`"),
    ],
)
def test_fit_runs_refuses_what_it_cannot_use(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fit_runs(table(), **options)  # type: ignore[arg-type]


def test_fit_runs_repeats_itself_and_writes_plain_json(bent: RunFit) -> None:
    again = fit_runs(table(floor=0.4), at=[{"real": 1e8, "synthetic": 3e8}], tolerance=0.05)
    written = json.dumps(bent.to_dict(), allow_nan=False)
    assert json.dumps(again.to_dict(), allow_nan=False) == written
    assert json.dumps(fit_runs(table(n_totals=1)).to_dict(), allow_nan=False)


def test_fit_runs_warns_far_beyond_the_runs() -> None:
    near, far, small = fit_runs(
        table(), n_replicates=FEW, at=[{"real": 9e9}, {"real": 1.1e10}, {"real": 5e3}]
    ).forecasts
    assert "less than 1/100" in small.warning
    assert near.warning == ""
    assert "100 times" in far.warning
    assert np.ptp(far.band) > np.ptp(near.band)


def test_fit_runs_warns_of_runs_that_follow_no_law() -> None:
    rising = table()
    rising = replace(rising, loss=(rising.total / 1e6) ** 0.3)
    assert any("hardly follow any law" in warning for warning in fit_runs(rising, n_replicates=FEW).warnings)
    assert fit_runs(table(), n_replicates=FEW).warnings == ()


def test_fit_runs_warns_of_settings_off_the_law_by_more_than_their_repeats() -> None:
    for shared_noise, warned in ((0.0, False), (0.02, True)):
        runs = table(floor=0.4, noise=0.005, n_repeats=4, shared_noise=shared_noise)
        warnings = fit_runs(runs, n_replicates=FEW).warnings
        assert any("farther from the chosen law" in warning for warning in warnings) == warned


def test_fit_runs_uses_sizes_generations_and_generators() -> None:
    rng, runs = np.random.default_rng(0), table(n_totals=8)
    size = rng.permutation(np.resize([1e7, 1e8, 1e9], len(runs)))
    generation = np.where(runs.fraction > 0, rng.integers(1, 4, len(runs)), 0)
    generator = np.where(runs.fraction > 0, rng.choice([1e5, 1e6], len(runs)), np.nan)
    loss = runs.loss + 0.5 * (size / 1e8) ** -0.3 + 0.2 * runs.fraction * np.maximum(generation, 1) ** 0.5
    rich = replace(runs, size=size, generation=generation, loss=loss)
    fit = fit_runs(rich, n_replicates=FEW, at=[{"real": 1e8, "synthetic": 1e8, "generation": 3}])
    assert fit.law == "power law + irreducible loss + floor in the share × generation + model size"
    assert fit.forecasts[0].setting["size"] == 1e9
    told = fit_runs(replace(runs, generator=generator), n_replicates=FEW)
    assert {"double law", "double law + irreducible loss"} <= {candidate.name for candidate in told.candidates}


def test_fit_runs_of_two_amounts_foretells_no_third() -> None:
    fit = fit_runs(table(floor=0.4, n_totals=2), n_replicates=FEW, at=[{"real": 1e6}, {"real": 4e8}])
    assert np.isfinite(fit.forecasts[0].loss)
    assert np.isnan(fit.forecasts[1].loss)
    assert (fit.prices, fit.floors) == ((), ())
    assert fit.harmless[0].share < 0.5


def test_fit_runs_adds_no_synthetic_data_that_harms_from_the_first_on() -> None:
    fit = fit_runs(table(floor=0.4), n_replicates=FEW, at=[{"real": 4e8}])
    amount = fit.amounts[0]
    assert true_loss(4e8, 6e7, worth=1, floor=0.4, irreducible=1.5) > true_loss(
        4e8, 0.0, worth=1, floor=0.4, irreducible=1.5
    )
    assert (amount.best, amount.most) == (0.0, 0.0)
    assert amount.limit == pytest.approx(6e8)  # ten times the data of the runs
    assert any("worse than none, from the first on" in sentence for sentence in fit.sentences)


def test_fit_runs_prices_real_data_alone_at_half_the_smallest_share() -> None:
    fit = fit_runs(table(floor=0.4), n_replicates=FEW, at=[{"real": 1e8}])
    price = fit.prices[0]
    share = price.setting["synthetic"] / (price.setting["synthetic"] + price.setting["real"])
    assert share == pytest.approx(0.15)
    gain = 0.3 * (1e8 / 0.85 / 1e6) ** -0.3
    truth = (gain - 0.4 * (1 - share)) / (gain + 0.4 * share)
    assert price.interval[0] < truth < price.interval[1]
    assert fit.price_curves[0].synthetic[0] == pytest.approx(price.setting["synthetic"])


def test_fit_runs_sees_no_floor_under_a_power_law() -> None:
    fit = fit_runs(table(irreducible=0.0, shares=(0.0,), n_totals=12, noise=0.002), n_replicates=FEW)
    assert fit.law == "power law"
    assert fit.floors[0].loss == 0.0
    assert any("none to be seen" in sentence for sentence in fit.sentences)


@pytest.mark.parametrize(("exponential", "held"), [(True, True), (False, False)])
def test_fit_runs_widens_bands_where_no_law_holds(*, exponential: bool, held: bool) -> None:
    ask = [{"real": 4e8}, {"real": 1e9}]
    runs = table(floor=0.4, noise=0.003, n_totals=8)
    runs = replace(runs, loss=np.exp(3 * runs.loss) if exponential else runs.loss)
    fit = fit_runs(runs, at=ask, n_replicates=FEW)
    assert (fit.deviation > 0) == exponential
    assert any("No law of these holds" in sentence for sentence in fit.sentences) == held
    for forecast in fit.forecasts:
        truth = float(true_loss(forecast.setting["real"], 0.0, worth=1, floor=0.4, irreducible=1.5))
        if exponential:
            assert forecast.band[0] < np.exp(3 * truth) < forecast.band[1]
            assert np.ptp(np.log(forecast.band)) > 2 * fit.deviation


def test_fit_runs_leads_with_the_doubt_that_the_loss_is_none() -> None:
    doubted = replace(table(), doubt="An accuracy.")
    assert fit_runs(doubted, n_replicates=FEW).sentences[0] == "An accuracy."


N_SETS = 24
"""Data sets of the test of coverage."""


@pytest.fixture(scope="module")
def bands() -> np.ndarray:
    """Return forecasts at ten times the data and their bands, (sets, 3), relative to the truth."""
    ask = {"real": 5e8, "synthetic": 5e8}
    truth = true_loss(ask["real"], ask["synthetic"], worth=0.4, floor=0.0, irreducible=1.5)
    found = []
    for seed in range(N_SETS):
        (forecast,) = fit_runs(table(worth=0.4, noise=0.01, seed=seed), at=[ask], n_replicates=100).forecasts
        found.append(np.array([forecast.loss, *forecast.band]) / truth)
    return np.array(found)


def coverage(bands: np.ndarray, *, sharpen: float = 1.0) -> float:
    """Return how often bands, narrowed by a factor, hold the truth."""
    loss, low, high = bands.T
    return float(np.mean((loss + sharpen * (low - loss) <= 1) & (loss + sharpen * (high - loss) >= 1)))


def test_fit_runs_bands_hold_the_truth_nine_times_of_ten(bands: np.ndarray) -> None:
    assert coverage(bands) > 0.9 - 5 * np.sqrt(0.9 * 0.1 / N_SETS)


def test_fit_runs_bands_of_a_sixth_of_their_width_do_not_hold_it(bands: np.ndarray) -> None:
    assert coverage(bands, sharpen=1 / 6) < 0.9 - 5 * np.sqrt(0.9 * 0.1 / N_SETS)
