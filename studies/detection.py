"""Is what was planted detected? Trials of plants before judges, each outcome handed over as soon as it is there."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from modelcollapse.streams import stream
from studies.judges import Judge
from studies.plants import Plant, World

Row = dict[str, Any]
"""An outcome, and the world, trial, judge and plant it belongs to; the first of a trial bears the start's seconds."""


@dataclass(frozen=True)
class Task:
    """One trial of a world before one judge; only with those plants that have no outcome yet."""

    world: World
    trial: int
    judge: Judge
    plants: tuple[Plant, ...]


def key(row: Row) -> tuple[str, int, str, str]:
    """Return what an outcome belongs to."""
    return row["world"], row["trial"], row["judge"], row["plant"]


def tasks(worlds: Iterable[World], judges: Iterable[Judge], *, n_trials: int, rows: Iterable[Row]) -> list[Task]:
    """Return what is to be done beyond the rows there are, the first trials of all worlds first."""
    done = {key(row) for row in rows}
    found = []
    for world in worlds:
        for judge in judges:
            if judge.kind != world.kind:
                continue
            for trial in range(min(n for n in (n_trials, world.most_trials, judge.most_trials) if n is not None)):
                left = [plant for plant in world.plants if (world.name, trial, judge.name, plant.name) not in done]
                if left:
                    found.append(Task(world, trial, judge, tuple(left)))
    return sorted(found, key=lambda task: task.trial)


def run(todo: list[Task], *, folder: Path | None, seed: int, n_workers: int = 1) -> Iterator[list[Row]]:
    """Yield the rows of each task, as they come from `n_workers` processes of one thread."""
    if n_workers == 1:
        yield from (outcomes(task, folder, seed) for task in todo)
        return
    with ProcessPoolExecutor(n_workers, mp_context=get_context("spawn")) as workers:
        futures = [workers.submit(outcomes, task, folder, seed) for task in todo]
        try:
            yield from (future.result() for future in as_completed(futures))
        finally:
            workers.shutdown(wait=False, cancel_futures=True)


def outcomes(task: Task, folder: Path | None, seed: int) -> list[Row]:
    """Return one row for each plant of a task; the data depend on seed, world, trial and plant only."""
    names = ("plants", task.world.name, task.trial)
    rows = []
    with threadpool_limits(1):
        real, source = task.world.start(stream(seed, *names), folder)
        clock = time.process_time()
        compare = task.judge.start(real)
        started = time.process_time() - clock
        for plant in task.plants:
            synthetic = plant.make(source, stream(seed, *names, plant.name))
            clock = time.process_time()
            outcome = compare(synthetic)
            seconds = round(started + time.process_time() - clock, 2)
            started = 0.0
            place = {"world": task.world.name, "trial": task.trial, "judge": task.judge.name, "plant": plant.name}
            rows.append({**place, "seconds": seconds, **outcome})
    return rows
