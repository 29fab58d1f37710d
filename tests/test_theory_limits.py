"""What happens without ridge, at thresholds, and where samples do not reach? Limits taken exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from brute_force import BruteSource, simulate
from modelcollapse import (
    FixedTeacher,
    Mixture,
    RandomTeacher,
    Source,
    Spectrum,
    solve,
)
from modelcollapse.errors import InputError
from modelcollapse.result import Status
from modelcollapse.streams import stream
from theory_examples import MODELS, mixed, risks


@pytest.mark.parametrize("model", [m for m in MODELS if m["ridge"] == 0.0], ids=str)
def test_ridgeless_limit_is_the_limit_of_small_ridges(model):
    limit = risks(mixed(**model))
    near, nearer = (risks(mixed(**{**model, "ridge": ridge})) for ridge in (1e-7, 1e-9))
    np.testing.assert_allclose(nearer, limit, rtol=1e-4, atol=1e-7)
    assert np.abs(nearer - limit).max() < np.abs(near - limit).max() / 20  # linear in the ridge


@pytest.mark.parametrize("ridge", [1e-30, 1e-24, 1e-20, 1e-16, 1e-14, 1e-12])
@pytest.mark.parametrize("model", [m for m in MODELS if m["ridge"] == 0.0], ids=str)
def test_tiny_ridges_agree_with_the_limit(model, ridge):
    near = risks(mixed(**{**model, "ridge": ridge}))
    np.testing.assert_allclose(near, risks(mixed(**model)), rtol=1e-12 + 1e4 * ridge, atol=1e-12 + 1e4 * ridge)


@pytest.mark.parametrize(
    "model",
    [
        {"n": (30, 10, 10)},
        {"n": (15, 10, 5), "width": 30},
        {"n": (30, 10, 10), "width": 90},
        {"n": (30, 10, 10), "width": 50, "activation": "relu"},
    ],
    ids=str,
)
def test_threshold_without_ridge_has_infinite_risk_and_says_so(model):
    result = solve(mixed(ridge=0.0, **model))
    assert result.status is Status.INTERPOLATION_THRESHOLD
    assert result.excess_risk == result.variance == np.inf
    near = [solve(mixed(ridge=ridge, **model)).excess_risk for ridge in (1e-4, 1e-8, 1e-12)]
    assert near[0] < near[1] < near[2] < np.inf
    assert near[2] / near[1] == pytest.approx(100, rel=0.2)  # diverges as the inverse root of the ridge


def test_width_of_the_rank_is_no_threshold():
    assert solve(mixed(ridge=0.0, width=50)).excess_risk == pytest.approx(
        solve(mixed(ridge=0.0)).excess_risk, rel=1e-12
    )


@pytest.mark.parametrize("n_samples", [2001, 1999])
def test_risk_one_sample_from_the_threshold_keeps_its_digits(n_samples):
    d = 2000
    source = Source(
        "real", n_samples=n_samples, noise_var=0.5, spectrum=Spectrum.isotropic(d), teacher=RandomTeacher(0.0)
    )
    expected = 0.5 * d / (n_samples - d) if n_samples > d else 0.5 * n_samples / (d - n_samples)
    assert solve(Mixture([source], ridge=0)).excess_risk == pytest.approx(expected, rel=1e-9)


def test_target_beyond_the_reach_of_the_samples_keeps_its_own_signal():
    seen = np.where(np.arange(40) < 30, 1.0, 0.0)
    real = Source("real", n_samples=90, spectrum=Spectrum.explicit(seen), teacher=FixedTeacher(np.ones(40)))
    unseen = Source("unseen", n_samples=0, spectrum=Spectrum.isotropic(40))
    result = solve(Mixture([real, unseen], ridge=0, target="unseen"))
    assert result.excess_risk == pytest.approx(10.0, rel=1e-12)  # ten directions of unit variance and unit weight


@pytest.mark.parametrize("rotated", [False, True])
def test_sources_that_interpolate_beside_sources_that_do_not(rotated):
    """Two blocks of directions, one with too few samples: each source is on its own, and both are answered."""
    basis = np.linalg.qr(stream(5, "basis").standard_normal((60, 60)))[0] if rotated else np.eye(60)
    blocks = [np.where(np.arange(60) < 30, *pair) for pair in ((1.0, 0.0), (0.0, 1.0))]
    left, right = (Spectrum.full(basis * block @ basis.T) if rotated else Spectrum.explicit(block) for block in blocks)
    few = Source("few", n_samples=10, noise_var=0.1, spectrum=left, teacher=RandomTeacher())
    many = Source("many", n_samples=90, noise_var=0.1, spectrum=right)
    result = solve(Mixture([few, many], ridge=0))
    alone = solve(Mixture([replace(few, spectrum=Spectrum.isotropic(30), teacher=RandomTeacher(0.5))], ridge=0))
    assert result.excess_risk == pytest.approx(alone.excess_risk, rel=1e-6)
    assert any("only some sources interpolate" in said for said in result.assumptions)
    assert not any("only some sources interpolate" in said for said in alone.assumptions)
    other = solve(Mixture([few, many], ridge=0, target="many"))
    assert other.excess_risk == pytest.approx(0.1 * 30 / (90 - 30), rel=1e-6)
    balanced = Mixture([replace(few, n_samples=30), many], ridge=0)
    assert solve(balanced).status is Status.INTERPOLATION_THRESHOLD


def test_overlapping_sources_that_interpolate_only_in_part_agree_with_brute_force():
    d, n, noise = 60, (25, 60), (0.2, 0.1)
    spectra = [np.full(d, 1.0), np.where(np.arange(d) < 25, 1.0, 0.0)]
    rng = stream(6, "teachers")
    teachers = [rng.standard_normal(d) / np.sqrt(d) for _ in range(2)]
    rows = list(zip(n, spectra, teachers, noise, strict=True))
    brute = [BruteSource(nk, np.sqrt(s), w, v) for nk, s, w, v in rows]
    excess, excess_se, _, _ = simulate(brute, ridge=1e-9, n_trials=400, seed=7)
    ours = [
        Source(f"{k}", n_samples=nk, noise_var=v, spectrum=Spectrum.explicit(s), teacher=FixedTeacher(w))
        for k, (nk, s, w, v) in enumerate(rows)
    ]
    found = [solve(Mixture(ours, ridge=0, target=name)).excess_risk for name in "01"]
    # finite size: 35 free directions for 25 samples; 3/35 is allowed
    assert (np.abs(found - excess) < np.maximum(5 * excess_se, 3 / 35 * excess)).all()


def test_many_singular_covariances_without_ridge_are_refused():
    sources = [
        Source(
            f"{k}",
            n_samples=20,
            spectrum=Spectrum.explicit(np.where(np.arange(13) == k, 0.0, 1.0)),
            teacher=RandomTeacher(),
        )
        for k in range(13)
    ]
    with pytest.raises(InputError, match="Use a small ridge"):
        solve(Mixture(sources, ridge=0))
    assert solve(Mixture(sources, ridge=1e-3)).status is Status.OK
