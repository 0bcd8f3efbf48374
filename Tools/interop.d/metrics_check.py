#!/usr/bin/env python3
"""`ckpt evaluate` against scikit-learn, on the model's own predictions and labels that are partly wrong.

python3 Tools/interop.d/metrics_check.py EXPORT_FOLDER WORK_FOLDER SEED
"""

import csv
import os
import random
import sys

from common import PROBES, Report, ckpt_json, guarded, quiet, read_json_lines

quiet()

import numpy as np
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, precision_recall_fscore_support

LABELS = ["setosa", "versicolor", "virginica"]


def evaluate(report, name, folder, path, texts, gold):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows(zip(texts, gold))
    answers = ckpt_json("predict", folder, *texts)
    predicted = [a["label"] for a in answers]
    (ours,) = ckpt_json("evaluate", folder, "--data", path, "--text", "text", "--label", "label")
    report.same(f"{name}: examples", ours["examples"], len(texts))
    report.same(f"{name}: labels", ours["labels"], LABELS)
    report.close(f"{name}: accuracy", [ours["accuracy"]], [accuracy_score(gold, predicted)], 1e-15)
    for average in ("micro", "macro", "weighted"):
        expected = precision_recall_fscore_support(
            gold, predicted, labels=LABELS, average=average, zero_division=0
        )[:3]
        report.close(
            f"{name}: {average} precision, recall, F1",
            [ours[average][key] for key in ("precision", "recall", "f1")],
            map(float, expected),
            1e-12,
        )
    expected = precision_recall_fscore_support(gold, predicted, labels=LABELS, average=None, zero_division=0)
    for index, key in enumerate(("precision", "recall", "f1", "support")):
        report.close(
            f"{name}: {key} of each class",
            [row[key] for row in ours["per_class"]],
            map(float, expected[index]),
            1e-12,
        )
    report.same(f"{name}: per class rows are named", [row["label"] for row in ours["per_class"]], LABELS)
    report.same(
        f"{name}: confusion matrix",
        ours["confusion_matrix"],
        confusion_matrix(gold, predicted, labels=LABELS).tolist(),
    )
    logits = np.array([a["logits"] for a in answers], dtype=np.float64)
    chances = np.exp(logits - logits.max(1, keepdims=True))
    chances /= chances.sum(1, keepdims=True)
    report.close(
        f"{name}: loss",
        [ours["loss"]],
        [log_loss([LABELS.index(g) for g in gold], chances, labels=[0, 1, 2])],
        1e-5,
    )


def main():
    folder, work, seed = sys.argv[1:4]
    os.makedirs(work, exist_ok=True)
    report, source = Report("metrics"), random.Random(int(seed))
    rows = read_json_lines(folder, "predictions.jsonl")
    texts = [row["text"] for row in rows] + PROBES
    gold = [row["label"] for row in rows] + [source.choice(LABELS) for _ in PROBES]
    mixed = [source.choice(LABELS) if source.random() < 0.4 else label for label in gold]
    one = [LABELS[0] if label == LABELS[2] else label for label in gold]
    for name, labels in (
        ("labels as they are", gold),
        ("labels partly wrong", mixed),
        ("a class without examples", one),
    ):
        evaluate(report, name, folder, os.path.join(work, "labels.csv"), texts, labels)
    report.finish()


if __name__ == "__main__":
    guarded(main)
