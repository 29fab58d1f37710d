"""Which problems must theory and simulation agree on? Every kind of mixture that both answer, by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelcollapse import FixedTeacher, Mixture, RandomTeacher, Shift, Source, Spectrum
from modelcollapse.streams import stream

D = 60
"""Features of linear models and projections; sample counts and widths below are chosen around it."""
D_NETWORK = 100
"""Features of networks: Gaussian equivalence needs many effective directions, so none of their spectra has spikes."""

FLAT = Spectrum.isotropic(D)
MILD = Spectrum.power_law(D, exponent=0.5, scale=3.0)
POWER = Spectrum.power_law(D, exponent=1.0, scale=10.0)
STEEP = Spectrum.power_law(D, exponent=2.0, scale=30.0)
RISING = Spectrum.explicit(np.linspace(0.2, 2.0, D))  # variance where the power laws have none
SPIKED = Spectrum.spiked(D, spikes=[6.0, 4.0], bulk=0.5)
HOLLOW = Spectrum.explicit(np.where(np.arange(D) < 2 * D // 3, np.linspace(2.0, 0.5, D), 0.0))
WAVE = np.cos(np.arange(D) ** 1.5) / np.sqrt(D)
RIPPLE = np.sin(np.arange(D) ** 1.3) / np.sqrt(D)
PROFILE = np.linspace(0.2, 3.0, D)


def rotated(name: str, eigenvalues: np.ndarray) -> Spectrum:
    """Return a full covariance with random eigenvectors, the same for the same name."""
    size = len(eigenvalues)
    basis = np.linalg.qr(stream(0, "catalogue", name).standard_normal((size, size)))[0]
    return Spectrum.full(basis * eigenvalues @ basis.T)


TURNED = rotated("one", np.linspace(3.0, 0.3, D))
CROSSED = rotated("two", 4.0 / np.arange(1.0, D + 1) ** 0.5)
SLANTED = rotated("three", np.linspace(0.5, 1.5, D))
ALIGNED = rotated("one", np.linspace(0.5, 2.0, D))  # the eigenvectors of TURNED
PLANE = rotated("four", np.where(np.arange(D) < D // 2, 2.0, 0.0))


def real(n: int, spectrum: Spectrum = POWER, *, teacher: Any = None, **arguments: Any) -> Source:
    """Return the first source; a random teacher and some noise unless told otherwise."""
    given: dict[str, Any] = {"noise_var": 0.3, **arguments}
    return Source("real", n_samples=n, spectrum=spectrum, teacher=teacher or RandomTeacher(), **given)


def synthetic(n: int, spectrum: Spectrum | None = None, *, name: str = "synthetic", **arguments: Any) -> Source:
    """Return another source, on the first one's inputs and with its labels unless told otherwise."""
    given: dict[str, Any] = {"noise_var": 0.1, **arguments}
    return Source(name, n_samples=n, spectrum=spectrum, **given)


def off(shape: Any, quality: float = 0.3) -> Shift:
    """Return a random shift."""
    return Shift(quality=quality, shape=shape)


INDEPENDENT = RandomTeacher(0.7)
BY_DIRECTION = RandomTeacher(PROFILE)
KNOWN, OTHER = FixedTeacher(WAVE), FixedTeacher(WAVE + 0.5 * RIPPLE)

ONE_SOURCE = {
    "isotropic": Mixture([real(120, FLAT)], ridge=0.1),
    "isotropic without ridge, many samples": Mixture([real(180, FLAT)], ridge=0),
    "isotropic without ridge, few samples": Mixture([real(30, FLAT)], ridge=0),
    "power law, few samples": Mixture([real(24)], ridge=0.05),
    "power law, as many samples as features": Mixture([real(60)], ridge=0.05),
    "power law, about as many samples as features": Mixture([real(66, teacher=KNOWN)], ridge=0.02),
    "power law without ridge, few samples": Mixture([real(20, MILD, teacher=KNOWN)], ridge=0),
    "steep power law": Mixture([real(90, STEEP)], ridge=1e-3),
    "very many samples": Mixture([real(60_000)], ridge=0.01),
    "no noise": Mixture([real(40, noise_var=0.0)], ridge=0.01),
    "spikes": Mixture([real(100, SPIKED, teacher=BY_DIRECTION)], ridge=0.05),
}

TWO_SOURCES = {
    "shift like the inverse covariance": Mixture(
        [real(90), synthetic(60, shift=off("inverse_covariance"))], ridge=0.05
    ),
    "shift like the identity": Mixture([real(90), synthetic(60, shift=off("isotropic"))], ridge=0.05),
    "shift like the covariance": Mixture([real(90), synthetic(60, shift=off("covariance"))], ridge=0.05),
    "shift by direction": Mixture([real(90), synthetic(60, shift=off(PROFILE))], ridge=0.05),
    "known shift": Mixture([real(90), synthetic(60, shift=Shift(vector=0.5 * RIPPLE))], ridge=0.05),
    "independent teachers": Mixture([real(90), synthetic(60, teacher=INDEPENDENT)], ridge=0.05),
    "only noise differs": Mixture([real(50), synthetic(100, noise_var=1.5)], ridge=0.05),
    "weights": Mixture([real(50, weight=2.0), synthetic(150, weight=0.3, shift=off("isotropic"))], ridge=0.05),
    "weight 0": Mixture([real(90), synthetic(60, weight=0.0, shift=off("isotropic"))], ridge=0.05),
    "weight 0 for the target": Mixture([real(90, weight=0.0), synthetic(60, shift=off("isotropic"))], ridge=0.05),
    "second source as the target": Mixture(
        [real(90), synthetic(60, shift=off("covariance"))], ridge=0.05, target="synthetic"
    ),
    "mostly synthetic": Mixture([real(30), synthetic(300, shift=off("covariance"))], ridge=0.05),
    "synthetic only": Mixture([real(0), synthetic(100, shift=off("isotropic"))], ridge=0.05),
    "other inputs": Mixture([real(70, MILD), synthetic(70, RISING)], ridge=0.05),
    "other inputs, without ridge, many samples": Mixture(
        [real(120, MILD), synthetic(80, RISING, shift=off("isotropic"))], ridge=0
    ),
    "other inputs, without ridge, few samples": Mixture([real(18, MILD), synthetic(12, RISING)], ridge=0),
    "other inputs, known teachers, weights": Mixture(
        [real(60, MILD, teacher=KNOWN, weight=0.5), synthetic(40, SPIKED, teacher=OTHER)], ridge=0.05
    ),
    "some inputs never seen": Mixture([real(70, FLAT), synthetic(50, HOLLOW)], ridge=0.05, target="synthetic"),
}

ROTATED = {
    "rotated": Mixture([real(80, TURNED), synthetic(60, CROSSED)], ridge=0.1),
    "rotated, known teachers": Mixture(
        [real(80, TURNED, teacher=KNOWN), synthetic(60, CROSSED, teacher=OTHER)], ridge=0.1
    ),
    "rotated, teachers by direction": Mixture(
        [real(80, TURNED, teacher=BY_DIRECTION), synthetic(60, CROSSED, shift=off(PROFILE))], ridge=0.1
    ),
    "rotated, few samples": Mixture([real(24, TURNED), synthetic(20, CROSSED, shift=off("isotropic"))], ridge=0.1),
    "rotated without ridge, many samples": Mixture([real(110, TURNED), synthetic(70, CROSSED)], ridge=0),
    "rotated without ridge, few samples": Mixture([real(16, TURNED), synthetic(14, CROSSED)], ridge=0),
    "rotated, one on a plane": Mixture([real(70, TURNED), synthetic(70, PLANE)], ridge=0.1),
    "same eigenvectors, given as matrices": Mixture(
        [real(80, TURNED, teacher=KNOWN), synthetic(60, ALIGNED, shift=off("covariance"))], ridge=0.1
    ),
}

MORE_SOURCES = {
    "three sources, the third as the target": Mixture(
        [
            real(60, MILD),
            synthetic(50, RISING, shift=off("isotropic")),
            synthetic(40, SPIKED, name="third", weight=1.5, teacher=INDEPENDENT),
        ],
        ridge=0.05,
        target="third",
    ),
    "three rotated sources": Mixture(
        [
            real(60, TURNED, teacher=KNOWN),
            synthetic(50, CROSSED, weight=0.5, shift=off("covariance")),
            synthetic(40, SLANTED, name="third", teacher=OTHER),
        ],
        ridge=0.1,
    ),
    "four sources, few samples": Mixture(
        [
            real(12, MILD),
            synthetic(10, weight=0.5, shift=off("isotropic")),
            synthetic(10, RISING, name="third", shift=off("covariance")),
            synthetic(8, RISING, name="fourth", weight=2.0, noise_var=0.5),
        ],
        ridge=0.05,
    ),
    "four rotated sources, weights": Mixture(
        [
            real(50, TURNED, teacher=KNOWN),
            synthetic(40, CROSSED, weight=0.5, teacher=OTHER),
            synthetic(40, SLANTED, name="third", weight=2.0, shift=off("isotropic")),
            synthetic(30, FLAT, name="fourth", weight=0.0, noise_var=0.5),
        ],
        ridge=0.1,
        target="synthetic",
    ),
}

PROJECTIONS = {
    "narrow projection": Mixture([real(120)], ridge=0.05, width=30),
    "wide projection": Mixture([real(90)], ridge=0.05, width=180),
    "narrow projection without ridge, many samples": Mixture([real(120, MILD)], ridge=0, width=30),
    "narrow projection without ridge, few samples": Mixture([real(20, MILD)], ridge=0, width=45),
    "wide projection without ridge, few samples": Mixture([real(25, MILD, teacher=KNOWN)], ridge=0, width=150),
    "wide projection without ridge, many samples": Mixture([real(150, MILD)], ridge=0, width=200),
    "projection as wide as there are samples": Mixture([real(50)], ridge=0.05, width=50),
    "projection, shifted labels": Mixture([real(80), synthetic(60, shift=off("isotropic"))], ridge=0.05, width=40),
    "projection, other inputs, weights": Mixture(
        [real(80, MILD), synthetic(60, RISING, weight=2.0)], ridge=0.05, width=90, target="synthetic"
    ),
    "projection, rotated": Mixture(
        [real(80, TURNED), synthetic(60, CROSSED, shift=off("covariance"))], ridge=0.1, width=80
    ),
    "projection, three sources without ridge": Mixture(
        [
            real(60, MILD),
            synthetic(50, shift=off("covariance"), weight=0.5),
            synthetic(50, RISING, name="third", teacher=INDEPENDENT),
        ],
        ridge=0,
        width=40,
    ),
}

EVEN = Spectrum.isotropic(D_NETWORK)
GENTLE = Spectrum.explicit(np.linspace(1.5, 0.5, D_NETWORK))
WAVE_LONG = np.cos(np.arange(D_NETWORK) ** 1.5) / np.sqrt(D_NETWORK)


def network(activation: str, width: int, *sources: Source, ridge: float) -> Mixture:
    """Return a random-feature network."""
    return Mixture(sources, ridge=ridge, width=width, activation=activation)


NETWORKS = {
    "narrow relu network": network("relu", 50, real(120, EVEN), ridge=0.05),
    "wide relu network": network("relu", 130, real(80, GENTLE), synthetic(40, shift=off("isotropic")), ridge=0.05),
    "relu network without ridge": network("relu", 50, real(80, GENTLE), synthetic(50, weight=0.5), ridge=0),
    "wide tanh network without ridge": network("tanh", 130, real(50, EVEN), ridge=0),
    "tanh network, other inputs": network("tanh", 70, real(80, EVEN), synthetic(60, GENTLE, weight=2.0), ridge=0.05),
    "erf network, known teacher": network(
        "erf", 70, real(80, GENTLE, teacher=FixedTeacher(WAVE_LONG)), synthetic(50, teacher=INDEPENDENT), ridge=0.05
    ),
}

LINEAR = {**ONE_SOURCE, **TWO_SOURCES, **ROTATED, **MORE_SOURCES}
PROBLEMS = {**LINEAR, **PROJECTIONS, **NETWORKS}
