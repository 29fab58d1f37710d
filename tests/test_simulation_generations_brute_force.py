"""Does the simulation of generations say what a researcher's own script says?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from generations_brute_force import Script, average
from modelcollapse import (
    Curation,
    FixedTeacher,
    Mixture,
    Recursion,
    Shift,
    Source,
    Spectrum,
    Workflow,
    simulate_generations,
)

D = 4
THRESHOLD = 5.0
"""Standard errors within which two numbers agree."""
TEACHER = np.array([1.0, -0.5, 0.8, 0.3])
ROOT = np.diag([1.2, 1.0, 0.7, 0.5])
OTHER = np.array([[0.9, 0.0, 0.3, 0.0], [0.2, 0.8, 0.0, 0.0], [0.0, 0.1, 1.1, 0.0], [0.4, 0.0, 0.0, 0.6]])

PLAIN = Script(
    kind="replace",
    teacher=TEACHER,
    counts=(14, 14),
    noise=(0.5, 0.3),
    roots=(ROOT, ROOT),
    generations=3,
    ridge=0.05,
)
STRICT = {"hit": 1.0, "false_keep": 0.0, "tolerance": 0.7}
SLOPPY = {"hit": 0.9, "false_keep": 0.4, "tolerance": 0.5}
SCRIPTS = {
    "replace": PLAIN,
    "replace, fixed": replace(PLAIN, fixed=True, ridge=0.0),
    "replace, given model": replace(PLAIN, start=TEACHER + 0.4),
    "replace, few samples": replace(PLAIN, counts=(14, 3), roots=(ROOT, OTHER)),
    "replace, narrow": replace(PLAIN, width=2),
    "accumulate": replace(PLAIN, kind="accumulate", counts=(14, 8), weights=(1.0, 0.5), roots=(ROOT, OTHER)),
    "accumulate, fixed": replace(PLAIN, kind="accumulate", fixed=True, weights=(2.0, 0.5)),
    "accumulate, given model": replace(PLAIN, kind="accumulate", start=TEACHER - 0.3),
    "mix": replace(PLAIN, kind="mix", counts=(9, 12), roots=(ROOT, OTHER)),
    "mix, fixed": replace(PLAIN, kind="mix", fixed=True, weights=(1.0, 0.4)),
    "mix, reused": replace(PLAIN, kind="mix", reused=True),
    "mix, reused, fixed, given model": replace(PLAIN, kind="mix", reused=True, fixed=True, start=TEACHER + 0.4),
    "mix, wide": replace(PLAIN, kind="mix", width=9),
    "subsample": replace(PLAIN, kind="accumulate-subsample", subsample=14),
    "subsample, fixed": replace(PLAIN, kind="accumulate-subsample", fixed=True, subsample=10, weights=(1.0, 0.4)),
    "replace, strict verifier": replace(PLAIN, counts=(14, 30), verifier=STRICT),
    "replace, sloppy verifier, fixed": replace(PLAIN, fixed=True, verifier=SLOPPY),
    "accumulate, strict verifier": replace(PLAIN, kind="accumulate", verifier=STRICT, roots=(ROOT, OTHER)),
    "mix, sloppy verifier, wide": replace(PLAIN, kind="mix", reused=True, verifier=SLOPPY, width=7),
    "subsample, sloppy verifier": replace(PLAIN, kind="accumulate-subsample", subsample=9, verifier=SLOPPY),
}
N_RUNS = 600


def problem_of(script: Script) -> Recursion:
    """Write a script as a problem of the package."""
    first, second = (Spectrum.full(root @ root.T) for root in script.roots)
    shift = None if script.start is None else Shift(vector=script.start - script.teacher)
    (n_real, n_synthetic), noise, weights = script.counts, script.noise, script.weights
    sources = [
        Source(
            "real",
            n_samples=n_real,
            noise_var=noise[0],
            weight=weights[0],
            spectrum=first,
            teacher=FixedTeacher(TEACHER),
        ),
        Source("made", n_samples=n_synthetic, noise_var=noise[1], weight=weights[1], spectrum=second, shift=shift),
    ]
    workflow = Workflow(
        script.kind,
        generations=script.generations,
        design="fixed" if script.fixed else "fresh",
        real=("reused" if script.reused else "fresh") if script.kind == "mix" else None,
        subsample=script.subsample,
        curation=Curation(**script.verifier) if script.verifier else None,
    )
    return Recursion(Mixture(sources, ridge=script.ridge, width=script.width), workflow)


def deviation(result, brute) -> float:
    """Return the largest difference of risks and kept shares, in standard errors."""
    risk, risk_stderr, share, share_stderr = brute
    pairs = [
        (result.excess_risk, result.stderr["excess_risk"], risk, risk_stderr),
        (result.kept_share[1:], result.stderr["kept_share"][1:], share[1:], share_stderr[1:]),
    ]
    return max(
        np.max(np.abs(one - other) / np.maximum(np.hypot(stderr, other_stderr), 1e-12))
        for one, stderr, other, other_stderr in pairs
    )


@pytest.mark.parametrize("name", SCRIPTS)
def test_generations_are_those_of_a_plain_script(name):
    script, seed = SCRIPTS[name], list(SCRIPTS).index(name)
    brute = average(script, n_runs=N_RUNS, seed=seed)
    assert deviation(simulate_generations(problem_of(script), seed=seed, n_replicates=N_RUNS), brute) < THRESHOLD
    twin = problem_of(wrong(script))
    assert deviation(simulate_generations(twin, seed=seed, n_replicates=N_RUNS), brute) > THRESHOLD


def wrong(script: Script) -> Script:
    """Return what a script must not be taken for: the other noise of synthetic labels, or a verifier that sleeps."""
    if script.verifier:
        return replace(script, verifier={**script.verifier, "false_keep": script.verifier["false_keep"] + 0.3})
    return replace(script, noise=(script.noise[0], 2.0))
