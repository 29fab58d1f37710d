"""Do the two ways of drawing generations, without samples and row by row, follow the same law?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from generation_examples import recursion
from modelcollapse import Curation, FixedTeacher, Recursion, Schedule, Shift, Spectrum, simulate_generations
from modelcollapse.simulation import generations, generations_gram, generations_rows
from modelcollapse.simulation.backend import NumpyRandomness
from modelcollapse.simulation.chain import N_COLUMNS, draw_columns
from modelcollapse.simulation.generations_engine import translate
from modelcollapse.streams import stream

D = 8
THRESHOLD = 5.0
"""Standard errors within which two numbers agree."""
N_REPLICATES = 500
PARTS = ("excess_risk", "bias", "variance")

SPREAD = Spectrum.power_law(D, exponent=0.7, scale=2.0)
RISING = Spectrum.explicit(np.linspace(0.3, 1.5, D))
HOLLOW = Spectrum.explicit([2.0, 1.5, 1.0, 0.7, 0.5, 0.3, 0.0, 0.0])
WAVE = FixedTeacher(np.cos(np.arange(D) ** 1.5))


def turned(name: str, eigenvalues: np.ndarray) -> Spectrum:
    """Return a full covariance with random eigenvectors, the same for the same name."""
    basis = np.linalg.qr(stream(0, "turned", name).standard_normal((D, D)))[0]
    return Spectrum.full(basis * eigenvalues @ basis.T)


def small(kind: str, **given) -> Recursion:
    wanted = {"spectrum": SPREAD, "n_real": 16, "n_synthetic": 16, "generations": 3, "noise": (0.5, 0.3), "ridge": 0.05}
    return recursion(kind, **{**wanted, **given})


def shifted(kind: str, **given) -> Recursion:
    """Return a recursion whose generation 0 is a known model."""
    problem = small(kind, teacher=WAVE, **given)
    real, synthetic = problem.mixture.sources
    synthetic = replace(synthetic, shift=Shift(vector=np.sin(np.arange(D))))
    return replace(problem, mixture=replace(problem.mixture, sources=[real, synthetic]))


VARYING = Schedule(
    n_samples={"real": [20, 12, 0, 5], "synthetic": [0, 8, 20, 14]},
    noise_var={"real": [0.5, 0.1, 0.7, 0.2], "synthetic": [0, 0.6, 0.1, 0.4]},
    weight={"real": [1, 2, 1, 1], "synthetic": [1, 0.5, 1, 3]},
    ridge=[0.3, 0.1, 0.05, 0.2],
)
PROBLEMS = {
    "replace, fresh": small("replace"),
    "replace, fixed": small("replace", design="fixed"),
    "replace, fixed, no ridge": small("replace", design="fixed", ridge=0),
    "replace, few samples, no ridge": small("replace", n_real=2, n_synthetic=2, ridge=0),
    "replace, no variance in two directions, no ridge": small("replace", spectrum=HOLLOW, ridge=0),
    "replace, given random shift": small("replace", shift=0.5),
    "replace, narrow": small("replace", width=3),
    "replace, narrow, few samples, no ridge": small("replace", width=6, n_real=2, n_synthetic=2, ridge=0),
    "accumulate, fresh, weighted": small("accumulate", weight=0.4),
    "accumulate, fresh, other inputs": small("accumulate", second=RISING, n_synthetic=9),
    "accumulate, fixed": small("accumulate", design="fixed"),
    "accumulate, fixed, weighted, no ridge": small("accumulate", design="fixed", weight=0.4, ridge=0),
    "accumulate, given known model": shifted("accumulate"),
    "mix, fresh real": small("mix", real="fresh", n_real=9),
    "mix, fresh real, fixed": small("mix", real="fresh", design="fixed", second=RISING, ridge=0),
    "mix, reused real": small("mix", real="reused", n_real=8, n_synthetic=10),
    "mix, reused real, fixed": small("mix", real="reused", design="fixed", weight=2.0),
    "mix, turned inputs": small(
        "mix",
        real="reused",
        spectrum=turned("a", np.linspace(2, 0.2, D)),
        second=turned("b", 1.5 / np.arange(1, D + 1)),
    ),
    "mix, turned inputs, known teacher, few samples, no ridge": shifted(
        "mix", real="fresh", spectrum=turned("a", np.linspace(2, 0.2, D)), n_real=1, n_synthetic=2, ridge=0
    ),
    "mix, everything varies": small("mix", real="fresh", schedule=VARYING),
    "mix, widths below and above": small("mix", real="fresh", schedule=Schedule(width=[2, 4, 9, 30]), ridge=0.02),
    "subsample, fresh": small("accumulate-subsample", subsample=12),
    "subsample, fixed, weighted": small("accumulate-subsample", design="fixed", subsample=14, weight=0.5),
}
"""The last two need the rows in either way: separate columns for teachers and noise against everything together."""


def largest_deviation(one, other) -> float:
    """Return the largest difference of two results in standard errors, over generations and parts."""
    largest = 0.0
    for name in PARTS:
        difference = np.abs(np.array(getattr(one, name)) - np.array(getattr(other, name)))
        stderr = np.hypot(one.stderr[name], other.stderr[name])
        rounding = 1e-12 * max(one.test_error)
        largest = max(largest, np.max(difference / np.maximum(stderr, rounding)))
    return float(largest)


@pytest.mark.parametrize("name", PROBLEMS)
def test_generations_without_samples_have_the_law_of_those_drawn_row_by_row(name, monkeypatch):
    problem, seed = PROBLEMS[name], list(PROBLEMS).index(name)
    by_rows = simulate_generations(problem, seed=seed, n_replicates=N_REPLICATES, plain=True)
    assert largest_deviation(simulate_generations(problem, seed=seed, n_replicates=N_REPLICATES), by_rows) < THRESHOLD
    for route, function in ((generations_gram, "_moment"), (generations_rows, "_draw_labels")):
        right = getattr(route, function)
        monkeypatch.setattr(route, function, lambda *given, right=right: right(*_without_noise(given)))
    assert largest_deviation(simulate_generations(problem, seed=seed, n_replicates=N_REPLICATES), by_rows) > THRESHOLD


def _without_noise(arguments):
    """A wrong formula: labels without noise."""
    *rest, noise, randomness = arguments
    return *rest, 0 * noise, randomness


def test_columns_apart_add_up_to_the_risk_of_everything_together():
    chain = translate(small("replace", shift=0.5))
    apart = draw_columns(chain, stream(0, "apart"), together=False)
    assert apart.teachers.shape == (2, D, 1 + 2 * N_COLUMNS)
    assert apart.noisy.tolist() == [0.0] * (1 + N_COLUMNS) + [1.0] * N_COLUMNS
    together = [draw_columns(chain, stream(i, "together"), together=True) for i in range(4000)]
    squares = np.array([columns.teachers[0, :, 0] ** 2 for columns in together])
    deviation = (apart.teachers[0] ** 2) @ apart.share - squares.mean(axis=0)
    assert np.all(np.abs(deviation) < THRESHOLD * squares.std(axis=0) / np.sqrt(len(squares)))


@pytest.mark.parametrize(
    ("problem", "repeats"),
    [
        (small("replace"), [False, False, False, False]),
        (small("replace", design="fixed"), [False, True, True, True]),
        (small("accumulate", design="fixed"), [False, True, True, True]),
        (small("accumulate", design="fixed", weight=0.3), [False, False, False, False]),
        (small("mix", real="reused", design="fixed"), [False, False, True, True]),
        (small("mix", real="fresh", design="fixed"), [False, False, False, False]),
        (small("replace", design="fixed", schedule=Schedule(ridge=[0.1, 0.1, 0.2, 0.2])), [False, True, False, True]),
        (small("replace", design="fixed", width=4), [False, False, False, False]),
    ],
)
def test_normal_matrix_is_factored_once_where_it_stays(problem, repeats, monkeypatch):
    chain = translate(problem)
    assert [step.repeats for step in chain.steps] == repeats
    solved = []
    inverse = generations_gram._inverse
    monkeypatch.setattr(generations_gram, "_inverse", lambda *a, **k: solved.append(1) or inverse(*a, **k))
    generator = stream(0, "repeats")
    generations.draw_unit(chain, NumpyRandomness(generator), generator)
    assert len(solved) == 2 * repeats.count(False)


@pytest.mark.parametrize("ridge", [0.0, 1e-9, 0.3])
@pytest.mark.parametrize("n", [0, 3, 20])
def test_ridge_fit_solves_its_normal_equations_with_the_least_norm(n, ridge):
    rng = stream(1, "fit")
    features, labels, weights = rng.standard_normal((n, D)), rng.standard_normal((n, 2)), rng.random(n) + 0.1
    fitted = generations_rows.ridge_fit(features, labels, weights=weights, ridge=ridge)
    scaled = features * np.sqrt(weights / max(n, 1))[:, None]
    wanted = np.linalg.pinv(scaled.T @ scaled + ridge * np.eye(D), rcond=1e-13) @ (
        scaled.T @ (labels * np.sqrt(weights / max(n, 1))[:, None])
    )
    np.testing.assert_allclose(fitted, wanted, rtol=0, atol=1e-5 if 0 < ridge < 1e-6 and n < D else 1e-10)


@pytest.mark.parametrize(("n_samples", "ridge"), [(3, 0.0), (3, 1e-12), (3, 0.2), (20, 0.0)])
def test_inverse_of_a_gram_matrix_is_that_of_the_rows(n_samples, ridge):
    rng = stream(2, "inverse")
    features, labels = rng.standard_normal((n_samples, D)), rng.standard_normal((n_samples, 2))
    solve = generations_gram._inverse(features.T @ features / n_samples, ridge=ridge, rank=min(n_samples, D))
    fitted = generations_rows.ridge_fit(features, labels, weights=np.ones(n_samples), ridge=ridge)
    np.testing.assert_allclose(solve(features.T @ labels / n_samples), fitted, rtol=0, atol=1e-10)


def test_verifier_keeps_by_label_error():
    chain = translate(small("replace", curation=Curation(hit=0.8, false_keep=0.1, tolerance=0.5)))
    assert chain.verifier is not None
    errors = np.repeat([0.5, -0.5, 0.51, -3.0], 20_000)
    kept = chain.verifier.keeps(errors, stream(0, "keeps")).reshape(4, -1).mean(axis=1)
    assert np.abs(kept - [0.8, 0.8, 0.1, 0.1]).max() < THRESHOLD * 0.4 / np.sqrt(20_000)
