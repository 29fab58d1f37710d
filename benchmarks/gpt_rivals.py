"""What would people write instead? A plain loop around a plain GPT in nanoGPT's style, the Trainer of transformers."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import GPT2LMHeadModel, PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from modelcollapse.problems.training import Optimisation, Transformer

Batch = Callable[[int], np.ndarray]


class PlainGPT(nn.Module):
    """GPT-2 in as few lines as nanoGPT has: fused attention and activation, tied embedding."""

    def __init__(self, size: Transformer, *, n_tokens: int) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(n_tokens, size.width), nn.Embedding(size.context, size.width)
        self.blocks = nn.ModuleList(_Block(size) for _ in range(size.n_layers))
        self.norm = nn.LayerNorm(size.width)
        self.head = nn.Linear(size.width, n_tokens, bias=False)
        self.head.weight = self.tokens.weight
        for weights in self.parameters():
            if weights.dim() >= 2:
                nn.init.normal_(weights, std=0.02)

    def forward(self, ids: Tensor) -> Tensor:
        stream = self.tokens(ids) + self.positions(torch.arange(ids.shape[1], device=ids.device))
        for block in self.blocks:
            stream = block(stream)
        return self.head(self.norm(stream))


class _Block(nn.Module):
    def __init__(self, size: Transformer) -> None:
        super().__init__()
        width = size.width
        self.n_heads = size.n_heads
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention, self.projection = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.inner, self.outer = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, stream: Tensor) -> Tensor:
        n, length, width = stream.shape
        parts = self.attention(self.norm_1(stream)).view(n, length, 3, self.n_heads, -1).permute(2, 0, 3, 1, 4)
        read = functional.scaled_dot_product_attention(*parts, is_causal=True)
        stream = stream + self.projection(read.transpose(1, 2).reshape(n, length, width))
        return stream + self.outer(functional.gelu(self.inner(self.norm_2(stream)), approximate="tanh"))


def plain_loop(model: nn.Module, batches: Batch, *, plan: Optimisation, device: str) -> list[float]:
    """Train a plain model as nanoGPT does; return when each step was done, in seconds."""
    weights = list(model.parameters())
    groups = [
        {"params": [each for each in weights if each.dim() >= 2], "weight_decay": plan.weight_decay},
        {"params": [each for each in weights if each.dim() < 2], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=plan.learning_rate, betas=(0.9, 0.95), fused=device == "cuda")
    narrow = plan.precision == "bfloat16"
    times = []
    model.train()
    for step in range(plan.n_steps):
        ids = torch.from_numpy(batches(step)).to(device, non_blocking=True)
        with torch.autocast(device, dtype=torch.bfloat16) if narrow else nullcontext():
            logits = model(ids[:, :-1])
            loss = functional.cross_entropy(logits.view(-1, logits.shape[-1]), ids[:, 1:].flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(weights, plan.clip)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        times.append(now(device))
    return times


def trainer_loop(model: GPT2LMHeadModel, batches: Batch, *, plan: Optimisation, device: str) -> list[float]:
    """Train by the Trainer of transformers with the same steps; return when each step was done, in seconds."""
    rows = np.concatenate([batches(step) for step in range(plan.n_steps)])[:, :-1]  # it shifts targets by itself
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            max_steps=plan.n_steps,
            per_device_train_batch_size=plan.batch_size,
            learning_rate=plan.learning_rate,
            weight_decay=plan.weight_decay,
            adam_beta2=0.95,
            max_grad_norm=plan.clip,
            bf16=plan.precision == "bfloat16",
            use_cpu=device == "cpu",
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=device == "cuda",
        )
        clock = _Clock(device)
        data = [{"input_ids": row, "labels": row} for row in torch.from_numpy(rows)]
        trainer = Trainer(model=model, args=arguments, train_dataset=data, callbacks=[clock])
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return clock.times


class _Clock(TrainerCallback):
    """Notes when each step was done."""

    def __init__(self, device: str) -> None:
        self.device, self.times = device, list[float]()

    def on_step_end(self, *_: object, **__: object) -> None:
        self.times.append(now(self.device))


def generate(model: GPT2LMHeadModel, prompts: np.ndarray, *, n_new: int, device: str) -> np.ndarray:
    """Let transformers write, with its cache and without cutting the law."""
    model.eval()
    ids = torch.from_numpy(prompts).to(device)
    written = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=True,
        top_k=0,
        max_new_tokens=n_new,
        min_new_tokens=n_new,
        pad_token_id=0,
    )
    return written.cpu().numpy()


def now(device: str) -> float:
    """Return the time, once the device has done all it was told."""
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()
