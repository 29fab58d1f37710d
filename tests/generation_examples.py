"""Which recursions do the tests share? A short way to write one."""

from __future__ import annotations

from modelcollapse import Mixture, RandomTeacher, Recursion, Shift, Source, Spectrum, Workflow


def recursion(
    kind,
    *,
    design="fresh",
    generations=4,
    n_real=150,
    n_synthetic=150,
    noise=(0.3, 0.1),
    spectrum=None,
    second=None,
    power=1.0,
    teacher=None,
    shift=None,
    weight=1.0,
    ridge=1e-2,
    width=None,
    activation=None,
    **workflow,
):
    """Return a recursion on 100 features of a power law, unless something else is asked."""
    real = Source(
        "real",
        n_samples=n_real,
        noise_var=noise[0],
        spectrum=spectrum or Spectrum.power_law(100, exponent=1.0),
        teacher=teacher or RandomTeacher(power),
    )
    synthetic = Source(
        "synthetic",
        n_samples=n_synthetic,
        noise_var=noise[1],
        weight=weight,
        spectrum=second,
        shift=None if shift is None else Shift(quality=shift, shape="isotropic"),
    )
    mixture = Mixture([real, synthetic], ridge=ridge, width=width, activation=activation)
    return Recursion(mixture, Workflow(kind, generations=generations, design=design, **workflow))
