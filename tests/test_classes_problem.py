"""Are problems of two classes checked when built, filled in by inheritance, and the same after a file?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from modelcollapse import Classes, ClassSource, InputError, Spectrum, load_problem, save_problem
from modelcollapse.problems.schema import problem_from_dict, problem_to_dict

FLAT = Spectrum.isotropic(3)
REAL = ClassSource("real", n_samples=10, mean_norm=2.0, spectrum=FLAT)
DOCUMENTED = (Path(__file__).parent.parent / "docs" / "classes.md").read_text().split("```toml\n")[1].split("```")[0]


def test_classes_fill_in_what_sources_inherit() -> None:
    other = ClassSource("other", n_samples=5, mean=[1.0, 0.0, -1.0])
    problem = Classes([REAL, ClassSource("same", n_samples=5), other], ridge=0.1)
    assert problem.means == pytest.approx(np.array([[2 / 3**0.5] * 3] * 2 + [[1.0, 0.0, -1.0]]))
    assert (problem.eigenvalues == 1).all()
    assert problem.eigenvalues.shape == (3, problem.n_features)
    assert problem.sources[1].mean_norm == 2.0
    assert problem.sources[2].mean_norm is None


def test_class_source_counts_what_is_kept() -> None:
    source = ClassSource("synthetic", n_samples=1000, label_error=0.4, hit=0.8, false_keep=0.3)
    assert (source.right_share, source.wrong_share) == pytest.approx((0.48, 0.12))
    assert source.n_kept == pytest.approx(600)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": " "}, "`name`"),
        ({"n_samples": -1}, "`n_samples`"),
        ({"label_error": 1.1}, "`label_error`"),
        ({"hit": -0.1}, "`hit`"),
        ({"false_keep": "all"}, "`false_keep`"),
        ({"mean_norm": -1.0}, "`mean_norm`"),
        ({"mean": [1.0, 0.0, 0.0], "mean_norm": 1.0}, "not both"),
        ({"mean": [[1.0]]}, "`mean`"),
        ({"spectrum": Spectrum.full(np.eye(3))}, "covariance"),
        ({"spectrum": Spectrum.explicit([1.0, 0.0, 1.0])}, "positive"),
        ({"spectrum": np.ones(3)}, "`spectrum`"),
    ],
)
def test_class_source_refuses_what_cannot_be(given: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        ClassSource(**{"name": "other", "n_samples": 10, **given})


@pytest.mark.parametrize(
    ("sources", "ridge", "said"),
    [
        ([], 0.1, "at least one"),
        ([REAL, "synthetic"], 0.1, "ClassSource"),
        ([REAL, REAL], 0.1, "unique"),
        ([ClassSource("real", n_samples=1, mean_norm=1.0)], 0.1, "`spectrum`"),
        ([ClassSource("real", n_samples=1, spectrum=FLAT)], 0.1, "`mean_norm`"),
        ([REAL, ClassSource("other", n_samples=1, mean=[1.0])], 0.1, "`mean` of source `other`"),
        ([REAL, ClassSource("other", n_samples=1, spectrum=Spectrum.isotropic(2))], 0.1, "`spectrum` of source"),
        ([ClassSource("real", n_samples=0, mean_norm=1.0, spectrum=FLAT)], 0.1, "nothing is left"),
        ([ClassSource("real", n_samples=9, mean_norm=1.0, spectrum=FLAT, hit=0.0)], 0.1, "nothing is left"),
        ([REAL], -0.1, "`ridge`"),
        ([REAL], 1e101, "`ridge`"),
    ],
)
def test_classes_refuse_what_does_not_fit_together(sources: list[ClassSource], ridge: float, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Classes(sources, ridge=ridge)


def test_classes_accept_all_labels_wrong_and_all_wrong_ones_dropped() -> None:
    dropped = ClassSource("dropped", n_samples=9, label_error=1.0, false_keep=0.0)
    assert Classes([REAL, dropped], ridge=0).sources[1].n_kept == 0


@pytest.mark.parametrize("ending", ["toml", "json"])
def test_classes_files_round_trip(ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"problem.{ending}"
    others = [
        ClassSource("same", n_samples=5, label_error=0.1),
        ClassSource("mean", n_samples=5, mean=[1.0, 0.0, -1.0], hit=0.5),
        ClassSource(
            "spectrum", n_samples=5, spectrum=Spectrum.explicit([1.0, 2.0, 3.0]), mean_norm=0.5, false_keep=0.0
        ),
    ]
    problem = Classes([REAL, *others], ridge=0.1)
    save_problem(problem, file)
    assert load_problem(file) == problem
    assert load_problem(file) != Classes([REAL, *others], ridge=0.2)


def test_classes_file_of_the_documentation_says_what_it_should(tmp_path: Path) -> None:
    (tmp_path / "problem.toml").write_text(DOCUMENTED)
    real = ClassSource("real", n_samples=500, mean_norm=1.0, spectrum=Spectrum.isotropic(500))
    synthetic = ClassSource("synthetic", n_samples=5000, label_error=0.4, hit=0.8, false_keep=0.3)
    assert load_problem(tmp_path / "problem.toml") == Classes([real, synthetic], ridge=0.1)


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        ({"width": 3}, "unknown key `width`"),
        ({"ridge": None}, "`ridge`"),
        ({"kind": "clases"}, "Did you mean `classes`"),
        ({"sources": []}, "`sources`"),
        ({"sources": [{"name": "real", "n_samples": 1, "covariance": [[1.0]]}]}, "unknown key `covariance`"),
        ({"sources": [{"name": "real", "eigenvalues": [1.0], "mean": [1.0]}]}, r"source 1 of 1 \(`real`\).*n_samples"),
        ({"sources": [{"name": "real", "n_samples": 1, "eigenvalues": [1.0], "mean": 1.0}]}, "`mean`"),
    ],
)
def test_classes_files_are_refused_by_key(problem: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        problem_from_dict({**problem_to_dict(Classes([REAL], ridge=0.1)), **problem})
