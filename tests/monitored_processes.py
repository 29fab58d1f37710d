"""One of several processes that train one model with a monitor; started by the test of the monitor."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from test_monitoring_trainer import N_WORDS, documents, model, monitor, trainer, word_tokenizer, written

if __name__ == "__main__":
    texts = [written(ids % N_WORDS) for ids in documents(60, length=200, seed=0)]
    run = trainer(Path(sys.argv[1]), texts, word_tokenizer(), model(), max_steps=4)
    seen = monitor(texts, word_tokenizer(), every=2)
    seen.attach(run)
    run.train()
    torch.distributed.destroy_process_group()  # PyTorch may abort a process that ends without
    Path(sys.argv[1], f"rank-{run.args.process_index}.json").write_text(json.dumps([r.step for r in seen.readings]))
