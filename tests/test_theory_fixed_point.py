"""Does the solver find the fixed point, from a handful of samples to a million billion?"""

from __future__ import annotations

import numpy as np
import pytest

from modelcollapse.streams import stream
from modelcollapse.theory.commuting import CommutingCovariances
from modelcollapse.theory.equilibrium import Classes
from modelcollapse.theory.fixed_point import solve_fixed_point
from modelcollapse.theory.newton import maximise

D = 40
SPECTRA = np.stack([np.arange(1.0, D + 1) ** -1.0, np.where(np.arange(D) < 10, 1.0, 0.1)])


def classes(n, *, ridge, width=None, noise=(0.0, 0.0), weight=(1.0, 2.0)):
    n = np.array(n, dtype=float)
    return Classes(
        group=(0, 1),
        n_samples=n[None],
        weight=np.array([weight]),
        n_total=np.array([n.sum()]),
        ridge=np.array([float(ridge)]),
        width=None if width is None else np.array([float(width)]),
        feature_noise=np.array(noise),
    )


def residuals(problem, e, kappa):
    """Relative errors of the equations as the literature writes them, in e and κ."""
    n, omega, b = problem.n_samples[0], problem.weight[0], problem.feature_noise
    total, ridge = problem.n_total[0], problem.ridge[0]
    force = n / total * omega * e
    a = force @ SPECTRA
    r = 1 / (a + kappa)
    t = SPECTRA @ r + b * D / kappa
    wrong = [e[k] * (1 + omega[k] * t[k] / total) - 1 for k in range(2) if n[k] > 0]
    if problem.width is None:
        wrong.append(kappa / ridge - 1)
    else:
        m = problem.width[0]
        wrong.append(((ridge + force @ b) * D / m + kappa * (a @ r) / m) / kappa - 1)
    return np.array(wrong)


@pytest.mark.parametrize("n", [(60, 30), (15, 8), (40, 0), (1, 1), (6e5, 3e5), (6e14, 4e14)], ids=str)
@pytest.mark.parametrize("ridge", [1e-9, 1e-3, 1e3])
@pytest.mark.parametrize(
    ("width", "noise"), [(None, (0, 0)), (12, (0, 0)), (40, (0, 0)), (300, (0, 0)), (25, (0.2, 0.3)), (300, (0.2, 0.3))]
)
def test_equations_of_the_literature_hold(n, ridge, width, noise):
    problem = classes(n, ridge=ridge, width=width, noise=noise)
    found = solve_fixed_point(CommutingCovariances(SPECTRA), problem)
    assert found.converged.all()
    assert found.iterations <= 25
    e = found.scale[0] * found.gain[0]
    assert np.abs(residuals(problem, e, found.effective_ridge[0])).max() < 1e-9
    assert np.abs(residuals(problem, e * 1.1, found.effective_ridge[0])).max() > 1e-6  # the check can fail


@pytest.mark.parametrize("width", [None, 30, 300])
def test_solution_does_not_depend_on_units(width):
    """Covariances times c and the ridge times c: the same e, κ times c."""
    scale = 1e8
    here = solve_fixed_point(CommutingCovariances(SPECTRA), classes((60, 30), ridge=1e-4, width=width))
    there = solve_fixed_point(CommutingCovariances(SPECTRA * scale), classes((60, 30), ridge=1e4, width=width))
    np.testing.assert_allclose(there.scale[0] * there.gain, here.scale[0] * here.gain, rtol=1e-9)
    np.testing.assert_allclose(there.effective_ridge, here.effective_ridge * scale, rtol=1e-9)


def test_maximise_reaches_the_top_from_far_away():
    """log-sum-exp with a linear term: concave, with exponential walls on which a full Newton step overshoots."""
    slopes = stream(0, "walls").standard_normal((6, 3))
    slopes -= slopes.mean(axis=0)

    def derivatives(points):
        weights = np.exp(points @ slopes.T)
        gradient = -(weights @ slopes)
        hessian = np.einsum("bi,ij,ik->bjk", weights, slopes, slopes)
        return gradient, np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0]

    start = 5.0 * stream(1, "starts").standard_normal((50, 3))
    top, converged, _ = maximise(derivatives, start)
    assert converged.all()
    np.testing.assert_allclose(top, np.broadcast_to(top[0], top.shape), atol=1e-8)
    assert np.abs(derivatives(top)[0]).max() < 1e-8
