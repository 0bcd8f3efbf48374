#!/usr/bin/env python3
"""Writes Fixtures/reports/statistics.json: intervals, calibration, log loss, tests and averages of other libraries.

    python3 -m pip install scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1 statsmodels==0.15.0 pandas==3.1.1
    python3 Tools/oracle/report_statistics.py
"""
import json
import pathlib
import random

import numpy
import pandas
import scipy
import sklearn
import statsmodels
from sklearn.calibration import calibration_curve
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score, log_loss, precision_recall_fscore_support
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

OUT = pathlib.Path(__file__).resolve().parents[2] / "Fixtures" / "reports"


def intervals():
    pairs = [(0, 1), (1, 1), (0, 23), (21, 23), (22, 23), (23, 23), (1, 2), (50, 100), (7, 1000), (999, 1000), (123456, 1000000)]
    return [[part, whole, *map(float, proportion_confint(part, whole, 0.05, "wilson"))] for part, whole in pairs]


def tests():
    pairs = [(0, 0), (1, 0), (0, 5), (3, 3), (2, 9), (9, 2), (10, 25), (100, 140), (500, 501), (2000, 2300)]
    return [[b, c, float(mcnemar([[0, b], [c, 0]], exact=True).pvalue)] for b, c in pairs]


def averages():
    r = random.Random(3)
    values = [r.gauss(1, 0.3) for _ in range(40)]
    gaps = [value if i % 7 != 3 else float("nan") for i, value in enumerate(values)]
    cases = []
    for weight in (0.0, 0.6, 0.9):
        for series in (values, gaps):
            mean = pandas.Series(series).ewm(alpha=1 - weight).mean()
            cases.append({"weight": weight, "values": [None if v != v else v for v in series], "means": mean.tolist()})
    return cases


def scores():
    cases = []
    for seed, (rows, classes, skill) in enumerate([(23, 3, 4.0), (200, 2, 1.0), (300, 7, 3.0), (5, 4, 9.0)]):
        r = numpy.random.default_rng(seed)
        labels = r.integers(classes, size=rows)
        logits = r.normal(size=(rows, classes))
        logits[numpy.arange(rows), labels] += skill * r.random(rows)
        logits = numpy.round(logits, 4)
        p = numpy.exp(logits - logits.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        predicted = logits.argmax(1)
        confidence, right = p.max(1), predicted == labels
        # calibration_curve leaves empty bins out; which bins those are is told from the confidences.
        bins = numpy.minimum(numpy.searchsorted(numpy.linspace(0, 1, 11)[1:-1], confidence), 9)
        accuracy, mean = calibration_curve(right, confidence, n_bins=10)
        counts = numpy.bincount(bins, minlength=10)
        assert len(accuracy) == (counts > 0).sum()
        per_class = precision_recall_fscore_support(labels, predicted, labels=range(classes), zero_division=0)
        cases.append(
            {
                "labels": labels.tolist(), "logits": logits.tolist(), "classes": classes,
                "accuracy": float(accuracy_score(labels, predicted)),
                "log_loss": float(log_loss(labels, p, labels=range(classes))),
                "baseline": float(DummyClassifier().fit(logits, labels).score(logits, labels)),
                "per_class": [[float(a), float(b), float(c), int(d)] for a, b, c, d in zip(*per_class)],
                "bins": counts.tolist(), "bin_accuracy": accuracy.tolist(), "bin_confidence": mean.tolist(),
                "ece": float((counts[counts > 0] * abs(accuracy - mean)).sum() / rows),
            }
        )
    return cases


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    versions = {m.__name__: m.__version__ for m in (sklearn, numpy, scipy, statsmodels, pandas)}
    document = {"versions": versions, "wilson": intervals(), "mcnemar": tests(), "ewm": averages(), "scores": scores()}
    (OUT / "statistics.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")


main()
