"""Is theory of two classes found right where it is, wrong where it is not, and left alone where nothing can be said?"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from drawn_once import drawn_once
from modelcollapse import Classes, ClassSource, InputError, Spectrum, solve_classes
from modelcollapse.decisions.comparison import compare
from modelcollapse.result import Status
from modelcollapse.simulation import classes_engine as simulation
from modelcollapse.theory import classes, classes_engine

RATES = {"label_error": 0.3, "hit": 0.8, "false_keep": 0.3}


def problem(n_real: int = 50, *, n_synthetic: int = 100, ridge: float = 0.1) -> Classes:
    """Return two sources of 32 features, the second one pruned."""
    real = ClassSource("real", n_samples=n_real, mean_norm=1.0, spectrum=Spectrum.isotropic(32))
    return Classes([real, ClassSource("synthetic", n_samples=n_synthetic, **RATES)], ridge=ridge)


@pytest.mark.parametrize(
    "asked", [problem(), problem(n_real=0), problem(ridge=0.0)], ids=["both", "pruned", "no ridge"]
)
def test_compare_agrees_with_theory_of_classes_and_not_with_half_the_amplification(
    asked: Classes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulation, "solve_classes", drawn_once(simulation.solve_classes))
    found = compare(asked, n_replicates=200)
    assert found.agree, found.verdict
    kept = [f"kept_label_error of {source.name}" for source in asked.sources]
    assert list(found.quantities) == ["accuracy", "margin_mean", "margin_variance", *kept]
    assert list(found.simulations) == [1, 2, 4]
    assert "own size the simulated accuracy is " in found.verdict
    json.dumps(found.to_dict(), allow_nan=False)
    right = classes.amplification
    monkeypatch.setattr(classes, "amplification", lambda *given: right(*given) / 2)
    wrong = compare(asked, n_replicates=200)
    assert wrong.agree is False
    assert not wrong.quantities["margin_variance"].agree
    assert wrong.quantities["margin_mean"].agree  # which the amplification does not reach


def test_compare_disagrees_with_a_wrong_share_of_wrong_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    right = solve_classes(problem())
    shares = {name: 1.5 * share for name, share in right.kept_label_error.items()}
    monkeypatch.setattr(classes_engine, "solve_classes", lambda _: replace(right, kept_label_error=shares))
    found = compare(problem(), n_replicates=200)
    assert found.agree is False
    assert "extrapolated to large sizes, kept_label_error of synthetic (by " in found.verdict


@pytest.mark.parametrize("n_synthetic", [0, 1], ids=["as many as features", "as many by chance"])
def test_compare_cannot_judge_classes_near_interpolation(n_synthetic: int) -> None:
    found = compare(problem(n_real=32, n_synthetic=n_synthetic, ridge=0.0))
    assert found.agree is None
    assert "interpolation threshold" in found.verdict
    assert {size: result.n_replicates for size, result in found.simulations.items()} == {1: 40}
    assert (found.theory.status is Status.INTERPOLATION_THRESHOLD) == (n_synthetic == 0)


def test_compare_refuses_classes_that_are_too_large_and_other_devices() -> None:
    with pytest.raises(InputError, match=r"`n_samples` .* 4 times its size"):
        compare(problem(n_real=10**15))
    with pytest.raises(InputError, match="NumPy only"):
        compare(problem(), device="cpu")
