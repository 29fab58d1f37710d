"""Does the accuracy of a classifier on pruned, noisy labels come out as published, derived and by symmetry it must?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from modelcollapse import Classes, ClassSource, InputError, Spectrum, solve_classes
from modelcollapse.result import Status
from modelcollapse.theory.classes import Labels, breakdown_point, class_margin
from modelcollapse.theory.classes_engine import accuracies, with_best_n_samples

D = 100
FLAT = Spectrum.isotropic(D)
HIT, FALSE_KEEP = 0.8, 0.3
TOP = float(ndtr(1.0))
"""Accuracy of the best classifier for means of norm 1 and isotropic classes."""
ERRORS = (0.5, 0.65, 0.7, 8 / 11, 0.75, 0.8)
PRINTED = {
    1: (0.597, 0.536, 0.513, 0.5, 0.489, 0.462),
    0.1: (0.736, 0.611, 0.543, 0.5, 0.463, 0.383),
    0.01: (0.825, 0.753, 0.627, 0.5, 0.389, 0.241),
    0.001: (0.840, 0.828, 0.769, 0.5, 0.247, 0.170),
}
"""Accuracies by features per sample, at the label errors above, that the published formula gives."""
MEASURED = {
    (1000, 500, 0.3, 0.1, 0.5, 0.1): (0.2925, 0.5746, 0.6622),
    (1000, 200, 0.6, 0.3, 0.8, 1.0): (0.0655, 0.0461, 0.6255),
    (400, 200, 0.2, 1.0, 1.0, 0.1): (0.2760, 0.6196, 0.6459),
}
"""Mean, second moment and accuracy by samples, features, label error, false keep, hit and ridge; from kept rows."""


def synthetic(n_samples: float, n_features: int, **given: float) -> Classes:
    source = ClassSource(
        "synthetic",
        n_samples=round(n_samples),
        mean_norm=1.0,
        spectrum=Spectrum.isotropic(n_features),
        label_error=given["label_error"],
        hit=given["hit"],
        false_keep=given["false_keep"],
    )
    return Classes([source], ridge=given["ridge"])


def published(features_per_sample: float, *, label_error: float, hit: float, false_keep: float, ridge: float) -> float:
    """Return the accuracy by the authors' code for synthetic data alone, isotropic, means of norm 1.

    Its fixed point carries the share of kept samples α once too often.
    """
    eta, alpha = features_per_sample, hit * (1 - label_error) + false_keep * label_error
    balance = hit * (1 - label_error) - false_keep * label_error
    slope = alpha + ridge - eta * alpha
    delta = (-slope + np.sqrt(slope**2 + 4 * eta * alpha * ridge)) / (2 * ridge)
    bulk = alpha + ridge * (1 + delta)
    denominator, h = alpha + bulk, 1 - alpha * eta / bulk**2
    mean = balance / denominator
    second = balance**2 / (h * denominator) * (2 / denominator - 2 * (1 - h) / alpha) + (1 - h) / h
    return float(ndtr(mean / np.sqrt(second - mean**2)))


@pytest.mark.parametrize(("setting", "expected"), MEASURED.items())
def test_classes_mean_second_moment_and_accuracy_are_those_of_the_kept_rows(
    setting: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    n, d, label_error, false_keep, hit, ridge = setting
    problem = synthetic(n, int(d), label_error=label_error, hit=hit, false_keep=false_keep, ridge=ridge)
    result = solve_classes(problem)
    found = (result.margin_mean, result.margin_variance + result.margin_mean**2, result.accuracy)
    assert found == pytest.approx(expected, abs=6e-5)  # as printed
    wrong = published(d / n, label_error=label_error, hit=hit, false_keep=false_keep, ridge=ridge)
    assert (abs(wrong - expected[2]) < 6e-5) == (hit == false_keep == 1)


@pytest.mark.parametrize("features_per_sample", [0.1, 1])
@pytest.mark.parametrize("label_error", [0.1, 0.3, 0.45])
def test_classes_published_formula_is_exact_where_nothing_is_pruned_only(
    features_per_sample: float, label_error: float
) -> None:
    for rates, exact in (({"hit": 1.0, "false_keep": 1.0}, True), ({"hit": HIT, "false_keep": FALSE_KEEP}, False)):
        given = {"label_error": label_error, "ridge": 1.0, **rates}
        found = solve_classes(synthetic(1000 / features_per_sample, 1000, **given)).accuracy
        difference = abs(published(features_per_sample, **given) - found)
        assert difference < 1e-9 if exact else difference > 1e-5


def test_classes_pruning_equals_dropping_the_pruned_rows() -> None:
    pruned = synthetic(1000, D, label_error=0.4, hit=0.5, false_keep=0.25, ridge=0.1)
    kept = synthetic(400, D, label_error=0.25, hit=1.0, false_keep=1.0, ridge=0.25)
    one, other = solve_classes(pruned), solve_classes(kept)
    assert (one.margin_mean, one.accuracy) == pytest.approx((other.margin_mean, other.accuracy), rel=1e-12)
    other = solve_classes(replace(kept, ridge=0.1))  # as if the ridge were counted per kept sample
    assert abs(one.accuracy - other.accuracy) > 1e-4


def transition(features_per_sample: float, label_error: float) -> float:
    """Return the accuracy beside the breakdown point, with ridge 1."""
    given = {"label_error": label_error, "hit": HIT, "false_keep": FALSE_KEEP, "ridge": 1.0}
    return solve_classes(synthetic(1000 / features_per_sample, 1000, **given)).accuracy


def test_classes_transition_at_finite_ratio_is_smooth_and_as_printed_where_samples_abound() -> None:
    for ratio, printed in PRINTED.items():
        given = {"hit": HIT, "false_keep": FALSE_KEEP, "ridge": 1.0}
        assert [published(ratio, label_error=e, **given) for e in ERRORS] == pytest.approx(printed, abs=1.1e-3)
        found = [transition(ratio, e) for e in ERRORS]
        assert found == pytest.approx(printed, abs=0.06 * ratio + 1.1e-3)
        assert found == sorted(found, reverse=True)
        assert found[3] == pytest.approx(0.5, abs=1e-12)


def test_classes_transition_becomes_a_jump_at_the_breakdown_point() -> None:
    point = breakdown_point(hit=HIT, false_keep=FALSE_KEEP)
    assert point == pytest.approx(1 / (1 + FALSE_KEEP / HIT), rel=1e-15)
    for side, limit in ((-0.01, TOP), (0.01, 1 - TOP)):
        assert transition(1e-7, point + side) == pytest.approx(limit, abs=1e-3)
        assert abs(transition(0.1, point + side) - 0.5) < 0.05  # with few samples there is no jump


def test_classes_many_right_labels_reach_the_best_linear_classifier() -> None:
    spectrum, mean = Spectrum.power_law(D, exponent=1.0), np.cos(np.arange(D)) / 50
    source = ClassSource("real", n_samples=10**12, mean=mean, spectrum=spectrum)
    assert spectrum.eigenvalues is not None
    best = ndtr(np.sqrt(mean**2 @ (1 / spectrum.eigenvalues)))
    assert solve_classes(Classes([source], ridge=0)).accuracy == pytest.approx(best, abs=1e-9)
    assert solve_classes(Classes([source], ridge=0.1)).accuracy < best - 1e-3


@pytest.mark.parametrize("ridge", [0.0, 0.1])
@pytest.mark.parametrize("n_samples", [60, 400])
def test_classes_flipping_every_label_flips_the_accuracy(ridge: float, n_samples: int) -> None:
    right = ClassSource("real", n_samples=n_samples, mean_norm=1.0, spectrum=FLAT, label_error=0.2)
    wrong = replace(right, label_error=0.8)
    one, other = (solve_classes(Classes([source], ridge=ridge)) for source in (right, wrong))
    assert one.accuracy + other.accuracy == pytest.approx(1, abs=1e-12)
    assert one.margin_variance == pytest.approx(other.margin_variance, rel=1e-12)
    assert one.accuracy > 0.55


def two_worlds(ridge: float = 0.1) -> Classes:
    real = ClassSource("real", n_samples=80, mean_norm=1.0, spectrum=FLAT)
    spectrum = Spectrum.power_law(D, exponent=0.5)
    mean = np.cos(np.arange(D)) / 8
    other = ClassSource("other", n_samples=300, mean=mean, spectrum=spectrum, label_error=0.3, hit=0.9, false_keep=0.2)
    return Classes([real, other], ridge=ridge)


def test_classes_do_not_see_order_of_sources_a_split_or_coordinates() -> None:
    problem = two_worlds()
    expected = solve_classes(problem).accuracy
    first, other = problem.sources
    half = replace(other, n_samples=150)
    split = replace(problem, sources=[first, half, replace(half, name="half")])
    assert solve_classes(split).accuracy == pytest.approx(expected, rel=1e-12)
    order = np.random.default_rng(0).permutation(D)
    assert other.mean is not None
    assert other.spectrum is not None
    assert other.spectrum.eigenvalues is not None
    turned = replace(other, mean=other.mean[order], spectrum=Spectrum.explicit(other.spectrum.eigenvalues[order]))
    assert solve_classes(replace(problem, sources=[first, turned])).accuracy == pytest.approx(expected, rel=1e-12)
    only_mean = replace(other, mean=other.mean[order])
    assert abs(solve_classes(replace(problem, sources=[first, only_mean])).accuracy - expected) > 1e-4


def test_classes_do_not_see_units_of_the_inputs() -> None:
    problem = two_worlds()
    sources = []
    for source in problem.sources:
        assert source.spectrum is not None
        assert source.spectrum.eigenvalues is not None
        mean = 3 * problem.means[len(sources)]
        spectrum = Spectrum.explicit(9 * source.spectrum.eigenvalues)
        sources.append(replace(source, mean=mean, mean_norm=None, spectrum=spectrum))
    expected = solve_classes(problem).accuracy
    assert solve_classes(Classes(sources, ridge=9 * problem.ridge)).accuracy == pytest.approx(expected, rel=1e-12)
    assert abs(solve_classes(Classes(sources, ridge=3 * problem.ridge)).accuracy - expected) > 1e-4


def test_classes_a_source_without_kept_samples_counts_in_the_total_only() -> None:
    real, other = two_worlds().sources
    rejected = replace(other, hit=0.0, false_keep=0.0)
    expected = solve_classes(Classes([real], ridge=0.1 * 380 / 80))
    result = solve_classes(Classes([real, rejected], ridge=0.1))
    assert result.accuracy == pytest.approx(expected.accuracy, rel=1e-12)
    assert np.isnan(result.kept_label_error["other"])
    assert result.kept_samples["other"] == 0
    assert abs(solve_classes(Classes([real], ridge=0.1)).accuracy - expected.accuracy) > 1e-4


def test_classes_ridge_goes_to_the_minimum_norm_solution_on_both_sides_of_interpolation() -> None:
    for n_samples in (40, 300):
        source = replace(two_worlds().sources[1], n_samples=n_samples)
        limit, near = (solve_classes(Classes([source], ridge=ridge)) for ridge in (0.0, 1e-9))
        assert limit.status is Status.OK
        assert (limit.accuracy, limit.margin_variance) == pytest.approx((near.accuracy, near.margin_variance), rel=1e-5)


def test_classes_interpolation_threshold_is_said() -> None:
    source = ClassSource("real", n_samples=D, mean_norm=1.0, spectrum=FLAT)
    result = solve_classes(Classes([source], ridge=0))
    assert result.status is Status.INTERPOLATION_THRESHOLD
    assert (result.accuracy, result.margin_variance) == (0.5, np.inf)
    below, above = (solve_classes(Classes([replace(source, n_samples=n)], ridge=0)) for n in (D - 1, D + 1))
    assert 0.5 < below.accuracy < 0.6
    assert 0.5 < above.accuracy < 0.6


@pytest.mark.parametrize("ridge", [1e-30, 1e-12, 1e12, 1e100])
def test_classes_extreme_ridges_keep_a_finite_accuracy(ridge: float) -> None:
    assert 0.55 < solve_classes(two_worlds(ridge)).accuracy < TOP


def test_class_margin_answers_a_batch_as_its_points() -> None:
    problem = two_worlds()
    counts = np.array([[[80.0, 120.0], [80.0, 0.0]], [[0.0, 10.0], [40.0, 40.0]]])
    labels = Labels(n_right=counts, n_wrong=counts / 4, n_total=counts.sum(axis=-1) * 2, ridge=np.array([0.1, 0.3]))
    arrays = {"means": problem.means, "eigenvalues": problem.eigenvalues}
    found = class_margin(labels, **arrays).accuracy
    assert found.shape == (2, 2)
    for i, j in np.ndindex(2, 2):
        point = Labels(
            n_right=counts[i, j],
            n_wrong=counts[i, j] / 4,
            n_total=np.array(counts[i, j].sum() * 2),
            ridge=np.array([0.1, 0.3][j]),
        )
        assert found[i, j] == pytest.approx(float(class_margin(point, **arrays).accuracy), rel=1e-9)


def test_accuracies_are_those_of_the_problems_one_by_one() -> None:
    problem, counts = two_worlds(), [0, 10, 1000]
    first, other = problem.sources
    problems = [replace(problem, sources=[first, replace(other, n_samples=n)]) for n in counts]
    expected = [solve_classes(one).accuracy for one in problems]
    assert accuracies(problem, source="other", n_samples=counts).tolist() == pytest.approx(expected, rel=1e-9)
    for given in ({"source": "othr"}, {"n_samples": [-1.0]}, {"n_samples": [[1.0]]}):
        with pytest.raises(InputError):
            accuracies(problem, **{"source": "other", "n_samples": counts, **given})
    with pytest.raises(InputError, match="nothing is left"):
        accuracies(replace(problem, sources=[first]), source="real", n_samples=[0.0])


def test_best_n_samples_are_better_than_their_neighbours() -> None:
    real = ClassSource("real", n_samples=400, mean_norm=1.0, spectrum=FLAT)
    aside = ClassSource("aside", n_samples=1, mean=(1 + np.cos(np.arange(D))) / np.sqrt(D), label_error=0.1)
    problem = Classes([real, aside], ridge=0.1)
    best = with_best_n_samples(problem, source="aside", max_samples=10**6).sources[1].n_samples
    around = np.arange(best - 100, best + 101)
    assert around[np.argmax(accuracies(problem, source="aside", n_samples=around))] == best
    none, found, many = accuracies(problem, source="aside", n_samples=[0, best, 10**6])
    assert found > none + 0.005
    assert found > many + 0.005


@pytest.mark.parametrize(("label_error", "best"), [(0.1, 3000), (0.9, 0)])
def test_best_n_samples_are_all_or_none_where_labels_are_mostly_right_or_wrong(label_error: float, best: int) -> None:
    real = ClassSource("real", n_samples=200, mean_norm=1.0, spectrum=FLAT)
    problem = Classes([real, ClassSource("synthetic", n_samples=1, label_error=label_error)], ridge=0.1)
    assert with_best_n_samples(problem, source="synthetic", max_samples=3000).sources[1].n_samples == best
