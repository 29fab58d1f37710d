"""Are problems checked when built, resolved, and compared by their numbers?"""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from modelcollapse import FixedTeacher, InputError, Mixture, RandomTeacher, Shift, Source, Spectrum

D = 4
ROTATION = np.linalg.qr(np.random.default_rng(0).standard_normal((D, D)))[0]
FULL = ROTATION @ np.diag([4.0, 3.0, 2.0, 0.0]) @ ROTATION.T


def real(**changes: object) -> Source:
    given = {"n_samples": 9, "spectrum": Spectrum.power_law(D, exponent=1.0), "teacher": RandomTeacher()}
    return Source("real", **{**given, **changes})


@pytest.mark.parametrize(
    ("spectrum", "expected"),
    [
        (Spectrum.isotropic(3, scale=2.0), [2, 2, 2]),
        (Spectrum.power_law(3, exponent=2.0, scale=9.0), [9, 9 / 4, 1]),
        (Spectrum.spiked(4, spikes=[5, 3], bulk=0.5), [5, 3, 0.5, 0.5]),
        (Spectrum.explicit([1, 0, 3]), [1, 0, 3]),
    ],
)
def test_spectrum_expands_to_its_eigenvalues(spectrum: Spectrum, expected: list[float]) -> None:
    np.testing.assert_allclose(spectrum.eigenvalues, expected, rtol=1e-15)
    assert spectrum.covariance is None
    assert spectrum.n_features == len(expected)
    assert spectrum.directions == (spectrum.eigenvalues, None)


def test_spectrum_full_keeps_covariance_and_sorts_its_directions() -> None:
    spectrum = Spectrum.full(FULL)
    eigenvalues, vectors = spectrum.directions
    assert spectrum.eigenvalues is None
    assert spectrum.n_features == D
    np.testing.assert_allclose(eigenvalues, [4, 3, 2, 0], atol=1e-14)
    assert (eigenvalues >= 0).all()
    np.testing.assert_allclose(vectors * eigenvalues @ vectors.T, FULL, atol=1e-14)
    assert Spectrum.full(np.zeros((2, 2))).n_features == 2


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Spectrum.isotropic(0), "n_features"),
        (lambda: Spectrum.isotropic(2.5), "n_features"),
        (lambda: Spectrum.isotropic(10**12), "n_features"),
        (lambda: Spectrum.isotropic(3, scale=0), "scale"),
        (lambda: Spectrum.power_law(3, exponent="steep"), "exponent"),
        (lambda: Spectrum.power_law(9, exponent=-1e4), "NaN or infinite"),
        (lambda: Spectrum.spiked(1, spikes=[2, 3]), "at most n_features = 1"),
        (lambda: Spectrum.spiked(3, spikes=[2], bulk=-1), "bulk"),
        (lambda: Spectrum.explicit([1, -2, 3]), "must not be negative; got -2 at position 1"),
        (lambda: Spectrum.explicit([1, np.nan]), "NaN or infinite"),
        (lambda: Spectrum.explicit([]), "not empty"),
        (lambda: Spectrum.explicit([[1.0]]), "1 axes"),
        (lambda: Spectrum.full([[1, 2, 3], [2, 1, 3]]), "square"),
        (lambda: Spectrum.full([[1, 0.5], [0.4, 1]]), "symmetric"),
        (lambda: Spectrum.full([[1, 2], [2, 1]]), "semidefinite; got an eigenvalue of -1"),
        (lambda: Spectrum("explicit", None, None, ()), "constructor"),
        (lambda: FixedTeacher([[1.0]]), "vector"),
        (lambda: FixedTeacher(["1", "2"]), "vector"),
        (lambda: RandomTeacher(-1), "power"),
        (lambda: RandomTeacher([1, -1]), "power"),
        (lambda: Shift(), "neither"),
        (lambda: Shift(quality=0.1, vector=[1.0]), "both"),
        (lambda: Shift(shape="isotropic", vector=[1.0]), "both"),
        (lambda: Shift(quality=0.1), "shape"),
        (lambda: Shift(quality=-0.1, shape="isotropic"), "quality"),
        (lambda: Shift(quality=0.1, shape="covariances"), "Did you mean `covariance`"),
    ],
)
def test_parts_of_a_problem_refuse_bad_values(build: object, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        build()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_samples": -1}, "n_samples"),
        ({"n_samples": 1.5}, "n_samples"),
        ({"n_samples": 1e16}, "n_samples"),
        ({"n_samples": True}, "n_samples"),
        ({"noise_var": -0.1}, "noise_var"),
        ({"noise_var": float("nan")}, "noise_var"),
        ({"weight": -1}, "weight"),
        ({"weight": None}, "weight"),
        ({"spectrum": [1.0]}, "spectrum"),
        ({"teacher": [1.0]}, "teacher"),
        ({"shift": Shift(vector=[1.0] * D)}, "not both"),
    ],
)
def test_source_refuses_bad_values(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        real(**change)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", 3, None])
def test_source_refuses_bad_name(name: object) -> None:
    with pytest.raises(InputError, match="name"):
        Source(name, n_samples=1)


@pytest.mark.parametrize(
    ("sources", "change", "message"),
    [
        ([], {}, "at least one source"),
        (["real"], {}, "sources"),
        ([real(), real()], {}, "unique"),
        ([real(spectrum=None)], {}, "spectrum"),
        ([real(teacher=None)], {}, "teacher"),
        ([real(teacher=None, shift=Shift(vector=[0.0] * D))], {}, "teacher"),
        ([real(n_samples=0)], {}, "nothing is left"),
        ([real(weight=0)], {}, "nothing is left"),
        ([real(), Source("b", n_samples=1, spectrum=Spectrum.isotropic(3))], {}, "n_features = 4 .*got 3"),
        ([real(), Source("b", n_samples=1, teacher=FixedTeacher([1, 2]))], {}, "teacher"),
        ([real(teacher=RandomTeacher([1, 2]))], {}, "teacher power"),
        ([real(), Source("b", n_samples=1, shift=Shift(vector=[1]))], {}, "shift"),
        ([real(), Source("b", n_samples=1, shift=Shift(quality=1, shape=[1]))], {}, "shift shape"),
        ([real(), Source("b", n_samples=1, shift=Shift(quality=1, shape=[0.0] * D))], {}, "cannot be reached"),
        ([real()], {"ridge": -0.1}, r"`ridge` must be a number in \[0, inf\); got -0.1. Use 0 for"),
        ([real()], {"ridge": float("inf")}, "ridge"),
        ([real()], {"ridge": 9e-31}, "`ridge` must be 0 or at least 1e-30; got 9e-31. Use 0 for the minimum-norm"),
        ([real()], {"ridge": 1e-200}, "Use 0 for the minimum-norm solution"),
        ([real()], {"width": 0}, "width"),
        ([real()], {"width": 2.5}, "width"),
        ([real()], {"activation": "relu"}, "needs a `width`"),
        ([real()], {"width": 5, "activation": "rellu"}, "Did you mean `relu`"),
        ([real()], {"target": "reel"}, "Did you mean `real`"),
    ],
)
def test_mixture_refuses_what_does_not_fit(sources: list[Source], change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Mixture(sources, **{"ridge": 0.1, **change})


def test_mixture_accepts_bounds() -> None:
    mixture = Mixture([real(n_samples=1e15, noise_var=0)], ridge=0, width=1, activation=np.tanh)
    assert (mixture.sources[0].n_samples, mixture.ridge, mixture.width) == (10**15, 0.0, 1)


def test_mixture_resolves_spectra_and_target() -> None:
    own = Spectrum.isotropic(D)
    mixture = Mixture([real(), Source("b", n_samples=1), Source("c", n_samples=0, spectrum=own)], ridge=0.1)
    assert mixture.spectra == (real().spectrum, real().spectrum, own)
    assert (mixture.target, mixture.target_index, mixture.n_features) == ("real", 0, D)
    assert Mixture(mixture.sources, ridge=0.1, target="c").target_index == 2


def test_objects_are_frozen_to_their_arrays() -> None:
    given = np.ones(D)
    teacher = FixedTeacher(given)
    given[0] = 7.0
    assert teacher.vector[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        teacher.vector[0] = 2.0
    with pytest.raises(FrozenInstanceError):
        teacher.vector = given  # type: ignore[misc]
    for spectrum in (Spectrum.isotropic(D), Spectrum.full(FULL)):
        values = spectrum.eigenvalues if spectrum.eigenvalues is not None else spectrum.covariance
        assert not values.flags.writeable


def test_objects_compare_by_their_numbers() -> None:
    def build(vector: list[float], ridge: float = 0.1) -> Mixture:
        return Mixture([real(), Source("b", n_samples=1, shift=Shift(vector=vector))], ridge=ridge)

    same, again = build([0.0, 1, 2, 3]), build([-0.0, 1, 2, 3])
    assert same == again
    assert hash(same) == hash(again)
    assert same != build([0, 1, 2, 4])
    assert same != build([0, 1, 2, 3], ridge=0.2)
    assert same != "mixture"
    assert FixedTeacher([1.0]) != RandomTeacher([1.0])
    assert pickle.loads(pickle.dumps(same)) == same


def test_teachers_joint_law_shares_the_first_and_keeps_others_apart() -> None:
    sources = [
        real(teacher=RandomTeacher([4.0, 8, 12, 16])),
        Source("inherits", n_samples=1),
        Source("moved", n_samples=1, shift=Shift(vector=[1, 2, 3, 4])),
        Source("noisy", n_samples=1, shift=Shift(quality=0.5, shape="isotropic")),
        Source("random", n_samples=1, teacher=RandomTeacher(D)),
        Source("fixed", n_samples=1, teacher=FixedTeacher([5, 6, 7, 8])),
    ]
    law = Mixture(sources, ridge=0.1).teachers
    np.testing.assert_array_equal(law.fixed[[0, 1, 3, 4]], 0.0)
    np.testing.assert_array_equal(law.fixed[[2, 5]], [[1, 2, 3, 4], [5, 6, 7, 8]])
    np.testing.assert_array_equal(law.loadings, [[1, 0, 0], [1, 0, 0], [1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0]])
    trace = 1 + 1 / 2 + 1 / 3 + 1 / 4
    np.testing.assert_allclose(law.variances, [[1, 2, 3, 4], [0.5 / trace] * D, [1] * D], rtol=1e-14)
    assert law.directions == (None, None, None)


def test_teachers_joint_law_without_random_parts_has_no_component() -> None:
    law = Mixture([real(teacher=FixedTeacher([1, 2, 3, 4])), Source("b", n_samples=1)], ridge=0.1).teachers
    np.testing.assert_array_equal(law.fixed, [[1, 2, 3, 4]] * 2)
    assert law.loadings.shape == (2, 0)
    assert law.variances.shape == (0, D)


@pytest.mark.parametrize("spectrum", [Spectrum.explicit([4, 3, 2, 0]), Spectrum.full(FULL)], ids=["diagonal", "full"])
@pytest.mark.parametrize("shape", ["inverse_covariance", "isotropic", "covariance", [1.0, 0, 2, 9]])
def test_shift_has_the_quality_that_was_asked(spectrum: Spectrum, shape: object) -> None:
    sources = [real(spectrum=spectrum), Source("b", n_samples=1, shift=Shift(quality=0.3, shape=shape))]
    law = Mixture(sources, ridge=0.1).teachers
    basis = np.eye(D) if law.directions[1] is None else law.directions[1]
    covariance = np.diag([4.0, 3, 2, 0]) if spectrum.eigenvalues is not None else FULL
    shift_covariance = (basis * law.variances[1]) @ basis.T
    assert np.trace(covariance @ shift_covariance) == pytest.approx(0.3, rel=1e-12)
    assert np.trace(covariance @ shift_covariance / 2) != pytest.approx(0.3, rel=1e-12)  # the check can fail


def test_shift_shapes_follow_the_first_covariance() -> None:
    first = Spectrum.explicit([4.0, 1, 0, 0])
    variances = {
        shape: Shift(quality=1.0, shape=shape).variances(first) for shape in ("inverse_covariance", "covariance")
    }
    np.testing.assert_allclose(variances["inverse_covariance"], [1 / 8, 1 / 2, 0, 0], rtol=1e-14)
    np.testing.assert_allclose(variances["covariance"], [4 / 17, 1 / 17, 0, 0], rtol=1e-14)


def test_shift_reaches_every_direction_of_a_steep_spectrum() -> None:
    steep = Spectrum.power_law(1000, exponent=6.0)
    variances = Shift(quality=1.0, shape="inverse_covariance").variances(steep)
    np.testing.assert_allclose(variances * steep.eigenvalues, 1e-3, rtol=1e-12)


def test_shift_refuses_a_spectrum_that_cannot_be_inverted() -> None:
    with pytest.raises(InputError, match="cannot be reached"):
        Shift(quality=1.0, shape="inverse_covariance").variances(Spectrum.explicit([1.0, 1e-310]))


def test_shift_of_quality_zero_has_no_variance() -> None:
    assert (Shift(quality=0, shape="isotropic").variances(Spectrum.explicit([0.0, 0.0])) == 0).all()


def test_random_teacher_with_power_per_direction_follows_eigenvectors_of_a_full_covariance() -> None:
    law = Mixture([real(spectrum=Spectrum.full(FULL), teacher=RandomTeacher([4, 0, 0, 0]))], ridge=0.1).teachers
    leading = law.directions[0][:, 0]
    np.testing.assert_allclose(FULL @ leading, 4 * leading, atol=1e-13)
    np.testing.assert_allclose(law.variances, [[1, 0, 0, 0]])
