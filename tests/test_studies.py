"""Do the studies tell a right forecast from a wrong one? On a small planted world, with the controls that must fail."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

ROOT = Path(__file__).parent.parent
N_ROWS, N_COLUMNS = 6000, 100
LIMIT = 0.06
"""Of the median."""


def planted(folder: Path | None) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Return a linear world with a decaying spectrum and label noise."""
    generator = np.random.default_rng(3)
    inputs = generator.normal(size=(N_ROWS, N_COLUMNS)) / np.sqrt(np.arange(1, N_COLUMNS + 1))
    labels = inputs @ generator.normal(size=N_COLUMNS) + 0.5 * generator.normal(size=N_ROWS)
    return pd.DataFrame(inputs, columns=[f"x{k}" for k in range(N_COLUMNS)]), labels


@pytest.fixture(scope="module")
def study() -> Any:
    from studies.sets import Study

    return Study(
        name="planted",
        title="Planted",
        load=planted,
        bundled=True,
        task="regression",
        n_label_train=(30, 120),
        pool=(500, 500, 250),
        n_holdout=1000,
        smallest=150,
        largest=2500,
        ridges=(1e-2, 1e-1),
        n_splits=4,
        n_runs=8,
        every=2,
        limit=LIMIT,
    )


@pytest.fixture(scope="module")
def findings(study: Any) -> Any:
    from studies.comparison import compare

    return compare(study, folder=None, seed=0)


def test_study_compares_every_pair_of_mixture_and_ridge_in_turn(study: Any, findings: Any) -> None:
    from studies.comparison import COUNTS, WEIGHTS

    tested = findings.rows.groupby(["ridge", *COUNTS, *WEIGHTS]).size()
    assert len(tested) == 52
    assert set(tested) == {study.n_splits // study.every}
    assert findings.models["training"] == study.n_runs * len(findings.rows)


def test_study_passes_the_honest_forecast(study: Any, findings: Any) -> None:
    from studies.summary import agreement, passes

    assert passes(agreement(findings.rows, "forecast"), limit=study.limit)


@pytest.mark.parametrize("control", ["shuffled", "plug_in"])
def test_study_fails_the_controls(study: Any, findings: Any, control: str) -> None:
    from studies.summary import agreement, passes

    band = None if control == "shuffled" else "forecast"
    assert not passes(agreement(findings.rows, control, band=band), limit=study.limit)


def test_study_passes_and_fails_on_coverage_too() -> None:
    from studies.summary import Agreement, passes

    good = Agreement(n=100, n_unanswered=0, median=0.01, worst=0.1, bias=0.0, coverage=0.9, expected=0.01)
    assert passes(good, limit=0.02)
    assert not passes(replace(good, coverage=0.5), limit=0.02)
    assert not passes(replace(good, coverage=1.0), limit=0.02)
    assert not passes(good, limit=0.005)


def test_agreement_counts_what_its_band_covers() -> None:
    from studies.summary import agreement

    measured = np.array([1.0, 1.0, 2.0, 1.0])
    rows = pd.DataFrame({
        "measured": measured,
        "guess": [1.1, 0.7, 2.2, np.nan],
        "guess_stderr": 0.06 * measured,
        "guess_spread": 0.08 * measured,
        "effective_runs": [1.0, 1.0, 1.0, 1.0],
    })  # fmt: skip
    found = agreement(rows, "guess")
    assert (found.n, found.n_unanswered) == (3, 1)
    assert found.median == pytest.approx(0.1)
    assert found.worst == pytest.approx(0.3)
    assert found.coverage == pytest.approx(2 / 3)  # 1.645 · 0.1 covers the deviations of 10 %, not that of 30 %
    assert found.expected == pytest.approx(0.06745, rel=1e-4)


def test_closer_counts_pairs_that_both_answered() -> None:
    from studies.summary import closer

    rows = pd.DataFrame({"measured": 1.0, "near": [1.1, 0.9, 1.3, 1.0], "far": [0.8, 1.2, 1.2, np.nan]})
    assert closer(rows, "near", "far") == pytest.approx(2 / 3)
    assert closer(rows, "far", "near") == pytest.approx(1 / 3)


def test_page_names_the_sets_that_fall_short_and_no_others(study: Any, findings: Any) -> None:
    from studies import shortfalls, store

    def claim(start: str, *, limit: float = LIMIT, **changes: Any) -> str:
        rows = findings.rows.assign(**changes)
        record = store.Record(replace(findings, rows=rows), 0, "Measured here.", 2.0)
        (line,) = [s for s in shortfalls.not_met([(replace(study, limit=limit), record)]) if s.startswith(f"- {start}")]
        return line

    measured = findings.rows["measured"]
    assert claim("The median").endswith("on no set.")
    assert "planted" in claim("The median", limit=1e-6)
    assert claim("The coverage").endswith("on no set.")
    assert "planted (0%)" in claim("The coverage", forecast=2 * measured)
    assert claim("The accuracy").endswith("on no set.")
    assert "planted (2.0 points)" in claim("The accuracy", accuracy=0.5, accuracy_forecast=0.52)
    assert "planted" in claim("Beyond the pool", mixture_law=measured)
    assert claim("Taking the pool").endswith("on no set.")
    assert "planted" in claim("Taking the pool", limit=1.0)


def test_controls_are_paired_with_the_forecast(study: Any, findings: Any) -> None:
    from studies import shortfalls, store

    def line(**changes: Any) -> str:
        rows = findings.rows.assign(**changes)
        record = store.Record(replace(findings, rows=rows), 0, "Measured here.", 2.0)
        (found,) = [s for s in shortfalls.controls([(study, record)]) if s.startswith("| planted")]
        return found

    assert line().count("✗") == 0
    assert line(plug_in=findings.rows["measured"]).endswith("| ✗ 0.0 % | 0% |")


def test_training_agrees_with_scikit_learn() -> None:
    from sklearn.linear_model import Ridge
    from studies.trained import train

    generator = np.random.default_rng(0)
    sources = [(generator.normal(size=(n, 6)), generator.normal(size=(n, 2))) for n in (30, 20)]
    ours = train([*sources, (np.empty((0, 6)), np.empty((0, 2)))], weights=(1.0, 0.3, 5.0), ridges=[0.05])[0]
    model = Ridge(alpha=50 * 0.05, fit_intercept=False)
    features, targets = (np.concatenate(parts) for parts in zip(*sources, strict=True))
    model.fit(features, targets, sample_weight=np.repeat([1.0, 0.3], [30, 20]))
    np.testing.assert_allclose(ours, model.coef_.T, rtol=1e-10)


def test_plug_in_agrees_with_theory_when_the_pool_is_the_population() -> None:
    from modelcollapse.decisions.forecast import forecast
    from modelcollapse.decisions.plug_in import plug_in_error
    from modelcollapse.estimation.pool import pool_of
    from modelcollapse.estimation.rows import LabelledRows

    generator = np.random.default_rng(1)

    def draw(n: int) -> LabelledRows:
        features = generator.normal(size=(n, 10))
        return LabelledRows(features, features[:, :1] + generator.normal(size=(n, 1)))

    pool = pool_of([draw(20_000), draw(20_000)], holdout=draw(5000))
    asked: dict[str, Any] = {"n_samples": (40, 30), "weights": (1.0, 0.5), "ridge": 0.01}
    assert plug_in_error(pool, **asked) == pytest.approx(forecast(pool, **asked).test_error, rel=5e-3)


def test_power_law_is_recovered() -> None:
    from studies.rivals import Trained, power_law

    sizes = np.geomspace(20, 200, 12)
    trained = Trained(sizes, np.zeros(12), np.zeros(12), (0.2 + 3.0 * sizes**-0.7)[:, None])
    assert power_law(trained, ridge=0)(2000) == pytest.approx(0.2 + 3.0 * 2000**-0.7, rel=1e-3)


def test_mixture_law_is_recovered_and_refuses_a_third_source() -> None:
    from studies.mixtures import ONE, Mixture
    from studies.rivals import Trained, mixture_law

    def law(n: Any, m: Any) -> Any:
        share = m / (n + m)
        return 0.3 + 0.2 * share**2 + (share**2 * 4.0**1.25 / m + (1 - share) ** 2 * 5.0**1.25 / n) ** 0.8

    n, m = (axis.ravel() for axis in np.meshgrid([20.0, 60.0, 200.0], [20.0, 60.0, 200.0, 400.0]))
    fitted = mixture_law(Trained(n, m, m / (n + m), law(n, m)[:, None]), ridge=0)
    assert fitted(Mixture((2000, 1000, 0), ONE)) == pytest.approx(law(2000.0, 1000.0), rel=5e-3)
    assert np.isnan(fitted(Mixture((100, 100, 100), ONE)))


def test_records_round_trip_and_make_the_page(
    study: Any, findings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studies import page, store, validation

    monkeypatch.setitem(page.STUDIES, "planted", study)
    (tmp_path / "images").mkdir()
    records = {"planted": store.Record(findings, 0, "Measured here.", 2.0)}
    store.write(tmp_path / "validation.json", records)
    again = store.read(tmp_path / "validation.json")
    assert json.loads((tmp_path / "validation.json").read_text())["planted"]["seed"] == 0
    np.testing.assert_allclose(again["planted"].findings.rows["forecast"], findings.rows["forecast"], rtol=1e-4)
    text = page.write_page(again)
    assert "## planted" in text
    assert "nan" not in text
    monkeypatch.setattr(validation, "compare", lambda *_, **__: pytest.fail("a study ran that was not asked for"))
    with pytest.raises(SystemExit):
        validation.main(["--only", "coffee"], docs=tmp_path)
    assert validation.main(["--only"], docs=tmp_path) == 0
    assert (tmp_path / "validation.md").read_text() == text


def test_figure_is_a_small_picture(findings: Any, tmp_path: Path) -> None:
    from studies.figure import draw

    draw(findings.rows, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "figure.png").stat().st_size < 150_000


def test_page_is_current() -> None:
    """The committed page is what the committed numbers make."""
    from studies.documents import validation_page

    assert (ROOT / "docs" / "validation.md").read_text() == validation_page(ROOT / "docs")
