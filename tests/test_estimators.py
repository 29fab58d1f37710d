"""Do names, factories and objects become models that are fitted anew, and are mistakes named in one line?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from modelcollapse import InputError
from modelcollapse.checks import Array
from modelcollapse.estimation.estimators import NAMES, Trainer, resolve_estimator

FACTORIES = """
from sklearn.linear_model import Ridge


def small():
    return Ridge(alpha=0.5)


def broken():
    raise ValueError("no such\\nthing")


def nothing():
    return 3


class Mean:
    def fit(self, X, y):
        self.mean = y.mean()
        return self

    def predict(self, X):
        return [self.mean] * len(X)


class Stubborn(Mean):
    def fit(self, X, y):
        raise RuntimeError("cannot")


class Blind:
    def fit(self, X, y):
        return self


constant = 3
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a module of factories into the working directory."""
    (tmp_path / "my_factories_of_models.py").write_text(FACTORIES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "my_factories_of_models", raising=False)
    return tmp_path


def rows(n: int = 60, *, classes: int = 0, seed: int = 0) -> tuple[Array, Array]:
    """Return features and targets of a simple rule."""
    random = np.random.default_rng(seed)
    features = random.standard_normal((n, 3))
    if not classes:
        return features, features[:, :1] + 0.1 * random.standard_normal((n, 1))
    codes = np.digitize(features[:, 0], np.linspace(-0.7, 0.7, classes - 1))
    return features, np.eye(classes)[codes]


def measure(trainer: Trainer, *, classes: int, seed: int = 0) -> tuple[float, float]:
    """Return error and accuracy of a trainer on the simple rule."""
    return trainer.train_and_measure(*rows(classes=classes), holdout=rows(200, classes=classes, seed=1), seed=seed)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", NAMES)
def test_every_name_trains_for_both_tasks(name: str) -> None:
    error, accuracy = measure(resolve_estimator(name, classification=False), classes=0)
    assert 0 < error < 1.0
    assert np.isnan(accuracy)
    error, accuracy = measure(resolve_estimator(name, classification=True), classes=3)
    assert 0 < error < 2 / 3
    assert accuracy > 0.5


def test_error_of_probabilities_is_the_brier_score_summed_over_classes() -> None:
    (features, targets), (held, truth) = rows(classes=3), rows(200, classes=3, seed=1)
    model = LogisticRegression().fit(features, targets.argmax(axis=1))
    error, accuracy = measure(resolve_estimator(LogisticRegression(), classification=True), classes=3)
    assert error == pytest.approx(np.mean(((model.predict_proba(held) - truth) ** 2).sum(axis=1)), rel=1e-12)
    assert error != pytest.approx(np.mean((model.predict_proba(held) - truth) ** 2), rel=0.1)  # the twin
    assert accuracy == np.mean(model.predict(held) == truth.argmax(axis=1))


def test_error_without_probabilities_is_that_of_the_predicted_classes() -> None:
    error, accuracy = measure(resolve_estimator(RidgeClassifier(), classification=True), classes=3)
    assert error == pytest.approx(2 * (1 - accuracy), rel=1e-12)


def test_classes_that_a_fit_has_not_seen_get_no_probability() -> None:
    features, targets = rows(classes=3)
    some = targets[:, 1] == 0
    held, truth = rows(200, classes=3, seed=1)
    model = LogisticRegression().fit(features[some], targets[some].argmax(axis=1))
    probabilities = np.zeros_like(truth)
    probabilities[:, [0, 2]] = model.predict_proba(held)
    trainer = resolve_estimator(LogisticRegression(), classification=True)
    error, accuracy = trainer.train_and_measure(features[some], targets[some], holdout=(held, truth), seed=0)
    assert error == pytest.approx(np.mean(((probabilities - truth) ** 2).sum(axis=1)), rel=1e-12)
    shifted = probabilities[:, [0, 2, 1]]  # the twin: probabilities in the first columns
    assert error != pytest.approx(np.mean(((shifted - truth) ** 2).sum(axis=1)), rel=0.1)
    assert accuracy == np.mean(probabilities.argmax(axis=1) == truth.argmax(axis=1))


def test_seed_decides_open_random_choices_and_leaves_fixed_ones_alone() -> None:
    open_ = resolve_estimator(make_pipeline(StandardScaler(), RandomForestClassifier(5)), classification=True)
    assert measure(open_, classes=3, seed=1) == measure(open_, classes=3, seed=1)
    assert measure(open_, classes=3, seed=1) != measure(open_, classes=3, seed=2)
    fixed = resolve_estimator(RandomForestClassifier(5, random_state=0), classification=True)
    assert measure(fixed, classes=3, seed=1) == measure(fixed, classes=3, seed=2)


def test_objects_are_copied_and_never_fitted() -> None:
    estimator = LogisticRegression()
    measure(resolve_estimator(estimator, classification=True), classes=3)
    assert not hasattr(estimator, "coef_")


def test_fingerprint_changes_with_parameters_only() -> None:
    prints = [resolve_estimator(Ridge(alpha), classification=False).fingerprint for alpha in (1.0, 1.0, 2.0)]
    assert prints[0] == prints[1] != prints[2]


def test_factory_of_the_working_directory_is_found(here: Path) -> None:
    assert measure(resolve_estimator("my_factories_of_models:small", classification=False), classes=0)[0] < 0.1
    assert measure(resolve_estimator("my_factories_of_models:Mean", classification=False), classes=0)[0] > 0.5
    assert resolve_estimator("sklearn.linear_model:Ridge", classification=False).name == "sklearn.linear_model:Ridge"


def test_fingerprint_changes_with_the_text_of_the_module(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = resolve_estimator("my_factories_of_models:Mean", classification=False).fingerprint
    assert resolve_estimator("my_factories_of_models:Mean", classification=False).fingerprint == first
    (here / "my_other_factories.py").write_text(FACTORIES.replace("y.mean()", "0.0"))
    assert resolve_estimator("my_other_factories:Mean", classification=False).fingerprint != first


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        ("random_forrest", "Did you mean `random_forest`"),
        ("no_such_module_at_all:make", "cannot be imported"),
        ("my_factories_of_models:smal", "Did you mean `small`"),
        ("my_factories_of_models:constant", "no function or class"),
        ("my_factories_of_models:broken", "ValueError: no such thing"),
        ("my_factories_of_models:nothing", "which has no fit"),
        ("my_factories_of_models:Blind", "which has no predict"),
        ("my_factories_of_models:", "no function or class|has no"),
        (Ridge, "unfitted estimator object"),
        (None, "unfitted estimator object"),
        (LogisticRegression(), "is a classifier, and the task is regression"),
        ("sklearn.linear_model:LogisticRegression", "is a classifier, and the task is regression"),
    ],
)
def test_estimators_that_are_none_are_refused_in_one_line(here: Path, estimator: object, message: str) -> None:
    with pytest.raises(InputError, match=message) as refused:
        resolve_estimator(estimator, classification=False)
    assert "\n" not in str(refused.value)


def test_failure_in_fit_is_named(here: Path) -> None:
    with pytest.raises(InputError, match=r"Stubborn failed on 60 rows of 3 features: RuntimeError: cannot"):
        measure(resolve_estimator("my_factories_of_models:Stubborn", classification=False), classes=0)


def test_predictions_that_are_not_finite_are_refused() -> None:
    class Lost(Ridge):
        def predict(self, X: Any) -> Any:
            return np.full(len(X), np.nan)

    with pytest.raises(InputError, match="not finite"):
        measure(resolve_estimator(Lost(), classification=False), classes=0)


def test_predictions_that_are_as_good_as_infinite_are_refused() -> None:
    class Huge(Ridge):
        def predict(self, X: Any) -> Any:
            return np.full(len(X), 1e200)

    with pytest.raises(InputError, match=r"not finite, or beyond 1e\+100"):
        measure(resolve_estimator(Huge(), classification=False), classes=0)


@pytest.mark.parametrize("name", ["linear", "mlp", "hist_gradient_boosting"])
def test_rows_of_one_class_are_learned_as_that_class(name: str) -> None:
    trainer = resolve_estimator(name, classification=True)
    generator = np.random.default_rng(0)
    rows, held_out = generator.standard_normal((20, 3)), generator.standard_normal((8, 3))
    truth = np.eye(2)[[0, 0, 0, 1, 1, 1, 1, 1]]
    error, accuracy = trainer.train_and_measure(rows, np.tile([1.0, 0.0], (20, 1)), holdout=(held_out, truth), seed=0)
    assert (error, accuracy) == (2 * 5 / 8, 3 / 8)
