"""Do two sources of 4,000 features fit in 2 GiB? Counted in matrices, at fewer features."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from modelcollapse import Mixture, RandomTeacher, Shift, Source, Spectrum
from modelcollapse.simulation.backend import NumpyBackend
from modelcollapse.simulation.engine import translate
from modelcollapse.simulation.mixture import draw_unit

D = 300
IMPORTS = 0.25  # GiB
MATRICES = (2 - IMPORTS) * 2**30 / (8 * 4000**2)  # 14.7


@pytest.mark.parametrize(("rotated", "width"), [(False, None), (True, None), (False, 3 * D // 2)])
def test_unit_of_two_sources_holds_few_matrices(rotated: bool, width: int | None) -> None:
    values = np.arange(1.0, D + 1) ** -0.8
    mirror = np.eye(D) - 2 * np.full((D, D), 1 / D)
    tracemalloc.start()
    spectrum = Spectrum.full(mirror * values @ mirror) if rotated else Spectrum.explicit(values)
    teacher, shift = RandomTeacher(), Shift(quality=0.3, shape="isotropic")
    real = Source("real", n_samples=4 * D, spectrum=Spectrum.power_law(D, exponent=1.0), teacher=teacher)
    synthetic = Source("synthetic", n_samples=2 * D, noise_var=0.1, spectrum=spectrum, shift=shift)
    scene, backend = translate([Mixture([real, synthetic], ridge=1e-3, width=width)]), NumpyBackend()
    draw_unit(backend, backend.randomness(0), scene.design, scene.fits)
    peak = tracemalloc.get_traced_memory()[1] / (8 * D**2)
    tracemalloc.stop()
    assert peak < MATRICES
