"""Do problem files come back as they went, and are bad ones refused in one clear line?"""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelcollapse import (
    FixedTeacher,
    InputError,
    Mixture,
    RandomTeacher,
    Shift,
    Source,
    Spectrum,
    load_problem,
    save_problem,
)
from modelcollapse.problems.schema import problem_from_dict, problem_to_dict

DESIGN = """
kind = "mixture"
ridge = 1e-3
# width = 200
target = "real"

[[sources]]
name = "real"
n_samples = 900
noise_var = 0.2
weight = 1.0
spectrum = { kind = "power_law", n_features = 300, exponent = 1.2, scale = 1.0 }
teacher = { kind = "random", power = 1.0 }

[[sources]]
name = "synthetic"
n_samples = 100
noise_var = 0.1
shift = { quality = 0.3, shape = "inverse_covariance" }
"""

REAL = {"name": "real", "n_samples": 9, "eigenvalues": [2.0, 1.0], "teacher": [1.0, 0.5]}
PLAIN = {"kind": "mixture", "ridge": 0.1, "sources": [REAL]}


REPLACE = {"kind": "replace", "generations": 2, "design": "fresh"}


def with_source(**changes: object) -> dict[str, object]:
    """Return the plain problem with keys of its only source changed, or removed where None."""
    source = {key: value for key, value in {**REAL, **changes}.items() if value is not None}
    return {**PLAIN, "sources": [source]}


def with_second(**second: object) -> dict[str, object]:
    return {**PLAIN, "sources": [REAL, {"name": "synthetic", "n_samples": 1, **second}]}


def test_load_problem_reads_the_documented_file(tmp_path: Path) -> None:
    (tmp_path / "problem.toml").write_text(DESIGN)
    real = Source(
        "real",
        n_samples=900,
        noise_var=0.2,
        spectrum=Spectrum.power_law(300, exponent=1.2),
        teacher=RandomTeacher(),
    )
    shift = Shift(quality=0.3, shape="inverse_covariance")
    synthetic = Source("synthetic", n_samples=100, noise_var=0.1, shift=shift)
    assert load_problem(tmp_path / "problem.toml") == Mixture([real, synthetic], ridge=1e-3)
    assert load_problem(str(tmp_path / "problem.toml")) != Mixture([real, synthetic], ridge=2e-3)


positive = st.floats(1e-6, 1e6)
entries = st.floats(-1e6, 1e6)


def vectors(size: int, values: st.SearchStrategy[float]) -> st.SearchStrategy[list[float]]:
    return st.lists(values, min_size=size, max_size=size)


@st.composite
def spectra(draw: st.DrawFn, size: int) -> Spectrum:
    factor = np.array(draw(st.lists(vectors(size, st.floats(-10, 10)), min_size=size, max_size=size)))
    return draw(
        st.one_of(
            st.builds(Spectrum.isotropic, st.just(size), scale=positive),
            st.builds(Spectrum.power_law, st.just(size), exponent=st.floats(-2, 4), scale=positive),
            st.builds(Spectrum.spiked, st.just(size), spikes=vectors(1, positive), bulk=st.floats(0, 10)),
            st.builds(Spectrum.explicit, vectors(size, positive)),
            st.just(Spectrum.full(factor @ factor.T + np.eye(size))),
        )
    )


def is_name(text: str) -> bool:
    return bool(text.strip()) and text.isprintable()


@st.composite
def mixtures(draw: st.DrawFn) -> Mixture:
    size = draw(st.integers(1, 4))
    teachers = st.one_of(
        st.builds(FixedTeacher, vectors(size, entries)),
        st.builds(RandomTeacher, st.one_of(positive, vectors(size, positive))),
    )
    shapes = st.one_of(st.sampled_from(["inverse_covariance", "isotropic", "covariance"]), vectors(size, positive))
    shifts = st.one_of(
        st.builds(Shift, quality=st.floats(0, 10), shape=shapes),
        st.builds(Shift, vector=vectors(size, entries)),
    )
    names = draw(st.lists(st.text(min_size=1).filter(is_name), min_size=1, max_size=3, unique=True))
    sources = []
    for k, name in enumerate(names):
        teacher = draw(teachers if k == 0 else st.none() | teachers)
        source = Source(
            name,
            n_samples=draw(st.integers(0 if k else 1, 10**15)),
            noise_var=draw(st.floats(0, 1e3)),
            weight=draw(positive),
            spectrum=draw(spectra(size) if k == 0 else st.none() | spectra(size)),
            teacher=teacher,
            shift=draw(st.none() | shifts) if teacher is None else None,
        )
        sources.append(source)
    width = draw(st.none() | st.integers(1, 10**6))
    activation = draw(st.none() | st.sampled_from(["relu", "tanh", "erf", "identity"])) if width else None
    ridge, target = draw(st.just(0.0) | st.floats(1e-30, 1e3)), draw(st.none() | st.sampled_from(names))
    return Mixture(sources, ridge=ridge, width=width, activation=activation, target=target)


@pytest.mark.parametrize("ending", ["toml", "json"])
@settings(max_examples=40)
@given(mixture=mixtures())
def test_problem_files_round_trip(ending: str, mixture: Mixture) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"problem.{ending}"
        save_problem(mixture, path)
        assert load_problem(path) == mixture


@pytest.mark.parametrize("reference", ["{}.npy", "{}.npz", "many.npz:{}"])
def test_arrays_may_live_in_files_beside_the_problem(tmp_path: Path, reference: str) -> None:
    arrays = {
        "covariance": np.array([[2.0, 0.5], [0.5, 1.0]]),
        "power": np.array([1.0, 2.0]),
        "shape": np.array([0.0, 1.0]),
        "delta": np.array([0.1, 0.2]),
        "teacher": np.array([3.0, 4.0]),
    }
    np.savez(tmp_path / "many.npz", **arrays)
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
        np.savez(tmp_path / f"{name}.npz", array)
    named = {name: reference.format(name) for name in arrays}
    inline = {name: array.tolist() for name, array in arrays.items()}

    def problem(values: dict[str, object]) -> dict[str, object]:
        real = {"name": "real", "n_samples": 9, "covariance": values["covariance"]}
        real["teacher"] = {"kind": "random", "power": values["power"]}
        others = [
            {"name": "a", "n_samples": 1, "shift": {"quality": 0.2, "shape": values["shape"]}},
            {"name": "b", "n_samples": 1, "shift": values["delta"]},
            {"name": "c", "n_samples": 1, "shift": {"vector": values["delta"]}},
            {"name": "d", "n_samples": 1, "teacher": values["teacher"]},
        ]
        return {"kind": "mixture", "ridge": 0.1, "sources": [real, *others]}

    (tmp_path / "problem.json").write_text(json.dumps(problem(named)))
    assert load_problem(tmp_path / "problem.json") == problem_from_dict(problem(inline))


@pytest.mark.parametrize("kind", ["explicit", "full"])
def test_spectrum_table_takes_explicit_numbers(kind: str) -> None:
    numbers = {"explicit": {"eigenvalues": [2.0, 1.0]}, "full": {"covariance": [[2.0, 0.0], [0.0, 1.0]]}}[kind]
    table = problem_from_dict(with_source(eigenvalues=None, spectrum={"kind": kind, **numbers}))
    assert table == problem_from_dict(with_source(**{"eigenvalues": None, **numbers}))


def test_problem_to_dict_refuses_an_activation_that_is_a_function() -> None:
    mixture = Mixture(problem_from_dict(PLAIN).sources, ridge=0.1, width=3, activation=np.tanh)
    with pytest.raises(InputError, match="activation"):
        problem_to_dict(mixture)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "one object"),
        ({}, "`kind`"),
        ({**PLAIN, "kind": "mixtur"}, "Did you mean `mixture`"),
        ({**PLAIN, "workflow": {}}, "workflow.*must have the key `kind`"),
        ({**PLAIN, "workflow": {"kind": "mix", "generations": 2, "design": "fresh"}}, "`real` must be one of fresh"),
        ({**PLAIN, "workflow": {"kind": "replace", "generations": 2}}, "must have the key `design`"),
        ({**PLAIN, "workflow": {**REPLACE, "fraction": 1}}, "unknown key `fraction` in a workflow"),
        ({**PLAIN, "workflow": {**REPLACE, "schedule": {"ridges": [1]}}}, "`schedule`: unknown key `ridges`.*`ridge`"),
        ({**PLAIN, "workflow": REPLACE}, "two sources, the real and the synthetic one; got 1"),
        ({**PLAIN, "rigde": 0.1}, "unknown key `rigde`.*Did you mean `ridge`"),
        ({**PLAIN, "ridge": "small"}, "ridge"),
        ({"kind": "mixture", "sources": [REAL]}, "`ridge`"),
        ({"kind": "mixture", "ridge": 0.1}, "`sources`"),
        ({**PLAIN, "sources": []}, "at least one"),
        ({**PLAIN, "sources": REAL}, "at least one table"),
        ({**PLAIN, "sources": ["real"]}, "source 1 of 1.*table"),
        ({**PLAIN, "target": "synthetic"}, "target"),
        ({**PLAIN, "activation": "relu"}, "width"),
        ({**PLAIN, "width": 9, "activation": ["relu"]}, "activation"),
        (with_source(name=None), "`name`"),
        (with_source(n_samples=None), "source 1 of 1 .`real`.*`n_samples`"),
        (with_source(**{"noise\nvar": 3}), "unknown key `noise var`"),
        (with_source(n_sample=3), "unknown key `n_sample`.*Did you mean `n_samples`"),
        (with_source(n_samples=-3), "n_samples"),
        (with_source(eigenvalues=[1.0, -1.0]), "eigenvalues.*negative"),
        (with_source(eigenvalues=[1.0, float("nan")]), "eigenvalues.*NaN"),
        (with_source(eigenvalues=[[1.0], [1.0, 2.0]]), "eigenvalues"),
        (with_source(eigenvalues=3.0), "eigenvalues"),
        (with_source(covariance=[[1.0, 0.0], [0.0, 1.0]]), "one of `spectrum`, `eigenvalues` and `covariance`"),
        (with_source(eigenvalues=None), "spectrum"),
        (with_source(eigenvalues=None, covariance=[[1.0, 0.0]]), "square"),
        (with_source(eigenvalues=None, spectrum="flat"), "spectrum.*table"),
        (with_source(eigenvalues=None, spectrum={"n_features": 2}), "`kind`"),
        (with_source(eigenvalues=None, spectrum={"kind": "powerlaw", "n_features": 2}), "Did you mean `power_law`"),
        (with_source(eigenvalues=None, spectrum={"kind": "power_law", "n_features": 2}), "`exponent`"),
        (with_source(eigenvalues=None, spectrum={"kind": "isotropic", "n_feature": 2}), "`n_features`"),
        (with_source(eigenvalues=None, spectrum={"kind": "spiked", "n_features": 2, "spikes": 1.0}), "spikes"),
        (with_source(teacher=None), "teacher"),
        (with_source(teacher=[1.0]), "teacher.*n_features = 2"),
        (with_source(teacher=["1", "2"]), "teacher"),
        (with_source(teacher="random"), "teacher.*npy"),
        (with_source(teacher={"kind": "randm"}), "Did you mean `random`"),
        (with_source(teacher={"kind": "random", "powr": 1.0}), "Did you mean `power`"),
        (with_source(teacher={"kind": "random", "power": [1.0]}), "power"),
        (with_second(shift={"quality": 0.1}), "source 2 of 2 .`synthetic`.*shift.*shape"),
        (with_second(shift={"quality": 0.1, "shape": "flat"}), "shape"),
        (with_second(shift={"qualty": 0.1}), "Did you mean `quality`"),
        (with_second(shift={}), "neither"),
        (with_second(shift=0.3), "shift"),
        (with_second(shift=[1.0]), "shift"),
        (with_second(shift=[1.0, 2.0], teacher=[1.0, 2.0]), "not both"),
    ],
)
def test_load_problem_refuses_bad_content_in_one_line_naming_the_file(
    tmp_path: Path, data: object, message: str
) -> None:
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match=message) as caught:
        load_problem(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


@st.composite
def spoiled(draw: st.DrawFn) -> dict[str, object]:
    """Return a good problem in which one value, at any depth, was replaced by anything."""
    problem = problem_to_dict(draw(mixtures()))
    place = problem
    while True:
        key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or draw(st.booleans()):
            place[key] = draw(anything)
            return problem
        place = place[key]


@settings(max_examples=200)
@given(problem=spoiled())
def test_problem_from_dict_answers_anything_with_a_problem_or_an_input_error(problem: dict[str, object]) -> None:
    with contextlib.suppress(InputError):
        assert isinstance(problem_from_dict(problem), Mixture)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("missing.toml", None),
        ("problem.yaml", b"kind: mixture"),
        ("cut.toml", DESIGN[:120].encode()),
        ("empty.toml", b""),
        ("twice.toml", b"ridge = 1\nridge = 2\n"),
        ("cut.json", b'{"kind": "mixture", "ridge": '),
        ("empty.json", b""),
        ("deep.json", b"[" * 100_000),
        ("binary.toml", bytes(range(256))),
        ("binary.json", bytes(range(256))),
    ],
)
def test_load_problem_refuses_unreadable_file(tmp_path: Path, name: str, content: bytes | None) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=name) as caught:
        load_problem(path)
    assert "\n" not in str(caught.value)


def test_load_problem_refuses_folder(tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(InputError, match=r"folder.toml cannot be read"):
        load_problem(tmp_path / "folder.toml")


def test_save_problem_refuses_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        save_problem(problem_from_dict(PLAIN), tmp_path / "nowhere" / "problem.toml")


@pytest.mark.parametrize(
    "reference",
    [
        "missing.npy",
        "cut.npy",
        "empty.npy",
        "text.npy",
        "object.npy",
        "words.npy",
        "complex.npy",
        "nan.npy",
        "cube.npy",
        "huge.npy",
        "header.npy",
        "cut.npz",
        "two.npz",
        "two.npz:c",
        "one.npz:",
        "damaged.npz:a",
    ],
)
def test_load_problem_refuses_bad_array_file(tmp_path: Path, reference: str) -> None:
    bad_arrays(tmp_path)
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(with_source(eigenvalues=reference)))
    with pytest.raises(InputError, match="eigenvalues") as caught:
        load_problem(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def bad_arrays(folder: Path) -> None:
    """Write array files that hold no usable vector of two entries."""
    good = np.array([2.0, 1.0])
    np.save(folder / "good.npy", good)
    whole = (folder / "good.npy").read_bytes()
    (folder / "cut.npy").write_bytes(whole[:-5])
    (folder / "empty.npy").write_bytes(b"")
    (folder / "text.npy").write_text("2.0, 1.0\n")
    (folder / "huge.npy").write_bytes(whole.replace(b"(2,), }" + b" " * 14, b"(200000000000000,), }"))
    (folder / "header.npy").write_bytes(whole.replace(b"}", b" "))
    np.save(folder / "object.npy", np.array([2.0, None]), allow_pickle=True)
    np.save(folder / "words.npy", np.array(["2.0", "1.0"]))
    np.save(folder / "complex.npy", np.array([2.0, 1.0j]))
    np.save(folder / "nan.npy", np.array([2.0, np.nan]))
    np.save(folder / "cube.npy", np.ones((2, 2, 2)))
    np.savez(folder / "one.npz", a=good)
    np.savez_compressed(folder / "two.npz", a=good, b=good)
    archive = (folder / "two.npz").read_bytes()
    (folder / "cut.npz").write_bytes(archive[: len(archive) // 2])
    (folder / "damaged.npz").write_bytes(archive[:50] + bytes(40) + archive[90:])
