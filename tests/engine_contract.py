"""What does every engine promise, whatever it computes? One class of tests that the tests of each engine inherit."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from extrapolation import THRESHOLD, Numbers, deviations, furthest, numbers
from modelcollapse import FixedTeacher, InputError, Mixture, RandomTeacher, Shift, Source, Spectrum, __version__
from modelcollapse.result import PARTS, Result, Status

D = 20
ROTATION = np.linalg.qr(np.random.default_rng(0).standard_normal((D, D)))[0]
KNOWN, OTHER = (np.cos(np.arange(D) ** power) / np.sqrt(D) for power in (1.5, 1.3))
FALLING, RISING = 4.0 / np.arange(1.0, D + 1), np.linspace(0.3, 1.5, D)

NEARLY_SINGULAR = 1e-6
"""Rounding of labels of variance about 1, fitted through matrices as badly conditioned as those at the threshold."""

MODELS: dict[str, dict[str, Any]] = {
    "linear": {"ridge": 0.05},
    "linear without ridge": {"ridge": 0.0},
    "linear without ridge, few samples": {"ridge": 0.0, "n": (4, 3, 2)},
    "narrow projection": {"ridge": 0.05, "width": 12},
    "wide projection": {"ridge": 0.05, "width": 50},
    "projection without ridge": {"ridge": 0.0, "width": 12},
    "relu network": {"ridge": 0.05, "width": 12, "activation": "relu"},
}
models = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


def problem(*, n: Sequence[int] = (40, 30, 20), scale: float = 1.0, **model: Any) -> Mixture:
    """Return three sources with a known, a random and another known teacher, none a shift of another.

    Teachers are multiplied by `scale`, noise by its square.
    """
    teachers = (FixedTeacher(scale * KNOWN), RandomTeacher(0.5 * scale**2), FixedTeacher(scale * OTHER))
    spectra = (Spectrum.explicit(FALLING), Spectrum.explicit(RISING), Spectrum.explicit(FALLING))
    names, noise, weights = ("real", "other", "third"), (0.3, 0.1, 0.2), (1.0, 0.5, 2.0)
    sources = [
        Source(names[k], n_samples=n[k], noise_var=scale**2 * noise[k], weight=weights[k], spectrum=s, teacher=t)
        for k, (s, t) in enumerate(zip(spectra, teachers, strict=True))
    ]
    return Mixture(sources, **model)


def with_source(mixture: Mixture, index: int, **changes: Any) -> Mixture:
    """Return the problem with one source changed."""
    sources = list(mixture.sources)
    sources[index] = replace(sources[index], **changes)
    return replace(mixture, sources=sources)


def turned(mixture: Mixture, matrix: np.ndarray, *, teachers: bool = True) -> Mixture:
    """Return the problem with its inputs multiplied by an orthogonal matrix, and known teachers too unless told not."""
    sources = []
    for source in mixture.sources:
        assert source.spectrum is not None
        covariance = Spectrum.full(matrix @ np.diag(source.spectrum.eigenvalues) @ matrix.T)
        known = isinstance(source.teacher, FixedTeacher) and teachers
        teacher = FixedTeacher(matrix @ source.teacher.vector) if known else source.teacher
        sources.append(replace(source, spectrum=covariance, teacher=teacher))
    return replace(mixture, sources=sources)


def scaled(found: Numbers, factor: float, *, only: str = "") -> Numbers:
    """Return numbers times a factor: one of them, or all but the effective ridge."""
    chosen = {only} if only else set(found) - {"effective_ridge"}
    return {name: (v * factor, e * factor) if name in chosen else (v, e) for name, (v, e) in found.items()}


def far(one: Numbers, other: Numbers) -> float:
    """Return how far two answers are from each other in standard errors, in what both name."""
    common = one.keys() & other.keys()
    assert {"excess_risk", "training_error of real"} <= common
    return furthest(deviations({name: one[name] for name in common}, other))


class EngineContract:
    """Inherit this, name the engine, and say how it solves and what it refuses."""

    engine: str

    def solve(self, mixture: Mixture) -> Result:
        """Return the engine's answer."""
        raise NotImplementedError

    def solve_anew(self, mixture: Mixture) -> Result:
        """Return the engine's answer with other random numbers, where there are any."""
        raise NotImplementedError

    def refused(self) -> dict[str, Callable[[], object]]:
        """Return calls that must be refused, by a part of the message that they must raise."""
        raise NotImplementedError

    @models
    def test_engine_answers_with_every_number_and_where_it_is_from(self, model: dict[str, Any]) -> None:
        result = self.solve(problem(**model))
        assert isinstance(result, Result)
        assert (result.status, result.engine, result.version) == (Status.OK, self.engine, __version__)
        assert result.assumptions
        assert list(result.training_error) == ["real", "other", "third"]
        for value, stderr in numbers(result).values():
            assert type(value) is type(stderr) is float
            assert np.isfinite(value)
            assert 0 <= stderr < np.inf

    @models
    def test_engine_gives_a_standard_error_for_every_number(self, model: dict[str, Any]) -> None:
        content = self.solve(problem(**model)).to_dict()
        measured = {"excess_risk", "test_error", "training_error", *PARTS, "effective_ridge"}
        assert set(content["stderr"]) == measured
        assert set(content["stderr"]["training_error"]) == set(content["training_error"])
        assert json.loads(json.dumps(content, allow_nan=False)) == content

    @models
    def test_engine_gives_parts_that_add_up(self, model: dict[str, Any]) -> None:
        result = self.solve(problem(**model))
        assert sum(getattr(result, part) for part in PARTS) == pytest.approx(result.excess_risk, rel=1e-9)
        assert result.variance > 0
        assert result.bias > -1e-9
        assert (result.projection_variance == 0) == ("width" not in model)

    @models
    def test_engine_adds_the_targets_noise_to_the_excess_risk(self, model: dict[str, Any]) -> None:
        for target, noise_var in (("real", 0.3), ("other", 0.1)):
            result = self.solve(replace(problem(**model), target=target))
            assert result.test_error == pytest.approx(result.excess_risk + noise_var, rel=1e-12)
            assert result.stderr["test_error"] == result.stderr["excess_risk"]

    @models
    def test_engine_gives_the_same_bits_to_the_same_call_and_leaves_the_problem_alone(
        self, model: dict[str, Any]
    ) -> None:
        asked = problem(**model)
        before = copy.deepcopy(asked)
        first = self.solve(asked)
        assert asked == before
        assert first == self.solve(asked) == self.solve(before)

    @models
    def test_engine_scales_risks_by_the_square_of_teachers_and_root_noise(self, model: dict[str, Any]) -> None:
        one, thrice = (numbers(solve(problem(**model, scale=c))) for solve, c in self._pair(1.0, 3.0))
        assert far(thrice, scaled(one, 9.0)) < THRESHOLD < far(thrice, scaled(one, 3.0))

    @models
    def test_engine_does_not_see_the_order_of_coordinates(self, model: dict[str, Any]) -> None:
        asked = problem(**model)
        order = np.random.default_rng(1).permutation(D)
        matrix = np.eye(D)[order]
        shuffled = turned(asked, matrix)
        for k, source in enumerate(asked.sources):  # as eigenvalues again
            shuffled = with_source(shuffled, k, spectrum=Spectrum.explicit(source.spectrum.eigenvalues[order]))
        wrong = with_source(shuffled, 0, teacher=asked.sources[0].teacher)
        self._same(asked, shuffled, wrong)

    @models
    def test_engine_does_not_see_a_rotation(self, model: dict[str, Any]) -> None:
        asked = problem(**model)
        self._same(asked, turned(asked, ROTATION), turned(asked, ROTATION, teachers=False))

    @models
    def test_engine_does_not_see_the_order_of_sources(self, model: dict[str, Any]) -> None:
        asked = problem(**model)
        reordered = replace(asked, sources=asked.sources[::-1])
        self._same(asked, reordered, replace(reordered, target="third"))

    @models
    def test_engine_does_not_see_a_source_split_in_two(self, model: dict[str, Any]) -> None:
        asked = problem(**model)
        first = asked.sources[0]
        half = replace(first, n_samples=first.n_samples // 2)

        def halves(**changes: Any) -> Mixture:
            return replace(asked, sources=[half, *asked.sources[1:], replace(half, name="half", **changes)])

        self._same(asked, halves(), halves(noise_var=2.0))

    @models
    def test_engine_does_not_see_a_common_factor_of_weights_and_ridge(self, model: dict[str, Any]) -> None:
        asked = problem(**model)
        heavier = [replace(source, weight=7 * source.weight) for source in asked.sources]
        one, other = (
            numbers(solve(mixture))
            for solve, mixture in self._pair(asked, replace(asked, sources=heavier, ridge=7 * asked.ridge))
        )
        expected = scaled(one, 7.0, only="effective_ridge")
        assert far(other, expected) < THRESHOLD
        if one["effective_ridge"][0] > 0:
            assert far(other, one) > THRESHOLD

    @models
    def test_engine_counts_a_source_of_weight_0_in_the_total_only(self, model: dict[str, Any]) -> None:
        """The ridge is per sample of the total, so without the source it must be larger by the ratio of totals."""
        asked = with_source(problem(**model), 1, weight=0.0)
        total, left = (sum(source.n_samples for source in asked.sources[::step]) for step in (1, 2))
        absent = replace(asked, sources=asked.sources[::2], ridge=asked.ridge * total / left)
        one, other = (numbers(solve(mixture)) for solve, mixture in self._pair(asked, absent))
        assert far(other, scaled(one, total / left, only="effective_ridge")) < THRESHOLD
        present = numbers(self.solve_anew(with_source(absent, 1, n_samples=2 * absent.sources[1].n_samples)))
        assert far(present, one) > THRESHOLD

    @models
    def test_engine_answers_as_without_a_source_that_has_no_samples(self, model: dict[str, Any]) -> None:
        asked = with_source(problem(**model), 1, n_samples=0)
        self._same(
            replace(asked, sources=asked.sources[::2]),
            asked,
            with_source(asked, 0, n_samples=asked.sources[0].n_samples // 2),
        )
        unseen = self.solve(replace(asked, target="other"))
        assert unseen.status is Status.OK
        assert unseen.excess_risk > 0
        json.dumps(unseen.to_dict(), allow_nan=False)

    @models
    def test_engine_finds_no_collapse_with_clean_labels_and_some_with_shifted_ones(self, model: dict[str, Any]) -> None:
        asked = with_source(with_source(problem(**model), 1, teacher=None), 2, teacher=None)
        clean = self.solve(asked)
        assert (clean.collapse, clean.stderr["collapse"]) == (pytest.approx(0, abs=1e-12), pytest.approx(0, abs=1e-12))
        shifted = self.solve(with_source(asked, 2, shift=Shift(quality=0.5, shape="covariance")))
        assert shifted.collapse > THRESHOLD * shifted.stderr["collapse"]
        assert shifted.collapse > 0.01 * shifted.excess_risk

    @models
    def test_engine_gives_the_ridge_of_a_linear_model_as_effective_ridge(self, model: dict[str, Any]) -> None:
        result = self.solve(problem(**model))
        if "width" in model:
            assert result.effective_ridge > model["ridge"] * D / model["width"]
        else:
            assert (result.effective_ridge, result.stderr["effective_ridge"]) == (model["ridge"], 0.0)

    @pytest.mark.parametrize(
        "model",
        [
            {"n": (10, 6, 4)},
            {"n": (6, 4, 2), "width": 12},
            {"n": (10, 6, 4), "width": 50},
            {"n": (6, 4, 2), "width": 12, "activation": "relu"},
        ],
        ids=["linear", "narrow projection", "wide projection", "relu network"],
    )
    def test_engine_gives_no_finite_risk_on_the_interpolation_threshold(self, model: dict[str, Any]) -> None:
        result = self.solve(problem(**model, ridge=0.0))
        assert result.status is Status.INTERPOLATION_THRESHOLD
        assert result.excess_risk == result.test_error == result.variance == np.inf
        assert np.isnan([result.projection_variance, result.collapse]).all()
        assert result.training_error == pytest.approx(dict.fromkeys(result.training_error, 0.0), abs=NEARLY_SINGULAR)
        content = result.to_dict()
        assert content["excess_risk"] is None
        json.dumps(content, allow_nan=False)

    def test_engine_refuses_what_it_cannot_do(self) -> None:
        for message, call in self.refused().items():
            with pytest.raises(InputError, match=message):
                call()

    def _pair(self, one: Any, other: Any) -> tuple[tuple[Callable[[Mixture], Result], Any], ...]:
        """Return two things, each with how to solve it, so that their answers are independent."""
        return (self.solve, one), (self.solve_anew, other)

    def _same(self, one: Mixture, other: Mixture, wrong: Mixture) -> None:
        """Check that two problems have the same answer, and that a wrong one of them does not."""
        answer = numbers(self.solve(one))
        assert far(numbers(self.solve_anew(other)), answer) < THRESHOLD
        assert far(numbers(self.solve_anew(wrong)), answer) > THRESHOLD
