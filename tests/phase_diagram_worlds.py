"""In which world are phase diagrams tested? Isotropic inputs, of which ridgeless projections have closed forms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from modelcollapse import Mixture, RandomTeacher, Shift, Source, Spectrum
from modelcollapse.decisions import data_gain, phase_diagram

SIGNAL, NOISE = 1.0, 0.1  # of the isotropic setting
ROUNDING = 1e-9  # relative: two ways to the same number


def isotropic(*, quality: float = 1.0, p2: float = 0.4, n: int, d: int = 120, **fit: Any) -> Mixture:
    """Return the isotropic setting at a size of its own."""
    n2 = round(n * p2)
    real = Source(
        "real", n_samples=n - n2, noise_var=NOISE, spectrum=Spectrum.isotropic(d), teacher=RandomTeacher(SIGNAL)
    )
    synthetic = Source("synthetic", n_samples=n2, noise_var=NOISE, shift=Shift(quality=quality, shape="isotropic"))
    return Mixture([real, synthetic], **{"ridge": 0.0, **fit})


def closed_form(phi: float, psi: float, p2: float) -> tuple[float, float]:
    """Return clean risk and collapse of ridgeless projections of isotropic inputs at quality 1."""
    gamma, p1 = psi / phi, 1 - p2
    if psi < min(1, phi):
        u, bias = psi / (1 - psi), SIGNAL * (1 - gamma) / (1 - psi)
        collapse = p2**2 * gamma + p2 * (1 - p2 * gamma) * u
    elif phi > 1:
        u, bias = 1 / (phi - 1) + 1 / (psi - 1), SIGNAL * (1 - 1 / phi) * psi / (psi - 1)
        collapse = p2 * (psi + phi - 2) / (psi - 1) * (p2 / phi + p1 / (phi - 1))
    else:
        u, bias = phi / (1 - phi), 0.0
        collapse = p2**2 + p1 * p2 * u
    return bias + NOISE * u, collapse


@contextmanager
def coarse_grids() -> Iterator[None]:
    """Draw with a third of the cells a decade; like on the real grid, no centre of a cell has a ratio of 1."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phase_diagram, "FEATURE_CELLS", 10)
        patch.setattr(phase_diagram, "WIDTH_CELLS", 8)
        patch.setattr(data_gain, "CELLS_PER_DECADE", 4)
        yield
