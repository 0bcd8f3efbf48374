#!/usr/bin/env python3
"""What transformers' Trainer logs for a tiny checkpoint under many arguments: Fixtures/trainer/*.json.

    python3 Tools/oracle/trainer_golden.py [checkpoint]   (once in each of the two environments of Tools/requirements)

Writes Fixtures/trainer/transformers-<major>.json; with `checkpoint`, only Fixtures/trainer/checkpoint-<major>, what
Trainer saves in the middle of an epoch of one of the cases. Made with torch 2.15.0 + transformers 5.23.0 and torch 2.2.2 +
transformers 4.38.2, one thread. The model is Fixtures/golden/tiny/SequenceClassification_single; token `wN` has id N.
Runs of the older environment have no dropout: which masks it draws depends on the processor's maker.
"""

import json
import os
import random
import shutil
import sys
import tempfile

import numpy as np
import torch
import transformers
from transformers import (
    BertForSequenceClassification, EarlyStoppingCallback, Trainer, TrainerCallback, TrainingArguments, set_seed)

transformers.logging.set_verbosity_error()
torch.set_num_threads(1)
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BASE = os.path.join(ROOT, "Fixtures", "golden", "tiny", "SequenceClassification_single")
V5 = int(transformers.__version__.split(".")[0]) >= 5

pick = random.Random(3)
ROWS = [([pick.randrange(5, 119) for _ in range(pick.randrange(1, 12))], pick.randrange(3)) for _ in range(34)]
TRAIN, VALIDATION = ROWS[:23], ROWS[23:]

# name, arguments, dropout
CASES = [
    ("plain", dict(num_train_epochs=2), 0.0),
    ("dropout and padding", dict(num_train_epochs=2), 0.1),
    ("data seed", dict(num_train_epochs=2, data_seed=7), 0.1),
    ("another seed", dict(num_train_epochs=1, seed=123456789), 0.1),
    ("accumulation", dict(num_train_epochs=3, gradient_accumulation_steps=4), 0.0),
    ("accumulation over the whole epoch", dict(num_train_epochs=2, gradient_accumulation_steps=9), 0.0),
    ("label smoothing", dict(num_train_epochs=1, label_smoothing_factor=0.1), 0.0),
    ("cosine with warm-up", dict(num_train_epochs=2, lr_scheduler_type="cosine", warmup_steps=5), 0.0),
    ("warm-up by ratio", dict(num_train_epochs=2, warmup_ratio=0.3), 0.0),
    ("max steps", dict(max_steps=7), 0.1),
    ("part of an epoch", dict(num_train_epochs=1.5), 0.0),
    ("no clipping", dict(num_train_epochs=1, max_grad_norm=0.0), 0.0),
    ("steps", dict(num_train_epochs=2, eval_steps=5, save_steps=5, logging_first_step=True), 0.1),
    ("best model", dict(num_train_epochs=4, load_best_model_at_end=True), 0.0),
    ("early stopping", dict(num_train_epochs=9, load_best_model_at_end=True, metric_for_best_model="accuracy"), 0.0),
]


class Rows(torch.utils.data.Dataset):
    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        ids, label = self.rows[index]
        ids = [2] + ids + [3]
        return dict(input_ids=ids, token_type_ids=[0] * len(ids), attention_mask=[1] * len(ids), labels=label)


def collate(rows):
    longest = max(len(row["input_ids"]) for row in rows)
    batch = {key: torch.tensor([row[key] + [0] * (longest - len(row[key])) for row in rows])
             for key in ("input_ids", "token_type_ids", "attention_mask")}
    return dict(batch, labels=torch.tensor([row["labels"] for row in rows]))


def accuracy(prediction):
    return dict(accuracy=float(np.mean(prediction.predictions.argmax(-1) == prediction.label_ids)))


class Recorder(Trainer):
    def training_step(self, *arguments, **options):
        loss = super().training_step(*arguments, **options)
        self.losses.append(loss.item())
        return loss


def prepared(arguments, dropout, folder, **others):
    arguments = dict(arguments)
    if V5 and "warmup_ratio" in arguments:
        arguments["warmup_steps"] = arguments.pop("warmup_ratio")
    strategy = "steps" if "eval_steps" in arguments else "epoch"
    arguments[("eval" if V5 else "evaluation") + "_strategy"] = strategy
    arguments["use_cpu"] = True
    training = TrainingArguments(**{**dict(
        output_dir=folder, learning_rate=2e-3, weight_decay=0.1, per_device_train_batch_size=4,
        per_device_eval_batch_size=4, logging_steps=3, save_strategy=strategy, report_to="none", disable_tqdm=True,
        **arguments), **others})
    model = BertForSequenceClassification.from_pretrained(
        BASE, hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout)
    callbacks = [EarlyStoppingCallback(2)] if "metric_for_best_model" in arguments else []
    trainer = Recorder(model, training, data_collator=collate, train_dataset=Rows(TRAIN), eval_dataset=Rows(VALIDATION),
                       compute_metrics=accuracy, callbacks=callbacks)
    trainer.losses = []
    return trainer


def run(arguments, dropout, folder):
    trainer = prepared(arguments, dropout, folder)
    result = trainer.train()
    untimed = lambda entry: {k: v for k, v in entry.items() if "runtime" not in k and "per_second" not in k}
    state = json.loads(json.dumps(dict(vars(trainer.state))))
    state.pop("log_history")
    best = state["best_model_checkpoint"]
    state["best_model_checkpoint"] = best and os.path.basename(best)
    prediction = trainer.predict(Rows(VALIDATION))
    return dict(
        dropout=dropout, batch_losses=trainer.losses, log_history=[untimed(e) for e in trainer.state.log_history],
        state=state, train_loss=result.training_loss, logits=prediction.predictions.tolist(),
        checkpoints=sorted(int(n.split("-")[1]) for n in os.listdir(folder) if n.startswith("checkpoint-")))


# Saved after this many steps, of six an epoch; the case is one whose losses the other file has.
CHECKPOINT_STEP = 4


def keep_checkpoint():
    name, arguments, dropout = CASES[1 if V5 else 0]
    out = os.path.join(ROOT, "Fixtures", "trainer", f"checkpoint-{transformers.__version__.split('.')[0]}")
    os.makedirs(out, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        prepared(arguments, dropout, folder, save_strategy="steps", save_steps=CHECKPOINT_STEP).train()
        for file in ("model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json"):
            shutil.copyfile(os.path.join(folder, f"checkpoint-{CHECKPOINT_STEP}", file), os.path.join(out, file))
    print(f"{out}: step {CHECKPOINT_STEP} of '{name}'")


def main():
    cases = {}
    for name, arguments, dropout in CASES:
        dropout = dropout if V5 else 0.0
        folder = tempfile.mkdtemp()
        try:
            cases[name] = dict(arguments=arguments, **run(arguments, dropout, folder))
        finally:
            shutil.rmtree(folder)
        print(name, cases[name]["train_loss"], file=sys.stderr)
    out = os.path.join(ROOT, "Fixtures", "trainer")
    os.makedirs(out, exist_ok=True)
    rows = dict(train=[dict(text=" ".join(f"w{i}" for i in ids), label=label) for ids, label in TRAIN],
                validation=[dict(text=" ".join(f"w{i}" for i in ids), label=label) for ids, label in VALIDATION])
    with open(os.path.join(out, f"transformers-{transformers.__version__.split('.')[0]}.json"), "w") as file:
        json.dump(dict(versions=dict(torch=torch.__version__, transformers=transformers.__version__), rows=rows,
                       cases=cases), file, separators=(",", ":"))
        file.write("\n")


keep_checkpoint() if sys.argv[1:] == ["checkpoint"] else main()
