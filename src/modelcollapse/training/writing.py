"""How does a model write? Many sequences at once, a token at a time; keys and values of earlier tokens are kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from transformers import GPT2LMHeadModel

from modelcollapse.errors import InputError
from modelcollapse.problems.training import Sampling
from modelcollapse.training.place import Place

Tokens = NDArray[np.int64]


@torch.no_grad()
def write(
    model: GPT2LMHeadModel,
    prompts: Tokens,
    *,
    n_new: int,
    sampling: Sampling,
    random: np.random.Generator,
    place: Place,
) -> Tokens:
    """Continue prompts, each token drawn from the model's next-token law as `sampling` bends it.

    Parameters
    ----------
    model : GPT2LMHeadModel
        On the device of `place`.
    prompts : int array, (n_sequences, n_prompt)
        At least one token each. All at once: as many as fit into memory.
    n_new : int
        Tokens to add; with the prompt at most the context of the model.
    sampling : Sampling
    random : numpy Generator
    place : Place

    Returns
    -------
    int array, (n_sequences, n_prompt + n_new)
        The prompts and what follows.

    Raises
    ------
    InputError
        When prompt and continuation are longer than the context.

    Notes
    -----
    A token is found where a uniform number falls in the cumulated law, which takes a sixth of the time of PyTorch's
    `multinomial`.
    """
    n_sequences, n_prompt = prompts.shape
    length = n_prompt + n_new
    if length > model.config.n_positions:
        raise InputError(
            f"{n_prompt} tokens of prompt and {n_new} new ones are more than the model's context of "
            f"{model.config.n_positions}. Write less, or give the model a longer `context`."
        )
    generator = place.generator(random)
    ids = torch.empty((n_sequences, length), dtype=torch.long, device=place.device)
    ids[:, :n_prompt] = torch.from_numpy(np.asarray(prompts, dtype=np.int64)).to(place.device)
    reader = _Reader(model, n_sequences=n_sequences, length=length)
    logits = reader.read(ids[:, :n_prompt])
    for position in range(n_prompt, length):
        uniform = torch.rand((n_sequences, 1), generator=generator, device=place.device)
        ids[:, position] = draw(logits, uniform, sampling)
        if position + 1 < length:
            logits = reader.read(ids[:, position : position + 1])
    return np.asarray(ids.cpu().numpy())


def draw(logits: Tensor, uniform: Tensor, sampling: Sampling) -> Tensor:
    """Return the tokens at which uniform numbers fall in the bent next-token laws.

    Parameters
    ----------
    logits : Tensor, (n, n_tokens)
    uniform : Tensor, (n, 1)
        In [0, 1).
    sampling : Sampling

    Returns
    -------
    Tensor, (n,)
    """
    law, order = bent(logits, sampling)
    cumulated = law.cumsum(dim=-1)
    place = torch.searchsorted(cumulated, uniform * cumulated[:, -1:], right=True)
    last = (cumulated < cumulated[:, -1:]).sum(dim=-1, keepdim=True)  # the last token that has any mass
    place = torch.minimum(place, last)
    return (place if order is None else order.gather(1, place))[:, 0]


def bent(logits: Tensor, sampling: Sampling) -> tuple[Tensor, Tensor | None]:
    """Return next-token laws, sharpened and cut but not scaled to sum one, and the tokens they belong to.

    Returns
    -------
    law : Tensor, (n, n_kept)
    order : Tensor of int, (n, n_kept), or None
        Tokens by falling probability where something is cut; None for the vocabulary's own order.
    """
    logits = logits.float()
    highest = logits.amax(dim=-1, keepdim=True)  # taken off first, so that no temperature is too low
    law = torch.softmax((logits - highest) / sampling.temperature, dim=-1)
    if sampling.top_k is None and sampling.top_p == 1:
        return law, None
    n_kept = law.shape[-1] if sampling.top_k is None else min(sampling.top_k, law.shape[-1])
    law, order = law.topk(n_kept, dim=-1)
    if sampling.top_p < 1:
        law = law / law.sum(dim=-1, keepdim=True)
        before = law.cumsum(dim=-1) - law
        law = law.masked_fill(before >= sampling.top_p, 0.0)  # the first is always kept
    return law, order


@dataclass
class _Block:
    """The weights of one layer, matrices as (in, out)."""

    gain_1: Tensor
    bias_1: Tensor
    attention: Tensor
    attention_bias: Tensor
    projection: Tensor
    projection_bias: Tensor
    gain_2: Tensor
    bias_2: Tensor
    inner: Tensor
    inner_bias: Tensor
    outer: Tensor
    outer_bias: Tensor


class _Reader:
    """Reads tokens with the weights of a GPT-2 and remembers keys and values: no masks, no copies, no bookkeeping."""

    def __init__(self, model: GPT2LMHeadModel, *, n_sequences: int, length: int) -> None:
        config, body = model.config, model.transformer
        self._n_heads, self._epsilon = config.n_head, config.layer_norm_epsilon
        self._embedding, self._positions = body.wte.weight, body.wpe.weight
        self._gain, self._bias = body.ln_f.weight, body.ln_f.bias
        self._head = model.lm_head.weight
        self._blocks = [
            _Block(
                block.ln_1.weight, block.ln_1.bias,
                block.attn.c_attn.weight, block.attn.c_attn.bias,
                block.attn.c_proj.weight, block.attn.c_proj.bias,
                block.ln_2.weight, block.ln_2.bias,
                block.mlp.c_fc.weight, block.mlp.c_fc.bias,
                block.mlp.c_proj.weight, block.mlp.c_proj.bias,
            )
            for block in body.h
        ]  # fmt: skip
        shape = (config.n_layer, n_sequences, config.n_head, length, config.n_embd // config.n_head)
        self._keys = self._embedding.new_empty(shape)
        self._values = self._embedding.new_empty(shape)
        self._n_read = 0

    def read(self, ids: Tensor) -> Tensor:
        """Read tokens, (n_sequences, n); return logits of what follows the last, (n_sequences, n_tokens)."""
        start, end = self._n_read, self._n_read + ids.shape[1]
        self._n_read = end
        stream = functional.embedding(ids, self._embedding) + self._positions[start:end]
        for layer, block in enumerate(self._blocks):
            stream = stream + self._attend(layer, block, stream, slice(start, end))
            seen = functional.layer_norm(stream, block.gain_2.shape, block.gain_2, block.bias_2, self._epsilon)
            inner = functional.gelu(_affine(seen, block.inner, block.inner_bias), approximate="tanh")
            stream = stream + _affine(inner, block.outer, block.outer_bias)
        last = functional.layer_norm(stream[:, -1], self._gain.shape, self._gain, self._bias, self._epsilon)
        return functional.linear(last, self._head)

    def _attend(self, layer: int, block: _Block, stream: Tensor, new: slice) -> Tensor:
        """Return what the new tokens read from themselves and all before them."""
        n_sequences, n_new, width = stream.shape
        seen = functional.layer_norm(stream, block.gain_1.shape, block.gain_1, block.bias_1, self._epsilon)
        parts = _affine(seen, block.attention, block.attention_bias)
        query, key, value = parts.view(n_sequences, n_new, 3, self._n_heads, -1).permute(2, 0, 3, 1, 4)
        self._keys[layer, :, :, new], self._values[layer, :, :, new] = key, value
        keys, values = self._keys[layer, :, :, : new.stop], self._values[layer, :, :, : new.stop]
        read = functional.scaled_dot_product_attention(query, keys, values, is_causal=n_new > 1)
        return _affine(read.transpose(1, 2).reshape(n_sequences, n_new, width), block.projection, block.projection_bias)


def _affine(inputs: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
    return torch.addmm(bias, inputs.flatten(0, 1), weights).view(*inputs.shape[:2], -1)
