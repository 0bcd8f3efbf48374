#!/usr/bin/env python3
"""Writes Fixtures/metrics/metrics.json: scikit-learn's scores of random predictions.

    python3 -m pip install scikit-learn==1.9.1 numpy==2.4.6 && python3 Tools/oracle/metrics_vectors.py
"""
import json
import pathlib
import random
import warnings

import sklearn
from sklearn.metrics import accuracy_score, classification_report, confusion_matrix, precision_recall_fscore_support

OUT = pathlib.Path(__file__).resolve().parents[2] / "Fixtures" / "metrics"
warnings.simplefilter("ignore")


def case(labels, predictions, classes=None):
    kw = {"labels": classes, "zero_division": 0}
    per = precision_recall_fscore_support(labels, predictions, average=None, **kw)
    average = {a: [float(x) for x in precision_recall_fscore_support(labels, predictions, average=a, **kw)[:3]] for a in ("micro", "macro", "weighted")}
    report = classification_report(labels, predictions, output_dict=True, **kw)
    rows = [k for k in report if k.endswith(" avg")]  # the others are per_class again
    return {
        "labels": labels, "predictions": predictions, "classes": classes,
        "accuracy": float(accuracy_score(labels, predictions)),
        "per_class": [[float(p), float(r), float(f), int(s)] for p, r, f, s in zip(*per)],
        "average": average,
        "confusion": None if max(labels + predictions) > 30 else confusion_matrix(labels, predictions, labels=list(range(max(labels + predictions + (classes or [])) + 1))).tolist(),
        "report_classes": [k for k in report if not k.endswith(" avg") and k != "accuracy"],
        "report": {k: [report[k]["precision"], report[k]["recall"], report[k]["f1-score"], float(report[k]["support"])] for k in rows},
        "report_accuracy": report.get("accuracy"),
    }


def main():
    r = random.Random(7)
    cases = []
    for n, k, skill in [(1, 1, 1), (1, 2, 0), (2, 2, 1), (5, 3, 0.2), (23, 3, 0.9), (50, 2, 0.5), (60, 4, 0.7), (100, 7, 0.5), (40, 8, 0.6), (120, 9, 0.4), (150, 20, 0.3), (80, 40, 0.5), (400, 150, 0.5), (600, 300, 0.6)]:
        labels = [r.randrange(k) for _ in range(n)]
        predictions = [y if r.random() < skill else r.randrange(k) for y in labels]
        cases.append(case(labels, predictions))
    # classes in one of the two only, gaps in the numbers, constant predictions, nothing right
    cases += [case([0, 0, 1, 1], [2, 2, 2, 2]), case([5, 5, 2], [2, 5, 5]), case([0, 1, 2, 2, 1], [1, 1, 1, 1, 1]), case([0, 1], [1, 0]), case([3, 3, 3], [3, 3, 3])]
    # classes asked for: absent ones, a subset, another order
    labels, predictions = [0, 1, 2, 2, 1, 0, 2], [0, 2, 2, 1, 1, 0, 0]
    cases += [case(labels, predictions, c) for c in ([0, 1, 2, 3, 4], [1, 2], [2, 0, 1], [1], [1, 4])]
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "metrics.json").write_text(json.dumps({"sklearn": sklearn.__version__, "cases": cases}, separators=(",", ":")) + "\n")


main()
