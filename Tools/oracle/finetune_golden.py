#!/usr/bin/env python3
"""The notebook's run, as Hugging Face does it: BERT fine-tuned on Iris, every number written down.

    python3 Tools/oracle/finetune_golden.py CHECKPOINT OUT.json [--seed 42] [--dropout 0.1] [--threads 1]

Runs unchanged on both stacks (Tools/requirements/a.txt and b.txt): torch 2.15.0 with transformers 5.23.0, and
torch 2.2.2 with transformers 4.38.2. `Tools/interop` runs it live; `Fixtures/golden/iris_*.json` are kept
runs of it.

The seed is used for both splits, right before the head is made, and for training. The one line of output says
what was written; OUT.json holds the rows of each split in order, the initial head, the loss, gradient norm
and learning rate of every step, Trainer's log, the test logits, and the sum and length of every final
parameter.
"""

import argparse
import contextlib
import io
import json
import os
import platform
import tempfile
import time

os.environ.update(HF_DATASETS_DISABLE_PROGRESS_BARS="1", TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1")

import datasets
import torch
import transformers
from sklearn.datasets import load_iris
from sklearn.metrics import accuracy_score, precision_recall_fscore_support
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
    set_seed,
)

transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
V5 = int(transformers.__version__.split(".")[0]) >= 5


def iris(seed):
    """The rows as text, split 0.3 then 0.5, stratified."""
    flowers = load_iris()
    names = [str(name) for name in flowers.target_names]
    rows = datasets.Dataset.from_dict(
        {
            "text": [" ".join(f"{value:.1f}" for value in row) for row in flowers.data],
            "label": [names[k] for k in flowers.target],
        }
    ).class_encode_column("label")
    first = rows.train_test_split(test_size=0.3, stratify_by_column="label", seed=seed)
    second = first["test"].train_test_split(test_size=0.5, stratify_by_column="label", seed=seed)
    return first["train"], second["train"], second["test"], names


def metrics(prediction):
    predicted = prediction.predictions.argmax(-1)
    precision, recall, f1, _ = precision_recall_fscore_support(
        prediction.label_ids, predicted, average="micro"
    )
    accuracy = accuracy_score(prediction.label_ids, predicted)
    return {"precision": precision, "recall": recall, "f1": f1, "accuracy": accuracy}


class Recorder(Trainer):
    """Trainer that notes every step's loss, gradient norm before clipping and learning rate."""

    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.losses, self.norms, self.rates = [], [], []
        clip = self.accelerator.clip_grad_norm_

        def noted(*args, **kwargs):
            norm = clip(*args, **kwargs)
            self.norms.append(float(norm))
            self.rates.append(self.optimizer.param_groups[0]["lr"])
            return norm

        self.accelerator.clip_grad_norm_ = noted

    def training_step(self, model, inputs, *rest, **kwargs):
        loss = super().training_step(model, inputs, *rest, **kwargs)
        self.losses.append(loss.item())
        return loss


def prepare(checkpoint, folder, seed, dropout, threads, **others):
    """The notebook's Trainer, its three splits as ids and as rows, and its initial head; `others` are arguments."""
    torch.set_num_threads(threads)
    *rows, names = iris(seed)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    encode = lambda batch: tokenizer(batch["text"], truncation=True)
    encoded = [split.map(encode, batched=True) for split in rows]
    set_seed(seed)
    model = AutoModelForSequenceClassification.from_pretrained(
        checkpoint,
        num_labels=len(names),
        id2label=dict(enumerate(names)),
        label2id={name: index for index, name in enumerate(names)},
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    head = model.classifier.weight.detach().flatten().tolist()
    arguments = dict(
        output_dir=folder,
        num_train_epochs=15,
        per_device_train_batch_size=8,
        per_device_eval_batch_size=8,
        learning_rate=2e-5,
        weight_decay=0.01,
        logging_steps=50,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=seed,
        use_cpu=True,
        **{"eval_strategy" if V5 else "evaluation_strategy": "epoch"},
    )
    trainer = Recorder(
        model=model,
        args=TrainingArguments(**{**arguments, **others}),
        data_collator=DataCollatorWithPadding(tokenizer),
        train_dataset=encoded[0],
        eval_dataset=encoded[1],
        compute_metrics=metrics,
        **{"processing_class" if V5 else "tokenizer": tokenizer},
    )
    return trainer, encoded, rows, head


def run(checkpoint, out, seed, dropout, threads):
    with tempfile.TemporaryDirectory() as folder:
        trainer, encoded, (train, validation, test), head = prepare(
            checkpoint, folder, seed, dropout, threads
        )
        arguments, model = trainer.args, trainer.model
        started = time.time()
        with contextlib.redirect_stdout(io.StringIO()):
            result = trainer.train()
            prediction = trainer.predict(encoded[2])
        trainer.state.save_to_json(os.path.join(folder, "trainer_state.json"))
        with open(os.path.join(folder, "trainer_state.json")) as file:
            state = json.load(file)
    timing = lambda key: "runtime" in key or "per_second" in key
    record = dict(
        versions=dict(torch=torch.__version__, transformers=transformers.__version__),
        machine=platform.machine(),
        seed=seed,
        threads=threads,
        dropout=dropout,
        attn=model.config._attn_implementation,
        optim=str(arguments.optim),
        seconds=time.time() - started,
        head_init_first8=head[:8],
        head_init=head,
        per_step_loss=trainer.losses,
        per_step_grad_norm=trainer.norms,
        per_step_learning_rate=trainer.rates,
        log_history=[
            {k: v for k, v in entry.items() if not timing(k)} for entry in trainer.state.log_history
        ],
        log_history_keys=[list(entry) for entry in trainer.state.log_history],
        total_flos=trainer.state.total_flos,
        train_loss=result.training_loss,
        trainer_state={k: v for k, v in state.items() if k != "log_history"},
        train_metrics_keys=list(result.metrics),
        predict_metrics=prediction.metrics,
        test_logits=prediction.predictions.tolist(),
        test_labels=prediction.label_ids.tolist(),
        final_param_sum_norm={
            k: [v.double().sum().item(), v.double().norm().item()]
            for k, v in model.state_dict().items()
            if v.is_floating_point()
        },
        train_rows=train["text"][:],
        train_labels=train["label"][:],
        val_rows=validation["text"][:],
        val_labels=validation["label"][:],
        test_rows=test["text"][:],
    )
    with open(out, "w") as file:
        json.dump(record, file)
        file.write("\n")
    print(
        f"{out}: seed {seed}, dropout {dropout}, {len(trainer.losses)} steps in {record['seconds']:.1f} s, "
        f"train_loss {result.training_loss:.7f}, test_accuracy {prediction.metrics['test_accuracy']:.4f}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoint")
    parser.add_argument("out")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    run(options.checkpoint, options.out, options.seed, options.dropout, options.threads)
