"""Does a recursion say which samples are labelled when, on which inputs, and who fits them; and refuse what is none?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from generation_examples import recursion
from modelcollapse import (
    Curation,
    InputError,
    Mixture,
    RandomTeacher,
    Recursion,
    Schedule,
    Source,
    Spectrum,
    Workflow,
    load_problem,
    save_problem,
)

R, S = 0, 1
BATCHES = {  # source, inputs, labelled, first, last
    "replace fresh": ({"kind": "replace"}, [(R, 0, 0, 0, 0), (S, 3, 1, 1, 1), (S, 5, 2, 2, 2)]),
    "replace fixed": ({"kind": "replace", "design": "fixed"}, [(R, 0, 0, 0, 0), (S, 0, 1, 1, 1), (S, 0, 2, 2, 2)]),
    "replace given": ({"kind": "replace", "shift": 0.5}, [(S, 3, 1, 1, 1), (S, 5, 2, 2, 2)]),
    "accumulate fresh": ({"kind": "accumulate"}, [(R, 0, 0, 0, 2), (S, 3, 1, 1, 2), (S, 5, 2, 2, 2)]),
    "accumulate fixed": (
        {"kind": "accumulate", "design": "fixed"},
        [(R, 0, 0, 0, 2), (S, 0, 1, 1, 2), (S, 0, 2, 2, 2)],
    ),
    "accumulate given": ({"kind": "accumulate", "shift": 0.5}, [(R, 0, 0, 1, 2), (S, 3, 1, 1, 2), (S, 5, 2, 2, 2)]),
    "mix fresh real": (
        {"kind": "mix", "real": "fresh"},
        [(R, 0, 0, 0, 0), (R, 2, 1, 1, 1), (S, 3, 1, 1, 1), (R, 4, 2, 2, 2), (S, 5, 2, 2, 2)],
    ),
    "mix given, fresh real": (
        {"kind": "mix", "real": "fresh", "shift": 0.5},
        [(R, 2, 1, 1, 1), (S, 3, 1, 1, 1), (R, 4, 2, 2, 2), (S, 5, 2, 2, 2)],
    ),
    "mix reused": ({"kind": "mix", "real": "reused"}, [(R, 0, 0, 0, 2), (S, 3, 1, 1, 1), (S, 5, 2, 2, 2)]),
    "mix reused fixed": (
        {"kind": "mix", "real": "reused", "design": "fixed"},
        [(R, 0, 0, 0, 2), (S, 1, 1, 1, 1), (S, 1, 2, 2, 2)],
    ),
    "mix fresh real fixed": (
        {"kind": "mix", "real": "fresh", "design": "fixed"},
        [(R, 0, 0, 0, 0), (R, 2, 1, 1, 1), (S, 1, 1, 1, 1), (R, 4, 2, 2, 2), (S, 1, 2, 2, 2)],
    ),
}


@pytest.mark.parametrize("name", BATCHES)
def test_recursion_batches_are_those_of_the_definition(name):
    given, expected = BATCHES[name]
    batches = recursion(generations=2, **given).batches
    assert [(b.source, b.inputs, b.labelled, b.first, b.last) for b in batches] == expected


def test_recursion_counts_what_each_fit_can_draw_on():
    pool = recursion("accumulate-subsample", generations=2, n_real=100, n_synthetic=50, subsample=120)
    assert pool.n_used.tolist() == [[100, 0], [100, 50], [100, 100]]
    assert pool.n_total.tolist() == [100, 120, 120]
    reused = recursion("mix", real="reused", generations=2, n_real=100, n_synthetic=50, shift=0.3)
    assert reused.n_used.tolist() == [[0, 0], [100, 50], [100, 50]]


def test_recursion_schedule_replaces_what_it_names():
    schedule = Schedule(
        ridge=[1.0, 2.0, 3.0],
        width=[4, 5, 6],
        n_samples={"synthetic": [0, 7, 8]},
        noise_var={"real": [0.1, 0.2, 0.3]},
        weight={"synthetic": [1, 0.5, 2]},
    )
    problem = recursion("mix", real="fresh", generations=2, schedule=schedule)
    assert problem.ridge.tolist() == [1, 2, 3]
    assert problem.width is not None
    assert problem.width.tolist() == [4, 5, 6]
    assert problem.n_samples.tolist() == [[150, 0], [150, 7], [150, 8]]
    assert problem.noise_var.tolist() == [[0.1, 0.1], [0.2, 0.1], [0.3, 0.1]]
    assert problem.weight.tolist() == [[1, 1], [1, 0.5], [1, 2]]
    assert [batch.noise_var for batch in problem.batches if batch.source == R] == [0.1, 0.2, 0.3]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kind": "accumulate-subsample", "subsample": 301}, "`subsample` must be at most 300"),
        ({"kind": "accumulate-subsample"}, "`subsample` must be a whole number.*how many samples of the pool"),
        ({"kind": "replace", "subsample": 10}, "`subsample` must be left out"),
        ({"kind": "replace", "real": "fresh"}, "`real` must be left out"),
        ({"kind": "replace", "n_real": 0}, "generation 0 has no samples of positive weight"),
        ({"kind": "replace", "weight": 0.0}, "generation 1 has no samples of positive weight"),
        ({"kind": "replace", "n_synthetic": 0}, "generation 1 has no samples of positive weight"),
        ({"kind": "replace", "design": "fixed", "n_synthetic": 100}, "got counts 150, 100"),
        (
            {"kind": "accumulate", "design": "fixed", "second": Spectrum.isotropic(100)},
            "inherit the real one's spectrum",
        ),
        ({"kind": "replace", "generations": 0}, "`generations` must be a whole number in \\[1, 1000\\]"),
        (
            {"kind": "replace", "schedule": Schedule(ridge=[1, 2])},
            "one entry for each generation from 0 to 4, 5 in all",
        ),
        ({"kind": "replace", "schedule": Schedule(n_samples={"real": [9, 9, 0, 0, 0]})}, "must be 0 in generation 1"),
        ({"kind": "replace", "schedule": Schedule(n_samples={"real": [9.5, 0, 0, 0, 0]})}, "schedule.n_samples.real"),
        ({"kind": "replace", "schedule": Schedule(weight={"fake": [1] * 5})}, "unknown key `fake`"),
    ],
)
def test_recursion_refuses_what_does_not_fit_together(given, said):
    with pytest.raises(InputError, match=said):
        recursion(**given)


def test_recursion_refuses_other_mixtures_and_objects():
    mixture, workflow = recursion("replace").mixture, Workflow("replace", generations=1, design="fresh")
    with pytest.raises(InputError, match="two sources"):
        Recursion(replace(mixture, sources=mixture.sources[:1]), workflow)
    with pytest.raises(InputError, match="the target of a workflow is its first source"):
        Recursion(replace(mixture, target="synthetic"), workflow)
    with pytest.raises(InputError, match="`mixture` must be a Mixture"):
        Recursion(workflow, mixture)
    with pytest.raises(InputError, match="`workflow` must be a Workflow"):
        Recursion(mixture, "replace")


@pytest.mark.parametrize("rates", [{"hit": 0, "false_keep": 0}, {"hit": 1.5, "false_keep": 0}])
def test_curation_refuses_rates_that_keep_nothing_or_are_none(rates):
    with pytest.raises(InputError, match="hit"):
        Curation(**rates, tolerance=1.0)


@pytest.mark.parametrize("ending", ["toml", "json"])
def test_recursion_comes_back_from_its_file(tmp_path, ending):
    problem = recursion(
        "accumulate-subsample",
        subsample=90,
        curation=Curation(hit=0.9, false_keep=0.1, tolerance=0.5),
        schedule=Schedule(ridge=[0.1] * 5, weight={"synthetic": [1, 1, 0.5, 1, 1]}, width=[9] * 5),
    )
    save_problem(problem, tmp_path / f"problem.{ending}")
    back = load_problem(tmp_path / f"problem.{ending}")
    assert back == problem
    assert hash(back) == hash(problem)
    other = replace(problem, workflow=replace(problem.workflow, subsample=91))
    assert back != other


def test_recursion_may_start_from_a_teacher_of_its_own():
    real = Source("real", n_samples=10, spectrum=Spectrum.isotropic(3), teacher=RandomTeacher())
    mixture = Mixture([real, Source("synthetic", n_samples=10, teacher=RandomTeacher(2.0))], ridge=0.1)
    problem = Recursion(mixture, Workflow("replace", generations=1, design="fresh"))
    assert problem.given
    assert np.array_equal(problem.n_samples, [[0, 0], [0, 10]])
