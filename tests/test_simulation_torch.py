"""Does PyTorch draw the same law as NumPy, and make the same numbers of the same draws?"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace

import numpy as np
import pytest

from modelcollapse import InputError, MissingExtraError, Mixture, Spectrum
from modelcollapse.simulation import backend as backends
from modelcollapse.simulation.backend import NumpyBackend, NumpyRandomness, backend_for, batch_for
from modelcollapse.simulation.engine import solve, translate
from modelcollapse.simulation.fits import Way
from modelcollapse.simulation.mixture import draw_unit
from modelcollapse.simulation.moments import Moments, concatenate, stack
from modelcollapse.simulation.networks import Network
from modelcollapse.simulation.networks import draw_unit as draw_network_unit
from modelcollapse.simulation.wishart import bartlett_factor
from theory_examples import mixed

NUMPY = NumpyBackend()


@pytest.fixture
def torch() -> Iterator[object]:
    """Give PyTorch one thread: the matrices are small."""
    module = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'modelcollapse[torch]'")
    before = module.get_num_threads()
    module.set_num_threads(1)
    yield module
    module.set_num_threads(before)


def rotated(*, ridge: float = 1e-2, width: int | None = None) -> Mixture:
    """Two sources whose covariances share no eigenvectors, and one of rank 3 in 8 dimensions."""
    generator = np.random.default_rng(5)
    tall, flat = generator.standard_normal((8, 16)), generator.standard_normal((8, 3))
    problem = mixed(ridge=ridge, width=width, d=8, n=(24, 12, 6))
    one, two, three = problem.sources
    two = replace(two, spectrum=Spectrum.full(tall @ tall.T / 16))
    return replace(problem, sources=(one, two, replace(three, spectrum=Spectrum.full(flat @ flat.T))))


def flat(*, ridge: float) -> Mixture:
    """Three sources, all inputs on one plane of 3 of 8 dimensions."""
    problem = rotated(ridge=ridge)
    return replace(
        problem, sources=[replace(source, spectrum=problem.sources[2].spectrum) for source in problem.sources]
    )


PROBLEMS = {
    "many samples": [mixed(d=12)],
    "few samples": [mixed(d=12, n=(4, 3, 2))],
    "a source without samples": [mixed(d=12, n=(40, 0, 2))],
    "a source without weight": [mixed(d=12, weights=(1.0, 0.0, 0.4))],
    "minimum norm": [mixed(d=12, n=(4, 3, 2), ridge=0.0)],
    "many ridges": [mixed(d=12, ridge=ridge) for ridge in (1e-4, 1e-3, 1e-2, 1e-1, 1.0)],
    "narrow projection": [mixed(d=12, width=5)],
    "wide projection, few samples": [mixed(d=12, n=(4, 3, 2), width=30)],
    "rotated covariances": [rotated()],
    "rotated covariances, projected": [rotated(width=6)],
    "inputs on a plane": [flat(ridge=0.0)],
    "relu network without ridge": [mixed(d=8, n=(24, 12, 6), width=10, activation="relu", ridge=0.0)],
    "wide tanh network": [mixed(d=8, n=(6, 3, 2), width=16, activation="tanh")],
    "erf network": [mixed(d=8, n=(24, 12, 6), width=10, activation="erf")],
    "network of a function": [mixed(d=8, n=(24, 12, 6), width=10, activation=np.cos)],
}


def draw(name: str, backend: object, randomness: object) -> Moments:
    """Return the moments of one unit, or batch of units, of named problems."""
    scene, problem = translate(PROBLEMS[name]), PROBLEMS[name][0]
    if problem.activation is None:
        return draw_unit(backend, randomness, scene.design, scene.fits)
    network = Network(design=scene.design, width=problem.width, activation=problem.activation)
    return draw_network_unit(backend, randomness, network, scene.fits)


class Aside:
    """The draws of several NumPy generators as one batch of PyTorch."""

    def __init__(self, backend: object, randomness: Sequence[NumpyRandomness]) -> None:
        self.backend, self.randomness = backend, randomness

    def normal(self, *shape: int) -> object:
        return self.backend.asarray(np.stack([one.normal(*shape) for one in self.randomness]))

    def chi(self, dof: np.ndarray) -> object:
        return self.backend.asarray(np.stack([one.chi(dof) for one in self.randomness]))


def distance(one: Moments, two: Moments) -> float:
    """Return the largest difference, relative to the largest entry of its array; what is zero to rounding, to 1e-3."""
    largest = 0.0
    for field in fields(Moments):
        left, right = getattr(one, field.name), getattr(two, field.name)
        assert left.shape == right.shape
        np.testing.assert_array_equal(np.isnan(left), np.isnan(right))
        scale = np.nanmax(np.abs(left), initial=1e-3)
        largest = max(largest, float(np.nanmax(np.abs(left - right)) / scale))
    return largest


@pytest.mark.torch
@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("name", PROBLEMS)
def test_torch_moments_equal_numpys_on_the_same_draws(name: str) -> None:
    batch = 3
    pytorch = backend_for("cpu", batch=batch)
    together = draw(name, pytorch, Aside(pytorch, [NUMPY.randomness(7, i) for i in range(batch)]))
    alone = [draw(name, NUMPY, NUMPY.randomness(7, i)) for i in range(batch)]
    assert distance(stack(alone), together) < 1e-10
    assert distance(stack(alone[::-1]), together) > 1e-3  # the order of the batch matters


def test_problems_reach_every_way_to_invert() -> None:
    ways = {fit.way for problems in PROBLEMS.values() for fit in translate(problems).fits}
    assert ways == set(Way)


@pytest.mark.torch
@pytest.mark.parametrize("name", PROBLEMS)
def test_torch_makes_every_array_on_its_device(name: str, torch: object) -> None:
    """What forgets its device lands on PyTorch's default one, here a device without numbers, and cannot be mixed."""
    pytorch = backend_for("cpu", batch=2)
    with torch.device("meta"):
        moments = draw(name, pytorch, pytorch.randomness(0))
    assert np.isfinite(moments.noise).all()


@pytest.mark.torch
def test_torch_device_check_sees_an_array_elsewhere(torch: object, monkeypatch: pytest.MonkeyPatch) -> None:
    pytorch = backend_for("cpu", batch=2)
    monkeypatch.setattr(type(pytorch), "eye", lambda self, size: torch.eye(size, dtype=torch.float64))
    with torch.device("meta"), pytest.raises((RuntimeError, NotImplementedError)):
        draw("many samples", pytorch, pytorch.randomness(0))


def means(moments: Moments) -> tuple[np.ndarray, np.ndarray]:
    """Return all means over units and their standard errors, as vectors."""
    arrays = [getattr(moments, field.name) for field in fields(Moments)]
    flat = np.concatenate([array.reshape(len(array), -1) for array in arrays], axis=1)
    return flat.mean(axis=0), flat.std(axis=0, ddof=1) / np.sqrt(len(flat))


def largest_z(one: Moments, two: Moments) -> float:
    """Return the largest difference of means in combined standard errors."""
    (left, left_stderr), (right, right_stderr) = means(one), means(two)
    stderr = np.hypot(left_stderr, right_stderr)
    random = stderr > 1e-12 * np.abs(left)
    np.testing.assert_allclose(left[~random], right[~random], rtol=1e-9)
    return float((np.abs(left - right)[random] / stderr[random]).max())


class Widened:
    """Wrong on purpose: normal numbers that are 20 % too large."""

    def __init__(self, randomness: object) -> None:
        self.chi, self._normal = randomness.chi, randomness.normal

    def normal(self, *shape: int) -> object:
        return 1.2 * self._normal(*shape)


@pytest.mark.torch
@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("name", ["many samples", "few samples", "narrow projection", "rotated covariances"])
def test_torch_draws_the_law_that_numpy_draws(name: str) -> None:
    batch, n_batches = 64, 8  # 512 units: at least 1,024 sets of inputs
    pytorch = backend_for("cpu", batch=batch)
    reference = stack([draw(name, NUMPY, NUMPY.randomness(3, "simulation", i)) for i in range(batch * n_batches)])
    streams = [pytorch.randomness(3, "simulation", i) for i in range(n_batches)]
    assert largest_z(reference, concatenate([draw(name, pytorch, one) for one in streams])) < 5
    wrong = [Widened(pytorch.randomness(4, "simulation", i)) for i in range(n_batches)]
    assert largest_z(reference, concatenate([draw(name, pytorch, one) for one in wrong])) > 5


@pytest.mark.torch
@pytest.mark.usefixtures("torch")
def test_torch_gram_has_the_mean_and_scatter_of_wishart() -> None:
    n_samples, n_features, batch = 9, 6, 4000
    pytorch = backend_for("cpu", batch=batch)
    factor = bartlett_factor(pytorch, pytorch.randomness(0), n_samples=n_samples, n_features=n_features)
    grams = pytorch.to_numpy(pytorch.gram_of_triangular(factor))
    diagonal = np.eye(n_features, dtype=bool)
    for values, expected in (
        (grams, n_samples * diagonal),
        (grams**2, n_samples + n_samples * (n_samples + 1) * diagonal),
    ):
        z = (values.mean(axis=0) - expected) / (values.std(axis=0) / np.sqrt(batch))
        wrong = (values.mean(axis=0) - 1.1 * expected - 0.5 * diagonal) / (values.std(axis=0) / np.sqrt(batch))
        assert np.abs(z).max() < 5 < np.abs(wrong).max()


@pytest.mark.torch
@pytest.mark.usefixtures("torch")
def test_torch_gives_the_same_bits_for_the_same_seed() -> None:

    def moments(*names: int) -> Moments:
        pytorch = backend_for("cpu", batch=5)
        return draw("narrow projection", pytorch, pytorch.randomness(*names))

    first, again = moments(0, 1), moments(0, 1)
    for field in fields(Moments):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(again, field.name))
    for other in (moments(0, 2), moments(1, 1)):
        assert (first.noise != other.noise).all()


@pytest.mark.torch
@pytest.mark.usefixtures("torch")
def test_torch_streams_differ_by_seed_name_and_place_in_the_batch() -> None:
    pytorch = backend_for("cpu", batch=2)
    drawn = [pytorch.randomness(*names) for names in ((0, "a"), (0, "b"), (1, "a"))]
    for numbers in ([one.normal(3) for one in drawn], [one.chi(np.full(3, 4.0)) for one in drawn]):
        assert len(np.unique(pytorch.to_numpy(pytorch.xp.stack(numbers)))) == 3 * 2 * 3


@pytest.mark.torch
def test_torch_arrays_are_float64(torch: object) -> None:
    pytorch = backend_for("cpu", batch=2)
    randomness = pytorch.randomness(0)
    drawn = [randomness.normal(3), randomness.chi(np.ones(3)), pytorch.zeros(3)]
    assert [tuple(array.shape) for array in drawn] == [(2, 3)] * 3
    assert {array.dtype for array in [*drawn, pytorch.asarray(np.ones(3)), pytorch.eye(3)]} == {torch.float64}


@pytest.mark.torch
@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("size", [1, 37, 128, 301])
def test_torch_products_and_inverse_equal_numpys(size: int) -> None:
    generator = np.random.default_rng(0)
    square = generator.standard_normal((2, size, size))
    pytorch = backend_for("cpu", batch=2)
    upper = pytorch.asarray(np.triu(square))
    np.testing.assert_allclose(
        pytorch.to_numpy(pytorch.gram_of_triangular(upper)), upper @ upper.mT, rtol=1e-11, atol=1e-11
    )
    gram = pytorch.gram(pytorch.asarray(square)) + size * pytorch.eye(size)
    expected = [NUMPY.inverse(one.copy()) for one in pytorch.to_numpy(gram)]
    np.testing.assert_allclose(pytorch.to_numpy(pytorch.inverse(gram)), expected, rtol=1e-10, atol=1e-13)


@pytest.mark.torch
@pytest.mark.usefixtures("torch")
def test_torch_inverse_refuses_a_batch_with_one_indefinite_matrix() -> None:
    pytorch = backend_for("cpu", batch=3)
    matrices = np.stack([np.eye(4), np.diag([1.0, 1.0, -1.0, 1.0]), np.eye(4)])
    with pytest.raises(np.linalg.LinAlgError, match="1 matrices of the batch"):
        pytorch.inverse(pytorch.asarray(matrices))


@pytest.mark.torch
@pytest.mark.usefixtures("torch")
def test_torch_takes_arrays_that_are_read_only_or_reversed_and_copies_them() -> None:
    array = np.arange(6.0).reshape(2, 3)
    array.setflags(write=False)
    tensor = backend_for("cpu", batch=1).asarray(array[::-1])
    tensor += 1
    np.testing.assert_array_equal(tensor, [[4, 5, 6], [1, 2, 3]])
    np.testing.assert_array_equal(array, [[0, 1, 2], [3, 4, 5]])


@pytest.mark.torch
def test_cuda_without_a_gpu_is_refused(torch: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"`device` must be numpy or cpu; got 'cuda'. PyTorch finds no CUDA GPU"):
        backend_for("cuda", batch=1)


def test_device_that_is_unknown_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"`device` must be one of numpy, cpu, cuda; got 'cdua'. Did you mean `cuda`\?"
    ):
        backend_for("cdua")


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_torch_that_is_absent_is_named_with_the_command(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "torch"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "array_api_compat.torch", raising=False)
    monkeypatch.delitem(sys.modules, "modelcollapse.simulation.torch_backend", raising=False)
    with pytest.raises(MissingExtraError, match=r"pip install 'modelcollapse\[torch\]'"):
        backend_for(device)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("n_features", [1, 20, 300, 2000, 20000])
@pytest.mark.parametrize("n_sources", [1, 4])
def test_batch_fits_the_memory_unless_one_replicate_does_not(device: str, n_features: int, n_sources: int) -> None:
    memory, most = backends.BATCHES[device]
    batch = batch_for(device, n_features=n_features, n_sources=n_sources)
    assert 1 <= batch <= most
    each = 8 * (6 * n_sources + 10) * n_features**2
    assert batch == 1 or batch * each <= memory
    assert batch == most or (batch + 1) * each > memory
    assert batch_for("numpy", n_features=n_features, n_sources=n_sources) == 1


@pytest.mark.torch
@pytest.mark.usefixtures("torch")
def test_torch_answers_a_problem_as_numpy_does() -> None:
    problem = mixed(d=12)
    one, two = (solve(problem, n_replicates=400, device=device) for device in ("numpy", "cpu"))
    noisier = [replace(source, noise_var=source.noise_var + 0.1) for source in problem.sources]
    wrong = solve(replace(problem, sources=noisier), n_replicates=400, device="cpu")
    for name in ("excess_risk", "variance"):
        limit = 5 * np.hypot(one.stderr[name], two.stderr[name])
        expected, answer, wrong_answer = (getattr(result, name) for result in (one, two, wrong))
        assert abs(answer - expected) < limit < abs(wrong_answer - expected)
    assert two.status == "ok"
    assert two.n_replicates >= 400
