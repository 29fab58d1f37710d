"""Which mixtures do the tests of the theory share? All models, limits and kinds of teachers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from modelcollapse import (
    Mixture,
    RandomTeacher,
    Shift,
    Source,
    Spectrum,
    solve,
)
from modelcollapse.result import PARTS


def mixed(*, ridge=1e-2, width=None, activation=None, n=(120, 60, 40), weights=(1.0, 2.0, 0.4), scale=1.0, d=50):
    """Three sources: two spectra, a shared random teacher, a random and a fixed shift."""
    direction = np.cos(np.arange(d)) * 0.2
    return Mixture(
        [
            Source(
                "real",
                n_samples=n[0],
                noise_var=0.3 * scale**2,
                weight=weights[0],
                spectrum=Spectrum.power_law(d, exponent=0.8),
                teacher=RandomTeacher(2.0 * scale**2),
            ),
            Source(
                "labels",
                n_samples=n[1],
                noise_var=0.1 * scale**2,
                weight=weights[1],
                shift=Shift(quality=0.2 * scale**2, shape="isotropic"),
            ),
            Source(
                "inputs",
                n_samples=n[2],
                noise_var=0.2 * scale**2,
                weight=weights[2],
                spectrum=Spectrum.spiked(d, spikes=[3.0, 2.0], bulk=0.2),
                shift=Shift(vector=direction * scale),
            ),
        ],
        ridge=ridge,
        width=width,
        activation=activation,
    )


MODELS = [
    {"ridge": 1e-2},
    {"ridge": 0.0},
    {"ridge": 0.0, "n": (20, 10, 5)},
    {"ridge": 1e-3, "width": 30},
    {"ridge": 0.0, "width": 30},
    {"ridge": 1e-3, "width": 400},
    {"ridge": 0.0, "width": 400},
    {"ridge": 0.0, "width": 400, "n": (20, 10, 5)},
    {"ridge": 1e-3, "width": 80, "activation": "relu"},
    {"ridge": 0.0, "width": 80, "activation": "tanh"},
    {"ridge": 0.0, "width": 400, "activation": "relu"},
]


def risks(problem, target="real"):
    result = solve(replace(problem, target=target))
    return np.array([result.excess_risk, *(getattr(result, part) for part in PARTS), *result.training_error.values()])
