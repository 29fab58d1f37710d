"""Which designs do the tests of the simulation share? Few features, so that data can be drawn as a check."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from modelcollapse import FixedTeacher, Mixture, RandomTeacher, Shift, Source, Spectrum

D = 8


def rotated(eigenvalues, seed):
    basis = np.linalg.qr(np.random.default_rng(seed).standard_normal((D, D)))[0]
    return Spectrum.full((basis * eigenvalues) @ basis.T)


def small(*, ridge=0.1, n=(12, 9), weight=(1.0, 0.5), width=None, rotate=False, fixed=False, noise=(0.3, 0.1)):
    """Two sources of eight features, the second with another covariance and a shifted teacher."""
    first, second = np.linspace(2, 0.5, D), np.linspace(0.4, 1.5, D)
    spectra = (
        (rotated(first, 1), rotated(second, 2)) if rotate else (Spectrum.explicit(first), Spectrum.explicit(second))
    )
    teacher = FixedTeacher(np.cos(np.arange(D))) if fixed else RandomTeacher(np.linspace(1, 3, D))
    shift = Shift(vector=np.sin(np.arange(D)) / 2) if fixed else Shift(quality=0.4, shape="inverse_covariance")
    return Mixture(
        [
            Source("real", n_samples=n[0], noise_var=noise[0], weight=weight[0], spectrum=spectra[0], teacher=teacher),
            Source("synthetic", n_samples=n[1], noise_var=noise[1], weight=weight[1], spectrum=spectra[1], shift=shift),
        ],
        ridge=ridge,
        width=width,
    )


KINDS = {
    "random teachers": small(),
    "fixed teachers": small(fixed=True),
    "random teachers, rotated": small(rotate=True),
    "fixed teachers, rotated": small(rotate=True, fixed=True),
    "few samples, no ridge": small(n=(1, 2), ridge=0.0),
    "few samples, rotated, no ridge": small(n=(1, 2), ridge=0.0, rotate=True),
    "many samples, no ridge": small(n=(20, 15), ridge=0.0),
    "narrow": small(width=5),
    "narrow, rotated": small(width=5, rotate=True),
    "wide": small(width=14, fixed=True),
    "second source as the target": replace(small(), target="synthetic"),
    "a source of weight 0": small(weight=(1.0, 0.0)),
}
