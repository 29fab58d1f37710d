"""Tasks side by side: order, errors, threads."""

import threading

import pytest
from threadpoolctl import threadpool_info

from modelcollapse.parallel import n_cores, side_by_side


def test_side_by_side_keeps_the_order_of_items() -> None:
    held = threading.Event()

    def later_first(number: int) -> int:
        if number == 0 and n_cores() > 1:
            held.wait(5)  # ends after its successor
        held.set()
        return number

    assert side_by_side(later_first, range(5)) == [0, 1, 2, 3, 4]


def test_side_by_side_raises_what_an_item_raises() -> None:
    def fails(number: int) -> int:
        if number == 2:
            raise ValueError("two")
        return number

    with pytest.raises(ValueError, match="two"):
        side_by_side(fails, range(10))


def test_side_by_side_gives_each_task_one_blas_thread() -> None:
    seen = side_by_side(lambda _: max(pool["num_threads"] for pool in threadpool_info()), range(3))
    assert seen == [1, 1, 1]


def test_side_by_side_reports_every_item() -> None:
    calls: list[tuple[int, int]] = []
    side_by_side(str, [1, 2, 3], report=lambda done, total: calls.append((done, total)))
    assert calls == [(0, 3), (1, 3), (2, 3)]


def test_side_by_side_takes_nothing() -> None:
    assert side_by_side(str, []) == []
