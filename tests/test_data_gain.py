"""Is the synthetic fraction beyond which more data no longer help the right one? Against closed forms."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from modelcollapse import InputError
from modelcollapse.decisions import data_gain as data_gain_module
from modelcollapse.decisions.data_gain import data_gain
from modelcollapse.decisions.phase_diagram import isotropic_problem
from phase_diagram_worlds import NOISE, closed_form


def isotropic_risk(phi: Any, p2: Any, quality: float) -> Any:
    """Return the excess risk of ridgeless least squares, Corollary 1."""
    u = phi / (1 - phi)
    return NOISE * u + (p2**2 + p2 * (1 - p2) * u) * quality


@pytest.mark.parametrize(("growth", "gain"), [(10.0, 2.0), (10.0, 5.0), (3.0, 2.0)])
def test_threshold_is_where_more_data_gain_just_as_much(growth: float, gain: float) -> None:
    found = data_gain(
        isotropic_problem(), model="linear", qualities=[0.1, 1.0], features_per_sample=[1e-4, 1e-2, 0.3, 0.7],
        data_growth=growth, gain=gain,
    )  # fmt: skip
    for fractions, quality in zip(found.synthetic_fraction, found.quality, strict=True):
        for p2, phi in zip(fractions, found.features_per_sample, strict=True):
            reached = isotropic_risk(phi, p2, quality) / isotropic_risk(phi / growth, p2, quality)
            if p2 < 1:
                assert reached == pytest.approx(gain, rel=1e-6)
            else:
                assert reached >= gain
    assert not found.regained.any()
    assert (found.synthetic_fraction < 1).any()
    phi = found.features_per_sample
    assert found.clean_gain == pytest.approx(isotropic_risk(phi, 0, 1.0) / isotropic_risk(phi / growth, 0, 1.0))


def test_threshold_of_projections_is_at_four_times_as_many_as_features() -> None:
    phi, growth = 2.0, 10.0
    found = data_gain(isotropic_problem(), model="projections", qualities=[1.0], features_per_sample=[phi], gain=5.0)
    p2 = found.synthetic_fraction.item()
    assert 0 < p2 < 1

    def gained(width_per_feature: float) -> float:
        few, many = (sum(closed_form(ratio, width_per_feature * ratio, p2)) for ratio in (phi, phi / growth))
        return few / many

    assert gained(4.0) == pytest.approx(5.0, rel=1e-6)
    assert gained(5.0) != pytest.approx(5.0, rel=1e-3)


def test_threshold_falls_with_the_root_of_features_per_sample() -> None:
    phi = np.array([1e-8, 1e-6])
    found = data_gain(isotropic_problem(), model="linear", qualities=[1.0], features_per_sample=phi.tolist())
    limit = np.sqrt((1 - 0.2) * NOISE * phi)
    assert np.allclose(found.synthetic_fraction[0], limit, rtol=3e-3)
    assert not np.allclose(found.synthetic_fraction[0], np.sqrt(NOISE * phi), rtol=3e-3)


def test_threshold_is_one_where_any_fraction_gains_and_unknown_where_none_does() -> None:
    found = data_gain(isotropic_problem(), model="network", qualities=[0.1], features_per_sample=[1e-3, 0.5])
    assert np.isnan(found.synthetic_fraction[0, 0])
    assert found.clean_gain[0] < 2
    assert found.synthetic_fraction[0, 1] == 1


def test_threshold_takes_the_width_of_the_problem() -> None:
    problem = replace(isotropic_problem(), width=1200)
    given: dict[str, Any] = {"model": "network", "qualities": [1.0], "features_per_sample": [0.5]}
    wide = data_gain(isotropic_problem(), **given).synthetic_fraction
    assert data_gain(replace(problem, width=2400), **given).synthetic_fraction == wide
    assert data_gain(problem, **given).synthetic_fraction != wide


def test_first_root_is_the_first_and_a_return_is_noticed() -> None:
    def surplus(fraction: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        roots = np.array([[0.29, 0.31], [0.4, 2.0], [-1.0, -2.0], [2.0, 3.0]]).T[:, None, :]
        return (roots[0] - fraction) * (roots[1] - fraction)

    root, regained = data_gain_module._first_root(surplus, shape=(1, 4))
    assert np.allclose(root[0], [0.29, 0.4, 1.0, 1.0], atol=1e-9)
    assert regained[0].tolist() == [True, False, False, False]


@pytest.mark.parametrize("given", [{"gain": 1.0}, {"data_growth": 0.5}, {"qualities": [0.0]}])
def test_data_gain_refuses_numbers_out_of_range(given: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"must be a number in \("):
        data_gain(isotropic_problem(), **{"model": "linear", "qualities": [1.0], **given})
