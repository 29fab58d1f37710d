"""Does the theory agree with data sets that were really drawn and fitted? Tables and trials of our own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from brute_force import BruteSource, simulate
from modelcollapse import (
    FixedTeacher,
    Mixture,
    Source,
    Spectrum,
    load_problem,
    save_problem,
    solve,
)
from modelcollapse.streams import stream
from modelcollapse.theory import mixture
from modelcollapse.theory.mixture import amplification

ORACLE = Path(__file__).resolve().parents[2] / "shared" / "oracle" / "ridge.json"
CASES = [
    "linear-isotropic-real-only",
    "linear-isotropic-10pct-synthetic",
    "linear-power-law-mixture",
    "linear-overparametrised-ridgeless",
    "linear-weighted",
    "linear-covariate-shift",
    "linear-rotated-three-sources",
    "projection-underparametrised",
    "projection-overparametrised",
    "projection-near-threshold",
    "projection-covariate-shift",
]


def oracle(name):
    if not ORACLE.exists():
        pytest.skip("the brute-force tables beside the checkout are absent")
    return json.loads(ORACLE.read_text())[name]


def oracle_problem(case):
    """Write a case of the table as a problem; rotations become full covariances."""
    d = case["d"]
    i = np.arange(1.0, d + 1)
    sources = []
    for k, item in enumerate(case["sources"]):
        kind = item["spectrum"]
        eigenvalues = {
            "power": lambda k=kind: k["scale"] * i ** -k["a"],
            "flat": lambda k=kind: np.full(d, k["scale"]),
            "two": lambda k=kind: k["scale"] * np.where(i <= d / 4, 1.0, k["a"]),
        }[kind["kind"]]()
        spectrum = Spectrum.explicit(eigenvalues)
        if item["rotation"] is not None:
            h = np.sin(item["rotation"] * i**1.3)
            mirror = np.eye(d) - 2 * np.outer(h, h) / (h @ h)
            spectrum = Spectrum.full(mirror * eigenvalues @ mirror)
        teacher = sum(t["scale"] * np.cos(t["phase"] * i**1.5) * i ** -t["a"] for t in item["teacher"])
        sources.append(
            Source(
                f"source {k}",
                n_samples=item["n"],
                noise_var=item["noise_variance"],
                weight=item["weight"],
                spectrum=spectrum,
                teacher=FixedTeacher(teacher),
            )
        )
    return Mixture(sources, ridge=case["ridge"], width=case.get("width"))


def disagreements(entry, problem):
    """Return which numbers are further from brute force than 5 standard errors and 1 %."""
    wrong = []
    for k, source in enumerate(problem.sources):
        result = solve(replace(problem, target=source.name))
        for key, value in (("excess_risk", result.excess_risk), ("training_error", result.training_error[source.name])):
            mean, stderr = entry[key]["mean"][k], entry[key]["standard_error"][k]
            if abs(value - mean) > max(5 * stderr, 0.01 * mean, 1e-12):
                wrong.append((key, source.name, value, mean))
    return wrong


def half_amplification(*arguments):
    """A wrong formula: what each source's residual adds to the risk is halved."""
    return amplification(*arguments) / 2


@pytest.mark.shared
@pytest.mark.parametrize("name", CASES)
def test_theory_agrees_with_the_oracle(name):
    entry = oracle(name)
    assert disagreements(entry, oracle_problem(entry["case"])) == []


@pytest.mark.shared
@pytest.mark.parametrize("name", CASES)
def test_theory_with_half_the_amplification_disagrees_with_the_oracle(name, monkeypatch):
    entry = oracle(name)
    monkeypatch.setattr(mixture, "amplification", half_amplification)
    assert disagreements(entry, oracle_problem(entry["case"])) != []


@pytest.mark.shared
def test_all_cases_of_the_oracle_are_tested():
    oracle(CASES[0])
    assert sorted(json.loads(ORACLE.read_text())) == sorted(CASES)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["linear-weighted", "linear-rotated-three-sources", "projection-covariate-shift"])
def test_problem_file_gives_the_same_answer_as_the_problem(name, tmp_path):
    problem = oracle_problem(oracle(name)["case"])
    save_problem(problem, tmp_path / "problem.json")
    assert solve(load_problem(tmp_path / "problem.json")) == solve(problem)


FOUR_SOURCES_TRIALS = 100
FOUR_SOURCES_SETTINGS = [(0.0, None), (1e-2, 400), (1e-3, 600)]  # ridge, width; 440 samples, 240 features


def four_rotated_sources(*, ridge, width):
    """Four sources, four bases, four weights, near the threshold of a projection: for brute force, and as a problem."""
    rng = stream(3, "four sources")
    d, n, weights, noise = 240, (160, 120, 80, 80), (1.0, 0.5, 2.0, 1.5), (0.3, 0.1, 0.2, 0.4)
    brute, sources = [], []
    for k, (exponent, power) in enumerate(((0.5, 1.0), (1.0, 1.2), (0.8, 0.8), (0.2, 1.0))):
        eigenvalues = np.arange(1.0, d + 1) ** -exponent
        basis = np.linalg.qr(rng.standard_normal((d, d)))[0]
        teacher = rng.standard_normal(d) / np.sqrt(d) * power
        brute.append(BruteSource(n[k], basis * np.sqrt(eigenvalues), teacher, noise[k], weights[k]))
        sources.append(
            Source(
                f"{k}",
                n_samples=n[k],
                noise_var=noise[k],
                weight=weights[k],
                spectrum=Spectrum.full(basis * eigenvalues @ basis.T),
                teacher=FixedTeacher(teacher),
            )
        )
    return brute, Mixture(sources, ridge=ridge, width=width)


@pytest.mark.parametrize(("ridge", "width"), FOUR_SOURCES_SETTINGS)
def test_theory_agrees_with_brute_force_on_four_rotated_sources_and_not_with_half_the_amplification(
    ridge, width, monkeypatch
):
    brute, problem = four_rotated_sources(ridge=ridge, width=width)
    means = simulate(brute, ridge=ridge, n_trials=FOUR_SOURCES_TRIALS, seed=4, width=width)
    entry = {
        key: {"mean": mean, "standard_error": stderr}
        for key, mean, stderr in (("excess_risk", *means[:2]), ("training_error", *means[2:]))
    }
    assert disagreements(entry, problem) == []
    monkeypatch.setattr(mixture, "amplification", half_amplification)
    assert len(disagreements(entry, problem)) == 8  # both errors of every source
