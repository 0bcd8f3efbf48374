"""Inference in 32 and 8 bits, and the first prediction of a cold process."""

import statistics

import rows
from contestants import Contestant

SHAPES = ["1x16", "1x128", "8x16", "32x128", "32xragged"]
TORCH = "transformers"
# Ours with weights that are rearranged while loading, as a server has them, and with weights of 16 bits.
PACKED, HALVES = "ours, packed", "ours, float16"


def budget(setting):
    return (
        ["--seconds", 0.4, "--least", 2, "--warm-up", 1] if setting.short else ["--seconds", 2, "--least", 4]
    )


def common(setting, shapes, chosen):
    return ["--model", setting.model, "--shapes", ",".join(shapes), "--threads", setting.threads, *chosen]


def full(setting, shapes=SHAPES, chosen=None):
    """Contestants in 32 bits."""
    options = common(setting, shapes, chosen or budget(setting))
    graph = lambda name: setting.peer("inference_onnxruntime.py", *options, "--graph", setting.graph(name))
    folder = f"{setting.converted}/ctranslate2/float32"
    found = [
        Contestant(TORCH, setting.peer("inference_torch.py", *options)),
        Contestant("ours", setting.program("inference-bench", *options), ours=True),
        Contestant("onnxruntime", graph("exported")),
        Contestant(PACKED, setting.program("inference-bench", *options, "--weights", "packed"), ours=True),
        Contestant("CTranslate2", setting.peer("inference_ctranslate2.py", *options, "--converted", folder)),
        Contestant("onnxruntime, optimised graph", graph("fused")),
    ]
    if not setting.short:
        halves = setting.program("inference-bench", *options, "--weights", "float16")
        found.append(Contestant(HALVES, halves, ours=True))
        found.append(Contestant("onnxruntime, ckpt's graph", graph("plain")))
        if unlocked := setting.unlocked(setting.allocator()):
            found.append(
                Contestant(
                    f"{TORCH}, tuned, MKL as on Intel", setting.peer("inference_torch.py", *options), unlocked
                )
            )
    return found


def full_rows(setting, _, runs):
    peers = [name for name in runs if not name.startswith("ours")]
    found = []
    for shape in SHAPES:
        found += rows.against_fastest(f"inference {shape}", runs, "ours", peers, shape, 1.2)
        for name in (name for name in (PACKED, HALVES) if name in runs):
            # Halves are not the same work, so they have no aim.
            least = 1.2 if name == PACKED else None
            work = f"inference {shape}, {name.removeprefix('ours, ')} weights"
            found += rows.against_fastest(work, runs, name, peers, shape, least)[:1]
    # The same model on the same texts, or the times mean nothing.
    reference = logits(runs[TORCH][0])
    return found + [
        agreement(f"logits, {name}", reference, logits(runs[name][0]), None if name == HALVES else 1e-5)
        for name in runs
        if name != TORCH
    ]


def eight(setting):
    """Contestants in 8 bits, and the logits in 32."""
    options = common(setting, SHAPES, budget(setting))
    graph = lambda name: setting.peer("inference_onnxruntime.py", *options, "--graph", setting.graph(name))
    folder = f"{setting.converted}/ctranslate2/int8"
    quantised = ["--converted", folder, "--compute", "int8"]
    exact = common(setting, SHAPES, ["--seconds", 0, "--least", 1, "--warm-up", 0])
    return [
        Contestant(TORCH, setting.peer("inference_torch.py", *exact), reference=True),
        Contestant("onnxruntime int8, optimised graph", graph("fused-int8")),
        Contestant("ours", setting.program("inference-bench", *options, "--weights", "int8"), ours=True),
        Contestant("CTranslate2 int8", setting.peer("inference_ctranslate2.py", *options, *quantised)),
        Contestant("onnxruntime int8", graph("exported-int8")),
    ]


def eight_rows(setting, _, runs):
    peers = [name for name in runs if name not in ("ours", TORCH)]
    found = []
    for shape in SHAPES:
        found += rows.against_fastest(f"int8 inference {shape}", runs, "ours", peers, shape, 1.1)
    reference = logits(runs[TORCH][0])
    names = [name for name in runs if name != TORCH]
    return found + [agreement(f"logits, {name}", reference, logits(runs[name][0])) for name in names]


def logits(run):
    """Of all texts of all shapes."""
    return [row for shape in SHAPES for row in run["results"][shape]["logits"]]


def agreement(work, exact, found, most=None):
    """How far logits are from transformers' in 32 bits: the largest difference; the root of the mean square,
    as a share of how much the logits of one label differ from text to text; the texts that get another
    label."""
    labels = range(len(exact[0]))
    largest = max(abs(a - b) for rows_ in zip(exact, found) for a, b in zip(*rows_))
    error = sum((a - b) ** 2 for rows_ in zip(exact, found) for a, b in zip(*rows_))
    spread = sum(len(exact) * statistics.pvariance([row[label] for row in exact]) for label in labels)
    best = lambda row: max(labels, key=row.__getitem__)
    others = sum(best(a) != best(b) for a, b in zip(exact, found))
    relative = (error / spread) ** 0.5 if spread else 0.0
    note = f"max |Δ| {largest:.2g}, rms {relative:.2%} of the spread, {others} of {len(exact)} labels differ"
    aim, verdict = rows.aim(at_most=most), rows.verdict(largest, at_most=most)
    return dict(
        work=work,
        against=TORCH,
        note=note,
        aim=aim,
        verdict=verdict,
        max_difference=largest,
        relative=relative,
    )


def cold(setting):
    text, processes = "a film that nobody has to see twice", 3 if setting.short else 5
    peer = setting.peer("cold.py", setting.model, text)
    ours = [setting.ckpt, "predict", setting.model, text]
    return [
        Contestant(TORCH, peer, reports=False, warmed=True, processes=1 if setting.short else 2),
        Contestant("ours", ours, ours=True, reports=False, warmed=True, processes=processes),
    ]


def cold_rows(setting, _, runs):
    own, theirs = rows.medians(runs["ours"], ""), rows.medians(runs[TORCH], "")
    return [
        rows.value("cold process to first prediction", "s", own, at_most=0.1),
        rows.faster("cold process to first prediction", own, TORCH, theirs, 60),
    ]
