"""How is a model in training asked without being changed? It writes, is scored, and goes on as if nothing had been."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from transformers import GPT2LMHeadModel
from transformers.pytorch_utils import Conv1D

from modelcollapse.errors import InputError
from modelcollapse.problems.training import Sampling
from modelcollapse.training.gpt import drawn_from
from modelcollapse.training.place import Place
from modelcollapse.training.writing import write

Tokens = NDArray[np.int64]

AT_ONCE = 32
"""Texts that are written at a time, which bounds the memory of their keys and values."""


@contextmanager
def undisturbed(model: nn.Module, random: np.random.Generator) -> Iterator[Place]:
    """Let a model be used for something else in the middle of its training.

    Inside, it is in evaluation mode and without gradients, and what only PyTorch can draw comes from `random`. Outside,
    each module is in its own mode again, and PyTorch's generators go on where they were.
    """
    modes = [(module, module.training) for module in model.modules()]
    device = next(model.parameters()).device
    model.eval()
    try:
        with drawn_from(random, device), torch.no_grad():
            yield Place.alone(device)
    finally:
        for module, training in modes:
            module.training = training


def continuations(
    model: Any, prompts: Tokens, *, n_new: int, sampling: Sampling, random: np.random.Generator, place: Place
) -> Tokens:
    """Let a model continue prompts; inside `undisturbed` only.

    Parameters
    ----------
    model : module
        Any that can `generate`; a plain GPT-2 writes with the package's own, faster code.
    prompts : int array, (n_sequences, n_prompt)
    n_new : int
    sampling : Sampling
    random : numpy Generator
    place : Place

    Returns
    -------
    int array, (n_sequences, n_prompt + n_new)
        Prompts and what follows. After a token that ends a text there is only padding.

    Raises
    ------
    InputError
        When prompt and continuation are longer than the model's context.
    """
    length, most = prompts.shape[1] + n_new, getattr(model.config, "max_position_embeddings", None)
    if most is not None and length > most:
        raise InputError(
            f"{prompts.shape[1]} tokens of prompt and {n_new} new ones are more than the model's context of {most}. "
            "Use a smaller `max_new_tokens`."
        )
    parts = [prompts[start : start + AT_ONCE] for start in range(0, len(prompts), AT_ONCE)]
    if is_plain_gpt2(model):
        written = [write(model, part, n_new=n_new, sampling=sampling, random=random, place=place) for part in parts]
    else:
        written = [_generated(model, part, n_new, sampling, place) for part in parts]
    ends = [np.pad(part, ((0, 0), (0, length - part.shape[1])), mode="edge") for part in written]
    return np.concatenate(ends)


def _generated(model: Any, prompts: Tokens, n_new: int, sampling: Sampling, place: Place) -> Tokens:
    """Continue prompts with the model's own `generate`."""
    ids = torch.from_numpy(prompts).to(place.device)
    ends = model.generation_config.eos_token_id
    padding = model.generation_config.pad_token_id
    if padding is None and ends is not None:
        padding = ends if isinstance(ends, int) else ends[0]
    written = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=n_new,
        do_sample=True,
        temperature=sampling.temperature,
        top_k=sampling.top_k or 0,
        top_p=sampling.top_p,
        pad_token_id=padding,
        use_cache=True,
    )
    return np.asarray(written.cpu().numpy())


def is_plain_gpt2(model: Any) -> bool:
    """Whether a model is GPT-2 itself, without adapters or other activations or attention: `write` knows no more."""
    if type(model) is not GPT2LMHeadModel:
        return False
    config = model.config
    usual = config.scale_attn_weights and not config.scale_attn_by_inverse_layer_idx
    layers = [layer for block in model.transformer.h for layer in (block.attn.c_attn, block.mlp.c_fc)]
    return (
        usual
        and config.activation_function in ("gelu_new", "gelu_pytorch_tanh")
        and all(type(layer) is Conv1D for layer in layers)
    )
