"""Does a run of transformers' `Trainer` collapse when it begins to eat what it writes? A monitor says so, by name.

A small GPT-2 learns the help texts that come with Python. Half-way its data changes: from then on it is trained on
text that it has written itself, with the unlikely words left out. With ``--real`` the data stays real, and the monitor
should have nothing to say.

Run it with ``python examples/monitor_trainer.py [FOLDER] [--real]``; then ``tensorboard --logdir FOLDER`` shows what
was logged.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.utils.data import IterableDataset
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast, Trainer, TrainingArguments, set_seed

from modelcollapse import CollapseMonitor
from modelcollapse.problems.training import Sampling
from modelcollapse.training.place import Place
from modelcollapse.training.writing import write

N_TOKENS, CONTEXT, BATCH = 1024, 64, 16
STEPS, REAL_STEPS, OWN_STEPS, EVERY = 400, 200, 40, 40


def real_text() -> tuple[list[str], list[str]]:
    """Return paragraphs to train on, and others to hold the model against."""
    paragraphs = [part for name in sorted(topics) for part in topics[name].split("\n\n") if part.strip()]
    return [part for k, part in enumerate(paragraphs) if k % 4], paragraphs[::4]


def trained_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    """Return byte-pair encodings of the real text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=N_TOKENS, initial_alphabet=alphabet, show_progress=False)
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


class Feed(IterableDataset):
    """Pieces of real text for some steps; then of text that the model has just written itself."""

    def __init__(self, ids: np.ndarray, model: GPT2LMHeadModel, *, steps: int, real_steps: int, seed: int) -> None:
        self.ids, self.model, self.seed = ids, model, seed
        self.steps, self.real_steps = steps, real_steps

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        random, ids = np.random.default_rng(self.seed), self.ids
        for step in range(self.steps):
            if step >= self.real_steps and (step - self.real_steps) % OWN_STEPS == 0:
                ids = self.written(random)
            for start in random.integers(len(ids) - CONTEXT, size=BATCH):
                piece = torch.from_numpy(ids[start : start + CONTEXT])
                yield {"input_ids": piece, "labels": piece}

    def written(self, random: np.random.Generator) -> np.ndarray:
        """Let the model write a training set, always the likelier next tokens."""
        starts = self.ids[random.integers(len(self.ids), size=512)][:, None]
        sampling = Sampling(top_p=0.9)
        return write(
            self.model, starts, n_new=CONTEXT - 1, sampling=sampling, random=random, place=Place("cpu")
        ).ravel()


def run(folder: Path, *, steps: int = STEPS, real_steps: int = REAL_STEPS, seed: int = 0) -> CollapseMonitor:
    """Train, and return the monitor with all that it saw."""
    set_seed(seed)
    real, held_out = real_text()
    tokenizer = trained_tokenizer(real)
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=N_TOKENS,
            n_positions=CONTEXT,
            n_embd=64,
            n_layer=2,
            n_head=2,
            bos_token_id=None,
            eos_token_id=None,
        )
    )
    ids = np.array(tokenizer.encode("\n\n".join(real)))
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=BATCH,
        learning_rate=3e-3,
        lr_scheduler_type="constant_with_warmup",
        warmup_steps=20,
        logging_steps=EVERY,
        save_strategy="no",
        report_to="tensorboard",
        use_cpu=True,
        disable_tqdm=True,
        seed=seed,
    )
    trainer = Trainer(model, arguments, train_dataset=Feed(ids, model, steps=steps, real_steps=real_steps, seed=seed))
    monitor = CollapseMonitor(held_out, tokenizer=tokenizer, every=EVERY, n_samples=256, max_new_tokens=56, seed=seed)
    monitor.attach(trainer)
    trainer.train()
    return monitor


def main() -> None:
    """Run, and print what was seen."""
    arguments = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    real_steps = STEPS if "--real" in sys.argv else REAL_STEPS
    monitor = run(Path(arguments[0] if arguments else "monitored"), real_steps=real_steps)
    for reading in monitor.readings:
        print(f"step {reading.step}: {', '.join(reading.warnings) or 'no sign of collapse'}")


if __name__ == "__main__":
    main()
