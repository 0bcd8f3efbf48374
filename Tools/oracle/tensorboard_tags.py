#!/usr/bin/env python3
"""Writes Fixtures/reports/tensorboard_tags.json: what Trainer's TensorBoardCallback writes for a tiny run.

    python3 -m pip install -r Tools/requirements/a.txt tensorboard==2.21.0 && python3 Tools/oracle/tensorboard_tags.py
"""
import json
import os
import pathlib
import tempfile

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")
import tensorboard
import torch
import transformers
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

OUT = pathlib.Path(__file__).resolve().parents[2] / "Fixtures" / "reports"


def rows(count):
    return [{"input_ids": [2, 5 + i % 7, 3], "attention_mask": [1, 1, 1], "labels": i % 3} for i in range(count)]


def metrics(prediction):
    right = prediction.predictions.argmax(-1) == prediction.label_ids
    return {name: float(right.mean()) for name in ("precision", "recall", "f1", "accuracy")}


def main():
    model = BertForSequenceClassification(
        BertConfig(vocab_size=20, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, num_labels=3)
    )
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, num_train_epochs=2, per_device_train_batch_size=8, logging_steps=5, eval_strategy="epoch",
            save_strategy="no", report_to=["tensorboard"], disable_tqdm=True, use_cpu=True,
        )
        Trainer(model, arguments, train_dataset=rows(105), eval_dataset=rows(22), compute_metrics=metrics).train()
        (file,) = pathlib.Path(folder).glob("runs/*/events*")
        events = EventAccumulator(str(file), size_guidance={"scalars": 0, "tensors": 0})
        events.Reload()
        tags = events.Tags()
        document = {
            "versions": {m.__name__: m.__version__ for m in (transformers, torch, tensorboard)},
            "file": "events.out.tfevents.<10 digits>.<host>.<process>.<number>", "depth": len(file.relative_to(folder).parts),
            "scalars": {tag: [e.step for e in events.Scalars(tag)] for tag in sorted(tags["scalars"])},
            "tensors": sorted(tags["tensors"]),
        }
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "tensorboard_tags.json").write_text(json.dumps(document, indent=1) + "\n")


main()
