"""Does the gauge find planted collapse by name, leave real text and learning models alone, and keep to its chance?"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from modelcollapse import Gauge, InputError
from modelcollapse.decisions.real_against_real import LEVEL
from modelcollapse.decisions.text_draws import N_BAGS
from modelcollapse.estimation.token_bags import BaggedText, bag_text
from modelcollapse.monitoring.closeness import frequency_distance
from modelcollapse.monitoring.gauge import N_MEASURES, growth_threshold
from modelcollapse.monitoring.reading import SIGNATURES, Reading
from modelcollapse.monitoring.tail import LEAST_RISE, BandLosses, band_losses, tail_growth
from text_worlds import N_TYPES, Ids, cut, documents, written

N_SAMPLES, LENGTH = 32, 100
N_TOKENS = N_SAMPLES * LENGTH
N_RUNS, N_LOOKS = 40, 5


def real(seed: int) -> Gauge:
    texts = [written(ids) for ids in documents(120, length=LENGTH, seed=seed)]
    return Gauge(texts, n_samples=N_SAMPLES, n_tokens=N_TOKENS, seed=seed)


def samples(seed: int) -> list[Ids]:
    return documents(N_SAMPLES, length=LENGTH, seed=10_000 + seed)


def look(gauge: Gauge, texts: list[Ids], *, losses: BandLosses | None = None) -> Reading:
    return gauge.look([written(ids) for ids in texts], step=100 * len(gauge.readings), losses=losses)


def narrowed(seed: int, *, rank: int) -> list[Ids]:
    """Return texts without the words beyond a rank of their common list, as long as others."""
    kept = [cut(ids, rank=len(ids)) for ids in documents(N_SAMPLES, length=20 * LENGTH, seed=20_000 + seed)]
    return [ids[ids < rank][:LENGTH] for ids in kept]


@pytest.fixture(scope="module")
def unchanged() -> list[list[Reading]]:
    """Return looks at a model that writes real text, in runs of their own."""
    runs = []
    for run in range(N_RUNS):
        gauge = real(run)
        runs.append([look(gauge, samples(100 * run + k)) for k in range(N_LOOKS)])
    return runs


def too_many(alarms: int) -> bool:
    """Whether runs with an alarm are more than chance allows, by 5 standard errors: it sees a rate from 0.23 on."""
    return bool(alarms > LEVEL * N_RUNS + 5 * np.sqrt(LEVEL * (1 - LEVEL) * N_RUNS))


def test_gauge_keeps_to_its_chance_of_false_alarms(unchanged: list[list[Reading]]) -> None:
    assert not too_many(sum(any(reading.warnings for reading in run) for run in unchanged))


def test_gauge_chance_of_false_alarms_check_catches_growth_that_is_not_corrected(
    unchanged: list[list[Reading]],
) -> None:
    grown = [any(each.growth > 0.2 for reading in run for each in reading.measurements) for run in unchanged]
    assert too_many(sum(grown))


def test_gauge_bands_hold_real_samples(unchanged: list[list[Reading]]) -> None:
    firsts = [run[0] for run in unchanged]
    for name in ("different_words", "entropy", "lost_mass", "repeated_4_grams", "repeated_8_grams"):
        found = [reading.measurement(name) for reading in firsts]
        inside = np.mean([within(each.value, each.band) for each in found])
        assert inside >= 0.9 - 5 * np.sqrt(0.09 / N_RUNS)
        assert all(within(each.real, each.band) for each in found)


def within(value: float, band: tuple[float, float]) -> bool:
    rounding = 1e-12 * abs(value)
    return band[0] - rounding <= value <= band[1] + rounding


def test_gauge_warns_of_lost_words_by_name() -> None:
    gauge = real(0)
    assert look(gauge, samples(0)).warnings == ()
    reading = look(gauge, narrowed(0, rank=50))
    assert {"diversity", "missing_mass"} <= set(reading.warnings)
    assert reading.closest_step == 0
    assert all("closer to real text at step 0" in sentence for sentence in reading.sentences)
    assert reading.measurement("different_words").value < reading.measurement("different_words").band[0]


def test_gauge_does_not_warn_of_what_was_never_closer() -> None:
    gauge = real(0)
    readings = [look(gauge, narrowed(k, rank=50)) for k in range(3)]
    assert [reading.warnings for reading in readings] == [(), (), ()]
    assert {"diversity", "missing_mass"} <= set(readings[-1].outside)


def test_gauge_does_not_count_the_way_from_wide_text_to_real_text_as_growth() -> None:
    gauge = real(0)
    fresh = iter(range(10 * N_TYPES, 20 * N_TYPES))
    wide = [np.where(np.arange(LENGTH) % 20 == 0, [next(fresh) for _ in range(LENGTH)], ids) for ids in samples(0)]
    first = look(gauge, wide).measurement("different_words")
    second = look(gauge, narrowed(0, rank=50)).measurement("different_words")
    assert first.departure < 0 < second.departure
    assert second.growth == second.departure


def test_gauge_warns_of_repetition_by_name() -> None:
    gauge = real(0)
    look(gauge, samples(0))
    phrases = [np.tile(ids[:10], 10) for ids in samples(1)]
    assert "repetition" in look(gauge, phrases).warnings


def test_gauge_does_not_take_learning_for_collapse() -> None:
    gauge = real(1)
    random = np.random.default_rng(0)
    flat = [random.integers(N_TYPES, size=LENGTH) for _ in range(N_SAMPLES)]  # wider than real text, and far from it
    stages = [flat, *(narrowed(k, rank=rank) for k, rank in enumerate((30, 300, 3000))), samples(5)]
    readings = [look(gauge, texts) for texts in stages]
    assert [reading.warnings for reading in readings] == [()] * len(stages)
    assert readings[1].outside
    distances = [reading.distance or 0.0 for reading in readings]
    assert distances == sorted(distances, reverse=True)


def zipf_bags(exponent: float, *, n_bags: int, seed: int) -> BaggedText:
    weights = np.arange(1, 3001) ** -exponent
    ids = np.random.default_rng(seed).choice(3000, p=weights / weights.sum(), size=n_bags * 50).astype(np.int32)
    return bag_text(ids, length=50, n_types=3000)


def pairs(exponent: float) -> list[tuple[BaggedText, BaggedText]]:
    return [
        (zipf_bags(1.0, n_bags=2 * N_BAGS, seed=k), zipf_bags(exponent, n_bags=N_BAGS, seed=1000 + k))
        for k in range(100)
    ]


def plain_divergence(real: BaggedText, model: BaggedText) -> float:
    counts = [text.counts @ np.ones(text.n_bags) for text in (real, model)]
    return float(jensenshannon(*counts, base=2) ** 2)


def standard_errors_from_zero(values: list[float]) -> float:
    return float(np.mean(values) / (np.std(values, ddof=1) / np.sqrt(len(values))))


def test_frequency_distance_is_zero_on_average_for_one_law_and_only_for_one() -> None:
    same, narrow = (
        [frequency_distance(real, model, seed=0) for real, model in pairs(exponent)] for exponent in (1.0, 1.2)
    )
    assert abs(standard_errors_from_zero(same)) < 5
    assert standard_errors_from_zero(narrow) > 5


def test_frequency_distance_check_catches_a_plain_divergence() -> None:
    values = [plain_divergence(real, model) for real, model in pairs(1.0)]
    assert standard_errors_from_zero(values) > 5


def test_growth_threshold_spends_no_more_than_the_level() -> None:
    spent = [N_MEASURES * (t - 1) * stats.norm.sf(growth_threshold(t)) for t in range(2, 2000)]
    assert 0.99 * LEVEL < sum(spent) <= LEVEL


def test_gauge_says_nothing_of_too_little_text() -> None:
    gauge = real(2)
    look(gauge, samples(0))
    for texts in ([""] * N_SAMPLES, ["a b c"] * N_SAMPLES):
        reading = gauge.look(texts, step=1)
        assert (reading.measurements, reading.warnings, reading.distance) == ((), (), None)
        assert reading.n_tokens < N_TOKENS
    assert look(gauge, samples(1)).closest_step in (0, 300)


def test_gauge_goes_on_from_its_state() -> None:
    first, second = real(3), real(3)
    tokens = np.random.default_rng(0).zipf(1.5, size=(16, 200))
    for k, level in enumerate((2.0, 2.1)):
        look(first, samples(k), losses=band_losses(np.where(tokens > 50, level, 1.0), tokens=tokens))
    second.restore(json.loads(json.dumps(first.state())))
    assert second.readings == first.readings
    losses = band_losses(np.where(tokens > 50, 2.5, 1.0), tokens=tokens)
    assert look(second, narrowed(0, rank=50), losses=losses) == look(first, narrowed(0, rank=50), losses=losses)


def test_gauge_counts_what_it_is_told_to() -> None:
    gauge = Gauge(["abcdefgh ij " * 800], n_samples=16, n_tokens=1600, tokens="characters")
    reading = gauge.look(["abcdefgh ij " * 9] * 16, step=0)
    assert reading.measurement("different_characters").value == 11


def test_reading_numbers_are_values_with_bands_and_growth(unchanged: list[list[Reading]]) -> None:
    reading = unchanged[0][-1]
    numbers = reading.numbers
    for each in reading.measurements:
        name = f"collapse/{each.name}"
        assert numbers[name] == each.value
        assert (numbers[f"{name}_low"], numbers[f"{name}_high"]) == each.band
        assert numbers[f"{name}_growth"] == each.growth
        assert each.signature in SIGNATURES
    assert numbers["collapse/n_warnings"] == 0


def test_tail_loss_is_found_when_rare_tokens_get_worse() -> None:
    gauge = real(4)
    random = np.random.default_rng(0)
    tokens = random.zipf(1.5, size=(64, 100))
    before, after = (1 + random.exponential(size=tokens.shape) for _ in range(2))
    after = np.where(tokens > 100, 1.5 * after, 0.9 * after)
    look(gauge, samples(0), losses=band_losses(before, tokens=tokens))
    reading = look(gauge, narrowed(0, rank=50), losses=band_losses(after, tokens=tokens))
    assert reading.closest_step == 0
    assert "tail_loss" in reading.warnings
    assert tail_growth(band_losses(after, tokens=tokens), band_losses(before, tokens=tokens)) > 5


@pytest.mark.parametrize("factor", [0.5, 1.0, 1 + LEAST_RISE / 2, 1.5])
def test_tail_loss_is_not_found_when_all_tokens_change_alike(factor: float) -> None:
    tokens = np.random.default_rng(0).zipf(1.5, size=(64, 100))
    before = 1 + np.random.default_rng(1).exponential(size=tokens.shape)
    assert tail_growth(band_losses(factor * before, tokens=tokens), band_losses(before, tokens=tokens)) == 0


@pytest.mark.parametrize(("rise", "found"), [(LEAST_RISE / 2, False), (2 * LEAST_RISE, True)])
def test_tail_loss_is_found_from_the_least_rise_on(rise: float, found: bool) -> None:
    tokens = np.random.default_rng(0).zipf(1.5, size=(64, 100))
    before = 1 + np.random.default_rng(1).exponential(size=tokens.shape)
    after = np.where(tokens > 100, 1 + rise, 1.0) * before
    growth = tail_growth(band_losses(after, tokens=tokens), band_losses(before, tokens=tokens))
    assert (growth > 5) if found else (growth == 0)


def test_band_losses_are_means_over_the_bands() -> None:
    tokens = np.array([[0] * 12 + [1] * 6 + [2, 3]] * 10)  # 60 %, 30 %, and 5 % each
    losses = np.random.default_rng(0).random(tokens.shape)
    found = band_losses(losses, tokens=tokens)
    np.testing.assert_allclose(found.tail_loss, losses[tokens >= 2].mean())
    np.testing.assert_allclose(found.head_loss, losses[tokens == 0].mean())


@pytest.mark.parametrize(
    ("losses", "tokens", "said"),
    [
        (np.ones((8, 4)), np.ones((8, 5)), "one shape"),
        (np.ones((2, 4)), np.ones((2, 4)), "at least 8 sequences"),
        (np.ones((8, 4)), np.ones((8, 4)), "none of which is rare"),
        (np.full((8, 4), np.nan), np.ones((8, 4)), "must be finite"),
    ],
)
def test_band_losses_refuse_what_cannot_be_sorted(losses: object, tokens: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        band_losses(losses, tokens=tokens)


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ([""], {}, "no token"),
        ([], {}, "no token"),
        (["a b c"], {}, "too little real text"),
        (Path("nowhere.txt"), {}, "no such file"),
        (["a b c"], {"n_samples": 3}, "n_samples"),
        (["a b c"], {"n_tokens": 30}, "n_tokens"),
        (["a b c"], {"tokens": "letters"}, "letters"),
    ],
)
def test_gauge_refuses_bad_input(text: object, options: dict[str, object], said: str) -> None:
    given: dict[str, object] = {"n_samples": N_SAMPLES, "n_tokens": N_TOKENS, **options}
    with pytest.raises(InputError, match=said):
        Gauge(text, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("texts", ["one long text", ["one"] * (N_SAMPLES - 1), []])
def test_gauge_look_refuses_other_numbers_of_texts(texts: object) -> None:
    with pytest.raises(InputError, match=f"{N_SAMPLES} texts"):
        real(0).look(texts, step=0)  # type: ignore[arg-type]


def test_tail_loss_is_not_found_when_the_head_may_have_got_as_much_worse() -> None:
    noise = np.random.default_rng(0).normal(size=64)
    noise -= noise.mean()
    even = tuple([1 / 64] * 64)
    tail = (1.5 + 0.01 * noise[::-1]) / 64
    heads = [(1.45 + spread * noise) / 64 for spread in (0.01, 3.0)]
    sure, unsure = (
        tail_growth(BandLosses(tail=tuple(tail), head=tuple(head)), BandLosses(tail=even, head=even)) for head in heads
    )
    assert sure > 5
    assert unsure < 1
