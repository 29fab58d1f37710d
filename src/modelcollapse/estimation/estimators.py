"""Which model do people train? A name, a factory of their own or an estimator object; fitted and measured here."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array, nearest
from modelcollapse.errors import InputError
from modelcollapse.estimation.labels import one_hot_rows

NAMES = ("hist_gradient_boosting", "random_forest", "mlp", "linear", "ridge", "nearest_neighbours")
"""Estimators that have a name; `linear` is logistic regression in classification."""

LARGEST_PREDICTION = 1e100
"""Predictions beyond are as good as infinite."""

_EXAMPLE = "Give a name or module:factory, where factory() returns an unfitted estimator."


@dataclass(frozen=True, eq=False, kw_only=True)
class Trainer:
    """Trains one kind of model.

    Attributes
    ----------
    name : str
        For people.
    make : callable
        Takes a seed and returns a fresh, unfitted estimator.
    fingerprint : str
        Changes with the estimator and its parameters.
    classification : bool
    """

    name: str
    make: Callable[[int], Any]
    fingerprint: str
    classification: bool

    def train_and_measure(
        self, features: Array, targets: Array, *, holdout: tuple[Array, Array], seed: int
    ) -> tuple[float, float]:
        """Fit a fresh model, and return its test error and accuracy on held-out rows.

        Parameters
        ----------
        features : array of shape (n, d)
        targets : array of shape (n, C)
            One-hot rows in classification, which the model gets as class codes; numbers in regression.
        holdout : (array of shape (m, d), array of shape (m, C))
        seed : int
            Of every random choice that the model leaves open.

        Returns
        -------
        float
            Mean squared error summed over outputs; of the predicted probabilities in classification (Brier), and of
            the predicted classes as one-hot rows where a model predicts no probabilities.
        float
            Share of held-out rows of the right class; NaN in regression.

        Raises
        ------
        InputError
            When the model cannot be made, fitted, or asked.
        """
        rows, truth = holdout
        if self.classification and (targets == targets[0]).all():  # a single class: most classifiers refuse to learn it
            return self._measured(np.tile(targets[0], (len(rows), 1)), truth)
        model = self.make(seed)
        try:
            model.fit(features, targets.argmax(axis=1) if self.classification else _flat(targets))
            outputs = self._outputs(model, rows, n_outputs=truth.shape[1])
        except Exception as error:
            message = " ".join(str(error).split())
            counted = f"{len(features):,} rows of {features.shape[1]:,} features"
            raise InputError(f"{self.name} failed on {counted}: {type(error).__name__}: {message}") from error
        return self._measured(outputs, truth)

    def _measured(self, outputs: Array, truth: Array) -> tuple[float, float]:
        """Return error and accuracy of predictions, (m, C) each."""
        if outputs.shape != truth.shape:
            raise InputError(
                f"{self.name} predicts an array of shape {outputs.shape} for {truth.shape[0]:,} rows of "
                f"{truth.shape[1]} outputs. Check its predict."
            )
        if not (np.abs(outputs) < LARGEST_PREDICTION).all():
            allowed = f"not finite, or beyond {LARGEST_PREDICTION:g}"
            raise InputError(f"{self.name} predicts numbers that are {allowed}. Check its predict.")
        error = float(np.mean(np.sum((truth - outputs) ** 2, axis=1)))
        right = np.mean(outputs.argmax(axis=1) == truth.argmax(axis=1)) if self.classification else np.nan
        return error, float(right)

    def _outputs(self, model: Any, rows: Array, *, n_outputs: int) -> Array:
        """Return predictions on the targets' scale, (m, C)."""
        if not self.classification:
            predicted = np.asarray(model.predict(rows), dtype=np.float64)
            return predicted.reshape(len(rows), -1)
        if not hasattr(model, "predict_proba"):
            return one_hot_rows(np.asarray(model.predict(rows), dtype=np.int64), n_outputs)
        probabilities = np.asarray(model.predict_proba(rows), dtype=np.float64)
        outputs = np.zeros((len(rows), n_outputs))
        outputs[:, _codes(model, probabilities.shape[1])] = probabilities
        return outputs


def resolve_estimator(estimator: object, *, classification: bool) -> Trainer:
    """Return what trains the model that is asked for.

    Parameters
    ----------
    estimator : str or estimator object
        One of `NAMES`; ``"module:factory"``, the module also from the working directory; or an object with ``fit`` and
        ``predict``, which is copied for every fit and never fitted itself.
    classification : bool

    Raises
    ------
    InputError
        When there is no such name, module or factory, or what comes of it is no estimator.

    Examples
    --------
    >>> resolve_estimator("random_forest", classification=True).name
    'random_forest'
    """
    if not isinstance(estimator, str):
        return _of_object(estimator, classification=classification)
    if ":" in estimator:
        return _of_factory(estimator, classification=classification)
    if estimator not in NAMES:
        raise InputError(
            f"`estimator` must be one of {', '.join(NAMES)}, or module:factory; got {estimator!r}. "
            f"{nearest(estimator, NAMES)}".strip()
        )
    return _trainer(estimator, lambda: _named(estimator, classification=classification), classification)


def _named(name: str, *, classification: bool) -> Any:
    """Return the estimator of a name, one thread each: fits run side by side."""
    from sklearn import ensemble, linear_model, neighbors, neural_network

    kind = "Classifier" if classification else "Regressor"
    match name:
        case "hist_gradient_boosting":
            return getattr(ensemble, f"HistGradientBoosting{kind}")(early_stopping=False)
        case "random_forest":
            return getattr(ensemble, f"RandomForest{kind}")()
        case "mlp":
            return getattr(neural_network, f"MLP{kind}")()
        case "linear":
            return linear_model.LogisticRegression(max_iter=1000) if classification else linear_model.LinearRegression()
        case "ridge":
            return linear_model.RidgeClassifier() if classification else linear_model.Ridge()
        case _:
            return getattr(neighbors, f"KNeighbors{kind}")()


def _of_object(estimator: object, *, classification: bool) -> Trainer:
    """Return the trainer of an estimator object."""
    from sklearn.base import clone

    if isinstance(estimator, type) or not hasattr(estimator, "get_params"):
        raise InputError(
            f"`estimator` must be an unfitted estimator object, a name or module:factory; got {estimator!r:.60}. "
            "Objects need get_params, as scikit-learn's have; write a factory for others."
        )
    return _trainer(type(estimator).__name__, lambda: clone(estimator), classification)


def _of_factory(text: str, *, classification: bool) -> Trainer:
    """Return the trainer of ``module:factory``."""
    module_name, _, attribute = text.partition(":")
    module = _module(module_name, text)
    factory: Any = module
    for part in attribute.split("."):
        if not hasattr(factory, part):
            hint = nearest(part, [name for name in dir(factory) if not name.startswith("_")])
            raise InputError(f"`estimator`: the module {module_name} has no {attribute!r}. {hint or _EXAMPLE}".strip())
        factory = getattr(factory, part)
    if not callable(factory):
        raise InputError(f"`estimator`: {text} is no function or class, but {type(factory).__name__}. {_EXAMPLE}")

    def make() -> Any:
        try:
            return factory()
        except Exception as error:
            message = " ".join(str(error).split())
            raise InputError(f"`estimator`: {text}() failed: {type(error).__name__}: {message}") from error

    return _trainer(text, make, classification, source=_source(module))


def _module(name: str, text: str) -> Any:
    """Import a module, also from the working directory."""
    here = os.getcwd()
    sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except Exception as error:
        message = " ".join(str(error).split())
        raise InputError(
            f"`estimator`: the module of {text!r} cannot be imported: {type(error).__name__}: {message}. {_EXAMPLE}"
        ) from error
    finally:
        sys.path.remove(here)


def _source(module: Any) -> str:
    """Return the text of a module of the user's, so that a change of it is seen; empty for others."""
    try:
        return inspect.getsource(module)
    except (OSError, TypeError):
        return ""


def _trainer(name: str, make: Callable[[], Any], classification: bool, *, source: str = "") -> Trainer:
    """Return a trainer after a look at a first estimator."""
    first = make()
    missing = [method for method in ("fit", "predict") if not callable(getattr(first, method, None))]
    if missing or isinstance(first, type):
        raise InputError(
            f"`estimator`: {name} gives {type(first).__name__}, which has no {missing[0] if missing else 'instance'}. "
            f"{_EXAMPLE}"
        )
    kind = getattr(first, "_estimator_type", None) or _kind(first)
    if kind in ("classifier", "regressor") and (kind == "classifier") is not classification:
        task = "classification" if classification else "regression"
        raise InputError(f"`estimator`: {name} is a {kind}, and the task is {task}. Take another, or set `task`.")
    said = re.sub(r" at 0x[0-9a-f]+", "", f"{type(first)!r}{_parameters(first)!r}{source}")
    return Trainer(
        name=name,
        make=lambda seed: _seeded(make(), seed),
        fingerprint=hashlib.sha256(said.encode()).hexdigest()[:16],
        classification=classification,
    )


def _kind(estimator: Any) -> str | None:
    """Return what scikit-learn takes an estimator for; None when it does not say."""
    from sklearn.utils import get_tags

    try:
        kind: str | None = get_tags(estimator).estimator_type
    except Exception:  # tags are scikit-learn's; other estimators need none
        return None
    return kind


def _parameters(estimator: Any) -> list[tuple[str, Any]]:
    """Return the parameters of an estimator that has some, sorted by name."""
    return sorted(estimator.get_params().items()) if hasattr(estimator, "get_params") else []


def _seeded(estimator: Any, seed: int) -> Any:
    """Give a seed to every random choice of an estimator that has none."""
    open_ = {
        name: seed
        for name, value in _parameters(estimator)
        if (name == "random_state" or name.endswith("__random_state")) and value is None
    }
    return estimator.set_params(**open_) if open_ else estimator


def _codes(model: Any, n_columns: int) -> NDArray[np.int64]:
    """Return the class codes of the columns of predicted probabilities: a fit may not have seen every class."""
    return np.asarray(getattr(model, "classes_", np.arange(n_columns)), dtype=np.int64)


def _flat(targets: Array) -> Array:
    """Return a single output as a vector, as estimators expect it."""
    return targets[:, 0] if targets.shape[1] == 1 else targets
