"""Does an audit take its arguments as people write them, and say what to write otherwise?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from modelcollapse import InputError, MixtureRequest, audit
from modelcollapse.streams import stream


def _frame(n_rows: int, seed: int) -> pd.DataFrame:
    """Draw five inputs and a target, in columns numbered from 0."""
    rng = stream(seed, "arguments")
    inputs = rng.standard_normal((n_rows, 5))
    return pd.DataFrame(np.column_stack([inputs, inputs.sum(axis=1) + rng.standard_normal(n_rows)]))


REAL, SYNTHETIC = _frame(120, 1), _frame(200, 2)


def test_audit_takes_one_ridge_one_mixture_and_numbered_columns_as_they_are() -> None:
    request = MixtureRequest({"real": 500})
    short = audit(REAL, SYNTHETIC, target=5, ridge=0.37, at=request)
    named = [frame.rename(columns=str) for frame in (REAL, SYNTHETIC)]
    long = audit(*named, target="5", ridge=[0.37], at=[request])
    assert short.forecasts == long.forecasts
    assert short.forecasts[0].ridge == 0.37


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ridge": np.nan}, "`ridge` must be a positive number, from 1e-30 to 1e.30; got nan"),
        ({"ridge": [0.1, np.inf]}, "`ridge` must be a positive number.*got inf"),
        ({"ridge": "0.1"}, "`ridge` must be a positive number"),
        ({"ridge": []}, "`ridge` must be a positive number or several"),
        ({"at": MixtureRequest({"real": 0.5})}, "`at: real` must be a whole number"),
        ({"at": [{"real": 5}]}, r"Write at=\[MixtureRequest"),
        ({"at": "real=5"}, r"Write at=\[MixtureRequest"),
        ({"at": None}, r"Write at=\[MixtureRequest"),
        ({"at": MixtureRequest([5, 5])}, r"Write at=\[MixtureRequest"),  # type: ignore[arg-type]
        ({"features": "relu:5000"}, "`features: relu width`.*4000"),
        ({"target": 7}, "no target column `7`"),
    ],
)
def test_audit_says_what_to_write_instead(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        audit(REAL, SYNTHETIC, **{"target": 5, **options})
    assert "\n" not in str(caught.value)
