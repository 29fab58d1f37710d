"""Does the simulation of two classes draw what it says: in law, by its seed, and until it is told to stop?"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from modelcollapse import Classes, ClassSource, InputError, Spectrum, simulate_classes, solve_classes
from modelcollapse.result import Status
from modelcollapse.simulation import sampler
from modelcollapse.simulation.sampler import Reading

THRESHOLD = 5.0
"""Standard errors within which two numbers agree."""
D = 8
REAL = ClassSource("real", n_samples=6, mean_norm=1.5, spectrum=Spectrum.power_law(D, exponent=1.0))
OTHER = ClassSource(
    "synthetic",
    n_samples=12,
    mean=np.linspace(-0.5, 1.0, D),
    spectrum=Spectrum.explicit(np.linspace(0.2, 1.4, D)),
    label_error=0.4,
    hit=0.9,
    false_keep=0.5,
)
SMALL = {
    "ridge": Classes([REAL, OTHER], ridge=0.2),
    "shared covariance": Classes([REAL, replace(OTHER, spectrum=None)], ridge=0.2),
    "tiny ridge": Classes([REAL, replace(OTHER, n_samples=60)], ridge=1e-11),
    "no ridge, many samples": Classes([REAL, replace(OTHER, n_samples=60)], ridge=0.0),
    "no ridge, few samples": Classes([replace(REAL, n_samples=1), replace(OTHER, n_samples=3)], ridge=0.0),
    "often nothing kept": Classes([replace(OTHER, n_samples=2, hit=0.3, false_keep=0.3)], ridge=0.2),
}
QUANTITIES = ("accuracy", "margin_mean", "margin_variance")


def plain_replicate(problem: Classes, rng: np.random.Generator, *, bulk_only: bool = False) -> tuple[float, ...]:
    """Return accuracy and margin of a classifier fitted on samples that are drawn one by one."""
    inputs, labels = [np.zeros((0, D))], [np.zeros(0)]
    for source, mean, variances in zip(problem.sources, problem.means, problem.eigenvalues, strict=True):
        n = source.n_samples
        classes = rng.choice([-1.0, 1.0], n)
        centres = classes[:, None] * mean
        wrong = rng.random(n) < source.label_error
        kept = rng.random(n) < np.where(wrong, source.false_keep, source.hit)
        noise = np.sqrt(variances) * rng.standard_normal((n, D))
        inputs.append((noise if bulk_only else centres + noise)[kept])
        labels.append(np.where(wrong, -classes, classes)[kept])
    penalty = np.sqrt(problem.ridge * sum(source.n_samples for source in problem.sources)) * np.eye(D)
    rows, targets = np.vstack([*inputs, penalty]), np.concatenate([*labels, np.zeros(D)])
    w = np.linalg.lstsq(rows, targets)[0]
    mean, variance = w @ problem.means[0], w**2 @ problem.eigenvalues[0]
    return float(ndtr(mean / np.sqrt(variance))) if variance > 0 else 0.5, float(mean), float(variance)


@pytest.mark.parametrize("name", SMALL)
def test_classes_simulation_has_the_law_of_samples_drawn_one_by_one(name: str) -> None:
    problem, rng = SMALL[name], np.random.default_rng(list(SMALL).index(name))
    found = simulate_classes(problem, n_replicates=3000)
    for bulk_only, agree in ((False, True), (True, False)):
        drawn = np.array([plain_replicate(problem, rng, bulk_only=bulk_only) for _ in range(3000)])
        deviations = [
            abs(getattr(found, quantity) - column.mean())
            / math.hypot(found.stderr[quantity], column.std() / np.sqrt(len(column)))
            for quantity, column in zip(QUANTITIES, drawn.T, strict=True)
        ]
        assert (max(deviations) < THRESHOLD) == agree


def test_classes_simulation_of_any_number_of_samples_takes_no_time() -> None:
    problem = Classes([replace(REAL, n_samples=10**15), replace(OTHER, n_samples=10**15)], ridge=0.1)
    found, expected = simulate_classes(problem, n_replicates=4), solve_classes(problem)
    assert found.accuracy == pytest.approx(expected.accuracy, rel=1e-6)
    assert found.kept_samples["synthetic"] == pytest.approx(expected.kept_samples["synthetic"], rel=1e-6)


def test_classes_simulation_gives_the_same_bits_to_the_same_seed() -> None:
    problem = SMALL["ridge"]
    first = simulate_classes(problem, n_replicates=50, seed=3)
    assert first == simulate_classes(problem, n_replicates=50, seed=3)
    assert first.accuracy != simulate_classes(problem, n_replicates=50, seed=4).accuracy
    assert (first.n_replicates, first.seed, first.engine, first.status) == (50, 3, "simulation", Status.OK)


def test_classes_simulation_stops_at_the_standard_error_that_is_asked_for() -> None:
    rough, fine = (simulate_classes(SMALL["ridge"], relative_stderr=error) for error in (0.02, 0.005))
    assert rough.stderr["accuracy"] <= 0.02 * rough.accuracy
    assert fine.stderr["accuracy"] <= 0.005 * fine.accuracy
    assert rough.n_replicates is not None
    assert fine.n_replicates is not None
    assert rough.n_replicates < fine.n_replicates
    assert simulate_classes(SMALL["ridge"]).n_replicates == fine.n_replicates  # the default
    stopped = simulate_classes(SMALL["ridge"], relative_stderr=1e-6, n_replicates=30)
    assert (stopped.status, stopped.n_replicates) == (Status.NOT_CONVERGED, 30)


@pytest.mark.parametrize("after", [0, 3])
def test_classes_simulation_returns_what_there_is_when_interrupted(after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler, "HEARTBEAT", 10.0)
    seen: list[Reading] = []

    def report(reading: Reading) -> None:
        seen.append(reading)
        if reading.n_replicates > after:
            raise KeyboardInterrupt

    result = simulate_classes(SMALL["ridge"], report=report)
    assert result.status is Status.INTERRUPTED
    assert result.n_replicates == after + 1
    assert math.isnan(result.accuracy) == (after == 0)
    assert seen[-1].n_replicates == after + 1


def test_classes_simulation_says_where_the_margin_has_no_mean_or_variance() -> None:
    exact = Classes([replace(REAL, n_samples=D)], ridge=0.0)
    result = simulate_classes(exact, n_replicates=50)
    assert result.status is solve_classes(exact).status is Status.INTERPOLATION_THRESHOLD
    assert math.isinf(result.margin_variance)
    assert 0.5 < result.accuracy < 1
    for n_samples, near in ((3 * D, True), (40 * D, False)):
        pruned = Classes([replace(OTHER, n_samples=n_samples)], ridge=0.0)
        said = [text for text in simulate_classes(pruned, n_replicates=20).assumptions if "without ridge" in text]
        assert bool(said) == near


@pytest.mark.parametrize(
    "given", [{"seed": -1}, {"n_replicates": 3}, {"relative_stderr": 0.0}, {"relative_stderr": 2.0}]
)
def test_classes_simulation_refuses_arguments_out_of_range(given: dict[str, float]) -> None:
    with pytest.raises(InputError):
        simulate_classes(SMALL["ridge"], **given)


def test_classes_simulation_refuses_matrices_that_do_not_fit() -> None:
    wide = ClassSource("real", n_samples=1, mean_norm=1.0, spectrum=Spectrum.isotropic(20_000))
    with pytest.raises(InputError, match=r"n_features.*GiB"):
        simulate_classes(Classes([wide], ridge=0.1))
