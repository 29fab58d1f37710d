"""How fast does theory become exact? Its gap to the simulation halves as features, samples and width double."""

from __future__ import annotations

import numpy as np
import pytest

from extrapolation import THRESHOLD
from modelcollapse import Mixture, RandomTeacher, Shift, Source, Spectrum, simulate, solve
from modelcollapse.problems.doubling import doubled

N_DOUBLINGS = 3
N_REPLICATES = 3000
"""At each size."""
VISIBLE = 0.25
"""A rate that is off by this is seen: above all 0, a gap that stays, and −1/2, that of a mere statistical error."""


def small(*, width: int | None) -> Mixture:
    """Return two sources that differ in inputs and labels, on 16 features."""
    real = Source(
        "real",
        n_samples=20,
        noise_var=0.3,
        spectrum=Spectrum.explicit(np.linspace(2.0, 0.5, 16)),
        teacher=RandomTeacher(),
    )
    other = Source(
        "other",
        n_samples=10,
        noise_var=0.1,
        weight=2.0,
        spectrum=Spectrum.isotropic(16),
        shift=Shift(quality=0.3, shape="isotropic"),
    )
    return Mixture([real, other], ridge=0.02, width=width)


def gaps(problem: Mixture) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return simulated minus theoretical excess risk and its standard error, by size in units of the problem's."""
    expected, rows = solve(problem).excess_risk, []
    for doubling in range(N_DOUBLINGS + 1):
        result = simulate(problem, seed=doubling, n_replicates=N_REPLICATES)
        rows.append((2.0**doubling, result.excess_risk - expected, result.stderr["excess_risk"]))
        problem = doubled(problem)
    size, gap, stderr = np.array(rows).T
    return size, gap, stderr


def rate(size: np.ndarray, gap: np.ndarray, stderr: np.ndarray) -> tuple[float, float]:
    """Return the exponent r of gap ∝ size^r and its standard error: a line through the logarithms, weighted."""
    weight = (gap / stderr) ** 2
    centred = np.log(size) - np.average(np.log(size), weights=weight)
    steepness = float(weight @ centred**2)
    return float(weight @ (centred * np.log(np.abs(gap)))) / steepness, steepness**-0.5


@pytest.mark.parametrize("width", [None, 12], ids=["linear", "projection"])
def test_gap_between_theory_and_simulation_is_in_proportion_to_one_over_size(width: int | None) -> None:
    size, gap, stderr = gaps(small(width=width))
    assert (np.abs(gap) > THRESHOLD * stderr).all()  # there is a gap, at every size
    exponent, error = rate(size, gap, stderr)
    assert THRESHOLD * error < VISIBLE
    assert abs(exponent + 1) < THRESHOLD * error
    for wrong in (0.0, -0.5, -2.0):
        assert abs(exponent - wrong) > THRESHOLD * error


@pytest.mark.parametrize("exponent", [0.0, -0.5, -1.0, -2.0])
def test_rate_finds_the_exponent_of_a_power_and_how_much_it_scatters(exponent: float) -> None:
    size = 2.0 ** np.arange(N_DOUBLINGS + 1)
    gap = -0.3 * size**exponent
    stderr = 0.02 * np.abs(gap)
    found, error = rate(size, gap, stderr)
    assert found == pytest.approx(exponent, abs=1e-12)
    noise = stderr * np.random.default_rng(0).standard_normal((2000, len(size)))
    assert np.std([rate(size, gap + one, stderr)[0] for one in noise]) == pytest.approx(error, rel=0.1)
