"""Do rows that repeat stay in one place, within a file and across files, and do rows that repeat by chance stay?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelcollapse import audit
from modelcollapse.checks import Array
from modelcollapse.errors import InputError
from modelcollapse.estimation.overlap import Fingerprints, fingerprints, separate
from modelcollapse.estimation.preparation import PreparedData, prepare
from modelcollapse.estimation.repeats import COMMON, first_of_each, hash_rows

Data = tuple[Array, Array]
N = 400


def draw(n: int, seed: int, *, d: int = 3, classes: bool = False) -> Data:
    """Return continuous inputs, and a noisy target or two noisy classes."""
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(n, d))
    target = inputs.sum(axis=1) + random.normal(size=n)
    return inputs, (target > 0).astype(float) if classes else target


def coarse(n: int, seed: int, *, classes: bool = False, noise: float = 1.0) -> Data:
    """Return inputs on a grid of 3 × 3 points, and a target or two classes with noise or without."""
    random = np.random.default_rng(seed)
    inputs = random.integers(0, 3, size=(n, 2)).astype(float)
    target = inputs.sum(axis=1) - 2.1 + noise * random.normal(size=n)
    return inputs, (target > 0).astype(float) if classes else target


def joined(*parts: Data) -> Data:
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def some(data: Data, rows: Any) -> Data:
    return data[0][rows], data[1][rows]


def relabelled(data: Data, seed: int) -> Data:
    return data[0], np.random.default_rng(seed).permutation(data[1])


def prints(data: Data, name: str) -> Fingerprints:
    frame = pd.DataFrame(np.asarray(data[0], dtype=float).reshape(len(data[0]), -1)).rename(columns=str)
    values = np.asarray(data[1], dtype=float)
    return fingerprints(frame, values, numeric=list(frame), categorical=(), name=name)


def separated(*sources: Data, holdout: Data | None = None, seed: int = 0) -> tuple[list[Data], tuple[str, ...]]:
    """Return what each source keeps, and the warnings."""
    names = ["real", "synthetic", "synthetic2"]
    files = [prints(data, name) for data, name in zip(sources, names, strict=False)]
    own = None if holdout is None else prints(holdout, "holdout")
    rows, warnings = separate(files, holdout=own, seed=seed)
    return [some(data, kept) for data, kept in zip(sources, rows, strict=True)], warnings


def n_shared(left: Data | Array, right: Data | Array) -> int:
    """Count the rows of the first that have inputs of the second."""
    inputs = [data[0] if isinstance(data, tuple) else data for data in (left, right)]
    hashes = [hash_rows(rows, rows=np.arange(len(rows))) for rows in inputs]
    return int(np.isin(*hashes).sum())


# --- hashes


def test_fingerprints_agree_across_types_and_tell_values_apart() -> None:
    def hashed(values: Any) -> Any:
        frame = pd.DataFrame({"a": values})
        return fingerprints(frame, np.zeros(2), numeric=["a"], categorical=(), name="").inputs.tolist()

    assert hashed(np.array([0.1, -0.0])) == hashed(np.array([0.1, 0.0], dtype=np.float32))
    assert hashed([1, 2]) == hashed([1.0, 2.0]) != hashed([2, 1])
    assert hashed([np.nan, 1]) == hashed(pd.Series([None, 1], dtype=float))


def test_fingerprints_tell_columns_and_targets_apart() -> None:
    inputs, target = draw(100, 0)
    plain, swapped = prints((inputs, target), ""), prints((inputs[:, ::-1], target), "")
    assert not np.isin(plain.inputs, swapped.inputs).any()
    assert not np.isin(plain.rows, prints((inputs, target + 1), "").rows).any()
    assert np.unique(plain.rows).size == 100


def test_hashes_of_rows_do_not_depend_on_the_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    features, rows = draw(50, 0)[0], np.arange(49, -1, -1)
    whole = hash_rows(features, rows=rows)
    monkeypatch.setattr("modelcollapse.estimation.repeats._CHUNK_ROWS", 7)
    assert (hash_rows(features, rows=rows) == whole).all()


def test_first_of_each_joins_rare_inputs_only() -> None:
    inputs = np.repeat(np.array([5, 9], dtype=np.uint64), [COMMON - 1, COMMON])
    assert first_of_each(inputs).tolist() == [0] * (COMMON - 1) + list(range(COMMON - 1, 2 * COMMON - 1))


# --- across files


def test_separate_leaves_each_shared_input_to_one_file() -> None:
    real, other = draw(N, 0), draw(N, 1)
    synthetic = joined(some(real, slice(30)), relabelled(some(real, slice(30, 230)), 2), some(other, slice(170)))
    (kept_real, kept_synthetic), warnings = separated(real, synthetic)
    assert n_shared(kept_real, kept_synthetic) == 0
    assert n_shared(some(real, slice(30)), kept_real) == 30  # exact copies stay in the real file
    lost = N - len(kept_real[0])
    assert lost + (N - 30 - len(kept_synthetic[0])) == 200  # each other shared input is lost by one file
    assert abs(lost - 100) < 5 * np.sqrt(200 / 4)  # a fair coin, in standard errors
    assert warnings == (
        "synthetic: 30 rows of 400 dropped, exact copies of rows in another file.",
        f"real: {lost} rows of 400 dropped, their inputs are in another file too (a seeded coin chose the file).",
        f"synthetic: {200 - lost} rows of 400 dropped, their inputs are in another file too "
        "(a seeded coin chose the file).",
    )


def test_separate_draws_with_equal_chances_among_three_files() -> None:
    real = draw(3 * N, 0)
    kept, _ = separated(real, relabelled(real, 1), relabelled(real, 2))
    assert sum(len(data[0]) for data in kept) == 3 * N
    assert all(abs(len(data[0]) - N) < 5 * np.sqrt(3 * N * 2 / 9) for data in kept)


def test_separate_depends_on_the_seed_only() -> None:
    real = draw(N, 0)
    first, again, other = (separated(real, relabelled(real, 1), seed=seed)[0][0][1].tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_separate_says_nothing_about_files_that_share_nothing() -> None:
    kept, warnings = separated(draw(N, 0), draw(N, 1))
    assert [len(data[0]) for data in kept] == [N, N]
    assert warnings == ()


def test_separate_refuses_the_same_file_twice_in_any_order() -> None:
    real = draw(N, 0)
    with pytest.raises(InputError, match="synthetic: holds the same rows as real"):
        separated(real, some(real, slice(None, None, -1)))
    with pytest.raises(InputError, match="synthetic: fewer than 2 rows are left"):
        separated(real, some(real, slice(50)))


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 40), min_size=8, max_size=20, unique=True), min_size=2, max_size=4),
    st.integers(0, 9),
)
def test_separate_keeps_every_rare_input_exactly_once(files: list[list[int]], seed: int) -> None:
    sources = [prints((np.array(inputs), np.arange(len(inputs)) + 100.0 * k), str(k)) for k, inputs in enumerate(files)]
    try:
        rows, _ = separate(sources, holdout=None, seed=seed)
    except InputError:
        return  # a file may be left with fewer than two rows
    kept = np.concatenate([source.inputs[chosen] for source, chosen in zip(sources, rows, strict=True)])
    everything = np.concatenate([source.inputs for source in sources])
    assert sorted(kept.tolist()) == sorted(set(everything.tolist()))


# --- held-out rows of the user


@pytest.mark.parametrize("classes", [False, True])
@pytest.mark.parametrize("times", [1, 2, 7])
def test_separate_takes_inputs_of_the_holdout_from_every_source(times: int, classes: bool) -> None:
    once = draw(N, 0, classes=classes)
    real = some(once, np.repeat(np.arange(N), times))
    holdout = relabelled(some(once, slice(80)), 1)
    synthetic = joined(some(once, slice(50)), draw(N, 2, classes=classes))
    kept, warnings = separated(real, synthetic, holdout=holdout)
    assert [len(data[0]) for data in kept] == [N - 80, N]
    assert sum(n_shared(holdout, data) for data in kept) == 0
    assert f"real: 80 rows of {times * N:,} dropped, their inputs are in holdout." in warnings


def test_separate_takes_rows_of_the_holdout_from_the_real_file() -> None:
    for real in (draw(N, 0), some(draw(N, 0), np.repeat(np.arange(N), 2)), coarse(N, 0)):
        holdout = some(real, slice(200))
        kept, _ = separated(real, draw(N, 1, d=real[0].shape[1]), holdout=holdout)
        assert not np.isin(kept[0][1], holdout[1]).any()


# --- within a file


@pytest.mark.parametrize("classes", [False, True])
@pytest.mark.parametrize("times", [2, 3, 12])
def test_separate_keeps_one_of_the_copies_within_a_file(times: int, classes: bool) -> None:
    real = some(draw(N, 0, classes=classes), np.tile(np.arange(N), times))
    synthetic = joined(draw(N, 1, classes=classes), some(draw(N, 1, classes=classes), slice(10)))
    kept, warnings = separated(real, synthetic)
    assert [len(data[0]) for data in kept] == [N, N]
    assert warnings == tuple(
        f"{name}: {count:,} rows of {size:,} dropped, exact copies of another row of the file: no second observation."
        for name, count, size in (("real", (times - 1) * N, times * N), ("synthetic", 10, N + 10))
    )


def test_separate_finds_the_copies_of_repeated_real_rows_in_a_synthetic_file() -> None:
    once = draw(N, 0)
    synthetic = joined(some(once, slice(300)), draw(100, 1))
    kept, _ = separated(some(once, np.repeat(np.arange(N), 2)), synthetic)
    assert [len(data[0]) for data in kept] == [N, 100]
    assert n_shared(*kept) == 0


# --- chance


@pytest.mark.parametrize(("classes", "noise", "warns"), [(False, 1.0, False), (True, 1.0, True), (True, 0.0, True)])
def test_separate_leaves_coarse_data_alone(classes: bool, noise: float, warns: bool) -> None:
    real, synthetic, holdout = (coarse(300, seed, classes=classes, noise=noise) for seed in (0, 1, 2))
    kept, warnings = separated(real, synthetic, holdout=holdout)
    assert [len(data[0]) for data in kept] == [300, 300]
    assert (
        "synthetic: 9 inputs shared with real kept in both: there at least 5 times, which chance explains." in warnings
    )
    assert any("equal to another row of the file kept" in warning for warning in warnings) == warns


def test_separate_leaves_a_binary_column_with_two_classes_alone() -> None:
    random = np.random.default_rng(0)
    files = [(random.integers(0, 2, size=(100, 1)).astype(float), random.integers(0, 2, 100) * 1.0) for _ in range(3)]
    kept, _ = separated(*files)
    assert [len(data[0]) for data in kept] == [100, 100, 100]


@pytest.mark.parametrize(("noise", "n_kept"), [(1.0, 1000), (0.0, 60)])
def test_separate_takes_inputs_with_several_targets_for_coarse(noise: float, n_kept: int) -> None:
    """Both sides of the rule: sixty ages and two classes, which the age decides in part or altogether."""
    random = np.random.default_rng(0)
    ages = np.arange(1000.0) % 60
    real = ages[:, None], (ages + 60 * noise * random.normal(size=1000) > 30).astype(float)
    kept, _ = separated(real, draw(N, 1, d=1, classes=True))
    assert len(kept[0][0]) == n_kept


def test_separate_keeps_a_frequent_input_among_rare_ones() -> None:
    def with_zeros(seed: int) -> Data:
        inputs, target = draw(N, seed)
        inputs[: N // 4] = 0.0
        return inputs, target

    kept, _ = separated(with_zeros(0), with_zeros(1))
    assert [len(data[0]) for data in kept] == [N, N]


def test_separate_judges_chance_file_by_file() -> None:
    real, by_chance, random = coarse(N, 0), coarse(N, 1), np.random.default_rng(2)
    copied = joined(some(real, random.permutation(N)[:300]), coarse(100, 3))
    kept, warnings = separated(real, by_chance, copied)
    assert [len(data[0]) for data in kept] == [N, N, 100]
    assert "synthetic2: 300 rows of 400 dropped, exact copies of rows in another file." in warnings


def test_separate_calls_nine_inputs_coarse_and_ninety_not() -> None:
    """Both sides of the rule: n rows of copied classes with at most √n different inputs pass for chance."""
    random = np.random.default_rng(0)
    for n_inputs, n_kept in ((9, 100), (90, 90)):
        inputs = np.arange(100.0)[:, None] % n_inputs
        real = inputs, (inputs[:, 0] % 2 == 0).astype(float)
        kept, _ = separated(real, (random.normal(size=(50, 1)), random.integers(0, 2, 50) * 1.0))
        assert len(kept[0][0]) == n_kept


# --- the whole way to the arrays


def parts_of(prepared: PreparedData) -> list[Array]:
    return [rows.features for rows in (*prepared.pools, prepared.holdout)]


@pytest.mark.parametrize("classes", [False, True])
def test_prepare_leaks_no_row_of_a_repeating_file(classes: bool) -> None:
    once = draw(N, 0, classes=classes)
    real = some(once, np.tile(np.arange(N), 2))
    random = np.random.default_rng(3)
    synthetic = joined(some(once, random.permutation(N)[:300]), draw(200, 1, classes=classes))
    for holdout in (None, some(real, slice(200))):
        real_rows, synthetic_rows, held = parts_of(prepare(real, synthetic, holdout=holdout))
        assert n_shared(held, real_rows) == n_shared(held, synthetic_rows) == n_shared(real_rows, synthetic_rows) == 0
        assert len(held) == (100 if holdout is None else 200)


def test_prepare_holds_out_rows_of_one_input_together() -> None:
    """Each input has two targets: rows that are no copies of each other, but one individual."""
    inputs, target = draw(N, 0)
    noisy = np.concatenate([target, target + np.random.default_rng(1).normal(size=N)])
    real_rows, _, held = parts_of(prepare((np.tile(inputs, (2, 1)), noisy), draw(N, 2)))
    assert n_shared(held, real_rows) == 0
    assert (len(real_rows), len(held)) == (6 * N // 4, 2 * N // 4)


def test_prepare_would_leak_if_it_held_out_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above: with rows in place of individuals, half of the held-out inputs leak and more."""
    monkeypatch.setattr("modelcollapse.estimation.preparation.first_of_each", lambda inputs: np.arange(len(inputs)))
    inputs, target = draw(N, 0)
    real_rows, _, held = parts_of(prepare((np.tile(inputs, (2, 1)), np.append(target, target + 1)), draw(N, 2)))
    assert n_shared(held, real_rows) > len(held) / 2


def test_prepare_parts_rows_of_few_inputs_as_rows() -> None:
    real_rows, _, held = parts_of(prepare(coarse(N, 0), coarse(N, 1)))
    assert (len(real_rows), len(held)) == (3 * N // 4, N // 4)
    assert len(np.unique(held, axis=0)) == len(np.unique(real_rows, axis=0)) == 9


def test_audit_of_repeated_rows_is_that_of_the_rows_once() -> None:
    once, synthetic = draw(120, 0), draw(200, 1)
    twice = audit(some(once, np.tile(np.arange(120), 2)), synthetic)
    plain = audit(once, synthetic)
    assert twice.at_hand == plain.at_hand
    assert twice.rows == plain.rows
