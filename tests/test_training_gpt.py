"""Is it GPT-2 that is trained, drawn from its stream and from nowhere else?"""

from __future__ import annotations

import numpy as np
import pytest

from gpt_worlds import SIZE, bits, one_thread, tiny, torch
from modelcollapse.problems.training import Transformer
from modelcollapse.streams import stream
from modelcollapse.training.gpt import build_gpt

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures(one_thread.__name__)]


def reference(**changed: object) -> object:
    """Return transformers' own GPT-2 with the weights of the tiny model, its activation written out."""
    from transformers import GPT2LMHeadModel

    model = tiny()
    config = type(model.config).from_dict({**model.config.to_dict(), "activation_function": "gelu_new", **changed})
    other = GPT2LMHeadModel(config)
    other.load_state_dict(model.state_dict())
    return other.eval()


@pytest.mark.parametrize(("changed", "same"), [({}, True), ({"activation_function": "relu"}, False)])
def test_gpt_computes_what_gpt2_of_transformers_does(changed: dict[str, object], same: bool) -> None:
    with torch.no_grad():
        ids = torch.from_numpy(stream(0, "ids").integers(11, size=(5, SIZE.context)))
        ours, theirs = (1000 * model.eval()(ids).logits for model in (tiny(), reference(**changed)))
    apart = (ours - theirs).abs().max() / theirs.abs().max()
    assert (apart < 1e-5) == same


def test_gpt_draws_the_same_bits_for_the_same_seed_only() -> None:
    assert bits(tiny(seed=1)) == bits(tiny(seed=1))
    assert bits(tiny(seed=1)) != bits(tiny(seed=2))


def test_gpt_leaves_global_generators_alone() -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    tiny()
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002


def test_gpt_weights_have_the_published_spread() -> None:
    from modelcollapse.training.gpt import build_gpt

    size = Transformer(n_layers=3, n_heads=2, width=64, context=64)
    state = build_gpt(size, n_tokens=100, random=stream(0, "m")).state_dict()
    for name, expected in (("h.1.mlp.c_fc.weight", 0.02), ("h.1.mlp.c_proj.weight", 0.02 / 6**0.5)):
        weights = state[f"transformer.{name}"].numpy().ravel()
        stderr = expected / np.sqrt(2 * weights.size)
        assert abs(weights.std() - expected) < 5 * stderr


def test_gpt_drops_out_everywhere_it_is_told_to() -> None:
    size = Transformer(n_layers=1, n_heads=2, width=8, context=8, dropout=0.25)
    config = build_gpt(size, n_tokens=11, random=stream(0, "weights")).config
    assert (config.embd_pdrop, config.attn_pdrop, config.resid_pdrop) == (0.25, 0.25, 0.25)
