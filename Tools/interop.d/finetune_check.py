#!/usr/bin/env python3
"""Compares a run of `ckpt finetune` with one of Hugging Face Trainer, number by number.

    python3 Tools/interop.d/finetune_check.py NAME OUT_FOLDER REFERENCE.json

OUT_FOLDER is what `ckpt finetune --out` wrote, REFERENCE.json what Tools/oracle/finetune_golden.py wrote.
Tolerances: PyTorch itself moves by 1e-6 a step between one and two threads, and by 1.3e-6 between AVX2 and
AVX-512.
"""

import os
import struct
import sys

from common import Report, guarded, read_json, read_json_lines

STEP_LOSS, LOGGED_LOSS, LOGITS, NORM = 2e-5, 1e-5, 1e-4, 1e-4


def timing(key):
    return "runtime" in key or "per_second" in key


def bits(values):
    return [struct.pack("<f", value) for value in values]


def without_time(entry):
    return {key: value for key, value in entry.items() if not timing(key)}


class Comparison:
    def __init__(self, name, out, reference):
        self.report, self.out, self.reference = Report(name), out, reference
        self.log = read_json_lines(out, "training_log.jsonl")
        self.start, self.steps = self.log[0], self.log[1:]
        self.state = read_json(out, "trainer_state.json")
        # transformers 4 rounds what it logs, and logs the learning rate of the step to come.
        self.version4 = reference["versions"]["transformers"].startswith("4.")

    def split_and_head(self):
        for key, theirs in (
            ("train_rows", "train_rows"),
            ("validation_rows", "val_rows"),
            ("test_rows", "test_rows"),
        ):
            self.report.same(
                f"the same {key.replace('_', ' ')}, in order", self.start[key], self.reference[theirs]
            )
        expected = self.reference["head_init"]
        head = self.start["initial_head"]
        self.report.same("initial head, bit for bit", bits(head[: len(expected)]), bits(expected))
        self.report.check("initial head's bias is zero", not any(head[len(expected) :]))

    def every_step(self):
        report, reference, steps = self.report, self.reference, self.steps
        report.same(
            "steps are numbered from 1",
            [s["step"] for s in steps],
            list(range(1, len(reference["per_step_loss"]) + 1)),
        )
        report.close("loss of every step", [s["loss"] for s in steps], reference["per_step_loss"], STEP_LOSS)
        logged = {e["step"]: e["grad_norm"] for e in reference["log_history"] if "grad_norm" in e}
        norms = dict(enumerate(reference.get("per_step_grad_norm", []), 1)) or logged
        ours = {s["step"]: s["grad_norm"] for s in steps}
        report.close(
            f"gradient norm before clipping, relative, {len(norms)} steps",
            [ours.get(step, float("nan")) / norm for step, norm in norms.items()],
            [1.0] * len(norms),
            NORM,
        )
        rates = reference.get("per_step_learning_rate")
        if rates:
            report.close("learning rate of every step", [s["learning_rate"] for s in steps], rates, 1e-18)

    def logged(self):
        report, version4 = self.report, self.version4
        ours, theirs = [
            [without_time(e) for e in log]
            for log in (self.state["log_history"], self.reference["log_history"])
        ]
        report.same(
            "log records: the same keys in the same sequence, sorted as in Trainer's file",
            [list(e) for e in ours],
            [sorted(e) for e in theirs],
        )
        if "log_history_keys" in self.reference:
            report.same(
                "log records: their timing keys too",
                [list(e) for e in self.state["log_history"]],
                [sorted(keys) for keys in self.reference["log_history_keys"]],
            )
        report.same("log records: their steps", [e["step"] for e in ours], [e["step"] for e in theirs])
        epoch = (lambda value: round(value, 2)) if version4 else (lambda value: value)
        report.close(
            "log records: their epochs",
            [epoch(e["epoch"]) for e in ours],
            [e["epoch"] for e in theirs],
            1e-12,
        )
        pairs = [(a, b) for a, b in zip(ours, theirs) if "loss" in b and "loss" in a]
        # Two values 1e-5 apart may round to neighbouring fourth decimals; the means below are not rounded.
        report.close(
            "logged losses",
            [a["loss"] for a, _ in pairs],
            [b["loss"] for _, b in pairs],
            1.0001e-4 if version4 else LOGGED_LOSS,
        )
        ends = [0] + [b["step"] for _, b in pairs]
        means = lambda losses: [sum(losses[a:b]) / (b - a) for a, b in zip(ends, ends[1:])]
        report.close(
            "mean losses between the logged steps",
            means([s["loss"] for s in self.steps]),
            means(self.reference["per_step_loss"]),
            LOGGED_LOSS,
        )
        report.close(
            "logged gradient norms, relative",
            [a["grad_norm"] / b["grad_norm"] for a, b in pairs],
            [1.0] * len(pairs),
            NORM,
        )
        report.close(
            "logged learning rates",
            [a["learning_rate"] for a, _ in pairs],
            [b["learning_rate"] for _, b in pairs],
            1e-18,
        )
        pairs = [(a, b) for a, b in zip(ours, theirs) if "eval_loss" in b and "eval_loss" in a]
        report.close(
            f"eval losses, {len(pairs)} epochs",
            [a["eval_loss"] for a, _ in pairs],
            [b["eval_loss"] for _, b in pairs],
            LOGGED_LOSS,
        )
        for metric in ("accuracy", "precision", "recall", "f1"):
            key = f"eval_{metric}"
            report.close(
                f"{key} of every epoch",
                [a.get(key, float("nan")) for a, _ in pairs],
                [b[key] for _, b in pairs],
                1e-15,
            )

    def end(self):
        report, reference = self.report, self.reference
        report.same("total_flos", self.state["total_flos"], reference["total_flos"])
        report.same(
            "state: steps and epochs",
            [self.state[k] for k in ("global_step", "max_steps", "epoch")],
            [len(reference["per_step_loss"])] * 2 + [reference["log_history"][-1]["epoch"]],
        )
        known = reference.get("trainer_state")
        if known:
            report.same("state: the same keys, sorted", list(self.state), sorted([*known, "log_history"]))
            # What depends on how often is saved, which the reference run never does, is left out.
            same = [k for k in known if k not in ("log_history", "stateful_callbacks", "epoch")]
            report.same(
                "state: the same values", {k: self.state.get(k) for k in same}, {k: known[k] for k in same}
            )
        report.close(
            "train_loss",
            [e["train_loss"] for e in self.state["log_history"] if "train_loss" in e],
            [reference["train_loss"]],
            LOGGED_LOSS,
        )
        results = read_json(self.out, "predict_results.json")
        expected = reference["predict_metrics"]
        report.same("predict_results.json: the same keys", sorted(results), sorted(expected))
        report.close("test_loss", [results["test_loss"]], [expected["test_loss"]], LOGGED_LOSS)
        names = [f"test_{m}" for m in ("accuracy", "precision", "recall", "f1")]
        report.close("test metrics", [results[n] for n in names], [expected[n] for n in names], 1e-15)

    def predictions(self):
        report, reference = self.report, self.reference
        rows = read_json_lines(self.out, "predictions.jsonl")
        labels = read_json(self.out, "config.json")["label2id"]
        report.same("predictions: the test rows", [row["text"] for row in rows], reference["test_rows"])
        report.same(
            "predictions: their labels", [labels[row["label"]] for row in rows], reference["test_labels"]
        )
        logits = reference["test_logits"]
        report.close("test logits", sum([row["logits"] for row in rows], []), sum(logits, []), LOGITS)
        largest = lambda values: max(range(len(values)), key=values.__getitem__)
        report.same(
            "test logits: the same largest", [largest(row["logits"]) for row in rows], [*map(largest, logits)]
        )
        report.same(
            "predictions: what they say", [labels[row["predicted"]] for row in rows], [*map(largest, logits)]
        )

    def files(self):
        wanted = [
            "README.md",
            "config.json",
            "model.safetensors",
            "special_tokens_map.json",
            "tokenizer.json",
            "tokenizer_config.json",
            "trainer_state.json",
            "vocab.txt",
        ]
        last = f"checkpoint-{self.state['global_step']}"
        wanted += [os.path.join(last, n) for n in ("config.json", "model.safetensors", "trainer_state.json")]
        missing = [name for name in wanted if not os.path.isfile(os.path.join(self.out, name))]
        self.report.check("the folder is complete", not missing, f"missing {missing}" if missing else "")

    def run(self):
        self.split_and_head()
        self.every_step()
        self.logged()
        self.end()
        self.predictions()
        self.files()
        self.report.finish()


if __name__ == "__main__":
    guarded(lambda: Comparison(sys.argv[1], sys.argv[2], read_json(sys.argv[3])).run())
