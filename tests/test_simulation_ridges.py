"""Does one eigendecomposition give every ridge what it gets on its own?"""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from modelcollapse import Mixture, RandomTeacher, Source, Spectrum
from modelcollapse.simulation import mixture
from modelcollapse.simulation.backend import NumpyBackend
from modelcollapse.simulation.engine import translate
from modelcollapse.simulation.mixture import draw_unit
from modelcollapse.simulation.moments import Moments
from simulation_examples import KINDS, small

NUMPY = NumpyBackend()
RIDGES = (0.0, 1e-9, 1e-4, 1e-3, 0.1, 10.0)


def moments(problems):
    scene = translate(problems)
    return draw_unit(NUMPY, NUMPY.randomness(3), scene.design, scene.fits)


def numbers(moments, fit):
    return {f.name: getattr(moments, f.name)[fit] for f in fields(Moments)}


@pytest.mark.parametrize("name", [name for name, problem in KINDS.items() if problem.width is None])
def test_many_ridges_at_once_are_each_on_its_own(name):
    problems = [replace(KINDS[name], ridge=ridge) for ridge in RIDGES]
    together = moments(problems)
    for i, problem in enumerate(problems):
        alone = numbers(moments([problem]), 0)
        for field, value in numbers(together, i).items():
            np.testing.assert_allclose(value, alone[field], rtol=1e-7, atol=1e-11, err_msg=f"{field} at {RIDGES[i]}")


def test_ridges_share_a_decomposition_for_each_weight(monkeypatch):
    calls = []
    shared = mixture.look_at_ridges

    def counting(backend, design, fits, *, grams):
        calls.append(len(fits))
        return shared(backend, design, fits, grams=grams)

    monkeypatch.setattr(mixture, "look_at_ridges", counting)
    moments([small(ridge=ridge, weight=weight) for ridge in RIDGES for weight in ((1.0, 0.5), (1.0, 0.7))])
    assert calls == [6] * 4  # two weights, two replicates
    calls.clear()
    moments([small(ridge=ridge, n=(1, 2)) for ridge in (*RIDGES, 1.0, 2.0)])
    assert calls == [4] * 2  # fewer samples than features: the small ridges would be lost to rounding
    calls.clear()
    moments([small(ridge=ridge, rotate=True) for ridge in RIDGES])
    moments([small(ridge=ridge) for ridge in RIDGES[:3]])
    assert calls == []


@pytest.mark.parametrize(("d", "n_samples"), [(60, 1), (40, 1), (200, 2)])
def test_few_samples_have_the_same_risks_in_a_sweep(d, n_samples):
    source = Source("real", n_samples=n_samples, noise_var=1.0, spectrum=Spectrum.isotropic(d), teacher=RandomTeacher())
    problems = [Mixture([source], ridge=ridge) for ridge in (3e-8, 1e-7, 1e-5, 1e-3, 0.01, 0.1, 1.0, 10.0)]
    together = moments(problems)
    for i, problem in enumerate(problems):
        alone = numbers(moments([problem]), 0)
        for field in ("noise", "teacher", "bias"):
            np.testing.assert_allclose(numbers(together, i)[field], alone[field], rtol=1e-6)


@pytest.mark.parametrize("exponent", [2, 8])
def test_steep_spectra_have_the_same_risks_in_a_sweep(exponent):
    spectrum = Spectrum.power_law(60, exponent=exponent)
    source = Source("real", n_samples=200, noise_var=0.1, spectrum=spectrum, teacher=RandomTeacher())
    problems = [Mixture([source], ridge=ridge) for ridge in (0.0, 1e-18, 1e-16, 1e-14, 1e-9, 1e-6, 1e-5, 1e-4, 1e-3)]
    together = moments(problems)
    for i, problem in enumerate(problems):
        alone = numbers(moments([problem]), 0)
        for field in ("noise", "teacher", "bias", "training_noise"):
            np.testing.assert_allclose(numbers(together, i)[field], alone[field], rtol=1e-6)
