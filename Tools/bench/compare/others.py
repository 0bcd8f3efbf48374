"""The tokenizer, and products of matrices."""

import os
import statistics

import rows
from contestants import Contestant

AIMS = {"english": 100, "mixed": 20}
TEXTS = {"english": "tokenizer, English lines", "mixed": "tokenizer, mixed Unicode"}
CALLS = ("encode_batch", "encode_batch_fast")
ROWS = [14, 16, 32, 64, 112, 128, 256, 512, 1024, 2048, 4096]
SHORT_ROWS = [14, 112, 256, 1024, 4096]


def tokenizer(setting):
    budget = ["--seconds", 0.5, "--least", 2] if setting.short else ["--seconds", 3, "--least", 3]
    found = []
    for name in AIMS:
        options = ["--model", setting.model, "--lines", setting.lines(name), *budget]
        ids = lambda who: ["--ids", setting.scratch(f"{name}-{who}.ids")]
        for call in CALLS:
            peer = setting.peer("tokenizer.py", *options, "--call", call, *ids(call))
            found.append(Contestant(f"{call}, {name}", peer))
        own = setting.program("tokenizer-bench", *options, *ids("ours"))
        found.append(Contestant(f"ours, {name}", own, ours=True))
    return found


def tokenizer_rows(setting, _, runs):
    found = []
    for name, least in AIMS.items():
        own = f"ours, {name}"
        found += rows.against_fastest(
            TEXTS[name], runs, own, [f"{call}, {name}" for call in CALLS], "lines", least
        )
        result = runs[own][0]["results"]["lines"]
        speed = result["bytes"] / result["median"] / 1e6
        same = all(equal(setting, name, call) for call in CALLS)
        note = f"{speed:.1f} MB/s, {result['tokens']} tokens of {result['bytes'] / 1e6:.1f} MB, " + (
            "ids identical" if same else "ids DIFFER"
        )
        found.append(
            dict(
                work=TEXTS[name],
                against="tokenizers",
                note=note,
                aim="ids identical",
                verdict="reached" if same else "missed",
            )
        )
    return found


def equal(setting, name, call):
    contents = []
    for who in ("ours", call):
        with open(setting.scratch(f"{name}-{who}.ids"), "rb") as file:
            contents.append(file.read())
    return len(contents[0]) > 0 and contents[0] == contents[1]


def products(setting):
    sizes = SHORT_ROWS if setting.short else ROWS
    options = ["--rows", ",".join(map(str, sizes)), "--threads", setting.threads]
    options += ["--seconds", 0.02, "--least", 3] if setting.short else ["--seconds", 0.1, "--least", 5]
    own = [os.path.join(setting.kernels, "kernels-bench"), "--only", "gemm", "--json", "1"]
    found = [
        Contestant("torch.mm", setting.peer("gemm.py", *options)),
        Contestant("ours", [*own, *map(str, options)], ours=True),
    ]
    if unlocked := setting.unlocked({}):
        found.append(Contestant("torch.mm, MKL as on Intel", setting.peer("gemm.py", *options), unlocked))
    return found


def product_rows(setting, _, runs):
    """For every number of rows the product where we do worst, and how we do in the middle."""
    found = []
    for peer in (peer for peer in runs if peer != "ours"):
        for m in sorted({size(shape) for shape in runs["ours"][0]["results"]}):
            # The aim is set against the library as it comes.
            least = (1.1 if m <= 256 else 0.95) if peer == "torch.mm" else None
            compared = [
                product(runs, shape, peer, least) for shape in runs["ours"][0]["results"] if size(shape) == m
            ]
            worst = min(compared, key=lambda row: row["ratio"])
            middle = statistics.median(row["ratio"] for row in compared)
            found.append(
                worst | dict(note=f"the worst of {len(compared)} at M = {m}; the middle is {middle:.2f}×")
            )
    return found


def size(shape):
    """M of `forward MxNxK`."""
    return int(shape.split()[1].split("x")[0])


def product(runs, shape, peer, least):
    own, theirs = rows.medians(runs["ours"], shape), rows.medians(runs[peer], shape)
    kind, sizes = shape.split()
    return rows.faster(f"product {kind} {sizes.replace('x', ' × ')}", own, peer, theirs, least)
