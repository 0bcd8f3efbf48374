#!/usr/bin/env python3
"""Times a training step of a BERT classifier in PyTorch.

The step is the one that Trainer takes by default: forward in training mode (dropout 0.1), backward, clip at norm 1,
fused AdamW with weight decay 0.01 in two groups, linear schedule, gradients set to none. Texts of different
lengths are padded to the longest of their batch, as the data collator does.
"""

import random

import common

import torch
import transformers
from transformers import BertForSequenceClassification, get_scheduler


class Steps:
    """A model in training; each call takes one step."""

    def __init__(self, options, vocabulary, shape):
        torch.manual_seed(42)
        self.model = BertForSequenceClassification.from_pretrained(
            options.model, num_labels=common.LABELS, attn_implementation="sdpa"
        ).train()
        self.forward = torch.compile(self.model, dynamic="ragged" in shape) if options.compile else self.model
        plain = lambda name: "bias" in name or "LayerNorm" in name
        named = list(self.model.named_parameters())
        groups = [
            dict(params=[p for n, p in named if not plain(n)], weight_decay=0.01),
            dict(params=[p for n, p in named if plain(n)], weight_decay=0.0),
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=2e-5, betas=(0.9, 0.999), eps=1e-8, fused=True)
        total = options.warm_up + options.most
        self.schedule = get_scheduler("linear", self.optimizer, 0, total)
        size = int(shape.split("x")[0])
        rows = list(enumerate(common.rows(vocabulary, shape, total)))
        random.Random(42).shuffle(rows)
        self.batches = iter([self.batch(rows[start : start + size]) for start in range(0, len(rows), size)])

    @staticmethod
    def batch(rows):
        inputs = {
            name: torch.tensor(values) for name, values in common.padded([row for _, row in rows]).items()
        }
        return inputs | dict(labels=torch.tensor([number % common.LABELS for number, _ in rows]))

    def __call__(self):
        loss = self.forward(**next(self.batches)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.schedule.step()
        self.model.zero_grad()


def main():
    parser = common.parser(__doc__, most=50, warm_up=3)
    parser.add_argument("--compile", action="store_true", help="through torch.compile")
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(options.threads)
    vocabulary, results = common.words(options.model), {}
    for shape in options.shapes.split(","):
        results[shape] = common.timed(Steps(options, vocabulary, shape), options)
    common.finish(results, versions=dict(torch=torch.__version__, transformers=transformers.__version__))


if __name__ == "__main__":
    main()
