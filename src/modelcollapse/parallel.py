"""How does work spread over the cores? One task a core, each with one BLAS thread."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import threadpool_limits

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


def n_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def side_by_side(
    function: Callable[[Item], Outcome],
    items: Iterable[Item],
    *,
    report: Callable[[int, int], None] | None = None,
) -> list[Outcome]:
    """Apply a function to each item, as many at a time as there are cores; results in the items' order.

    Threads suffice because the work is in BLAS and LAPACK, which release the interpreter's lock. One BLAS thread for
    each keeps them from waiting for one another, which on busy cores costs far more than it gains.

    Parameters
    ----------
    function : callable
        Must not depend on what other items do.
    items : iterable
    report : callable, optional
        Called with (done, total) before each item's result is waited for.

    Examples
    --------
    >>> side_by_side(lambda number: number**2, [1, 2, 3])
    [1, 4, 9]
    """
    work = list(items)
    outcomes = []
    with threadpool_limits(limits=1), ThreadPoolExecutor(max(1, min(len(work), n_cores()))) as workers:
        futures = [workers.submit(function, item) for item in work]
        try:
            for done, future in enumerate(futures):
                if report:
                    report(done, len(work))
                outcomes.append(future.result())
        except BaseException:
            for future in futures:
                future.cancel()
            raise
    return outcomes
