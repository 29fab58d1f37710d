"""How fast do networks train and write? Against a plain loop, the Trainer of transformers and its `generate`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from benchmarks.gpt_rivals import PlainGPT, generate, now, plain_loop, trainer_loop
from modelcollapse.problems.training import Optimisation, Sampling, Transformer
from modelcollapse.streams import stream
from modelcollapse.training.gpt import build_gpt, n_parameters
from modelcollapse.training.loop import train
from modelcollapse.training.next_token import NextToken, random_windows
from modelcollapse.training.place import Place
from modelcollapse.training.recipes import adamw
from modelcollapse.training.writing import write

OURS = "`modelcollapse`"
PLAIN, TRAINER, GENERATE = "plain loop (`benchmarks/gpt_rivals.py`)", "`Trainer` of transformers", "`generate`"
PEAKS = {"H100 PCIe": 756e12, "H200": 989e12, "H100": 989e12, "A100": 312e12}
"""Operations a second in bfloat16 by the makers' data sheets, without sparsity."""
NO_GPU = "**No GPU was at hand: speed and model-FLOP utilisation on one are unmeasured.**"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is timed: a model, its batches, and how often."""

    size: Transformer
    n_tokens: int
    batch_size: int
    n_steps: int
    n_written: int
    n_prompt: int
    n_new: int
    repeats: int
    device: str


CPU = Setting(
    size=Transformer(n_layers=4, n_heads=4, width=256, context=256),
    n_tokens=4096,
    batch_size=16,
    n_steps=4,
    n_written=64,
    n_prompt=16,
    n_new=112,
    repeats=9,
    device="cpu",
)
GPU = Setting(
    size=Transformer(n_layers=12, n_heads=12, width=768, context=1024),
    n_tokens=50304,
    batch_size=32,
    n_steps=10,
    n_written=64,
    n_prompt=16,
    n_new=1008,
    repeats=3,
    device="cuda",
)


def run() -> str:
    """Time training and writing; return the section."""
    lines = ["## Training", "", *_part(CPU, f"{torch.get_num_threads()} threads of the processor"), ""]
    if not torch.cuda.is_available():
        return "\n".join([*lines, NO_GPU])
    name = torch.cuda.get_device_name()
    lines += [f"### On {name}", "", *_part(GPU, name), "", _utilisation(GPU, name)]
    return "\n".join(lines)


def _part(setting: Setting, where: str) -> list[str]:
    """Return the tables of one device."""
    size = setting.size
    lines = [
        f"GPT-2 with {size.n_layers} layers, width {size.width}, context {size.context}, {setting.n_tokens:,} tokens;",
        f"batches of {setting.batch_size} sequences, AdamW, on {where}; PyTorch {torch.__version__}. All are timed",
        f"in turn, {setting.repeats} times {setting.n_steps} steps each after one that warms up; the ratio of ours to",
        "theirs is the median of the turns, with the lowest and the highest.",
        "",
        "| | precision | tokens a second | ours : theirs | lowest and highest |",
        "|---|---|---|---|---|",
    ]
    for precision in ("float32", "bfloat16"):
        lines += rows(training_speeds(setting, precision), precision)
    lines += [
        "",
        f"Writing {setting.n_written} sequences at once, {setting.n_new} tokens after {setting.n_prompt}, float32,",
        "from the whole law:",
        "",
        "| | precision | tokens a second | ours : theirs | lowest and highest |",
        "|---|---|---|---|---|",
        *rows(writing_speeds(setting), "float32"),
    ]
    return lines


def training_speeds(setting: Setting, precision: str) -> dict[str, list[float]]:
    """Return tokens a second by name, one for each turn; ours first."""
    plan = Optimisation(
        n_steps=setting.n_steps + 1, batch_size=setting.batch_size, learning_rate=1e-3, precision=precision
    )
    ids = stream(0, "benchmark").integers(setting.n_tokens, size=200_000)
    length = setting.size.context + 1
    batches = random_windows(ids, length=length, batch_size=setting.batch_size, seed=0)
    place = Place(setting.device)
    ours, theirs = (
        build_gpt(setting.size, n_tokens=setting.n_tokens, random=stream(0, "model")).to(place.device) for _ in range(2)
    )
    plain = PlainGPT(setting.size, n_tokens=setting.n_tokens).to(place.device)

    def our_loop() -> list[float]:
        times: list[float] = []
        objective = NextToken(batches, shape=(setting.batch_size, length), place=place)
        train(ours, objective, recipe=adamw(plan), place=place, after_step=lambda _: times.append(now(setting.device)))
        return times

    found: dict[str, list[float]] = {OURS: [], PLAIN: [], TRAINER: []}
    for _ in range(setting.repeats):
        for name, times in (
            (OURS, our_loop()),
            (PLAIN, plain_loop(plain, batches, plan=plan, device=setting.device)),
            (TRAINER, trainer_loop(theirs, batches, plan=plan, device=setting.device)),
        ):
            seconds = float(np.median([end - start for start, end in pairwise(times)]))
            found[name].append(setting.batch_size * setting.size.context / seconds)
    return found


def writing_speeds(setting: Setting) -> dict[str, list[float]]:
    """Return tokens a second by name, one for each turn; ours first."""
    place = Place(setting.device)
    model = build_gpt(setting.size, n_tokens=setting.n_tokens, random=stream(0, "model")).to(place.device)
    prompts = stream(0, "prompts").integers(setting.n_tokens, size=(setting.n_written, setting.n_prompt))
    found: dict[str, list[float]] = {OURS: [], GENERATE: []}
    for turn in range(setting.repeats + 1):
        start = now(setting.device)
        write(model, prompts, n_new=setting.n_new, sampling=Sampling(), random=stream(0, "w", turn), place=place)
        between = now(setting.device)
        generate(model, prompts, n_new=setting.n_new, device=setting.device)
        end = now(setting.device)
        if turn:  # the first warms up
            n_written = setting.n_written * setting.n_new
            found[OURS].append(n_written / (between - start))
            found[GENERATE].append(n_written / (end - between))
    return found


def rows(speeds: dict[str, list[float]], precision: str) -> list[str]:
    """Return the rows of a table: what is ours has no ratio."""
    ours = np.array(speeds[OURS])
    found = []
    for name, theirs in speeds.items():
        ratio = ours / np.array(theirs)
        shown = f"**{np.median(ratio):.2f}** | {ratio.min():.2f} to {ratio.max():.2f}" if name != OURS else "1 | "
        found.append(f"| {name} | {precision} | {np.median(theirs):,.0f} | {shown} |")
    return found


def _utilisation(setting: Setting, name: str) -> str:
    """Say which share of what a GPU can compute is spent on the model's own operations."""
    speed = float(np.median(training_speeds(setting, "bfloat16")[OURS]))
    size = setting.size
    model = build_gpt(size, n_tokens=setting.n_tokens, random=stream(0, "model"))
    per_token = 6 * n_parameters(model) + 12 * size.n_layers * size.width * size.context
    peak = next((rate for kind, rate in PEAKS.items() if kind in name), None)
    done = (
        f"{speed * per_token / 1e12:,.0f} TFLOP/s of the model's own operations (6 per weight and token, and attention)"
    )
    return f"In bfloat16 {done}" + ("." if peak is None else f": **{speed * per_token / peak:.0%}** of the peak.")
