"""Is the model that is really trained audited as promised: design, budget, file of fits, answers and refusals?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import PolynomialFeatures

from modelcollapse import InputError, MixtureRequest, OwnModelRequest, audit
from modelcollapse.checks import Array
from modelcollapse.decisions.audit_result import AuditResult
from modelcollapse.decisions.own_model_design import ENOUGH, candidates, first_part, fresh, most_telling, repeats
from modelcollapse.decisions.own_model_fits import Budget, FitFile, Workbench, check_fit_file
from modelcollapse.decisions.own_model_result import Estimate, OwnForecast, TrainedModel
from modelcollapse.decisions.own_model_words import judge_own_model
from modelcollapse.estimation.estimators import resolve_estimator
from modelcollapse.estimation.rows import LabelledRows
from modelcollapse.figures.own_model import draw_own_model, own_model_data
from modelcollapse.report.page import render_report
from modelcollapse.result import Status

FIT = TrainedModel(counts={"real": 5, "synthetic": 2}, repeat=1, test_error=0.5, accuracy=np.nan, seconds=0.1)


def tables(*, slope: float = 1.0, n_real: int = 300, n_synthetic: int = 400) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return real rows of a bent rule in four columns, and synthetic ones of a rule with another slope."""
    random = np.random.default_rng(0)
    found = []
    for n, by in ((n_real, 1.0), (n_synthetic, slope)):
        inputs = random.standard_normal((n, 4))
        frame = pd.DataFrame(inputs, columns=list("abcd"))
        frame["y"] = by * inputs[:, 0] + np.abs(inputs[:, 1]) + 0.3 * random.standard_normal(n)
        found.append(frame)
    return found[0], found[1]


@cache
def audited(slope: float) -> AuditResult:
    """Return an audit of tables with a quick estimator that ridge regression is no proxy of."""
    asked = [MixtureRequest({"real": 900}), MixtureRequest({"real": 900, "synthetic": 100}, weight=0.5)]
    request = OwnModelRequest(estimator=RandomForestRegressor(20), max_fits=24)
    return audit(*tables(slope=slope, n_synthetic=1600), target="y", at=asked, own_model=request)


def own(slope: float) -> Any:
    """Return what an audit says of the estimator."""
    found = audited(slope).own_model
    assert found is not None
    return found


def test_first_part_is_nested_and_holds_the_corners() -> None:
    cells = first_part((1000, 400))
    assert {(1000, 0), (0, 400), (1000, 400), (500, 0), (250, 0), (500, 200)} <= set(cells)
    assert len(cells) == len(set(cells)) == 14
    assert set(cells) <= set(candidates((1000, 400)))
    assert len(candidates((1000, 400))) == 24
    assert all(sum(cell) >= 20 for cell in first_part((30, 30)))


def test_mixtures_are_not_trained_again_and_again() -> None:
    cells = [(10, 0), (5, 5), (0, 10)]
    assert fresh(cells, [(10, 0)] * ENOUGH) == [(5, 5), (0, 10)]
    assert fresh(cells, cells * 5) == cells
    assert repeats([(10, 0)], [(10, 0), (5, 5)]) == [((10, 0), 1), ((5, 5), 0)]


def test_most_telling_places_explain_different_parts_of_the_answer() -> None:
    first, second = np.random.default_rng(0).standard_normal((2, 4000))
    told = np.stack([2 * first, 2 * first, second, 0 * first], axis=1)
    asked = 1.5 * first + second
    assert most_telling(asked, told, noise=np.full(4, 0.1), n_chosen=2) in ([0, 2], [1, 2])
    assert most_telling(asked, told, noise=np.array([9.0, 9.0, 0.1, 0.1]), n_chosen=1) == [2]


def bench(estimator: object = None, *, seed: int = 0, shift: float = 0.0, n: int = 60) -> Workbench:
    """Return a workbench of a linear rule."""
    random = np.random.default_rng(3)

    def rows(n_rows: int, by: float) -> LabelledRows:
        features = random.standard_normal((n_rows, 2))
        return LabelledRows(features, features[:, :1] + by)

    return Workbench(
        names=("real", "synthetic", "synthetic2"),
        sources=(rows(n, shift), rows(40, 0.5), rows(20, 1.0)),
        holdout=rows(50, 0.0),
        trainer=resolve_estimator(estimator or LinearRegression(), classification=False),
        seed=seed,
    )


def test_small_mixtures_are_nested_and_repeats_have_other_rows() -> None:
    at = bench()
    half, quarter, all_ = (set(at.rows(0, n, 0).tolist()) for n in (30, 15, 60))
    assert quarter < half < all_
    assert not half & set(at.rows(0, 30, 1).tolist())
    assert set(at.rows(0, 60, 1).tolist()) == all_
    third = set(at.rows(0, 30, 2).tolist())
    assert third not in (half, all_ - half)


def test_synthetic_sources_are_mixed_as_at_hand() -> None:
    assert bench().available == (60, 60)
    assert bench().counts((10, 60)) == [10, 40, 20]
    assert bench().counts((0, 30)) == [0, 20, 10]


def test_trained_model_is_that_of_its_rows() -> None:
    at = bench(Ridge(1.0))
    found = at.train((20, 0), 1)
    rows = at.sources[0].take(at.rows(0, 20, 1))
    model = Ridge(1.0).fit(rows.features, rows.targets[:, 0])
    expected = np.mean((model.predict(at.holdout.features) - at.holdout.targets[:, 0]) ** 2)
    assert found.test_error == pytest.approx(expected, rel=1e-12)
    assert found.counts == {"real": 20, "synthetic": 0, "synthetic2": 0}


def test_failing_fit_is_named_with_its_mixture() -> None:
    class Picky(LinearRegression):
        def fit(self, X: Any, y: Any) -> Any:
            raise ValueError("not today")

    with pytest.raises(InputError, match=r"the fit on 20 real \+ 20 synthetic \+ 10 synthetic2 rows.*not today"):
        bench(Picky()).train((20, 30), 0)


def test_fingerprint_changes_with_data_estimator_and_seed() -> None:
    marks = [bench().fingerprint(), bench(shift=1e-9).fingerprint(), bench(Ridge()).fingerprint(),
             bench(seed=1).fingerprint(), bench(n=59).fingerprint()]  # fmt: skip
    assert len(set(marks)) == 5
    assert bench().fingerprint() == marks[0]


def test_budget_ends_by_number_and_by_time() -> None:
    assert Budget(max_fits=10).left(4) == 6
    assert Budget(max_fits=10).left(11) == 0
    assert Budget(max_fits=10, max_seconds=1.0, started=time.monotonic() - 2.0).left(4) == 0


def test_fit_file_keeps_what_was_trained_and_tells_others_apart(tmp_path: Path) -> None:
    path = tmp_path / "fits.jsonl"
    FitFile(path, fingerprint="a").add(FIT)
    FitFile(path, fingerprint="b").add(replace(FIT, repeat=2))
    (known,) = FitFile(path, fingerprint="a").known.values()
    assert (known.counts, known.repeat, known.test_error) == (FIT.counts, 1, 0.5)
    assert np.isnan(known.accuracy)
    assert len(path.read_text().splitlines()) == 2
    assert FitFile(None, fingerprint="a").known == {}


@pytest.mark.parametrize("cut", [1, 20, 5])
def test_fit_file_survives_a_line_that_was_cut_off(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "fits.jsonl"
    FitFile(path, fingerprint="a").add(FIT)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:-cut])
    file = FitFile(path, fingerprint="a")
    assert len(file.known) == 1
    file.add(replace(FIT, repeat=2))
    assert len(FitFile(path, fingerprint="a").known) == 2


@pytest.mark.parametrize("content", ["a,b\n1,2\n", '{"x": 1}\n', "[]\n", '{"fingerprint": "a"}\n', "no newline",
                                     '{"fingerprint": "a", "counts": {"real": -1}, "repeat": 0}\n'])  # fmt: skip
def test_files_of_something_else_are_refused_and_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(content)
    with pytest.raises(InputError, match="line 1 is no trained model"):
        check_fit_file(path)
    assert path.read_text() == content


def test_fit_files_that_cannot_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this is a folder"):
        check_fit_file(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        check_fit_file(tmp_path / "no" / "fits.jsonl")


def test_audit_answers_for_the_estimator_and_its_verdict_comes_first() -> None:
    result, found = audited(0.2), own(0.2)
    assert result.verdict == found.verdict
    assert found.verdict.startswith("For RandomForestRegressor, leave the synthetic rows out")
    assert "For ridge regression, the audit's proxy:" in found.details
    assert found.harm.interval[0] > 0
    assert len(found.fits) == len(found.validation) == 24
    assert (found.real_only.counts, found.at_hand.counts) == (
        {"real": 225, "synthetic": 0},
        {"real": 225, "synthetic": 1600},
    )
    assert found.best == found.real_only
    assert found.real_only.band[0] < found.real_only.test_error < found.real_only.band[1]
    assert sum(law.weight for law in found.laws) == pytest.approx(1.0)
    assert found.equivalent_real.value == 0.0
    assert found.marginal.value < 0


def test_audit_recommends_synthetic_rows_that_are_as_good_as_real_ones() -> None:
    found = own(1.0)
    assert found.verdict.startswith("For RandomForestRegressor, mix in")
    assert found.gain.interval[0] > 0
    assert found.best.counts["synthetic"] > 0
    assert found.best.test_error < found.real_only.test_error
    assert found.marginal.interval[1] > 0.5
    assert found.equivalent_real.value > 100
    assert np.isinf(found.harmful_count.value)


def test_forecast_beyond_the_rows_at_hand_holds_against_a_trained_model() -> None:
    found = own(1.0).forecasts[0]
    real, _ = tables(n_real=20_000)
    errors = []
    for k in range(4):
        rows = real.iloc[1000 * k : 1000 * k + 900]
        model = RandomForestRegressor(20, random_state=k).fit(rows[list("abcd")], rows["y"])
        errors.append(np.mean((model.predict(real.iloc[8000:][list("abcd")]) - real.iloc[8000:]["y"]) ** 2))
    held_out = 0.25 * np.mean(errors)  # 75 rows were held out: another sample is off by this, two standard errors
    assert found.band[0] - held_out < np.mean(errors) < found.band[1] + held_out
    assert found.extrapolation == 4.0
    assert abs(own(0.2).at_hand.test_error - np.mean(errors)) > held_out  # the twin: the mixture with another rule


def test_mixtures_with_weights_are_answered_with_not_enough_data() -> None:
    second = own(1.0).forecasts[1]
    assert second.status is Status.NOT_ENOUGH_DATA
    assert np.isnan(second.test_error)


def test_own_model_stands_in_json_only_when_it_was_asked_for() -> None:
    tree = json.loads(json.dumps(audited(0.2).to_dict(), allow_nan=False))
    assert tree["estimator"]["estimator"] == "RandomForestRegressor"
    assert tree["verdict"] == tree["estimator"]["verdict"]
    assert tree["best"]["ridge"] > 0
    assert "own_model" not in tree
    assert "estimator" not in replace(audited(0.2), own_model=None).to_dict()


def test_same_seed_same_answer() -> None:
    request = OwnModelRequest(estimator=LinearRegression(), max_fits=9)
    twice = [audit(*tables(), target="y", own_model=request).to_dict()["estimator"] for _ in range(2)]
    for tree in twice:
        for fit in tree["fits"]:
            fit.pop("seconds")
    assert twice[0] == twice[1]


def test_features_before_the_relu_map_reach_the_estimator() -> None:
    seen: list[int] = []

    class Counting(LinearRegression):
        def fit(self, X: Array, y: Array) -> Any:
            seen.append(X.shape[1])
            return super().fit(X, y)

    audit(*tables(), target="y", features="relu:30", own_model=OwnModelRequest(estimator=Counting(), max_fits=8))
    assert set(seen) == {4}


def test_classification_is_scored_by_the_brier_score() -> None:
    real, synthetic = tables()
    for frame in (real, synthetic):
        frame["y"] = np.where(frame["y"] > 0.8, "high", "low")
    request = OwnModelRequest(estimator=LogisticRegression(), max_fits=8)
    found = audit(real, synthetic, target="y", own_model=request).own_model
    assert found is not None
    assert all(0 < fit.test_error < 1 and 0.5 < fit.accuracy <= 1 for fit in found.fits)
    assert found.ridge.used in (True, False)
    assert np.isnan(found.laws[0].beyond)  # too few fits to hold large ones out


def test_perfect_models_are_no_trouble() -> None:
    real, synthetic = tables()
    for frame in (real, synthetic):
        frame["y"] = np.where(frame["a"] > 0, "high", "low")
        frame["a"] = np.sign(frame["a"]) + 0.001 * frame["b"]
    request = OwnModelRequest(estimator=KNeighborsClassifier(1), max_fits=9)
    assert audit(real, synthetic, target="y", own_model=request).own_model is not None


def test_second_audit_trains_nothing_that_is_in_the_file(tmp_path: Path) -> None:
    path, fitted = tmp_path / "fits.jsonl", []

    class Counting(LinearRegression):
        def fit(self, X: Array, y: Array) -> Any:
            fitted.append(len(X))
            return super().fit(X, y)

    requests = [OwnModelRequest(estimator=Counting(), max_fits=n, fits=path) for n in (9, 12, 12)]
    found = [audit(*tables(), target="y", own_model=request).own_model for request in requests]
    assert [one and one.n_reused for one in found] == [0, 9, 12]
    assert len(fitted) == len(path.read_text().splitlines()) == 12
    assert found[1] is not None
    assert found[2] is not None
    assert found[1].verdict == found[2].verdict


def test_time_that_runs_out_ends_the_training_and_too_little_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "fits.jsonl"

    class Slow(LinearRegression):
        def fit(self, X: Array, y: Array) -> Any:
            time.sleep(0.1)
            return super().fit(X, y)

    with pytest.raises(InputError, match=r"`max_seconds` ran out after \d of at least 8 .*kept in the file of fits"):
        audit(*tables(), target="y", own_model=OwnModelRequest(estimator=Slow(), max_seconds=0.15, fits=path))
    assert 1 <= len(path.read_text().splitlines()) < 8
    request = OwnModelRequest(estimator=Slow(), max_seconds=0.8, max_fits=100, fits=path)
    found = audit(*tables(), target="y", own_model=request).own_model
    assert found is not None
    assert 8 <= len(found.fits) < 100


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (OwnModelRequest(estimator="mlp", max_fits=7), "max_fits"),
        (OwnModelRequest(estimator="mlp", max_fits=10**6), "max_fits"),
        (OwnModelRequest(estimator="mlp", max_seconds=0.0), "max_seconds"),
        (OwnModelRequest(estimator="mpl"), "Did you mean `mlp`"),
        (OwnModelRequest(estimator=LogisticRegression()), "is a classifier, and the task is regression"),
        (OwnModelRequest(estimator=PolynomialFeatures()), "has no predict"),
    ],
)
def test_requests_that_cannot_be_are_refused_before_the_ridge_audit(
    request_: OwnModelRequest, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelcollapse.decisions.audit.gather", None)
    with pytest.raises(InputError, match=message):
        audit(*tables(), target="y", own_model=request_)


def test_too_few_rows_are_refused() -> None:
    real, synthetic = tables(n_real=32, n_synthetic=12)
    with pytest.raises(InputError, match="too few to train models on parts of them"):
        audit(real, synthetic, target="y", own_model=OwnModelRequest(estimator="linear"))


INTERRUPTED = """
import sys
import numpy as np, pandas as pd, signal, time
from sklearn.linear_model import LinearRegression
from modelcollapse import OwnModelRequest, audit

class Slow(LinearRegression):
    def fit(self, X, y):
        time.sleep(0.2)
        return super().fit(X, y)

signal.signal(signal.SIGINT, signal.default_int_handler)  # also where whoever started this ignores it
random = np.random.default_rng(0)
frames = [pd.DataFrame(random.standard_normal((n, 3)), columns=list("aby")) for n in (200, 300)]
audit(*frames, target="y", own_model=OwnModelRequest(estimator=Slow(), max_fits=9, fits=sys.argv[1]))
"""


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_training_loses_nothing(tmp_path: Path, by: signal.Signals) -> None:
    path, script = tmp_path / "fits.jsonl", tmp_path / "interrupted.py"
    script.write_text(INTERRUPTED)
    process = subprocess.Popen([sys.executable, str(script), str(path)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while (not path.exists() or path.read_bytes().count(b"\n") < 2) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, by)
    assert process.wait(timeout=60) != 0
    kept = path.read_bytes()
    assert 2 <= kept.count(b"\n") < 9
    check_fit_file(path)
    assert path.read_bytes() == kept[: kept.rfind(b"\n") + 1]
    subprocess.run([sys.executable, str(script), str(path)], check=True, timeout=120)
    assert path.read_bytes().startswith(kept[: kept.rfind(b"\n") + 1])
    assert path.read_bytes().count(b"\n") == 9


def forecast(error: float, *, real: float = 100, synthetic: float = 200) -> OwnForecast:
    """Return a made-up forecast."""
    return OwnForecast(counts={"real": real, "synthetic": synthetic}, test_error=error, band=(error / 2, 2 * error),
                       ridge_forecast=1.0, extrapolation=1.0, leans_on_ridge=True, status=Status.OK)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "sentence", "confidence"),
    [
        ({}, "For m, mix in 150 synthetic rows: its test error falls by 10 % (5.0 to 15 %)", "high"),
        ({"gain_ratio": 2.6}, "For m, mix in", "medium"),
        ({"deviation": 0.2}, "For m, mix in", "low"),
        (
            {"gain_ratio": 1.0, "harm_ratio": -3.0},
            "There is not enough data to tell whether the synthetic rows help m.",
            "low",
        ),
        ({"gain_ratio": 1.0, "harm_ratio": 4.0}, "For m, leave the synthetic rows out", "high"),
        ({"best_synthetic": 0.0, "gain_ratio": 0.0}, "For m the synthetic rows make no difference that shows.", "low"),
        (
            {"best_synthetic": 0.0, "gain_ratio": 0.0, "harm": Estimate(value=0.2, interval=(-0.1, 0.5))},
            "There is not enough data to tell whether the synthetic rows harm m.",
            "low",
        ),
        ({"gain": Estimate(value=0.004, interval=(0.001, 0.006))}, "For m the synthetic rows hardly matter", "high"),
    ],
)
def test_verdict_says_what_the_numbers_say(changes: dict[str, Any], sentence: str, confidence: str) -> None:
    numbers: dict[str, Any] = {
        "best_synthetic": 150.0, "at_hand": forecast(1.0), "gain": Estimate(value=0.1, interval=(0.05, 0.15)),
        "gain_ratio": 5.0, "harm": Estimate(value=-0.02, interval=(-0.1, 0.05)), "harm_ratio": -0.5,
        "harmful_count": Estimate(value=np.inf, interval=(300.0, np.inf)), "deviation": 0.02, "n_fits": 24,
        "ridge_verdict": "Leave them out.",
    }  # fmt: skip
    told = judge_own_model("m", **{**numbers, **changes})
    assert told.sentence.startswith(sentence)
    assert told.confidence == confidence
    assert told.details.endswith("the audit's proxy: leave them out.")
    assert told.mix_in == told.sentence.startswith(("For m, mix in", "For m the synthetic rows hardly"))


def test_figure_and_page_show_every_curve_and_every_model() -> None:
    data = own_model_data(own(0.2))
    assert (len(data["curves"]["curve"].unique()), len(data["measured"])) == (3, 24)
    axes = draw_own_model(data)
    assert len(axes.collections) >= 3
    page = render_report(audited(0.2))
    for text in ("Key numbers of RandomForestRegressor", "Will more data help RandomForestRegressor?", "the proxy"):
        assert text in page
    assert "the proxy" not in render_report(replace(audited(0.2), own_model=None))
