"""Is a batch of weights and ridges followed as each of them by itself?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from modelcollapse import Mixture, RandomTeacher, Recursion, Schedule, Shift, Source, Spectrum, Workflow
from modelcollapse.problems.workflow import Curation
from modelcollapse.theory.generations_engine import solve_generations
from modelcollapse.theory.reweighed_engine import reweighed

T = 3
CURATION = Curation(hit=0.9, false_keep=0.3, tolerance=1.0)


def recursion(*, design="fresh", real="reused", first=None, width=None, curation=None) -> Recursion:
    sources = [
        Source("real", n_samples=30, noise_var=0.5, spectrum=Spectrum.power_law(12, exponent=1.0, scale=3.0),
               teacher=RandomTeacher()),
        Source("synthetic", n_samples=50, noise_var=0.2,
               shift=None if first is None else Shift(quality=first, shape="isotropic")),
    ]  # fmt: skip
    workflow = Workflow("mix", generations=T, design=design, real=real, curation=curation)
    return Recursion(Mixture(sources, ridge=0, width=width), workflow)


@pytest.mark.parametrize(
    "given",
    [{}, {"first": 1.0}, {"design": "fixed"}, {"design": "fixed", "real": "fresh"}, {"real": "fresh"}, {"width": 9},
     {"curation": CURATION}],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("n_fits", [2, T + 1])
def test_batch_of_weights_is_what_each_of_them_gives_alone(given, n_fits):
    problem = recursion(**given)
    random = np.random.default_rng(0)
    weight, ridge = np.exp(random.normal(size=(3, n_fits, 2))), np.exp(random.normal(size=(3, n_fits)) - 2)
    found = reweighed(problem)(weight, ridge)
    assert found.shape == (3, n_fits)
    for risk, own, ridges in zip(found, weight, ridge, strict=True):
        schedule = Schedule(weight={"real": own[:, 0], "synthetic": own[:, 1]}, ridge=ridges)
        workflow = replace(problem.workflow, generations=n_fits - 1, schedule=schedule)
        alone = solve_generations(Recursion(problem.mixture, workflow)).excess_risk
        assert risk == pytest.approx(alone, rel=1e-9)
    assert np.abs(found[0] / found[1] - 1).max() > 0.01
