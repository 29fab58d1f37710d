"""Does the loop do what its recipe says, with bits that depend on the seed alone?"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gpt_worlds import PLAN, at_each_step, bits, one_thread, text, tiny, torch, trained
from modelcollapse import InputError
from modelcollapse.problems.training import Optimisation
from modelcollapse.streams import stream
from modelcollapse.training.checkpoints import Checkpoints
from modelcollapse.training.loop import N_LOGGED, DivergedError, Progress, Recipe, train
from modelcollapse.training.next_token import NextToken, random_windows, token_losses
from modelcollapse.training.place import Place
from modelcollapse.training.recipes import adamw, learning_rate

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures(one_thread.__name__, at_each_step.__name__)]


class Slope:
    """Loss is the sum of weights times a number that a step is given: its gradient is known."""

    units_per_step = 3

    def __init__(self, *slopes: float) -> None:
        self.slopes = slopes

    def loss(self, model: torch.nn.Module, step: int) -> torch.Tensor:
        return self.slopes[step] * sum(weights.sum() for weights in model.parameters())


def slide(*slopes: float, clip: float | None = None, **more: object) -> tuple[float, tuple[float, ...]]:
    """Let a weight slide from 1 with learning rates 1, 1/2, ...; return where it ends, and the losses."""
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(model.weight, 1.0)
    recipe = Recipe(
        n_steps=len(slopes),
        optimiser=lambda model: torch.optim.SGD(model.parameters(), lr=100.0),
        learning_rate=lambda step: 1 / (step + 1),
        clip=clip,
    )
    losses = train(model, Slope(*slopes), recipe=recipe, place=Place("cpu"), **more)
    return float(model.weight.detach()), losses


def test_loop_takes_the_steps_of_the_recipe() -> None:
    weight, losses = slide(0.25, 0.5)
    assert weight == 1 - 0.25 - 0.5 / 2
    assert losses == (0.25, 0.5 * 0.75)


def test_loop_clips_the_gradient_at_the_norm() -> None:
    weight, _ = slide(100.0, 0.25, clip=0.5)
    assert weight == pytest.approx(1 - 0.5 - 0.25 / 2, abs=1e-6)


def test_loop_keeps_means_of_equally_many_losses() -> None:
    slopes = stream(0, "slopes").normal(size=2 * N_LOGGED + 1) / 1000
    _, losses = slide(*slopes)
    rates = 1 / np.arange(1, len(slopes) + 1)
    weights = 1 - np.concatenate([[0], np.cumsum(slopes * rates)[:-1]])
    each = (slopes * weights).astype(float)
    expected = [each[start : start + 3].mean() for start in range(0, len(slopes), 3)]
    np.testing.assert_allclose(losses, expected, atol=1e-8)
    assert len(losses) <= N_LOGGED


def test_loop_tells_how_far_it_is() -> None:
    told: list[Progress] = []
    counted: list[int] = []
    slide(0.1, 0.2, 0.3, report=told.append, after_step=counted.append)
    assert counted == [1, 2, 3]
    assert (told[-1].step, told[-1].n_steps, told[-1].seconds_left) == (3, 3, 0)
    assert told[-1].rate > 0


def test_loop_refuses_a_loss_that_is_not_finite() -> None:
    with pytest.raises(DivergedError, match="after 2 of 3 steps"):
        slide(0.1, math.inf, 0.1)


def test_learning_rate_ramps_up_and_falls_to_a_tenth() -> None:
    plan = Optimisation(n_steps=100, batch_size=1, learning_rate=0.5, warmup_steps=10)
    rates = [learning_rate(step, optimisation=plan) for step in range(100)]
    assert np.argmax(rates) in (9, 10)
    np.testing.assert_allclose(rates[:10], 0.05 * np.arange(1, 11))
    assert (np.diff(rates[10:]) < 0).all()
    assert 0.05 < rates[-1] < 0.051


def test_adamw_lets_matrices_decay_and_nothing_else() -> None:
    model = tiny()
    optimiser = adamw(PLAN).optimiser(model)
    decays, stays = optimiser.param_groups
    assert (decays["weight_decay"], stays["weight_decay"]) == (0.1, 0.0)
    assert all(weights.dim() == 2 for weights in decays["params"])
    assert all(weights.dim() == 1 for weights in stays["params"])
    assert len(decays["params"]) + len(stays["params"]) == len(list(model.parameters()))


def test_training_learns() -> None:
    _, losses = trained(plan=replace(PLAN, n_steps=150))
    assert losses[0] > 2.2
    assert losses[-1] < 1.0  # half the steps are by one, half by two: ln 2 at best


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_training_gives_the_same_bits_for_the_same_seed_only(dropout: float) -> None:
    runs = [trained(seed=seed, dropout=dropout) for seed in (1, 1, 2)]
    assert runs[0][1] == runs[1][1]
    assert bits(runs[0][0]) == bits(runs[1][0])
    assert runs[0][1] != runs[2][1]


def test_dropout_is_drawn_anew_at_each_step() -> None:
    place = Place("cpu")
    model = tiny(dropout=0.5).train()
    objective = NextToken(lambda step: text()[None, :13], shape=(1, 13), place=place, dropout_seed=0)
    first, again, other = (float(objective.loss(model, step).detach()) for step in (0, 0, 1))
    assert first == again != other


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_training_leaves_global_generators_alone(dropout: float) -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    trained(dropout=dropout)
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002


def test_training_is_not_changed_by_being_measured() -> None:
    place, plan = Place("cpu"), replace(PLAN, n_steps=6)

    def measured() -> tuple[float, ...]:
        model = tiny(dropout=0.3)
        objective = NextToken(lambda _: text()[None, :13], shape=(1, 13), place=place, dropout_seed=0)
        return train(
            model,
            objective,
            recipe=adamw(plan),
            place=place,
            after_step=lambda _: token_losses(model, text()[None, :13], place=place).sum(),
        )

    def unmeasured() -> tuple[float, ...]:
        objective = NextToken(lambda _: text()[None, :13], shape=(1, 13), place=place, dropout_seed=0)
        return train(tiny(dropout=0.3), objective, recipe=adamw(plan), place=place)

    assert measured() == unmeasured()


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("stop", [1, 5, 11])
def test_training_that_was_stopped_ends_with_the_same_bits(dropout: float, stop: int, tmp_path: Path) -> None:
    def stopping(done: int) -> None:
        if done == stop + 1:
            raise KeyboardInterrupt

    plan = replace(PLAN, n_steps=12)
    with pytest.raises(KeyboardInterrupt):
        trained(dropout=dropout, plan=plan, checkpoints=Checkpoints(tmp_path, seconds=0), after_step=stopping)
    assert Checkpoints(tmp_path).latest() is not None
    later, losses = trained(dropout=dropout, plan=plan, checkpoints=Checkpoints(tmp_path, seconds=0))
    model, expected = trained(dropout=dropout, plan=plan)
    assert losses == expected
    assert bits(later) == bits(model)


def test_losses_over_several_steps_survive_a_stop(tmp_path: Path) -> None:
    slopes = stream(0, "slopes").normal(size=2 * N_LOGGED) / 1000

    def stopping(done: int) -> None:
        if done == 152:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        slide(*slopes, checkpoints=Checkpoints(tmp_path, seconds=0), after_step=stopping)
    assert slide(*slopes, checkpoints=Checkpoints(tmp_path, seconds=1e9)) == slide(*slopes)


def test_bfloat16_learns_nearly_the_same() -> None:
    """Its numbers have 8 bits: losses that are a thirtieth apart would mean more than rounding."""
    (_, wide), (_, narrow) = trained(), trained(plan=replace(PLAN, precision="bfloat16"))
    assert wide != narrow
    np.testing.assert_allclose(narrow, wide, rtol=1 / 30)


def test_given_tokens_are_not_learned() -> None:
    place, model = Place("cpu"), tiny().eval()
    ids = text()[:13][None]
    with torch.no_grad():
        found = NextToken(lambda _: ids, shape=(1, 13), place=place, n_given=6).loss(model, 0)
        laws = torch.log_softmax(model(torch.from_numpy(ids[:, :-1])).logits, dim=-1)
    expected = -laws[0, torch.arange(5, 12), torch.from_numpy(ids[0, 6:])].mean()
    assert float(found) == pytest.approx(float(expected), abs=1e-6)


def test_windows_start_anywhere_and_are_the_same_for_the_same_step() -> None:
    batches = random_windows(np.arange(20), length=18, batch_size=600, seed=0)
    assert set(batches(0)[:, 0]) == {0, 1, 2}
    np.testing.assert_array_equal(np.diff(batches(0)), 1)
    np.testing.assert_array_equal(batches(3), batches(3))
    assert (batches(3) != batches(4)).any()


def test_place_shares_batches_and_refuses_what_is_not_there() -> None:
    place = Place("cpu")
    assert (place.is_main, place.share(5), place.agreed("x")) == (True, slice(0, 5), "x")
    place.count, place.index = 2, 1
    assert place.share(6) == slice(3, 6)
    with pytest.raises(InputError, match="a batch of 5 cannot be shared out equally among 2 processes"):
        place.share(5)
    with pytest.raises(InputError, match="`device`"):
        Place("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="PyTorch sees no GPU"):
            Place("cuda")
