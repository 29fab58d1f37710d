"""Which language model is trained? GPT-2's architecture from `transformers`, its first weights drawn from a stream."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel

from modelcollapse.problems.training import Transformer


def build_gpt(size: Transformer, *, n_tokens: int, random: np.random.Generator) -> GPT2LMHeadModel:
    """Return an untrained GPT-2.

    The activation is the fused form of the tanh approximation that GPT-2 has: the same function, faster to train.

    Parameters
    ----------
    size : Transformer
    n_tokens : int
        In the vocabulary.
    random : numpy Generator
        Of the first weights: normal with standard deviation .02, those that end a residual branch smaller by the root
        of twice the number of layers.

    References
    ----------
    Radford, Wu, Child, Luan, Amodei and Sutskever (2019), Language models are unsupervised multitask learners.
    """
    config = GPT2Config(
        vocab_size=n_tokens,
        n_positions=size.context,
        n_embd=size.width,
        n_layer=size.n_layers,
        n_head=size.n_heads,
        activation_function="gelu_pytorch_tanh",
        resid_pdrop=size.dropout,
        embd_pdrop=size.dropout,
        attn_pdrop=size.dropout,
        bos_token_id=None,
        eos_token_id=None,
    )
    with drawn_from(random, torch.device("cpu")):
        return GPT2LMHeadModel(config)


def n_parameters(model: nn.Module) -> int:
    """Return the number of weights, shared ones counted once."""
    return sum(weights.numel() for weights in model.parameters())


@contextmanager
def drawn_from(random: np.random.Generator, device: torch.device) -> Iterator[None]:
    """Let what can only draw from PyTorch's own generator (first weights, dropout) draw from a stream instead.

    Outside, that generator goes on as if nothing had been drawn.
    """
    seed = int(random.integers(2**63))
    on_gpu: list[Any] = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=on_gpu):
        torch.default_generator.manual_seed(seed)
        if on_gpu:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
