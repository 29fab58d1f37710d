"""Which recursions must theory and simulation agree on? Every workflow and design that both answer, by name."""

from __future__ import annotations

import numpy as np

from generation_examples import recursion
from modelcollapse import Curation, FixedTeacher, Schedule, Spectrum

D = 60
"""Features; sample counts and widths below are chosen around it."""

MILD = Spectrum.power_law(D, exponent=0.5, scale=3.0)
FLAT = Spectrum.isotropic(D)
POWER = Spectrum.power_law(D, exponent=1.0, scale=10.0)
RISING = Spectrum.explicit(np.linspace(0.2, 2.0, D))
WAVE = FixedTeacher(np.cos(np.arange(D) ** 1.5) / np.sqrt(D) * 2)
STRICT = Curation(hit=1.0, false_keep=0.0, tolerance=0.8)
SLOPPY = Curation(hit=0.9, false_keep=0.3, tolerance=0.5)
GROWING = Schedule(n_samples={"synthetic": [0, 60, 90, 120, 180]}, ridge=[0.2, 0.1, 0.05, 0.02, 0.01])
VARYING = Schedule(
    n_samples={"real": [90, 60, 40, 20, 10], "synthetic": [0, 30, 60, 90, 120]},
    noise_var={"synthetic": [0, 0.1, 0.3, 0.1, 0.5]},
    weight={"synthetic": [1, 0.5, 1, 2, 0.3]},
)


def _few(kind, **given):
    return recursion(kind, spectrum=given.pop("spectrum", POWER), **{"n_real": 40, "n_synthetic": 40, **given})


def _many(kind, **given):
    return recursion(kind, spectrum=given.pop("spectrum", POWER), **{"n_real": 120, "n_synthetic": 120, **given})


FRESH = {
    "replace, many samples": _many("replace"),
    "replace, few samples": _few("replace"),
    "replace, no ridge": _many("replace", ridge=0, spectrum=MILD),
    "replace, interpolating": _few("replace", ridge=0, spectrum=FLAT),
    "replace, noise-free interpolating": _few(
        "replace", ridge=0, spectrum=FLAT, noise=(0, 0), n_real=30, n_synthetic=30
    ),
    "replace, other inputs": _many("replace", second=RISING),
    "replace, known teacher": _many("replace", teacher=WAVE, spectrum=MILD),
    "replace, given model": _many("replace", shift=0.5),
    "replace, growing samples and falling ridge": _many("replace", schedule=GROWING),
    "replace, narrow": _many("replace", width=40),
    "replace, wide": _many("replace", width=150, ridge=0.05),
    "replace, strict verifier": _many("replace", n_synthetic=240, curation=STRICT),
    "replace, sloppy verifier": _many("replace", n_synthetic=240, curation=SLOPPY, noise=(0.3, 0.3)),
    "mix, half real": _many("mix", real="fresh", n_real=60, n_synthetic=60),
    "mix, few samples": _few("mix", real="fresh", n_real=20, n_synthetic=30, ridge=0.1),
    "mix, interpolating": _few("mix", real="fresh", n_real=15, n_synthetic=20, ridge=0, spectrum=FLAT),
    "mix, weighted": _many("mix", real="fresh", weight=0.3),
    "mix, other inputs and weight": _many("mix", real="fresh", weight=2.0, second=RISING),
    "mix, iterative": _many("mix", real="fresh", shift=1.0, n_real=60, n_synthetic=60),
    "mix, varying share": _many("mix", real="fresh", schedule=VARYING),
    "mix, narrow": _many("mix", real="fresh", width=40, n_synthetic=60),
    "mix, wide, given model": _many("mix", real="fresh", width=200, shift=0.5, ridge=0.05),
    "mix, widths that grow": _many("mix", real="fresh", schedule=Schedule(width=[20, 30, 50, 80, 150]), ridge=0.05),
    "mix, verifier and other inputs": _many("mix", real="fresh", curation=SLOPPY, second=RISING, n_real=60),
    "mix, verifier and projections": _many("mix", real="fresh", curation=STRICT, width=50, n_real=60),
}
"""No inputs take part in two fits: the chain."""

REMEMBERED = {
    "replace, fixed": _many("replace", design="fixed"),
    "replace, fixed, few samples": _few("replace", design="fixed", ridge=0.1),
    "replace, fixed, given model": _many("replace", design="fixed", shift=0.5),
    "replace, fixed, no ridge": _many("replace", design="fixed", ridge=0, spectrum=MILD),
    "accumulate, fresh": _many("accumulate", n_synthetic=60),
    "accumulate, fresh, no ridge": _many("accumulate", ridge=0, spectrum=MILD),
    "accumulate, fresh, other inputs": _many("accumulate", second=RISING, n_synthetic=60, weight=0.5),
    "accumulate, fresh, given model": _many("accumulate", shift=0.5, n_real=60),
    "accumulate, fresh, growing": _many("accumulate", schedule=GROWING),
    "accumulate, fixed": _many("accumulate", design="fixed"),
    "accumulate, fixed, weighted, few samples": _few("accumulate", design="fixed", weight=0.4, ridge=0.1),
    "mix, reused": _many("mix", real="reused", n_real=60, n_synthetic=60),
    "mix, reused, iterative": _many("mix", real="reused", shift=1.0, n_real=60, n_synthetic=60),
    "mix, reused, other inputs": _many("mix", real="reused", second=RISING, weight=0.5),
    "mix, reused, fixed": _many("mix", real="reused", design="fixed", n_synthetic=60),
    "mix, reused, fixed, other inputs": _few("mix", real="reused", design="fixed", second=RISING, ridge=0.1),
    "mix, fresh real, fixed": _many("mix", real="fresh", design="fixed", n_real=60, n_synthetic=60),
    "accumulate, strict verifier": _many("accumulate", curation=STRICT, n_synthetic=200),
    "accumulate, sloppy verifier, narrow": _many("accumulate", curation=SLOPPY, width=50),
    "mix, reused, verifier, iterative, other inputs": _many(
        "mix", real="reused", curation=SLOPPY, n_real=60, shift=0.5, second=RISING
    ),
    "accumulate, interpolating at first": _few("accumulate", ridge=0, spectrum=FLAT, noise=(1, 1)),
    "mix, reused, interpolating": _few("mix", real="reused", ridge=0, spectrum=FLAT, n_real=20, n_synthetic=20),
    "replace, fixed, interpolating, narrow": _few(
        "replace", design="fixed", ridge=0, spectrum=FLAT, width=50, n_real=30, n_synthetic=30
    ),
    "mix, reused, interpolating once curated": _few(
        "mix",
        real="reused",
        ridge=0,
        spectrum=FLAT,
        n_real=15,
        n_synthetic=90,
        shift=0.5,
        noise=(1, 1),
        curation=Curation(hit=0.5, false_keep=0.1, tolerance=0.5),
    ),
    "subsample, verifier": _many("accumulate-subsample", subsample=100, curation=SLOPPY),
    "subsample": _many("accumulate-subsample", subsample=120),
    "subsample, few, weighted, other inputs": _few(
        "accumulate-subsample", subsample=30, ridge=0.1, second=RISING, weight=0.5
    ),
    "subsample, given model, no ridge": _many(
        "accumulate-subsample", subsample=150, shift=0.5, ridge=0, spectrum=MILD, n_real=200, n_synthetic=150
    ),
    "accumulate, narrow": _many("accumulate", width=40),
    "accumulate, wide": _many("accumulate", width=150, ridge=0.05),
    "accumulate, narrow, no ridge": _many("accumulate", width=40, ridge=0),
    "replace, fixed, narrow": _many("replace", design="fixed", width=50),
    "mix, reused, narrow, other inputs": _many("mix", real="reused", width=50, second=RISING),
    "mix, reused, fixed, wide, given model": _many("mix", real="reused", design="fixed", width=100, shift=0.5),
    "subsample, narrow": _many("accumulate-subsample", subsample=100, width=50),
}
"""Some inputs take part in several fits: the theory with memory."""

REPEATED = {
    "replace, fixed, interpolating": _few("replace", design="fixed", ridge=0, spectrum=FLAT),
    "accumulate, fixed, interpolating": _few("accumulate", design="fixed", ridge=0, spectrum=MILD),
}
"""The same inputs in every fit, and no ridge: noise adds up."""

RECURSIONS = FRESH | REMEMBERED | REPEATED
