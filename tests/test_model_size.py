"""Is the risk of a model whose size is chosen right: against closed forms, single solves, and brute force?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from modelcollapse import InputError, Mixture, RandomTeacher, Shift, Spectrum, solve
from modelcollapse.decisions.model_size import MODELS, log_centres, sized_model
from modelcollapse.streams import stream
from phase_diagram_worlds import NOISE, ROUNDING, SIGNAL, isotropic


def test_linear_model_of_isotropic_features_is_one_of_projections_below_interpolation() -> None:
    for n in (240, 90):
        size = np.array([10.0, 40.0, 80.0])
        given = {"n_samples": np.array(float(n)), "synthetic_fraction": np.array(0.4), "size": size}
        linear, projections = (sized_model(isotropic(n=n), model=m).risk(**given) for m in MODELS[:2])
        assert np.allclose(linear.clean, projections.clean, rtol=ROUNDING)
        assert np.allclose(linear.collapse, projections.collapse, rtol=ROUNDING)


def test_endless_data_collapse_grows_with_width_while_the_error_falls() -> None:
    sized = sized_model(isotropic(n=100), model="projections")
    gamma, p2 = np.array([0.2, 0.5, 0.8]), np.array([0.3, 0.9])[:, None]
    risk = sized.risk(n_samples=np.array(1e12), synthetic_fraction=p2, size=gamma * 120)
    assert np.allclose(risk.clean, (1 - gamma) * SIGNAL, rtol=1e-8)
    assert np.allclose(risk.collapse, p2**2 * gamma, rtol=1e-8)
    slope = np.diff(risk.excess_risk(2.0), axis=1)
    assert (slope[0] < 0).all()  # p_2² c² = 0.18 < r²
    assert (slope[1] > 0).all()  # p_2² c² = 1.62 > r²
    assert (np.diff(risk.collapse, axis=1) > 0).all()


@pytest.mark.parametrize("model", ["projections", "network"])
@pytest.mark.parametrize("own_spectrum", [False, True])
@pytest.mark.parametrize("ridge", [0.0, 1e-3])
def test_risk_equals_single_solves(model: str, own_spectrum: bool, ridge: float) -> None:
    problem = isotropic(n=150, ridge=ridge)
    if own_spectrum:
        inputs = replace(problem.sources[1], spectrum=Spectrum.power_law(120, exponent=0.7))
        problem = replace(problem, sources=[problem.sources[0], inputs])
    for n, width, p2, quality in ((150, 60, 0.4, 0.5), (90, 200, 0.1, 2.0), (400, 30, 1.0, 1.0)):
        counts = (n - round(n * p2), round(n * p2))
        sources = [replace(s, n_samples=count) for s, count in zip(problem.sources, counts, strict=True)]
        sources[1] = replace(sources[1], shift=Shift(quality=quality, shape="isotropic"))
        posed = replace(problem, sources=sources, width=width, activation="relu" if model == "network" else None)
        expected = solve(posed)
        risk = sized_model(problem, model=model).risk(
            n_samples=np.array(float(n)), synthetic_fraction=np.array(p2), size=np.array(float(width))
        )
        assert risk.excess_risk(quality) == pytest.approx(expected.excess_risk, rel=ROUNDING)
        assert quality * risk.collapse == pytest.approx(expected.collapse, rel=ROUNDING)


def decaying(*, n: int, d: int, ridge: float = 0.0, second: Spectrum | None = None) -> Mixture:
    """Return a problem with mostly synthetic samples and eigenvalues that decay."""
    problem = isotropic(n=n, d=d, p2=0.6, ridge=ridge)
    spectrum = Spectrum.power_law(d, exponent=0.5)
    real, synthetic = (replace(source, spectrum=spectrum) for source in problem.sources)
    return replace(problem, sources=[real, replace(synthetic, spectrum=second or spectrum)])


def risk_on_seen(problem: Mixture, *, seen: int, quality: float, blind: bool = False) -> float:
    """Return the excess risk of a problem that has only the first features, and the others' labels as noise.

    Blind to the others, there is no such noise, and nothing is lost with them.
    """
    real, synthetic = problem.sources
    eigenvalues = [np.asarray(spectrum.eigenvalues) for spectrum in problem.spectra]
    teacher, unit_shift = problem.teachers.variances
    unseen = [0.0 if blind else float(teacher[seen:] @ own[seen:]) for own in eigenvalues]
    unseen_shift = 0.0 if blind else quality * float(unit_shift[seen:] @ eigenvalues[1][seen:])
    reach = quality * float(unit_shift[:seen] @ eigenvalues[0][:seen])
    kept = [
        replace(
            real,
            noise_var=NOISE + unseen[0],
            spectrum=Spectrum.explicit(eigenvalues[0][:seen]),
            teacher=RandomTeacher(SIGNAL * seen / problem.n_features),
        ),
        replace(
            synthetic,
            noise_var=NOISE + unseen[1] + unseen_shift,
            spectrum=Spectrum.explicit(eigenvalues[1][:seen]),
            shift=Shift(quality=reach, shape="isotropic"),
        ),
    ]
    return solve(replace(problem, sources=kept)).excess_risk + unseen[0]


@pytest.mark.parametrize("second", [None, Spectrum.power_law(60, exponent=1.0)], ids=["same inputs", "other inputs"])
@pytest.mark.parametrize(("n", "ridge"), [(90, 1e-2), (40, 0.0), (90, 0.0)])
def test_linear_model_equals_a_problem_whose_other_features_are_noise(
    n: int, ridge: float, second: Spectrum | None
) -> None:
    problem = decaying(n=n, d=60, ridge=ridge, second=second)
    sized = sized_model(problem, model="linear")
    for seen in (1, 25, 59):
        risk = sized.risk(n_samples=np.array(float(n)), synthetic_fraction=np.array(0.6), size=np.array(float(seen)))
        clean, dirty = (risk_on_seen(problem, seen=seen, quality=quality) for quality in (0.0, 2.0))
        assert risk.clean == pytest.approx(clean, rel=ROUNDING)
        assert 2.0 * risk.collapse == pytest.approx(dirty - clean, rel=ROUNDING)


def brute_linear(problem: Mixture, *, seen: int, n_repeats: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return excess risks of least squares on the first features of drawn data, with wrong labels and without."""
    (spectrum, _), rng = problem.spectra, stream(0, "phase diagram")
    assert spectrum.eigenvalues is not None
    scale, d = np.sqrt(spectrum.eigenvalues), problem.n_features
    counts = [source.n_samples for source in problem.sources]
    risks = []
    for _ in range(n_repeats):
        teacher, delta = (rng.normal(size=d) * np.sqrt(v) for v in problem.teachers.variances)
        X = rng.normal(size=(sum(counts), d)) * scale
        clean = X @ teacher + rng.normal(size=len(X)) * np.sqrt(NOISE)
        wrong = np.append(np.zeros(counts[0]), X[counts[0] :] @ delta)
        fits = np.zeros((d, 2))
        fits[:seen] = np.linalg.lstsq(X[:, :seen], np.column_stack([clean + wrong, clean]), rcond=None)[0]
        risks.append(np.sum(((fits - teacher[:, None]) * scale[:, None]) ** 2, axis=0))
    dirty, clean = np.array(risks).T
    return dirty, clean


@pytest.mark.parametrize(("seen", "n"), [(40, 150), (75, 150), (90, 50)])
def test_linear_model_equals_brute_force_and_not_one_blind_to_what_it_does_not_see(seen: int, n: int) -> None:
    problem = decaying(n=n, d=100)
    risk = sized_model(problem, model="linear").risk(
        n_samples=np.array(float(n)), synthetic_fraction=np.array(0.6), size=np.array(float(seen))
    )
    dirty, clean = brute_linear(problem, seen=seen, n_repeats=400)
    stderr = dirty.std() / np.sqrt(len(dirty))
    assert abs(dirty.mean() - risk.excess_risk(1.0)) < 5 * stderr
    assert abs(clean.mean() - risk.clean) < 5 * clean.std() / np.sqrt(len(clean))
    assert abs(dirty.mean() - risk_on_seen(problem, seen=seen, quality=1.0, blind=True)) > 5 * stderr


def test_linear_model_refuses_covariances_without_common_features() -> None:
    rng = stream(1, "dense")
    root = rng.normal(size=(120, 240))
    real, synthetic = isotropic(n=100).sources
    problem = Mixture(
        [
            replace(real, spectrum=Spectrum.power_law(120, exponent=1.0)),
            replace(synthetic, spectrum=Spectrum.full(root @ root.T / 240)),
        ],
        ridge=0.0,
    )
    with pytest.raises(InputError, match="share their eigenvectors"):
        sized_model(problem, model="linear")


def test_centres_of_cells_are_even_in_the_logarithm() -> None:
    assert log_centres(0.1, 10.0, per_decade=2) == pytest.approx(10 ** np.array([-0.75, -0.25, 0.25, 0.75]))
