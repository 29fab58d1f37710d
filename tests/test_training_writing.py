"""Does a model write what its next-token law says, with cached keys and cut laws alike?"""

from __future__ import annotations

import numpy as np
import pytest

from gpt_worlds import N_TOKENS, SIZE, one_thread, tiny, torch
from modelcollapse import InputError
from modelcollapse.problems.training import Sampling
from modelcollapse.streams import stream
from modelcollapse.training.next_token import next_token_laws, token_losses
from modelcollapse.training.place import Place
from modelcollapse.training.writing import _Reader, bent, write

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures(one_thread.__name__)]
PLACE = Place("cpu")


def sharp() -> object:
    """Return a model whose laws are far from uniform."""
    model = tiny().eval()
    with torch.no_grad():
        for weights in model.parameters():
            weights.mul_(4)
    return model


def logits(*, seed: int = 0, n: int = 6) -> np.ndarray:
    return 2 * stream(seed, "logits").standard_normal((n, N_TOKENS))


def plainly_bent(row: np.ndarray, sampling: Sampling) -> np.ndarray:
    """Return a law cut in float64, token by token: as the definitions of top-k and top-p say."""
    law = np.exp((row - row.max()) / sampling.temperature)
    law /= law.sum()
    order = np.argsort(-law)
    kept = order[: sampling.top_k]
    law = np.where(np.isin(np.arange(len(law)), kept), law, 0) / law[kept].sum()
    allowed, mass = [], 0.0
    for token in kept:
        if mass < sampling.top_p:
            allowed.append(token)
        mass += law[token]
    law = np.where(np.isin(np.arange(len(law)), allowed), law, 0)
    return law / law.sum()


def test_reader_with_cached_keys_sees_what_the_model_sees() -> None:
    model, ids = sharp(), torch.from_numpy(stream(0, "ids").integers(N_TOKENS, size=(3, SIZE.context)))
    with torch.no_grad():
        expected = model(ids).logits
        reader = _Reader(model, n_sequences=3, length=SIZE.context)
        found = [reader.read(ids[:, :5])] + [reader.read(ids[:, t : t + 1]) for t in range(5, SIZE.context)]
    apart = (torch.stack(found, dim=1) - expected[:, 4:]).abs().max() / expected.abs().max()
    assert apart < 1e-5


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(),
        Sampling(temperature=0.7),
        Sampling(top_k=3),
        Sampling(top_p=0.8),
        Sampling(temperature=1.5, top_k=6, top_p=0.9),
        Sampling(temperature=1e-30),
        Sampling(top_k=500, top_p=1e-9),
    ],
)
def test_bent_law_is_that_of_the_definitions(sampling: Sampling) -> None:
    rows = logits()
    law, order = bent(torch.from_numpy(rows), sampling)
    law = law / law.sum(dim=-1, keepdim=True)
    found = law.numpy() if order is None else np.zeros_like(rows)
    if order is not None:
        np.put_along_axis(found, order.numpy(), law.numpy(), axis=1)
    expected = np.stack([plainly_bent(row, sampling) for row in rows])
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("sampling", "believed"),
    [
        (Sampling(), Sampling()),
        (Sampling(temperature=0.6, top_k=8, top_p=0.95), Sampling(temperature=0.6, top_k=8, top_p=0.95)),
        (Sampling(), Sampling(temperature=0.9)),
        (Sampling(top_k=4), Sampling()),
    ],
)
def test_written_tokens_follow_the_law(sampling: Sampling, believed: Sampling) -> None:
    """Counts of the second new token given the first, in standard errors; the last two must be found out."""
    model, n = sharp(), 40_000
    prompt = np.array([[3, 1, 4]])
    first, second = write(
        model, np.repeat(prompt, n, axis=0), n_new=2, sampling=sampling, random=stream(0, "w"), place=PLACE
    )[:, 3:].T
    with torch.no_grad():
        rows = model(torch.from_numpy(np.array([[3, 1, 4, token] for token in range(N_TOKENS)]))).logits[:, 2:].numpy()
    law_of_first = plainly_bent(rows[0, 0].astype(float), believed)
    law = law_of_first[:, None] * np.stack([plainly_bent(row[1].astype(float), believed) for row in rows])
    counts = np.zeros((N_TOKENS, N_TOKENS))
    np.add.at(counts, (first, second), 1)
    stderr = np.sqrt(n * law * (1 - law))
    seen = law * n > 20
    fits = bool((np.abs(counts - n * law)[seen] < 5 * stderr[seen]).all()) and not counts[law == 0].any()
    assert fits == (sampling == believed)


def test_written_tokens_keep_the_prompt_and_the_seed() -> None:
    model, prompts = sharp(), stream(0, "prompts").integers(N_TOKENS, size=(5, 3))

    def written(seed: int) -> np.ndarray:
        return write(model, prompts, n_new=9, sampling=Sampling(), random=stream(seed, "w"), place=PLACE)

    np.testing.assert_array_equal(written(1)[:, :3], prompts)
    np.testing.assert_array_equal(written(1), written(1))
    assert (written(1) != written(2)).any()


def test_writing_beyond_the_context_is_refused() -> None:
    with pytest.raises(InputError, match="context of 12"):
        write(tiny(), np.zeros((1, 3), int), n_new=10, sampling=Sampling(), random=stream(0, "w"), place=PLACE)


def test_losses_and_laws_are_those_of_the_model() -> None:
    model, ids = sharp(), stream(0, "ids").integers(N_TOKENS, size=(40, SIZE.context))
    with torch.no_grad():
        log_laws = torch.log_softmax(model(torch.from_numpy(ids)).logits.double(), dim=-1).numpy()
    expected = -np.take_along_axis(log_laws[:, :-1], ids[:, 1:, None], axis=2)[..., 0]
    np.testing.assert_allclose(token_losses(model, ids, place=PLACE), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(next_token_laws(model, ids, place=PLACE), np.exp(log_laws[:, -1]), atol=1e-6)
