"""Is the cross-entropy that of PyTorch, with its slope, however many rows are worked on at a time?"""

from __future__ import annotations

import numpy as np
import pytest

from gpt_worlds import torch
from modelcollapse.streams import stream
from modelcollapse.training import cross_entropy
from modelcollapse.training.cross_entropy import mean_cross_entropy

pytestmark = pytest.mark.torch


def found(function: object, precision: object, *, shift: float = 0.0) -> tuple[float, np.ndarray]:
    """Return three times a loss, and its slope."""
    random = stream(0, "logits")
    logits = torch.from_numpy(30 * random.standard_normal((50, 9))).to(precision).requires_grad_()
    loss = 3 * function(logits + shift, torch.from_numpy(random.integers(9, size=50)))
    loss.backward()
    return float(loss.detach()), logits.grad.double().numpy()


@pytest.mark.parametrize("at_once", [1, 9 * 7, 2**20])
@pytest.mark.parametrize(("factor", "same"), [(1.0, True), (1.001, False)])
def test_cross_entropy_and_slope_are_those_of_pytorch(
    at_once: int, factor: float, same: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Float32 against float64, with losses up to a hundred; the twin is larger by a thousandth."""
    monkeypatch.setitem(cross_entropy.AT_ONCE, "cpu", at_once)
    loss, slope = found(mean_cross_entropy, torch.float32)
    expected, expected_slope = found(torch.nn.functional.cross_entropy, torch.float64)
    assert (abs(loss - factor * expected) < 1e-5 * expected) == same
    assert (np.abs(slope - factor * expected_slope).max() < 1e-6) == same


def test_cross_entropy_of_narrow_logits_is_computed_wide() -> None:
    """Logits have 8 bits, the loss has 24: it is that of the rounded logits.

    A slope is rounded twice here and once by PyTorch, to half of 2⁻⁸ each: three halves are less than 2⁻⁷.
    """
    loss, slope = found(mean_cross_entropy, torch.bfloat16)
    expected, expected_slope = found(
        lambda logits, targets: torch.nn.functional.cross_entropy(logits.bfloat16().double(), targets), torch.float64
    )
    assert loss == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(slope, expected_slope, atol=2**-7 * np.abs(expected_slope).max())


def test_cross_entropy_of_huge_logits_is_finite() -> None:
    loss, slope = found(lambda logits, targets: mean_cross_entropy(1e30 * logits, targets), torch.float32)
    assert np.isfinite(loss)
    assert np.isfinite(slope).all()
