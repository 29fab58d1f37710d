"""What happens when data sets are really drawn and fitted? Plain NumPy that shares nothing with the package."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import erf


@dataclass(frozen=True)
class BruteSource:
    n_samples: int
    root: np.ndarray  # (d, d) or (d,): inputs are root @ standard normal
    teacher: np.ndarray  # (d,)
    noise_var: float
    weight: float = 1.0

    def inputs(self, rng, n):
        normal = rng.standard_normal((n, len(self.teacher)))
        return normal * self.root if self.root.ndim == 1 else normal @ self.root.T


def mean_and_stderr(values):
    values = np.asarray(values)
    return values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))


def simulate(sources, *, ridge, n_trials, seed, width=None, activation=None, test_size=2000):
    """Return excess risk and training error on every source: means and standard errors, four arrays (K,)."""
    rng = np.random.default_rng(seed)
    trial = _network_trial if activation is not None else _linear_trial
    outcomes = [trial(rng, sources, ridge, width, activation, test_size) for _ in range(n_trials)]
    excess, training = (np.array(part) for part in zip(*outcomes, strict=True))
    return *mean_and_stderr(excess), *mean_and_stderr(training)


def _linear_trial(rng, sources, ridge, width, activation, test_size):
    d = len(sources[0].teacher)
    inputs = [source.inputs(rng, source.n_samples) for source in sources]
    labels = [_labels(rng, source, x) for source, x in zip(sources, inputs, strict=True)]
    projection = np.eye(d) if width is None else rng.standard_normal((width, d)) / np.sqrt(d)
    features = [x @ projection.T for x in inputs]
    estimate = projection.T @ _fit(features, labels, sources, ridge)
    errors = [estimate - source.teacher for source in sources]
    excess = [
        (((e * s.root) if s.root.ndim == 1 else (s.root.T @ e)) ** 2).sum()
        for e, s in zip(errors, sources, strict=True)
    ]
    training = [np.mean((x @ estimate - y) ** 2) for x, y in zip(inputs, labels, strict=True)]
    return excess, training


def _network_trial(rng, sources, ridge, width, activation, test_size):
    """Features f(W x) less their mean over the source's inputs; the excess risk on freshly drawn inputs."""
    d = len(sources[0].teacher)
    first_layer = rng.standard_normal((width, d)) / np.sqrt(d)
    centre = [_feature_mean(first_layer, source, activation) for source in sources]
    inputs = [source.inputs(rng, source.n_samples) for source in sources]
    labels = [_labels(rng, source, x) for source, x in zip(sources, inputs, strict=True)]
    features = [activation(x @ first_layer.T) - c for x, c in zip(inputs, centre, strict=True)]
    second_layer = _fit(features, labels, sources, ridge)
    excess = []
    for source, c in zip(sources, centre, strict=True):
        x = source.inputs(rng, test_size)
        excess.append(np.mean(((activation(x @ first_layer.T) - c) @ second_layer - x @ source.teacher) ** 2))
    training = [np.mean((z @ second_layer - y) ** 2) for z, y in zip(features, labels, strict=True)]
    return excess, training


_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(201)


def _feature_mean(first_layer, source, activation):
    """Return E f(w·x) for each feature, by quadrature over its Gaussian preactivation."""
    image = first_layer * source.root if source.root.ndim == 1 else first_layer @ source.root
    spread = np.sqrt((image**2).sum(axis=1))
    return activation(spread[:, None] * _NODES) @ _WEIGHTS / np.sqrt(2 * np.pi)


def _labels(rng, source, x):
    return x @ source.teacher + np.sqrt(source.noise_var) * rng.standard_normal(len(x))


def _fit(features, labels, sources, ridge):
    """Return argmin (1/N) Σ ω (z·v − y)² + ridge |v|², the minimum-norm one for ridge 0, in the smaller dimension."""
    total = sum(len(y) for y in labels)
    root = np.sqrt(np.concatenate([np.full(s.n_samples, s.weight) for s in sources]))
    z, y = np.concatenate(features) * root[:, None], np.concatenate(labels) * root
    if z.shape[1] <= z.shape[0]:
        return np.linalg.solve(z.T @ z + ridge * total * np.eye(z.shape[1]), z.T @ y)
    return z.T @ np.linalg.solve(z @ z.T + ridge * total * np.eye(z.shape[0]), y)


ACTIVATIONS = {"relu": lambda x: np.maximum(x, 0.0), "tanh": np.tanh, "erf": erf}
