#!/usr/bin/env python3
"""Writes Fixtures/data/splits.json: what datasets' train_test_split gives, or refuses.

    python3 -m pip install datasets==5.2.0 numpy==2.4.6 scikit-learn==1.9.1 && python3 Tools/oracle/data_splits.py
"""
import json
import pathlib
import random

import datasets
from sklearn.datasets import load_iris

OUT = pathlib.Path(__file__).resolve().parents[2] / "Fixtures" / "data"
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
datasets.disable_progress_bars()


def fnv(values):
    h = 0xCBF29CE484222325
    for v in values:
        h = ((h ^ int(v)) * 0x100000001B3) & (2**64 - 1)
    return str(h)


def dataset(labels):
    names = [f"c{k:02}" for k in range(max(labels, default=0) + 1)]
    d = datasets.Dataset.from_dict({"i": list(range(len(labels))), "label": labels})
    return d.cast_column("label", datasets.ClassLabel(names=names))


def outcome(labels, stratified, seed, shuffle=True, **sizes):
    record = {"labels": "".join(DIGITS[k] for k in labels), "stratified": stratified, "seed": str(seed), "shuffle": shuffle}
    record |= {k: repr(v) for k, v in sizes.items()}  # as text: JSON readers take 1.0 for 1
    try:
        s = dataset(labels).train_test_split(shuffle=shuffle, seed=seed, stratify_by_column="label" if stratified else None, **sizes)
        train, test = s["train"]["i"][:], s["test"]["i"][:]
        return record | {"train_count": len(train), "test_count": len(test), "train": fnv(train), "test": fnv(test)}
    except ValueError as error:
        return record | {"error": str(error)}


def random_cases(count):
    r = random.Random(20240317)
    for _ in range(count):
        classes = r.choice([2, 2, 3, 3, 4, 6, 10, 26])
        n = r.choice([2, 7, 20, 33, 60, 97, 150, 300])
        weights = [r.choice([1, 1, 2, 5]) for _ in range(classes)]
        labels = r.choices(range(classes), weights, k=n)
        sizes = r.choice([
            {}, {"test_size": r.choice([0.1, 0.15, 0.2, 0.25, 0.3, 0.5, 1 / 3, 0.07, 0.999])}, {"train_size": r.choice([0.5, 0.7, 0.8, 0.9, 0.01])},
            {"test_size": r.randint(1, n)}, {"train_size": r.randint(1, n)},
            {"test_size": 0.2, "train_size": 0.5}, {"test_size": r.randint(1, n), "train_size": r.randint(1, n)}, {"test_size": 0.3, "train_size": r.randint(1, n)},
        ])
        seed = r.choice([0, 1, 42, r.randrange(2**32), r.randrange(2**64)])
        yield outcome(labels, r.random() < 0.7, seed, **sizes)


def main():
    v = {"datasets": datasets.__version__, "cases": list(random_cases(320))}
    balanced = [k % 3 for k in range(90)]
    tied = [k % 4 for k in range(30)]  # unequal counts and tied remainders
    # seeds in a row on data whose ties are broken at random
    v["cases"] += [outcome(tied, True, s, test_size=0.3) for s in range(20)]
    v["cases"] += [outcome(balanced, False, 42, shuffle=False, **z) for z in ({}, {"test_size": 0.3}, {"test_size": 7}, {"train_size": 0.5, "test_size": 0.2}, {"train_size": 11})]
    for z in ({"test_size": 0.0}, {"test_size": 1.0}, {"test_size": -0.1}, {"test_size": 0}, {"test_size": 90}, {"test_size": -3},
              {"train_size": 1.5}, {"train_size": 90}, {"train_size": 0}, {"test_size": 0.6, "train_size": 0.6}, {"test_size": 50, "train_size": 50},
              {"test_size": 0.5, "train_size": 46}):
        v["cases"].append(outcome(balanced, False, 1, **z))
    v["cases"] += [outcome([0, 1, 0], False, 1, test_size=0.99), outcome([0, 1, 0], False, 1, train_size=0.1), outcome([0, 0, 0, 1], True, 1), outcome([0, 0, 1, 1, 2, 2], True, 1, test_size=2),
                   outcome([0, 0, 1, 1, 2, 2], True, 1, train_size=2), outcome([0, 2] * 10, True, 5, test_size=0.3), outcome([], False, 1), outcome([], True, 1, test_size=0.5)]
    # a large one: choice among ties and long permutations
    r = random.Random(1)
    v["large"] = {"seed": "7", "count": 20000, "modulus": 5, **{k: x for k, x in outcome([(i * i) % 5 for i in range(20000)], True, 7, test_size=0.1).items() if k in ("train", "test", "train_count", "test_count")}}
    _, y = load_iris(return_X_y=True)
    d = dataset(y.tolist())
    v["iris"] = []
    for seed in (0, 1, 42):
        a = d.train_test_split(test_size=0.3, stratify_by_column="label", seed=seed)
        b = a["test"].train_test_split(test_size=0.5, stratify_by_column="label", seed=seed)
        v["iris"].append({"seed": str(seed), "train": a["train"]["i"][:], "validation": b["train"]["i"][:], "test": b["test"]["i"][:]})
    # class_encode_column: strings by code point; numbers become strings first
    words = ["Z", "a", "\u00e9", "e\u0301", "", "10", "9", "C", "a", "\ufb01", "\U0001f600", "\uffff", "b"]
    mixed = {"strings": words, "integers": [10, 9, 1, 2, 10], "floats": [1.5, 1e20, 1e16, 123456789012345680.0, 1e-5, 0.1, -0.0, 2.0], "booleans": [True, False]}
    raw = ["1", "-0", "0", "-17", "123456789012345678901234567890", "1.0", "2.50", "1E5", "1e16", "1e400", "-1e400", "0.00001", "12345678901234567000.0", "true", "false", '"a b"', '"2.50"']
    v["json_labels"] = [{"raw": x, "text": str(json.loads(x))} for x in raw]
    v["encodings"] = {k: {"values": x, "names": datasets.Dataset.from_dict({"l": x}).class_encode_column("l").features["l"].names} for k, x in mixed.items()}
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "splits.json").write_text(json.dumps(v, separators=(",", ":")) + "\n")
    print(len(v["cases"]), "cases,", sum("error" in c for c in v["cases"]), "refused")


main()
