"""Does a result become plain JSON, and do errors keep their promises?"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import modelcollapse
from modelcollapse import InputError, MissingExtraError, ModelCollapseError, NumericalError
from modelcollapse.result import PARTS, Result, Status, plain


def result(**changes: Any) -> Result:
    numbers = dict.fromkeys([*PARTS, "excess_risk", "test_error", "effective_ridge"], 0.5)
    given = {
        **numbers,
        "training_error": {"real": 0.25},
        "stderr": {**dict.fromkeys(numbers, 0.0), "training_error": {"real": 0.0}},
        "status": Status.OK,
        "engine": "theory",
        "seed": None,
        "n_replicates": None,
        "version": modelcollapse.__version__,
    }
    return Result(**{**given, **changes})


def test_result_becomes_json_with_every_field() -> None:
    content = result(assumptions=("Gaussian inputs",)).to_dict()
    assert set(content) == set(Result.__dataclass_fields__)
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert (content["status"], content["assumptions"]) == ("ok", ["Gaussian inputs"])


def test_result_at_the_threshold_is_still_json() -> None:
    content = result(excess_risk=np.inf, status=Status.INTERPOLATION_THRESHOLD).to_dict()
    assert (content["excess_risk"], content["status"]) == (None, "interpolation_threshold")
    json.dumps(content, allow_nan=False)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64(1.5), 1.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array([1.0, np.nan]), [1.0, None]),
        ({"a": (1, {"b": np.inf})}, {"a": [1, {"b": None}]}),
        (True, True),
        (None, None),
        (Status.OK, "ok"),
    ],
)
def test_plain_turns_values_into_json(value: Any, expected: Any) -> None:
    assert plain(value) == expected
    assert type(plain(value)) is type(expected)


def test_errors_are_one_tree_and_the_standard_kinds() -> None:
    for error, standard in [
        (InputError, ValueError),
        (MissingExtraError, ImportError),
        (NumericalError, ArithmeticError),
    ]:
        assert issubclass(error, ModelCollapseError)
        assert issubclass(error, standard)


def test_numerical_error_carries_the_partial_result() -> None:
    partial = result(status=Status.NOT_CONVERGED)
    assert NumericalError("stopped", result=partial).result is partial
    assert NumericalError("stopped").result is None


def test_public_names_can_be_imported() -> None:
    for name in modelcollapse.__all__:
        assert getattr(modelcollapse, name) is not None
    assert set(dir(modelcollapse)) == set(modelcollapse.__all__)
    with pytest.raises(AttributeError, match="no attribute 'mixture'"):
        modelcollapse.mixture  # noqa: B018
