"""Does sampling stop when it should, give the same on any number of cores, and survive Ctrl-C?"""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from modelcollapse.simulation import sampler
from modelcollapse.simulation.backend import NumpyBackend
from modelcollapse.simulation.meter import Meter, Stopped
from modelcollapse.simulation.sampler import MIN_UNITS, Goal, sample
from modelcollapse.streams import stream


def draw(index):
    return 10 + stream(4, "draw", index).standard_normal((1, 2))


def run(*, n_replicates=1000, relative_stderr=None, n_workers=1, **options):
    goal = Goal(n_replicates=n_replicates, relative_stderr=relative_stderr)
    arguments = {"draw": draw, "watch": lambda drawn: drawn, "replicates_per_unit": 2, "meter": Meter(), **options}
    return sample(arguments.pop("draw"), goal=goal, n_workers=n_workers, **arguments)


def test_sample_stops_at_the_number_of_replicates_rounded_up():
    drawn = run(n_replicates=7)
    assert (len(drawn.draws), drawn.n_replicates, drawn.reached, drawn.interrupted) == (4, 8, True, False)


def test_sample_stops_at_the_standard_error_and_not_before():
    drawn = run(relative_stderr=0.01)
    values = np.concatenate(drawn.draws)
    relative = values.std(axis=0, ddof=1) / np.sqrt(len(values)) / values.mean(axis=0)
    before = values[:-1].std(axis=0, ddof=1) / np.sqrt(len(values) - 1) / values[:-1].mean(axis=0)
    assert drawn.reached
    assert relative.max() <= 0.01 < before.max()


def test_sample_says_when_the_standard_error_was_not_reached():
    drawn = run(relative_stderr=1e-6, n_replicates=100)
    assert (drawn.reached, drawn.n_replicates) == (False, 100)


def test_sample_believes_no_standard_error_of_few_replicates():
    assert run(relative_stderr=1.0).n_replicates == 2 * MIN_UNITS


@pytest.mark.parametrize("value", [0.0, 5.0])
def test_sample_of_what_never_varies_stops_early(value):
    drawn = run(relative_stderr=0.01, draw=lambda index: np.full((1, 1), value))
    assert (drawn.reached, drawn.n_replicates) == (True, 2 * MIN_UNITS)


@pytest.mark.parametrize("n_workers", [2, 5])
def test_sample_is_the_same_on_any_number_of_workers(n_workers):
    def slow_first(index):
        time.sleep(0.02 * (index % 3 == 0))
        return draw(index)

    alone, many = run(relative_stderr=0.02), run(relative_stderr=0.02, n_workers=n_workers, draw=slow_first)
    assert np.array_equal(np.concatenate(alone.draws), np.concatenate(many.draws))


def test_sample_takes_batches_of_units():
    drawn = run(n_replicates=30, draw=lambda index: np.ones((10, 2)) * index)
    assert (len(drawn.draws), drawn.n_replicates) == (2, 30)  # no more units than are wanted


@pytest.mark.parametrize("n_workers", [1, 2])
def test_sample_returns_what_there_is_when_interrupted(n_workers):
    def interrupting(index):
        if index == 5:
            raise KeyboardInterrupt
        return draw(index)

    drawn = run(draw=interrupting, n_workers=n_workers)
    assert (drawn.interrupted, drawn.reached, len(drawn.draws)) == (True, False, 5)


def test_sample_passes_errors_on_and_stops_its_workers():
    before = threading.active_count()

    def failing(index):
        if index == 3:
            raise ValueError("broken")
        return draw(index)

    with pytest.raises(ValueError, match="broken"):
        run(draw=failing, n_workers=2)
    assert threading.active_count() <= before


def test_sample_reports_estimate_error_and_share():
    readings = []
    run(relative_stderr=0.01, report=readings.append)
    values = np.concatenate([draw(index) for index in range(len(readings))])
    last = readings[-1]
    assert [reading.n_replicates for reading in readings[:3]] == [2, 4, 6]
    assert last.share == 1
    worst = np.argmax(values.std(axis=0) / values.mean(axis=0))
    assert last.estimate == pytest.approx(values[:, worst].mean())
    assert last.stderr == pytest.approx(values[:, worst].std(ddof=1) / np.sqrt(len(values)))
    assert all(0 < reading.share <= 1 for reading in readings)
    halfway = readings[len(readings) // 2].share
    assert 0.2 < halfway < 0.9


def test_sample_watches_nothing_and_draws_the_fewest():
    drawn = run(relative_stderr=1e-6, watch=lambda drawn: np.zeros((1, 0)))
    assert (drawn.reached, drawn.n_replicates) == (True, 2 * MIN_UNITS)


def test_sample_reports_a_draw_that_is_still_at_work(monkeypatch):
    monkeypatch.setattr(sampler, "HEARTBEAT", 0.02)
    meter, readings = Meter(), []

    def slow(index):
        for _ in range(10):
            meter.count((10,))
            time.sleep(0.01)
        return draw(index)

    run(n_replicates=4, draw=slow, meter=meter, numbers_per_unit=100.0, report=readings.append)
    first = [reading for reading in readings if reading.n_replicates == 0]
    assert len(first) >= 3
    assert np.isnan([first[0].estimate, first[0].stderr]).all()
    shares = [reading.share for reading in readings]
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[2] < 1 == shares[-1]


def test_sample_stops_draws_that_nobody_waits_for():
    meter, ended, begun = Meter(), [], threading.Event()
    endless = meter.attach(NumpyBackend().randomness(0))

    def draw_for_ever(index):
        if index < 2:
            return draw(index)
        begun.set()
        try:
            while True:
                endless.normal(2, 3)
        except Stopped:
            ended.append(index)
            raise

    def interrupt(reading):
        if reading.n_replicates == 4 and begun.wait(timeout=60):
            raise KeyboardInterrupt

    drawn = run(draw=draw_for_ever, n_workers=2, meter=meter, report=interrupt)
    assert (drawn.interrupted, drawn.n_replicates) == (True, 4)
    assert ended
    assert meter.n_drawn > 0


def test_second_interrupt_loses_nothing(monkeypatch):
    class Impatient:
        def __init__(self, inner):
            self.inner = inner

        def __iter__(self):
            return self.inner

        def close(self):
            raise KeyboardInterrupt

    in_order = sampler._in_order
    monkeypatch.setattr(sampler, "_in_order", lambda *args, **options: Impatient(in_order(*args, **options)))

    def interrupting(index):
        if index == 3:
            raise KeyboardInterrupt
        return draw(index)

    drawn = run(draw=interrupting)
    assert (drawn.interrupted, len(drawn.draws)) == (True, 3)


def test_interrupt_while_waiting_stops_draws_at_once(monkeypatch):
    before = threading.active_count()
    meter, begun = Meter(), threading.Event()
    endless = meter.attach(NumpyBackend().randomness(0))
    waiting = sampler.wait

    def interrupted_wait(*arguments, **options):
        if begun.wait(timeout=60):
            raise KeyboardInterrupt
        return waiting(*arguments, **options)

    def draw_for_ever(index):
        begun.set()
        while True:
            endless.normal(2, 3)

    monkeypatch.setattr(sampler, "wait", interrupted_wait)
    drawn = run(draw=draw_for_ever, n_workers=2, meter=meter)
    assert (drawn.interrupted, drawn.n_replicates) == (True, 0)
    assert threading.active_count() <= before
