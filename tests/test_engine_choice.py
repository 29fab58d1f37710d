"""Does the package say which engines answer a problem, and hand it to the one that was asked for?"""

from __future__ import annotations

import pytest

from generation_examples import recursion
from modelcollapse import Classes, ClassSource, InputError, Spectrum, engines_for, simulate, solve, solve_generations
from modelcollapse.engines import answer

SUBSAMPLE = {"kind": "accumulate-subsample", "design": "fixed", "subsample": 100}
CLASSES = Classes([ClassSource("real", n_samples=60, mean_norm=1.0, spectrum=Spectrum.isotropic(20))], ridge=0.1)


@pytest.mark.parametrize(
    ("problem", "engines"),
    [
        (recursion("mix", real="fresh"), ("theory", "simulation")),
        (recursion("mix", real="reused", width=50), ("theory", "simulation")),
        (recursion(**SUBSAMPLE), ("simulation",)),
        (recursion("replace", width=50, activation="relu"), ()),
        (recursion("replace", width=50, activation="identity"), ("theory", "simulation")),
        (recursion("replace").mixture, ("theory", "simulation")),
        (CLASSES, ("theory", "simulation")),
    ],
)
def test_engines_for_names_the_engines_that_answer(problem, engines):
    assert engines_for(problem) == engines
    for engine in ("theory", "simulation"):
        settings = {"n_replicates": 4} if engine == "simulation" else {}
        if engine in engines:
            assert answer(problem, engine=engine, **settings).engine == engine
        else:
            with pytest.raises(InputError, match=f"^{engine} "):
                answer(problem, engine=engine, **settings)


def test_answer_is_that_of_the_engine():
    problem = recursion("accumulate")
    assert answer(problem).to_dict() == solve_generations(problem).to_dict()
    assert answer(problem.mixture) == solve(problem.mixture)
    assert answer(problem.mixture, engine="simulation", seed=3, n_replicates=8) == simulate(
        problem.mixture, seed=3, n_replicates=8
    )


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (recursion(**SUBSAMPLE), "Use the simulation: --engine simulation."),
        (recursion("replace", width=50, activation="relu"), "No engine .*: simulation .*: leave `activation` out."),
    ],
)
def test_answer_says_where_else_to_ask(problem, said):
    with pytest.raises(InputError, match=said):
        answer(problem)


def test_answer_refuses_what_is_no_problem():
    with pytest.raises(InputError, match="a Mixture, a Recursion, Classes, a chain or a ZipfTask"):
        answer("problem.toml")
    with pytest.raises(InputError, match="one of theory, simulation"):
        answer(CLASSES, engine="training")
