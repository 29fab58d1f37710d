"""Is a whole audit right, and does it always answer? Planted worlds, the JSON contract, and input at its limits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from modelcollapse import InputError
from modelcollapse.checks import Array
from modelcollapse.decisions.audit import MixtureRequest, audit
from modelcollapse.decisions.audit_result import AuditResult, MixtureForecast
from modelcollapse.result import Status
from modelcollapse.streams import stream

Data = tuple[Array, np.ndarray[Any, Any]]
N_FEATURES = 30


def linear(n_rows: int, seed: int, *, sign: float = 1.0, noise: float = 0.7, n_features: int = N_FEATURES) -> Data:
    """Draw standard normal inputs and the scaled sum of them, or its opposite, plus noise."""
    rng = stream(seed, "audit", n_rows)
    inputs = rng.standard_normal((n_rows, n_features))
    return inputs, sign * inputs.sum(axis=1) / np.sqrt(n_features) + noise * rng.standard_normal(n_rows)


def classes(data: Data) -> Data:
    inputs, scores = data
    return inputs, np.where(scores > 0, "yes", "no")


def numbers(tree: Any) -> list[Any]:
    """Return every leaf of a nested dictionary."""
    if isinstance(tree, dict):
        return [leaf for item in tree.values() for leaf in numbers(item)]
    if isinstance(tree, list):
        return [leaf for item in tree for leaf in numbers(item)]
    return [tree]


@pytest.fixture(scope="module")
def helped() -> AuditResult:
    holdout = linear(2000, 3, n_features=60)
    return audit(linear(200, 1, n_features=60), linear(3000, 2, n_features=60), holdout=holdout)


@pytest.fixture(scope="module")
def three() -> AuditResult:
    at = [
        MixtureRequest({"real": 9000, "synthetic": 1000}),
        MixtureRequest({"real": 500, "synthetic2": 100}, ridge=1e-3, weight=0.5),
        MixtureRequest({"synthetic2": 10_000_000}, ridge=1e-9),
    ]
    sources = [classes(linear(300, 2)), classes(linear(20, 3, sign=-1.0))]
    return audit(classes(linear(300, 1)), sources, at=at, seed=5)


def test_audit_finds_that_rows_of_the_same_law_help(helped: AuditResult) -> None:
    assert "Mix in" in helped.verdict
    assert helped.confidence in ("medium", "high")
    assert helped.best.counts["synthetic"] > 0
    assert helped.best.test_error < 0.9 * helped.real_only.test_error
    assert helped.crossover.harmful_count is None
    assert helped.exchange_rate.equivalent_real > 0
    assert helped.quality["synthetic"].interval[0] == 0
    assert helped.input_shift["synthetic"].auc == pytest.approx(0.5, abs=0.1)


def test_audit_finds_that_wrong_labels_hurt() -> None:
    found = audit(linear(600, 1), linear(3000, 2, sign=-1.0))
    assert found.verdict.startswith("Leave the synthetic rows out")
    assert "raises the error" in found.details
    assert found.confidence == "high"
    assert found.exchange_rate.marginal < 0
    low, high = found.quality["synthetic"].interval
    assert low < 4.0 < high  # c² of opposite labels is |2w|² = 4
    damage = found.damage["synthetic"]
    assert damage.labels > 0.8 * damage.total > 0
    assert found.floor.real_only < found.floor.mixture < found.floor.synthetic_only


def test_audit_finds_that_a_few_more_rows_of_the_same_law_make_no_difference() -> None:
    found = audit(linear(4000, 1, n_features=8), linear(400, 2, n_features=8))
    assert found.verdict.startswith("The synthetic rows make no difference that shows.")
    assert found.at_hand.test_error == pytest.approx(found.real_only.test_error, rel=0.02)


def test_audit_says_when_the_data_are_too_few() -> None:
    found = audit(linear(26, 1), linear(30, 2))
    assert "not enough data to tell" in found.verdict
    assert found.confidence == "low"


def test_audit_forecasts_agree_with_what_it_trains(helped: AuditResult, three: AuditResult) -> None:
    for found in (helped, three):
        assert np.sqrt(np.mean([point.deviation**2 for point in found.validation])) < 2.5  # points share one pool
    gaps = [abs(point.measures["accuracy"] - point.measured_measures["accuracy"]) for point in three.validation]
    assert np.median(gaps) < 0.05


def test_audit_to_dict_keeps_the_contract(three: AuditResult) -> None:
    content = three.to_dict()
    json.dumps(content, allow_nan=False)
    assert {
        "verdict",
        "confidence",
        "task",
        "best",
        "floor",
        "exchange_rate",
        "quality",
        "input_shift",
        "forecasts",
        "validation",
        "warnings",
        "version",
        "seed",
    } <= set(content)
    assert {"counts", "weight", "ridge", "test_error", "band"} <= set(content["best"])
    assert set(content["best"]["counts"]) == {"real", "synthetic", "synthetic2"}
    assert {"value", "interval"} <= set(content["quality"])
    assert {"counts", "ridge", "weight", "test_error", "band", "status"} <= set(content["forecasts"][0])
    assert {"counts", "forecast", "measured", "stderr"} <= set(content["validation"][0])
    assert {"real_only", "mixture", "synthetic_only"} <= set(content["floor"])
    assert (content["task"], content["seed"]) == ("classification", 5)
    assert all(isinstance(leaf, str | bool | int | float | None) for leaf in numbers(content))


def test_audit_answers_requests_in_order_and_says_what_it_cannot_tell(three: AuditResult) -> None:
    first, second, beyond = three.forecasts
    assert first.counts == {"real": 9000, "synthetic": 1000, "synthetic2": 0}
    assert (second.ridge, second.weight, second.counts["synthetic2"]) == (1e-3, 0.5, 100)
    for told in (first, second):
        assert told.status is Status.OK
        assert told.band[0] < told.test_error < told.band[1]
        assert 0.5 < told.measures["accuracy"] <= 1
    content = three.to_dict()["forecasts"][2]
    assert beyond.status is Status.NOT_ENOUGH_DATA
    assert (content["status"], content["test_error"], content["band"]) == ("not_enough_data", None, [None, None])
    assert [content[name] for name in ("accuracy", "log_loss", "auc")] == [None] * 3


def test_audit_takes_each_source_alone_and_all_together(three: AuditResult) -> None:
    assert [table.source for table in three.surfaces] == ["synthetic", "synthetic2", "synthetic+synthetic2"]
    assert three.rows == {"real": 225, "synthetic": 300, "synthetic2": 20}
    assert set(three.input_shift) == {"synthetic", "synthetic2"}
    assert set(three.spectrum) == {"real", "synthetic", "synthetic2"}


def test_audit_advises_whole_rows_of_every_source() -> None:
    sources = [linear(300, 2, n_features=60), linear(331, 4, n_features=60)]
    found = audit(linear(200, 1, n_features=60), sources, holdout=linear(3000, 3, n_features=60))
    assert min(found.best.counts.values()) > 0  # all sources together are best, in the proportions at hand
    assert all(isinstance(count, int) for count in found.best.counts.values())
    few = audit(linear(200, 1, n_features=60), linear(2, 2, n_features=60), holdout=linear(500, 3, n_features=60))
    assert few.best.counts["synthetic"] > 0 or few.best.weight == 1.0


def same(first: MixtureForecast, second: MixtureForecast, *, rel: float) -> None:
    assert first.counts == second.counts
    assert (first.weight, first.ridge) == pytest.approx((second.weight, second.ridge), rel=rel)
    assert first.test_error == pytest.approx(second.test_error, rel=rel)
    assert first.band == pytest.approx(second.band, rel=rel)


def test_audit_repeats_with_its_seed() -> None:
    first, again, other = (
        audit(linear(120, 1), linear(90, 2), at=[MixtureRequest({"real": 50})], seed=seed).to_dict()
        for seed in (3, 3, 4)
    )
    assert first == again
    assert first["validation"] != other["validation"]


def test_audit_does_not_depend_on_the_order_of_columns_or_rows() -> None:
    holdout = linear(300, 3)
    plain = audit(linear(120, 1), linear(200, 2), holdout=holdout)
    order = stream(0, "columns").permutation(N_FEATURES)

    def turned(data: Data) -> Data:
        return data[0][:, order], data[1]

    by_columns = audit(turned(linear(120, 1)), turned(linear(200, 2)), holdout=turned(holdout))
    assert by_columns.verdict == plain.verdict
    same(by_columns.at_hand, plain.at_hand, rel=1e-6)
    same(by_columns.real_only, plain.real_only, rel=1e-6)

    def reversed_rows(data: Data) -> Data:
        return data[0][::-1], data[1][::-1]

    by_rows = audit(reversed_rows(linear(120, 1)), reversed_rows(linear(200, 2)), holdout=holdout)
    gap = abs(by_rows.at_hand.test_error - plain.at_hand.test_error)
    assert gap < 5 * np.hypot(by_rows.at_hand.stderr, plain.at_hand.stderr)


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_audit_scales_with_the_unit_of_the_target(factor: float) -> None:
    plain = audit(linear(120, 1), linear(200, 2))
    scaled = audit(*((inputs, factor * target) for inputs, target in (linear(120, 1), linear(200, 2))))
    assert scaled.verdict == plain.verdict
    assert scaled.at_hand.test_error == pytest.approx(factor**2 * plain.at_hand.test_error, rel=1e-6)
    assert scaled.quality["synthetic"].value == pytest.approx(factor**2 * plain.quality["synthetic"].value, rel=1e-6)


def test_audit_reads_frames_and_files_alike(tmp_path: Path) -> None:
    frames, files = [], []
    for name, data in (("real", linear(80, 1, n_features=4)), ("synthetic", linear(90, 2, n_features=4))):
        frame = pd.DataFrame(data[0], columns=[f"x{k}" for k in range(4)])
        frame["label"] = data[1]
        frames.append(frame)
        np.savez(tmp_path / f"{name}.npz", X=data[0], y=data[1])
        files.append(tmp_path / f"{name}.npz")
    by_frame, by_file = audit(*frames, target="label"), audit(*files)
    same(by_frame.at_hand, by_file.at_hand, rel=1e-12)
    assert by_frame.verdict == by_file.verdict


def test_audit_respects_the_ridges_it_is_given() -> None:
    found = audit(linear(120, 1), linear(200, 2), ridge=[0.37])
    used = {point.ridge for point in found.validation} | {found.best.ridge, found.real_only.ridge, found.at_hand.ridge}
    assert used == {0.37}
    assert audit(linear(120, 1), linear(200, 2)).at_hand.ridge != 0.37


def test_audit_measures_on_the_holdout_it_is_given(helped: AuditResult) -> None:
    assert helped.holdout_rows == 2000
    assert helped.rows == {"real": 200, "synthetic": 3000}
    assert helped.at_hand.test_error == pytest.approx(0.49 * (1 + 60 / 3200), rel=0.1)


def test_audit_reports_its_progress() -> None:
    stages: list[str] = []
    audit(linear(60, 1, n_features=3), linear(60, 2, n_features=3), progress=lambda stage, *_: stages.append(stage))
    assert stages[0] == "reading and encoding"
    assert stages[-1] == "done"


PLAIN, OTHER = linear(80, 1, n_features=4), linear(90, 2, n_features=4)
WIDE = linear(60, 1, n_features=100), linear(60, 2, n_features=100)
EXACT = linear(80, 1, noise=0, n_features=4), linear(90, 2, noise=0, n_features=4)


def with_target(data: Data, target: Any) -> Data:
    return data[0], np.broadcast_to(np.asarray(target), len(data[0])).copy()


def with_inputs(data: Data, change: Callable[[Array], Array]) -> Data:
    return change(data[0]), data[1]


def rare(data: Data, n_rare: int) -> Data:
    """Label the first few rows True."""
    return data[0], np.arange(len(data[0])) < n_rare


def repeated(data: Data) -> Data:
    return np.repeat(data[0], 3, axis=0), np.repeat(data[1], 3)


def thrice(inputs: Array) -> Array:
    return np.repeat(inputs, 3, axis=1)


def far(inputs: Array) -> Array:
    return inputs + 1e6


ODD: dict[str, tuple[Data, Data, dict[str, Any]]] = {
    "fewest rows": (linear(20, 1, n_features=3), linear(12, 2, n_features=3), {}),
    "two synthetic rows": (PLAIN, linear(2, 2, n_features=4), {}),
    "three synthetic rows": (PLAIN, linear(3, 2, n_features=4), {}),
    "one feature": (linear(80, 1, n_features=1), linear(90, 2, n_features=1), {}),
    "fewer rows than columns": (*WIDE, {}),
    "constant synthetic target": (PLAIN, with_target(OTHER, 1.0), {"task": "regression"}),
    "almost constant target": (rare(PLAIN, 1), rare(OTHER, 1), {"task": "regression"}),
    "two rows of a class": (rare(PLAIN, 2), rare(OTHER, 2), {}),
    "one row of a class": (rare(PLAIN, 1), rare(OTHER, 1), {"task": "classification"}),
    "a class that synthetic rows lack": (rare(PLAIN, 20), rare(OTHER, 0), {}),
    "one class held out": (rare(PLAIN, 20), rare(OTHER, 20), {"holdout": rare(linear(40, 3, n_features=4), 0)}),
    "much synthetic": (linear(40, 1, n_features=4), linear(20_000, 2, n_features=4), {}),
    "much real": (linear(20_000, 1, n_features=4), linear(20, 2, n_features=4), {}),
    "repeated rows": (repeated(PLAIN), repeated(OTHER), {}),
    "no noise": (*EXACT, {}),
    "no noise in classes": (classes(EXACT[0]), classes(EXACT[1]), {}),
    "no noise, fewer rows than columns": (
        linear(60, 1, noise=0, n_features=90),
        linear(60, 2, noise=0, n_features=90),
        {},
    ),
    "huge synthetic inputs": (PLAIN, with_inputs(OTHER, lambda x: 1e8 * x), {"scale": "none"}),
    "inputs far from zero": (with_inputs(PLAIN, far), with_inputs(OTHER, far), {"scale": "none"}),
    "repeated columns": (with_inputs(PLAIN, thrice), with_inputs(OTHER, thrice), {}),
    "huge repeated columns": (
        with_inputs(PLAIN, thrice),
        with_inputs(OTHER, lambda x: 1e8 * thrice(x)),
        {"scale": "none"},
    ),
    "random features without scale": (PLAIN, OTHER, {"scale": "none", "features": "relu:50"}),
    "small ridge": (PLAIN, OTHER, {"ridge": [1e-12]}),
    "small ridge, fewer rows than columns": (*WIDE, {"ridge": [1e-10]}),
    "large ridge": (PLAIN, OTHER, {"ridge": [1e20]}),
    "ridges far apart": (PLAIN, OTHER, {"ridge": [1e-12, 1e12]}),
}
AT = [
    MixtureRequest({"real": 9000, "synthetic": 1000}),
    MixtureRequest({"synthetic": 1e15}, weight=1e6),
    MixtureRequest({"real": 1, "synthetic": 1}, ridge=1e-25),
    MixtureRequest({"real": 50, "synthetic": 1e15}, weight=0, ridge=1e25),
]


@pytest.mark.parametrize("name", ODD)
def test_audit_answers_odd_data_without_a_warning(name: str) -> None:
    real, synthetic, options = ODD[name]
    found = audit(real, synthetic, at=AT, **options)
    assert found.verdict
    assert len(found.forecasts) == len(AT)
    json.dumps(found.to_dict(), allow_nan=False)


BAD: dict[str, tuple[Callable[[], AuditResult], str]] = {
    "too few rows": (lambda: audit(linear(12, 1), OTHER), "not enough rows|columns differ"),
    "constant target": (lambda: audit(with_target(PLAIN, 1.0), OTHER, task="regression"), "single value"),
    "target in a unit too large": (lambda: audit((PLAIN[0], 1e-40 * PLAIN[1]), OTHER), "smaller unit"),
    "target beyond numbers": (lambda: audit((PLAIN[0], 1e40 * PLAIN[1]), OTHER), "beyond"),
    "the same file twice": (lambda: audit(PLAIN, PLAIN), "same rows"),
    "unknown source": (lambda: audit(PLAIN, OTHER, at=[MixtureRequest({"synthetic3": 5})]), "unknown key `synthetic3`"),
    "negative count": (lambda: audit(PLAIN, OTHER, at=[MixtureRequest({"real": -1})]), "`at: real`"),
    "endless count": (lambda: audit(PLAIN, OTHER, at=[MixtureRequest({"real": 1e300})]), "`at: real`"),
    "no sample": (lambda: audit(PLAIN, OTHER, at=[MixtureRequest({"real": 0})]), "positive count"),
    "no weight": (lambda: audit(PLAIN, OTHER, at=[MixtureRequest({"synthetic": 9}, weight=0)]), "positive count"),
    "negative weight": (lambda: audit(PLAIN, OTHER, at=[MixtureRequest({"real": 9}, weight=-1)]), "`at: weight`"),
    "ridge of a request": (lambda: audit(PLAIN, OTHER, at=[MixtureRequest({"real": 9}, ridge=0)]), "`at: ridge`"),
    "ridge zero": (lambda: audit(PLAIN, OTHER, ridge=[0.0]), "`ridge`"),
    "negative ridge": (lambda: audit(PLAIN, OTHER, ridge=[0.1, -0.1]), "`ridge`"),
    "ridge lost in rounding": (lambda: audit(PLAIN, OTHER, ridge=[1e-25]), "`ridge`.*rounding"),
    "endless ridge": (lambda: audit(PLAIN, OTHER, ridge=[np.inf]), "`ridge`"),
    "no ridge": (lambda: audit(PLAIN, OTHER, ridge=[]), "`ridge`"),
    "ridge in words": (lambda: audit(PLAIN, OTHER, ridge=["small"]), "`ridge`"),  # type: ignore[list-item]
    "negative seed": (lambda: audit(PLAIN, OTHER, seed=-1), "`seed`"),
    "unknown scale": (lambda: audit(PLAIN, OTHER, scale="minmax"), "`scale`"),
    "unknown features": (lambda: audit(PLAIN, OTHER, features="cubic"), "`features`"),
    "unknown task": (lambda: audit(PLAIN, OTHER, task="ranking"), "`task`"),
    "no synthetic source": (lambda: audit(PLAIN, []), "`synthetics`"),
}


@pytest.mark.parametrize("name", BAD)
def test_audit_refuses_bad_input_in_one_line(name: str) -> None:
    call, message = BAD[name]
    with pytest.raises(InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
