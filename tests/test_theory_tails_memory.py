"""The heuristic of limited memories against drawn ones: loosely, and in how errors fall with the number of features."""

from __future__ import annotations

import numpy as np
import pytest

from modelcollapse.checks import Array
from modelcollapse.theory.tail_laws import log_zipf
from modelcollapse.theory.tail_memory import Memory, drawn_shares, endless_shares, log_known
from modelcollapse.theory.tail_series import Ranks, edge, ranks

ITEMS = 400
POWERS = pytest.mark.parametrize("power", [1.0, 0.5, None], ids=["proportional", "root", "threshold"])


def law(exponent: float, items: int = ITEMS) -> tuple[Ranks, Array]:
    nodes = ranks(exponent, active=20.0, edges=(edge(items),))
    log_law = np.where(nodes.logs < edge(items), log_zipf(nodes.logs, exponent), -np.inf)
    return nodes, log_law - np.log(nodes.total(log_law))


def expected_error(exponent: float, memory: Memory, size: float | None = None, items: int = ITEMS) -> float:
    nodes, log_law = law(exponent, items)
    shares = endless_shares(log_law) if size is None else drawn_shares(log_law, size)
    return 1 - float(nodes.total(log_law + log_known(memory, nodes, shares)))


def drawn_error(exponent: float, memory: Memory, size: int | None = None, replicates: int = 300) -> float:
    """Return the mean error of memories with drawn embeddings, labels and samples."""
    rng = np.random.default_rng(0)
    real = np.arange(1, ITEMS + 1.0) ** -exponent
    real /= real.sum()
    errors = np.empty(replicates)
    for r in range(replicates):
        share = real if size is None else rng.multinomial(size, real) / size
        held = share > 0
        if memory.power is None:
            held &= np.isin(np.arange(ITEMS), np.argsort(-share, kind="stable")[: memory.n_features])
        strength = np.where(held, memory.strength(share), 0.0)
        items, outputs = (rng.standard_normal((n, memory.n_features)) for n in (ITEMS, memory.n_outputs))
        items /= np.linalg.norm(items, axis=1, keepdims=True)
        outputs /= np.linalg.norm(outputs, axis=1, keepdims=True)
        labels = rng.integers(0, memory.n_outputs, ITEMS)
        answers = (items @ ((items.T * strength) @ outputs[labels]) @ outputs.T).argmax(axis=1)
        errors[r] = real[~held | (answers != labels)].sum()
    return float(errors.mean())


@POWERS
@pytest.mark.parametrize("exponent", [1.5, 2.0])
def test_memory_is_about_the_drawn_one(exponent: float, power: float | None) -> None:
    memory = Memory(n_features=64, n_outputs=20, power=power)
    drawn = drawn_error(exponent, memory)
    assert expected_error(exponent, memory) == pytest.approx(drawn, rel=0.2)
    doubled = Memory(n_features=128, n_outputs=20, power=power)
    assert expected_error(exponent, doubled) < 0.9 * drawn


@POWERS
def test_memory_of_few_samples_is_about_the_drawn_one(power: float | None) -> None:
    memory = Memory(n_features=48, n_outputs=10, power=power)
    assert expected_error(1.5, memory, 200) == pytest.approx(drawn_error(1.5, memory, 200), rel=0.2)


@pytest.mark.parametrize("exponent", [1.5, 2.0])
def test_memory_errors_fall_with_the_features_as_a_power(exponent: float) -> None:
    """The exponents c_q of the survival of items stronger than √(Σ q²/d), with many outputs."""
    features = np.array([10**3, 10**4, 10**5, 10**6])
    for power, expected in (
        (1.0, (exponent - 1) / (2 * exponent)),
        (0.75, (exponent - 1) / (1.5 * exponent)),
        (None, exponent - 1),
    ):
        errors = [
            expected_error(exponent, Memory(n_features=int(d), n_outputs=1000, power=power), items=10**12)
            for d in features
        ]
        slope = np.polyfit(np.log(features), np.log(errors), 1)[0]
        assert slope == pytest.approx(-expected, rel=0.15), power


def test_endless_memory_knows_what_is_seen() -> None:
    nodes, log_law = law(1.5)
    memory = Memory(n_features=10**9, n_outputs=2, power=1.0)
    known = np.exp(log_known(memory, nodes, drawn_shares(log_law, 100.0)))
    assert known == pytest.approx(-np.expm1(100 * np.log1p(-np.exp(log_law))), abs=1e-3)


def test_threshold_memory_holds_as_many_items_as_it_has_features() -> None:
    nodes, log_law = law(1.5)
    memory = Memory(n_features=50, n_outputs=2, power=None)
    known = np.exp(log_known(memory, nodes, endless_shares(log_law)))
    assert (known[:50] > 0.5).all()
    assert (known[50:] == 0).all()
    for size in (300.0, 10**4):
        shares = drawn_shares(log_law, size)
        everything = Memory(n_features=10**9, n_outputs=2, power=None)
        held = nodes.total(log_known(memory, nodes, shares)), nodes.total(log_known(everything, nodes, shares))
        assert held[0] < 50.5 < held[1]
