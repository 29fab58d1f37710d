"""Does a diagnosis find what is planted in past runs, keep quiet where nothing is, and say when it cannot tell?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from modelcollapse.decisions.diagnose import SIGNATURES, diagnose, holm
from modelcollapse.decisions.diagnosis import CLEAN, FOUND, NOT_ENOUGH_RUNS, NOT_FOUND, SIGNATURE, Diagnosis
from modelcollapse.errors import InputError
from modelcollapse.estimation import law_tests
from modelcollapse.estimation.runs import Runs

NOISE = 0.005
CHANCE = 1e-4
"""Of more false alarms than a bound, at the level."""


def clean(total: Any) -> Any:
    return 1.7 + 3.0 * (total / 1e6) ** -0.3


def runs(total: Any, share: Any, factor: Any, *, seed: int = 0, **columns: Any) -> Runs:
    noise = np.exp(NOISE * np.random.default_rng(seed).standard_normal(len(total)))
    return Runs(real=total * (1 - share), synthetic=total * share, loss=clean(total) * factor * noise, **columns)


def grid(n_totals: int, places: list[float]) -> tuple[Any, Any]:
    total, place = np.meshgrid(np.geomspace(1e6, 3e8, n_totals), places)
    return total.ravel(), place.ravel()


def plateau(strength: float) -> Runs:
    """Return real runs of which the larger ones stop to fall."""
    total = np.geomspace(1e6, 1e9, 18)
    stopped = clean(np.minimum(total, 5e7)) / clean(total)
    return runs(total, np.zeros(18), stopped**strength)


def floor(strength: float) -> Runs:
    """Return runs at two shares, of which one has a floor of 10 %: all their losses end higher."""
    total, share = grid(12, [0.0, 0.5])
    return runs(total, share, 1 + strength * 0.34 * share / clean(total))


def departure(strength: float) -> Runs:
    """Return runs with as much synthetic as real data, the larger ones, 3 % above the law."""
    total = np.geomspace(1e6, 3e8, 24)
    share = np.where((np.arange(24) > 7) & (np.arange(24) % 2 == 0), 0.5, 0.0)
    return runs(total, share, 1 + strength * 0.03 * (share > 0))


def dose(strength: float) -> Runs:
    """Return runs without any on real data alone, up to 4 % above the law in proportion to the share."""
    total, share = grid(7, [0.2, 0.5, 0.8])
    return runs(total, share, 1 + strength * 0.05 * share)


def generations(strength: float) -> Runs:
    """Return generations of synthetic data alone, each 2 % above the one before."""
    total, generation = grid(7, [0.0, 1.0, 2.0, 3.0])
    share = (generation > 0).astype(float)
    return runs(total, share, 1.02 ** (strength * generation), generation=generation)


def tails(strength: float) -> Runs:
    """Return runs whose rare tokens are up to 4 % worse in proportion to the share, and no others."""
    total, share = grid(8, [0.0, 0.3, 0.6])
    generator = np.random.default_rng(1)
    shared = generator.standard_normal(24)
    bands = {
        name: (low + height * (total / 1e6) ** -0.25) * np.exp(NOISE * (shared + 0.5 * generator.standard_normal(24)))
        for name, low, height in (("head", 1.0, 1.0), ("tail", 0.0, 5.0))
    }
    bands["tail"] = bands["tail"] * (1 + strength * 0.07 * share)
    return runs(total, share, 1.0, band_losses=bands)


PLANTED = [
    ("plateau", plateau),
    ("plateau", floor),
    ("departure", departure),
    ("share", dose),
    ("generations", generations),
    ("tails", tails),
]


@pytest.mark.parametrize(("name", "plant"), PLANTED)
def test_diagnosis_finds_what_is_planted_and_nothing_in_its_clean_twin(
    name: str, plant: Callable[[float], Runs]
) -> None:
    planted, twin = diagnose(plant(1.0)), diagnose(plant(0.0))
    (found,) = [signature for signature in planted.signatures if signature.name == name]
    assert found.status == FOUND
    assert planted.status == SIGNATURE
    assert found.title.lower() in planted.verdict
    assert twin.status == CLEAN
    assert not twin.found


def test_diagnosis_names_the_signature_and_no_other() -> None:
    assert [signature.name for signature in diagnose(tails(1.0)).found] == ["tails"]
    assert [signature.name for signature in diagnose(plateau(1.0)).found] == ["plateau"]


def test_diagnosis_shows_the_runs_that_depart() -> None:
    (found,) = [signature for signature in diagnose(departure(1.0)).signatures if signature.name == "departure"]
    assert set(found.runs) <= {f"run {k + 1}" for k in range(8, 24, 2)}
    assert len(found.evidence) == 24
    above = [row.measured / row.expected - 1 for row in found.evidence if row.group != "real data only"]
    assert np.mean(above) == pytest.approx(0.03, abs=5 * NOISE)


def test_irreducible_loss_is_no_plateau() -> None:
    total = np.geomspace(1e6, 1e10, 20)
    flat = Runs(
        real=total,
        synthetic=np.zeros(20),
        loss=(2.0 + 3.0 * (total / 1e6) ** -0.5) * np.exp(NOISE * np.random.default_rng(3).standard_normal(20)),
    )
    assert diagnose(flat).status == CLEAN


def test_loss_that_rises_with_data_is_no_clean_law() -> None:
    total = np.geomspace(1e6, 1e9, 16)
    noise = NOISE * np.random.default_rng(5).standard_normal(16)
    rising = Runs(real=total, synthetic=np.zeros(16), loss=(2 + 0.1 * np.log(total / 1e6)) * np.exp(noise))
    assert [signature.name for signature in diagnose(rising).found] == ["plateau"]


# False alarms, over tables of several kinds.


def clean_table(seed: int) -> Runs:
    """Return 12 to 30 runs of a clean law: larger ones with synthetic data, noisier small ones, outliers, sizes."""
    generator = np.random.default_rng(seed)
    n = int(generator.choice([12, 20, 30]))
    total = 1e6 * 10 ** (generator.uniform(1, 3) * np.sort(generator.random(n)))
    late = np.arange(n) >= n // 2
    share = np.where(late | (generator.random(n) < 0.2), generator.choice([0.3, 0.6, 0.9], n), 0.0)
    share[:4] = 0.0
    loss = generator.choice([0.0, 1.7]) + 3.0 * (total / 1e6) ** -generator.uniform(0.2, 0.5)
    columns: dict[str, Any] = {}
    if generator.random() < 0.3:
        columns["size"] = 1e7 * generator.choice([1.0, 8.0], n)
        loss = loss + 0.5 * (columns["size"] / 1e7) ** -0.3
    if generator.random() < 0.3:
        columns["generation"] = np.where(share > 0, generator.integers(1, 4, n), 0)
    spread = generator.uniform(0.003, 0.03) * (total / 1e6) ** -generator.choice([0.0, 0.25])
    noise = spread * generator.standard_t(3, n) / np.sqrt(3)
    return Runs(real=total * (1 - share), synthetic=total * share, loss=loss * np.exp(noise), **columns)


def false_alarms(n_tables: int) -> int:
    return sum(diagnose(clean_table(seed)).status == SIGNATURE for seed in range(n_tables))


@pytest.fixture
def without_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what alarms do not need."""
    monkeypatch.setattr(law_tests, "_effect", lambda *fits: (0.0, (0.0, 0.0)))


def most_alarms(n_tables: int) -> int:
    return int(binom.isf(CHANCE, n_tables, 0.05))


@pytest.mark.usefixtures("without_intervals")
def test_false_alarms_are_as_rare_as_the_level_says() -> None:
    assert false_alarms(60) <= most_alarms(60)


@pytest.mark.usefixtures("without_intervals")
def test_false_alarms_of_a_naive_threshold_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        law_tests, "_p_value", lambda fits, which, statistic, generator: 0.001 if statistic > 1 else 1.0
    )
    assert false_alarms(60) > most_alarms(60)


def repeated(seed: int, *, told: bool) -> Runs:
    """Return ten repeats of 8 settings that each have an error of their own; not told: as if they were settings."""
    generator = np.random.default_rng(seed)
    total, share = np.repeat(np.tile(np.geomspace(1e6, 1e8, 4), 2), 10), np.repeat([0.0, 0.5], 40)
    own = np.repeat(0.02 * generator.standard_normal(8), 10)
    loss = clean(total) * np.exp(own + 0.002 * generator.standard_normal(80))
    total = total * (1 + (1e-5 if told else 4e-3) * np.tile(np.arange(10), 8))  # nearly equal, or not
    return Runs(real=total * (1 - share), synthetic=total * share, loss=loss)


def repeat_alarms(*, told: bool) -> int:
    """Return how many of 16 tables raise an alarm; no more are looked at once these are too many."""
    alarms = 0
    for seed in range(16):
        alarms += diagnose(repeated(seed, told=told)).status == SIGNATURE
        if alarms > most_alarms(16):
            break
    return alarms


@pytest.mark.usefixtures("without_intervals")
def test_repeats_of_a_setting_count_once() -> None:
    assert repeat_alarms(told=True) <= most_alarms(16)
    assert repeat_alarms(told=False) > most_alarms(16)


def test_one_gross_outlier_makes_no_alarm() -> None:
    table = departure(0.0)
    loss = table.loss.copy()
    loss[20] *= 1.2
    assert diagnose(Runs(real=table.real, synthetic=table.synthetic, loss=loss)).status == CLEAN


# Not enough runs, and what does not matter.


def test_few_runs_are_not_enough_and_what_would_be_is_said() -> None:
    few = diagnose(Runs(real=[1e6, 2e6, 4e6], synthetic=[0, 1e6, 4e6], loss=[3.0, 2.9, 2.8]))
    assert few.status == NOT_ENOUGH_RUNS
    assert {signature.status for signature in few.signatures} == {NOT_ENOUGH_RUNS}
    assert few.verdict == "Not enough runs to tell."
    departed = few.signatures[1]
    assert "4 settings with real data only, 3 with synthetic data and 7 settings together" in departed.sentence
    assert departed.p_value is None
    assert departed.effect is None
    assert all(any(s.sentence[1:] in word for word in few.not_examined) for s in few.signatures)


def test_runs_without_real_data_alone_cannot_depart_but_can_degrade() -> None:
    states = {signature.name: signature.status for signature in diagnose(dose(0.0)).signatures}
    assert states["departure"] == NOT_ENOUGH_RUNS
    assert states["share"] == NOT_FOUND


def test_synthetic_runs_that_only_a_plateau_was_looked_for_in_are_not_called_clean() -> None:
    total = np.geomspace(1e6, 1e9, 14)
    share = np.where(np.arange(14) < 13, 0.0, 0.5)
    diagnosis = diagnose(runs(total, share, 1.0))
    assert diagnosis.signatures[0].status == NOT_FOUND
    assert diagnosis.status == NOT_ENOUGH_RUNS


def p_values(diagnosis: Diagnosis) -> list[float | None]:
    return [signature.p_value for signature in diagnosis.signatures]


def test_diagnosis_knows_no_units() -> None:
    table = departure(0.5)
    other = Runs(real=1e3 * table.real, synthetic=1e3 * table.synthetic, loss=7.0 * table.loss)
    assert p_values(diagnose(other)) == pytest.approx(p_values(diagnose(table)), abs=0.02)


def test_diagnosis_is_the_same_for_the_same_seed() -> None:
    assert diagnose(dose(0.3), seed=4).to_dict() == diagnose(dose(0.3), seed=4).to_dict()


def test_diagnosis_tells_how_far_it_is() -> None:
    told: list[tuple[str, int, int]] = []
    diagnose(dose(0.0), progress=lambda *step: told.append(step))
    assert [done for _, done, _ in told] == list(range(len(SIGNATURES)))


def test_diagnosis_refuses_a_level_of_nothing() -> None:
    with pytest.raises(InputError, match="`level`"):
        diagnose(dose(0.0), level=0.0)


def test_holm_corrects_the_smallest_most() -> None:
    values = np.array([0.03, 0.001, 0.2, 0.02])
    corrected = holm(values)
    assert corrected == pytest.approx([0.06, 0.004, 0.2, 0.06])
    assert (corrected >= values).all()


@pytest.mark.usefixtures("without_intervals")
def test_one_failed_run_neither_hides_a_signature_nor_goes_unsaid() -> None:
    total, share = (grid.ravel() for grid in np.meshgrid(np.geomspace(1e7, 1e9, 8), [0.0, 0.25, 0.5, 0.75]))
    loss = clean(total) + 0.5 * share
    loss *= np.exp(0.005 * np.random.default_rng(0).standard_normal(32))
    loss[np.flatnonzero(share == 0)[-1]] *= 20
    diagnosis = diagnose(Runs(real=total * (1 - share), synthetic=total * share, loss=loss))
    assert diagnosis.status == SIGNATURE
    assert any("is left out: its loss is 20 times" in warning for warning in diagnosis.warnings)
