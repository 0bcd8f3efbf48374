"""Training steps, and the whole job."""

import os
import statistics

import rows
from contestants import Contestant

PLAIN, TUNED, COMPILED = "PyTorch as it comes", "PyTorch tuned", "PyTorch tuned and compiled"
UNLOCKED = "PyTorch tuned, MKL as on Intel"
AIMS = {"training-8x14": (3.0, 2.5), "training-8x128": (1.6, 1.4), "training-ragged": (2.5, None)}
SHAPES = {"training-8x14": "8x14", "training-8x128": "8x128", "training-ragged": "32xragged"}
WORK = {
    "training-8x14": "training step, 8 × 14 tokens",
    "training-8x128": "training step, 8 × 128 tokens",
    "training-ragged": "training step, 32 texts of 5 … 60 tokens",
}


def contestants(setting, shapes, budget, compiled=True):
    """Ours and PyTorch's: as it comes, tuned, with MKL's kernels for Intel, compiled."""
    options = ["--model", setting.model, "--shapes", shapes, "--threads", setting.threads, *budget]
    peer = setting.peer("training.py", *options)
    tuned = setting.allocator() | dict(OMP_NUM_THREADS=str(setting.threads), OMP_PROC_BIND="false")
    found = [
        Contestant(PLAIN, peer),
        Contestant("ours", setting.program("training-bench", *options), ours=True),
        Contestant(TUNED, peer, tuned),
    ]
    if unlocked := setting.unlocked(tuned):
        found.append(Contestant(UNLOCKED, peer, unlocked))
    if compiled and setting.compile:
        inductor = dict(TORCHINDUCTOR_CACHE_DIR=os.path.join(setting.cache, "inductor"))
        options = dict(optional=True, timeout=400, rival=TUNED)
        found.append(Contestant(COMPILED, [*peer, "--compile"], tuned | inductor, **options))
    return found


def steps(setting, name):
    """The contestants of a training comparison."""
    long = name != "training-8x14"
    if setting.short:
        budget = ["--seconds", 2, "--least", 1 if long else 3, "--warm-up", 1 if long else 2]
    else:
        budget = ["--seconds", 12 if long else 8, "--least", 4, "--warm-up", 2 if long else 3]
    found = contestants(setting, SHAPES[name], budget)
    return [one for one in found if one.name != UNLOCKED] if setting.short and long else found


def step_rows(setting, name, runs):
    shape, (plain, tuned) = SHAPES[name], AIMS[name]
    own, work = rows.medians(runs["ours"], shape), WORK[name]
    best = [peer for peer in (TUNED, COMPILED) if peer in runs]
    best.sort(key=lambda peer: statistics.median(rows.medians(runs[peer], shape)))
    found = [rows.faster(work, own, PLAIN, rows.medians(runs[PLAIN], shape), plain)]
    for place, peer in enumerate(best):
        least = (tuned or plain) if place == 0 else None
        found.append(rows.faster(work, own, peer, rows.medians(runs[peer], shape), least))
    if UNLOCKED in runs:
        found.append(rows.faster(work, own, UNLOCKED, rows.medians(runs[UNLOCKED], shape)))
    peaks = lambda peer: [run["peak_rss_bytes"] / 1e9 for run in runs[peer]]
    most = 0.6 if name == "training-8x14" else None
    found.append(rows.less(f"peak memory, {work}", "GB", PLAIN, peaks("ours"), peaks(PLAIN), most))
    faults = lambda peer: [run["results"][shape]["minor_faults"] for run in runs[peer]]
    found.append(
        rows.value(
            f"page faults a step, {work}", "", faults("ours"), at_most=0, against=PLAIN, theirs=faults(PLAIN)
        )
    )
    return found


def iris(setting):
    epochs = 3 if setting.short else 15
    ours, theirs = setting.scratch("iris-ours"), setting.scratch("iris-theirs")
    command = [
        setting.ckpt,
        "finetune",
        "--base",
        setting.minilm,
        "--dataset",
        "iris",
        "--epochs",
        str(epochs),
    ]
    command += [
        "--seed",
        "42",
        "--save-strategy",
        "no",
        "--threads",
        str(setting.threads),
        "--out",
        ours,
        "--json",
    ]
    peer = setting.peer("iris.py", setting.minilm, theirs, "--epochs", epochs, "--threads", setting.threads)
    found = [
        Contestant(PLAIN, peer, reports=False, output=theirs),
        Contestant("ours", command, ours=True, reports=False, output=ours),
    ]
    if not setting.short:
        found.append(Contestant(TUNED, peer, setting.allocator(), reports=False, output=theirs))
    return found


def iris_rows(setting, _, runs):
    epochs = 3 if setting.short else 15
    work, own = f"Iris, {epochs} epochs, from a cold process to the exported folder", rows.medians(
        runs["ours"], ""
    )
    aims = {PLAIN: 4.0, TUNED: None}
    return [
        rows.faster(work, own, peer, rows.medians(runs[peer], ""), aims[peer])
        for peer in aims
        if peer in runs
    ]
