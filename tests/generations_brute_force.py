"""What happens when generations are really drawn, fitted and drawn again? A plain script that knows nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Script:
    """One experiment; `noise`, `counts`, `weights` and `roots` are of real and synthetic data, in this order."""

    kind: str
    teacher: np.ndarray
    counts: tuple[int, int]
    noise: tuple[float, float]
    roots: tuple[np.ndarray, np.ndarray]
    generations: int
    ridge: float = 0.0
    weights: tuple[float, float] = (1.0, 1.0)
    fixed: bool = False
    reused: bool = False
    width: int | None = None
    subsample: int | None = None
    verifier: dict[str, float] = field(default_factory=dict)
    start: np.ndarray | None = None


def run(script: Script, rng: np.random.Generator) -> tuple[list[float], list[float]]:
    """Return the excess risk of every generation of one experiment, and the share of synthetic data kept."""
    n_real, n_synthetic = script.counts

    def draw(source, n):
        return rng.standard_normal((n, len(script.teacher))) @ script.roots[source].T

    def real_data():
        x = draw(0, n_real)
        return x, x @ script.teacher + np.sqrt(script.noise[0]) * rng.standard_normal(n_real)

    real_x, real_y = real_data()
    real = (real_x, real_y, script.weights[0])
    model = script.start if script.start is not None else fit(script, rng, [real], total=n_real)
    models, shares = [model], [np.nan]
    if script.fixed:
        fixed_x = draw(1, n_synthetic) if script.kind == "mix" else real_x
    history = [real]
    for t in range(1, script.generations + 1):
        x = fixed_x if script.fixed else draw(1, n_synthetic)
        y = x @ model + np.sqrt(script.noise[1]) * rng.standard_normal(len(x))
        x, y, share = judge(script, rng, x, y)
        synthetic = (x, y, script.weights[1])
        history.append(synthetic)
        if script.kind == "replace":
            model = fit(script, rng, [synthetic], total=n_synthetic)
        elif script.kind == "accumulate":
            model = fit(script, rng, history, total=n_real + t * n_synthetic)
        elif script.kind == "accumulate-subsample":
            model = fit(script, rng, pick(script, rng, history), total=script.subsample)
        else:
            if not script.reused:
                real = (*real_data(), script.weights[0])
            model = fit(script, rng, [real, synthetic], total=n_real + n_synthetic)
        models.append(model)
        shares.append(share)
    return [float(np.sum((script.roots[0].T @ (model - script.teacher)) ** 2)) for model in models], shares


def judge(script: Script, rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> tuple[Any, Any, float]:
    """Drop what the verifier does not let through."""
    if not script.verifier:
        return x, y, 1.0
    keep = []
    for row, label in zip(x, y, strict=True):
        right = abs(label - row @ script.teacher) <= script.verifier["tolerance"]
        keep.append(rng.random() < (script.verifier["hit"] if right else script.verifier["false_keep"]))
    return x[keep], y[keep], float(np.mean(keep))


def pick(script: Script, rng: np.random.Generator, history: list[Any]) -> list[Any]:
    """Return single rows of the history, without replacement."""
    rows = [(x[i : i + 1], y[i : i + 1], weight) for x, y, weight in history for i in range(len(y))]
    return [rows[i] for i in rng.permutation(len(rows))[: script.subsample]]


def fit(script: Script, rng: np.random.Generator, parts: list[Any], *, total: int | None) -> np.ndarray:
    """Return the weighted ridge fit, on random projections when there is a width; dropped samples count in `total`."""
    d = len(script.teacher)
    layer = np.eye(d) if script.width is None else rng.standard_normal((script.width, d)) / np.sqrt(d)
    x = np.concatenate([x for x, _, _ in parts])
    y = np.concatenate([y for _, y, _ in parts])
    w = np.concatenate([np.full(len(y), weight) for _, y, weight in parts])
    features = x @ layer.T
    gram = (features.T * w) @ features / total + script.ridge * np.eye(len(layer))
    moment = (features.T * w) @ y / total
    return layer.T @ (np.linalg.pinv(gram, hermitian=True, rcond=1e-10) @ moment)


def average(script: Script, *, n_runs: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return mean excess risk and its standard error, mean kept share and its standard error, by generation."""
    rng = np.random.default_rng(seed)
    risks, shares = (np.array(part) for part in zip(*[run(script, rng) for _ in range(n_runs)], strict=True))
    root = np.sqrt(n_runs)
    return risks.mean(0), risks.std(0, ddof=1) / root, shares.mean(0), shares.std(0, ddof=1) / root
