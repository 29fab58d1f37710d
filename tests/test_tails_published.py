"""Numbers about tails that were noted or measured elsewhere, each at its printed precision or within its spread.

Plain sums and draws behind some of them had vocabularies of finite size: 200,000 items for generations, and for bigram
rows 200,000 (exponents) and 10,000 tokens (floors), which explain them; these are what is computed here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from modelcollapse.problems.tails import Generator, Purchase, ZipfTask
from modelcollapse.theory.tail_bigram import copied_row_error, kink_edges, kink_logs, row_error
from modelcollapse.theory.tail_laws import log_zipf
from modelcollapse.theory.tail_memory import Memory, endless_shares, log_known
from modelcollapse.theory.tail_series import edge, ranks
from modelcollapse.theory.tails import clean_error, cut_error, learned_items, mixed_error, narrowed_error, tail_mass
from modelcollapse.theory.tails_engine import solve_tails


def errors(exponent: float, sizes: list[float], **other: Any) -> tuple[float, ...]:
    return solve_tails(ZipfTask(exponent, sizes, **other)).test_error[-1]


@pytest.mark.parametrize(("exponent", "printed"), [(1.5, 0.04370), (2.0, 0.00691), (3.0, 0.00091), (1.3, 0.12639)])
def test_clean_error_is_the_printed_one(exponent: float, printed: float) -> None:
    assert errors(exponent, [10**4])[0] == pytest.approx(printed, abs=5e-6)
    assert clean_error(1e4, exponent=exponent) == pytest.approx(printed, abs=5e-6)


@pytest.mark.parametrize(
    ("exponent", "fitted", "theory"),
    [(1.3, -0.2307, -0.2308), (1.5, -0.3333, -0.3333), (2.0, -0.4999, -0.5), (3.0, -0.6665, -0.6667)],
)
def test_clean_slopes_are_the_printed_ones(exponent: float, fitted: float, theory: float) -> None:
    found = np.diff(np.log(clean_error([1e5, 1e6], exponent=exponent)))[0] / np.log(10)
    assert found == pytest.approx(theory, abs=1e-4)
    assert found == pytest.approx(fitted, abs=4e-4)  # sizes of the fit are not printed


@pytest.mark.parametrize(("size", "printed"), [(1e3, 0.093444), (1e4, 0.044071), (1e5, 0.025581), (1e6, 0.024204)])
def test_cut_error_is_the_printed_exact_sum(size: float, printed: float) -> None:
    assert errors(1.5, [size], generator=Generator(rank=1000))[0] == pytest.approx(printed, abs=6e-7)
    assert cut_error(size, exponent=1.5, rank=1000) == pytest.approx(printed, abs=6e-7)


def test_sum_of_two_powers_is_too_large_by_the_printed_factor() -> None:
    sizes = np.geomspace(1e2, 1e8, 200)
    summed = clean_error(sizes, exponent=1.5) + tail_mass(1000, exponent=1.5)
    ratio = summed / cut_error(sizes, exponent=1.5, rank=1000)
    assert ratio.max() == pytest.approx(1.7, abs=0.1)  # printed as "up to ~1.7 near k^β": 1.75 nearby, 1.70 there


@pytest.mark.parametrize(("top_p", "rank"), [(0.8, 15), (0.9, 59), (0.95, 234)])
def test_top_p_cuts_at_the_printed_ranks(top_p: float, rank: int) -> None:
    result = solve_tails(ZipfTask(1.5, [100], generator=Generator(top_p=top_p)))
    assert result.numbers["cut_rank"] == rank
    assert result.floor[1] == pytest.approx(1 - top_p, abs=(rank - 0.5) ** -1.5 / 2.6)  # but for the last item


@pytest.mark.parametrize(("exponent", "printed"), [(1.5, [1.404, 1.403, 1.394]), (2.0, [1.366, 1.377, 1.380])])
def test_distinct_items_are_about_the_printed_ones(exponent: float, printed: list[float]) -> None:
    sizes = np.array([1e3, 1e4, 1e5])
    ratios = learned_items(sizes, exponent=exponent) / sizes ** (1 / exponent)
    assert ratios == pytest.approx(printed, abs=2e-2 if exponent == 1.5 else 1.5e-3)
    limit = {1.5: 1.412, 2.0: 1.382}[exponent]
    assert learned_items(1e14, exponent=exponent) / 1e14 ** (1 / exponent) == pytest.approx(limit, abs=5e-4)


@pytest.mark.parametrize(("exponent", "steeper", "printed"), [(1.5, 2, -0.25), (2, 3, -0.3333), (2, 2.5, -0.4)])
def test_narrowed_slopes_are_the_printed_ones(exponent: float, steeper: float, printed: float) -> None:
    found = narrowed_error([1e6, 1e7], exponent=exponent, temperature=exponent / steeper)
    assert np.diff(np.log(found))[0] / np.log(10) == pytest.approx(printed, abs=1e-4)


@pytest.mark.parametrize(
    ("exponent", "drawn", "printed"),
    [
        (1.5, [0.0634, 0.0749, 0.0894, 0.1086, 0.131, 0.1632, 0.2049],
         [0.0636, 0.0744, 0.0890, 0.1083, 0.1336, 0.1663, 0.2081]),
        (2.0, [0.0128, 0.0156, 0.0210, 0.0285, 0.0377, 0.0537, 0.0675],
         [0.0126, 0.0159, 0.0206, 0.0276, 0.0376, 0.0520, 0.0726]),
    ],
)  # fmt: skip
def test_generations_lose_the_printed_mass(exponent: float, drawn: list[float], printed: list[float]) -> None:
    """Printed theory has Poisson counts; draws are means of 20 runs, about 3 % and after many generations 7 % apart."""
    powers = [1, 2, 4, 8, 16, 32, 64]
    task = ZipfTask(exponent, [1e9], generator=Generator(n_samples=3000, generations=64))
    floor = np.array(solve_tails(task).floor)[powers] - tail_mass(200_000, exponent=exponent)
    assert floor == pytest.approx(printed, rel=0.006)
    assert floor[:6] == pytest.approx(drawn[:6], rel=0.05)
    assert floor[6] == pytest.approx(drawn[6], rel=0.08)
    law = (np.array(powers[3:]) / 2) ** (1 - 1 / exponent) * floor[0]
    assert floor[3:] == pytest.approx(law, rel=0.15)
    assert floor[6] < 0.2 * 64 * floor[0]  # linear growth, the twin, is far away


@pytest.mark.parametrize(("size", "printed"), [(1e3, 0.093451), (1e5, 0.025509), (1e7, 0.018839)])
def test_mixed_error_is_the_printed_exact_sum(size: float, printed: float) -> None:
    assert mixed_error(size, exponent=1.5, rank=1000, real_fraction=0.01) == pytest.approx(printed, abs=6e-7)


def test_grokking_is_the_printed_one() -> None:
    sizes = [1e5, 1e6, 1e7, 1e8, 1e9]
    result = solve_tails(ZipfTask(1.5, sizes, generator=Generator(rank=1000), real_fraction=0.001))
    assert result.test_error[1] == pytest.approx([0.02557, 0.02413, 0.02350, 0.01884, 0.00942], abs=6e-6)
    assert result.numbers["grokking_time"] == pytest.approx(3.2e7, rel=0.02)
    assert result.numbers["plateau_error"] == pytest.approx(0.0242, abs=5e-5)
    assert result.test_error[1][-1] == pytest.approx(clean_error(1e6, exponent=1.5), abs=6e-6)


@pytest.mark.parametrize(
    ("first_bought", "floor", "printed"),
    [(101, 0.0, 0.00185), (200, 0.0222, 0.0238), (1000, 0.0522, 0.0534), (10_000, 0.0687, 0.0696)],
)
def test_missing_tails_have_the_printed_floors(first_bought: int, floor: float, printed: float) -> None:
    task = ZipfTask(1.5, [1e8], generator=Generator(rank=100), purchase=Purchase(0.1, rank=first_bought))
    result = solve_tails(task)
    assert result.floor[1] == pytest.approx(floor, abs=6e-5)
    assert result.test_error[1][0] == pytest.approx(printed, abs=6e-5)
    alone = solve_tails(ZipfTask(1.5, [1e8], generator=Generator(rank=100)))
    assert alone.floor[1] == pytest.approx(0.0764, abs=5e-5)


def bigram_row(exponent: float, sizes: list[float], vocabulary: int) -> tuple[Any, Any]:
    edges = kink_edges(np.concatenate([kink_logs(size, exponent) for size in sizes]))
    nodes = ranks(exponent, active=20.0, edges=(*edges, edge(vocabulary)))
    law = np.where(nodes.logs < edge(vocabulary), log_zipf(nodes.logs, exponent), -np.inf)
    return nodes, law - np.log(nodes.total(law))


@pytest.mark.parametrize(
    ("exponent", "printed"), [(1.3, -0.241), (1.5, -0.308), (2.0, -0.427), (2.5, -0.435), (3.0, -0.483)]
)
def test_bigram_slopes_are_about_the_measured_ones(exponent: float, printed: float) -> None:
    sizes, found = [300.0, 1e3, 3e3, 1e4, 3e4], []
    for size in sizes:
        nodes, law = bigram_row(exponent, [size], 200_000)
        found.append(row_error(nodes, law, [(size, law)]))
    assert np.polyfit(np.log(sizes), np.log(found), 1)[0] == pytest.approx(printed, abs=0.02)


@pytest.mark.parametrize(("size", "printed"), [(1e3, 0.160), (1e4, 0.138), (1e5, 0.134)])
def test_bigram_floors_of_finite_samples_are_about_the_measured_ones(size: float, printed: float) -> None:
    nodes, law = bigram_row(1.5, [size, 1e3], 10_000)
    assert copied_row_error(nodes, law, size, n_generator=1000) == pytest.approx(printed, abs=0.003)


@pytest.mark.parametrize(
    ("exponent", "power", "measured"),
    [(1.5, 1.0, -0.17), (1.5, 0.5, -0.41), (1.5, None, -0.60), (2.0, 1.0, -0.20), (2.0, 0.5, -0.54)],
)
def test_memory_slopes_are_roughly_the_measured_ones(exponent: float, power: float | None, measured: float) -> None:
    """Those with noise of drawn embeddings: d = 32 to 512, 4000 items, 20 outputs; only rough."""
    nodes = ranks(exponent, active=20.0, edges=(edge(4000),))
    law = np.where(nodes.logs < edge(4000), log_zipf(nodes.logs, exponent), -np.inf)
    law = law - np.log(nodes.total(law))
    features, found = [32, 64, 128, 256, 512], []
    for d in features:
        known = log_known(Memory(n_features=d, n_outputs=20, power=power), nodes, endless_shares(law))
        found.append(1 - nodes.total(law + known))
    assert np.polyfit(np.log(features), np.log(found), 1)[0] == pytest.approx(measured, abs=0.2)


@pytest.mark.parametrize(("exponent", "measured"), [(1.5, -0.60), (2.0, -1.06)])
def test_measured_threshold_slopes_are_those_of_what_is_never_held(exponent: float, measured: float) -> None:
    """Few draws do not see the loss of a frequent item to noise; at exponent 2 it makes the mean fall like −0.66."""
    features = np.array([32, 64, 128, 256, 512])
    unheld = tail_mass(features, exponent=exponent) - tail_mass(4000, exponent=exponent)
    assert np.polyfit(np.log(features), np.log(unheld), 1)[0] == pytest.approx(measured, abs=0.05)
